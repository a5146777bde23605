"""The load in queries.

All requests start together, each with a sample of one query, and the next query begins when the last of them has ended,
whose callback starts it. The samples of a query are due when it begins.
"""

from .layout import C_CLOCK, C_OPEN, C_SIZE, C_SLOTS, ROW_WORDS, S_DUE, S_START
from .native import compiled, now, stack_words, words
from .pacing import goes_on
from .recording import record_due
from .requests import await_done, end_queries, ends_query, start_request


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
        start_request(control_address, slot_address, instant)
        instant = now(clock, timespec)


@compiled
def complete_in_query(control_address, slot_address, instant):
    slot = words(slot_address)
    record_due(slot_address, slot[S_DUE], slot[S_START], instant)
    if ends_query(control_address):
        # Whoever counts down last need not be the one that ended last.
        instant = now(words(control_address)[C_CLOCK], stack_words())
        if goes_on(control_address, instant):
            _begin_query(control_address, instant)
        else:
            end_queries(control_address)


@compiled
def run_queries(control_address, slots_address, count, instant):
    """Begin the first query and sleep until all are done; the callbacks do the rest."""
    control = words(control_address)
    control[C_SLOTS], control[C_SIZE] = slots_address, count
    if goes_on(control_address, instant):
        _begin_query(control_address, instant)
    else:
        end_queries(control_address)
    await_done(control_address, slots_address, count)
