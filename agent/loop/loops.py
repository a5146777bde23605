"""The load loops, in Python source and at the speed of compiled code: between start and stop no Python runs.

numba compiles them with the GIL released; they call OpenVINO's C API and libc by address. Addresses, not symbols,
because only then can the machine code be cached on disk. State lives in rows of int64 (`layout`) that
`recorder` allocates, a control row per agent and a slot row per infer request, each on cache lines of its own, so that
a stream thread that completes a request writes nothing that another one reads.

The asynchronous loop has no dispatcher and no queue of idle requests: a request's completion callback stamps the time,
records the inference and starts its own request again. It is a C++ `std::function<void(std::exception_ptr)>`, not the
C API's callback, because the latter does not say whether the inference failed and the failure would be lost once the
request is started again (see `capi.set_callback_address`).

Where inputs are fed, each inference is given its next ones before its start is stamped. Where the load is paced, each
start of the agent is due at an instant of its own, so lateness never adds up; a request that nothing is due for is left
idle, and the waiting thread starts it when something is.
"""

from typing import Any, Final

from llvmlite import ir
from numba import cfunc, config, njit, types
from numba.extending import intrinsic

from ovbench.common.histogram import COARSE, FINE, MOST_VALUE

from .layout import (
    C_BEGAN,
    C_BEGIN,
    C_CALL,
    C_CLOCK,
    C_COPY,
    C_DEADLINE,
    C_INPUTS,
    C_LIMIT,
    C_NEXT,
    C_PERIOD,
    C_PHASE,
    C_REARM,
    C_SCRATCH,
    C_SET,
    C_SLEEP,
    C_STARTED,
    C_STOP,
    F_BYTES,
    F_COUNT,
    F_INPUT,
    F_ITEMS,
    F_TARGET,
    FEED_WORDS,
    ROW_WORDS,
    S_CAPACITY,
    S_COARSE,
    S_CONTROL,
    S_COUNT,
    S_DEVIATION,
    S_DONE,
    S_FEED,
    S_FINE,
    S_FIRST_END,
    S_FOLDED,
    S_FUNCTION,
    S_HEAD,
    S_IDLE,
    S_LAST_END,
    S_LEAST,
    S_MASK,
    S_MOST,
    S_MOVED,
    S_OBJECT,
    S_PIVOT,
    S_REQUEST,
    S_SAMPLES,
    S_SLICE_NS,
    S_SLICES,
    S_SQUARE,
    S_START,
    S_STATUS,
    S_TIME,
    S_TURN,
    Slot,
)

CACHED: Final = bool(config.CACHE_DIR)  # type: ignore[attr-defined]
"""Only in a folder that was chosen for it (`cache`): numba would take files from whatever other place it finds."""

_FINE_BITS: Final = FINE.bits
_COARSE_BITS: Final = COARSE.bits
_COARSE_SIZE: Final = COARSE.size
_MOST_VALUE: Final = MOST_VALUE

_SPIN_NS: Final = 2_000_000
"""A sleeping thread wakes late by up to about a millisecond on a busy machine: sleep to here, then spin."""

_POLL_NS: Final = 1_000_000
_NAP_NS: Final = 20_000_000
_LEAST_NAP_NS: Final = 50_000
"""The kernel's timer slack: a shorter sleep takes as long."""

