"""Runs a study: trial after trial on one bus, each saved when it ends; agents stay where only the load changes."""

import contextlib
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from msgspec import structs

from ovbench.common.clock import monotonic_ns, utc_text
from ovbench.common.errors import UsageError

from ..launch.environments import is_made, make
from ..plan.plan import Plan
from ..request.commandline import parse_run
from ..request.request import Request
from ..result.report import Report
from ..result.study import Outcome, Study, Trial
from ..run.assemble import report_of
from ..run.exitcode import exit_code
from ..run.measure import PlannedRun, measure
from ..run.site import Site
from ..session.crew import Crew
from ..session.events import Sink
from ..session.session import Bus
from .events import Installing, RoundBegins, TrialBegins, TrialEnded
from .fingerprint import fingerprint
from .folder import StudyFolder
from .kinds.kind import Kind, Round
from .kinds.registry import kind_of
from .outcome import failed, outcome_of
from .request import StudyRequest

LEASE_S: Final = 60.0
"""Agents outlive the merge and the report of a trial, however large. Should the coordinator die, local agents die with
it, so the lease is not what ends them."""

_OVERHEAD_S: Final = 1.0
"""A trial's cost beyond warm-up and window until one has been measured."""


@dataclass(frozen=True)
class PlacedTrial:
    """A trial whose flags have been understood and whose agents have been placed."""

    trial: Trial
    request: Request
    plan: Plan

    @property
    def load_s(self) -> float | None:
        """Warm-up and window; None where only a number of inferences is known."""
        load = self.request.load
        return None if load.duration_s is None else load.warmup_s + load.duration_s

    def same_but_load(self, other: "PlacedTrial") -> bool:
        """Whether the other's agents can do it as they are."""
        return (
            self.request.launch.agent_python == other.request.launch.agent_python
            and self.plan.shares == other.plan.shares
            and len(self.plan.jobs) == len(other.plan.jobs)
            and all(job.same_but_load(one) for job, one in zip(self.plan.jobs, other.plan.jobs, strict=True))
        )


def prepare(trials: Sequence[Trial], site: Site) -> tuple[PlacedTrial, ...]:
    """Raises UsageError, naming the setting, for the first trial that cannot be. Repetitions are understood once."""
    known: dict[tuple[str, ...], PlacedTrial] = {}
    for trial in trials:
        if trial.argv not in known:
            known[trial.argv] = _prepared(trial, site)
    return tuple(replace(known[trial.argv], trial=trial) for trial in trials)


def _prepared(trial: Trial, site: Site) -> PlacedTrial:
    try:
        request = parse_run(trial.argv)
        if request.launch.bind is not None:
            raise UsageError(f"--launcher {request.launch.launcher}: studies start their own agents; leave it out")
        return PlacedTrial(trial, request, site.plan(request))
    except SystemExit:  # --help
        raise UsageError(f"trial {trial.id}: {' '.join(trial.argv)} is not a command line of a run") from None
    except UsageError as error:
        point = " ".join(f"{flag} {value}" for flag, value in trial.point.items())
        raise UsageError(f"study, {point}: {error}" if point else str(error)) from None


def estimate_s(trials: Sequence[PlacedTrial], overhead_s: float = _OVERHEAD_S) -> float | None:
    """How long they take in all; None where that cannot be known."""
    loads = [trial.load_s for trial in trials]
    return None if None in loads else sum(load or 0.0 for load in loads) + overhead_s * len(loads)


class Broken(Exception):
    """No more trials can be run; the text is why. The trial that it happened in is not kept."""


class Changed(Exception):
    """A file is not what it was when the study began: what it is now would be another study. The text names it. The
    trial that it was seen in is not kept."""


class Refused(Exception):
    """A trial that follows from what was measured cannot be; the text is why."""


