"""What another host measured, in the coordinator's time: instants in their order, times to the ns."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ovbench.common.clockline import MOST_DRIFT_ONE_IN, ClockLine, NoInstant
from ovbench.common.messages import AnyNotice, Finished, Samples
from ovbench.common.samples import Int64s, SampleArray
from ovbench.common.wire import BadMessage, decode, encode
from ovbench.coordinator.session.placed import PlacedFinished, PlacedSamples, after_start_ns, own_length_ns, place
from tests.builders import finished, pairs, samples, seconds, timed, usage

BEGIN = seconds(1_000)
AHEAD = seconds(777_777)
DRIFT = 200e-6
FAST = ClockLine.straight(BEGIN, AHEAD, DRIFT)
"""To a host that was started long before, and is fast."""


def host(at_ns: int) -> int:
    return FAST.to_host_ns(at_ns)


LINES = st.builds(
    ClockLine.straight,
    st.just(BEGIN),
    st.integers(0, 10**16),
    st.floats(-1 / MOST_DRIFT_ONE_IN, 1 / MOST_DRIFT_ONE_IN),
)


@st.composite
def loads(draw: st.DrawFn) -> Int64s:
    """Samples of one request at a rate, by the host's clock: dues, starts and ends ascend, and may coincide."""
    gaps = st.integers(0, 3) | st.integers(0, 10**10)
    count = draw(st.integers(1, 30))
    dues = 10**17 + np.cumsum(draw(st.lists(gaps, min_size=count, max_size=count)), dtype=np.int64)
    starts, ends, free = [], [], 0
    for due in dues.tolist():
        starts.append(max(due, free) + draw(gaps))
        free = starts[-1] + draw(gaps)
        ends.append(free)
    return timed(dues, starts, ends)


@given(LINES, loads())
def test_times_are_kept_and_every_order_is(line: ClockLine, data: Int64s) -> None:
    before = SampleArray(data)
    placed = place(samples(data), line)
    assert isinstance(placed, PlacedSamples)
    after = placed.array
    for name in ("latencies", "services", "waits"):
        assert (getattr(after, name) == getattr(before, name)).all()
    for instants in (after.dues, after.starts, after.ends):
        assert (np.diff(instants) >= 0).all()
    assert (after.dues <= after.starts).all()
    assert (after.starts <= after.ends).all()
    assert (after.starts[1:] >= after.ends[:-1]).all()
    assert (line.to_coordinator_ns(before.ends) == after.ends).all()
    assert (line.to_coordinator_ns(before.dues) == after.dues).all()


def test_samples_of_two_hosts_joined_have_each_their_own_times() -> None:
    theirs = pairs([host(BEGIN + seconds(5))], [1_000_001])
    placed = place(samples(theirs), FAST)
    ours = SampleArray(pairs([BEGIN + seconds(5)], [1_000_003]))
    assert isinstance(placed, Samples)
    joined = SampleArray.joined([placed.array, ours])
    assert joined.latencies.tolist() == [1_000_001, 1_000_003]
    assert joined.services.tolist() == [1_000_001, 1_000_003]
    assert joined.waits.tolist() == [0, 0]
    assert abs(joined.ends[0] - joined.ends[1]) <= 1
    assert joined[1:].latencies.tolist() == [1_000_003]
    assert joined[np.asarray([1, 0])].latencies.tolist() == [1_000_003, 1_000_001]


def test_a_load_is_placed_with_what_was_read_in_it() -> None:
    start, stop = host(BEGIN), host(BEGIN + seconds(10))
    load = finished(start, stop, 3, readings=(usage(start, 1.0), usage(stop, 2.0)))
    placed = place(load, FAST)
    assert isinstance(placed, PlacedFinished)
    assert abs(placed.start_ns - BEGIN) <= 1
    assert abs(placed.stop_ns - BEGIN - seconds(10)) <= 1
    assert [reading.at_ns for reading in placed.usage] == [placed.start_ns, placed.stop_ns]
    assert [reading.user_s for reading in placed.usage] == [1.0, 2.0]
    assert own_length_ns(placed) == stop - start == seconds(10) + 2_000_000
    assert own_length_ns(load) == stop - start


@given(LINES, st.lists(st.integers(-(10**9), 10**13), min_size=1))
def test_what_was_due_so_long_after_the_start_has_the_instant_that_its_sample_has(
    line: ClockLine, times: list[int]
) -> None:
    """To the ns, as arrivals are found by it."""
    since, start = np.asarray(times, np.int64), 10**17
    load = finished(start, start + 10**13, 3, readings=())
    placed = place(load, line)
    assert isinstance(placed, Finished)
    assert (after_start_ns(placed, since) == line.to_coordinator_ns(start + since)).all()
    assert (after_start_ns(load, since) == start + since).all()


@pytest.mark.parametrize("instant", [-5, 1 << 62, -(1 << 63), (1 << 63) - 1])
def test_a_sample_at_an_instant_that_is_none_is_refused(instant: int) -> None:
    with pytest.raises(NoInstant, match=f"{instant} is no instant"):
        place(samples(np.asarray([[host(BEGIN), instant]])), FAST)
    with pytest.raises(NoInstant):
        place(structs.replace(finished(host(BEGIN), host(BEGIN), 1, readings=()), stop_ns=instant), FAST)


def test_a_placed_message_is_none_of_the_wire() -> None:
    """An agent cannot say that it measured something else than what its instants are."""
    placed = place(samples(pairs([host(BEGIN)], [5])), FAST)
    with pytest.raises(BadMessage, match="measured"):
        decode(encode(placed), AnyNotice)
