"""What waits or is served, over time, and which loads are more than can be served: queues with fixed seeds."""

from dataclasses import replace
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ovbench.common.samples import SampleArray
from ovbench.coordinator.analysis.backlog import Backlog, Overload, overload_of, overload_of_counts
from ovbench.coordinator.analysis.offered import Offered
from scripts.bench.atrate import ideal_waits
from tests.builders import ms, seconds

Floats = npt.NDArray[np.float64]
Int64s = npt.NDArray[np.int64]
Gaps = Literal["constant", "exponential", "bursty"]

RATE: Final = 500
LEAD_IN: Final = 0.1
"""Of the window's length, in arrivals before it."""

QUEUES: Final[list[tuple[Gaps, Gaps, int]]] = [
    ("exponential", "exponential", 1),
    ("exponential", "constant", 1),
    ("exponential", "exponential", 4),
    ("bursty", "exponential", 1),
    ("bursty", "constant", 4),
    ("constant", "exponential", 1),
    ("constant", "constant", 1),
]
"""Of arrivals, of services, and how many are served at a time."""

NONE: Final = np.empty(0, np.int64)


def gaps(law: Gaps, count: int, random: np.random.Generator) -> Floats:
    """Of mean 1; bursty: gamma of coefficient of variation 3."""
    if law == "constant":
        return np.ones(count)
    return random.exponential(1.0, count) if law == "exponential" else random.gamma(1 / 9, 9.0, count)


def served(dues: Int64s, services: Int64s, requests: int) -> Offered:
    """First come, first served."""
    starts = dues + ideal_waits(dues, services, requests)
    return Offered(SampleArray.of(starts, starts + services, dues), NONE, NONE, 1 << 62)


def queue(arrivals: Gaps, services: Gaps, requests: int, load: float, count: int, seed: int) -> tuple[Offered, int]:
    """About `count` arrivals in a window that begins at 0, at RATE, and the window's length in ns."""
    random = np.random.default_rng(seed)
    length, lead_in = count / RATE, LEAD_IN * count / RATE
    dues = np.cumsum(gaps(arrivals, 2 * count + 500, random)) / RATE - lead_in
    dues = dues[dues < length]
    times = gaps(services, len(dues), random) * load * requests / RATE
    return served((dues * 1e9).astype(np.int64), (times * 1e9).astype(np.int64), requests), seconds(length)


def judged(offered: Offered, stop_ns: int, requests: int = 1) -> Overload | None:
    return overload_of(Backlog.of(offered), 0, stop_ns, requests)


def steadily(length_s: float, service_ms: float, rate: float = 200.0) -> tuple[Int64s, Int64s]:
    """Equal gaps and equal services."""
    dues = (np.arange(int(length_s * rate)) / rate * 1e9).astype(np.int64)
    return dues, np.full(len(dues), ms(service_ms), np.int64)


@pytest.mark.parametrize("load", [0.5, 0.8, 0.95])
@pytest.mark.parametrize(("arrivals", "services", "requests"), QUEUES)
def test_a_load_that_can_be_served_is_no_overload_however_its_backlog_wanders(
    arrivals: Gaps, services: Gaps, requests: int, load: float
) -> None:
    found = [
        judged(*queue(arrivals, services, requests, load, count, seed), requests)
        for count in (1000, 4000)
        for seed in range(8)
    ]
    assert not [overload for overload in found if overload is not None and overload.certain]
    assert len([overload for overload in found if overload is not None]) <= 1


@pytest.mark.parametrize(
    ("arrivals", "services", "requests", "load", "count"),
    [
        ("exponential", "exponential", 1, 1.1, 5000),
        ("exponential", "constant", 1, 1.1, 5000),
        ("exponential", "exponential", 4, 1.1, 5000),
        ("constant", "exponential", 1, 1.1, 5000),
        ("constant", "constant", 1, 1.05, 1000),
        ("exponential", "exponential", 1, 1.05, 30_000),
        ("bursty", "exponential", 1, 1.3, 10_000),
    ],
)
def test_a_load_that_is_too_high_is_found(
    arrivals: Gaps, services: Gaps, requests: int, load: float, count: int
) -> None:
    for seed in range(4):
        offered, length_ns = queue(arrivals, services, requests, load, count, seed)
        found = judged(offered, length_ns, requests)
        assert found is not None
        assert found.per_s == pytest.approx(RATE * (1 - 1 / load), rel=0.5)


@pytest.mark.parametrize("load", [0.5, 0.8, 0.95])
@pytest.mark.parametrize(("arrivals", "services", "streams"), QUEUES)
def test_few_arrivals_that_can_be_served_are_seldom_in_doubt_and_hardly_ever_certainly_too_many(
    arrivals: Gaps, services: Gaps, streams: int, load: float
) -> None:
    windows = [(count, seed) for count in (15, 60, 200) for seed in range(16)]
    found = [judged(*queue(arrivals, services, streams, load, count, seed), streams) for count, seed in windows]
    assert len([overload for overload in found if overload is not None and overload.certain]) <= 1
    assert len([overload for overload in found if overload is not None]) <= 8


@pytest.mark.parametrize(("arrivals", "services"), [("exponential", "constant"), ("exponential", "exponential")])
def test_of_few_arrivals_twice_what_can_be_served_is_certain_or_in_doubt(arrivals: Gaps, services: Gaps) -> None:
    found = [judged(*queue(arrivals, services, 1, 2.0, 60, seed)) for seed in range(24)]
    assert len([overload for overload in found if overload is not None]) >= 22


