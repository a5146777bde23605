"""CPU figures from readings made by hand: what lies between them is interpolated to the window's edges."""

import operator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.utilization import CpuTotals
from ovbench.coordinator.machine.utilization import busy_between, coordinator_s, cpu_shares, process_share
from tests.builders import cpu_totals, seconds, usage


def totals(at_s: float, user: float, system: float, iowait: float, steal: float, idle: float) -> CpuTotals:
    return CpuTotals(seconds(at_s), {0: (user, system, iowait, steal, idle)}, 0.0)


def test_shares_are_the_differences_between_the_edges_in_percent() -> None:
    shares = cpu_shares([totals(0, 0, 0, 0, 0, 0), totals(10, 4, 2, 1, 1, 2)], 0, seconds(10))
    one = shares[0]
    assert (one.user, one.system, one.iowait, one.steal) == pytest.approx((40, 20, 10, 10))
    assert one.busy == pytest.approx(60)


def test_a_window_between_two_readings_has_their_share() -> None:
    readings = [totals(0, 0, 0, 0, 0, 0), totals(10, 5, 0, 0, 0, 5)]
    assert cpu_shares(readings, seconds(3), seconds(4))[0].busy == pytest.approx(50)


def test_readings_about_an_edge_are_joined_by_a_straight_line() -> None:
    """Idle for two seconds, then busy: a window that begins half way between two readings sees half of the change."""
    readings = [totals(0, 0, 0, 0, 0, 0), totals(2, 0, 0, 0, 0, 2), totals(4, 2, 0, 0, 0, 2)]
    assert cpu_shares(readings, seconds(1), seconds(4))[0].busy == pytest.approx(100 * 2 / 3)
    assert cpu_shares(readings, seconds(2), seconds(4))[0].busy == pytest.approx(100)
    assert cpu_shares(readings, seconds(0), seconds(3))[0].busy == pytest.approx(100 / 3)


def test_what_was_before_the_window_does_not_count() -> None:
    readings = [totals(0, 0, 0, 0, 0, 0), totals(5, 5, 0, 0, 0, 0), totals(10, 5, 0, 0, 0, 5)]
    assert cpu_shares(readings, seconds(5), seconds(10))[0].busy == pytest.approx(0)


def test_each_cpu_is_read_by_itself() -> None:
    shares = cpu_shares([cpu_totals(0, [0, 0]), cpu_totals(10, [10, 1])], 0, seconds(10))
    assert [shares[cpu].busy for cpu in (0, 1)] == pytest.approx([100, 10])


def test_instants_since_boot_lose_nothing_to_rounding() -> None:
    """A machine that is up for a year: a float64 holds such an instant only to 4 ns."""
    boot_s = 366 * 86_400
    readings = [totals(boot_s + at, float(at), 0, 0, 0, 0) for at in range(3)]
    share = cpu_shares(readings, seconds(boot_s) + 1, seconds(boot_s + 2) - 1)[0]
    assert share.busy == pytest.approx(100)


def test_a_counter_that_goes_back_is_no_negative_share() -> None:
    """iowait may decrease (proc(5))."""
    one = cpu_shares([totals(0, 0, 0, 5, 0, 0), totals(10, 6, 0, 4, 0, 4)], 0, seconds(10))[0]
    assert min(one.busy, one.user, one.system, one.iowait, one.steal) >= 0
    assert one.busy <= 100


@pytest.mark.parametrize("readings", [[], [totals(0, 1, 1, 1, 1, 1)]], ids=["none", "one"])
def test_too_few_readings_show_nothing(readings: list[CpuTotals]) -> None:
    assert all(share.busy == 0 for share in cpu_shares(readings, 0, seconds(10)).values())
    assert busy_between(readings, (0,), [0, seconds(5), seconds(10)]) == ({0: [0.0, 0.0]} if readings else {})
    assert coordinator_s(readings, 0, seconds(10)) == 0


def test_a_cpu_that_goes_offline_meanwhile_is_known_by_what_was_read() -> None:
    both, one = cpu_totals(0, [0, 0]), cpu_totals(10, [10])
    assert cpu_shares([both, one], 0, seconds(10))[0].busy == pytest.approx(100)


def test_a_cpu_that_is_busy_in_the_first_half_only_is_so_in_the_slices_of_that_half() -> None:
    """CPU 1 is busy to second 4.5 of 10; CPU 2 for a quarter of every second."""
    readings = [cpu_totals(at, [0.0, min(at, 4.5), 0.25 * at]) for at in range(11)]
    found = busy_between(readings, (2, 1), [seconds(at) for at in range(11)])
    assert list(found) == [2, 1]
    assert found[1] == pytest.approx([100, 100, 100, 100, 50, 0, 0, 0, 0, 0])
    assert found[2] == pytest.approx([25] * 10)


@given(
    busy=st.lists(st.floats(0, 1), min_size=3, max_size=40),
    inner=st.lists(st.floats(0, 1), min_size=1, max_size=20),
)
def test_slices_are_the_shares_between_their_edges_and_together_the_whole(
    busy: list[float], inner: list[float]
) -> None:
    """Against the rise of a running total, interpolated by hand."""
    total = [sum(busy[:at]) for at in range(len(busy) + 1)]
    readings = [cpu_totals(at, [total[at]]) for at in range(len(total))]
    edges_s = sorted({0.0, float(len(busy)), *(round(place * len(busy), 3) for place in inner)})
    edges = [seconds(at) for at in edges_s]

    def until(at_s: float) -> float:
        whole = min(int(at_s), len(busy) - 1)
        return total[whole] + (at_s - whole) * busy[whole]

    found = busy_between(readings, (0,), edges)[0]
    lengths = [after - before for before, after in pairwise(edges_s)]
    expected = [100 * (until(after) - until(before)) / (after - before) for before, after in pairwise(edges_s)]
    assert found == pytest.approx(expected, abs=1e-6)
    whole = cpu_shares(readings, edges[0], edges[-1])[0].busy
    assert sum(map(operator.mul, found, lengths)) / sum(lengths) == pytest.approx(whole, abs=1e-6)


def test_slices_of_a_cpu_that_goes_offline_are_known_by_what_was_read() -> None:
    readings = [cpu_totals(0, [0, 0]), cpu_totals(1, [1, 1]), cpu_totals(2, [2])]
    found = busy_between(readings, (0, 1, 7), [0, seconds(1), seconds(2)])
    assert found[0] == pytest.approx([100, 100])
    assert found[1] == pytest.approx([100, 0])
    assert 7 not in found


def test_the_coordinator_s_own_time_is_interpolated_as_well() -> None:
    readings = [cpu_totals(0, [0], 1.0), cpu_totals(10, [0], 2.0)]
    assert coordinator_s(readings, seconds(2), seconds(7)) == pytest.approx(0.5)


def test_a_process_is_counted_between_the_edges() -> None:
    readings = [
        usage(seconds(at), user_s=at * 0.8, system_s=at * 0.1, control_s=at * 0.01, switches=at * 10) for at in range(5)
    ]
    share = process_share(readings, seconds(1), seconds(3))
    assert (share.user_s, share.system_s, share.control_s) == pytest.approx((1.6, 0.2, 0.02))
    assert (share.voluntary_switches, share.involuntary_switches, share.migrations) == (20, 40, 60)


def test_a_process_of_one_reading_has_used_nothing_that_is_known() -> None:
    share = process_share([usage(seconds(1), user_s=3.0)], 0, seconds(10))
    assert (share.user_s, share.voluntary_switches) == (0.0, 0)
