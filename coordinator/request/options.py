"""argv to a request of whichever verb it begins with: the table of verbs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ovbench.common import builtin
from ovbench.common.errors import UsageError

from ..commands.saved import SavedRequest, parse_compare, parse_export, parse_show
from ..machine.machinetree import check_tree
from ..study.request import StudyRequest, parse_study
from .commandline import parse_run, refuse_undecodable
from .flags import export_parser, topology_parser
from .paths import absolute, known_builtin
from .request import Request
from .spelling import did_you_mean


@dataclass(frozen=True)
class ExportModel:
    """The request `export-model builtin:NAME FILE.xml`."""

    name: str
    file: Path


@dataclass(frozen=True)
class ShowTopology:
    """The request `topology`: of this machine, or of the tree in `sysfs`; `record`: a folder to write to instead."""

    sysfs: Path | None
    record: Path | None
    json: bool


AnyRequest = Request | ExportModel | ShowTopology | SavedRequest | StudyRequest


def parse(argv: Sequence[str]) -> AnyRequest:
    """Raises UsageError, one sentence, for whatever is wrong with `argv`. `--help` and `--version` end the process."""
    if argv and not argv[0].startswith("-"):
        command = _commands().get(argv[0])
        if command is None:
            raise UsageError(f"unknown command '{argv[0]}'{_known_commands(argv[0])}")
        refuse_undecodable(argv)
        return command(argv[1:])
    return parse_run(argv)


def _commands() -> dict[str, Callable[[Sequence[str]], AnyRequest]]:
    return {
        "compare": parse_compare,
        "export": parse_export,
        "export-model": _parse_export,
        "show": parse_show,
        "study": parse_study,
        "topology": _parse_topology,
    }


def _known_commands(word: str) -> str:
    commands = _commands()
    return did_you_mean(word, commands) or f"; the commands are {', '.join(commands)}, or none to run a benchmark"


def _parse_export(argv: Sequence[str]) -> ExportModel:
    raw = export_parser().parse_args(list(argv))
    known_builtin(raw.model if raw.model.startswith(builtin.PREFIX) else builtin.PREFIX + raw.model)
    file: Path = raw.file.absolute()
    if file.suffix != ".xml":
        raise UsageError(f"{raw.file}: the file must end in .xml (its weights go beside it in .bin)")
    if not file.parent.is_dir():
        raise UsageError(f"{raw.file}: the folder {file.parent} does not exist")
    return ExportModel(raw.model.removeprefix(builtin.PREFIX), file)


def _parse_topology(argv: Sequence[str]) -> ShowTopology:
    raw = topology_parser().parse_args(list(argv))
    if raw.record is not None and (raw.sysfs is not None or raw.json):
        other = "--json" if raw.sysfs is None else f"--sysfs {raw.sysfs}"
        raise UsageError(f"--record {raw.record} and {other} contradict each other; record this machine, then read it")
    sysfs = None if raw.sysfs is None else check_tree("--sysfs", absolute("--sysfs", raw.sysfs))
    record = None if raw.record is None else absolute("--record", raw.record)
    return ShowTopology(sysfs, record, raw.json)
