"""The schedule of a run: made once, for all agents, and shared with them in memory."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from msgspec import structs

from ovbench.common.dealing import deal
from ovbench.common.errors import UsageError
from ovbench.common.job import Job, Schedule, ScheduleAddress
from ovbench.common.offsets import offsets_ns
from ovbench.common.schedulememory import share_schedule

from ..plan.plan import Plan
from ..request.request import Request

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ScheduledPlan:
    """A plan whose jobs know where their arrivals are. `due_ns`: of all arrivals, ns since the window's start,
    ascending; None where there is no schedule."""

    plan: Plan
    due_ns: Int64s | None


@contextlib.contextmanager
def scheduled(plan: Plan, request: Request) -> Iterator[ScheduledPlan]:
    """With the schedule in memory as long as the context lasts. Raises UsageError where it has no arrival."""
    if request.arrivals is None:
        yield ScheduledPlan(plan, None)
        return
    due_ns = due_of(request)
    shares = deal(len(due_ns), request.dispatch, len(plan.jobs), request.arrivals.seed)
    with share_schedule(due_ns[np.concatenate(shares)]) as address:
        jobs = tuple(_jobs(plan.jobs, address, [len(share) for share in shares], request.load.warmup_s))
        yield ScheduledPlan(replace(plan, jobs=jobs), due_ns)


def due_of(request: Request) -> Int64s:
    """When its arrivals are due, ns since the window's start, ascending; those of the lead-in are before it. Raises
    UsageError where there are none."""
    assert request.arrivals is not None
    due_ns = offsets_ns(request.arrivals, request.load.warmup_s)
    if not len(due_ns):
        raise UsageError(
            f"With --arrival-seed {request.arrivals.seed} nothing is due within {request.arrivals.duration_s:g} s at "
            f"{request.arrivals.rate:g} inferences per second; measure for longer, -t, or raise --rate"
        )
    return due_ns


def _jobs(jobs: tuple[Job, ...], address: ScheduleAddress, counts: list[int], lead_in_s: float) -> Iterator[Job]:
    """`counts`: of arrivals in the memory, by agent; one for all is of a queue that they share."""
    shared = len(counts) == 1
    first = 0
    for job, count in zip(jobs, counts * len(jobs) if shared else counts, strict=True):
        schedule = Schedule(address, first, count, shared, lead_in_s)
        yield structs.replace(job, load=structs.replace(job.load, schedule=schedule))
        first += 0 if shared else count
