"""What the null device does, in the compiled code: services, and the servers that give them. See `null`."""

import math
from typing import Final

from numba import types

from .native import call_pair, call_status, compiled, fetch_add, i64, now, sleep_until, swap, words
from .nullrow import (
    INVALID,
    N_BEGIN,
    N_CALLBACK,
    N_CLOCK,
    N_DRIFT,
    N_EXPONENTIAL,
    N_FUNCTOR,
    N_INPUTS,
    N_KEY,
    N_NUMBER,
    N_POST,
    N_QUEUE,
    N_QUIT,
    N_REQUESTS,
    N_RESUME,
    N_ROOM,
    N_SEMAPHORE,
    N_SERVER,
    N_SERVICE,
    N_SLEEP,
    N_STALL,
    N_SUBMITTED,
    N_TICKET,
    N_TIME,
    N_TRACE,
    N_TRACED,
    N_VALUES,
    N_WAIT,
)

_SPIN_NS: Final = 60_000
_SPIN_SHARE: Final = 20
_MOST_SPIN_NS: Final = 200_000
"""A server spins for 60 us and a twentieth of what is left: on a virtual machine (kernel 6.18, timer slack 1 ns) sleeps
of 0.1, 0.5 and 2 ms ended late by 30, 37 and 96 us in the median, 63, 105 and 300 us at p99. Services of 2 ms, out of
the scheduler's reach (SCHED_FIFO), ended late by 12 and 45 us at p99 with 60 us alone, by 1 and 2 us with these."""
_STORING_NS: Final = 20_000
"""A submission that has its ticket is in the queue in less."""

_GOLDEN: Final = 0x9E3779B97F4A7C15
_MIX_1: Final = 0xBF58476D1CE4E5B9
_MIX_2: Final = 0x94D049BB133111EB
"""Of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014)."""

_u64: Final = types.uint64


@compiled
def _mix(state):
    state = (state ^ (state >> _u64(30))) * _u64(_MIX_1)
    state = (state ^ (state >> _u64(27))) * _u64(_MIX_2)
    return state ^ (state >> _u64(31))


@compiled
def service_key(seed, stream):
    """Of the sequence of a stream: those of other seeds and streams begin far from it."""
    return i64(_mix(_mix(_u64(seed) + _u64(_GOLDEN)) + _u64(stream) * _u64(_GOLDEN)))


@compiled
def _take_service(row_address):
    """The time of the next service, ns."""
    row = words(row_address)
    if row[N_EXPONENTIAL] == 0:
        return row[N_SERVICE]
    row[N_NUMBER] += 1
    bits = _mix(_u64(row[N_KEY]) + _u64(row[N_NUMBER]) * _u64(_GOLDEN)) >> _u64(11)
    uniform = float(bits) * 2.0**-53
    return i64(-math.log1p(-uniform) * row[N_SERVICE] + 0.5)


@compiled
def _instant(row_address):
    """Whether services take no time, and there is no fault that could make them."""
    row = words(row_address)
    return row[N_SERVICE] == 0 and row[N_BEGIN] == 0


@compiled
def _serve_until(row_address, instant):
    row = words(row_address)
    timespec = row_address + 8 * N_TIME
    clock = row[N_CLOCK]
    left = instant - now(clock, timespec)
    if left > 2 * _SPIN_NS:
        sleep_until(row[N_SLEEP], timespec, instant - min(_SPIN_NS + left // _SPIN_SHARE, _MOST_SPIN_NS))
    while now(clock, timespec) < instant:
        pass


@compiled
def service_end(row_address, start):
    """When the next service ends if it begins, or would without a stall, at `start`. Each call takes a service."""
    row = words(row_address)
    service, begin = _take_service(row_address), row[N_BEGIN]
    if begin == 0:
        return start + service
    stall, resume = row[N_STALL], row[N_RESUME]
    if stall <= start < resume:
        start = resume
    end = start + service + int(service * (row[N_DRIFT] * 1e-9) * (max(0, start - begin) * 1e-9))
    if start < stall < end:
        end += resume - stall
    return end


@compiled
def _trace(request):
    row = words(request)
    inputs, number = row[N_INPUTS], row[N_TRACED]
    if number < row[N_ROOM]:
        for index in range(inputs):
            words(row[N_TRACE])[number * inputs + index] = words(row[N_VALUES])[index]
        row[N_TRACED] = number + 1


@compiled
def set_input(request, index, item):
    """Set an input of a request that is traced; like OpenVINO's, it refuses an input that there is not, and item 0."""
    row = words(request)
    if item == 0 or index >= row[N_INPUTS]:
        return types.int32(INVALID)
    words(row[N_VALUES])[index] = item
    return types.int32(0)


@compiled
def infer(request):
    """Synchronous inference."""
    _trace(request)
    if not _instant(request):
        begin = now(words(request)[N_CLOCK], request + 8 * N_TIME)
        _serve_until(request, service_end(request, begin))
    return types.int32(0)


@compiled
def start_async(request):
    """Put the request into its server's queue. A request waits there once at most, so its place is free."""
    _trace(request)
    row = words(request)
    server = words(row[N_SERVER])
    if not _instant(request):
        row[N_SUBMITTED] = now(row[N_CLOCK], request + 8 * N_TIME)
    ticket = fetch_add(row[N_SERVER] + 8 * N_TICKET, 1)
    swap(server[N_QUEUE] + 8 * (ticket % server[N_REQUESTS]), 0, request)
    call_status(server[N_POST], row[N_SERVER] + 8 * N_SEMAPHORE)
    return types.int32(0)


@compiled
def serve(server_address, exception_address):
    """One stream: serve its requests in the order in which they were submitted, until it is to quit.

    It waits without a look at the clock, as thousands of servers that look now and then would leave no CPU to others.
    """
    server = words(server_address)
    queue = words(server[N_QUEUE])
    timespec = server_address + 8 * N_TIME
    free_at = 0
    place = 0
    while server[N_QUIT] == 0:
        if call_status(server[N_WAIT], server_address + 8 * N_SEMAPHORE) != 0:
            continue  # a signal
        while queue[place] == 0 and server[N_QUIT] == 0:
            sleep_until(server[N_SLEEP], timespec, now(server[N_CLOCK], timespec) + _STORING_NS)
        if server[N_QUIT] != 0:
            return
        request = queue[place]
        queue[place] = 0
        place = (place + 1) % server[N_REQUESTS]
        row = words(request)
        if not _instant(server_address):
            free_at = service_end(server_address, max(free_at, row[N_SUBMITTED]))
            _serve_until(server_address, free_at)
        call_pair(row[N_CALLBACK], row[N_FUNCTOR], exception_address)


@compiled
def wake(server_address):
    """Have a server that waits look whether it is to quit."""
    call_status(words(server_address)[N_POST], server_address + 8 * N_SEMAPHORE)
