"""Where words lie: in an agent's control row, a request's slot, a fed input's row, and the memory for samples.

The compiled loops (`recording`, `pacing`, `loops`) index rows by these offsets, which are compiled into them. Everybody
else has a row through its view: named words over the same numpy array. Instants are CLOCK_MONOTONIC ns, addresses are
of this process.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.histogram import FINE
from ovbench.common.samples import SampleArray

Int64s = npt.NDArray[np.int64]

ROW_WORDS: Final = 64
"""Words in a row: 512 bytes, more than the two cache lines that CPUs fetch together."""


# Words of an agent's row.
C_BEGIN: Final = 0  # instant to begin at
C_DEADLINE: Final = 1  # run until this instant ...
C_LIMIT: Final = 2  # ... and until so many inferences were started, whichever is later
C_STOP: Final = 3  # set to end the load now
C_CLOCK: Final = 4  # address of clock_gettime
C_SLEEP: Final = 5  # address of clock_nanosleep
C_CALL: Final = 6  # address of int32 infer(request) or start_async(request)
C_REARM: Final = 7  # address of void set_callback(object, function), or 0
C_BEGAN: Final = 8  # when the load began
C_INPUTS: Final = 9  # how many inputs are fed, or 0
C_SET: Final = 10  # address of int32 set_input(request, input, item)
C_COPY: Final = 11  # address of memcpy
C_MODE: Final = 12  # when inferences are due: one of the modes below
C_PERIOD: Final = 13  # float64: without DUES, ns from one arrival of the agent to the next
C_PHASE: Final = 14  # float64: and from BEGIN to the first
C_DUES: Final = 15  # address of ARRIVALS int64: when each is due, ns since ZERO; or 0
C_ARRIVALS: Final = 16
C_ZERO: Final = 17  # instant at which the window begins
C_QUEUE: Final = 18  # address of the number of the next arrival: NEXT, or a word that agents share
C_DRAIN: Final = 19  # until this instant what is due may be started
C_TIMEOUT: Final = 20  # an arrival that has waited so long, ns, is dropped; 0 for never
C_SPIN: Final = 21  # so long before an instant, ns, a thread that waits for it wakes, and spins
C_DROPS: Final = 22  # address of [ARRIVALS] int64: the instants at which the dropped ones were due
C_SLOTS: Final = 24  # address of the slots of its samples
C_SIZE: Final = 25  # how many there are
C_SCRATCH: Final = 32  # a timespec of the waiting thread, on lines of its own
C_STARTED: Final = 48  # counts against LIMIT; written by every stream, so on lines of its own
C_NEXT: Final = 64  # on lines of its own as well
C_OPEN: Final = 65  # samples of the query that have not ended; where there are queries, NEXT is not used
C_DROPPED: Final = 80  # how many were dropped; likewise
CONTROL_WORDS: Final = 96

# Modes.
BACK_TO_BACK: Final = 0  # on each request when the one before has ended
AT_RATE: Final = 1  # at instants of their own
IN_QUERIES: Final = 2  # all requests make up one query after the other, due when it begins

# Words of a request's row. The first eight are touched on every inference.
S_COUNT: Final = 0
S_START: Final = 1  # of the inference in flight
S_CONTROL: Final = 2  # address of the agent's row
S_REQUEST: Final = 3
S_SAMPLES: Final = 4  # address of [CAPACITY] samples (`common.samples`)
S_CAPACITY: Final = 5  # HEAD + ring; the ring's length is a power of two
S_TIME: Final = 6  # and 7: a timespec
S_HEAD: Final = 8  # samples that are never overwritten
S_MASK: Final = 9  # ring length - 1
S_STATUS: Final = 10  # what OpenVINO returned, if not 0
S_DONE: Final = 11
S_FINE: Final = 12  # address of the histogram that overwritten samples fold into
S_COARSE: Final = 13  # address of [slices, coarse size] int64
S_SLICES: Final = 14
S_SLICE_NS: Final = 15
S_FOLDED: Final = 16  # how many were folded
S_FIRST_END: Final = 17
S_LAST_END: Final = 18
S_LEAST: Final = 19
S_MOST: Final = 20
S_PIVOT: Final = 21
S_DEVIATION: Final = 22  # float64: sum of (latency - pivot)
S_SQUARE: Final = 23  # float64: sum of its square
S_FEED: Final = 24  # address of [INPUTS, FEED_WORDS] int64, a row per fed input
S_TURN: Final = 25  # inference k takes item (TURN + k) modulo their number, of each input
S_IDLE: Final = 26  # 1 while no arrival has been given to the request; who swaps it for 0 owns the request
S_DUE: Final = 27  # of the inference in flight, at a rate
S_PARTS: Final = 28  # at a rate: address of the [2, PART_WORDS] int64 that services and waits fold into
S_FUNCTION: Final = 32  # four words: the std::function that calls `on_complete` with this slot
S_MOVED: Final = 36  # four words: the copy of it that OpenVINO moves from
S_OBJECT: Final = 40  # address of the ov::InferRequest

# Words of what the services, or the waits, of samples that are overwritten fold into.
P_LEAST: Final = 0
P_MOST: Final = 1
P_PIVOT: Final = 2
P_DEVIATION: Final = 3  # float64
P_SQUARE: Final = 4  # float64
P_FINE: Final = 8  # and on: the histogram
PART_WORDS: Final = P_FINE + FINE.size

# Words of a fed input.
FEED_WORDS: Final = 8
F_INPUT: Final = 0  # its index
F_COUNT: Final = 1
F_ITEMS: Final = 2  # address of COUNT int64: addresses of memory to copy, or tensors to set
F_TARGET: Final = 3  # the memory to copy to; 0 to set instead
F_BYTES: Final = 4  # how much to copy


class _Word:
    """An int64 of a row."""

    def __init__(self, at: int) -> None:
        self._at = at

    def __get__(self, row: "_Row", owner: type) -> int:
        return int(row.words[self._at])

    def __set__(self, row: "_Row", value: int) -> None:
        row.words[self._at] = value


class _Real:
    """A float64 of a row."""

    def __init__(self, at: int) -> None:
        self._at = at

    def __get__(self, row: "_Row", owner: type) -> float:
        return float(row.words.view(np.float64)[self._at])

    def __set__(self, row: "_Row", value: float) -> None:
        row.words.view(np.float64)[self._at] = value


class _Row:
    def __init__(self, words: Int64s) -> None:
        """`words`: [words of such a row] int64, which whoever has the address keeps alive."""
        self.words = words

    @property
    def address(self) -> int:
        return int(self.words.ctypes.data)


class ControlRow(_Row):
    """An agent's row."""

    begin_ns = _Word(C_BEGIN)
    deadline_ns = _Word(C_DEADLINE)
    limit = _Word(C_LIMIT)
    stop = _Word(C_STOP)
    clock = _Word(C_CLOCK)
    sleep = _Word(C_SLEEP)
    call = _Word(C_CALL)
    rearm = _Word(C_REARM)
    began_ns = _Word(C_BEGAN)
    inputs = _Word(C_INPUTS)
    set_input = _Word(C_SET)
    copy = _Word(C_COPY)
    mode = _Word(C_MODE)
    period_ns = _Real(C_PERIOD)
    phase_ns = _Real(C_PHASE)
    dues = _Word(C_DUES)
    arrivals = _Word(C_ARRIVALS)
    zero_ns = _Word(C_ZERO)
    queue = _Word(C_QUEUE)
    drain_until_ns = _Word(C_DRAIN)
    timeout_ns = _Word(C_TIMEOUT)
    spin_ns = _Word(C_SPIN)
    drops = _Word(C_DROPS)
    started = _Word(C_STARTED)
    next_arrival = _Word(C_NEXT)
    dropped = _Word(C_DROPPED)

    @property
    def next_arrival_address(self) -> int:
        """Of the agent's own number of its next arrival."""
        return self.address + 8 * C_NEXT

    def clear(self) -> None:
        """As before a load."""
        self.words[[C_STOP, C_STARTED, C_NEXT, C_BEGAN, C_DROPPED]] = 0


