"""The border to a host: what is known when an order goes out, and what is known in the end."""

import numpy as np
import pytest

from ovbench.common.clock import NS_PER_S
from ovbench.common.clockline import NoInstant
from ovbench.common.hostclock import NoRoundTrip, RoundTrip
from ovbench.common.hostmessages import Pong
from ovbench.common.messages import Finished, Pulse, Samples, Start, WarmUp
from ovbench.coordinator.session.hosttime import HostTime
from ovbench.coordinator.session.pinger import BURST, Pinger
from tests.builders import finished, pairs, samples, seconds

BEGIN = seconds(1_000)
AHEAD = seconds(9)
DRIFT_PPM = 100


def host(at_ns: int) -> int:
    """What the host's clock reads."""
    return at_ns + AHEAD + (at_ns - BEGIN) * DRIFT_PPM // 1_000_000


def border() -> HostTime:
    return HostTime(Pinger(NS_PER_S))


def ping(time: HostTime, now_ns: int, there_ns: int = 50_000, back_ns: int = 50_000) -> int:
    """One round trip, if a ping is due; when its answer comes."""
    asked = time.due(now_ns)
    if asked is None:
        return now_ns
    at_ns = now_ns + there_ns
    time.heard(Pong(asked.number, asked.sent_ns, host(at_ns)), at_ns + back_ns)
    return at_ns + back_ns


def burst(time: HostTime, now_ns: int) -> None:
    time.pinger.burst(now_ns)
    for _ in range(BURST):
        now_ns = ping(time, now_ns)


def known() -> HostTime:
    time = border()
    burst(time, BEGIN)
    return time


def test_an_order_waits_until_the_hosts_clock_is_known() -> None:
    time = border()
    assert not time.known
    assert time.order(Pulse()) == Pulse()
    with pytest.raises(NoRoundTrip):
        time.order(Start(BEGIN))
    time.pinger.burst(BEGIN)
    after = ping(time, BEGIN)
    assert not time.known, "a burst is under way"
    for _ in range(BURST):
        after = ping(time, after)
    assert time.known
    for order in (Start(BEGIN + seconds(1)), WarmUp(BEGIN + seconds(1))):
        mapped = time.order(order)
        assert isinstance(mapped, type(order))
        assert abs(mapped.at_ns - host(order.at_ns)) <= time.clock.error_ns(order.at_ns)


def load_of(second: float) -> Finished:
    start = host(BEGIN + seconds(second))
    return finished(start, start + seconds(10), 1, readings=())


def test_all_that_comes_of_a_load_is_placed_by_one_line() -> None:
    """Whatever is learnt meanwhile: else samples of two messages could change places."""
    time = known()
    first = time.notice(load_of(1))
    burst(time, BEGIN + seconds(12))
    ends = host(BEGIN + seconds(1)) + np.arange(1, 5) * 1_000
    parts = [time.notice(samples(pairs([end], [10]))) for end in ends.tolist()]
    instants = [int(part.array.ends[0]) for part in parts if isinstance(part, Samples)]
    assert isinstance(first, Finished)
    assert [end - first.start_ns for end in instants] == [1_000, 2_000, 3_000, 4_000]
    time.begin()
    second = time.notice(load_of(1))
    assert isinstance(second, Finished)
    assert abs(second.start_ns - BEGIN - seconds(1)) < abs(first.start_ns - BEGIN - seconds(1))


def test_the_error_of_a_load_is_judged_by_round_trips_after_it_too() -> None:
    time = known()
    start, stop = BEGIN + seconds(1), BEGIN + seconds(11)
    time.notice(load_of(1))
    before = time.record(start, stop)
    burst(time, stop)
    after = time.record(start, stop)
    assert before is not None
    assert after is not None
    # Its line is from the burst 11 s before the stop, and off by the drift since then: that is now known.
    assert before.error_ns > 10_000_000
    assert 1_000_000 <= after.error_ns < 1_400_000
    assert after.round_trips == 2 * BURST
    assert after.least_round_trip_ns == 100_000
    time.begin()
    anew = time.record(start, stop)
    assert anew is not None
    assert anew.error_ns < 1_200_000
    assert anew.drift_ppm == pytest.approx(DRIFT_PPM, abs=10)
    assert anew.offset_ns == pytest.approx(host(start) - start, abs=20_000)


def test_of_a_clock_that_was_never_read_there_is_no_record() -> None:
    assert border().record(BEGIN, BEGIN + 1) is None


def test_a_clock_that_jumped_has_a_record_that_says_so_and_the_next_load_another_clock() -> None:
    time = known()
    time.clock.add(RoundTrip(BEGIN + seconds(1), host(BEGIN) + seconds(60), BEGIN + seconds(1) + 1_000))
    record = time.record(BEGIN, BEGIN + seconds(1))
    assert record is not None
    assert record.error_ns > seconds(30)
    assert record.contradictions == 1
    time.begin()
    assert time.record(BEGIN, BEGIN) is None
    burst(time, BEGIN + seconds(2))
    record = time.record(BEGIN + seconds(2), BEGIN + seconds(2))
    assert record is not None
    assert record.error_ns < 200_000


def test_an_answer_that_was_not_asked_for_changes_nothing() -> None:
    time = known()
    time.heard(Pong(999, BEGIN, host(BEGIN) + seconds(60)), BEGIN + 1_000)
    assert time.clock.round_trips == BURST
    assert time.clock.consistent


def test_an_instant_that_is_none_is_refused() -> None:
    time = known()
    with pytest.raises(NoInstant):
        time.notice(samples(np.asarray([[host(BEGIN), 1 << 62]])))
    with pytest.raises(NoInstant):
        time.notice(load_of(-1_100))
