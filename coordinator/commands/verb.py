"""What a verb of ovbench-coord is: how the words after it are understood, and what carries out what they ask for."""

from collections.abc import Callable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from ovbench.common.errors import ExitCode

from ..session.interrupts import Interrupts

Asked = TypeVar("Asked")


RESULT: Final = (
    "the folder of a run or of a study, or a report.json; last is the newest in ovbench-results, last~1 the one before"
)
"""What RESULT is in the help."""


class Call(NamedTuple):
    """`command`: the whole command line, for reports. `quiet`: nothing is shown of what is done for it."""

    command: tuple[str, ...]
    interrupts: Interrupts
    quiet: bool = False


class Verb(NamedTuple, Generic[Asked]):
    """Both raise UsageError, one sentence, for what is wrong. `parse` ends the process for `--help`."""

    parse: Callable[[Sequence[str]], Asked]
    carry_out: Callable[[Asked, Call], ExitCode]

    def __call__(self, argv: Sequence[str], call: Call) -> ExitCode:
        return self.carry_out(self.parse(argv), call)