_ASYNC_FAILED: Final = 1
_NEVER: Final = -1
"""In place of an instant: nothing starts now."""

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
def call_three(typing_context: Any, function: Any, first: Any, second: Any, third: Any) -> Any:
    """int32 function(int64 first, int64 second, int64 third), the function given by address; pointers pass as int64.

    It serves memcpy too, whose result is not looked at.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(_I32, [_I64, _I64, _I64])
        return builder.call(builder.inttoptr(args[0], kind.as_pointer()), args[1:])

    return types.int32(types.int64, types.int64, types.int64, types.int64), generate


@intrinsic
def _stack_words(typing_context: Any) -> Any:
    """The address of two int64 words that live as long as the calling function runs."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        with builder.goto_entry_block():
            pair = builder.alloca(_I64, 2)
        return builder.ptrtoint(pair, _I64)

    return types.int64(), generate


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
def fetch_add(typing_context: Any, address: Any, value: Any) -> Any:
    """Atomic: adds to the word at an address and returns what it was."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], _I64.as_pointer())
        return builder.atomic_rmw("add", pointer, args[1], "monotonic")

    return types.int64(types.int64, types.int64), generate


@intrinsic
def swap(typing_context: Any, address: Any, expected: Any, value: Any) -> Any:
    """Atomic, and ordered among all threads: stores `value` if the word is `expected`; returns what it was."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], _I64.as_pointer())
        return builder.extract_value(builder.cmpxchg(pointer, args[1], args[2], "seq_cst", "seq_cst"), 0)

    return types.int64(types.int64, types.int64, types.int64), generate


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
    ticket = fetch_add(control_address + 8 * C_STARTED, 1)
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


@njit
def due(control_address, number):
    """When start `number` of a paced load is due, in whole ns."""
    pace = _reals(control_address)
    return words(control_address)[C_BEGIN] + int(pace[C_PHASE] + number * pace[C_PERIOD])


@njit
def _sleep_to(control_address, timespec, instant):
    """Sleep to an instant, without spinning, and return when it is then. A stop ends the sleep."""
    control = words(control_address)
    current = now(control[C_CLOCK], timespec)
    while current < instant and control[C_STOP] == 0:
        sleep_until(control[C_SLEEP], timespec, min(instant, current + _NAP_NS))
        current = now(control[C_CLOCK], timespec)
    return current


@njit
def _feed(control_address, slot_address):
    """Give a request the inputs of its next inference; returns OpenVINO's status.

    Small inputs are copied into the request's own tensors: setting a tensor costs 1 us, copying a few bytes 10 ns.
    """
    control = words(control_address)
    slot = words(slot_address)
    turn = slot[S_TURN] + slot[S_COUNT]
    for index in range(control[C_INPUTS]):
        fed = words(slot[S_FEED] + index * 8 * FEED_WORDS)
        item = words(fed[F_ITEMS])[turn % fed[F_COUNT]]
        if fed[F_TARGET] != 0:
            call_three(control[C_COPY], fed[F_TARGET], item, fed[F_BYTES])
        else:
            status = call_three(control[C_SET], slot[S_REQUEST], fed[F_INPUT], item)
            if status != 0:
                return status
    return types.int32(0)


@njit
def _ready(control_address, slot_address, instant):
    """Synchronous: sleep to `instant` where paced, then feed. Returns the start, or _NEVER after a stop or failure."""
    control = words(control_address)
    slot = words(slot_address)
    timespec = slot_address + 8 * S_TIME
    if control[C_PERIOD] != 0:
        instant = _sleep_to(control_address, timespec, instant)
        if control[C_STOP] != 0:
            return _NEVER
    if control[C_INPUTS] != 0:
        slot[S_STATUS] = _feed(control_address, slot_address)
        if slot[S_STATUS] != 0:
            return _NEVER
        instant = now(control[C_CLOCK], timespec)
    return instant


@njit(types.void(i64, i64), nogil=True, cache=CACHED)
def run_sync(control_address, slot_address):
    """Infer on one request, back to back unless paced. One reading of the clock ends an inference and starts the next.

    A paced load asks whether it goes on before it sleeps: a start that is due after the deadline is not waited for.
    """
    control = words(control_address)
    slot = words(slot_address)
    infer, request, clock = control[C_CALL], slot[S_REQUEST], control[C_CLOCK]
    timespec = slot_address + 8 * S_TIME
    paced = control[C_PERIOD] != 0
    plain = not paced and control[C_INPUTS] == 0
    start = _await_begin(control_address)
    if paced:
        start = max(start, due(control_address, 0))
    while _goes_on(control_address, start):
        if not plain:
            start = _ready(control_address, slot_address, start)
            if start == _NEVER:
                break
        status = call_status(infer, request)
        if status != 0:
            slot[S_STATUS] = status
            break
        end = now(clock, timespec)
        record(slot_address, start, end)
        start = end
        if paced:
            start = max(end, due(control_address, slot[S_COUNT]))
    slot[S_DONE] = 1


