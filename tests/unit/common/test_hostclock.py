"""The offset of a host's clock is within its bound whatever delays and drift are; a clock that jumps is noticed."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common import hostclock
from ovbench.common.clockline import MOST_DRIFT_ONE_IN
from ovbench.common.hostclock import HostClock, NoRoundTrip, RoundTrip

BEGIN_NS = 10**17
DAY_NS = 86_400 * 10**9


@dataclass(frozen=True)
class Truth:
    """What a host's clock really reads: `shares` of the most that it may drift, in turn, each for `gap_ns`."""

    offset_ns: int
    gap_ns: int
    shares: tuple[float, ...]

    def offset(self, at_ns: int) -> int:
        place, rest = divmod(at_ns - BEGIN_NS, self.gap_ns)
        whole = sum(int(share * (self.gap_ns // MOST_DRIFT_ONE_IN)) for share in self.shares[:place])
        share = self.shares[min(place, len(self.shares) - 1)]
        return self.offset_ns + whole + int(share * (rest // MOST_DRIFT_ONE_IN))

    def trip(self, sent_ns: int, there_ns: int, back_ns: int) -> RoundTrip:
        at_ns = sent_ns + there_ns
        return RoundTrip(sent_ns, at_ns + self.offset(at_ns), at_ns + back_ns)


@st.composite
def truths(draw: st.DrawFn) -> Truth:
    offsets = st.integers(-DAY_NS, DAY_NS) | st.integers(-(10**16), 10**16)
    shares = st.lists(st.floats(-1, 1) | st.sampled_from([-1.0, 1.0]), min_size=1, max_size=8)
    return Truth(draw(offsets), draw(st.integers(10**6, 10**11)), tuple(draw(shares)))


DELAYS = st.integers(0, 200_000) | st.integers(0, 10**9)
PINGS = st.lists(st.tuples(st.floats(0, 1), DELAYS, DELAYS), min_size=1, max_size=40)


def clock_of(*trips: RoundTrip) -> HostClock:
    clock = HostClock()
    for trip in trips:
        clock.add(trip)
    return clock


def spread(truth: Truth, share: float) -> int:
    return BEGIN_NS + int(share * truth.gap_ns * len(truth.shares))


@given(truths(), PINGS, st.lists(st.floats(0, 1.5), min_size=1, max_size=20))
def test_the_offset_is_within_its_bounds_at_all_times(
    truth: Truth, pings: list[tuple[float, int, int]], looks: list[float]
) -> None:
    """In whatever order the answers come, before the first round trip, between them, and behind the last."""
    clock = clock_of(*(truth.trip(spread(truth, share), *delays) for share, *delays in pings))
    at_ns = np.asarray([spread(truth, look) for look in looks], np.int64)
    low, high = clock.offset_bounds_ns(at_ns)
    true = np.asarray([truth.offset(int(at)) for at in at_ns], np.int64)
    assert clock.contradictions == 0
    assert clock.consistent
    assert (low <= true).all()
    assert (true <= high).all()


@given(truths(), PINGS, PINGS, st.lists(st.floats(0, 1.5), min_size=1, max_size=20))
def test_an_instant_that_is_mapped_is_wrong_by_no_more_than_its_error(
    truth: Truth, before: list[tuple[float, int, int]], after: list[tuple[float, int, int]], looks: list[float]
) -> None:
    """Both ways, by the line of now and by one from before the last round trips."""
    clock = clock_of(*(truth.trip(spread(truth, share), *delays) for share, *delays in before))
    early = clock.line()
    for share, *delays in after:
        clock.add(truth.trip(spread(truth, share), *delays))
    for at_ns in (spread(truth, look) for look in looks):
        host_ns = at_ns + truth.offset(at_ns)
        for line in (early, clock.line()):
            assert abs(line.to_host_ns(at_ns) - host_ns) <= clock.error_ns(at_ns, line)
            # Where the line takes it to is all that is known of when it was.
            mapped_ns = line.to_coordinator_ns(host_ns)
            assert abs(mapped_ns - at_ns) <= clock.error_ns(mapped_ns, line)


@given(truths(), PINGS)
def test_a_round_trip_more_never_widens_the_bounds(truth: Truth, pings: list[tuple[float, int, int]]) -> None:
    clock = HostClock()
    at_ns = np.linspace(BEGIN_NS, spread(truth, 1.0), 20).astype(np.int64)
    widths = None
    for share, *delays in pings:
        clock.add(truth.trip(spread(truth, share), *delays))
        low, high = clock.offset_bounds_ns(at_ns)
        assert widths is None or (high - low <= widths + 2).all(), "but for rounding"
        widths = high - low


def burst(truth: Truth, at_ns: int, seed: int, pings: int = 64, asymmetry_ns: int = 0) -> list[RoundTrip]:
    """One after the other, of 120 us at least, with a tail."""
    random = np.random.default_rng(seed)
    trips = []
    for _ in range(pings):
        there, back = (60_000 + int(more) for more in random.exponential(40_000, 2))
        trips.append(truth.trip(at_ns, there + int(random.uniform(0, asymmetry_ns)), back))
        at_ns = trips[-1].received_ns
    return trips


@pytest.mark.parametrize("drift_ppm", [-200, -20, 0, 20, 200])
def test_a_burst_before_and_one_behind_give_drift_and_window(drift_ppm: int) -> None:
    truth = Truth(-7 * 10**9, 10**12, (drift_ppm / 1e6 * MOST_DRIFT_ONE_IN,))
    start_ns, stop_ns = BEGIN_NS + 10**9, BEGIN_NS + 11 * 10**9
    clock = clock_of(
        *burst(truth, start_ns - 20_000_000, 1),
        *(truth.trip(start_ns + beat * 10**9, 90_000, 70_000) for beat in range(1, 10)),
        *burst(truth, stop_ns + 1_000_000, 2),
    )
    line = clock.line()
    assert line.drift_ppm == pytest.approx(drift_ppm, abs=3)
    for edge_ns in (start_ns, stop_ns):
        assert abs(line.to_coordinator_ns(edge_ns + truth.offset(edge_ns)) - edge_ns) < 10_000
        assert clock.error_ns(edge_ns) < 130_000
    assert clock.round_trips == 137
    assert 120_000 <= clock.least_round_trip_ns < 160_000


def test_where_only_a_moment_is_known_no_drift_is_made_up() -> None:
    """Delays vary by more in a burst than a clock drifts."""
    truth = Truth(10**9, 10**12, (0.0,))
    clock = clock_of(*burst(truth, BEGIN_NS, 3, asymmetry_ns=5_000_000))
    assert abs(clock.line().drift_ppm) < 20


def test_a_drift_that_changes_gives_a_line_with_knots_within_the_bounds() -> None:
    truth = Truth(10**9, 60 * 10**9, (0.5, -0.5, 0.1, 0.9))
    clock = clock_of(*(truth.trip(BEGIN_NS + beat * 10**9, 50_000, 50_000) for beat in range(240)))
    line = clock.line()
    assert len(line.at_ns) > 2
    at_ns = BEGIN_NS + np.arange(0, 239) * 10**9
    true = np.asarray([truth.offset(int(at)) for at in at_ns])
    error = clock.errors_ns(at_ns)
    assert (np.abs(line.offsets_ns(at_ns) - true) <= error).all()
    assert np.abs(line.offsets_ns(at_ns) - true).max() < 2_000_000


def test_of_hours_with_a_drift_that_wanders_the_line_has_few_knots_and_is_near() -> None:
    """A ppm up and down in half an hour each, read every second: no more than a fraction of a round trip off."""
    truth = Truth(10**9, 1_800 * 10**9, (0.02, 0.021) * 4)
    random = np.random.default_rng(1)
    delays = 60_000 + random.exponential(30_000, (14_000, 2)).astype(int)
    clock = clock_of(*(truth.trip(BEGIN_NS + beat * 10**9, *map(int, delays[beat])) for beat in range(14_000)))
    line = clock.line()
    at_ns = BEGIN_NS + np.arange(0, 13_900) * 10**9
    true = np.asarray([truth.offset(int(at)) for at in at_ns])
    assert 3 <= len(line.at_ns) <= 65
    assert np.abs(line.offsets_ns(at_ns) - true).max() < 200_000


@given(truths(), PINGS, st.integers(0, 10**12))
def test_what_is_forgotten_widens_the_bounds_and_no_more(
    truth: Truth, pings: list[tuple[float, int, int]], keep_ns: int
) -> None:
    trips = [truth.trip(spread(truth, share), *delays) for share, *delays in pings]
    clock, whole = clock_of(*trips), clock_of(*trips)
    clock.forget(keep_ns)
    at_ns = np.linspace(BEGIN_NS, spread(truth, 1.0), 20).astype(np.int64)
    (low, high), (least, most) = clock.offset_bounds_ns(at_ns), whole.offset_bounds_ns(at_ns)
    assert (low <= least).all()
    assert (most <= high).all()
    late = max(trip.received_ns for trip in trips)
    assert clock.error_ns(late) <= whole.error_ns(late, clock.line()) + 10
    assert clock.round_trips == len(trips)


@pytest.mark.parametrize("jump_ns", [-(10**10), -(10**6), 10**6, 10**10])
def test_a_clock_that_jumped_is_noticed_and_the_bound_has_both_sides(jump_ns: int) -> None:
    before, after = Truth(10**9, DAY_NS, (0.01,)), Truth(10**9 + jump_ns, DAY_NS, (0.01,))
    clock = clock_of(*burst(before, BEGIN_NS, 1))
    clock.add(after.trip(BEGIN_NS + 10**8, 60_000, 60_000))
    assert clock.contradictions == 1
    assert not clock.consistent
    early, late = BEGIN_NS + 10**6, BEGIN_NS + 10**8
    assert clock.error_ns(early) >= abs(jump_ns) - 200_000
    for at_ns, truth in ((early, before), (late, after)):
        low, high = clock.offset_bounds_ns(np.asarray([at_ns]))
        assert low[0] <= truth.offset(at_ns) <= high[0]
    # It stays so, whatever comes.
    clock.add(before.trip(BEGIN_NS + 2 * 10**8, 60_000, 60_000))
    assert not clock.consistent


@given(truths(), PINGS, st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=20))
def test_a_host_that_reports_anything_is_contradicted_or_within_the_bounds(
    truth: Truth, pings: list[tuple[float, int, int]], lies: list[int]
) -> None:
    """What it reported first is the truth here; the bounds never leave it out."""
    clock = clock_of(*(truth.trip(spread(truth, share), *delays) for share, *delays in pings))
    for lie in lies:
        clock.add(RoundTrip(BEGIN_NS, max(0, BEGIN_NS + truth.offset(BEGIN_NS) + lie), BEGIN_NS + 1_000_000))
        low, high = clock.offset_bounds_ns(np.asarray([BEGIN_NS]))
        assert low[0] <= high[0] + 2
        if not clock.consistent:
            assert low[0] <= truth.offset(BEGIN_NS) <= high[0]


def test_memory_is_bounded_and_giving_up_points_only_widens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostclock, "_MOST_POINTS", 64)
    truth = Truth(5, 100 * 10**9, (0.5, -0.5) * 5)
    trips = [truth.trip(BEGIN_NS + beat * 10**9, 60_000, 60_000) for beat in range(1000)]
    few = clock_of(*trips)
    monkeypatch.undo()
    all_of_them = clock_of(*trips)
    at_ns = BEGIN_NS + np.arange(999) * 10**9 + 5 * 10**8
    (low, high), (least, most) = few.offset_bounds_ns(at_ns), all_of_them.offset_bounds_ns(at_ns)
    true = np.asarray([truth.offset(int(at)) for at in at_ns])
    assert max(len(few._most.instants), len(few._negative_least.instants)) <= 64
    assert len(all_of_them._most.instants) > 500
    assert (low <= least).all()
    assert (low <= true).all()
    assert (most <= high).all()
    assert (true <= high).all()


def test_round_trips_of_a_burst_leave_few_points() -> None:
    """What the longer ones say follows from the shortest."""
    clock = clock_of(*burst(Truth(0, DAY_NS, (0.0,)), BEGIN_NS, 7, pings=10_000))
    assert len(clock._most.instants) < 1_000
    assert clock.error_ns(BEGIN_NS + 10**9) < 200_000


def test_a_nanosecond_that_was_rounded_is_no_drift() -> None:
    """Two round trips of no length, 100 ns apart, between which the offset changes by one."""
    clock = clock_of(RoundTrip(BEGIN_NS, 1_000, BEGIN_NS), RoundTrip(BEGIN_NS + 100, 1_101, BEGIN_NS + 100))
    assert clock.consistent
    line = clock.line()
    assert abs(line.drift_ppm) <= 1_002
    assert clock.error_ns(BEGIN_NS) < 10


def test_without_a_round_trip_nothing_is_known() -> None:
    clock = HostClock()
    for asked in (clock.line, lambda: clock.error_ns(1), lambda: clock.to_host_ns(1)):
        with pytest.raises(NoRoundTrip):
            asked()


def test_an_answer_cannot_come_before_its_question() -> None:
    with pytest.raises(ValueError, match="after its question"):
        RoundTrip(2, 0, 1)
