"""The load loops, in Python source and at the speed of compiled code: between start and stop no Python runs.

numba compiles them with the GIL released; they call OpenVINO's C API and libc by address. Addresses, not symbols,
because only then can the machine code be cached on disk. State lives in rows of int64 allocated by `recorder`,
a control row per agent and a slot row per infer request, each on cache lines of its own, so that a
stream thread that completes a request writes nothing that another one reads.

The asynchronous loop has no dispatcher and no queue of idle requests: a request's completion callback stamps the time,
records the inference and starts its own request again. It is a C++ `std::function<void(std::exception_ptr)>`, not the
C API's callback, because the latter does not say whether the inference failed and the failure would be lost once the
request is started again (see `capi.Completion`).
"""

from typing import Any, Final

from llvmlite import ir
from numba import cfunc, njit, types
from numba.extending import intrinsic

from ovbench.common.histogram import COARSE, FINE, MOST_VALUE

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
C_SCRATCH: Final = 16  # a timespec of the waiting thread, on lines of its own
C_STARTED: Final = 32  # counts against LIMIT; written by every stream, so on lines of its own

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
S_FUNCTION: Final = 32  # four words: the std::function that calls `on_complete` with this slot
S_MOVED: Final = 36  # four words: the copy of it that OpenVINO moves from
S_OBJECT: Final = 40  # address of the ov::InferRequest

_FINE_BITS: Final = FINE.bits
_COARSE_BITS: Final = COARSE.bits
_COARSE_SIZE: Final = COARSE.size
_MOST_VALUE: Final = MOST_VALUE

_SPIN_NS: Final = 2_000_000
"""A sleeping thread wakes late by up to about a millisecond on a busy machine: sleep to here, then spin."""

_POLL_NS: Final = 1_000_000
_NAP_NS: Final = 20_000_000
_ASYNC_FAILED: Final = 1

i64 = types.int64
_words = types.CPointer(types.int64)
_I64 = ir.IntType(64)
_I32 = ir.IntType(32)


@intrinsic
def words(typing_context: Any, address: Any) -> Any:
    """The int64 words at an address."""
    return _words(types.int64), lambda context, builder, signature, args: builder.inttoptr(args[0], _I64.as_pointer())


@intrinsic
def _reals(typing_context: Any, address: Any) -> Any:
    """The float64 words at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], ir.DoubleType().as_pointer())

    return types.CPointer(types.float64)(types.int64), generate


@intrinsic
def call_status(typing_context: Any, function: Any, argument: Any) -> Any:
    """int32 function(int64 argument), the function given by address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I32, [_I64])
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1]])

    return types.int32(types.int64, types.int64), generate


@intrinsic
def call_pair(typing_context: Any, function: Any, first: Any, second: Any) -> Any:
    """void function(int64 first, int64 second), the function given by address; pointers pass as int64."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [_I64, _I64])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1], args[2]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@intrinsic
def _call_clock(typing_context: Any, function: Any, clock: Any, timespec: Any) -> Any:
    """int clock_gettime(clockid_t, struct timespec *)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I32, [_I32, _I64])
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), [args[1], args[2]])

    return types.int32(types.int64, types.int32, types.int64), generate