class Slot(_Row):
    """A request's row."""

    count = _Word(S_COUNT)
    start_ns = _Word(S_START)
    control = _Word(S_CONTROL)
    request = _Word(S_REQUEST)
    samples = _Word(S_SAMPLES)
    capacity = _Word(S_CAPACITY)
    head = _Word(S_HEAD)
    mask = _Word(S_MASK)
    status = _Word(S_STATUS)
    done = _Word(S_DONE)
    fine = _Word(S_FINE)
    parts = _Word(S_PARTS)
    coarse = _Word(S_COARSE)
    slices = _Word(S_SLICES)
    slice_ns = _Word(S_SLICE_NS)
    folded = _Word(S_FOLDED)
    first_end_ns = _Word(S_FIRST_END)
    last_end_ns = _Word(S_LAST_END)
    least_ns = _Word(S_LEAST)
    most_ns = _Word(S_MOST)
    pivot_ns = _Word(S_PIVOT)
    deviation_ns = _Real(S_DEVIATION)
    square_ns2 = _Real(S_SQUARE)
    feed = _Word(S_FEED)
    turn = _Word(S_TURN)
    idle = _Word(S_IDLE)
    due_ns = _Word(S_DUE)
    object_address = _Word(S_OBJECT)

    @property
    def function_address(self) -> int:
        """Of its std::function."""
        return self.address + 8 * S_FUNCTION

    def set_function(self, manager: int, invoker: int) -> None:
        """Lay a std::function there that calls `invoker` with the slot's address: state, state, manager, invoker."""
        self.words[S_FUNCTION : S_FUNCTION + 4] = (self.address, 0, manager, invoker)


