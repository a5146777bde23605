"""Who watches a run while it goes on, beside the terminal: a file of events, and whoever scrapes metrics."""

import argparse
import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import paths, values
from .flag import Flag

_STDOUT: Final = "-"
_FORMAT: Final = "jsonl:"
_LOOPBACK: Final = "127.0.0.1"
_ADDRESS: Final = re.compile(r"(?:(?P<host>[\w.-]*|\[[0-9A-Fa-f:.]+\]):)?(?P<port>[0-9]{1,5})")


@dataclass(frozen=True)
class Address:
    """Of a TCP port; 0 is any that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


@dataclass(frozen=True)
class Watchers:
    """`live`: a file that a line of JSON is added to for each event, `-` for stdout. `metrics`: where they are
    served."""

    live: Path | None = None
    metrics: Address | None = None

    @property
    def any(self) -> bool:
        return self.live is not None or self.metrics is not None

    @property
    def takes_stdout(self) -> bool:
        return str(self.live) == _STDOUT


NOBODY: Final = Watchers()


def parse_live(text: str) -> Path:
    """Raises ValueError, as every parser of a flag does."""
    if not text.startswith(_FORMAT) or not (name := text.removeprefix(_FORMAT)):
        raise ValueError(f"'{text}' is neither jsonl:FILE nor jsonl:- for stdout")
    return values.path(name)


def parse_metrics(text: str) -> Address:
    found = _ADDRESS.fullmatch(text)
    if found is None or int(found["port"]) > 65_535:
        raise ValueError(f"'{text}' is neither a port nor HOST:PORT, as in 9464, 0.0.0.0:9464 or [::1]:9464")
    return Address((found["host"] or _LOOPBACK).strip("[]"), int(found["port"]))


_OF_THE_STUDY: Final = "set it on the study itself, which is watched as a whole"

WATCHING: Final = (
    Flag(
        "live",
        ("--live",),
        "add each event of the run to a file as a line of JSON, with complete counts every second; jsonl:- for stdout",
        metavar="jsonl:FILE",
        parse=parse_live,
        refused=_OF_THE_STUDY,
    ),
    Flag(
        "metrics",
        ("--metrics",),
        "serve metrics for Prometheus at http://ADDRESS/metrics while it goes on, as in 9464 (of this host alone) or "
        "0.0.0.0:9464; 0 for any free port; needs ovbench[metrics]",
        metavar="ADDRESS",
        parse=parse_metrics,
        refused=_OF_THE_STUDY,
    ),
)


def watchers_of(raw: argparse.Namespace) -> Watchers:
    """Raises UsageError for a file that cannot be written."""
    live = raw.live if str(raw.live) == _STDOUT else paths.writable("--live", raw.live)
    return Watchers(live, raw.metrics)
