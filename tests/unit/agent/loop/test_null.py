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
from ovbench.agent.loop import null
from ovbench.agent.loop.null import NullDevice, serve, service_end
from ovbench.common.clock import NS_PER_S, to_ns

BEGIN = 1_000 * NS_PER_S
SERVICE_NS = 1_000_000


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


@settings(deadline=None)  # the first call compiles
@given(st.integers(0, 1 << 62))
def test_without_a_fault_every_service_takes_the_same(start: int) -> None:
    plain = NullDevice(SERVICE_NS, 1, 1, 0, 0, (0, 0))
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

    def __init__(self, requests: int, lateness_ns: Sequence[int]) -> None:
        self.now_ns = BEGIN
        self.spans: list[tuple[int, int]] = []
        self.order: list[int] = []
        self._lateness_ns, self._sleeps = lateness_ns, 0
        self._functions = (_CLOCK(self._clock), _SLEEP(self._sleep), _COMPLETION(self._complete))
        clock, sleep, completion = map(address, self._functions)
        self.device = NullDevice(SERVICE_NS, 1, requests, clock, sleep, semaphore_addresses())
        self._server = self.device._servers[0]
        self._server[1:, null._CALLBACK] = completion
        self._server[1:, null._FUNCTOR] = range(requests)
        self._submitted = [0] * requests
        self._enough = 0

    def serve(self, services: int, order: Sequence[int] = ()) -> None:
        """Submit every request, in this order, and serve until so many were completed."""
        self._enough = services
        for request in order or range(len(self._submitted)):
            self._submit(request)
        serve(self._server.ctypes.data, 0)

    def _submit(self, request: int) -> None:
        self._submitted[request] = self.now_ns
        null.start_async.ctypes(self.device.request(request))

    def _clock(self, _: int, timespec: "ctypes._Pointer[ctypes.c_int64]") -> int:
        self.now_ns += _STEP_NS
        timespec[0], timespec[1] = divmod(self.now_ns, NS_PER_S)
        return 0

    def _sleep(self, _: int, __: int, timespec: "ctypes._Pointer[ctypes.c_int64]", ___: int) -> int:
        late = self._lateness_ns[self._sleeps % len(self._lateness_ns)]
        self._sleeps += 1
        self.now_ns = max(self.now_ns, timespec[0] * NS_PER_S + timespec[1] + late)
        return 0

    def _complete(self, request: int, _: int) -> None:
        self.spans.append((self._submitted[request], self.now_ns))
        self.order.append(request)
        if len(self.spans) == self._enough:
            self._server[0, null._QUIT] = 1
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


@settings(max_examples=40)  # 100 ms each
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