class Slots:
    """The rows of all requests: [requests, ROW_WORDS] int64."""

    def __init__(self, rows: Int64s) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, request: int) -> Slot:
        return Slot(self.rows[request])

    def __iter__(self) -> Iterator[Slot]:
        return map(Slot, self.rows)

    @property
    def address(self) -> int:
        return int(self.rows.ctypes.data)

    @property
    def counts(self) -> Int64s:
        return self.rows[:, S_COUNT]

    @property
    def statuses(self) -> Int64s:
        return self.rows[:, S_STATUS]

    @property
    def done(self) -> Int64s:
        return self.rows[:, S_DONE]

    @property
    def idle(self) -> Int64s:
        return self.rows[:, S_IDLE]

    @property
    def folded(self) -> Int64s:
        return self.rows[:, S_FOLDED]

    def clear(self, slice_ns: int) -> None:
        """As before a load: nothing recorded, in slices of the first length again."""
        self.rows[:, [S_COUNT, S_STATUS, S_DONE, S_IDLE, S_FOLDED, S_DEVIATION, S_SQUARE]] = 0
        self.rows[:, S_SLICE_NS] = slice_ns

    def copy(self) -> "Slots":
        """Of the rows as they are now; not what they have the addresses of."""
        return Slots(self.rows.copy())


class FedInput(_Row):
    """The row of an input that the loop feeds."""

    input = _Word(F_INPUT)
    count = _Word(F_COUNT)
    items = _Word(F_ITEMS)
    target = _Word(F_TARGET)
    bytes = _Word(F_BYTES)


class FeedTable:
    """The rows of a request's fed inputs, which its slot has the address of: [inputs, FEED_WORDS] int64."""

    def __init__(self, inputs: int) -> None:
        self.rows: Int64s = np.zeros((inputs, FEED_WORDS), np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> FedInput:
        return FedInput(self.rows[index])

    @property
    def address(self) -> int:
        return int(self.rows.ctypes.data)


class SampleMemory:
    """A request's samples: `table` [capacity, words of a sample] int64, a head that is never overwritten, then a ring
    whose length is a power of two."""

    def __init__(self, table: Int64s, head: int) -> None:
        self.table = table
        self.head = head

    def __len__(self) -> int:
        """How many there is room for."""
        return len(self.table)

    @property
    def address(self) -> int:
        return int(self.table.ctypes.data)

    def at(self, indices: Int64s) -> SampleArray:
        """Those of inferences by their index since the start."""
        return SampleArray(self.table[self._places(indices)])

    def between(self, first: int, stop: int) -> list[Int64s]:
        """Rows of the inferences from `first` on to before `stop`, in order, as pieces of the table; not more of those
        behind the head than the ring has room for."""
        head = self.head
        pieces = [self.table[first : min(stop, head)]] if first < head else []
        since = max(first, head)
        if stop > since:
            ring = len(self.table) - head
            begin = head + ((since - head) & (ring - 1))
            end = begin + min(stop - since, ring)
            pieces.append(self.table[begin:end])
            if end > len(self.table):
                pieces.append(self.table[head : end - ring])
        return pieces

    def stretches(self, count: int) -> list[tuple[int, SampleArray]]:
        """After `count` inferences, the exact samples in order, in pieces that lie together: the index of each piece's
        first inference, and it. What was folded lies between the head and the ring."""
        every = SampleArray(self.table)
        if count <= len(self):
            return [(0, every[:count])]
        ring = len(self) - self.head
        oldest = int(self._places(np.asarray([count]))[0])
        turned = count - (oldest - self.head)
        return [
            (0, every[: self.head]),
            (count - ring, every[oldest:]),
            (turned, every[self.head : oldest]),
        ]

    def _places(self, indices: Int64s) -> Int64s:
        """Where the samples of these indices lie: the head, then round the ring (as `recording.record` has it)."""
        ring = len(self) - self.head
        return np.where(indices < self.head, indices, self.head + ((indices - self.head) & (ring - 1)))


class FoldedParts:
    """What services and waits of a request were folded into: [2, PART_WORDS] int64."""

    def __init__(self, rows: Int64s) -> None:
        self.rows = rows

    @property
    def address(self) -> int:
        return int(self.rows.ctypes.data)

    def clear(self) -> None:
        self.rows[:] = 0

    @property
    def service(self) -> "FoldedPart":
        return FoldedPart(self.rows[0])

    @property
    def wait(self) -> "FoldedPart":
        return FoldedPart(self.rows[1])


class FoldedPart(_Row):
    """One of them."""

    least_ns = _Word(P_LEAST)
    most_ns = _Word(P_MOST)
    pivot_ns = _Word(P_PIVOT)
    deviation_ns = _Real(P_DEVIATION)
    square_ns2 = _Real(P_SQUARE)

    @property
    def fine(self) -> Int64s:
        return self.words[P_FINE:]
