"""The queues in which a run's arrivals waited, each with all that was due in it and who served it. Pure.

Under `shared` there is one for all agents, else each agent has its own. With a schedule all arrivals are known
beforehand, and what a lost agent took is unfinished. With -max_irate they follow from the pace of each agent. Those of
an agent that was lost are left out then: its load is a part of the run's that nobody else was to take over, and may not
even have begun.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import to_ns
from ovbench.common.dealing import deal
from ovbench.common.job import Pace

from ..session.placed import after_start_ns, own_length_ns
from ..session.record import AgentRecord, RunRecord
from .lateness import lateness_ns
from .offered import Offered, in_order_of_due, left_over
from .recording import Recorded, window_of

Int64s = npt.NDArray[np.int64]

_NONE: Final = np.empty(0, np.int64)


@dataclass(frozen=True)
class Queue:
    """`agents`: those that were to serve it; `requests`, `streams`: how many those of them have that delivered, and how
    many of these requests they serve at a time. `folded`: how many inferences are known as a histogram only, and are
    not in `offered`."""

    agents: tuple[int, ...]
    requests: int
    streams: int
    offered: Offered
    folded: int = 0

    @cached_property
    def late_ns(self) -> Int64s:
        """By how much later than it could have been each of its samples was started, [n]."""
        return lateness_ns(self.offered.samples, self.requests)

    def late_between(self, start_ns: int, stop_ns: int) -> Int64s:
        """Of those that were due in [start, stop). What was due before may still have been under way."""
        low, high = np.searchsorted(self.offered.samples.dues, (start_ns, stop_ns))
        return self.late_ns[low:high]


def queues_of(record: RunRecord, loads: Sequence[Recorded]) -> tuple[Queue, ...]:
    """None of a closed loop. `loads`: those that count, at least one."""
    if record.schedule_ns is not None:
        return tuple(_scheduled(record, record.schedule_ns, loads))
    by_id = {agent.id: agent for agent in record.agents}
    return tuple(_paced(by_id[load.agent], load) for load in loads if load.at_rate)


def _scheduled(record: RunRecord, schedule_ns: Int64s, loads: Sequence[Recorded]) -> Iterator[Queue]:
    arrivals = record.request.arrivals
    seed = 0 if arrivals is None else arrivals.seed
    window, finished = window_of(loads), {agent.id: agent.finished for agent in record.agents}
    shares = deal(len(schedule_ns), record.request.dispatch, len(record.agents), seed)
    everyone = [agent.id for agent in record.agents]
    for number, share in enumerate(shares):
        agents = everyone if len(shares) < len(everyone) else everyone[number : number + 1]
        mine = [load for load in loads if load.agent in agents]
        whole = len(mine) == len(agents)
        ended = finished[mine[0].agent] if mine else None
        due = schedule_ns[share]  # by the clock of those who serve it
        dues = window.start_ns + due if ended is None else after_start_ns(ended, due)
        yield Queue(
            tuple(agents),
            sum(load.available for load in mine),
            sum(load.served_at_a_time for load in mine),
            _offered(record, dues, mine, _drained_ns(record, mine) if whole else window.start_ns),
        )


def _offered(record: RunRecord, dues: Int64s, loads: Sequence[Recorded], ended_ns: int) -> Offered:
    samples = in_order_of_due([piece.samples for load in loads for piece in load.pieces])
    dropped = np.sort(np.concatenate([_NONE, *(load.dropped_ns for load in loads)]))
    timeout_ns = to_ns(record.request.load.timeout_s or 0.0)
    return Offered(samples, dropped, left_over(dues, [samples.dues, dropped]), ended_ns, timeout_ns)


def _drained_ns(record: RunRecord, loads: Sequence[Recorded]) -> int:
    """Until when they looked for arrivals. In a run that was interrupted some may not have looked after their stop."""
    stop_ns = min(load.stop_ns for load in loads)
    return stop_ns if record.interrupted else stop_ns + to_ns(record.request.load.drain_s)


def _paced(agent: AgentRecord, load: Recorded) -> Queue:
    folded = sum(part.count for part in load.folded)
    samples = in_order_of_due([piece.samples for piece in load.pieces])
    unfinished = _untaken(agent, load)
    ended_ns = load.stop_ns + to_ns(agent.job.load.drain_s)
    offered = Offered(samples, _NONE, unfinished, ended_ns)
    return Queue((load.agent,), load.available, load.served_at_a_time, offered, folded)


def _untaken(agent: AgentRecord, load: Recorded) -> Int64s:
    """When those arrivals of a paced agent were due that it did not come to: the last ones, as it takes them in order.

    Of a number of inferences that was asked for, all have been done, and no more was to come.
    """
    pace, limit = agent.job.load.pace, None if agent.ready is None else agent.ready.effective.iterations
    if pace is None or agent.finished is None or (limit is not None and load.completed >= limit):
        return _NONE
    period_ns = pace.frame_period_ns * sum(load.batches) / len(load.batches)
    count = _due_before(pace, period_ns, own_length_ns(agent.finished))
    return after_start_ns(agent.finished, _dues(pace, period_ns, np.arange(min(load.completed, count), count)))


def _dues(pace: Pace, period_ns: float, numbers: Int64s) -> Int64s:
    """Since the begin of the load, in whole ns, as the loops have them."""
    return (period_ns * pace.phase + numbers * period_ns).astype(np.int64)


def _due_before(pace: Pace, period_ns: float, length_ns: int) -> int:
    """How many arrivals are due in so long a load. Within rounding it follows from the period."""
    near = max(0, int((length_ns - period_ns * pace.phase) / period_ns) - 2)
    return near + int(np.searchsorted(_dues(pace, period_ns, near + np.arange(6)), length_ns, side="left"))