@dataclass(frozen=True)
class PlannedStudy:
    """All that is settled before trials are run. `trials`: all of the plan, in its order. `redo`: trials that ended
    with such a status are left, too."""

    request: StudyRequest
    study: Study
    folder: StudyFolder
    site: Site
    trials: tuple[PlacedTrial, ...]
    redo: Collection[str] = ()

    @property
    def kind(self) -> Kind:
        return kind_of(self.study)

    def first(self) -> Round | None:
        """What is to be run first; None where all has been run."""
        return self.kind.next(self.study, self.folder.outcomes(), self.redo)

    def left(self, first: Round | None) -> tuple[PlacedTrial, ...]:
        """What is left of the plan; nothing where trials are only to be run again."""
        return () if first is None or first.attempt else self.placed(first.trials)

    def placed(self, trials: Sequence[Trial]) -> tuple[PlacedTrial, ...]:
        """In the order of the plan."""
        ids = {trial.id for trial in trials}
        return tuple(one for one in self.trials if one.trial.id in ids)


@dataclass
class Runner:
    """`interrupted`, `broken`, `refused` and the study's `stopped` say why it ended before its plan was; all but the
    first in words."""

    planned: PlannedStudy
    sink: Sink
    clock: Callable[[], float] = time.monotonic
    interrupted: bool = False
    broken: str = ""
    refused: str = ""
    _crew: Crew = field(default_factory=Crew)
    _jobs: PlacedTrial | None = None
    _starts: int = 0
    """How often agents have been started, also before the study was resumed."""
    _overheads_s: list[float] = field(default_factory=list)
    _read: dict[str, str] = field(default_factory=dict)
    """SHA-256 by file, of what the study began with and its trials have read since."""

    def conduct(self, opening: contextlib.AbstractContextManager[Bus], first: Round) -> None:
        """Round after round, until the kind of study has none left or the user wants an end. Raises Unwritable where a
        trial cannot be saved, and UsageError where no agent can run here, so that there is none."""
        now: Round | None = first
        self._starts = max((one.start or 0 for one in self.planned.folder.outcomes()), default=0)
        try:
            with opening as bus:
                while now is not None and not self.interrupted:
                    if now.attempt:
                        self._announce(now)
                    self._plan(now)
                    self._run(bus, self.planned.placed(now.trials), now.attempt)
                    planned = self.planned
                    now = planned.kind.next(planned.study, planned.folder.outcomes())
                bus.release(self._crew)  # those that stayed for a next trial
        except Broken as problem:
            self.broken = str(problem)
        except Refused as problem:
            self.refused = str(problem)
        except Changed as problem:
            self.planned = replace(planned, study=structs.replace(planned.study, stopped=str(problem)))
            self.planned.folder.plan(self.planned.study)

    def _plan(self, now: Round) -> None:
        """Trials that the plan lacks are added to it, and saved, before they are run: what a kind wants next may depend
        on what was measured. Raises Refused."""
        planned = self.planned
        known = {trial.id for trial in planned.study.trials}
        more = tuple(trial for trial in now.trials if trial.id not in known)
        if more:
            study = structs.replace(planned.study, trials=(*planned.study.trials, *more))
            try:
                placed = (*planned.trials, *prepare(more, planned.site))
            except UsageError as problem:
                raise Refused(str(problem)) from None
            self.planned = replace(planned, study=study, trials=placed)
            planned.folder.plan(study)

    def _provide(self, bus: Bus, prepared: PlacedTrial) -> None:
        """The release of OpenVINO that a trial needs, where it has not been installed before. Raises UsageError."""
        release = prepared.request.launch.openvino
        if release is None or is_made(release):
            return
        make([release], lambda text: self.sink.handle(Installing(monotonic_ns(), text)), lambda: bus.interrupts.asked)
        planned = self.planned
        now = fingerprint([prepared.request], planned.site.topology).machine
        known = planned.study.fingerprint
        more = structs.replace(known, machine={**now, **known.machine})
        self.planned = replace(planned, study=structs.replace(planned.study, fingerprint=more))
        planned.folder.plan(self.planned.study)

    def _announce(self, again: Round) -> None:
        study, rerun = self.planned.study, self.planned.kind.rerun
        self.sink.handle(RoundBegins(monotonic_ns(), rerun, again.attempt, study.retry_suspect, len(again.trials)))

    def _run(self, bus: Bus, trials: Sequence[PlacedTrial], attempt: int) -> None:
        """All of them, or until the user wants an end. `attempt`: the round in which they are run again, from 1. Raises
        Broken where agents cannot be started any more, Changed where a file has, and Unwritable where a trial
        cannot be saved."""
        planned, outcomes = self.planned, self.planned.folder.outcomes()
        known = len(trials) if attempt else len(planned.study.trials)
        more = 0 if attempt else planned.kind.foreseen(planned.study)
        so_far = planned.kind.so_far(planned.study, outcomes)
        for index, prepared in enumerate(trials):
            number, total = known - len(trials) + index + 1, known + more
            left_s = self._left_s([*trials[index:], *([trials[-1]] * more)])
            self.sink.handle(TrialBegins(monotonic_ns(), prepared.trial, number, total, left_s, so_far))
            began = self.clock()
            try:
                outcome, report = self._trial(bus, prepared, began, attempt)
            except KeyboardInterrupt:  # while hosts were made ready for it, so that nothing of it was measured
                self.interrupted = True
            if self.interrupted:
                break
            if bus.launcher.ended:
                if outcome.status == "FAILED" and not self.planned.folder.outcomes():
                    raise UsageError(bus.launcher.ended)
                raise Broken(bus.launcher.ended)
            self._check_files(outcome, prepared)
            self.planned.folder.keep(prepared.trial, outcome, report)
            self._overheads_s.append(self.clock() - began - (prepared.load_s or 0.0))
            self.sink.handle(TrialEnded(monotonic_ns(), outcome, number, total))

    def _check_files(self, outcome: Outcome, prepared: PlacedTrial) -> None:
        """By what the agents have read. Agents that stayed from the trial before refuse a file that was changed since:
        such a trial FAILED, and what the file is now is looked up. Raises Changed."""
        known = {**self.planned.study.fingerprint.files, **self._read}
        now = outcome.files
        if outcome.status == "FAILED":
            with contextlib.suppress(UsageError):
                now = fingerprint([prepared.request], self.planned.site.topology).files
        changed = [file for file, digest in now.items() if known.get(file, digest) != digest]
        if changed:
            raise Changed(f"{changed[0]} is not what it was when the study began, as trial {outcome.trial} found")
        self._read.update(now)

    def _left_s(self, trials: Sequence[PlacedTrial]) -> float | None:
        known = self._overheads_s
        return estimate_s(trials, sum(known) / len(known) if known else _OVERHEAD_S)

    def _trial(self, bus: Bus, prepared: PlacedTrial, began: float, attempt: int) -> tuple[Outcome, Report | None]:
        crew = self._adopted(bus, prepared)
        self._starts += crew is None
        started_at = utc_text()
        command = ("ovbench-coord", *prepared.trial.argv)
        counted = self.planned.request.watchers.any
        planned = PlannedRun(prepared.request, prepared.plan, self.planned.site, started_at, command, counted)
        try:
            self._provide(bus, prepared)
            record, self._crew = measure(bus, planned, self.sink, crew, LEASE_S)
        except UsageError as error:
            bus.dismiss(self._crew)
            self._crew = Crew()
            return failed(prepared.trial, attempt, started_at, self.clock() - began, str(error)), None
        self.interrupted = record.interrupted
        self._jobs = prepared
        keep = partial(self.planned.folder.keep_samples, prepared.trial, attempt=attempt)
        report = report_of(record, None if record.interrupted else keep)
        code = exit_code(report, record.interrupted)
        return outcome_of(prepared.trial, report, self.clock() - began, code, attempt, self._starts), report

    def _adopted(self, bus: Bus, prepared: PlacedTrial) -> Crew | None:
        """The agents of the trial before, where they can do this one as they are; else they are let go. `dismiss` ends
        those that did not deliver, too."""
        before = self._jobs
        stay = self._crew.whole and before is not None and not self.planned.kind.anew(before.trial, prepared.trial)
        if stay and before is not None and prepared.same_but_load(before):
            return self._crew
        bus.dismiss(self._crew)
        self._crew = Crew()
        return None
