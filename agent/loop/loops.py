"""The load loops, in Python source and at the speed of compiled code: between start and stop no Python runs.

numba compiles them, and who calls them does not hold the GIL; they call OpenVINO's C API and libc by address
(`native`). State lives in rows of int64 (`layout`) that `recorder` allocates, a control row per agent and a slot row
per infer request, each on cache lines of its own, so that a stream thread that completes a request writes nothing that
another one reads.

The asynchronous loop has no dispatcher and no queue of idle requests: a request's completion callback stamps the time,
records the inference and starts its own request again. It is a C++ `std::function<void(std::exception_ptr)>`, not the
C API's callback, because the latter does not say whether the inference failed and the failure would be lost once the
request is started again (see `cxx.Cxx.callback_address`).

Where inputs are fed, each inference is given its next ones before its start is stamped.

At a rate each inference is due at an instant of its own: an arrival. Whoever can serve one takes the next (`pacing`).
So one queue serves all requests that take from it, first come first served, and none that is idle passes over an
arrival that waits. A request that nothing is due for waits for its instant (synchronous), or is left idle for the
waiting thread to start when something is (asynchronous).

In queries all requests start together, each with a sample of one query, and the next query begins when the last of them
has ended, whose callback starts it. The samples of a query are due when it begins.
"""

from typing import Final

from numba import types

from .layout import (
    AT_RATE,
    BACK_TO_BACK,
    C_CALL,
    C_CLOCK,
    C_COPY,
    C_DEADLINE,
    C_INPUTS,
    C_MODE,
    C_OPEN,
    C_QUEUE,
    C_REARM,
    C_SCRATCH,
    C_SET,
    C_SIZE,
    C_SLEEP,
    C_SLOTS,
    C_SPIN,
    C_STOP,
    F_BYTES,
    F_COUNT,
    F_INPUT,
    F_ITEMS,
    F_TARGET,
    FEED_WORDS,
    IN_QUERIES,
    ROW_WORDS,
    S_CONTROL,
    S_COUNT,
    S_DONE,
    S_DUE,
    S_FEED,
    S_FUNCTION,
    S_IDLE,
    S_MOVED,
    S_OBJECT,
    S_REQUEST,
    S_START,
    S_STATUS,
    S_TIME,
    S_TURN,
)
from .native import (
    call_pair,
    call_status,
    call_three,
    compiled,
    fetch_add,
    now,
    publish,
    see_all,
    sleep_until,
    stack_words,
    swap,
    words,
)
from .pacing import (
    NAP_NS,
    NEVER,
    admits,
    await_begin,
    await_due,
    await_end,
    drops,
    due,
    first_due_after,
    goes_on,
    in_time,
    take_due,
)
from .recording import record, record_due

_POLL_NS: Final = 1_000_000
_LEAST_NAP_NS: Final = 50_000
"""The kernel's timer slack: a shorter sleep takes as long."""

_ASYNC_FAILED: Final = 1


@compiled
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


@compiled
def _fed(control_address, slot_address, instant):
    """Synchronous: feed where inputs are. Returns when it starts, `instant` where nothing is fed, or NEVER after a
    failure."""
    control = words(control_address)
    slot = words(slot_address)
    if control[C_INPUTS] == 0:
        return instant
    slot[S_STATUS] = _feed(control_address, slot_address)
    if slot[S_STATUS] != 0:
        return NEVER
    return now(control[C_CLOCK], slot_address + 8 * S_TIME)


@compiled
def _run_sync_closed(control_address, slot_address):
    """One reading of the clock ends an inference and starts the next."""
    control = words(control_address)
    slot = words(slot_address)
    infer, request, clock = control[C_CALL], slot[S_REQUEST], control[C_CLOCK]
    timespec = slot_address + 8 * S_TIME
    plain = control[C_INPUTS] == 0
    start = await_begin(control_address)
    while goes_on(control_address, start):
        if not plain:
            start = _fed(control_address, slot_address, start)
            if start == NEVER:
                break
        status = call_status(infer, request)
        if status != 0:
            slot[S_STATUS] = status
            break
        end = now(clock, timespec)
        record(slot_address, start, end)
        start = end


@compiled
def _run_sync_at_rate(control_address, slot_address):
    """Take the next arrival, wait until it is due, infer. An arrival that is due after the load is not waited for.

    Where arrivals wait, one reading of the clock ends an inference and starts the next.
    """
    control = words(control_address)
    slot = words(slot_address)
    infer, request, clock = control[C_CALL], slot[S_REQUEST], control[C_CLOCK]
    timespec = slot_address + 8 * S_TIME
    current = await_begin(control_address)
    while True:
        arrival = due(control_address, fetch_add(control[C_QUEUE], 1))
        if not admits(control_address, arrival, current):
            break
        if current < arrival:
            slot[S_IDLE] = 1
            current = await_due(control_address, timespec, arrival, current)
            slot[S_IDLE] = 0
        if not in_time(control_address, arrival, current):
            break
        if drops(control_address, arrival, current):
            continue
        start = _fed(control_address, slot_address, current)
        if start == NEVER:
            break
        status = call_status(infer, request)
        if status != 0:
            slot[S_STATUS] = status
            break
        current = now(clock, timespec)
        record_due(slot_address, arrival, start, current)
    slot[S_IDLE] = 1
    if slot[S_STATUS] == 0:
        await_end(control_address, timespec)


