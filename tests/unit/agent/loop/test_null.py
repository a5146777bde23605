"""When a service of the null device ends, with and without faults: against closed forms, without a clock or with one of
the test's own."""

import ctypes
import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.agent.host.libc import address, semaphore_addresses
from ovbench.agent.loop.cache import load_loops
from ovbench.agent.loop.null import NullDevice
from ovbench.agent.loop.nullrow import N_CALLBACK, N_FUNCTOR, N_QUIT
from ovbench.common.clock import NS_PER_S, to_ns
from ovbench.common.job import NullService
from tests.nullservices import service_times

BEGIN = 1_000 * NS_PER_S
SERVICE_NS = 1_000_000


def service_end(request: int, start: int) -> int:
    return int(load_loops()["service_end"](request, start))


def services(device: NullDevice, count: int, request: int = 0) -> list[int]:
    """The times of its next services."""
    return [service_end(device.request(request), 0) for _ in range(count)]


def faulty(drift: float = 0.0, stall_at_s: float = 0.0, stall_s: float = 0.0) -> NullDevice:
    """One server of one request, neither clock nor sleep."""
    device = NullDevice(SERVICE_NS, 1, 1, 0, 0, (0, 0))
    device.begin(BEGIN, drift, stall_at_s, stall_s)
    return device


def done_within(device: NullDevice, span_s: float) -> int:
    """Back to back from the beginning, as a synchronous load is."""
    request, at, count = device.request(0), BEGIN, 0
    while (at := service_end(request, at)) <= BEGIN + to_ns(span_s):
        count += 1
    return count


@settings(deadline=None)
@given(st.integers(0, 1 << 62))
def test_without_a_fault_every_service_takes_the_same(start: int) -> None:
    plain = NullDevice(SERVICE_NS, 1, 1, 0, 0, (0, 0))
    assert service_end(plain.request(0), start) == start + SERVICE_NS


@settings(deadline=None)
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


@settings(deadline=None)
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
    device = NullDevice(SERVICE_NS, 2, 3, 0, 0, (0, 0))
    device.begin(BEGIN, 100.0, 0.0, 0.0)
    ends = {service_end(device.request(index), BEGIN + NS_PER_S) for index in range(3)}
    assert ends == {BEGIN + NS_PER_S + 2 * SERVICE_NS}


_CLOCK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_int64))
_SLEEP = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_int64), ctypes.c_void_p)
_COMPLETION = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)
_STEP_NS: Final = 100
"""What a look at the clock takes."""


class LateServer:
    """One stream that serves `requests` requests, each submitted again when it completes, in a time of its own: after
    each sleep it wakes late by the next of `lateness_ns`, in turn."""

    def __init__(
        self, requests: int, lateness_ns: Sequence[int], service_ns: int = SERVICE_NS, seed: int | None = None
    ) -> None:
        self.now_ns = BEGIN
        self.looks = 0
        self.wakes_ns: list[int] = []
        """How far from when it fell asleep each sleep was to end."""
        self.spans: list[tuple[int, int]] = []
        self.order: list[int] = []
        self._lateness_ns, self._sleeps = lateness_ns, 0
        self._functions = (_CLOCK(self._clock), _SLEEP(self._sleep), _COMPLETION(self._complete))
        clock, sleep, completion = map(address, self._functions)
        self.device = NullDevice(service_ns, 1, requests, clock, sleep, semaphore_addresses(), seed)
        self._server = self.device._servers[0]
        self._server[1:, N_CALLBACK] = completion
        self._server[1:, N_FUNCTOR] = range(requests)
        self._submitted = [0] * requests
        self._enough = 0

    def serve(self, services: int, order: Sequence[int] = ()) -> None:
        """Submit every request, in this order, and serve until so many were completed."""
        self._enough = services
        for request in order or range(len(self._submitted)):
            self._submit(request)
        load_loops()["serve"](self._server.ctypes.data, 0)

    def _submit(self, request: int) -> None:
        self._submitted[request] = self.now_ns
        load_loops()["start_async"](self.device.request(request))

    def _clock(self, _: int, timespec: "ctypes._Pointer[ctypes.c_int64]") -> int:
        self.looks += 1
        self.now_ns += _STEP_NS
        timespec[0], timespec[1] = divmod(self.now_ns, NS_PER_S)
        return 0

    def _sleep(self, _: int, __: int, timespec: "ctypes._Pointer[ctypes.c_int64]", ___: int) -> int:
        late = self._lateness_ns[self._sleeps % len(self._lateness_ns)]
        self._sleeps += 1
        instant = timespec[0] * NS_PER_S + timespec[1]
        self.wakes_ns.append(instant - self.now_ns)
        self.now_ns = max(self.now_ns, instant + late)
        return 0

    def _complete(self, request: int, _: int) -> None:
        self.spans.append((self._submitted[request], self.now_ns))
        self.order.append(request)
        if len(self.spans) == self._enough:
            self._server[0, N_QUIT] = 1
        else:
            self._submit(request)


