"""The load loops, in Python source and at the speed of compiled code: between start and stop no Python runs.

numba compiles them, and who calls them does not hold the GIL; they call OpenVINO's C API and libc by address
(`native`). State lives in rows of int64 (`layout`) that `recorder` allocates, a control row per agent and a slot row
per infer request, each on cache lines of its own, so that a stream thread that completes a request writes nothing that
another one reads.

The asynchronous loop has no dispatcher and no queue of idle requests: a request's completion callback stamps the time,
records the inference and starts its own request again. It is a C++ `std::function<void(std::exception_ptr)>`, not the
C API's callback, because the latter does not say whether the inference failed and the failure would be lost once the
request is started again (see `cxx.Cxx.callback_address`).

At a rate each inference is due at an instant of its own: an arrival. Whoever can serve one takes the next (`pacing`).
So one queue serves all requests that take from it, first come first served, and none that is idle passes over an
arrival that waits. A request that nothing is due for waits for its instant (synchronous), or is left idle for the
waiting thread to start when something is (asynchronous).
"""

from typing import Final

from numba import types

from .layout import (
    AT_RATE,
    BACK_TO_BACK,
    C_CALL,
    C_CLOCK,
    C_DEADLINE,
    C_INPUTS,
    C_MODE,
    C_QUEUE,
    C_SCRATCH,
    C_SLEEP,
    C_SPIN,
    IN_QUERIES,
    ROW_WORDS,
    S_CONTROL,
    S_DONE,
    S_DUE,
    S_IDLE,
    S_REQUEST,
    S_START,
    S_STATUS,
    S_TIME,
)
from .native import call_status, compiled, fetch_add, now, publish, see_all, sleep_until, stack_words, swap, words
from .pacing import (
    NAP_NS,
    NEVER,
    POLL_NS,
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
from .queries import complete_in_query, run_queries
from .recording import record, record_due
from .requests import await_done, fail, fed, skip_done, start_request

_LEAST_NAP_NS: Final = 50_000
"""The kernel's timer slack: a shorter sleep takes as long."""
_ASYNC_FAILED: Final = 1


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
            start = fed(control_address, slot_address, start)
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
        start = fed(control_address, slot_address, current)
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
        start_request(control_address, slot_address, instant)
    else:
        publish(slot_address + 8 * S_DONE, 1)


@compiled
def on_complete(functor, exception):
    """Completion of an inference: `functor` holds the slot's address, `exception` is null unless it failed."""
    slot_address = words(functor)[0]
    slot = words(slot_address)
    control_address = slot[S_CONTROL]
    control = words(control_address)
    instant = now(control[C_CLOCK], slot_address + 8 * S_TIME)
    if words(exception)[0] != 0:
        fail(control_address, slot_address, _ASYNC_FAILED)
        return
    mode = control[C_MODE]
    if mode == BACK_TO_BACK:
        record(slot_address, slot[S_START], instant)
        if goes_on(control_address, instant):
            start_request(control_address, slot_address, instant)
        else:
            publish(slot_address + 8 * S_DONE, 1)
    elif mode == AT_RATE:
        _complete_at_rate(control_address, slot_address, instant)
    else:
        complete_in_query(control_address, slot_address, instant)


@compiled
def manage_function(target, source, operation):
    """The manager of the std::function in a slot: 2 clones the one word of state; nothing needs destroying."""
    if operation == 2:
        words(target)[0] = words(source)[0]
    return False


@compiled
def _run_async_closed(control_address, slots_address, count, instant):
    """Start every request once and sleep until all are done; the callbacks do the rest."""
    control = words(control_address)
    clock, timespec = control[C_CLOCK], control_address + 8 * C_SCRATCH
    for index in range(count):
        slot_address = slots_address + index * 8 * ROW_WORDS
        if goes_on(control_address, instant):
            instant = now(clock, timespec)
            start_request(control_address, slot_address, instant)
        else:
            publish(slot_address + 8 * S_DONE, 1)
    await_done(control_address, slots_address, count)


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
                start_request(control_address, slot_address, current)
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
        wake = min(wake, instant + POLL_NS)  # the last ones may complete at any time
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
        done = skip_done(slots_address, count, done)
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
        run_queries(control_address, slots_address, count, instant)
    else:
        _run_async_closed(control_address, slots_address, count, instant)
