"""Who gets which arrival: whatever the number of agents, together they have the schedule."""

import math
from typing import Final, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ovbench.common.arrivals import Dispatch
from ovbench.common.dealing import deal

BEFOREHAND: Final[tuple[Dispatch, ...]] = ("round-robin", "random", "partition")

dispatches = some.sampled_from(get_args(Dispatch))


@given(some.integers(0, 500), dispatches, some.integers(1, 64), some.integers(0, 2**61))
def test_every_arrival_is_dealt_once(count: int, dispatch: Dispatch, agents: int, seed: int) -> None:
    assert sorted(np.concatenate(deal(count, dispatch, agents, seed)).tolist()) == list(range(count))


@given(some.integers(0, 500), dispatches, some.integers(1, 64), some.integers(0, 2**61))
def test_each_has_its_arrivals_in_order(count: int, dispatch: Dispatch, agents: int, seed: int) -> None:
    for numbers in deal(count, dispatch, agents, seed):
        assert numbers.dtype == np.int64
        assert (np.diff(numbers) > 0).all()


@pytest.mark.parametrize("dispatch", BEFOREHAND)
@pytest.mark.parametrize("agents", [1, 3, 4096])
def test_there_is_a_share_for_each_agent(dispatch: Dispatch, agents: int) -> None:
    assert len(deal(100, dispatch, agents, 0)) == agents


def test_a_shared_queue_is_one_for_all() -> None:
    (numbers,) = deal(5, "shared", 3, 0)
    assert numbers.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("dispatch", ["round-robin", "partition"])
def test_dealt_in_turn_agent_a_has_every_nth_from_number_a(dispatch: Dispatch) -> None:
    assert [numbers.tolist() for numbers in deal(8, dispatch, 3, 0)] == [[0, 3, 6], [1, 4, 7], [2, 5]]


def test_at_random_each_agent_has_the_same_chance() -> None:
    count, agents = 100_000, 8
    sizes = [len(numbers) for numbers in deal(count, "random", agents, seed=1)]
    assert max(abs(size - count / agents) for size in sizes) < 4 * math.sqrt(count / agents)


def test_at_random_who_had_the_last_does_not_matter() -> None:
    first, _ = deal(100_000, "random", 2, seed=1)
    pairs = int((np.diff(first) == 1).sum())
    assert abs(pairs - 25_000) < 5 * math.sqrt(100_000) / 2


def test_the_same_seed_deals_alike_and_another_does_not() -> None:
    one, again, other = (deal(50, "random", 2, seed)[0].tolist() for seed in (1, 1, 2))
    assert one == again
    assert one != other
