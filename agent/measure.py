"""One agent's measurement: pin, prepare, warm up, run, and say when the load began and when it was no longer whole."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ovbench.common.clock import monotonic_ns, to_ns
from ovbench.common.effective import Outputs, Phases
from ovbench.common.job import Job
from ovbench.common.messages import Graph, Layers

from .host import affinity as placement
from .host.numa import read_policy, set_policy
from .host.threads import thread_ids
from .host.usage import Account
from .loop import loops
from .loop.recorder import Recorder
from .openvino.backend import Backend, open_backend, phases
from .openvino.capi import OpenVinoError, libc_addresses
from .openvino.model import StepTimes

_LONGEST_CHECK_MS: Final = 2_000.0
"""Where the first inference took longer, none is repeated for its outputs: that would be four more, 8 s."""


@dataclass(frozen=True)
class Prepared:
    backend: Backend
    phases: Phases
    mask: tuple[int, ...]
    outputs: Outputs | None
    memory_policy: str


@dataclass(frozen=True)
class Outcome:
    """`start_ns`: when the load began; at a limited rate, when it was to begin, as starts are due from then on however
    late they are made. `stop_ns`: the end of the first request that was not started again, from when on fewer are in
    flight than asked for; where a number of inferences was asked for, the end of the last, as they are the work to be
    timed."""

    start_ns: int
    stop_ns: int
    completed: int
    error: str | None


class Measurement:
    """All methods but `stop` belong to one thread, which they pin; it must not have loaded OpenVINO before."""

    def __init__(self, job: Job, control_threads: frozenset[int], former: "Measurement | None" = None) -> None:
        """`former`: one whose model is taken over, as it is compiled (see `Job.same_but_load`)."""
        self._former = former
        self._job = job
        self._control_threads = control_threads
        self._stopped = False
        self._repeatable = False
        self._backend: Backend | None = None
        self.recorder: Recorder | None = None
        self.times = StepTimes()
        self.account = Account(control_threads)

    def prepare(self) -> Prepared:
        """Raises OpenVinoError, and UsageError also where the CPUs or the memory cannot be had."""
        placement.pin_exactly(self._job.placement.cpus)
        wanted = self._job.placement.memory
        policy = read_policy() if wanted is None else set_policy(wanted)
        self.times.step = 3
        backend = self._backend = self._open()
        outputs = self._outputs()  # before callbacks are connected
        recorder = Recorder.allocate(backend.effective.requests, self._job.sample_bytes)
        clock, sleep = libc_addresses()
        control = recorder.control
        control.clock, control.sleep = clock, sleep
        control.call = backend.call(self._asynchronous)
        for slot, handle in zip(recorder.slots, backend.handles(), strict=True):
            slot.request = handle
        if self._asynchronous and not self._job.load.compile_only:
            backend.connect(control, recorder.slots)
            self._check_completion(recorder)
        backend.feed(control, recorder.slots)
        self._set_pace(recorder)
        self.recorder = recorder
        mask = placement.mask(thread_ids() - self._control_threads)
        self._repeatable = outputs is not None and outputs.repeatable
        return Prepared(backend, phases(self.times), mask, outputs, policy)

    def _open(self) -> Backend:
        former, self._former = self._former, None
        if former is None or former._backend is None:
            return open_backend(self._job, self.times)
        return former._backend.renewed(self._job, self.times)

    def warm_up(self, at_ns: int) -> tuple[int, str | None]:
        """Run the load, not to be counted: how many inferences, and the message of one that failed."""
        assert self.recorder is not None
        error = self._load(self.recorder, at_ns, at_ns + to_ns(self._job.load.warmup_s), 0)
        completed = self.recorder.completed
        self.recorder.clear()
        return completed, error

    def run(self, at_ns: int) -> Outcome:
        recorder, backend, load = self.recorder, self._backend, self._job.load
        assert recorder is not None
        assert backend is not None
        limit = backend.effective.iterations or 0
        deadline = at_ns + to_ns(load.duration_s) if load.duration_s is not None else 0
        backend.begin(at_ns)
        self.account.begin()
        error = self._load(recorder, at_ns, deadline, limit)
        self.account.end()
        return self._outcome(error, deadline)

    def abandon(self) -> Outcome:
        """The outcome so far of a run that was stopped and whose last inference does not end; from another thread."""
        self.account.end()
        assert self.recorder is not None
        self.recorder = self.recorder.sealed()  # the inference may end yet, while all before it is delivered
        return self._outcome(None, 0)

    @property
    def cpus(self) -> tuple[int, ...]:
        """Those that inference threads were given."""
        return self._job.placement.cpus

    def stop(self) -> None:
        """End the load at the next completion; may be called from any thread at any time."""
        self._stopped = True
        if self.recorder is not None:
            self.recorder.control.stop = 1

    def recheck(self) -> str | None:
        """After a load that ran to its end: the message of an inference that fails now and may have failed in it."""
        assert self._backend is not None
        return None if self._stopped else self._backend.recheck(self._completed)

    def outputs(self) -> Outputs | None:
        """What comes of the first inputs after a load that ran to its end, where it can be compared."""
        return self._outputs() if self._repeatable and not self._stopped else None

    def _outputs(self) -> Outputs | None:
        """None where they were not asked for, or inferences are too long; with -no_warmup the load is to have the first
        inference."""
        assert self._backend is not None
        load = self._job.load
        wanted = self._job.check_outputs and load.first_inference and not load.compile_only
        if not wanted or self.times.ms.get("first_inference", 0.0) > _LONGEST_CHECK_MS:
            return None
        return self._backend.outputs()

    @property
    def _asynchronous(self) -> bool:
        return self._job.load.api == "async"

    def findings(self) -> Iterator[Layers | Graph]:
        """What the load tells beyond times; after `run`."""
        assert self._backend is not None
        return self._backend.findings()

    def _period_ns(self) -> float:
        """Between the starts of a paced load; 0 where it is not paced."""
        assert self._backend is not None
        pace, effective = self._job.load.pace, self._backend.effective
        batches = [group.batch for group in effective.groups] or [effective.batch]
        return pace.frame_period_ns * sum(batches) / len(batches) if pace is not None else 0.0

    def _set_pace(self, recorder: Recorder) -> None:
        if self._job.load.pace is not None:
            recorder.control.period_ns = self._period_ns()
            recorder.control.phase_ns = self._period_ns() * self._job.load.pace.phase

    def _outcome(self, error: str | None, deadline_ns: int) -> Outcome:
        assert self.recorder is not None
        control, ends = self.recorder.control, self.recorder.ends()
        start = control.began_ns if self._job.load.pace is None else control.begin_ns
        return Outcome(start, self._whole_until(start, ends, deadline_ns), self.recorder.completed, error)

    def _whole_until(self, start_ns: int, ends: list[int], deadline_ns: int) -> int:
        """See `Outcome`. A paced load is whole to its deadline, however few requests it takes. Where it is counted, its
        last inference lasts as long as the others, to where the next one would have been due."""
        counted, paced = self._job.load.iterations is not None, self._job.load.pace is not None
        if paced and not counted and not self._stopped:
            return deadline_ns
        if not ends:
            return start_ns
        if not paced:
            return max(ends) if counted else min(ends)
        return max(ends) if self._stopped else max(*ends, start_ns + round(self._completed * self._period_ns()))

    @property
    def _completed(self) -> int:
        return 0 if self.recorder is None else self.recorder.completed

    def _load(self, recorder: Recorder, begin_ns: int, deadline_ns: int, limit: int) -> str | None:
        assert self._backend is not None
        recorder.clear()
        control, slots = recorder.control, recorder.slots
        control.begin_ns, control.deadline_ns, control.limit = begin_ns, deadline_ns, limit
        if self._stopped:
            control.stop = 1
        if self._asynchronous:
            loops.run_async(control.address, slots.address, len(slots))
        else:
            loops.run_sync(control.address, slots.address)
        return self._backend.settle(slots.statuses.tolist())

    def _check_completion(self, recorder: Recorder) -> None:
        """One asynchronous inference must come back through the callback before a figure may rest on it."""
        error = self._load(recorder, monotonic_ns(), 0, len(recorder.slots))
        if error is not None:
            raise OpenVinoError(error)
        if recorder.completed < 1:
            raise OpenVinoError("this build of OpenVINO does not call the completion callback as expected")
