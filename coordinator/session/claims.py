"""What an agent claims must be possible: rules across its messages, where a type checks one alone. Pure.

What breaks a rule loses the agent that said it, by name. Everything behind (merging, intervals, checks, reports) relies
on these rules and has no case for what they exclude.
"""

from collections.abc import Collection, Generator, Iterable, Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from ovbench.common.bounded import MOST_COUNT
from ovbench.common.clock import NS_PER_S, to_ns
from ovbench.common.clockline import drifted_ns
from ovbench.common.cpulist import format_cpu_list
from ovbench.common.histogram import COARSE, FINE, Layout
from ovbench.common.job import Job
from ovbench.common.messages import (
    INSTANTS_PER_MESSAGE,
    SAMPLES_PER_MESSAGE,
    AnyNotice,
    Counted,
    Delivered,
    Dropped,
    Finished,
    Folded,
    Graph,
    Layers,
    Ready,
    Samples,
    Tally,
    Usage,
)
from ovbench.common.samplememory import most_samples
from ovbench.common.samples import Int64s, instants_of

from .member import Member, weight
from .placed import PlacedFinished

SLACK_NS: Final = NS_PER_S
"""Of instants: agents read the same clock, and what comes later than that is not of this run."""

MOST_CHOSEN_REQUESTS: Final = 1_024
"""Of an agent whose number of requests OpenVINO chose; it chooses a few for each CPU."""

_BEFORE_NS: Final = 60 * NS_PER_S
"""So long before the load an agent may read its CPU time for the first time: it does when it hears when to begin."""

MOST_LAYERS: Final = 1 << 20
MOST_GRAPH_BYTES: Final = 256 << 20


def fault(member: Member, notice: AnyNotice, cpus: Collection[int] | None, begin_ns: int | None, now_ns: int) -> str:
    """Why this cannot come from `member` now, given all that came from it before; empty if it can.

    `cpus`: those that there are, None where that is not known. `begin_ns`: when the load was to begin.
    """
    match notice:
        case Ready():
            found = _in_ready(member, notice, cpus)
        case Finished():
            found = _in_finished(member, notice, cpus, begin_ns or 0, now_ns)
        case Tally():
            found = _in_tally(member, notice)
        case Counted():
            found = _in_counted(member, notice)
        case Samples():
            found = _in_samples(member, notice, begin_ns or 0, now_ns)
        case Dropped():
            found = _in_dropped(member, notice)
        case Folded():
            found = _in_folded(member, notice, begin_ns or 0, now_ns)
        case Layers():
            found = _in_layers(member, notice)
        case Graph():
            found = _in_graph(member, notice)
        case Delivered():
            found = _in_delivery(member, notice)
        case _:
            return ""
    return next(found, "")


def _most_requests(job: Job) -> int:
    return max(MOST_CHOSEN_REQUESTS, job.runtime.requests or 0, job.runtime.streams or 0)


def _in_ready(member: Member, ready: Ready, cpus: Collection[int] | None) -> Iterator[str]:
    requests, most = ready.effective.requests, _most_requests(member.job)
    if requests > most:
        yield f"it reports that it has {requests} requests, more than {most}"
    yield from _strangers("may use", ready.mask, cpus)


