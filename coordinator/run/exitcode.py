"""The exit code of a run, by its report and by what became of its files. Pure."""

from collections.abc import Mapping
from typing import Final

from ovbench.common.errors import ExitCode

from ..result.report import Report, Status

_CODES: Final[Mapping[Status, ExitCode]] = {
    "VALID": ExitCode.VALID,
    "SUSPECT": ExitCode.VALID,  # with --strict its warnings have made it INVALID
    "INVALID": ExitCode.INVALID,
    "PARTIAL": ExitCode.PARTIAL,
}


def exit_code(report: Report, interrupted: bool, kept: bool = True, whole: bool = True) -> ExitCode:
    """The most urgent first: a report that was not `kept` is on stdout now or never. `whole`: with all files beside it
    that were asked for."""
    if not kept:
        return ExitCode.UNWRITABLE
    if interrupted:
        return ExitCode.INTERRUPTED
    if not whole:
        return ExitCode.UNWRITABLE
    code = _CODES[report.validity.status]
    met = all(requirement.met for requirement in report.requirements)
    return ExitCode.INVALID if code == ExitCode.VALID and not met else code
