"""When a service of the null device ends, with and without faults: against closed forms, without a clock."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.agent.null import NullDevice, service_end
from ovbench.common.clock import NS_PER_S, to_ns

BEGIN = 1_000 * NS_PER_S
SERVICE_NS = 1_000_000


def faulty(drift: float = 0.0, stall_at_s: float = 0.0, stall_s: float = 0.0) -> NullDevice:
    """One server of one request, neither clock nor sleep."""
    device = NullDevice(SERVICE_NS, 1, 1, 0, 0)
    device.begin(BEGIN, drift, stall_at_s, stall_s)
    return device


def done_within(device: NullDevice, span_s: float) -> int:
    """Back to back from the beginning, as a synchronous load is."""
    request, at, count = device.request(0), BEGIN, 0
    while (at := service_end(request, at)) <= BEGIN + to_ns(span_s):
        count += 1
    return count


@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 1 << 62))
def test_without_a_fault_every_service_takes_the_same(start: int) -> None:
    plain = NullDevice(SERVICE_NS, 1, 1, 0, 0)
    assert service_end(plain.request(0), start) == start + SERVICE_NS


@settings(deadline=None)  # the first call compiles
@given(st.floats(0.1, 1000), st.floats(0.0, 1000))
def test_after_t_seconds_a_service_takes_its_drift_times_t_longer(drift: float, after_s: float) -> None:
    start = BEGIN + to_ns(after_s)
    longer = service_end(faulty(drift).request(0), start) - start - SERVICE_NS
    assert longer == pytest.approx(SERVICE_NS * drift / 100 * after_s, rel=1e-6, abs=2)


@pytest.mark.parametrize("percent", [5.0, 50.0, 400.0])
def test_the_number_done_in_a_time_is_that_of_the_closed_form(percent: float) -> None:
    drift, span_s, service_s = percent / 100, 3.0, SERVICE_NS / NS_PER_S
    expected = math.log(1 + drift * span_s) / math.log(1 + drift * service_s)
    assert done_within(faulty(percent), span_s) == pytest.approx(expected, abs=1)
    assert expected == pytest.approx(math.log(1 + drift * span_s) / (drift * service_s), rel=0.01)


@settings(deadline=None)  # the first call compiles
@given(st.floats(0.0, 2.0), st.floats(0.001, 1.0))
def test_a_stall_takes_just_its_length_from_what_is_done(at_s: float, stall_s: float) -> None:
    assert done_within(faulty(stall_at_s=at_s, stall_s=stall_s), 3.0) == pytest.approx(3000 - 1000 * stall_s, abs=1)


def test_what_is_under_way_in_a_stall_goes_on_when_it_is_over() -> None:
    request = faulty(stall_at_s=1.0, stall_s=0.5).request(0)
    stall = BEGIN + NS_PER_S
    half = SERVICE_NS // 2
    assert service_end(request, stall - SERVICE_NS) == stall
    assert service_end(request, stall - half) == stall + NS_PER_S // 2 + half
    assert service_end(request, stall) == service_end(request, stall + 7) == stall + NS_PER_S // 2 + SERVICE_NS
    assert service_end(request, stall + NS_PER_S // 2) == stall + NS_PER_S // 2 + SERVICE_NS


def test_requests_on_several_streams_have_the_same_faults() -> None:
    device = NullDevice(SERVICE_NS, 2, 3, 0, 0)
    device.begin(BEGIN, 100.0, 0.0, 0.0)
    ends = {service_end(device.request(index), BEGIN + NS_PER_S) for index in range(3)}
    assert ends == {BEGIN + NS_PER_S + 2 * SERVICE_NS}
