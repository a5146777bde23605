"""`--metrics`: what a run is doing as counters and gauges, from its events. `exporter` serves it.

Counters go on over the trials of a study, each of which begins at 0 again.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, get_args

from ..result.report import Status
from ..session.events import (
    AgentCounts,
    AgentLost,
    AgentsReady,
    Concluded,
    Counts,
    Delivering,
    Event,
    FilesUnderWay,
    HostsAwaited,
    Joining,
    Preparing,
    RunEnded,
    RunPlanned,
    Snapshot,
    Standing,
    WarmingUp,
)
from ..study.events import StudyPlanned, TrialBegins, TrialEnded

Phase = Literal["hosts", "joining", "preparing", "warming_up", "running", "delivering", "ended"]
_PHASES: Final[Mapping[type[Event], Phase]] = {
    HostsAwaited: "hosts",
    FilesUnderWay: "hosts",
    Joining: "joining",
    Preparing: "preparing",
    WarmingUp: "warming_up",
    Snapshot: "running",
    Delivering: "delivering",
    RunEnded: "ended",
}
_STATES: Final = tuple(get_args(Status))

Labels = tuple[str, ...]
Values = dict[Labels, "float | Buckets"]
AGENT: Final = ("agent", "host")


@dataclass(frozen=True)
class Buckets:
    """Of a histogram: the number of values at most each bound, of all, and their sum."""

    counts: tuple[int, ...]
    count: int
    sum: float


@dataclass(frozen=True)
class Family:
    """Metrics of one name, by the values of `labels`. An `info` has labels alone; of a `states` the label has its own
    name, and one of its values is 1. `bounds` are those of a histogram, in seconds."""

    kind: Literal["counter", "gauge", "histogram", "info", "states"]
    name: str
    help: str
    values: Values
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


class _Agent(NamedTuple):
    id: str
    host: str


@dataclass(frozen=True)
class _Total:
    """Of an agent, over all trials."""

    inferences: int = 0
    frames: float = 0.0
    latency_sum_s: float = 0.0
    latency_counts: tuple[int, ...] = ()
    dropped: int = 0
    cpu_s: float = 0.0

    def plus(self, more: AgentCounts) -> "_Total":
        counts = self.latency_counts or (0,) * len(more.latency_counts)
        return _Total(
            self.inferences + more.inferences,
            self.frames + more.frames,
            self.latency_sum_s + more.latency_sum_s,
            tuple(before + now for before, now in zip(counts, more.latency_counts, strict=True)),
            self.dropped + more.dropped,
            self.cpu_s + more.cpu_s,
        )


@dataclass
class Metrics:
    """A sink; `families` may be asked for by any thread."""

    version: str
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _run: RunPlanned | None = None
    _study: StudyPlanned | None = None
    _trial: TrialBegins | None = None
    _openvino: str = ""
    _phase: Phase | None = None
    _snapshot: Snapshot | None = None
    _counts: Counts | None = None
    _bounds_s: tuple[float, ...] = ()
    _before: dict[_Agent, _Total] = field(default_factory=dict)
    """Of the runs that have ended."""
    _lost: int = 0
    _standing: tuple[Status, Sequence[str]] = ("VALID", ())
    _trials: dict[str, int] = field(default_factory=dict)
    """Ended, by status."""

    def handle(self, event: Event) -> None:
        with self._lock:
            self._take(event)

    def families(self) -> list[Family]:
        with self._lock:
            return list(self._families())

    def _take(self, event: Event) -> None:
        self._phase = _PHASES.get(type(event), self._phase)
        if self._phase != "running":
            self._snapshot = None
        match event:
            case RunPlanned():
                self._run = event
            case StudyPlanned():
                self._study = event
            case TrialBegins():
                self._trial = event
            case TrialEnded(outcome=outcome):
                self._trial = None
                self._trials[outcome.status] = self._trials.get(outcome.status, 0) + 1
            case AgentsReady():
                self._before = self._totals()
                self._counts = None
                self._openvino = next((agent.reported.openvino for agent in event.agents), "")
            case Snapshot():
                self._snapshot = event
            case Counts(bounds_s=bounds_s):
                self._counts, self._bounds_s = event, bounds_s
            case AgentLost():
                self._lost += 1
            case Standing(status=status, because=because) | Concluded(status=status, because=because):
                self._standing = status, because

    def _totals(self) -> dict[_Agent, _Total]:
        totals = dict(self._before)
        for agent in self._counts.agents if self._counts is not None else ():
            key = _Agent(str(agent.id), agent.host)
            totals[key] = totals.get(key, _Total()).plus(agent)
        return totals

    def _families(self) -> Iterator[Family]:
        yield Family("info", "ovbench_build", "The coordinator.", {(self.version,): 1}, ("version",))
        yield from self._of_what_runs()
        yield from self._of_agents()
        yield from self._of_now()
        yield from self._of_the_verdict()

    def _of_what_runs(self) -> Iterator[Family]:
        if self._run is not None:
            labels = ("model", "started_at", "agents", "openvino")
            run = self._run
            values = (run.model, run.started_at, str(run.agents), self._openvino)
            yield Family("info", "ovbench_run", "What is measured.", {values: 1}, labels)
        if self._study is not None:
            study = self._study
            yield Family("info", "ovbench_study", "The study.", {(study.kind, study.folder): 1}, ("kind", "folder"))
            yield Family("gauge", "ovbench_trials_planned", "Trials of the study.", {(): study.trials})
            ended: Values = {(status,): number for status, number in sorted(self._trials.items())}
            yield Family("counter", "ovbench_trials", "Trials that have ended.", ended, ("status",))
        if self._trial is not None:
            trial = self._trial.trial
            setting = " ".join(f"{flag} {value}" for flag, value in trial.point.items())
            yield Family(
                "info", "ovbench_trial", "The trial that runs.", {(trial.id, setting): 1}, ("trial", "setting")
            )

    def _of_agents(self) -> Iterator[Family]:
        totals = self._totals()
        if not totals:
            return

        def counter(name: str, help: str, of: Callable[[_Total], float]) -> Family:
            return Family("counter", name, help, {agent: of(total) for agent, total in totals.items()}, AGENT)

        yield counter("ovbench_inferences", "Inferences that were completed.", lambda total: total.inferences)
        yield counter("ovbench_frames", "Frames of these inferences.", lambda total: total.frames)
        yield counter("ovbench_arrivals_dropped", "Arrivals that waited for too long.", lambda total: total.dropped)
        yield counter(
            "ovbench_agent_cpu_seconds",
            "CPU time of the agent's process while its loads ran.",
            lambda total: total.cpu_s,
        )
        latencies: Values = {
            agent: Buckets(total.latency_counts, total.inferences, total.latency_sum_s)
            for agent, total in totals.items()
        }
        name, help = "ovbench_latency_seconds", "Latency of every inference."
        yield Family("histogram", name, help, latencies, AGENT, self._bounds_s)

    def _of_now(self) -> Iterator[Family]:
        states = get_args(Phase)
        if self._phase is not None:
            values: Values = {(name,): float(name == self._phase) for name in states}
            yield Family("states", "ovbench_phase", "What the run is doing.", values)
        yield Family("counter", "ovbench_agents_lost", "Agents that were lost.", {(): self._lost})
        now = self._snapshot
        if now is None:
            return
        gauges = (
            ("ovbench_agents", "Agents that are running.", len(now.agents)),
            ("ovbench_load_elapsed_seconds", "Since the window's start.", now.elapsed_s),
            ("ovbench_load_remaining_seconds", "Until the load ends.", now.left_s),
            ("ovbench_cpu_busy_ratio", "How busy the measured CPUs are, all together.", _ratio(now.busy_percent)),
            ("ovbench_others_busy_ratio", "What of them is busy with others.", _ratio(now.others_percent)),
            ("ovbench_backlog_arrivals", "Arrivals that are due and not started.", now.backlog),
        )
        for name, help, value in gauges:
            if value is not None:
                yield Family("gauge", name, help, {(): value})

    def _of_the_verdict(self) -> Iterator[Family]:
        status, because = self._standing
        verdicts: Values = {(name,): float(name == status) for name in _STATES}
        yield Family("states", "ovbench_verdict", "The verdict as far as it is known.", verdicts)
        findings: Values = {(code,): 1.0 for code in because}
        yield Family("gauge", "ovbench_finding", "What the verdict is due to.", findings, ("code",))


def _ratio(percent: float | None) -> float | None:
    return None if percent is None else percent / 100
