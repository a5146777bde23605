"""The null backend: a device whose services take a time that is known beforehand, and the same loops drive it.

Its figures are known in closed form, so they test ovbench's own arithmetic: with service time S, sync gives latency S;
async with R requests on K streams (R >= K, K divides R) gives K/S inferences per second at latency (R/K) S.

Service times are all S, or exponential with mean S. Service k of a stream then takes -log1p(-u) S, where u is number k
(53 bits) of splitmix64, started at a key made from the device's seed and the stream's number. Counting begins with the
load that is measured, so its services do not depend on what was served before. Where S is 0 a service ends at once:
nobody reads a clock.

A stream is a server, first come first served: a service starts when its request has been submitted and the one before
has ended, whichever is later, and takes its time from then. A server that wakes late only reports the end late. So no
latency is shorter than its service, whatever the scheduler does; and while another request waits, being late by less
than a service costs no throughput, as the next one is under way meanwhile. A server sleeps until shortly before the end
of a service and spins the rest, so that it can be many on few CPUs. The longer it sleeps the more it spins, as a CPU
that was idle for long wakes late.

Inputs are one word each, that is set or copied to; where a request is traced, each of its inferences notes them.

Faults begin with the load that is measured (`NullDevice.begin`). With time S at first and drift d per second, a service
that begins t seconds later takes S (1 + d t). So back to back n of them are done after t with (1 + d S)^n = 1 + d t,
which is about ln(1 + d t) / (d S). In a stall nothing is served, and what was under way goes on when it is over.
"""

import math
import threading
from typing import Final

import numpy as np
from numba import cfunc, njit, types

from ovbench.common.clock import to_ns

from .layout import Int64s, Slot
from .loops import on_complete
from .native import CACHED, call_pair, call_status, entry, fetch_add, i64, now, sleep_until, swap, words

# Words of a server's row; a request's row has the same first words.
_SERVICE: Final = 0
_CLOCK: Final = 1
_SLEEP: Final = 2
_TIME: Final = 3  # and 4: a timespec
_SUBMITTED: Final = 5  # instant at which a request was given to its server
_FUNCTOR: Final = 6  # address of the slot's std::function, whose first word is the slot's address
_CALLBACK: Final = 7
_QUIT: Final = 8
_REQUESTS: Final = 9
_INPUTS: Final = 10  # of a request that is traced: how many inputs it has
_VALUES: Final = 11  # address of [INPUTS] int64: the inputs now
_TRACE: Final = 12  # address of [ROOM, INPUTS] int64: the inputs of each inference
_TRACED: Final = 13
_ROOM: Final = 14
_BEGIN: Final = 15  # instant from which on there are faults, or 0: there are none
_DRIFT: Final = 16  # by how much of its time a service takes longer per second since then, in 1e-9
_STALL: Final = 17  # instants between which nothing is served
_RESUME: Final = 18
_SERVER: Final = 19  # of a request: the address of its server's row
_QUEUE: Final = 20  # of a server: address of [REQUESTS] int64, requests that wait, round and round; 0 is a free place
_POST: Final = 21  # of a server: address of sem_post
_WAIT: Final = 22  # and of sem_wait
_EXPONENTIAL: Final = 23  # 1: service times are exponential with mean SERVICE, not all SERVICE
_KEY: Final = 24  # of a stream's sequence of service times
_NUMBER: Final = 25  # how many of it were taken
_TICKET: Final = 32  # of a server: how many were submitted; by several threads, so on a line of its own
_SEMAPHORE: Final = 40  # and three more: a sem_t, how many wait in the queue; zeros are what sem_init makes of 0

ROW_WORDS: Final = 64
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

INVALID: Final = -14
"""The status of a null pointer in OpenVINO's C API (INVALID_C_PARAM in ov_common.h)."""


@njit
def _mix(state):
    state = (state ^ (state >> _u64(30))) * _u64(_MIX_1)
    state = (state ^ (state >> _u64(27))) * _u64(_MIX_2)
    return state ^ (state >> _u64(31))


@njit(i64(i64, i64), cache=CACHED)
def _key(seed, stream):
    """Of the sequence of a stream: those of other seeds and streams begin far from it."""
    return i64(_mix(_mix(_u64(seed) + _u64(_GOLDEN)) + _u64(stream) * _u64(_GOLDEN)))


