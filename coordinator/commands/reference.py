"""All flags of all verbs: what docs/flags.md is written from, and all that completion needs to know."""

from collections.abc import Iterator, Mapping
from typing import Final

from ..request.flag import Flag, Group
from ..request.flags import GROUPS
from ..request.helptext import FLAGS_OF_HELP
from ..request.verbs import VERBS
from ..study import planflags
from . import calibrate, compare, export, manifest, show, topology

FLAGS_OF: Final[Mapping[str, tuple[Group, ...]]] = {
    "run": GROUPS,
    "study": (Group("", planflags.FLAGS),),
    "show": (Group("", show.FLAGS),),
    "compare": (Group("", compare.FLAGS),),
    "export": (Group("", export.FLAGS),),
    "topology": (Group("", topology.FLAGS),),
    "calibrate": (Group("", calibrate.FLAGS),),
    "export-model": (),
    "manifest": (Group("", manifest.FLAGS),),
    "help": (Group("", FLAGS_OF_HELP),),
    "completion": (),
}
"""By verb, the run's first."""

_HEAD: Final = """\
# Flags

Every flag of every command, written by `scripts/flags` from the tables that the parsers are made from.

A flag that OpenVINO's benchmark_app has keeps its spelling and meaning; what it means with several agents is in
[benchmark_app.md](benchmark_app.md). Long names may have underscores, too, and where benchmark_app takes the beginning
of one, so does ovbench.

The last column says how [a study](studies.md) is given several values: `1,2` with commas, `1..8` also as a range,
*again* by giving the flag more than once. Where it is empty, the flag is the same in every trial.
"""


def page() -> str:
    """docs/flags.md."""
    return "\n".join([_HEAD, *(line for verb, groups in FLAGS_OF.items() for line in _verb(verb, groups))])


def _verb(verb: str, groups: tuple[Group, ...]) -> Iterator[str]:
    usage = next((row.usage for row in VERBS if row.word == verb), "")
    yield f"## `{f'ovbench-coord {usage}'.strip()}`\n"
    for group in groups:
        if group.title:
            yield f"### {group.title}\n"
        run = verb == "run"
        yield "| flag | value | what it does |" + " in a study |" * run
        yield "|---|---|---|" + "---|" * run
        for flag in group.flags:
            yield _row(flag) + f" {_in_a_study(flag)} |" * run
        yield ""


def _row(flag: Flag) -> str:
    spellings = ", ".join(f"`{spelling}`" for spelling in flag.spellings)
    value = f"`{_cell(flag.value)}`" if flag.value else ""
    if flag.choices and not flag.metavar:
        value = ", ".join(f"`{choice}`" for choice in flag.choices)
    return f"| {spellings} | {value} | {_cell(flag.help).replace('<', '&lt;')} |"


def _in_a_study(flag: Flag) -> str:
    if flag.refused:
        return f"no: {_cell(flag.refused)}"
    if flag.repeatable or flag.takes == "nothing":
        return ""
    return {"again": "*again*", "commas": "`a,b`", "ranges": "`1,2`, `1..8`"}[flag.several]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
