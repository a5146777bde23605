import pytest

from ovbench.agent.openvino.blame import gist
from ovbench.agent.openvino.model import iterations
from tests.builders import job


@pytest.mark.parametrize(
    ("asked", "requests", "shapes", "done"),
    [(7, 1, 1, 7), (7, 4, 1, 8), (8, 4, 1, 8), (5, 2, 3, 6), (7, 4, 3, 9), (12, 4, 3, 12), (1, 4, 4, 4)],
)
def test_asynchronous_inferences_are_whole_rounds_of_requests_and_of_shapes(
    asked: int, requests: int, shapes: int, done: int
) -> None:
    assert iterations(job(duration_s=None, iterations=asked), requests, shapes) == done


def test_synchronous_inferences_are_as_many_as_asked_for() -> None:
    assert iterations(job(api="sync", duration_s=None, iterations=7), 1, 3) == 7


def test_without_a_number_there_is_none() -> None:
    assert iterations(job(), 4, 3) is None


def test_the_gist_of_a_message_is_its_last_line_that_says_something() -> None:
    message = "Exception from src/core.cpp:1:\nCheck 'a == b' failed at x.cpp:2:\nThe shapes do not fit\n\n"
    assert gist(message) == "The shapes do not fit"