@settings(deadline=None)
@given(
    requests=st.integers(1, 5),
    lateness_ns=st.lists(st.integers(0, 10 * SERVICE_NS), min_size=1, max_size=10),
    drift=st.sampled_from([0.0, 50.0]),
)
def test_no_inference_is_shorter_than_its_service_however_late_a_server_wakes(
    requests: int, lateness_ns: list[int], drift: float
) -> None:
    late = LateServer(requests, lateness_ns)
    if drift:
        late.device.begin(BEGIN, drift, stall_at_s=0.01, stall_s=0.01)
    late.serve(40)
    submitted, ends = np.array(late.spans).T
    assert (ends - submitted).min() >= SERVICE_NS
    assert ends.max() - BEGIN >= 40 * SERVICE_NS  # one at a time


@settings(max_examples=15)  # 100 ms each
@given(requests=st.integers(2, 5), lateness_ns=st.lists(st.integers(0, SERVICE_NS * 9 // 10), min_size=1, max_size=10))
def test_lateness_costs_no_throughput_while_another_request_waits(requests: int, lateness_ns: list[int]) -> None:
    late = LateServer(requests, lateness_ns)
    late.serve(200)
    submitted, ends = np.array(late.spans).T
    services = ends - BEGIN - np.arange(1, 201) * SERVICE_NS
    assert services.min() >= 0
    assert services.max() <= max(lateness_ns) + 100 * _STEP_NS  # of the one service, not of all before it
    waited = (ends - submitted)[requests:]
    assert waited.mean() == pytest.approx(requests * SERVICE_NS, abs=max(lateness_ns) / 50 + 100 * _STEP_NS)


def test_requests_are_served_in_the_order_in_which_they_were_submitted() -> None:
    late = LateServer(3, [0])
    late.serve(9, order=(2, 0, 1))
    assert late.order == [2, 0, 1] * 3


SEED: Final = 12


@settings(deadline=None)
@given(seed=st.integers(0, (1 << 62) - 1), stream=st.integers(0, 5), mean_ns=st.integers(1, NS_PER_S))
def test_exponential_times_are_the_same_to_the_ns_in_plain_numpy(seed: int, stream: int, mean_ns: int) -> None:
    device = NullDevice(mean_ns, 6, 12, 0, 0, (0, 0), seed)
    expected = service_times(NullService(service_ns=mean_ns, exponential_seed=seed), 50, stream)
    assert services(device, 50, request=stream) == expected.tolist()
    assert services(device, 50, request=stream + 6) == expected.tolist()  # as if it were the stream's only one


def test_exponential_times_are_exponential_with_that_mean_and_independent() -> None:
    times = service_times(NullService(service_ns=SERVICE_NS, exponential_seed=SEED), 1_000_000) / SERVICE_NS
    ranks = np.arange(1, len(times) + 1) / len(times)
    distance = np.abs(-np.expm1(-np.sort(times)) - ranks).max()
    assert distance < 1.63 / math.sqrt(len(times))  # Kolmogorov's bound at 1 %
    assert times.mean() == pytest.approx(1.0, abs=0.003)
    assert abs(np.corrcoef(times[:-1], times[1:])[0, 1]) < 0.003


def test_seeds_and_streams_side_by_side_have_times_that_do_not_correlate() -> None:
    several = [
        service_times(NullService(service_ns=SERVICE_NS, exponential_seed=seed), 100_000, stream)
        for seed in (SEED, SEED + 1)
        for stream in (0, 1)
    ]
    correlations = np.corrcoef(several) - np.eye(4)
    assert np.abs(correlations).max() < 0.015  # of 100,000 each: 4.7 standard deviations


@settings(deadline=None)
@given(before=st.integers(0, 100))
def test_the_load_that_is_measured_begins_with_the_first_service_whatever_was_served_before(before: int) -> None:
    device = NullDevice(SERVICE_NS, 1, 1, 0, 0, (0, 0), SEED)
    services(device, before)
    device.begin(BEGIN, 0.0, 0.0, 0.0)
    first = service_times(NullService(service_ns=SERVICE_NS, exponential_seed=SEED), 5)
    assert services(device, 5) == first.tolist()


def test_drift_makes_exponential_times_longer_in_proportion() -> None:
    device = NullDevice(SERVICE_NS, 1, 1, 0, 0, (0, 0), SEED)
    device.begin(BEGIN, 100.0, 0.0, 0.0)
    later = BEGIN + 2 * NS_PER_S
    longer = [service_end(device.request(0), later) - later for _ in range(20)]
    nominal = service_times(NullService(service_ns=SERVICE_NS, exponential_seed=SEED), 20)
    assert longer == pytest.approx((3 * nominal).tolist(), abs=2)


@pytest.mark.parametrize("seed", [None, SEED])
def test_a_server_is_busy_without_a_gap_while_requests_wait_and_takes_services_in_turn(seed: int | None) -> None:
    late = LateServer(3, [0], seed=seed)
    late.serve(200)
    nominal = service_times(NullService(service_ns=SERVICE_NS, exponential_seed=seed), 200)
    ends = np.array(late.spans)[:, 1]
    behind = ends - BEGIN - np.cumsum(nominal)
    assert behind.min() >= 0
    assert behind.max() <= 100 * _STEP_NS  # looks at the clock do not add up


@pytest.mark.parametrize(("service_us", "spin_us"), [(200, 70), (1000, 110), (2000, 160), (10_000, 200)])
def test_the_longer_a_service_the_more_of_its_end_is_spun(service_us: int, spin_us: int) -> None:
    late = LateServer(1, [0], service_us * 1000)
    load_loops()["infer"](late.device.request(0))
    (slept_ns,) = late.wakes_ns
    assert slept_ns == pytest.approx((service_us - spin_us) * 1000, abs=10 * _STEP_NS)


def test_a_service_of_no_time_ends_at_once_without_a_look_at_the_clock() -> None:
    late = LateServer(2, [0], service_ns=0)
    assert load_loops()["infer"](late.device.request(0)) == 0
    late.serve(9, order=(1, 0))
    assert (late.order, late.looks) == ([1, 0] * 4 + [1], 0)


def test_a_stall_holds_back_services_of_no_time_as_well() -> None:
    late = LateServer(1, [0], service_ns=0)
    late.device.begin(BEGIN, 0.0, 0.0, 0.5)
    assert load_loops()["infer"](late.device.request(0)) == 0
    assert BEGIN + NS_PER_S // 2 <= late.now_ns <= BEGIN + NS_PER_S // 2 + 10 * _STEP_NS
