"""Exit codes: a contract with whoever starts ovbench."""

import pytest
from msgspec import structs

from ovbench.common.errors import ExitCode
from ovbench.coordinator.result.report import Report, RequirementPart, Status
from ovbench.coordinator.run.exitcode import exit_code
from tests.builders import report


def of(status: Status, met: bool = True) -> Report:
    found = report()
    asked = RequirementPart("fps > 1", "throughput.fps", 2.0, met, None)
    return structs.replace(found, validity=structs.replace(found.validity, status=status), requirements=(asked,))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("VALID", ExitCode.VALID),
        ("SUSPECT", ExitCode.VALID),
        ("INVALID", ExitCode.INVALID),
        ("PARTIAL", ExitCode.PARTIAL),
    ],
)
def test_the_code_is_that_of_the_status(status: Status, code: ExitCode) -> None:
    assert exit_code(of(status), interrupted=False) == code


def test_a_requirement_that_is_not_met_fails_a_run_that_is_good_otherwise() -> None:
    assert exit_code(of("VALID", met=False), interrupted=False) == ExitCode.INVALID
    assert exit_code(of("PARTIAL", met=False), interrupted=False) == ExitCode.PARTIAL


def test_the_most_urgent_comes_first() -> None:
    failed = of("INVALID")
    assert exit_code(failed, interrupted=True, kept=False) == ExitCode.UNWRITABLE
    assert exit_code(failed, interrupted=True, whole=False) == ExitCode.INTERRUPTED
    assert exit_code(failed, interrupted=False, whole=False) == ExitCode.UNWRITABLE