def _in_finished(
    member: Member, finished: Finished, cpus: Collection[int] | None, begin_ns: int, now_ns: int
) -> Iterator[str]:
    load, last = member.job.load, now_ns + SLACK_NS
    start, stop = finished.start_ns, finished.stop_ns
    # One that is stopped in its lead-in ends with a window that has not begun.
    opens_ns, slack_ns = begin_ns + to_ns(load.lead_in_s), _slack_ns(finished)
    first, latest = (begin_ns - SLACK_NS, last)
    if load.schedule is not None:
        first, latest = (opens_ns - slack_ns, opens_ns + slack_ns)
    if not first <= start <= latest:
        yield "it reports that its load began at an instant that is not of this run; does it read this machine's clock?"
    # A paced load of counted inferences lasts to where the next would have been due.
    if not start <= stop <= max(last, opens_ns) + to_ns(member.period_s):
        yield "it reports that its load stopped at an instant that is not of this run"
    if finished.completed * max(member.batches) > MOST_COUNT:
        yield f"it reports that it completed {finished.completed} inferences, more than there can be"
    yield from _in_usage(finished.usage, begin_ns - _BEFORE_NS, last)
    ran_on = {part.cpu for reading in finished.usage for part in reading.cpus}
    changed = {cpu for change in finished.mask_changes for cpu in (*change.before, *change.after)}
    yield from _strangers("was on", ran_on | changed | {*finished.seen, *finished.mask}, cpus)


_TOTALS: Final = ("at_ns", "user_s", "system_s", "control_s", "voluntary_switches", "involuntary_switches")
"""Of a process, as the kernel counts them up."""


def _in_usage(usage: Iterable[Usage], first_ns: int, last_ns: int) -> Iterator[str]:
    readings = list(usage)
    if not readings:
        yield "it does not report the CPU time that it used"
    elif not first_ns <= readings[0].at_ns <= readings[-1].at_ns <= last_ns:
        yield "it read its CPU time at an instant that is not of its load"
    for before, after in pairwise(readings):
        if any(getattr(after, total) < getattr(before, total) for total in _TOTALS) or not _risen(before, after):
            yield "its reports of CPU time are not in order"


def _risen(before: Usage, after: Usage) -> bool:
    """Whether none of what it spent on each CPU became less, as totals do not."""
    later = {one.cpu: one for one in after.cpus}
    return all(
        one.cpu in later and later[one.cpu].load_s >= one.load_s and later[one.cpu].control_s >= one.control_s
        for one in before.cpus
    )


def _strangers(what: str, named: Collection[int], cpus: Collection[int] | None) -> Iterator[str]:
    strange = set() if cpus is None else set(named) - set(cpus)
    if strange:
        yield f"it reports that it {what} CPUs {format_cpu_list(sorted(strange)[:16])}, which do not exist here"


def _in_tally(member: Member, tally: Tally) -> Iterator[str]:
    if tally.cell != member.tallied or tally.cell >= len(member.job.load.cells_ns):
        yield f"it reports what it did in cell {tally.cell} of its load, where that of {member.tallied} was next"


def _in_counted(member: Member, counted: Counted) -> Iterator[str]:
    if member.job.load.counts_s is None:
        yield "it reports all that it has completed so far, and was not asked to"
    before = member.counted
    if before is not None and (counted.completed < before.completed or counted.dropped < before.dropped):
        yield "it reports that it has completed, or dropped, less than before"
    if before is not None and counted.cpu_s < before.cpu_s:
        yield "it reports that it has used less CPU time than before"
    if counted.completed * max(member.batches) > MOST_COUNT:
        yield f"it reports that it completed {counted.completed} inferences, more than there can be"


def _in_samples(member: Member, samples: Samples, begin_ns: int, now_ns: int) -> Iterator[str]:
    yield from _request(member, samples.request)
    load = member.job.load
    if samples.timed != load.timed:
        yield "its samples are not of the load that it was asked for"
    requests, most = _requests(member), _most_samples(member)
    held = member.held["samples"] + member.held["dropped"] + weight(samples)
    # Of each request the head, and the ring from its oldest sample on and up to it; each in full messages but the last.
    if held > most or len(member.samples) >= 3 * requests + most // SAMPLES_PER_MESSAGE:
        yield f"it delivers more samples than the {most:,} that it has memory for, or in more messages than that takes"
    array = samples.array
    first_ns, last_ns, last_due_ns = _span(member, begin_ns, now_ns)
    # Before any difference of them, as those of instants that are far apart are not exact.
    if not (_within(array.starts, first_ns, last_ns) and _within(array.ends, first_ns, last_ns)):
        yield "it has samples that are not of its load"
    if not _within(array.dues, first_ns, last_due_ns):
        yield "it has samples that were due at instants that are not of its load"
    if bool((array.ends[1:] < array.ends[:-1]).any()):
        yield "its samples are not in the order of their ends"
    if bool((array.services < 0).any()):
        yield "it has samples that end before they start"
    if array.timed and bool((array.dues[1:] < array.dues[:-1]).any()):
        yield "its samples are not in the order in which they were due"
    if bool((array.waits < 0).any()):
        yield "it has samples that start before they are due"


