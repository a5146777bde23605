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

import threading

import numpy as np

from ovbench.common.clock import to_ns

from .cache import load_loops
from .layout import Int64s, Slot
from .nullrow import (
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
    N_SERVER,
    N_SERVICE,
    N_SLEEP,
    N_STALL,
    N_TRACE,
    N_VALUES,
    N_WAIT,
    ROW_WORDS,
)


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
            rows[:, N_SERVICE] = service_ns
            if seed is not None:
                rows[:, N_EXPONENTIAL], rows[:, N_KEY] = 1, load_loops().service_key(seed, stream)
            rows[:, N_CLOCK] = clock
            rows[:, N_SLEEP] = sleep
            queue = np.zeros(count, np.int64)
            rows[0, N_REQUESTS], rows[0, N_QUEUE] = count, queue.ctypes.data
            rows[0, N_POST], rows[0, N_WAIT] = semaphore
            rows[1:, N_SERVER] = rows.ctypes.data
            rows[1:, N_CALLBACK] = load_loops().address("on_complete")
            self._servers.append(rows)
            self._queues.append(queue)

    def request(self, index: int) -> int:
        """The handle of a request: the address of its row."""
        return int(self._row(index).ctypes.data)

    def connect(self, index: int, slot: Slot) -> None:
        """Completions of request `index` go to the slot."""
        self._row(index)[N_FUNCTOR] = slot.function_address

    def trace(self, index: int, inputs: int, room: int) -> tuple[Int64s, Int64s]:
        """Give request `index` so many inputs and note them at each of its first `room` inferences.

        Returns the inputs' memory [inputs], and the notes [room, inputs], 0 where there was no inference.
        """
        values, notes = np.zeros(inputs, np.int64), np.zeros((room, inputs), np.int64)
        self._traces += [values, notes]  # kept: the row has their addresses
        row = self._row(index)
        row[N_INPUTS], row[N_ROOM] = inputs, room
        row[N_VALUES], row[N_TRACE] = values.ctypes.data, notes.ctypes.data
        return values, notes

    def begin(self, at_ns: int, drift_percent_per_s: float, stall_at_s: float, stall_s: float) -> None:
        """The load that is measured begins at this instant: from then on it has these faults, and the next service of
        each stream is the first of its sequence. Nothing is in flight."""
        stall = at_ns + to_ns(stall_at_s)
        for rows in self._servers:
            rows[:, N_NUMBER] = 0
            if not drift_percent_per_s and not stall_s:
                continue
            rows[:, N_DRIFT] = round(drift_percent_per_s * 1e7)
            rows[:, N_STALL], rows[:, N_RESUME] = stall, stall + to_ns(stall_s)
            rows[:, N_BEGIN] = at_ns  # last, as servers look at it first

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
            rows[0, N_QUIT] = 1
            load_loops().wake(rows.ctypes.data)
        for thread in self._threads:
            thread.join()

    def _serve(self, rows: Int64s) -> None:
        """A thread that runs this keeps all memory that its server has the addresses of."""
        load_loops().serve(rows.ctypes.data, self._exception.ctypes.data)

    def _row(self, index: int) -> Int64s:
        streams = len(self._servers)
        row: Int64s = self._servers[index % streams][1 + index // streams]
        return row
