"""What a calibration runs, and what follows from it: how much a machine scatters by itself, and whether it is quiet.

Pure: trials in, a `Calibration` out. Each work is measured in starts of its agents, in each start a block ABBA of equal
trials. So the same trials show A against A, the scatter within a start, and that from start to start.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import expm1, log
from statistics import fmean, median
from typing import Final

from ..result.calibration import (
    FLOOR_WORK,
    Calibration,
    CpuProbe,
    DisturbancePart,
    EarlierPart,
    FigureName,
    NoiseOf,
    SameAgainstSame,
    WorkPart,
)
from ..result.cpu import CpuPart, Frequency, Neighbour
from ..result.findings import Code
from ..result.noise import CalibrationVerdict, floor_percent
from ..result.report import Report
from ..stats.estimate import geometric
from ..stats.variance import scatter_of
from .ratio import LEAST_BLOCKS, ratio_of

BLOCK: Final = "ABBA"
"""The trials of a start."""

BUDGET_S: Final = 50.0
"""After so long no further start is begun, where there are enough."""

NOISY_PERCENT: Final = 5.0
"""Two runs of the same that may be further apart hide what most changes are worth."""
TAKEN_PERCENT: Final = 5.0
"""Of a CPU, as `--max-others` has it."""
_UNLIKE: Final = 0.02
"""Of A against A: by less it may be off its interval by chance, in 2 of 100 calibrations."""
_LATE_US: Final = 1000.0
_DISTURBED_SHARE: Final = 0.25
"""Of the trials: single ones are disturbed on any machine."""
_DISTURBING: Final = (Code.THERMAL_THROTTLE, Code.CPU_QUOTA, Code.FREQUENCY_DROP)
"""Other load and steal are judged by their shares: a tick of the kernel's is 3 % of a short trial."""
_LEAST_IN_TRIAL_PERCENT: Final = 10.0
STEAL_PERCENT: Final = 1.0
"""As `--max-steal` has it."""
_MOST_NEIGHBOURS: Final = 5
_LEAST_CHANGE_PERCENT: Final = 3.0
"""Of the speed against earlier calibrations; by less builds of the kernel differ."""


@dataclass(frozen=True)
class Work:
    """`flags`: of a run, but for its time. `starts`: how often its agents are started, time permitting."""

    name: str
    flags: tuple[str, ...]
    trial_s: float
    starts: int
    least_starts: int = LEAST_BLOCKS
    warmup_s: float = 0.1

    @property
    def argv(self) -> tuple[str, ...]:
        length = ("-t", f"{self.trial_s:g}", "--warmup", f"{self.warmup_s:g}")
        return (*self.flags, "-api", "sync", *length, "--min-window", "0")


NULL: Final = Work("null device", ("--backend", "null:200"), 0.3, 4)
MLP: Final = Work(FLOOR_WORK, ("-m", "builtin:mlp"), 0.5, 6)
WORKS: Final = (NULL, MLP)
"""The last is what the noise floor is of."""

LATENESS_ARGV: Final = ("--backend", "null:200", "--rate", "1000", "-t", "2", "--warmup", "0.2")

_START_S, _TRIAL_S = 0.5, 0.2
"""What they cost beyond their time."""


@dataclass(frozen=True)
class Seen:
    """A trial: what a calibration keeps of its report."""

    start: int
    fps: float | None
    latency_ms: Mapping[str, float | None]
    cpu: CpuPart
    findings: tuple[str, ...]
    neighbours: tuple[Neighbour, ...]
    agents: int

    def figure(self, name: FigureName) -> float | None:
        return self.fps if name == "throughput" else self.latency_ms.get(name)


def seen(report: Report, start: int) -> Seen:
    latency = report.latency_ms
    return Seen(
        start=start,
        fps=report.throughput.fps if report.measured else None,
        latency_ms={} if latency is None else {"median": latency.median, "p99": latency.p99},
        cpu=report.cpu,
        findings=tuple(dict.fromkeys(one.code for one in report.validity.findings if one.severity != "info")),
        neighbours=report.neighbours,
        agents=len(report.agents),
    )


def estimate_s(works: Iterable[Work], probes: int, probe_s: float) -> float:
    """How long it takes, about."""
    trials = sum(
        one.starts * (_START_S + len(BLOCK) * (one.trial_s + one.warmup_s + _TRIAL_S))
        for one in works
    )  # fmt: skip
    return probes * probe_s + trials + 3.0