@njit(types.void(i64), cache=CACHED)
def rearm(slot_address):
    """Set the callback again before a request is started.

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


@njit
def _fail(control_address, slot_address, status):
    """End the load: this request now, the others when they complete."""
    slot = words(slot_address)
    slot[S_STATUS] = status
    words(control_address)[C_STOP] = 1
    slot[S_DONE] = 1


@njit
def _start(control_address, slot_address, instant):
    """Start a request, fed where inputs are; `instant` is its start where nothing is fed."""
    control = words(control_address)
    slot = words(slot_address)
    if control[C_INPUTS] != 0:
        status = _feed(control_address, slot_address)
        if status != 0:
            _fail(control_address, slot_address, status)
            return
        instant = now(control[C_CLOCK], slot_address + 8 * S_TIME)
    slot[S_START] = instant
    rearm(slot_address)
    status = call_status(control[C_CALL], slot[S_REQUEST])
    if status != 0:
        _fail(control_address, slot_address, status)


@njit
def _take_number(control_address, instant):
    """Take the number of the next start if it is due at `instant`; whether it was. No other thread has that number."""
    next_address = control_address + 8 * C_NEXT
    number = words(control_address)[C_NEXT]
    while due(control_address, number) <= instant:
        found = swap(next_address, number, number + 1)
        if found == number:
            return True
        number = found
    return False


@njit
def _take_turn(control_address, slot_address, instant):
    """Give a request that completed at `instant` the next start, if that is due, else leave it idle.

    Returns the instant at which it took the start, or _NEVER: the request may already be another thread's then. The
    clock is read again once it is idle, as the waiting thread may have looked for an idle one just before; and again
    once it is claimed, as it may have been through another inference in between. These readings are on the stack: in
    the slot they could meet that of the request's next completion.
    """
    control = words(control_address)
    clock, timespec = control[C_CLOCK], _stack_words()
    idle = slot_address + 8 * S_IDLE
    while not _take_number(control_address, instant):
        swap(idle, 0, 1)
        if now(clock, timespec) < due(control_address, control[C_NEXT]) or swap(idle, 1, 0) != 1:
            return _NEVER
        instant = now(clock, timespec)
    return instant


@cfunc(types.void(_words, _words), cache=CACHED)
def on_complete(functor, exception):
    """Completion of an inference: `functor` holds the slot's address, `exception` is null unless it failed."""
    slot_address = functor[0]
    slot = words(slot_address)
    control_address = slot[S_CONTROL]
    control = words(control_address)
    instant = now(control[C_CLOCK], slot_address + 8 * S_TIME)
    if exception[0] != 0:
        _fail(control_address, slot_address, _ASYNC_FAILED)
        return
    record(slot_address, slot[S_START], instant)
    if control[C_PERIOD] != 0:
        instant = _take_turn(control_address, slot_address, instant)
        if instant == _NEVER:
            return
    if _goes_on(control_address, instant):
        _start(control_address, slot_address, instant)
    else:
        slot[S_DONE] = 1


@cfunc(types.boolean(_words, _words, types.int32), cache=CACHED)
def manage_function(target, source, operation):
    """The manager of the std::function in a slot: 2 clones the one word of state; nothing needs destroying."""
    if operation == 2:
        target[0] = source[0]
    return False


def entry(function: Any) -> int:
    """The address of a compiled `cfunc`."""
    return int(function.address)


