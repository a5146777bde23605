"""How far inferences slow each other down: found where a computed machine does so, and nowhere else."""

from dataclasses import replace

import numpy as np
import pytest

from ovbench.common.arrivals import Arrivals, Poisson, Stage
from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.contention import Contention, contention_of
from ovbench.coordinator.analysis.queues import Queue
from tests.closedforms import mean_wait_s
from tests.contending import UNIT_NS, Machine, found, offered, queue


def known(of: Contention | None) -> Contention:
    assert of is not None
    return of


@pytest.mark.parametrize(
    ("servers", "load", "gaps", "services"),
    [
        (2, 0.8, "poisson", "equal"),
        (4, 0.9, "poisson", "exponential"),
        (2, 0.7, "bursty", "alike"),
        (2, 0.6, "stages", "alike"),
        (3, 0.8, "constant", "exponential"),
    ],
)
def test_servers_that_do_not_slow_each_other_down_are_not_said_to(
    servers: int, load: float, gaps: str, services: str
) -> None:
    for seed in range(12):
        of = known(found(queue(Machine(servers), load, 800, seed, gaps, services)))
        assert of.slowdown is None or not of.slowdown.certain


def test_a_machine_that_is_slow_at_times_is_not_taken_for_contention() -> None:
    """Waits are far above those of its services in another order, and more are under way while it is slow."""
    for seed in range(12):
        speeds = np.where(np.random.default_rng(seed).random(200) < 0.2, 0.4, 1.0).tolist()
        of = known(found(queue(Machine(2, speeds=speeds, span=8.0), 0.5, 1500, seed)))
        assert of.slowdown is None or not of.slowdown.certain
        assert of.wait_ns > of.shuffled_ns


@pytest.mark.parametrize(("servers", "slower", "load"), [(2, 0.5, 0.4), (2, 0.3, 0.5), (4, 0.2, 0.45)])
def test_servers_that_slow_each_other_down_are_found_and_what_one_takes_alone(
    servers: int, slower: float, load: float
) -> None:
    seen = [known(found(queue(Machine(servers, slower), load, 1500, seed))) for seed in range(5)]
    for of in seen:
        assert of.slowdown is not None
        assert of.slowdown.certain
        assert of.slowdown.alone_ns == pytest.approx(UNIT_NS, rel=0.08)
        assert of.slowdown.percent == pytest.approx(100 * (of.service_ns / of.slowdown.alone_ns - 1))
        assert of.slowdown.low_percent <= of.slowdown.percent <= (of.slowdown.high_percent or np.inf)
        assert of.slowdown.wait_ns < of.shuffled_ns < of.wait_ns


def test_two_servers_at_half_the_speed_are_found_although_the_machine_is_slow_at_times() -> None:
    speeds = np.where(np.random.default_rng(3).random(400) < 0.1, 0.6, 1.0).tolist()
    of = known(found(queue(Machine(2, 1.0, speeds, 10.0), 0.3, 3000, 3)))
    assert of.slowdown is not None
    assert of.slowdown.certain
    assert of.slowdown.alone_ns == pytest.approx(1.08 * UNIT_NS, rel=0.1)


def test_waits_are_those_of_the_queue_and_of_the_formula() -> None:
    """M/D/1: Pollaczek's and Khinchine's, which the formula is for the gaps and services that there were."""
    of = known(found(queue(Machine(1), 0.6, 20_000, 5, services="equal")))
    expected_ns = mean_wait_s("deterministic", 1, UNIT_NS / 1e9, 0.6 / (UNIT_NS / 1e9)) * 1e9
    assert of.servers == 1
    assert of.load == pytest.approx(0.6, rel=0.02)
    assert of.formula_ns == pytest.approx(expected_ns, rel=0.05)
    assert of.wait_ns == pytest.approx(expected_ns, rel=0.05)
    assert of.measured_wait_ns == pytest.approx(of.wait_ns, rel=1e-3)
    assert of.shuffled_ns == pytest.approx(of.wait_ns, rel=1e-3)
    assert of.shuffled_deviation_ns < 1e-3 * UNIT_NS
    assert of.slowdown is None, "nothing is beside one server"


def test_a_rate_that_varies_has_no_formula() -> None:
    ramp = Arrivals(Poisson(), (Stage(1, 1, 2),))
    assert known(found(queue(Machine(2), 0.5, 800, 1), asked=ramp)).formula_ns is None
    assert known(found(queue(Machine(2), 0.5, 800, 1), asked=None)).formula_ns is None


def test_queues_beside_each_other_slow_each_other_down_on_one_host_alone() -> None:
    """Two agents of their own queue each, dealt from one schedule: who is under way beside whom is across queues."""
    both = queue(Machine(2, 0.6), 0.3, 4000, 2).offered.samples
    parts = [queue_of_one(both[np.arange(turn, len(both), 2)], turn) for turn in range(2)]
    here = known(found(*parts))
    assert here.slowdown is not None
    assert here.slowdown.certain
    assert here.servers == 1
    assert known(found(*parts, homes={0: 0, 1: 1})).slowdown is None


def queue_of_one(samples: SampleArray, agent: int) -> Queue:
    return Queue((agent,), 1, 1, offered(samples))


def test_what_is_not_known_of_every_service_is_not_judged() -> None:
    whole = queue(Machine(2), 0.5, 800, 1)
    assert found(replace(whole, folded=1)) is None
    assert found(replace(whole, requests=3)) is None, "a request waits for a stream inside the device"
    some = np.asarray([5], np.int64)
    assert found(replace(whole, offered=replace(whole.offered, dropped_ns=some))) is None
    assert found(replace(whole, offered=replace(whole.offered, unfinished_ns=some))) is None
    assert contention_of((), 0, 1, {}, None) is None


def test_few_arrivals_are_not_judged() -> None:
    assert found(queue(Machine(2), 0.5, 399, 1)) is None
    assert found(queue(Machine(2), 0.5, 400, 1)) is not None