def work_part(work: Work, trials: Sequence[Seen]) -> WorkPart | None:
    """None where it shows no scatter: fewer than two starts, or no start with two trials that measured."""
    known = [one for one in trials if one.fps]
    rates = [one.fps for one in known if one.fps]
    noise = tuple(one for name in ("throughput", "median", "p99") if (one := _noise(name, known)) is not None)
    if not noise:
        return None
    means = [fmean(log(one.fps) for one in start if one.fps) for start in _starts(known)]
    return WorkPart(
        name=work.name,
        command=("ovbench-coord", *work.argv),
        agents=known[0].agents,
        starts=len(means),
        trials=len(known),
        trial_s=work.trial_s,
        fps=geometric(rates),
        noise=noise,
        same=_same(known),
        first_to_last_percent=100 * expm1(means[-1] - means[0]),
    )


def _starts(trials: Sequence[Seen]) -> list[list[Seen]]:
    found: dict[int, list[Seen]] = {}
    for one in trials:
        found.setdefault(one.start, []).append(one)
    return list(found.values())


def _noise(name: FigureName, trials: Sequence[Seen]) -> NoiseOf | None:
    logs = [[log(value) for one in start if (value := one.figure(name))] for start in _starts(trials)]
    scatter = scatter_of(logs)
    if scatter is None:
        return None
    return NoiseOf(
        name,
        100 * scatter.within,
        100 * scatter.between,
        100 * scatter.of_groups,
        floor_percent(scatter.of_groups, scatter.groups),
    )


def _same(trials: Sequence[Seen]) -> SameAgainstSame | None:
    """A block is the four trials of a start, in their order."""
    blocks: list[tuple[list[float], list[float]]] = []
    for start in _starts(trials):
        if len(start) == len(BLOCK):
            rates = [one.fps or 0.0 for one in start]
            sides = [[rate for rate, side in zip(rates, BLOCK, strict=True) if side == name] for name in "AB"]
            blocks.append((sides[0], sides[1]))
    found = ratio_of("throughput", blocks)
    if found.ratio is None or found.low is None or found.high is None:
        return None
    holds = found.low <= 1 <= found.high
    return SameAgainstSame(found.ratio, found.low, found.high, found.confidence_percent, holds)


def disturbance(trials: Sequence[Seen]) -> DisturbancePart:
    codes = Counter(code for one in trials for code in one.findings if code in _DISTURBING)
    cpus = sorted({cpu for one in trials for cpu in one.cpu.use}, key=int)
    others = {cpu: _mean(one.cpu.use[cpu].others for one in trials if cpu in one.cpu.use) for cpu in cpus}
    steal = {cpu: _mean(one.cpu.use[cpu].steal for one in trials if cpu in one.cpu.use) for cpu in cpus}
    return DisturbancePart(
        others_percent=_mean(others.values()),
        steal_percent=_mean(steal.values()),
        most_others_percent=max(others.values(), default=0.0),
        most_steal_percent=max(steal.values(), default=0.0),
        disturbed_trials=sum(map(_disturbed_trial, trials)),
        trials=len(trials),
        findings=dict(sorted(codes.items())),
        neighbours=tuple(_neighbours(trials)),
    )


def _disturbed_trial(one: Seen) -> bool:
    taken = (use.others + use.steal for use in one.cpu.use.values())
    return max(taken, default=0.0) > _LEAST_IN_TRIAL_PERCENT or any(code in _DISTURBING for code in one.findings)


def _mean(values: Iterable[float]) -> float:
    every = list(values)
    return fmean(every) if every else 0.0


def _neighbours(trials: Sequence[Seen]) -> Iterator[Neighbour]:
    """Over all trials, so one that was there in half of them has half of its share."""
    last: dict[tuple[int, str], Neighbour] = {}
    shares: dict[tuple[int, str], float] = {}
    for one in trials:
        for found in one.neighbours:
            who = (found.pid, found.name)
            last[who] = found
            shares[who] = shares.get(who, 0.0) + found.percent / len(trials)
    for who, percent in sorted(shares.items(), key=lambda item: -item[1])[:_MOST_NEIGHBOURS]:
        yield Neighbour(last[who].pid, last[who].name, percent, {})


def frequencies(trials: Sequence[Seen]) -> dict[str, Frequency]:
    """By CPU, over all trials."""
    found: dict[str, list[Frequency]] = {}
    for one in trials:
        for cpu, frequency in one.cpu.frequency_mhz.items():
            found.setdefault(cpu, []).append(frequency)
    return {
        cpu: Frequency(parts[0].first, fmean(p.mean for p in parts), min(p.min for p in parts), parts[-1].last)
        for cpu, parts in found.items()
    }


