"""What is said of a built-in model that could not be written."""

import signal

import pytest

from ovbench.common.builtin import refusal
from ovbench.common.errors import ExitCode, Unwritable, UsageError


def test_a_refusal_has_the_last_line_of_the_complaint() -> None:
    refused = refusal("tiny", "a.xml", ExitCode.USAGE, "a warning\nPermission denied\n")
    assert isinstance(refused, UsageError)
    assert str(refused) == "builtin:tiny cannot be written to a.xml: Permission denied"


def test_where_there_is_no_room_the_path_is_right() -> None:
    refused = refusal("tiny", "a.xml", ExitCode.UNWRITABLE, "No space left on device")
    assert isinstance(refused, Unwritable)
    assert refused.no_room


@pytest.mark.parametrize(
    ("code", "reason"), [(-signal.SIGALRM, "signal 14 ended it"), (ExitCode.INTERNAL, "it gave no reason")]
)
def test_one_that_ended_without_a_word_is_known_by_its_end(code: int, reason: str) -> None:
    assert str(refusal("mlp", "a.xml", code, "")).endswith(f"a.xml: {reason}")
