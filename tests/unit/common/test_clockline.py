"""Lines between clocks: order is kept, there and back is the same, and what is no instant is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.clockline import MOST_DRIFT_ONE_IN, ClockLine, NoInstant

YEARS_NS = 10 * 365 * 86_400 * 10**9
INSTANTS = st.integers(2 * YEARS_NS, 3 * YEARS_NS)


@st.composite
def lines(draw: st.DrawFn) -> ClockLine:
    """Of up to five knots, offsets of years, and any drift that clocks can have."""
    gaps = draw(st.lists(st.integers(10**8, 10**13), max_size=4))
    at_ns = draw(INSTANTS) + np.cumsum([0, *gaps], dtype=np.int64)
    shares = draw(st.lists(st.floats(-1, 1), min_size=len(gaps), max_size=len(gaps)))
    changes = [int(share * gap / MOST_DRIFT_ONE_IN) for share, gap in zip(shares, gaps, strict=True)]
    offset_ns = draw(st.integers(-YEARS_NS, YEARS_NS)) + np.cumsum([0, *changes], dtype=np.int64)
    return ClockLine.through(at_ns, offset_ns)


@given(lines(), st.lists(INSTANTS, min_size=1))
def test_there_and_back_is_the_same_instant(line: ClockLine, instants: list[int]) -> None:
    at_ns = np.asarray(instants, np.int64)
    assert np.abs(line.to_coordinator_ns(line.to_host_ns(at_ns)) - at_ns).max() <= 1
    assert abs(line.to_coordinator_ns(line.to_host_ns(instants[0])) - instants[0]) <= 1


@given(lines(), INSTANTS, st.lists(st.integers(0, 3) | st.integers(0, 10**13), min_size=1, max_size=50))
def test_instants_keep_their_order_both_ways(line: ClockLine, first: int, gaps: list[int]) -> None:
    at_ns = first + np.cumsum(gaps, dtype=np.int64)
    assert (np.diff(line.to_host_ns(at_ns)) >= 0).all()
    assert (np.diff(line.to_coordinator_ns(at_ns)) >= 0).all()


@given(lines())
def test_instants_at_a_knot_and_beside_it_are_in_order(line: ClockLine) -> None:
    at_ns = (line.at_ns[:, None] + np.arange(-3, 4)).ravel()
    assert (np.diff(line.to_host_ns(at_ns)) >= 0).all()
    host_ns = ((line.at_ns + line.offset_ns)[:, None] + np.arange(-3, 4)).ravel()
    assert (np.diff(line.to_coordinator_ns(host_ns)) >= 0).all()


def test_one_instant_is_mapped_as_many_are() -> None:
    line = ClockLine.straight(5_000_000_000, -1_000_000_000, 200e-6)
    assert line.to_host_ns(6_000_000_000) == 5_000_200_000
    assert line.to_host_ns(np.asarray([[6_000_000_000, 5_000_000_000]])).tolist() == [[5_000_200_000, 4_000_000_000]]
    assert line.to_coordinator_ns(5_000_200_000) == 6_000_000_000
    assert line.drift_ppm == pytest.approx(200)


@pytest.mark.parametrize("instant", [-1, 1 << 62, (1 << 63) - 1, -(1 << 63)])
def test_what_is_no_instant_is_not_mapped(instant: int) -> None:
    line = ClockLine.straight(0, 0)
    for mapped in (line.to_host_ns, line.to_coordinator_ns):
        with pytest.raises(NoInstant, match=f"{instant} is no instant"):
            mapped(instant)
        with pytest.raises(NoInstant, match=f"{instant} is no instant"):
            mapped(np.asarray([1, instant]))


def test_what_would_be_no_instant_when_it_is_mapped_is_refused() -> None:
    """As one before the coordinator's host was started."""
    with pytest.raises(NoInstant):
        ClockLine.straight(0, 10).to_coordinator_ns(9)
    with pytest.raises(NoInstant):
        ClockLine.straight(0, -10).to_host_ns(9)
    with pytest.raises(NoInstant):
        ClockLine.straight(0, (1 << 62) - 1, 1e-3).to_host_ns((1 << 62) - 1)


def test_the_drift_of_a_line_with_knots_is_that_from_the_first_to_the_last() -> None:
    line = ClockLine.through(np.asarray([0, 10**9, 3 * 10**9]), np.asarray([0, 100_000, 150_000]))
    assert line.drift_ppm == pytest.approx(50)