@intrinsic
def _call_sleep(typing_context: Any, function: Any, clock: Any, flags: Any, timespec: Any) -> Any:
    """int clock_nanosleep(clockid_t, int flags, const struct timespec *, NULL)."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I32, [_I32, _I32, _I64, _I64])
        arguments = [args[1], args[2], args[3], ir.Constant(_I64, 0)]
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), arguments)

    return types.int32(types.int64, types.int32, types.int32, types.int64), generate


@intrinsic
def _fetch_add(typing_context: Any, address: Any, value: Any) -> Any:
    """Atomic: adds to the word at an address and returns what it was."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], _I64.as_pointer())
        return builder.atomic_rmw("add", pointer, args[1], "monotonic")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def _bit_length(typing_context: Any, value: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        zeros = builder.ctlz(args[0], ir.Constant(ir.IntType(1), 0))
        return builder.sub(ir.Constant(_I64, 64), zeros)

    return types.int64(types.int64), generate


# What only compiled code calls has no signature: given one, numba would compile it at every import. What Python calls
# has one, and is cached.


@njit
def now(clock, timespec):
    """CLOCK_MONOTONIC in ns; `timespec` is the address of two words of scratch."""
    _call_clock(clock, types.int32(1), timespec)
    pair = words(timespec)
    return pair[0] * 1_000_000_000 + pair[1]


@njit
def sleep_until(sleep, timespec, instant):
    pair = words(timespec)
    pair[0] = instant // 1_000_000_000
    pair[1] = instant % 1_000_000_000
    _call_sleep(sleep, types.int32(1), types.int32(1), timespec)


@njit
def bucket(value, bits):
    """The bucket of a latency: `histogram.Layout(bits).buckets`, in integers."""
    if value < 0:
        value = 0
    elif value > _MOST_VALUE:
        value = _MOST_VALUE
    shift = _bit_length(value) - bits
    if shift < 0:
        shift = 0
    return (shift << (bits - 1)) + (value >> shift)


@njit
def _halve_slices(coarse, slices, size):
    """Make the slices twice as long: add each pair up into the first half and clear the second."""
    cells = words(coarse)
    half = slices // 2
    for index in range(half):
        for cell in range(size):
            first = (2 * index) * size + cell
            cells[index * size + cell] = cells[first] + cells[first + size]
    for cell in range(half * size, slices * size):
        cells[cell] = 0


@njit
def _fold(address, start, end):
    """Take a sample that is about to be overwritten into the histograms. Costs some 10 ns, and memory that is fixed."""
    slot = words(address)
    sums = _reals(address)
    latency = end - start
    if slot[S_FOLDED] == 0:
        slot[S_FIRST_END] = end
        slot[S_LEAST] = latency
        slot[S_MOST] = latency
        slot[S_PIVOT] = latency
    slot[S_FOLDED] += 1
    slot[S_LAST_END] = end
    slot[S_LEAST] = min(slot[S_LEAST], latency)
    slot[S_MOST] = max(slot[S_MOST], latency)
    deviation = float(latency - slot[S_PIVOT])
    sums[S_DEVIATION] += deviation
    sums[S_SQUARE] += deviation * deviation
    fine = words(slot[S_FINE])
    fine[bucket(latency, _FINE_BITS)] += 1
    since = end - words(slot[S_CONTROL])[C_BEGIN]
    while since >= slot[S_SLICE_NS] * slot[S_SLICES]:
        _halve_slices(slot[S_COARSE], slot[S_SLICES], _COARSE_SIZE)
        slot[S_SLICE_NS] *= 2
    coarse = words(slot[S_COARSE])
    coarse[(since // slot[S_SLICE_NS]) * _COARSE_SIZE + bucket(latency, _COARSE_BITS)] += 1


@njit
def record(address, start, end):
    """Store one inference: in the head, then round the ring; what the ring overwrites is folded first."""
    slot = words(address)
    count = slot[S_COUNT]
    index = count
    samples = words(slot[S_SAMPLES])
    if count >= slot[S_CAPACITY]:
        head = slot[S_HEAD]
        index = head + ((count - head) & slot[S_MASK])
        _fold(address, samples[2 * index], samples[2 * index + 1])
    samples[2 * index] = start
    samples[2 * index + 1] = end
    slot[S_COUNT] = count + 1


@njit
def _goes_on(control_address, instant):
    """Whether an inference may start at `instant`; takes one from the limit where there is one."""
    control = words(control_address)
    if control[C_STOP] != 0:
        return False
    if control[C_LIMIT] == 0:
        return instant < control[C_DEADLINE]
    ticket = _fetch_add(control_address + 8 * C_STARTED, 1)
    return ticket < control[C_LIMIT] or instant < control[C_DEADLINE]


@njit
def _await_begin(control_address):
    """Sleep to shortly before the beginning, spin to it, and return the instant it is then. A stop ends the wait."""
    control = words(control_address)
    clock, timespec = control[C_CLOCK], control_address + 8 * C_SCRATCH
    begin = control[C_BEGIN]
    instant = now(clock, timespec)
    while instant < begin - _SPIN_NS and control[C_STOP] == 0:
        sleep_until(control[C_SLEEP], timespec, min(begin - _SPIN_NS, instant + _NAP_NS))
        instant = now(clock, timespec)
    while instant < begin and control[C_STOP] == 0:
        instant = now(clock, timespec)
    control[C_BEGAN] = instant
    return instant


@njit(types.void(i64, i64), nogil=True, cache=True)
def run_sync(control_address, slot_address):
    """Infer back to back on one request. One reading of the clock ends an inference and starts the next."""
    control = words(control_address)
    slot = words(slot_address)
    infer, request, clock = control[C_CALL], slot[S_REQUEST], control[C_CLOCK]
    timespec = slot_address + 8 * S_TIME
    start = _await_begin(control_address)
    while _goes_on(control_address, start):
        status = call_status(infer, request)
        if status != 0:
            slot[S_STATUS] = status
            break
        end = now(clock, timespec)
        record(slot_address, start, end)
        start = end
    slot[S_DONE] = 1


@njit(types.void(i64), cache=True)
def rearm(slot_address):
    """Set the callback again before a request starts itself from within it.

    OpenVINO takes the callback out while it runs and puts it back when it has returned (ov::IAsyncInferRequest,
    make_next_stage_task). A thread that is preempted in between, after the request was started, would let another
    stream complete the request with no callback in place, and the request would never be started again.
    """
    slot = words(slot_address)
    function = words(slot[S_CONTROL])[C_REARM]
    if function != 0:
        for word in range(4):
            slot[S_MOVED + word] = slot[S_FUNCTION + word]
        call_pair(function, slot[S_OBJECT], slot_address + 8 * S_MOVED)


@cfunc(types.void(_words, _words), cache=True)
def on_complete(functor, exception):
    """Completion of an inference: `functor` holds the slot's address, `exception` is null unless it failed."""
    slot_address = functor[0]
    slot = words(slot_address)
    control_address = slot[S_CONTROL]
    control = words(control_address)
    end = now(control[C_CLOCK], slot_address + 8 * S_TIME)
    if exception[0] != 0:
        slot[S_STATUS] = _ASYNC_FAILED
        control[C_STOP] = 1
        slot[S_DONE] = 1
        return
    record(slot_address, slot[S_START], end)
    if not _goes_on(control_address, end):
        slot[S_DONE] = 1
        return
    slot[S_START] = end
    rearm(slot_address)
    status = call_status(control[C_CALL], slot[S_REQUEST])
    if status != 0:
        slot[S_STATUS] = status
        control[C_STOP] = 1
        slot[S_DONE] = 1


@cfunc(types.boolean(_words, _words, types.int32), cache=True)
def manage_function(target, source, operation):
    """The manager of the std::function in a slot: 2 clones the one word of state; nothing needs destroying."""
    if operation == 2:
        target[0] = source[0]
    return False


def entry(function: Any) -> int:
    """The address of a compiled `cfunc`."""
    return int(function.address)


@njit(types.void(i64, i64, i64), nogil=True, cache=True)
def run_async(control_address, slots_address, count):
    """Start every request once and sleep until all are done; the callbacks do the rest."""
    control = words(control_address)
    clock, timespec = control[C_CLOCK], control_address + 8 * C_SCRATCH
    instant = _await_begin(control_address)
    for index in range(count):
        slot_address = slots_address + index * 8 * ROW_WORDS
        slot = words(slot_address)
        if not _goes_on(control_address, instant):
            slot[S_DONE] = 1
            continue
        instant = now(clock, timespec)
        slot[S_START] = instant
        status = call_status(control[C_CALL], slot[S_REQUEST])
        if status != 0:
            slot[S_STATUS] = status
            control[C_STOP] = 1
            slot[S_DONE] = 1
    done = 0
    while done < count:
        instant = now(clock, timespec)
        wake = control[C_DEADLINE]
        if wake < instant + _POLL_NS:
            wake = instant + _POLL_NS
        sleep_until(control[C_SLEEP], timespec, min(wake, instant + _NAP_NS))
        while done < count and words(slots_address + done * 8 * ROW_WORDS)[S_DONE] != 0:
            done += 1