@compiled
def run_sync(control_address, slot_address):
    """Infer on one request, back to back or at a rate."""
    if words(control_address)[C_MODE] == AT_RATE:
        _run_sync_at_rate(control_address, slot_address)
    else:
        _run_sync_closed(control_address, slot_address)
    publish(slot_address + 8 * S_DONE, 1)


@compiled
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


@compiled
def _ends_query(control_address):
    """Whether the sample that has ended is the last one of its query: nothing is in flight then. Once for each sample,
    be it one that failed."""
    return fetch_add(control_address + 8 * C_OPEN, -1) == 1


@compiled
def _end_queries(control_address):
    control = words(control_address)
    for index in range(control[C_SIZE]):
        publish(control[C_SLOTS] + index * 8 * ROW_WORDS + 8 * S_DONE, 1)


@compiled
def _fail(control_address, slot_address, status):
    """End the load: this request now, the others when they complete."""
    slot = words(slot_address)
    control = words(control_address)
    slot[S_STATUS] = status
    control[C_STOP] = 1
    if control[C_MODE] != IN_QUERIES:
        publish(slot_address + 8 * S_DONE, 1)
    elif _ends_query(control_address):
        _end_queries(control_address)


@compiled
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


@compiled
def _take_turn(control_address, slot_address, instant):
    """Give a request that completed at `instant` the next arrival, if that is due, else leave it idle.

    Returns when the arrival was due and the instant at which it was taken, or NEVER twice: the request may already be
    another thread's then. The clock is read again once it is idle, as the waiting thread may have looked for an idle
    one just before; and again once it is claimed, as it may have been through another inference in between. These
    readings are on the stack: in the slot they could meet that of the request's next completion.
    """
    control = words(control_address)
    clock, timespec = control[C_CLOCK], stack_words()
    idle = slot_address + 8 * S_IDLE
    while True:
        arrival = take_due(control_address, instant)
        if arrival != NEVER:
            if not drops(control_address, arrival, instant):
                return arrival, instant
            continue
        swap(idle, 0, 1)
        next_due = due(control_address, words(control[C_QUEUE])[0])
        if now(clock, timespec) < next_due or swap(idle, 1, 0) != 1:
            return types.int64(NEVER), types.int64(NEVER)
        instant = now(clock, timespec)


@compiled
def _complete_at_rate(control_address, slot_address, instant):
    slot = words(slot_address)
    record_due(slot_address, slot[S_DUE], slot[S_START], instant)
    if not in_time(control_address, types.int64(NEVER), instant):
        publish(slot_address + 8 * S_DONE, 1)
        return
    arrival, instant = _take_turn(control_address, slot_address, instant)
    if arrival == NEVER:
        return
    if admits(control_address, arrival, instant):
        slot[S_DUE] = arrival
        _start(control_address, slot_address, instant)
    else:
        publish(slot_address + 8 * S_DONE, 1)


@compiled
def _begin_query(control_address, begin):
    """Start all samples of a query, due at `begin`, while nothing is in flight; it is not this thread's any more when
    the last one is started.

    The clock is read to the stack, as the slots' own places for it are those of threads that complete them.
    """
    control = words(control_address)
    clock, timespec = control[C_CLOCK], stack_words()
    slots_address, size = control[C_SLOTS], control[C_SIZE]
    control[C_OPEN] = size
    instant = begin
    for index in range(size):
        slot_address = slots_address + index * 8 * ROW_WORDS
        words(slot_address)[S_DUE] = begin
        _start(control_address, slot_address, instant)
        instant = now(clock, timespec)


@compiled
def _complete_in_query(control_address, slot_address, instant):
    slot = words(slot_address)
    record_due(slot_address, slot[S_DUE], slot[S_START], instant)
    if _ends_query(control_address):
        # Whoever counts down last need not be the one that ended last.
        instant = now(words(control_address)[C_CLOCK], stack_words())
        if goes_on(control_address, instant):
            _begin_query(control_address, instant)
        else:
            _end_queries(control_address)


@compiled
def on_complete(functor, exception):
    """Completion of an inference: `functor` holds the slot's address, `exception` is null unless it failed."""
    slot_address = words(functor)[0]
    slot = words(slot_address)
    control_address = slot[S_CONTROL]
    control = words(control_address)
    instant = now(control[C_CLOCK], slot_address + 8 * S_TIME)
    if words(exception)[0] != 0:
        _fail(control_address, slot_address, _ASYNC_FAILED)
        return
    mode = control[C_MODE]
    if mode == BACK_TO_BACK:
        record(slot_address, slot[S_START], instant)
        if goes_on(control_address, instant):
            _start(control_address, slot_address, instant)
        else:
            publish(slot_address + 8 * S_DONE, 1)
    elif mode == AT_RATE:
        _complete_at_rate(control_address, slot_address, instant)
    else:
        _complete_in_query(control_address, slot_address, instant)


