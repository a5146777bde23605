"""Requests as the loops handle them: fed, started, waited for, and ended where one fails.

Where inputs are fed, each inference is given its next ones before its start is stamped.
"""

from numba import types

from .layout import (
    C_CALL,
    C_CLOCK,
    C_COPY,
    C_DEADLINE,
    C_INPUTS,
    C_MODE,
    C_OPEN,
    C_REARM,
    C_SCRATCH,
    C_SET,
    C_SIZE,
    C_SLEEP,
    C_SLOTS,
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
    S_FEED,
    S_FUNCTION,
    S_MOVED,
    S_OBJECT,
    S_REQUEST,
    S_START,
    S_STATUS,
    S_TIME,
    S_TURN,
)
from .native import call_pair, call_status, call_three, compiled, fetch_add, now, publish, see_all, sleep_until, words
from .pacing import NAP_NS, NEVER, POLL_NS


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
def fed(control_address, slot_address, instant):
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
def ends_query(control_address):
    """Whether the sample that has ended is the last one of its query: nothing is in flight then. Once for each sample,
    be it one that failed."""
    return fetch_add(control_address + 8 * C_OPEN, -1) == 1


@compiled
def end_queries(control_address):
    control = words(control_address)
    for index in range(control[C_SIZE]):
        publish(control[C_SLOTS] + index * 8 * ROW_WORDS + 8 * S_DONE, 1)


@compiled
def fail(control_address, slot_address, status):
    """End the load: this request now, the others when they complete."""
    slot = words(slot_address)
    control = words(control_address)
    slot[S_STATUS] = status
    control[C_STOP] = 1
    if control[C_MODE] != IN_QUERIES:
        publish(slot_address + 8 * S_DONE, 1)
    elif ends_query(control_address):
        end_queries(control_address)


@compiled
def start_request(control_address, slot_address, instant):
    """Start a request, fed where inputs are; `instant` is its start where nothing is fed."""
    control = words(control_address)
    slot = words(slot_address)
    if control[C_INPUTS] != 0:
        status = _feed(control_address, slot_address)
        if status != 0:
            fail(control_address, slot_address, status)
            return
        instant = now(control[C_CLOCK], slot_address + 8 * S_TIME)
    slot[S_START] = instant
    rearm(slot_address)
    status = call_status(control[C_CALL], slot[S_REQUEST])
    if status != 0:
        fail(control_address, slot_address, status)


@compiled
def skip_done(slots_address, count, index):
    """The first request from `index` on that is not done; `count` if all are."""
    while index < count and words(slots_address + index * 8 * ROW_WORDS)[S_DONE] != 0:
        index += 1
    return index


@compiled
def await_done(control_address, slots_address, count):
    control = words(control_address)
    clock, timespec = control[C_CLOCK], control_address + 8 * C_SCRATCH
    done = 0
    while done < count:
        instant = now(clock, timespec)
        wake = max(control[C_DEADLINE], instant + POLL_NS)
        sleep_until(control[C_SLEEP], timespec, min(wake, instant + NAP_NS))
        done = skip_done(slots_address, count, done)
    see_all()
