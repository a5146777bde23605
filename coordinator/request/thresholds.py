"""The limits by which a run is judged: their defaults, and the flags that change them. Pure."""

import argparse
from collections.abc import Callable
from dataclasses import Field, dataclass, field, fields
from typing import Any, Final

from .durations import in_unit
from .flag import Flag
from .values import TIMES, number

_FLAG: Final = "flag"
_UNITS: Final = {"SECONDS": "s", "MS": "ms"}


def _limit(default: float, flag: str, unit: str, text: str) -> Any:
    return field(default=default, metadata={_FLAG: flag, "unit": unit, "text": text})


@dataclass(frozen=True)
class Thresholds:
    """What exceeds one of them is a finding. In percent, seconds or milliseconds, as the names say."""

    min_window_s: float = _limit(2.0, "--min-window", "SECONDS", "a window that is shorter")
    max_start_skew_ms: float = _limit(10.0, "--max-start-skew", "MS", "agents that start further apart")
    max_clock_error_ms: float = _limit(
        1.0, "--max-clock-error", "MS", "a host whose clock is known less exactly than that"
    )
    max_stop_skew_percent: float = _limit(
        10.0, "--max-stop-skew", "PERCENT", "agents that stop further apart, in percent of the window"
    )
    max_change_percent: float = _limit(
        10.0, "--max-change", "PERCENT", "the last three windows that differ by more, in throughput"
    )
    max_trend_percent: float = _limit(
        5.0, "--max-trend", "PERCENT", "a trend of the throughput that adds up to more over the window"
    )
    max_slower_percent: float = _limit(
        10.0, "--max-slower", "PERCENT", "an agent that is slower than the median of all by more"
    )
    max_contention_percent: float = _limit(
        20.0, "--max-contention", "PERCENT", "inferences that others under way make longer by more, at a rate"
    )
    max_others_percent: float = _limit(
        5.0, "--max-others", "PERCENT", "a measured CPU that other processes used for more of its time"
    )
    max_harness_percent: float = _limit(
        1.0, "--max-harness", "PERCENT", "a measured CPU that ovbench itself used for more, beside the load"
    )
    max_steal_percent: float = _limit(1.0, "--max-steal", "PERCENT", "a measured CPU that the hypervisor took for more")
    max_frequency_drop_percent: float = _limit(
        5.0, "--max-frequency-drop", "PERCENT", "a measured CPU that became slower by more"
    )
    max_remote_memory_percent: float = _limit(
        5.0, "--max-remote-memory", "PERCENT", "an agent that has more of its memory on other NUMA nodes"
    )
    percentile_confidence_percent: float = _limit(
        99.0, "--percentile-confidence", "PERCENT", "percentiles from fewer samples than this confidence needs"
    )

    def report(self) -> dict[str, float]:
        return {limit.name: getattr(self, limit.name) for limit in fields(self)}


def limit_flags() -> tuple[Flag, ...]:
    """One for each; without it None."""
    return tuple(
        Flag(
            limit.name,
            (limit.metadata[_FLAG],),
            f"report {limit.metadata['text']}; default {limit.default:g}",
            metavar=limit.metadata["unit"],
            parse=_parser(limit),
        )
        for limit in fields(Thresholds)
    )


def thresholds_of(raw: argparse.Namespace) -> Thresholds:
    given = {limit.name: getattr(raw, limit.name) for limit in fields(Thresholds)}
    return Thresholds(**{name: value for name, value in given.items() if value is not None})


def _parser(limit: Field[float]) -> Callable[[str], float]:
    most = 99.9999 if "confidence" in limit.name else 1e6
    unit = _UNITS.get(limit.metadata["unit"])
    if unit is None:
        return number(float, f"a number from 0 to {most:g}", lambda value: 0 <= value <= most)
    return number(in_unit(unit), f"a number from 0 to {most:g}, or {TIMES}", lambda value: 0 <= value <= most)
