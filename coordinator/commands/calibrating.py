"""A calibration from its plan to what it found, for whoever follows it."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Protocol

from msgspec import structs

from ovbench.common.clock import utc_text

from ..machine.identity import identify
from ..machine.limits import check_limits
from ..machine.probing import CPU_S, chosen_cpus, clock_read_ns, clock_source, probe
from ..request.commandline import parse_run
from ..result.arrivals import LatenessPart
from ..result.calibration import Calibration, ClockPart, CpuProbe
from ..result.numbers import microseconds
from ..result.report import Report
from ..run.assemble import report_of
from ..run.measure import PlannedRun, measure
from ..run.site import LocalSite
from ..session.crew import Crew
from ..session.events import Event
from ..session.session import Bus
from ..study import calibrating as pure
from ..study.calibrating import BLOCK, BUDGET_S, LATENESS_ARGV, WORKS, Seen, Work
from .verb import Call

_LEASE_S = 60.0


class CalibrationAudience(Protocol):
    """Who follows it. All but `handle` are called while no agent measures."""

    def begin(self, about_s: float) -> None: ...

    def step(self, doing: str) -> None:
        """What is done now."""

    def done(self, text: str) -> None:
        """A part has ended, with what it showed."""

    def handle(self, event: Event) -> None: ...

    def detach(self) -> None:
        """From now on agents rely on who calls: nothing may wait."""

    def close(self) -> None: ...


@dataclass(frozen=True)
class Planned:
    """`cpus`: those that are probed by themselves."""

    site: LocalSite
    works: tuple[Work, ...]
    cpus: tuple[int, ...]
    at_rate: tuple[str, ...] = LATENESS_ARGV

    @property
    def estimate_s(self) -> float:
        return pure.estimate_s(self.works, len(self.cpus), CPU_S)


def planned(site: LocalSite, works: Sequence[Work] = WORKS) -> Planned:
    return Planned(site, tuple(works), chosen_cpus(site.topology))


@dataclass
class Calibrating:
    """One calibration. `interrupted`: the user wanted an end; what was measured until then counts all the same."""

    plan: Planned
    call: Call
    audience: CalibrationAudience
    clock: Callable[[], float] = time.monotonic
    interrupted: bool = False
    _began_s: float = 0.0
    _starts: int = 0
    _report: Report | None = None
    _trials: dict[str, list[Seen]] = field(default_factory=dict)

    def conduct(self, kept: Sequence[Calibration]) -> Calibration | None:
        """`kept`: earlier ones of this machine. None where no two starts of a work's agents were measured, unless it
        was interrupted after another one's. Raises UsageError where agents cannot measure."""
        self._began_s, taken_at = self.clock(), utc_text()
        self.audience.begin(self.plan.estimate_s)
        probes = self._probes()
        late = self._with_agents()
        works = tuple(
            part for work in self.plan.works if (part := pure.work_part(work, self._trials.get(work.name, ())))
        )
        if not works or self._report is None or (len(works) < len(self.plan.works) and not self.interrupted):
            return None
        every = [one for trials in self._trials.values() for one in trials]
        found = pure.disturbance(every)
        verdict, because = pure.verdict(works, probes, found, None if late is None else late.p99)
        environment = self._report.environment
        result = Calibration(
            ovbench=version("ovbench"),
            taken_at=taken_at,
            seconds=self.clock() - self._began_s,
            machine=identify(self.plan.site.topology),
            openvino=environment.openvino,
            kernel=environment.kernel,
            cpus=self._report.cpu.measured_cpus,
            verdict=verdict,
            because=because,
            works=works,
            probes=probes,
            clock=ClockPart(clock_source(), clock_read_ns(), environment.governor, pure.frequencies(every)),
            disturbance=found,
            lateness_us=late,
        )
        return structs.replace(result, earlier=pure.earlier(result, kept))

    def _probes(self) -> dict[str, CpuProbe]:
        found: dict[str, CpuProbe] = {}
        for number, cpu in enumerate(self.plan.cpus, 1):
            self.audience.step(f"CPU {cpu} by itself, {number} of {len(self.plan.cpus)}")
            try:
                found[str(cpu)] = probe(cpu)
            except OSError:  # it went offline, or a control group took it
                continue
        if found:
            slowest, fastest = (of(one.hash_mb_per_s for one in found.values()) for of in (min, max))
            self.audience.done(
                f"{len(found)} CPUs by themselves: slowest {100 * (1 - slowest / fastest):.1f} % below the fastest"
            )
        return found

    def _with_agents(self) -> LatenessPart | None:
        """Every work, then how late a load at a rate starts."""
        runs = {argv: self._planned_run(argv) for argv in (*(work.argv for work in self.plan.works), self.plan.at_rate)}
        first = runs[self.plan.works[0].argv]
        check_limits(max(len(run.plan.jobs) for run in runs.values()))
        self.audience.detach()
        try:
            with self.plan.site.bus(first.request.launch, self.call.interrupts) as bus:
                for work in self.plan.works:
                    self._starts_of(bus, work, runs[work.argv])
                late = None if self.interrupted else self._lateness(bus, runs[self.plan.at_rate])
        finally:
            self.audience.close()
        return late

    def _planned_run(self, argv: tuple[str, ...]) -> PlannedRun:
        request = parse_run(argv)
        return PlannedRun(request, self.plan.site.plan(request), self.plan.site, utc_text(), ("ovbench-coord", *argv))

    def _starts_of(self, bus: Bus, work: Work, run: PlannedRun) -> None:
        trials = self._trials.setdefault(work.name, [])
        longest_s = 0.0
        for start in range(1, work.starts + 1):
            spent_s = self.clock() - self._began_s
            if self.interrupted or (start > work.least_starts and spent_s + longest_s > BUDGET_S):
                break
            began_s = self.clock()
            self._starts += 1
            crew: Crew | None = None
            for number in range(1, len(BLOCK) + 1):
                self.audience.step(f"{work.name}, start {start} of {work.starts}, trial {number} of {len(BLOCK)}")
                report, crew = self._measured(bus, run, crew)
                if self.interrupted:
                    break
                if not crew.whole:  # what is left of the agents does less, which is no scatter
                    break
                trials.append(pure.seen(report, self._starts))
            bus.dismiss(crew or Crew())
            longest_s = max(longest_s, self.clock() - began_s)
        part = pure.work_part(work, trials)
        noise = None if part is None else part.noise_of("throughput")
        if noise is not None:
            self.audience.done(
                f"{work.name}: scatters by {noise.within_percent:.2f} % within a start, {noise.between_percent:.2f} % "
                "from start to start"
            )

    def _lateness(self, bus: Bus, run: PlannedRun) -> LatenessPart | None:
        self.audience.step("a load at a rate")
        report, crew = self._measured(bus, run, None)
        bus.dismiss(crew)
        late = report.lateness_us
        if late is not None:
            self.audience.done(
                f"starts at a rate: late by {microseconds(late.median)}, 1 in 100 by {microseconds(late.p99)}"
            )
        return late

    def _measured(self, bus: Bus, run: PlannedRun, crew: Crew | None) -> tuple[Report, Crew]:
        record, left = measure(bus, run, self.audience, crew, _LEASE_S)
        self.interrupted |= record.interrupted
        report = report_of(record, None)
        self._report = self._report or report
        return report, left
