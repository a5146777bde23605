"""When inferences may start: the load's beginning and end, and when arrivals are due.

Arrivals are numbered in the order in which they are due. Whoever can serve one takes the next number, from the agent's
own counter or from one that agents share.
"""

from typing import Final

from numba import types

from .layout import (
    C_ARRIVALS,
    C_BEGAN,
    C_BEGIN,
    C_CLOCK,
    C_DEADLINE,
    C_DRAIN,
    C_DROPPED,
    C_DROPS,
    C_DUES,
    C_LIMIT,
    C_PERIOD,
    C_PHASE,
    C_QUEUE,
    C_SCRATCH,
    C_SLEEP,
    C_SPIN,
    C_STARTED,
    C_STOP,
    C_TIMEOUT,
    C_ZERO,
)
from .native import compiled, fetch_add, now, reals, sleep_until, swap, words

_SPIN_NS: Final = 2_000_000
"""A sleeping thread wakes late by up to about a millisecond on a busy machine: sleep to here, then spin."""

NAP_NS: Final = 20_000_000
"""A thread that waits for longer looks again after it, as a stop or another deadline may have come."""

POLL_NS: Final = 1_000_000
"""How often a thread looks whether requests are done that may be at any time."""

NEVER: Final = -1
"""In place of an instant: nothing starts now."""

_NO_MORE: Final = (1 << 63) - 1
"""When the arrival after the last is due."""


@compiled
def goes_on(control_address, instant):
    """Whether an inference may start at `instant`, or one that is due then is the load's; takes one from the limit
    where there is one."""
    control = words(control_address)
    if control[C_STOP] != 0:
        return False
    if control[C_LIMIT] == 0:
        return instant < control[C_DEADLINE]
    ticket = fetch_add(control_address + 8 * C_STARTED, 1)
    return ticket < control[C_LIMIT] or instant < control[C_DEADLINE]


@compiled
def await_begin(control_address):
    """Sleep to shortly before the beginning, spin to it, and return the instant it is then. A stop ends the wait."""
    control = words(control_address)
    clock, timespec = control[C_CLOCK], control_address + 8 * C_SCRATCH
    begin = control[C_BEGIN]
    instant = now(clock, timespec)
    while instant < begin - _SPIN_NS and control[C_STOP] == 0:
        sleep_until(control[C_SLEEP], timespec, min(begin - _SPIN_NS, instant + NAP_NS))
        instant = now(clock, timespec)
    while instant < begin and control[C_STOP] == 0:
        instant = now(clock, timespec)
    control[C_BEGAN] = instant
    return instant


@compiled
def due(control_address, number):
    """When arrival `number` is due, in whole ns."""
    control = words(control_address)
    if control[C_DUES] == 0:
        pace = reals(control_address)
        return control[C_BEGIN] + int(pace[C_PHASE] + number * pace[C_PERIOD])
    if number >= control[C_ARRIVALS]:
        return _NO_MORE
    return control[C_ZERO] + words(control[C_DUES])[number]


@compiled
def first_due_after(control_address, instant):
    """When the first of the arrivals that nobody has taken is due that is due after `instant`."""
    control = words(control_address)
    number = words(control[C_QUEUE])[0]
    if control[C_DUES] == 0:
        pace = reals(control_address)
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


@compiled
def admits(control_address, arrival, instant):
    """Whether the load has an arrival that is due at `arrival`, as seen at `instant`.

    What is due before the deadline, however late it is taken; where a number was asked for, what is within that, or
    would be started before the deadline.
    """
    if words(control_address)[C_LIMIT] != 0:
        arrival = max(arrival, instant)
    return goes_on(control_address, arrival)


@compiled
def in_time(control_address, arrival, instant):
    """Whether what was admitted may still be started at `instant`; the deadline may have been moved meanwhile."""
    control = words(control_address)
    if control[C_STOP] != 0:
        return False
    return control[C_LIMIT] != 0 or (arrival < control[C_DEADLINE] and instant < control[C_DRAIN])


@compiled
def _is_over(control_address, current):
    """Whether nothing can become due any more: after a stop, or the deadline, which may have been moved meanwhile."""
    control = words(control_address)
    return control[C_STOP] != 0 or (control[C_LIMIT] == 0 and current >= control[C_DEADLINE])


@compiled
def await_due(control_address, timespec, instant, current):
    """Sleep, then spin to an instant, from `current` on; returns when it is then. The end of the load ends the wait."""
    control = words(control_address)
    clock = control[C_CLOCK]
    wake = instant - control[C_SPIN]
    while current < wake and not _is_over(control_address, current):
        sleep_until(control[C_SLEEP], timespec, min(wake, current + NAP_NS))
        current = now(clock, timespec)
    while current < instant and not _is_over(control_address, current):
        current = now(clock, timespec)
    return current


@compiled
def drops(control_address, arrival, instant):
    """Whether what was due at `arrival` has waited too long at `instant`; then it is recorded as dropped."""
    control = words(control_address)
    if control[C_TIMEOUT] == 0 or instant - arrival < control[C_TIMEOUT]:
        return False
    number = fetch_add(control_address + 8 * C_DROPPED, 1)
    words(control[C_DROPS])[number] = arrival
    return True


@compiled
def await_end(control_address, timespec):
    """Sleep to the deadline: a load at a rate lasts as long as was asked for, however early its last arrival is."""
    control = words(control_address)
    current = now(control[C_CLOCK], timespec)
    while current < control[C_DEADLINE] and control[C_STOP] == 0:
        sleep_until(control[C_SLEEP], timespec, min(control[C_DEADLINE], current + NAP_NS))
        current = now(control[C_CLOCK], timespec)


@compiled
def take_due(control_address, instant):
    """Take the next arrival if it is due at `instant`: when it is due, or NEVER. No other thread has that one."""
    queue = words(control_address)[C_QUEUE]
    number = words(queue)[0]
    while True:
        arrival = due(control_address, number)
        if arrival > instant:
            return types.int64(NEVER)
        found = swap(queue, number, number + 1)
        if found == number:
            return arrival
        number = found
