"""The null backend: a device that takes exactly a fixed time for an inference, and the same loops drive it.

Its figures are known in closed form, so they test ovbench's own arithmetic: with service time S, sync gives latency S;
async with R requests on K streams (R >= K, K divides R) gives K/S inferences per second at latency (R/K) S.

A stream is a server, first come first served: a service starts when its request has been submitted and the one before
has ended, whichever is later, and takes its time from then. A server that wakes late only reports the end late. So no
latency is shorter than its service, whatever the scheduler does; and while another request waits, being late by less
than a service costs no throughput, as the next one is under way meanwhile. A server sleeps until shortly before the end
of a service and spins the rest, so that it can be many on few CPUs.

Inputs are one word each, that is set or copied to; where a request is traced, each of its inferences notes them.

Faults begin with the load that is measured (`NullDevice.begin`). With time S at first and drift d per second, a service
that begins t seconds later takes S (1 + d t). So back to back n of them are done after t with (1 + d S)^n = 1 + d t,
which is about ln(1 + d t) / (d S). In a stall nothing is served, and what was under way goes on when it is over.
"""

import threading
from typing import Final

import numpy as np
from numba import cfunc, njit, types

from ovbench.common.clock import to_ns

from .layout import Int64s, Slot
from .loops import (
    CACHED,
    call_pair,
    call_status,
    entry,
    fetch_add,
    i64,
    now,
    on_complete,
    sleep_until,
    swap,
    words,
)

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
_TICKET: Final = 32  # of a server: how many were submitted; by several threads, so on a line of its own
_SEMAPHORE: Final = 40  # and three more: a sem_t, how many wait in the queue; zeros are what sem_init makes of 0

ROW_WORDS: Final = 64
_SPIN_NS: Final = 60_000
_STORING_NS: Final = 20_000
"""A submission that has its ticket is in the queue in less."""

INVALID: Final = -14
"""The status of a null pointer in OpenVINO's C API (INVALID_C_PARAM in ov_common.h)."""


@njit
def _serve_until(row_address, instant):
    row = words(row_address)
    timespec = row_address + 8 * _TIME
    clock = row[_CLOCK]
    if instant - now(clock, timespec) > 2 * _SPIN_NS:
        sleep_until(row[_SLEEP], timespec, instant - _SPIN_NS)
    while now(clock, timespec) < instant:
        pass


@njit
def service_end(row_address, start):
    """When a service ends that begins, or would if there were no stall, at `start`."""
    row = words(row_address)
    service, begin = row[_SERVICE], row[_BEGIN]
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
    row = words(request)
    _serve_until(request, service_end(request, now(row[_CLOCK], request + 8 * _TIME)))
    return types.int32(0)


@cfunc(types.int32(i64), cache=CACHED)
def start_async(request):
    """Put the request into its server's queue. A request waits there once at most, so its place is free."""
    _trace(request)
    row = words(request)
    server = words(row[_SERVER])
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
        self, service_ns: int, streams: int, requests: int, clock: int, sleep: int, semaphore: tuple[int, int]
    ) -> None:
        """`clock` and `sleep` are the addresses of clock_gettime and clock_nanosleep, `semaphore` those of sem_post and
        sem_wait."""
        self._exception = np.zeros(1, np.int64)
        self._servers: list[Int64s] = []
        self._queues: list[Int64s] = []  # kept: servers have their addresses
        self._threads: list[threading.Thread] = []
        self._traces: list[Int64s] = []
        for stream in range(min(streams, requests)):
            count = len(range(stream, requests, streams))
            rows = np.zeros((1 + count, ROW_WORDS), np.int64)
            rows[:, _SERVICE] = service_ns
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
        """From this instant on it has these faults."""
        stall = at_ns + to_ns(stall_at_s)
        for rows in self._servers:
            rows[:, _DRIFT] = round(drift_percent_per_s * 1e7)
            rows[:, _STALL], rows[:, _RESUME] = stall, stall + to_ns(stall_s)
            rows[:, _BEGIN] = at_ns  # last, as servers look at it first

    def start(self) -> None:
        """Start the servers; only asynchronous requests need them."""
        for rows in self._servers:
            thread = threading.Thread(target=self._serve, args=(rows,), daemon=True, name="null stream")
            thread.start()
            self._threads.append(thread)

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
