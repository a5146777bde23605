"""Waits by formulas and by recursion, against each other and against textbooks."""

from itertools import product

import numpy as np
import pytest

from ovbench.coordinator.stats.queueing import allen_cunneen, erlang_c, ideal_starts, time_beside, waits
from scripts.bench import theory
from scripts.bench.atrate import ideal_waits


@pytest.mark.parametrize(("servers", "load"), [*product((1, 2, 4, 32), (0.1, 0.5, 0.95))])
def test_erlangs_c_is_that_of_its_sum(servers: int, load: float) -> None:
    assert erlang_c(servers, load) == pytest.approx(theory.erlang_c(servers, load), rel=1e-12)


def test_of_many_servers_nothing_overflows() -> None:
    assert 0 < erlang_c(1_000, 0.99) < 1


@pytest.mark.parametrize("load", [0.3, 0.8, 0.95])
def test_the_formula_is_exact_for_one_server_and_for_exponential_services(load: float) -> None:
    assert allen_cunneen(1, load, 1.0, 1.0, 0.0) == pytest.approx(theory.constant(load).mean)
    assert allen_cunneen(1, load, 1.0, 1.0, 2.5) == pytest.approx(load * (1 + 2.5) / 2 / (1 - load))
    for servers in (1, 3, 16):
        assert allen_cunneen(servers, servers * load, 1.0, 1.0, 1.0) == pytest.approx(
            theory.exponential(servers, load).mean
        )


def test_more_than_can_be_served_waits_without_limit() -> None:
    assert allen_cunneen(2, 2.0, 1.0, 1.0, 1.0) == np.inf


@pytest.mark.parametrize("servers", [1, 2, 4])
def test_queues_beside_each_other_are_each_that_of_the_recursion(servers: int) -> None:
    random = np.random.default_rng(servers)
    dues = np.cumsum(random.integers(1, 2_000 // servers, (3, 200)), axis=1)
    services = random.integers(1, 1_500, (3, 2, 200))
    free = np.repeat(dues[:, :1], servers, axis=1).astype(np.float64)
    found = waits(dues.astype(np.float64), services.astype(np.float64), free)
    for queue in range(3):
        for way in range(2):
            assert (found[queue, way] == ideal_waits(dues[queue], services[queue, way], servers)).all()


def test_servers_that_are_busy_at_first_keep_waiting_what_arrives() -> None:
    found = waits(np.array([[0.0, 1.0, 2.0]]), np.ones((1, 1, 3)), np.array([[5.0, 3.0]]))
    assert found.tolist() == [[[3.0, 3.0, 3.0]]]


@pytest.mark.parametrize("servers", [1, 2, 4])
def test_equal_services_start_as_in_the_recursion(servers: int) -> None:
    dues = np.cumsum(np.random.default_rng(1).integers(1, 2_000 // servers, 500))
    starts = ideal_starts(dues, 900, servers)
    assert (starts - dues == ideal_waits(dues, np.full(500, 900), servers)).all()


def test_what_is_beside_an_inference_is_the_overlap_with_all_others() -> None:
    starts, ends = np.array([0, 2, 3, 20]), np.array([10, 5, 12, 21])
    assert time_beside(starts, ends).tolist() == [3 + 7, 3 + 2, 7 + 2, 0]


def test_it_is_exact_however_large_instants_are() -> None:
    random = np.random.default_rng(2)
    starts = np.sort(random.integers(0, 10**6, 300))
    ends = starts + random.integers(1, 10**5, 300)
    late = 3 * 10**18
    assert (time_beside(starts + late, ends + late) == time_beside(starts, ends)).all()
