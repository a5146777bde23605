"""`completion`: what bash or zsh read to complete the words of a command line with Tab. Nothing is measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from ovbench.common.errors import ExitCode

from ..request.parser import Parser
from .verb import Call

Shell = Literal["bash", "zsh"]
SHELLS: Final[tuple[Shell, ...]] = get_args(Shell)

_EPILOG: Final = """\
bash: ovbench-coord completion bash > ~/.local/share/bash-completion/completions/ovbench-coord
zsh: ovbench-coord completion zsh > a folder of $fpath, as _ovbench-coord"""


@dataclass(frozen=True)
class WriteCompletion:
    shell: Shell


def parse_completion(argv: Sequence[str]) -> WriteCompletion:
    parser = Parser(
        "completion",
        description="Prints the completion of commands, flags, values, files and saved results, for the shell to read.",
        epilog=_EPILOG,
    )
    parser.add_argument("shell", choices=SHELLS, help="which")
    return WriteCompletion(parser.parse_args(list(argv)).shell)


def completion(request: WriteCompletion, _: Call) -> ExitCode:
    return ExitCode.VALID