def verdict(
    works: Sequence[WorkPart], probes: Mapping[str, CpuProbe], found: DisturbancePart, late_p99_us: float | None
) -> tuple[CalibrationVerdict, tuple[str, ...]]:
    """disturbed: somebody else was there. noisy: nobody was seen, and it scatters all the same. With the reasons."""
    disturbed = tuple(_disturbed(probes, found))
    noisy = tuple(_noisy(works, late_p99_us))
    if disturbed:
        return "disturbed", (*disturbed, *noisy)
    return ("noisy", noisy) if noisy else ("quiet", ())


def _disturbed(probes: Mapping[str, CpuProbe], found: DisturbancePart) -> Iterator[str]:
    often = found.trials and found.disturbed_trials >= _DISTURBED_SHARE * found.trials
    if often or found.most_others_percent > TAKEN_PERCENT or found.most_steal_percent > STEAL_PERCENT:
        parts = [f"others used {found.others_percent:.1f} % of the measured CPUs' time"]
        parts += [f"the hypervisor took {found.steal_percent:.1f} %"] if found.steal_percent >= 0.05 else []
        parts += [f"{code} in {number} trials" for code, number in found.findings.items()]
        yield f"{', '.join(parts)}; {found.disturbed_trials} of {found.trials} trials were disturbed"
        if found.neighbours:
            names = ", ".join(f"{one.name} (pid {one.pid}) {one.percent:.0f} %" for one in found.neighbours)
            yield f"seen on the measured CPUs, in percent of one CPU: {names}"
    worst = max(probes, key=lambda cpu: probes[cpu].taken_percent, default=None)
    if worst is not None and (probe := probes[worst]).taken_percent > TAKEN_PERCENT:
        yield (
            f"a thread that never waits lost {probe.taken_percent:.1f} % of its time on CPU {worst}, up to "
            f"{probe.longest_gap_us / 1000:.1f} ms at a stretch"
        )


def _noisy(works: Sequence[WorkPart], late_p99_us: float | None) -> Iterator[str]:
    for work in works:
        noise = work.noise_of("throughput")
        if noise is not None and noise.two_runs_percent > NOISY_PERCENT:
            yield f"two short runs of {work.name} differ by up to {noise.two_runs_percent:.1f} % by noise alone"
        if work.same is not None and not work.same.holds_1 and abs(work.same.ratio - 1) > _UNLIKE:
            yield (
                f"A against A of {work.name} came out {100 * (work.same.ratio - 1):+.1f} %, beyond its "
                f"{work.same.confidence_percent:g} % interval"
            )
    if late_p99_us is not None and late_p99_us > _LATE_US:
        yield f"1 in 100 starts at a rate is more than {late_p99_us / 1000:.1f} ms late"


def earlier(now: Calibration, kept: Sequence[Calibration]) -> EarlierPart | None:
    """Against those of the same CPUs that were not disturbed, and works against those of the same build of OpenVINO;
    where all were disturbed, the CPUs' plain speed alone, which others hardly change. None where there are none."""
    every = [one for one in kept if one.machine.id == now.machine.id and one.cpus == now.cpus]
    calm = [one for one in every if one.verdict != "disturbed"]
    same = calm or every
    if not same:
        return None
    works: dict[str, float] = {}
    for work in now.works:
        before = [
            part.fps.value
            for one in calm
            for part in one.works
            if (part.name, part.command, part.agents) == (work.name, work.command, work.agents)
            and one.openvino == now.openvino
        ]
        if before:
            works[work.name] = 100 * (work.fps.value / median(before) - 1)
    speeds = [speed for one in same if (speed := plain_speed(one.probes)) is not None]
    speed = plain_speed(now.probes)
    plain = None if not speeds or speed is None else 100 * (speed / median(speeds) - 1)
    return EarlierPart(len(same), min(one.taken_at for one in same), works, plain)


def plain_speed(probes: Mapping[str, CpuProbe]) -> float | None:
    return fmean(one.hash_mb_per_s for one in probes.values()) if probes else None


def speed_changed(of: Calibration) -> Iterator[tuple[str, float]]:
    """What became faster or slower than earlier by more than noise explains: its name, and by how much in percent. Of
    a disturbed machine the works have been slowed down by what disturbed it; the plain speed has not."""
    found = of.earlier
    if found is None:
        return
    for work in of.works if of.verdict != "disturbed" else ():
        noise, change = work.noise_of("throughput"), found.works_percent.get(work.name)
        if change is not None and abs(change) > max(_LEAST_CHANGE_PERCENT, noise.two_runs_percent if noise else 0.0):
            yield work.name, change
    if found.hash_percent is not None and abs(found.hash_percent) > _LEAST_CHANGE_PERCENT:
        yield "plain speed of the CPUs", found.hash_percent