def _most_samples(member: Member) -> int:
    load = member.job.load
    if load.schedule is not None:
        return load.schedule.count
    return most_samples(member.job.sample_bytes, _requests(member), timed=load.timed)


def _span(member: Member, begin_ns: int, now_ns: int) -> tuple[int, int, int]:
    """Before the first of these instants nothing of its load is due, after the second nothing ends, after the third
    nothing is due. Where a lead-in comes before the window, that begins the load."""
    load, last_ns = member.job.load, now_ns + SLACK_NS
    if load.schedule is None:
        return (0 if member.finished is None else member.finished.start_ns), last_ns, last_ns
    length_ns, slack_ns = to_ns(load.lead_in_s) + to_ns(load.duration_s or 0.0), _slack_ns(member.finished)
    last_due_ns = begin_ns + length_ns - 1 + slack_ns + _stretch_ns(member.finished, length_ns)
    return begin_ns - slack_ns, last_ns, min(last_ns, last_due_ns)


def _slack_ns(finished: Finished | None) -> int:
    """Of an instant that was ordered: another host's clock is known only so well, and better later."""
    return SLACK_NS if isinstance(finished, PlacedFinished) else 0


def _stretch_ns(finished: Finished | None, length_ns: int) -> int:
    """What a time that another host measured may be longer than it is between instants that were mapped."""
    return drifted_ns(length_ns) if isinstance(finished, PlacedFinished) else 0


def _within(instants: Int64s, first_ns: int, last_ns: int) -> bool:
    return first_ns <= int(instants.min()) and int(instants.max()) <= last_ns