@compiled
def manage_function(target, source, operation):
    """The manager of the std::function in a slot: 2 clones the one word of state; nothing needs destroying."""
    if operation == 2:
        words(target)[0] = words(source)[0]
    return False


@compiled
def _skip_done(slots_address, count, index):
    """The first request from `index` on that is not done; `count` if all are."""
    while index < count and words(slots_address + index * 8 * ROW_WORDS)[S_DONE] != 0:
        index += 1
    return index


@compiled
def _run_async_closed(control_address, slots_address, count, instant):
    """Start every request once and sleep until all are done; the callbacks do the rest."""
    control = words(control_address)
    clock, timespec = control[C_CLOCK], control_address + 8 * C_SCRATCH
    for index in range(count):
        slot_address = slots_address + index * 8 * ROW_WORDS
        if goes_on(control_address, instant):
            instant = now(clock, timespec)
            _start(control_address, slot_address, instant)
        else:
            publish(slot_address + 8 * S_DONE, 1)
    _await_done(control_address, slots_address, count)


@compiled
def _run_queries(control_address, slots_address, count, instant):
    """Begin the first query and sleep until all are done; the callbacks do the rest."""
    control = words(control_address)
    control[C_SLOTS], control[C_SIZE] = slots_address, count
    if goes_on(control_address, instant):
        _begin_query(control_address, instant)
    else:
        _end_queries(control_address)
    _await_done(control_address, slots_address, count)


@compiled
def _await_done(control_address, slots_address, count):
    control = words(control_address)
    clock, timespec = control[C_CLOCK], control_address + 8 * C_SCRATCH
    done = 0
    while done < count:
        instant = now(clock, timespec)
        wake = max(control[C_DEADLINE], instant + _POLL_NS)
        sleep_until(control[C_SLEEP], timespec, min(wake, instant + NAP_NS))
        done = _skip_done(slots_address, count, done)
    see_all()


@compiled
def _claim_idle(slots_address, count, first):
    """Make an idle request the caller's: its index, searched from `first` on and round; `count` if there is none."""
    for step in range(count):
        index = (first + step) % count
        slot_address = slots_address + index * 8 * ROW_WORDS
        if words(slot_address)[S_IDLE] != 0 and swap(slot_address + 8 * S_IDLE, 1, 0) == 1:
            return index
    return count


@compiled
def _start_when_due(control_address, slot_address):
    """Give a request of the waiting thread's the next arrival, wait until that is due, and start it."""
    control = words(control_address)
    slot = words(slot_address)
    timespec = control_address + 8 * C_SCRATCH
    arrival = due(control_address, fetch_add(control[C_QUEUE], 1))
    current = now(control[C_CLOCK], timespec)
    if admits(control_address, arrival, current):
        current = await_due(control_address, timespec, arrival, current)
        if in_time(control_address, arrival, current):
            if drops(control_address, arrival, current):
                swap(slot_address + 8 * S_IDLE, 0, 1)
            else:
                slot[S_DUE] = arrival
                _start(control_address, slot_address, current)
            return
    publish(slot_address + 8 * S_DONE, 1)


@compiled
def _await_another(control_address, instant):
    """With no request idle when looked for from `instant` on, sleep until another arrival comes due.

    Those that were due already need no one: requests that complete take them (`_take_turn`). One that became idle since
    the look did so because nothing was due, at an instant that it read after that: so what comes due later than
    `instant` is all there is to wake for.
    """
    control = words(control_address)
    timespec = control_address + 8 * C_SCRATCH
    wake = max(first_due_after(control_address, instant) - control[C_SPIN], instant + _LEAST_NAP_NS)
    if wake >= control[C_DEADLINE]:
        wake = min(wake, instant + _POLL_NS)  # the last ones may complete at any time
    sleep_until(control[C_SLEEP], timespec, min(wake, instant + NAP_NS))


@compiled
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
            _await_another(control_address, instant)
        done = _skip_done(slots_address, count, done)
    see_all()
    await_end(control_address, control_address + 8 * C_SCRATCH)


@compiled
def run_async(control_address, slots_address, count):
    """Keep every request in flight, in queries all together, or at a rate start one when an arrival is due.

    Returns when all are done.
    """
    instant = await_begin(control_address)
    if words(control_address)[C_MODE] == AT_RATE:
        _run_async_at_rate(control_address, slots_address, count)
    elif words(control_address)[C_MODE] == IN_QUERIES:
        _run_queries(control_address, slots_address, count, instant)
    else:
        _run_async_closed(control_address, slots_address, count, instant)