@pytest.mark.parametrize(("arrivals", "services"), [("exponential", "constant"), ("exponential", "exponential")])
def test_two_hundred_arrivals_twice_as_fast_as_they_are_served_are_certainly_too_many(
    arrivals: Gaps, services: Gaps
) -> None:
    found = [judged(*queue(arrivals, services, 1, 2.0, 200, seed)) for seed in range(12)]
    assert len([overload for overload in found if overload is not None and overload.certain]) >= 10


def test_fifteen_arrivals_twice_as_fast_as_they_are_served_are_in_doubt() -> None:
    dues, services = steadily(3, 400.0, rate=5)
    found = judged(served(dues, services, 1), seconds(3))
    assert found is not None
    assert not found.certain


@pytest.mark.parametrize(
    ("came", "went", "found"),
    [(10_000, 9_400, True), (10_000, 9_600, False), (40, 10, True), (15, 8, False), (0, 0, False), (10, 12, False)],
)
def test_by_counts_alone_a_load_is_too_high_where_far_less_is_done_than_arrives(
    came: int, went: int, found: bool
) -> None:
    overload = overload_of_counts(came, went, 2, 4.0)
    assert (None if overload is None else overload.per_s) == ((came - went) / 4 if found else None)


def test_a_backlog_grows_by_what_comes_less_what_is_done() -> None:
    dues, services = steadily(10, 6.0)  # 200 a second come, 166.7 are done
    found = judged(served(dues, services, 1), seconds(10))
    assert found is not None
    assert found.per_s == pytest.approx(33.3, rel=0.01)
    assert found.seconds == pytest.approx(10, rel=0.01)


@pytest.mark.parametrize("share", [0.2, 0.5])
def test_an_overload_that_began_late_is_found(share: float) -> None:
    dues, services = steadily(10, 3.0)
    late = dues >= (1 - share) * seconds(10)
    found = judged(served(dues, np.where(late, ms(6), services), 1), seconds(10))
    assert found is not None
    assert found.per_s == pytest.approx(33.3, rel=0.05)
    assert found.seconds == pytest.approx(share * 10, rel=0.05)


@pytest.mark.parametrize("at_s", [1.0, 5.0, 9.79])
def test_a_stall_of_a_light_load_is_no_overload(at_s: float) -> None:
    dues, services = steadily(10, 1.0)
    services[round(200 * at_s)] = ms(200)
    offered = served(dues, services, 1)
    assert Backlog.of(offered).at(np.asarray([seconds(at_s) + ms(199)]))[0] == 40
    assert judged(offered, seconds(10)) is None


def test_an_overload_that_was_worked_off_is_none_at_the_end() -> None:
    dues, services = steadily(10, 1.0)
    services[(dues > seconds(2)) & (dues < seconds(4))] = ms(7)
    assert judged(served(dues, services, 1), seconds(10)) is None


def test_what_is_dropped_leaves_no_backlog_that_grows() -> None:
    dues, services = steadily(10, 4.9)
    offered = replace(served(dues, services, 1), dropped_ns=dues, timeout_ns=ms(50))
    assert Backlog.of(offered).at(np.asarray([seconds(2), seconds(5)])).tolist() == [10, 10]
    assert judged(offered, seconds(10)) is None


def test_what_never_completes_stays_in_the_backlog() -> None:
    dues, _ = steadily(10, 1.0)
    offered = Offered(SampleArray.empty(timed=True), NONE, dues, seconds(20))
    assert Backlog.of(offered).at(np.asarray([0, 1, seconds(1) + 1, seconds(30)])).tolist() == [0, 1, 201, 2000]
    found = judged(offered, seconds(10))
    assert found is not None
    assert found.per_s == pytest.approx(200)


@pytest.mark.parametrize("stop_ns", [0, ms(1), seconds(10)])
def test_a_window_without_arrivals_has_no_overload(stop_ns: int) -> None:
    nothing = Offered(SampleArray.empty(timed=True), NONE, NONE, 0)
    assert judged(nothing, stop_ns) is None
    assert Backlog.of(nothing).slope_per_s(0, stop_ns) == 0


def test_the_slope_is_that_of_a_line_through_the_backlog() -> None:
    came = np.arange(0, seconds(10), ms(1), dtype=np.int64)
    assert Backlog(came, came[::2] + 1).slope_per_s(0, seconds(10)) == pytest.approx(500, rel=0.01)
    assert Backlog(came, came + 1).slope_per_s(0, seconds(10)) == pytest.approx(0, abs=0.1)


@given(some.lists(some.tuples(some.integers(0, 50), some.integers(0, 50), some.integers(0, 50)), max_size=12))
def test_the_backlog_is_what_was_due_and_has_not_ended(rows: list[tuple[int, int, int]]) -> None:
    rows.sort()
    dues, waits, services = np.asarray(rows, np.int64).reshape(-1, 3).T
    offered = Offered(SampleArray.of(dues + waits, dues + waits + services, dues), NONE, NONE, 0)
    instants = np.arange(160, dtype=np.int64)
    expected = [sum(due < t and not due + wait + service < t for due, wait, service in rows) for t in instants]
    assert Backlog.of(offered).at(instants).tolist() == expected
