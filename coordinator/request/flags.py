"""The flags of a run, all of them, in the order of the help."""

import argparse
from collections.abc import Mapping
from typing import Final

from .agentflags import AGENTS
from .flag import Flag, Group
from .hostflags import HOSTS
from .inputflags import PREPROCESSING, SHAPES
from .loadflags import ADVANCED, DEVICE, OPTIONS
from .resultflags import RESULTS, STATISTICS, THRESHOLDS, VALIDITY
from .watchers import WATCHING

GROUPS: Final = (
    Group("Options", OPTIONS, "load"),
    Group("Agents", AGENTS, "agents"),
    Group("Other hosts", HOSTS, "hosts"),
    Group("Input shapes", SHAPES, "shapes"),
    Group("Advanced options, applied per agent", ADVANCED, "advanced"),
    Group("Preprocessing options", PREPROCESSING, "preprocessing"),
    Group("Device-specific performance options, applied per agent", DEVICE, "device"),
    Group("Statistics dumping options", STATISTICS, "statistics"),
    Group("Further results", RESULTS, "results"),
    Group("Watching", WATCHING, "watching"),
    Group("Validity", VALIDITY, "validity"),
    Group("Thresholds of findings", THRESHOLDS, "thresholds"),
)
FLAGS: Final = tuple(flag for group in GROUPS for flag in group.flags)
BY_SPELLING: Final[Mapping[str, Flag]] = {spelling: flag for flag in FLAGS for spelling in flag.spellings}
LONG_NAMES: Final = tuple(sorted(flag.long.removeprefix("--") for flag in FLAGS if flag.begun))
"""benchmark_app's. Its parser takes as much of one as no other begins with, so that much is taken here, too."""

_OURS: Final = frozenset({"a", "b", "json"})
"""Flags of ovbench's own that one of these begins with."""


def gnu(word: str) -> str:
    """As `--long-name`: benchmark_app spells it with underscores, and takes the beginning of it."""
    if not word.startswith("--"):
        return word
    name, equals, value = word[2:].partition("=")
    name = name.replace("_", "-")
    begun = [known for known in LONG_NAMES if name and name not in _OURS and known.startswith(name)]
    return "--" + (begun[0] if len(begun) == 1 else name) + equals + value


def given(raw: argparse.Namespace) -> dict[str, str | int | float]:
    """By the names of their flags, the values that are not what a flag has where it is left out."""
    values = {flag.name: getattr(raw, flag.dest) for flag in FLAGS if getattr(raw, flag.dest, None) != flag.default}
    return {name: _plain(value) for name, value in values.items() if value not in (None, [])}


def _plain(value: object) -> str | int | float:
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return value if isinstance(value, int | float) else str(value)


def flag_of(word: str) -> Flag | None:
    """The flag that is spelled so, in any way that is taken."""
    return BY_SPELLING.get(gnu(word))