@njit
def _take_service(row_address):
    """The time of the next service, ns."""
    row = words(row_address)
    if row[_EXPONENTIAL] == 0:
        return row[_SERVICE]
    row[_NUMBER] += 1
    bits = _mix(_u64(row[_KEY]) + _u64(row[_NUMBER]) * _u64(_GOLDEN)) >> _u64(11)
    uniform = float(bits) * 2.0**-53
    return i64(-math.log1p(-uniform) * row[_SERVICE] + 0.5)


@njit
def _instant(row_address):
    """Whether services take no time, and there is no fault that could make them."""
    row = words(row_address)
    return row[_SERVICE] == 0 and row[_BEGIN] == 0


@njit
def _serve_until(row_address, instant):
    row = words(row_address)
    timespec = row_address + 8 * _TIME
    clock = row[_CLOCK]
    left = instant - now(clock, timespec)
    if left > 2 * _SPIN_NS:
        sleep_until(row[_SLEEP], timespec, instant - min(_SPIN_NS + left // _SPIN_SHARE, _MOST_SPIN_NS))
    while now(clock, timespec) < instant:
        pass


@njit
def service_end(row_address, start):
    """When the next service ends if it begins, or would without a stall, at `start`. Each call takes a service."""
    row = words(row_address)
    service, begin = _take_service(row_address), row[_BEGIN]
    if begin == 0:
        return start + service
    stall, resume = row[_STALL], row[_RESUME]
    if stall <= start < resume:
        start = resume
    end = start + service + int(service * (row[_DRIFT] * 1e-9) * (max(0, start - begin) * 1e-9))
    if start < stall < end:
        end += resume - stall
    return end


@njit
def _trace(request):
    row = words(request)
    inputs, number = row[_INPUTS], row[_TRACED]
    if number < row[_ROOM]:
        for index in range(inputs):
            words(row[_TRACE])[number * inputs + index] = words(row[_VALUES])[index]
        row[_TRACED] = number + 1


@cfunc(types.int32(i64, i64, i64), cache=CACHED)
def set_input(request, index, item):
    """Set an input of a request that is traced; like OpenVINO's, it refuses an input that there is not, and item 0."""
    row = words(request)
    if item == 0 or index >= row[_INPUTS]:
        return types.int32(INVALID)
    words(row[_VALUES])[index] = item
    return types.int32(0)


@cfunc(types.int32(i64), cache=CACHED)
def infer(request):
    """Synchronous inference."""
    _trace(request)
    if not _instant(request):
        begin = now(words(request)[_CLOCK], request + 8 * _TIME)
        _serve_until(request, service_end(request, begin))
    return types.int32(0)


@cfunc(types.int32(i64), cache=CACHED)
def start_async(request):
    """Put the request into its server's queue. A request waits there once at most, so its place is free."""
    _trace(request)
    row = words(request)
    server = words(row[_SERVER])
    if not _instant(request):
        row[_SUBMITTED] = now(row[_CLOCK], request + 8 * _TIME)
    ticket = fetch_add(row[_SERVER] + 8 * _TICKET, 1)
    swap(server[_QUEUE] + 8 * (ticket % server[_REQUESTS]), 0, request)
    call_status(server[_POST], row[_SERVER] + 8 * _SEMAPHORE)
    return types.int32(0)


@njit(types.void(i64, i64), nogil=True, cache=CACHED)
def serve(server_address, exception_address):
    """One stream: serve its requests in the order in which they were submitted, until it is to quit.

    It waits without a look at the clock, as thousands of servers that look now and then would leave no CPU to others.
    """
    server = words(server_address)
    queue = words(server[_QUEUE])
    timespec = server_address + 8 * _TIME
    free_at = 0
    place = 0
    while server[_QUIT] == 0:
        if call_status(server[_WAIT], server_address + 8 * _SEMAPHORE) != 0:
            continue  # a signal
        while queue[place] == 0 and server[_QUIT] == 0:
            sleep_until(server[_SLEEP], timespec, now(server[_CLOCK], timespec) + _STORING_NS)
        if server[_QUIT] != 0:
            return
        request = queue[place]
        queue[place] = 0
        place = (place + 1) % server[_REQUESTS]
        row = words(request)
        if not _instant(server_address):
            free_at = service_end(server_address, max(free_at, row[_SUBMITTED]))
            _serve_until(server_address, free_at)
        call_pair(row[_CALLBACK], row[_FUNCTOR], exception_address)


@njit(types.void(i64), cache=CACHED)
def wake(server_address):
    """Have a server that waits look whether it is to quit."""
    call_status(words(server_address)[_POST], server_address + 8 * _SEMAPHORE)


class NullDevice:
    """`streams` servers for `requests` requests, none without a request; request i belongs to server i % streams."""

    def __init__(
        self,
        service_ns: int,
        streams: int,
        requests: int,
        clock: int,
        sleep: int,
        semaphore: tuple[int, int],
        seed: int | None = None,
    ) -> None:
        """`clock` and `sleep` are the addresses of clock_gettime and clock_nanosleep, `semaphore` those of sem_post and
        sem_wait. `seed`: of service times that are exponential with mean `service_ns`; None: all take just that.
        """
        self._exception = np.zeros(1, np.int64)
        self._servers: list[Int64s] = []
        self._queues: list[Int64s] = []  # kept: servers have their addresses
        self._threads: list[threading.Thread] = []
        self._traces: list[Int64s] = []
        for stream in range(min(streams, requests)):
            count = len(range(stream, requests, streams))
            rows = np.zeros((1 + count, ROW_WORDS), np.int64)
            rows[:, _SERVICE] = service_ns
            if seed is not None:
                rows[:, _EXPONENTIAL], rows[:, _KEY] = 1, _key(seed, stream)
            rows[:, _CLOCK] = clock
            rows[:, _SLEEP] = sleep
            queue = np.zeros(count, np.int64)
            rows[0, _REQUESTS], rows[0, _QUEUE] = count, queue.ctypes.data
            rows[0, _POST], rows[0, _WAIT] = semaphore
            rows[1:, _SERVER] = rows.ctypes.data
            rows[1:, _CALLBACK] = entry(on_complete)
            self._servers.append(rows)
            self._queues.append(queue)

    def request(self, index: int) -> int:
        """The handle of a request: the address of its row."""
        return int(self._row(index).ctypes.data)

    def connect(self, index: int, slot: Slot) -> None:
        """Completions of request `index` go to the slot."""
        self._row(index)[_FUNCTOR] = slot.function_address

    def trace(self, index: int, inputs: int, room: int) -> tuple[Int64s, Int64s]:
        """Give request `index` so many inputs and note them at each of its first `room` inferences.

        Returns the inputs' memory [inputs], and the notes [room, inputs], 0 where there was no inference.
        """
        values, notes = np.zeros(inputs, np.int64), np.zeros((room, inputs), np.int64)
        self._traces += [values, notes]  # kept: the row has their addresses
        row = self._row(index)
        row[_INPUTS], row[_ROOM] = inputs, room
        row[_VALUES], row[_TRACE] = values.ctypes.data, notes.ctypes.data
        return values, notes

    def begin(self, at_ns: int, drift_percent_per_s: float, stall_at_s: float, stall_s: float) -> None:
        """The load that is measured begins at this instant: from then on it has these faults, and the next service of
        each stream is the first of its sequence. Nothing is in flight."""
        stall = at_ns + to_ns(stall_at_s)
        for rows in self._servers:
            rows[:, _NUMBER] = 0
            if not drift_percent_per_s and not stall_s:
                continue
            rows[:, _DRIFT] = round(drift_percent_per_s * 1e7)
            rows[:, _STALL], rows[:, _RESUME] = stall, stall + to_ns(stall_s)
            rows[:, _BEGIN] = at_ns  # last, as servers look at it first

    def start(self) -> None:
        """Start the servers; only asynchronous requests need them."""
        for rows in self._servers:
            thread = threading.Thread(target=self._serve, args=(rows,), daemon=True, name="null stream")
            thread.start()
            self._threads.append(thread)

    def fail(self) -> None:
        """All asynchronous inferences that end from now on report an exception."""
        self._exception[0] = 1

    def stop(self) -> None:
        for rows in self._servers:
            rows[0, _QUIT] = 1
            wake(rows.ctypes.data)
        for thread in self._threads:
            thread.join()

    def _serve(self, rows: Int64s) -> None:
        """A thread that runs this keeps all memory that its server has the addresses of."""
        serve(rows.ctypes.data, self._exception.ctypes.data)

    def _row(self, index: int) -> Int64s:
        streams = len(self._servers)
        row: Int64s = self._servers[index % streams][1 + index // streams]
        return row