def _in_dropped(member: Member, dropped: Dropped) -> Iterator[str]:
    schedule = member.job.load.schedule
    if schedule is None or member.job.load.timeout_s is None:
        yield "it dropped arrivals, and was not asked to"
    elif member.held["samples"] + member.held["dropped"] + weight(dropped) > schedule.count:
        yield "it served and dropped more arrivals than it had"
    elif len(member.dropped) >= -(-schedule.count // INSTANTS_PER_MESSAGE):
        yield "it names the arrivals that it dropped in more messages than that takes"
    else:
        instants, before = instants_of(dropped.data), [int(instants_of(part.data)[-1]) for part in member.dropped[-1:]]
        window_ns = to_ns(member.job.load.duration_s or 0.0)
        if not _within(instants, -to_ns(schedule.lead_in_s), window_ns - 1):
            yield "it dropped arrivals that are not of its load"
        if bool((np.diff(instants, prepend=before) < 0).any()):
            yield "the arrivals that it dropped are not in their order"


def _in_folded(member: Member, folded: Folded, begin_ns: int, now_ns: int) -> Iterator[str]:
    yield from _request(member, folded.request)
    if any(part.request == folded.request for part in member.folded):
        yield f"it delivers the histogram of request {folded.request} twice"
    start_ns, last_ns, _ = _span(member, begin_ns, now_ns)
    if (folded.service is None or folded.wait is None) == member.job.load.timed:
        yield "it folded samples that are not of the load that it was asked for"
    if member.job.load.schedule is not None:
        yield "it folded samples, and has memory for all"
    if folded.first_end_ns < start_ns or folded.last_end_ns > last_ns:
        yield "it folded samples that are not of its load"
    length_ns = folded.last_end_ns - start_ns
    if folded.most_ns > length_ns + _stretch_ns(member.finished, max(0, length_ns)):
        yield "it folded a latency that is longer than its load"
    length_ns = folded.last_end_ns - min(begin_ns, start_ns)
    length_ns += _stretch_ns(member.finished, max(0, length_ns))
    if int(np.frombuffer(folded.slice_indices, "<i4").max()) * folded.slice_ns > length_ns:
        yield "it folded samples in time slices that are not of its load"
    histograms = [(COARSE, folded.slice_buckets, folded)] + [
        (FINE, times.fine_buckets, times) for times in (folded, folded.service, folded.wait) if times is not None
    ]
    for layout, buckets, times in histograms:
        if not _spans(layout, np.frombuffer(buckets, "<i4"), times.least_ns, times.most_ns):
            yield "its histograms contradict the latencies it reports"


def _spans(layout: Layout, buckets: "np.ndarray[tuple[int], np.dtype[np.int32]]", least: int, most: int) -> bool:
    """Whether the lowest and the highest bucket are those of the extremes."""
    low, high = layout.buckets(np.asarray([least, most], np.int64)).tolist()
    return bool(buckets.min() == low and buckets.max() == high)


def _in_layers(member: Member, layers: Layers) -> Iterator[str]:
    yield from _request(member, layers.request)
    if member.held["layers"] + weight(layers) > MOST_LAYERS:
        yield f"it delivers more than {MOST_LAYERS:,} layers"


def _in_graph(member: Member, graph: Graph) -> Iterator[str]:
    if member.held["graph"] + weight(graph) > MOST_GRAPH_BYTES:
        yield f"it delivers a graph of more than {MOST_GRAPH_BYTES >> 20} MiB"


def _in_delivery(member: Member, delivered: Delivered) -> Iterator[str]:
    if delivered.messages != member.received:
        yield f"only {member.received} of its {delivered.messages} messages with results arrived"
    rest = {part.request: part for part in member.folded}
    known = 0
    by_request: dict[int, list[Samples]] = {}
    for part in member.samples:
        by_request.setdefault(part.request, []).append(part)
    for request, parts in by_request.items():
        known += yield from _in_order(sorted(parts, key=lambda part: part.first), rest.pop(request, None))
    if rest:
        yield "it folded samples of requests that have none"
    completed = 0 if member.finished is None else member.finished.completed
    if known != completed:
        yield f"it delivers samples of {known} inferences, and reports that it completed {completed}"


def _in_order(parts: list[Samples], folded: Folded | None) -> Generator[str, None, int]:
    """Of a request: consecutive from the first on, what was folded in the one gap; returns how many inferences."""
    index, end_ns, due_ns = 0, 0, 0
    for part in parts:
        ends, dues = part.array.ends, part.array.dues
        first_end_ns, last_end_ns = int(ends[0]), int(ends[-1])
        if folded is not None and part.first == index + folded.count:
            if not end_ns <= folded.first_end_ns <= folded.last_end_ns <= first_end_ns:
                yield "it folded samples that are not of the time between the others"
            index, end_ns, folded = part.first, folded.last_end_ns, None
        if part.first != index:
            yield f"the samples of its request {part.request} are not consecutive"
        if first_end_ns < end_ns:
            yield "its samples are not in the order of their ends"
        if part.timed and int(dues[0]) < due_ns:
            yield "its samples are not in the order in which they were due"
        due_ns = int(dues[-1])
        index, end_ns = index + len(part), last_end_ns
    if folded is not None:
        yield f"it folded samples of its request {folded.request} that do not lie between others"
    return index


def _request(member: Member, request: int) -> Iterator[str]:
    requests = _requests(member)
    if request >= requests:
        yield f"it delivers results of request {request}, and has {requests}"


def _requests(member: Member) -> int:
    return 0 if member.ready is None else member.ready.effective.requests
