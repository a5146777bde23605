"""One agent's load: made ready on its CPUs, warmed up, run, and when it began and when it was no longer whole."""

from collections.abc import Iterator, Sequence
from threading import get_native_id
from typing import Final

import numpy as np
from msgspec import structs

from ovbench.common.bounded import as_text
from ovbench.common.clock import monotonic_ns, to_ns
from ovbench.common.effective import Effective, Outputs, Phases
from ovbench.common.job import Job, Load
from ovbench.common.messages import (
    Counted,
    Dropped,
    Failed,
    Finished,
    Folded,
    Graph,
    Layers,
    MaskChange,
    Ready,
    Samples,
    Tally,
    Warmed,
)
from ovbench.common.schedulememory import ScheduleMemory, open_schedule

from .backend import Backend, open_backend
from .host import affinity as placement
from .host.libc import clock_addresses
from .host.numa import Whereabouts, read_policy, set_policy, several_nodes
from .host.threads import thread_ids
from .host.usage import Account, CpuTime, memory
from .loop.cache import load_loops
from .loop.layout import AT_RATE, IN_QUERIES, ControlRow, Int64s
from .loop.recorder import Recorder
from .loop.tally import Counter
from .loop.totals import Totals
from .openvino.model import StepTimes
from .openvino.package import OpenVinoError

_LONGEST_CHECK_MS: Final = 2_000.0
"""Where the first inference took longer, none is repeated for its outputs: that would be four more, 8 s."""


def prepare(
    job: Job, control_threads: frozenset[int], times: StepTimes, former: "ReadyLoad | None" = None
) -> "ReadyLoad":
    """Pin this thread, which must not have loaded OpenVINO before but for `former`, and make the load ready on it.

    `control_threads`: those of this process that do not infer. `times` is filled meanwhile. `former`: a load whose
    compiled model is taken over (see `Job.same_but_load`); it cannot be run again. Raises OpenVinoError, and UsageError
    also where the CPUs or the memory cannot be had.
    """
    placement.pin_exactly(job.placement.cpus)
    wanted = job.placement.memory
    policy = read_policy() if wanted is None else set_policy(wanted)
    times.step = 3
    backend = open_backend(job, times) if former is None else former.hand_over(job, times)
    outputs = backend.outputs() if _checks_outputs(job, times) else None  # before callbacks are connected
    schedule = None if job.load.schedule is None else open_schedule(job.load.schedule.address)
    recorder = _recorder(job, backend.effective.requests)
    control = recorder.control
    control.clock, control.sleep = clock_addresses()
    control.call = backend.call(_is_asynchronous(job))
    for slot, handle in zip(recorder.slots, backend.handles(), strict=True):
        slot.request = handle
    if _is_asynchronous(job) and not job.load.compile_only:
        backend.connect(control, recorder.slots)
        _check_completion(backend, recorder)
    backend.feed(control, recorder.slots)
    period_ns = _period_ns(job, backend.effective)
    if job.load.at_rate:
        _set_arrivals(job.load, control, schedule, period_ns)
    elif job.load.samples_per_query is not None:
        control.mode = IN_QUERIES
    if _is_asynchronous(job) and job.load.at_rate and job.placement.housekeeping:
        # From here on this thread infers nothing: it waits for arrivals, and starts requests that are idle.
        placement.pin_all({get_native_id()}, job.placement.housekeeping)
        control_threads |= {get_native_id()}
    mask = placement.mask(thread_ids() - control_threads)
    return ReadyLoad(
        job,
        control_threads,
        backend,
        recorder,
        schedule=schedule,
        phases=times.phases(),
        mask=mask,
        memory_policy=policy,
        outputs=outputs,
        period_ns=period_ns,
    )


def _recorder(job: Job, requests: int) -> Recorder:
    schedule = job.load.schedule
    # A schedule of no arrivals has room for one.
    arrivals = max(1, schedule.count) if schedule is not None else 0
    return Recorder.allocate(requests, job.sample_bytes, timed=job.load.timed, arrivals=arrivals)


