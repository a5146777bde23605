"""The words are those that Ray 2.60 said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.coordinator.launch.raywords import (
    Lost,
    Over,
    Refused,
    Say,
    Taken,
    Word,
    heard,
    how_lost,
    how_over,
    how_refused,
    spoken,
)

LINE_BYTES = 4096
"""That a courier reads as one."""

words = st.one_of(
    st.builds(Taken, st.text(max_size=50)),
    st.builds(Say, st.text(max_size=50)),
    st.builds(Refused, st.text(max_size=50)),
)


@given(words)
def test_what_is_spoken_is_heard(word: Word) -> None:
    assert heard(spoken(word)) == word


@given(st.lists(st.text(max_size=5_000), max_size=40), st.text(max_size=10_000))
def test_however_much_there_is_to_say_a_line_is_one_that_is_read_as_one(lines: list[str], error: str) -> None:
    printable = tuple("".join(filter(str.isprintable, line)).replace('"', "'").replace("\\", "/") for line in lines)
    for word in (Over("a", 1, True, printable, ""), Lost("a", "".join(filter(str.isalnum, error)))):
        line = spoken(word)
        assert len(line.encode()) < LINE_BYTES
        assert "\n" not in line
        assert type(heard(line)) is type(word)


def test_what_ray_prints_itself_is_no_word() -> None:
    assert heard("2026-11-26 19:43:14 INFO worker.py:1234 -- Connected to Ray cluster.") is None


@pytest.mark.parametrize(
    ("over", "words"),
    [
        (Over("a", 2, True, ("ovbench-agent: the disk is full",), ""), "the disk is full"),
        (Over("a", 0, True, (), "SIGKILL"), "its supervisor was killed there by SIGKILL"),
        (Over("a", 0, True, (), ""), "its supervisor has ended"),
        (
            Over("a", 127, False, ("no such Python: /opt/p",), ""),
            "there is no such Python: /opt/p; name a Python there, or the folder of a virtual environment",
        ),
        (
            Over("a", 1, True, ("/opt/p: No module named ovbench",), ""),
            "/opt/p has no ovbench; name one that has it with --remote-python, or install it into the Python that Ray "
            "runs in there",
        ),
    ],
)
def test_how_a_supervisor_has_ended(over: Over, words: str) -> None:
    assert how_over(over, "/opt/p") == words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            "ActorDiedError: The actor died because its node has died. Node Id: 1936cf0032f5\nthe actor's node was "
            "terminated unexpectedly: health check failed due to missing too many heartbeats",
            "Ray says that its node has died; see: ray list nodes",
        ),
        (
            "ActorDiedError: The actor died unexpectedly before finishing this task. The actor is dead because its "
            "worker process has died. Worker exit detail: Worker unexpectedly exits with a connection error code 2.",
            "its Ray actor was killed there",
        ),
        ("ActorUnschedulableError: no room.", "Ray has lost it: ActorUnschedulableError: no room"),
    ],
)
def test_what_ray_says_of_an_end_is_put_into_a_sentence(error: str, words: str) -> None:
    assert how_lost(error) == words


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            "ConnectionError: Could not find any running Ray instance. Please specify the one to connect to.",
            "--ray-address auto: there is no Ray cluster on this host; begin one with: ray start --head, or name one "
            "with --ray-address",
        ),
        (
            "ValueError: Invalid address format: auto",
            "--ray-address auto: this is no address of a Ray cluster; write HOST:PORT, as in head:6379 (ValueError: "
            "Invalid address format: auto)",
        ),
        (
            "RuntimeError: Version mismatch: The cluster was started with: Ray: 2.9.0",
            "--ray-address auto: the Ray cluster has another version of Ray or Python than this one; install the same "
            "on both sides (RuntimeError: Version mismatch: The cluster was started with: Ray: 2.9.0)",
        ),
        ("OSError: what", "--ray-address auto: Ray cannot connect to its cluster: OSError: what"),
    ],
)
def test_why_there_is_no_cluster(error: str, words: str) -> None:
    assert how_refused(error, "auto") == words
