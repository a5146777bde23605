"""Inferences beside the load: which are made, in what order, and for how long."""

from collections.abc import Callable

import pytest

from ovbench.agent.openvino.package import OpenVinoError
from ovbench.agent.openvino.rehearsal import MOST_S, Rehearsal, TurnFailed, is_silent, turns
from ovbench.common.job import Api


class FakeRequest:
    """An inference takes `takes_s` by a clock of its own; those with the inputs of `bad` turns fail."""

    def __init__(self, takes_s: float = 0.0, bad: frozenset[int] = frozenset()) -> None:
        self.takes_s, self.bad = takes_s, bad
        self.now_s = 100.0
        self.has = 0
        self.inferred: list[int] = []

    def infer(self) -> None:
        self.now_s += self.takes_s
        self.inferred.append(self.has)
        if self.has in self.bad:
            raise OpenVinoError(f"item {self.has} does not fit")

    def claim(self) -> None:
        """On the thread of the load; what fails goes unseen."""
        self.now_s += self.takes_s

    def put(self, turn: int) -> None:
        self.has = turn


def rehearsal(request: FakeRequest, number: int) -> Rehearsal:
    return Rehearsal(request, request.put, number, lambda: request.now_s)


@pytest.mark.parametrize(
    ("counts", "requests", "fed", "expected"),
    [([1, 1], 4, True, 1), ([3, 1], 1, True, 3), ([3, 2], 1, True, 6), ([3, 2], 4, False, 4), ([3, 1], 9, False, 3)],
)
def test_turns_are_all_that_come_or_those_of_requests_that_keep_what_they_have(
    counts: list[int], requests: int, fed: bool, expected: int
) -> None:
    assert turns(counts, requests, fed) == expected


def test_each_turn_is_tried_once_before_the_load_and_the_first_is_put_back() -> None:
    request = FakeRequest()
    tried = rehearsal(request, 5)
    tried.first(request.claim)
    tried.before(least=1)
    assert request.inferred == [0, 1, 2, 3, 4]
    assert request.has == 0
    assert list(tried.unseen(stateful=False)) == []


def test_trying_ends_when_its_time_is_over_and_what_is_left_is_reported_and_tried_first_after_the_load() -> None:
    request = FakeRequest(takes_s=0.5)
    tried = rehearsal(request, 100)
    tried.first(request.claim)
    tried.before(least=1)
    fit = round(MOST_S / 0.5)
    assert request.inferred == list(range(1 + fit))
    (note,) = tried.unseen(stateful=False)
    assert note.startswith(f"{1 + fit} of the 100 inputs")
    request.put(7)
    tried.after(7)
    assert request.inferred[1 + fit :] == [7, *range(1 + fit, 1 + 2 * fit)]


def test_every_group_of_shapes_is_tried_however_long_it_takes() -> None:
    request = FakeRequest(takes_s=10.0)
    tried = rehearsal(request, 8)
    tried.first(request.claim)
    tried.before(least=4)
    assert request.inferred == [0, 1, 2, 3]


def test_after_the_load_the_inputs_that_are_there_come_first_and_then_all_others() -> None:
    request = FakeRequest()
    tried = rehearsal(request, 3)
    tried.first(request.claim)
    tried.before(least=1)
    request.inferred.clear()
    request.put(2)
    tried.after(2)
    assert request.inferred == [2, 0, 1, 2]


def test_a_request_that_keeps_its_inputs_infers_once_after_the_load() -> None:
    request = FakeRequest()
    tried = rehearsal(request, 1)
    tried.first(request.claim)
    tried.before(least=1)
    tried.after(None)
    assert request.inferred == [0, 0]


def test_an_inference_that_takes_too_long_is_not_repeated_and_that_is_reported() -> None:
    request = FakeRequest(takes_s=MOST_S + 0.1)
    tried = rehearsal(request, 1)
    tried.first(request.claim)
    tried.before(least=1)
    tried.after(None)
    assert request.inferred == [0]
    (note,) = tried.unseen(stateful=False)
    assert "none is repeated" in note


@pytest.mark.parametrize("act", [lambda tried: tried.before(1), lambda tried: tried.after(0)], ids=["before", "after"])
def test_the_turn_that_fails_is_named(act: Callable[[Rehearsal], None]) -> None:
    request = FakeRequest(bad=frozenset({3}))
    tried = rehearsal(request, 5)
    tried.first(request.claim)
    with pytest.raises(TurnFailed) as failed:
        act(tried)
    assert failed.value.turn == 3
    assert str(failed.value.__cause__) == "item 3 does not fit"


@pytest.mark.parametrize(
    ("api", "threads", "silent"), [("sync", "1", True), ("sync", "2", False), ("async", "1", False)]
)
def test_openvino_reports_failures_but_of_the_synchronous_call_with_one_thread(
    api: Api, threads: str, silent: bool
) -> None:
    assert is_silent(api, {"INFERENCE_NUM_THREADS": threads}) is silent