def _set_arrivals(load: Load, control: ControlRow, schedule: ScheduleMemory | None, period_ns: float) -> None:
    """`period_ns`: between the arrivals of a paced load, which has no schedule."""
    control.mode = AT_RATE
    control.spin_ns, control.timeout_ns = to_ns(load.spin_s), to_ns(load.timeout_s or 0.0)
    if load.pace is not None:
        control.period_ns, control.phase_ns = period_ns, period_ns * load.pace.phase
    if load.schedule is not None and schedule is not None:
        control.arrivals = load.schedule.count
        control.dues = int(schedule.offsets_ns.ctypes.data) + 8 * load.schedule.first
        if load.schedule.shared:
            control.queue = schedule.next_address


class ReadyLoad:
    """A load that can be warmed up and run, once. `warm_up`, `run` and what follows them belong to the thread that
    prepared it; `stop`, `look`, `abandon` and `contents` to another one, `stop` at any time."""

    def __init__(
        self,
        job: Job,
        control_threads: frozenset[int],
        backend: Backend,
        recorder: Recorder,
        *,
        schedule: ScheduleMemory | None,
        phases: Phases,
        mask: tuple[int, ...],
        memory_policy: str,
        outputs: Outputs | None,
        period_ns: float,
    ) -> None:
        """`outputs`: those before the load. `period_ns`: between the arrivals of a paced load, else 0."""
        self.backend = backend
        self.recorder = recorder
        self._schedule = schedule  # kept: the control row has its addresses
        self.outputs_before = outputs
        self.running = False
        """During the measured load."""
        self._job = job
        self._control_threads = control_threads
        self._phases = phases
        self._mask = mask
        self._memory_policy = memory_policy
        self._period_ns = period_ns
        self._stopped_ns: int | None = None
        self._abandoned = False
        self._counts = [0] * len(recorder.slots)
        self._counter: Counter | None = None
        """From the beginning of the measured load on, if it is to be counted by cells."""
        self._totals: Totals | None = None
        """The same, if all of it is to be counted."""
        self._counts_due_ns = 0
        self._cpu = CpuTime()
        self._account = Account(control_threads)
        self._whereabouts = Whereabouts(several_nodes())
        self._whereabouts.start(monotonic_ns())

    @property
    def effective(self) -> Effective:
        return self.backend.effective

    def ready(self, notes: Sequence[str]) -> Ready:
        """`notes`: more of them for the user, a sentence each."""
        before, after = self.backend.peaks_mb
        return Ready(
            effective=structs.replace(self.effective, notes=(*self.effective.notes, *notes)),
            phases=self._phases,
            mask=self._mask,
            openvino=self.backend.version,
            peak_before_mb=before,
            peak_after_mb=after,
            outputs=self.outputs_before,
            memory_policy=self._memory_policy,
        )

    def hand_over(self, job: Job, times: StepTimes) -> Backend:
        """Its model, as it is compiled, for the load of another job; this one cannot be run any more."""
        return self.backend.renewed(job, times)

    def warm_up(self, at_ns: int) -> Warmed | Failed:
        """Run the load from an instant on, not to be counted."""
        error = self._drive(at_ns, at_ns + to_ns(self._job.load.warmup_s), 0)
        completed = self.recorder.completed
        self.recorder.clear()
        return Warmed(completed=completed) if error is None else Failed(kind="runtime", message=as_text(error))

    def run(self, at_ns: int) -> Finished:
        """Run the load that is measured, from an instant on, to its end; its window begins when the lead-in is over.
        What it hid is found by `recheck`, and what it changed by `outputs`, which infer once more."""
        load = self._job.load
        limit = -(-(self.effective.iterations or 0) // (load.samples_per_query or 1))
        zero = at_ns + to_ns(load.lead_in_s)
        deadline = zero + to_ns(load.duration_s) if load.duration_s is not None else 0
        self.backend.begin(zero)
        self._account.begin()
        self._counts = [0] * len(self._counts)
        self._cpu.begin()
        self.running = True
        error = self._drive(at_ns, deadline, limit)
        self._cpu.end()
        self.running = False
        self._account.end()
        return self._finished(
            error, self.recorder.control.deadline_ns, self._account.mask_changes(self._job.placement.cpus)
        )

    def end(self, at_ns: int) -> None:
        """End the measured load at an instant, if it runs and would end later."""
        control = self.recorder.control
        if self.running and at_ns < control.deadline_ns:
            control.deadline_ns = at_ns
            control.drain_until_ns = at_ns + to_ns(self._job.load.drain_s)

    def tallies(self) -> list[Tally]:
        """Of the cells of time that are over, those that were not returned before."""
        if self._counter is None:
            return []
        stopped_ns = [] if self._stopped_ns is None else [self._stopped_ns]
        return self._counter.take(min(monotonic_ns(), self.recorder.control.deadline_ns, *stopped_ns))

    def counted(self) -> list[Counted]:
        """All that it has completed, where that is wanted and due."""
        counts_s, now_ns = self._job.load.counts_s, monotonic_ns()
        if self._totals is None or counts_s is None or (self.running and now_ns < self._counts_due_ns):
            return []
        self._counts_due_ns = now_ns + to_ns(counts_s)
        totals = self._totals.take(ended=not self.running and not self._abandoned)
        return [structs.replace(totals, cpu_s=self._cpu.read_s())]

    def stop(self) -> None:
        """End the load at the next completion."""
        if self._stopped_ns is None:
            self._stopped_ns = monotonic_ns()
        self.recorder.control.stop = 1

    def abandon(self) -> Finished:
        """What was measured so far, of a run that was stopped and whose last inference does not end."""
        self._abandoned = True
        self._cpu.end()
        self.running = False
        self._account.end()
        self.recorder = self.recorder.sealed()  # the inference may end yet, while all before it is delivered
        # What is still inside OpenVINO is pinned by it, so masks do not show who changed them.
        return self._finished(None, 0, ())

    def look(self, most: int) -> tuple[int, Int64s]:
        """While it runs: how many inferences were completed, and latencies of about `most` of those since the last
        look, ns. Also notes what the process uses, and where its memory is, when that is due."""
        self._account.look()
        self._whereabouts.look(monotonic_ns())
        latencies = []
        each = max(1, most // len(self._counts))
        for request, since in enumerate(self._counts):
            latencies.append(self.recorder.latest_latencies(request, since, each))
            self._counts[request] = self.recorder.count(request)
        return self.recorder.completed, np.concatenate(latencies)[:most]

    @property
    def idle(self) -> bool:
        """At a rate: whether none of its requests has an arrival that is due."""
        return self._job.load.at_rate and self.recorder.idle

    def backlog(self, now_ns: int) -> int | None:
        """How many arrivals of its queue are due and not yet taken; None without a schedule."""
        schedule, memory = self._job.load.schedule, self._schedule
        if schedule is None or memory is None:
            return None
        mine = memory.offsets_ns[schedule.first : schedule.first + schedule.count]
        due = int(np.searchsorted(mine, now_ns - self.recorder.control.zero_ns, side="right"))
        taken = memory.taken if schedule.shared else self.recorder.control.next_arrival
        return max(0, due - taken)

    def recheck(self) -> str | None:
        """After a load that ran to its end: the message of an inference that fails now and may have failed in it."""
        return None if self._stopped_ns is not None else self.backend.recheck(self.recorder.completed)

    def outputs(self) -> Outputs | None:
        """What comes of the first inputs after a load that ran to its end, where it can be compared."""
        before = self.outputs_before
        whole = before is not None and before.repeatable and self._stopped_ns is None
        return self.backend.outputs() if whole else None

    def findings(self) -> Iterator[Layers | Graph]:
        """After the load: what it shows beyond times; nothing where a request is still inside OpenVINO."""
        return iter(()) if self._abandoned else self.backend.findings()

    def contents(self) -> Iterator[Samples | Folded | Dropped | Layers | Graph]:
        """After the load: all that was recorded, and its findings."""
        yield from self.recorder.contents()
        yield from self.findings()

    def _drive(self, begin_ns: int, deadline_ns: int, limit: int) -> str | None:
        recorder = self.recorder
        recorder.clear()
        load, control = self._job.load, recorder.control
        control.zero_ns = begin_ns + to_ns(load.lead_in_s)
        control.drain_until_ns = deadline_ns + to_ns(load.drain_s)
        if load.cells_ns and self.running:
            self._counter = Counter(recorder, control.zero_ns, load.cells_ns, load.at_rate)
        if load.counts_s is not None and self.running:
            self._totals = Totals(recorder, 0 if load.schedule is None else control.zero_ns, monotonic_ns)
        if self._stopped_ns is not None:  # which may have come before the recorder was cleared
            control.stop = 1
        return _drive(self.backend, recorder, _is_asynchronous(self._job), begin_ns, deadline_ns, limit)

    def _finished(self, error: str | None, deadline_ns: int, changes: tuple[MaskChange, ...]) -> Finished:
        """`start_ns`: when the load began; at a rate, when its window was to begin, as arrivals are due from then on
        however late they are started."""
        control, ends = self.recorder.control, self.recorder.ends()
        start = control.zero_ns if self._job.load.at_rate else control.began_ns
        return Finished(
            start_ns=start,
            stop_ns=start if error is not None else self._whole_until(start, ends, deadline_ns),
            completed=self.recorder.completed,
            usage=self._account.readings,
            memory=memory(),
            seen=self._account.seen,
            mask=placement.mask(thread_ids() - self._control_threads),
            error=None if error is None else as_text(error),
            mask_changes=changes,
            nodes=self._whereabouts.end(),
        )

    def _whole_until(self, start_ns: int, ends: list[int], deadline_ns: int) -> int:
        """The end of the first request that was not started again, from when on fewer are in flight than asked for;
        where a number of inferences was asked for, the end of the last, as they are the work to be timed.

        A load at a rate is whole to its deadline, or to when it was stopped, however few requests it takes. Where it is
        counted, its last inference lasts as long as the others, to where the next one would have been due.
        """
        counted, at_rate = self._job.load.iterations is not None, self._job.load.at_rate
        if at_rate and self._stopped_ns is not None:
            return max(start_ns, min(self._stopped_ns, deadline_ns) if deadline_ns else self._stopped_ns)
        if at_rate and not counted:
            return deadline_ns
        if not ends:
            return start_ns
        if not at_rate:
            return max(ends) if counted else min(ends)
        return max(*ends, start_ns + round(self.recorder.completed * self._period_ns))


def _is_asynchronous(job: Job) -> bool:
    return job.load.api == "async"


def _checks_outputs(job: Job, times: StepTimes) -> bool:
    """Where that was asked for and inferences are not too long; with -no_warmup the load has the first inference."""
    wanted = job.check_outputs and job.load.first_inference and not job.load.compile_only
    return wanted and times.ms.get("first_inference", 0.0) <= _LONGEST_CHECK_MS


def _period_ns(job: Job, effective: Effective) -> float:
    """Between the starts of a paced load; 0 where it is not paced."""
    batches = [group.batch for group in effective.groups] or [effective.batch]
    return job.load.pace.frame_period_ns * sum(batches) / len(batches) if job.load.pace is not None else 0.0


def _drive(
    backend: Backend, recorder: Recorder, asynchronous: bool, begin_ns: int, deadline_ns: int, limit: int
) -> str | None:
    """Have the compiled loop run with a cleared recorder; the message of an inference that failed."""
    control, slots = recorder.control, recorder.slots
    control.begin_ns, control.deadline_ns, control.limit = begin_ns, deadline_ns, limit
    if asynchronous:
        load_loops().run_async(control.address, slots.address, len(slots))
    else:
        load_loops().run_sync(control.address, slots.address)
    return backend.settle(slots.statuses.tolist())


def _check_completion(backend: Backend, recorder: Recorder) -> None:
    """One asynchronous inference must come back through the callback before a figure may rest on it."""
    error = _drive(backend, recorder, True, monotonic_ns(), 0, len(recorder.slots))
    if error is not None:
        raise OpenVinoError(error)
    if recorder.completed < 1:
        raise OpenVinoError("this build of OpenVINO does not call the completion callback as expected")
