"""The load loops, in Python source and at the speed of compiled code: between start and stop no Python runs.

numba compiles them with the GIL released; they call OpenVINO's C API and libc by address. Addresses, not symbols,
because only then can the machine code be cached on disk. State lives in rows of int64 (`layout`) that
`recorder` allocates, a control row per agent and a slot row per infer request, each on cache lines of its own, so that
a stream thread that completes a request writes nothing that another one reads.

The asynchronous loop has no dispatcher and no queue of idle requests: a request's completion callback stamps the time,
records the inference and starts its own request again. It is a C++ `std::function<void(std::exception_ptr)>`, not the
C API's callback, because the latter does not say whether the inference failed and the failure would be lost once the
request is started again (see `capi.set_callback_address`).

Where inputs are fed, each inference is given its next ones before its start is stamped.

At a rate each inference is due at an instant of its own: an arrival. Arrivals are numbered in the order of these, and
whoever can serve one takes the next number, from the agent's own counter or from one that agents share. So one queue
serves all requests that take from it, first come first served, and none that is idle passes over an arrival that waits.
A request that nothing is due for waits for its instant (synchronous), or is left idle for the waiting thread to start
when something is (asynchronous).

In queries all requests start together, each with a sample of one query, and the next query begins when the last of them
has ended, whose callback starts it. The samples of a query are due when it begins.
"""

from typing import Any, Final

from llvmlite import ir
from numba import cfunc, config, njit, types
from numba.extending import intrinsic

from ovbench.common.histogram import COARSE, FINE, MOST_VALUE
from ovbench.common.samples import CLOSED_WORDS, DUE, END, OPEN_WORDS, START

