"""Standard input of a supervisor: a join, then silence, then an end."""

import os
from collections.abc import Iterator

import pytest

from ovbench.agent.supervisor.launcherpipe import LauncherPipe
from ovbench.common.errors import UsageError
from ovbench.common.join import Join, join_bytes

JOIN = Join("tcp://10.0.0.1:5555", "b", "a" * 40, "b" * 40, "c" * 40)


@pytest.fixture
def ends() -> Iterator[list[int]]:
    """To read and to write; those that the test has closed are no more in it."""
    made = list(os.pipe())
    yield made
    for end in made:
        os.close(end)


def test_the_first_line_is_the_join(ends: list[int]) -> None:
    os.write(ends[1], join_bytes(JOIN))
    assert LauncherPipe(ends[0]).read_join(0.0) == JOIN


def test_silence_goes_on_and_its_end_is_seen(ends: list[int]) -> None:
    os.write(ends[1], join_bytes(JOIN) + b"more of whatever\n")
    pipe = LauncherPipe(ends[0])
    pipe.read_join(0.0)
    assert not pipe.look()
    assert not pipe.look()
    os.close(ends.pop())
    assert pipe.look()
    assert pipe.look()


def test_an_end_before_the_line_is_refused(ends: list[int]) -> None:
    os.write(ends[1], join_bytes(JOIN)[:-1])
    os.close(ends.pop())
    with pytest.raises(UsageError, match="ended before a whole line"):
        LauncherPipe(ends[0]).read_join(0.0)


def test_a_line_that_does_not_come_is_not_waited_for_without_end(ends: list[int]) -> None:
    with pytest.raises(UsageError, match="no line came"):
        LauncherPipe(ends[0]).read_join(0.0)


@pytest.mark.parametrize("line", [b"hello\n", b"{}\n", b"x" * 20_000])
def test_what_is_no_join_is_refused_without_a_word_of_what_it_is(ends: list[int], line: bytes) -> None:
    os.write(ends[1], line)
    with pytest.raises(UsageError, match=r"--join -: this is no join file") as refused:
        LauncherPipe(ends[0]).read_join(0.0)
    assert line[:5].decode().strip() not in str(refused.value).replace("join", "")
