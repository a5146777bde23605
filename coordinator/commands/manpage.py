"""The man page of ovbench-coord, in roff, made from the tables that the parsers are made from."""

from collections.abc import Iterable, Iterator
from typing import Final

from ..request.flag import Flag, Group
from ..request.helptext import NOTES
from ..request.verbs import VERBS, VerbRow
from .reference import FLAGS_OF

_TITLE: Final = '.TH OVBENCH\\-COORD 1 "" "ovbench {version}" "User Commands"'
_NAME: Final = "ovbench\\-coord \\- load generator for OpenVINO on CPUs"
_ABOUT: Final = (
    "Runs one load on many agents, each pinned to its CPUs, starts them at the same instant, and merges what they "
    "measured into one report: throughput, latency percentiles and CPU utilization, with a verdict on whether the "
    "figures can be trusted. The flags of OpenVINO's benchmark_app keep their spelling and meaning."
)
_FILES: Final = (
    ("ovbench-results/<UTC time>-<model>/report.json", "the report of a run"),
    ("ovbench-results/<UTC time>-study-<kind>/", "a study: study.json, trials.jsonl, answer.json, trials/"),
)
_SEE_ALSO: Final = "ovbench\\-agent(1), numactl(8), taskset(1)"


def man_page() -> str:
    from importlib.metadata import version

    return "\n".join(_lines(version("ovbench"))) + "\n"


def _lines(version: str) -> Iterator[str]:
    yield _TITLE.format(version=version)
    yield from (".SH NAME", _NAME, ".SH SYNOPSIS")
    yield from (".B ovbench\\-coord", "[\\fIMODEL\\fR] [\\fIoptions\\fR]", ".br")
    yield from (".B ovbench\\-coord", "\\fICOMMAND\\fR ...", ".SH DESCRIPTION", roff(_ABOUT))
    yield ".SH COMMANDS"
    for row in VERBS:
        yield from (".TP", f"\\fB{roff(row.word)}\\fR {roff(row.arguments)}".rstrip(), roff(row.about))
    yield ".SH OPTIONS"
    for group in FLAGS_OF["run"]:
        yield from _group(group, ".SS")
    for row in VERBS:
        if row.word != "run" and FLAGS_OF[row.word]:
            yield from _command(row)
    yield from _notes()
    yield ".SH FILES"
    for path, what in _FILES:
        yield from (".TP", f".I {roff(path)}", roff(what))
    yield from (".SH SEE ALSO", _SEE_ALSO)


def _command(row: VerbRow) -> Iterator[str]:
    yield f".SH OPTIONS OF {roff(row.word.upper())}"
    for group in FLAGS_OF[row.word]:
        yield from _flags(group.flags)


def _group(group: Group, heading: str) -> Iterator[str]:
    yield f'{heading} "{roff(group.title)}"'
    yield from _flags(group.flags)


def _flags(flags: Iterable[Flag]) -> Iterator[str]:
    for flag in flags:
        names = ", ".join(f"\\fB{roff(spelling)}\\fR" for spelling in flag.spellings)
        value = f" \\fI{roff(flag.value)}\\fR" if flag.value else ""
        yield from (".TP", names + value, roff(flag.help))


def _notes() -> Iterator[str]:
    for topic, text in NOTES.items():
        yield f".SH {roff(topic.replace('-', ' ').upper())}"
        body = text.split("\n", 1)[1] if topic == "examples" else text
        yield from (".nf", *(roff(line) for line in body.rstrip().splitlines()), ".fi")


def roff(text: str) -> str:
    """Plain text as roff reads it: a hyphen is one that can be copied, and no line begins with an order."""
    escaped = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq").replace("^", "\\(ha")
    escaped = escaped.replace("~", "\\(ti").replace('"', "\\(dq").replace("`", "\\(ga")
    return "\\&" + escaped if escaped.startswith((".", "\\(aq")) else escaped
