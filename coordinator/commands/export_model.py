"""`export-model`: a built-in model as a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ovbench.common import builtin
from ovbench.common.errors import ExitCode, UsageError
from ovbench.common.printable import one_line

from ..launch.builtin import write_builtin
from ..request.parser import Parser, typed
from ..request.paths import known_builtin
from ..request.values import path
from .verb import Call


@dataclass(frozen=True)
class ExportModel:
    """`name`: of the model, without `builtin:`; `file`: absolute, of its IR."""

    name: str
    file: Path


def parse_export_model(argv: Sequence[str]) -> ExportModel:
    parser = Parser(
        "export-model",
        description="Writes the IR of a built-in model, so that any other tool can run the same model.",
        epilog=f"Models: {', '.join(builtin.PREFIX + name for name in builtin.NAMES)}.",
    )
    parser.add_argument("model", metavar="builtin:NAME")
    parser.add_argument("file", metavar="FILE.xml", type=typed(path))
    raw = parser.parse_args(list(argv))
    name = known_builtin(builtin.PREFIX + raw.model.removeprefix(builtin.PREFIX)).removeprefix(builtin.PREFIX)
    file: Path = raw.file.absolute()
    if file.suffix != ".xml":
        raise UsageError(f"{raw.file}: the file must end in .xml (its weights go beside it in .bin)")
    if not file.parent.is_dir():
        raise UsageError(f"{raw.file}: the folder {file.parent} does not exist")
    return ExportModel(name, file)


def export_model(request: ExportModel, _: Call) -> ExitCode:
    write_builtin(request.name, request.file)
    print(one_line(f"{request.file} and {request.file.with_suffix('.bin').name} written"))
    return ExitCode.VALID