from .layout import (
    C_ARRIVALS,
    C_AT_RATE,
    C_BEGAN,
    C_BEGIN,
    C_CALL,
    C_CLOCK,
    C_COPY,
    C_DEADLINE,
    C_DRAIN,
    C_DROPPED,
    C_DROPS,
    C_DUES,
    C_INPUTS,
    C_LIMIT,
    C_OPEN,
    C_PERIOD,
    C_PHASE,
    C_QUERIES,
    C_QUEUE,
    C_REARM,
    C_SCRATCH,
    C_SET,
    C_SIZE,
    C_SLEEP,
    C_SLOTS,
    C_SPIN,
    C_STARTED,
    C_STOP,
    C_TIMEOUT,
    C_ZERO,
    F_BYTES,
    F_COUNT,
    F_INPUT,
    F_ITEMS,
    F_TARGET,
    FEED_WORDS,
    P_DEVIATION,
    P_FINE,
    P_LEAST,
    P_MOST,
    P_PIVOT,
    P_SQUARE,
    PART_WORDS,
    ROW_WORDS,
    S_CAPACITY,
    S_COARSE,
    S_CONTROL,
    S_COUNT,
    S_DEVIATION,
    S_DONE,
    S_DUE,
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
    S_PARTS,
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

_NO_MORE: Final = (1 << 63) - 1
"""When the arrival after the last is due."""

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
    """Atomic: adds to the word at an address and returns what it was.

    What a thread did before is seen by those whose turn comes later.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], _I64.as_pointer())
        return builder.atomic_rmw("add", pointer, args[1], "acq_rel")

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
def _fold(address, due, start, end):
    """Take a sample that is about to be overwritten into the histograms. Costs some 10 ns, and memory that is fixed."""
    slot = words(address)
    sums = _reals(address)
    latency = end - due
    if slot[S_FOLDED] == 0:
        slot[S_FIRST_END] = end
        slot[S_LEAST] = latency
        slot[S_MOST] = latency
        slot[S_PIVOT] = latency
    slot[S_LAST_END] = end
    slot[S_LEAST] = min(slot[S_LEAST], latency)
    slot[S_MOST] = max(slot[S_MOST], latency)
    deviation = float(latency - slot[S_PIVOT])
    sums[S_DEVIATION] += deviation
    sums[S_SQUARE] += deviation * deviation
    fine = words(slot[S_FINE])
    fine[bucket(latency, _FINE_BITS)] += 1
    if slot[S_PARTS] != 0:
        _fold_part(slot[S_PARTS], slot[S_FOLDED], end - start)
        _fold_part(slot[S_PARTS] + 8 * PART_WORDS, slot[S_FOLDED], start - due)
    slot[S_FOLDED] += 1
    since = end - words(slot[S_CONTROL])[C_BEGIN]
    while since >= slot[S_SLICE_NS] * slot[S_SLICES]:
        _halve_slices(slot[S_COARSE], slot[S_SLICES], _COARSE_SIZE)
        slot[S_SLICE_NS] *= 2
    coarse = words(slot[S_COARSE])
    coarse[(since // slot[S_SLICE_NS]) * _COARSE_SIZE + bucket(latency, _COARSE_BITS)] += 1


@njit
def _fold_part(address, folded, value):
    """The service or the wait of a sample, of which `folded` were folded before."""
    part = words(address)
    sums = _reals(address)
    if folded == 0:
        part[P_LEAST] = value
        part[P_MOST] = value
        part[P_PIVOT] = value
    part[P_LEAST] = min(part[P_LEAST], value)
    part[P_MOST] = max(part[P_MOST], value)
    deviation = float(value - part[P_PIVOT])
    sums[P_DEVIATION] += deviation
    sums[P_SQUARE] += deviation * deviation
    part[P_FINE + bucket(value, _FINE_BITS)] += 1


@njit
def record(address, start, end):
    """Store an inference of a closed loop: in the head, then round the ring; what that overwrites is folded first."""
    slot = words(address)
    count = slot[S_COUNT]
    index = count
    samples = words(slot[S_SAMPLES])
    if count >= slot[S_CAPACITY]:
        head = slot[S_HEAD]
        index = head + ((count - head) & slot[S_MASK])
        former = CLOSED_WORDS * index
        _fold(address, samples[former + START], samples[former + START], samples[former + END])
    samples[CLOSED_WORDS * index + START] = start
    samples[CLOSED_WORDS * index + END] = end
    slot[S_COUNT] = count + 1


@njit
def record_due(address, due, start, end):
    """The same of an inference that was due at an instant of its own."""
    slot = words(address)
    count = slot[S_COUNT]
    index = count
    samples = words(slot[S_SAMPLES])
    if count >= slot[S_CAPACITY]:
        head = slot[S_HEAD]
        index = head + ((count - head) & slot[S_MASK])
        former = OPEN_WORDS * index
        _fold(address, samples[former + DUE], samples[former + START], samples[former + END])
    samples[OPEN_WORDS * index + START] = start
    samples[OPEN_WORDS * index + END] = end
    samples[OPEN_WORDS * index + DUE] = due
    slot[S_COUNT] = count + 1


@njit
def _goes_on(control_address, instant):
    """Whether an inference may start at `instant`, or one that is due then is the load's; takes one from the limit
    where there is one."""
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
    """When arrival `number` is due, in whole ns."""
    control = words(control_address)
    if control[C_DUES] == 0:
        pace = _reals(control_address)
        return control[C_BEGIN] + int(pace[C_PHASE] + number * pace[C_PERIOD])
    if number >= control[C_ARRIVALS]:
        return _NO_MORE
    return control[C_ZERO] + words(control[C_DUES])[number]


@njit
def _first_due_after(control_address, instant):
    """When the first of the arrivals that nobody has taken is due that is due after `instant`."""
    control = words(control_address)
    number = words(control[C_QUEUE])[0]
    if control[C_DUES] == 0:
        pace = _reals(control_address)
        passed = int((instant - control[C_BEGIN] - pace[C_PHASE]) / pace[C_PERIOD])
        return due(control_address, max(passed + 1, number))
    low, high = number, control[C_ARRIVALS]
    while low < high:
        middle = (low + high) // 2
        if due(control_address, middle) <= instant:
            low = middle + 1
        else:
            high = middle
    return due(control_address, low)


@njit
def _admits(control_address, arrival, instant):
    """Whether the load has an arrival that is due at `arrival`, as seen at `instant`.

    What is due before the deadline, however late it is taken; where a number was asked for, what is within that, or
    would be started before the deadline.
    """
    if words(control_address)[C_LIMIT] != 0:
        arrival = max(arrival, instant)
    return _goes_on(control_address, arrival)


@njit
def _in_time(control_address, arrival, instant):
    """Whether what was admitted may still be started at `instant`; the deadline may have been moved meanwhile."""
    control = words(control_address)
    if control[C_STOP] != 0:
        return False
    return control[C_LIMIT] != 0 or (arrival < control[C_DEADLINE] and instant < control[C_DRAIN])


@njit
def _is_over(control_address, current):
    """Whether nothing can become due any more: after a stop, or the deadline, which may have been moved meanwhile."""
    control = words(control_address)
    return control[C_STOP] != 0 or (control[C_LIMIT] == 0 and current >= control[C_DEADLINE])


@njit
def _await(control_address, timespec, instant, current):
    """Sleep, then spin to an instant, from `current` on; returns when it is then. The end of the load ends the wait."""
    control = words(control_address)
    clock = control[C_CLOCK]
    wake = instant - control[C_SPIN]
    while current < wake and not _is_over(control_address, current):
        sleep_until(control[C_SLEEP], timespec, min(wake, current + _NAP_NS))
        current = now(clock, timespec)
    while current < instant and not _is_over(control_address, current):
        current = now(clock, timespec)
    return current


@njit
def _drops(control_address, arrival, instant):
    """Whether what was due at `arrival` has waited too long at `instant`; takes note of it if so."""
    control = words(control_address)
    if control[C_TIMEOUT] == 0 or instant - arrival < control[C_TIMEOUT]:
        return False
    number = fetch_add(control_address + 8 * C_DROPPED, 1)
    words(control[C_DROPS])[number] = arrival - control[C_ZERO]
    return True


@njit
def _await_end(control_address, timespec):
    """Sleep to the deadline: a load at a rate lasts as long as was asked for, however early its last arrival is."""
    control = words(control_address)
    current = now(control[C_CLOCK], timespec)
    while current < control[C_DEADLINE] and control[C_STOP] == 0:
        sleep_until(control[C_SLEEP], timespec, min(control[C_DEADLINE], current + _NAP_NS))
        current = now(control[C_CLOCK], timespec)


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
def _fed(control_address, slot_address, instant):
    """Synchronous: feed where inputs are. Returns when it starts, `instant` where nothing is fed, or _NEVER after a
    failure."""
    control = words(control_address)
    slot = words(slot_address)
    if control[C_INPUTS] == 0:
        return instant
    slot[S_STATUS] = _feed(control_address, slot_address)
    if slot[S_STATUS] != 0:
        return _NEVER
    return now(control[C_CLOCK], slot_address + 8 * S_TIME)


@njit
def _run_sync_closed(control_address, slot_address):
    """One reading of the clock ends an inference and starts the next."""
    control = words(control_address)
    slot = words(slot_address)
    infer, request, clock = control[C_CALL], slot[S_REQUEST], control[C_CLOCK]
    timespec = slot_address + 8 * S_TIME
    plain = control[C_INPUTS] == 0
    start = _await_begin(control_address)
    while _goes_on(control_address, start):
        if not plain:
            start = _fed(control_address, slot_address, start)
            if start == _NEVER:
                break
        status = call_status(infer, request)
        if status != 0:
            slot[S_STATUS] = status
            break
        end = now(clock, timespec)
        record(slot_address, start, end)
        start = end


@njit
def _run_sync_at_rate(control_address, slot_address):
    """Take the next arrival, wait until it is due, infer. An arrival that is due after the load is not waited for.

    Where arrivals wait, one reading of the clock ends an inference and starts the next.
    """
    control = words(control_address)
    slot = words(slot_address)
    infer, request, clock = control[C_CALL], slot[S_REQUEST], control[C_CLOCK]
    timespec = slot_address + 8 * S_TIME
    current = _await_begin(control_address)
    while True:
        arrival = due(control_address, fetch_add(control[C_QUEUE], 1))
        if not _admits(control_address, arrival, current):
            break
        if current < arrival:
            slot[S_IDLE] = 1
            current = _await(control_address, timespec, arrival, current)
            slot[S_IDLE] = 0
        if not _in_time(control_address, arrival, current):
            break
        if _drops(control_address, arrival, current):
            continue
        start = _fed(control_address, slot_address, current)
        if start == _NEVER:
            break
        status = call_status(infer, request)
        if status != 0:
            slot[S_STATUS] = status
            break
        current = now(clock, timespec)
        record_due(slot_address, arrival, start, current)
    slot[S_IDLE] = 1
    if slot[S_STATUS] == 0:
        _await_end(control_address, timespec)


@njit(types.void(i64, i64), nogil=True, cache=CACHED)
def run_sync(control_address, slot_address):
    """Infer on one request, back to back or at a rate."""
    if words(control_address)[C_AT_RATE] != 0:
        _run_sync_at_rate(control_address, slot_address)
    else:
        _run_sync_closed(control_address, slot_address)
    words(slot_address)[S_DONE] = 1


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
def _ends_query(control_address):
    """Whether the sample that has ended is the last one of its query: nothing is in flight then. Once for each sample,
    be it one that failed."""
    return fetch_add(control_address + 8 * C_OPEN, -1) == 1


@njit
def _end_queries(control_address):
    control = words(control_address)
    for index in range(control[C_SIZE]):
        words(control[C_SLOTS] + index * 8 * ROW_WORDS)[S_DONE] = 1


@njit
def _fail(control_address, slot_address, status):
    """End the load: this request now, the others when they complete."""
    slot = words(slot_address)
    control = words(control_address)
    slot[S_STATUS] = status
    control[C_STOP] = 1
    if control[C_QUERIES] == 0:
        slot[S_DONE] = 1
    elif _ends_query(control_address):
        _end_queries(control_address)


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
def _take_due(control_address, instant):
    """Take the next arrival if it is due at `instant`: when it is due, or _NEVER. No other thread has that one."""
    queue = words(control_address)[C_QUEUE]
    number = words(queue)[0]
    while True:
        arrival = due(control_address, number)
        if arrival > instant:
            return types.int64(_NEVER)
        found = swap(queue, number, number + 1)
        if found == number:
            return arrival
        number = found


@njit
def _take_turn(control_address, slot_address, instant):
    """Give a request that completed at `instant` the next arrival, if that is due, else leave it idle.

    Returns when the arrival was due and the instant at which it was taken, or _NEVER twice: the request may already be
    another thread's then. The clock is read again once it is idle, as the waiting thread may have looked for an idle
    one just before; and again once it is claimed, as it may have been through another inference in between. These
    readings are on the stack: in the slot they could meet that of the request's next completion.
    """
    control = words(control_address)
    clock, timespec = control[C_CLOCK], _stack_words()
    idle = slot_address + 8 * S_IDLE
    while True:
        arrival = _take_due(control_address, instant)
        if arrival != _NEVER:
            if not _drops(control_address, arrival, instant):
                return arrival, instant
            continue
        swap(idle, 0, 1)
        next_due = due(control_address, words(control[C_QUEUE])[0])
        if now(clock, timespec) < next_due or swap(idle, 1, 0) != 1:
            return types.int64(_NEVER), types.int64(_NEVER)
        instant = now(clock, timespec)


@njit
def _complete_at_rate(control_address, slot_address, instant):
    slot = words(slot_address)
    record_due(slot_address, slot[S_DUE], slot[S_START], instant)
    if not _in_time(control_address, types.int64(_NEVER), instant):
        slot[S_DONE] = 1
        return
    arrival, instant = _take_turn(control_address, slot_address, instant)
    if arrival == _NEVER:
        return
    if _admits(control_address, arrival, instant):
        slot[S_DUE] = arrival
        _start(control_address, slot_address, instant)
    else:
        slot[S_DONE] = 1


@njit
def _begin_query(control_address, begin):
    """Start all samples of a query, due at `begin`, while nothing is in flight; it is not this thread's any more when
    the last one is started.

    The clock is read to the stack, as the slots' own places for it are those of threads that complete them.
    """
    control = words(control_address)
    clock, timespec = control[C_CLOCK], _stack_words()
    slots_address, size = control[C_SLOTS], control[C_SIZE]
    control[C_OPEN] = size
    instant = begin
    for index in range(size):
        slot_address = slots_address + index * 8 * ROW_WORDS
        words(slot_address)[S_DUE] = begin
        _start(control_address, slot_address, instant)
        instant = now(clock, timespec)


@njit
def _complete_in_query(control_address, slot_address, instant):
    slot = words(slot_address)
    record_due(slot_address, slot[S_DUE], slot[S_START], instant)
    if _ends_query(control_address):
        if _goes_on(control_address, instant):
            _begin_query(control_address, instant)
        else:
            _end_queries(control_address)


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
    if control[C_AT_RATE] != 0:
        _complete_at_rate(control_address, slot_address, instant)
        return
    if control[C_QUERIES] != 0:
        _complete_in_query(control_address, slot_address, instant)
        return
    record(slot_address, slot[S_START], instant)
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
def _run_async_closed(control_address, slots_address, count, instant):
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
    _await_done(control_address, slots_address, count)


@njit
def _run_queries(control_address, slots_address, count, instant):
    """Begin the first query and sleep until all are done; the callbacks do the rest."""
    control = words(control_address)
    control[C_SLOTS], control[C_SIZE] = slots_address, count
    if _goes_on(control_address, instant):
        _begin_query(control_address, instant)
    else:
        _end_queries(control_address)
    _await_done(control_address, slots_address, count)


@njit
def _await_done(control_address, slots_address, count):
    control = words(control_address)
    clock, timespec = control[C_CLOCK], control_address + 8 * C_SCRATCH
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
    """Give a request of the waiting thread's the next arrival, wait until that is due, and start it."""
    control = words(control_address)
    slot = words(slot_address)
    timespec = control_address + 8 * C_SCRATCH
    arrival = due(control_address, fetch_add(control[C_QUEUE], 1))
    current = now(control[C_CLOCK], timespec)
    if _admits(control_address, arrival, current):
        current = _await(control_address, timespec, arrival, current)
        if _in_time(control_address, arrival, current):
            if _drops(control_address, arrival, current):
                swap(slot_address + 8 * S_IDLE, 0, 1)
            else:
                slot[S_DUE] = arrival
                _start(control_address, slot_address, current)
            return
    slot[S_DONE] = 1


@njit
def _await_due(control_address, instant):
    """With no request idle when looked for from `instant` on, sleep until another arrival comes due.

    Those that were due already need no one: requests that complete take them (`_take_turn`). One that became idle since
    the look did so because nothing was due, at an instant that it read after that: so what comes due later than
    `instant` is all there is to wake for.
    """
    control = words(control_address)
    timespec = control_address + 8 * C_SCRATCH
    wake = max(_first_due_after(control_address, instant) - control[C_SPIN], instant + _LEAST_NAP_NS)
    if wake >= control[C_DEADLINE]:
        wake = min(wake, instant + _POLL_NS)  # the last ones may complete at any time
    sleep_until(control[C_SLEEP], timespec, min(wake, instant + _NAP_NS))


@njit
def _run_async_at_rate(control_address, slots_address, count):
    """Start idle requests when arrivals are due, each in its turn, until none goes on."""
    for index in range(count):
        words(slots_address + index * 8 * ROW_WORDS)[S_IDLE] = 1
    clock, timespec = words(control_address)[C_CLOCK], control_address + 8 * C_SCRATCH
    turn = 0
    done = 0
    while done < count:
        instant = now(clock, timespec)
        index = _claim_idle(slots_address, count, turn)
        if index < count:
            turn = index + 1
            _start_when_due(control_address, slots_address + index * 8 * ROW_WORDS)
        else:
            _await_due(control_address, instant)
        done = _skip_done(slots_address, count, done)
    _await_end(control_address, control_address + 8 * C_SCRATCH)


@njit(types.void(i64, i64, i64), nogil=True, cache=CACHED)
def run_async(control_address, slots_address, count):
    """Keep every request in flight, in queries all together, or at a rate start one when an arrival is due.

    Returns when all are done.
    """
    instant = _await_begin(control_address)
    if words(control_address)[C_AT_RATE] != 0:
        _run_async_at_rate(control_address, slots_address, count)
    elif words(control_address)[C_QUERIES] != 0:
        _run_queries(control_address, slots_address, count, instant)
    else:
        _run_async_closed(control_address, slots_address, count, instant)
