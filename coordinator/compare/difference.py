"""What is not the same in two results: settings, facts of the environment, contents of files and outputs. Pure."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Final

from msgspec import Struct

from ..result.report import FilePart, Report

_DIGITS: Final = 12
"""Of a digest, as people compare them."""


class Difference(Struct, frozen=True):
    """A setting, a fact or a content that is not the same in both; empty text where one lacks it."""

    what: str
    first: str
    other: str


def different(first: Mapping[str, object], other: Mapping[str, object]) -> Iterator[Difference]:
    for what in dict.fromkeys((*first, *other)):
        one, two = _word(first.get(what)), _word(other.get(what))
        if one != two:
            yield Difference(what, one, two)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def different_contents(first: Report, other: Report) -> tuple[Difference, ...] | None:
    """Of the files that were run, whatever they are called, and of the outputs where both were looked at.

    None where it is not known what one of them ran, as in a report from before files had digests.
    """
    if not (_is_known(first) and _is_known(other)):
        return None
    return (*_files(first, other), *_outputs(first, other))


def _is_known(report: Report) -> bool:
    return report.effective is not None and (bool(report.effective.files) or report.effective.backend != "openvino")


def _files(first: Report, other: Report) -> Iterator[Difference]:
    for kind in ("model", "extension", "input"):
        pairs = zip_longest(_of_kind(first, kind), _of_kind(other, kind))
        for one, two in pairs:
            if one is None or two is None or one.sha256 != two.sha256:
                yield Difference(f"{kind} file", _file(one), _file(two))


def _of_kind(report: Report, kind: str) -> tuple[FilePart, ...]:
    return () if report.effective is None else tuple(one for one in report.effective.files if one.kind == kind)


def _file(one: FilePart | None) -> str:
    return "" if one is None else f"{one.name.rpartition('/')[2]} {one.sha256[:_DIGITS]}"


def _outputs(first: Report, other: Report) -> Iterator[Difference]:
    one, two = (report.outputs.digests if report.outputs is not None else {} for report in (first, other))
    if one and two:
        for found in different(one, two):
            yield Difference(f"output '{found.what}'", found.first[:_DIGITS], found.other[:_DIGITS])


def different_digests(first: Mapping[str, str], other: Mapping[str, str]) -> tuple[Difference, ...]:
    """Of files by name, as studies have them."""
    found = different({f"file {name}": one for name, one in first.items()}, {f"file {n}": o for n, o in other.items()})
    return tuple(Difference(one.what, _short(one.first), _short(one.other)) for one in found)


def _short(digest: str) -> str:
    """A built-in model's is a sentence."""
    return digest if " " in digest else digest[:_DIGITS]
