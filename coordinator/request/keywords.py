"""Flags as keyword arguments of Python: by which names, and the command line that they stand for.

A flag has the name of its key in `requested` of report.json, with the unit in it. Any spelling of the command line is
taken, too, without its dashes.
"""

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from operator import index
from typing import Any, Final

from ovbench.common.errors import UsageError
from ovbench.common.spelling import did_you_mean

from .flag import Flag

_NAMES: Final = {
    "iterations": "niter",
    "time": "duration_s",
    "drain": "drain_s",
    "warmup": "warmup_s",
    "join_timeout": "join_timeout_s",
    "prepare_timeout": "prepare_timeout_s",
    "requests": "nireq",
    "streams": "nstreams",
    "threads": "nthreads",
    "precision": "infer_precision",
    "pinning": "pin",
    "whole_file": "load_from_file",
    "input_type": "input_precision",
    "output_type": "output_precision",
    "types": "input_output_precision",
    "mean": "mean_values",
    "scale": "scale_values",
    "perf_counts": "pc",
    "sample_memory": "sample_memory_mb",
    "kernels": "path_to_cldnn_config",
}
"""Where they are not what the value is called once it is parsed."""

_FOR_PEOPLE: Final = frozenset({"help", "version", "json", "dry_run", "sysfs", "quiet"})
"""By `Flag.dest`: what is printed, and a plan, are for the command line."""


def keyword_of(flag: Flag) -> str:
    return _NAMES.get(flag.dest, flag.dest)


def keywords(flags: Iterable[Flag]) -> dict[str, Flag]:
    """By the name that each is documented by."""
    return {keyword_of(flag): flag for flag in flags if flag.dest not in _FOR_PEOPLE}


@cache
def _taken(flags: tuple[Flag, ...]) -> dict[str, Flag]:
    """By every name; the first flag has one that several could have."""
    found: dict[str, Flag] = {}
    for flag in flags:
        if flag.dest not in _FOR_PEOPLE:
            words = (keyword_of(flag), flag.dest, *(word.lstrip("-").replace("-", "_") for word in flag.spellings))
            for word in words:
                found.setdefault(word, flag)
    return found


def argv_of(options: Mapping[str, object], flags: tuple[Flag, ...], several: bool = False) -> tuple[str, ...]:
    """The command line. `several`: of a study, so that a sequence has alternatives. Raises UsageError, one sentence."""
    known = _taken(flags)
    words: list[str] = []
    for name, value in options.items():
        flag = known.get(name)
        if flag is None:
            names = keywords(flags)
            raise UsageError(f"{name}: there is no such option{did_you_mean(name, names)}")
        if value is not None:
            words += _words(name, flag, value, several)
    return tuple(words)


def _words(name: str, flag: Flag, value: object, several: bool) -> list[str]:
    spelled = flag.name
    if isinstance(value, bool):
        if flag.takes == "nothing":
            return [spelled] if value else []
        word = "yes" if value else "no"
        return [spelled, word.upper() if word.upper() in flag.choices else word]
    if flag.takes == "nothing":
        raise UsageError(f"{name}={value!r}: this is a switch; give True or False")
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        return _one(spelled, _text(name, value))
    texts = [_text(name, one) for one in value]
    if flag.takes == "one or more" and texts:
        return [spelled, *texts]
    if several or flag.repeatable:
        return [word for text in texts for word in _one(spelled, text)]
    return _one(spelled, ",".join(texts))


def _one(spelled: str, text: str) -> list[str]:
    """In one word where the value could be taken for a flag."""
    return [f"{spelled}={text}"] if text.startswith("-") else [spelled, text]


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, os.PathLike):
        return os.fspath(value) if isinstance(os.fspath(value), str) else os.fsdecode(value)
    try:
        return str(index(value))
    except TypeError:
        pass
    try:
        return f"{float(value):.15g}"
    except (TypeError, ValueError):
        kind = type(value).__name__
        raise UsageError(f"{name}={value!r}: a {kind} is no value for it; give a number, a text or a path") from None
