"""Where words lie: in an agent's control row, a request's slot, a fed input's row, and the memory for samples.

The compiled loops (`loops`) index rows by these offsets, which are compiled into them. Everybody else has a row through
its view: named words over the same numpy array. Instants are CLOCK_MONOTONIC ns, addresses are of this process.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

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
C_PERIOD: Final = 12  # float64: ns from one start of the agent to the next, or 0 to start as soon as can be
C_PHASE: Final = 13  # float64: ns from BEGIN to the first start
C_SCRATCH: Final = 16  # a timespec of the waiting thread, on lines of its own
C_STARTED: Final = 32  # counts against LIMIT; written by every stream, so on lines of its own
C_NEXT: Final = 48  # the number of the next paced asynchronous start; on lines of its own as well

# Words of a request's row. The first eight are touched on every inference.
S_COUNT: Final = 0
S_START: Final = 1  # of the inference in flight
S_CONTROL: Final = 2  # address of the agent's row
S_REQUEST: Final = 3
S_SAMPLES: Final = 4  # address of [CAPACITY, 2] int64: start, end
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
S_IDLE: Final = 26  # 1 while no paced start has been given to the request; who swaps it for 0 owns the request
S_FUNCTION: Final = 32  # four words: the std::function that calls `on_complete` with this slot
S_MOVED: Final = 36  # four words: the copy of it that OpenVINO moves from
S_OBJECT: Final = 40  # address of the ov::InferRequest

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
    period_ns = _Real(C_PERIOD)
    phase_ns = _Real(C_PHASE)
    started = _Word(C_STARTED)
    next_start = _Word(C_NEXT)

    def clear(self) -> None:
        """As before a load."""
        self.words[[C_STOP, C_STARTED, C_NEXT, C_BEGAN]] = 0


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
    """A request's samples: `pairs` [capacity, 2] int64, start and end; a head that is never overwritten, then a ring
    whose length is a power of two."""

    def __init__(self, pairs: Int64s, head: int) -> None:
        self.pairs = pairs
        self.head = head

    def __len__(self) -> int:
        """How many there is room for."""
        return len(self.pairs)

    @property
    def address(self) -> int:
        return int(self.pairs.ctypes.data)

    def latencies(self, indices: Int64s) -> Int64s:
        """Of inferences by their index since the start, ns."""
        pairs = self.pairs[self._places(indices)]
        latencies: Int64s = pairs[:, 1] - pairs[:, 0]
        return latencies

    def end_ns(self, index: int) -> int:
        return int(self.pairs[self._places(np.asarray([index]))[0], 1])

    def stretches(self, count: int) -> list[tuple[int, Int64s]]:
        """After `count` inferences, the exact samples in order, in pieces that lie together: the index of each piece's
        first inference, and it. What was folded lies between the head and the ring."""
        if count <= len(self):
            return [(0, self.pairs[:count])]
        ring = len(self) - self.head
        oldest = int(self._places(np.asarray([count]))[0])
        turned = count - (oldest - self.head)
        return [
            (0, self.pairs[: self.head]),
            (count - ring, self.pairs[oldest:]),
            (turned, self.pairs[self.head : oldest]),
        ]

    def _places(self, indices: Int64s) -> Int64s:
        """Where the samples of these indices lie: the head, then round the ring (as `loops.record` has it)."""
        ring = len(self) - self.head
        return np.where(indices < self.head, indices, self.head + ((indices - self.head) & (ring - 1)))