def install(slot: Slot) -> None:
    """Have the slot's std::function call `on_complete`."""
    slot.set_function(entry(manage_function), entry(on_complete))


@njit
def _skip_done(slots_address, count, index):
    """The first request from `index` on that is not done; `count` if all are."""
    while index < count and words(slots_address + index * 8 * ROW_WORDS)[S_DONE] != 0:
        index += 1
    return index


@njit
def _run_unpaced(control_address, slots_address, count, instant):
    """Start every request once and sleep until all are done; the callbacks do the rest."""
    control = words(control_address)
    clock, timespec = control[C_CLOCK], control_address + 8 * C_SCRATCH
    for index in range(count):
        slot_address = slots_address + index * 8 * ROW_WORDS
        if _goes_on(control_address, instant):
            instant = now(clock, timespec)
            _start(control_address, slot_address, instant)
        else:
            words(slot_address)[S_DONE] = 1
    done = 0
    while done < count:
        instant = now(clock, timespec)
        wake = max(control[C_DEADLINE], instant + _POLL_NS)
        sleep_until(control[C_SLEEP], timespec, min(wake, instant + _NAP_NS))
        done = _skip_done(slots_address, count, done)


@njit
def _claim_idle(slots_address, count, first):
    """Make an idle request the caller's: its index, searched from `first` on and round; `count` if there is none."""
    for step in range(count):
        index = (first + step) % count
        slot_address = slots_address + index * 8 * ROW_WORDS
        if words(slot_address)[S_IDLE] != 0 and swap(slot_address + 8 * S_IDLE, 1, 0) == 1:
            return index
    return count


@njit
def _start_when_due(control_address, slot_address):
    """Give a request of the waiting thread's the next start, sleep until that is due, and start it."""
    control = words(control_address)
    timespec = control_address + 8 * C_SCRATCH
    instant = due(control_address, fetch_add(control_address + 8 * C_NEXT, 1))
    if _goes_on(control_address, max(instant, now(control[C_CLOCK], timespec))):
        instant = _sleep_to(control_address, timespec, instant)
        if control[C_STOP] == 0:
            _start(control_address, slot_address, instant)
            return
    words(slot_address)[S_DONE] = 1


@njit
def _await_due(control_address):
    """With no request idle, sleep until another start comes due.

    Those that are due already need no one: requests that complete take them (`_take_turn`).
    """
    control = words(control_address)
    pace = _reals(control_address)
    timespec = control_address + 8 * C_SCRATCH
    instant = now(control[C_CLOCK], timespec)
    passed = int((instant - control[C_BEGIN] - pace[C_PHASE]) / pace[C_PERIOD])
    wake = max(due(control_address, max(passed + 1, control[C_NEXT])), instant + _LEAST_NAP_NS)
    if wake >= control[C_DEADLINE]:
        wake = min(wake, instant + _POLL_NS)  # the last ones may complete at any time
    sleep_until(control[C_SLEEP], timespec, min(wake, instant + _NAP_NS))


@njit
def _run_paced(control_address, slots_address, count):
    """Start idle requests when starts are due, each in its turn, until none goes on."""
    for index in range(count):
        words(slots_address + index * 8 * ROW_WORDS)[S_IDLE] = 1
    turn = 0
    done = 0
    while done < count:
        index = _claim_idle(slots_address, count, turn)
        if index < count:
            turn = index + 1
            _start_when_due(control_address, slots_address + index * 8 * ROW_WORDS)
        else:
            _await_due(control_address)
        done = _skip_done(slots_address, count, done)


@njit(types.void(i64, i64, i64), nogil=True, cache=CACHED)
def run_async(control_address, slots_address, count):
    """Keep every request in flight, or, paced, start one when a start is due; returns when all are done."""
    instant = _await_begin(control_address)
    if words(control_address)[C_PERIOD] != 0:
        _run_paced(control_address, slots_address, count)
    else:
        _run_unpaced(control_address, slots_address, count, instant)
