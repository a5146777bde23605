"""What differs between results, and whether a difference is statistically significant.

The rule: of two independent estimates a and b with 95 % intervals, the difference b - a has the 95 % interval
[b - a - sqrt((b - b_low)^2 + (a_high - a)^2), b - a + sqrt((b_high - b)^2 + (a - a_low)^2)] (Zou and Donner, Statistics
in Medicine 27:1693, 2008; with symmetric intervals the half-widths add as squares, Schenker and Gentleman, The American
Statistician 55:182, 2001). Means over repetitions have Welch's interval instead (Biometrika 34:28, 1947), which knows
how many there were. A difference is significant where that interval does not hold 0. That their own intervals overlap
is no reason to call them equal: such a test would miss much of what there is.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final, Literal

from msgspec import Struct, structs

from ..request.byflag import in_common
from ..result.environment import Environment
from ..result.estimates import estimates_of_run, estimates_of_trial
from ..result.figures import FIGURES, Better, Figure
from ..result.report import Interval, Report
from ..result.study import Outcome, Point, Study
from ..stats.estimate import Estimate, estimate, welch
from ..stats.student import t_within
from ..study.kinds.registry import kind_of
from ..study.standing import used
from .difference import Difference, different, different_contents, different_digests

ChangeVerdict = Literal["better", "worse", "higher", "lower", "inconclusive", "no interval", "not comparable"]
_FORMERLY: Final = "cannot be told apart"
"""`inconclusive` in comparisons of before."""
Noise = Literal["within-run noise only", "repetitions"]


class Compared(Struct, frozen=True):
    """One of the results. `status`: the verdict of a run; of a study how many of its trials are valid."""

    name: str
    started_at: str
    status: str


class FigurePart(Struct, frozen=True):
    """A figure of one result. `ci95`: null where it has no interval."""

    value: float
    ci95: Interval | None


class Change(Struct, frozen=True):
    """A figure of two results. `difference_ci95`: of other - first, in the figure's unit."""

    figure: str
    first: FigurePart | None
    other: FigurePart | None
    change_percent: float | None
    difference_ci95: Interval | None
    verdict: ChangeVerdict | Literal["cannot be told apart"]

    def __post_init__(self) -> None:
        if self.verdict == _FORMERLY:
            structs.force_setattr(self, "verdict", "inconclusive")


class Matched(Struct, frozen=True):
    """The figures of one setting. `point` is empty for runs; `trials`: how many repetitions each has.

    `noise`: what the verdicts know of it; intervals of single runs know nothing of what differs from run to run.
    `doubts`: why the figures of the first and of the other are doubtful (`SUSPECT (other_load)`), empty where they are
    not. Where one is, they are not comparable.
    """

    point: Point
    trials: tuple[int, int]
    changes: tuple[Change, ...]
    noise: Noise = "within-run noise only"
    doubts: tuple[str, str] = ("", "")


class Failure(Struct, frozen=True):
    """A --fail-if that came true. `value` null: it cannot be judged, so nothing speaks for it, and `why` that is; empty
    where the figure is not known."""

    condition: str
    result: str
    point: Point
    figure: str
    value: float | None
    limit: float | None
    why: str = ""


class Pair(Struct, frozen=True):
    """A result against the first one. `contents`: null where it is not known what one of them ran."""

    other: Compared
    validity: tuple[Difference, ...]
    settings: tuple[Difference, ...]
    environment: tuple[Difference, ...]
    matched: tuple[Matched, ...]
    only_in_first: tuple[Point, ...] = ()
    only_in_other: tuple[Point, ...] = ()
    contents: tuple[Difference, ...] | None = None


class Comparison(Struct, frozen=True):
    """`doubtful`: conditions that came true, but with --significant do not count. `forced`: doubtful figures are
    compared all the same."""

    first: Compared
    others: tuple[Pair, ...]
    failures: tuple[Failure, ...] = ()
    doubtful: tuple[Failure, ...] = ()
    forced: bool = False
    schema: Literal["ovbench.comparison/1"] = "ovbench.comparison/1"


@dataclass(frozen=True)
class NamedRun:
    name: str
    report: Report


@dataclass(frozen=True)
class NamedStudy:
    name: str
    study: Study
    outcomes: Sequence[Outcome]


def compare_runs(first: NamedRun, others: Sequence[NamedRun], *, force: bool = False) -> Comparison:
    """Runs that are not VALID are not compared, unless by `force`: a disturbed machine makes any difference."""
    return Comparison(_run(first), tuple(_runs(first.report, other, force) for other in others), forced=force)


def _run(of: NamedRun) -> Compared:
    return Compared(of.name, of.report.started_at, of.report.validity.status)


def compare_studies(first: NamedStudy, others: Sequence[NamedStudy], *, force: bool = False) -> Comparison:
    """By setting, over its repetitions: means, with Student's intervals. The same trials count as in the answer;
    settings with SUSPECT ones among these are not compared, unless by `force`."""
    return Comparison(_study(first), tuple(_studies(first, other, force) for other in others), forced=force)


def _study(of: NamedStudy) -> Compared:
    valid = sum(outcome.status == "VALID" for outcome in kind_of(of.study).standing(of.study, of.outcomes))
    return Compared(of.name, of.study.created_at, f"{valid} of {len(of.study.trials)} trials valid")


def _runs(first: Report, other: NamedRun, force: bool) -> Pair:
    one, two = estimates_of_run(first), estimates_of_run(other.report)
    doubts = (_doubt(first), _doubt(other.report))
    return Pair(
        other=_run(other),
        validity=tuple(different(_validity(first), _validity(other.report))),
        settings=tuple(different(_settings(first), _settings(other.report))),
        environment=tuple(different(_environment(first), _environment(other.report))),
        matched=(_matched({}, (1, 1), changes(one, two), "within-run noise only", doubts, force),),
        contents=different_contents(first, other.report),
    )


def _doubt(report: Report) -> str:
    found = report.validity
    if found.status == "VALID":
        return ""
    return f"{found.status} ({', '.join(found.because)})" if found.because else found.status


def _matched(
    point: Point, trials: tuple[int, int], found: tuple[Change, ...], noise: Noise, doubts: tuple[str, str], force: bool
) -> Matched:
    if any(doubts) and not force:
        found = tuple(structs.replace(one, verdict="not comparable") for one in found)
    return Matched(point, trials, found, noise, doubts)


def _validity(report: Report) -> dict[str, object]:
    found = [f"{finding.code} ({finding.severity})" for finding in report.validity.findings]
    return {"verdict": report.validity.status, "findings": ", ".join(dict.fromkeys(found))}


def _settings(report: Report) -> dict[str, object]:
    """As requested, then as they were in effect; of the latter what the request leaves open."""
    found: dict[str, object] = {name: value for name, value in report.requested.items() if name != "require"}
    effective = report.effective
    if effective is not None:
        for name in ("hint", "precision", "agents", "streams", "threads", "nireq", "batch", "inference_only"):
            found[f"{name} in effect"] = getattr(effective, name)
        found["inputs"] = ", ".join(f"{port.name} {port.type} {port.partial_shape}" for port in effective.inputs)
        # Which properties there are is no setting, and a page of names.
        properties = {name: value for name, value in effective.properties.items() if name != "SUPPORTED_PROPERTIES"}
        found |= {f"property {name}": value for name, value in properties.items()}
    found["measured CPUs"] = report.cpu.measured_cpus
    return found


def _environment(report: Report) -> dict[str, object]:
    environment = report.environment
    plain: dict[str, object] = {name: getattr(environment, name) for name in environment.__struct_fields__}
    del plain["libraries"], plain["agent_python"]
    return {"ovbench": report.ovbench.version, **plain, **environment.libraries, **_agent_python(environment)}


def _agent_python(environment: Environment) -> dict[str, object]:
    """Its path is among the settings, its OpenVINO is what the agents report."""
    agents = environment.agent_python
    if agents is None:
        return {}
    versions = {"Python": agents.python, "ovbench": agents.ovbench, **agents.libraries}
    return {f"agents' {name}": number for name, number in versions.items()}


def _studies(first: NamedStudy, other: NamedStudy, force: bool) -> Pair:
    ended = tuple(kind_of(one.study).standing(one.study, one.outcomes) for one in (first, other))
    one, two = map(by_point, ended)
    matched = [
        _matched(
            dict(point),
            (len(trials), len(two[point])),
            _changes_of_means(trials, two[point]),
            "repetitions",
            (_suspects(trials), _suspects(two[point])),
            force,
        )
        for point, trials in one.items()
        if point in two
    ]
    return Pair(
        other=_study(other),
        validity=tuple(different(*map(_unwell, ended))),
        settings=tuple(different(_plan(first), _plan(other))),
        environment=tuple(different(_machine(first.study), _machine(other.study))),
        matched=tuple(matched),
        contents=different_digests(first.study.fingerprint.models, other.study.fingerprint.models),
        only_in_first=tuple(dict(point) for point in one if point not in two),
        only_in_other=tuple(dict(point) for point in two if point not in one),
    )


def by_point(outcomes: Sequence[Outcome]) -> dict[tuple[tuple[str, str], ...], list[Outcome]]:
    """The trials of each setting that count, maybe none, in the order in which settings come first."""
    found: dict[tuple[tuple[str, str], ...], list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(tuple(sorted(outcome.point.items())), []).append(outcome)
    return {point: used(trials) for point, trials in found.items()}


def _unwell(outcomes: Sequence[Outcome]) -> dict[str, object]:
    statuses = [outcome.status for outcome in outcomes]
    return {f"{status} trials": statuses.count(status) for status in ("SUSPECT", "INVALID", "PARTIAL", "FAILED")}


def _plan(of: NamedStudy) -> dict[str, object]:
    study = of.study
    axes = {f"values of {name}": ", ".join(values) for name, values in study.axes.items()}
    sides = {f"flags of {side}": flags for side, flags in kind_of(study).sides(study).items()}
    return {"kind": study.kind, "repetitions": study.repetitions, **axes, **sides, **_fixed(study)}


def _fixed(study: Study) -> dict[str, str]:
    """The flags that all trials have with the same value, but for those that vary; one without a value is `yes`."""
    common = in_common([trial.argv for trial in study.trials])
    return {flag: value or "yes" for flag, value in common.items() if flag not in study.axes}


def _machine(study: Study) -> dict[str, object]:
    return {"ovbench": study.ovbench, **study.fingerprint.machine}


def _suspects(trials: Sequence[Outcome]) -> str:
    suspects = [trial for trial in trials if trial.status == "SUSPECT"]
    return f"SUSPECT in {len(suspects)} of {len(trials)} trials" if suspects else ""


def _changes_of_means(first: Sequence[Outcome], other: Sequence[Outcome]) -> tuple[Change, ...]:
    """Of every figure that a trial has."""
    one, two = _samples(first), _samples(other)
    return tuple(
        change_of_means(figure, one.get(figure.name, []), two.get(figure.name, []))
        for figure in FIGURES
        if figure.name in one or figure.name in two
    )


def _samples(trials: Sequence[Outcome]) -> dict[str, list[float]]:
    """The values of each figure over the trials that have it."""
    found: dict[str, list[float]] = {}
    for trial in trials:
        for name, one in estimates_of_trial(trial).items():
            found.setdefault(name, []).append(one.value)
    return found


def change_of_means(figure: Figure, first: Sequence[float], other: Sequence[float]) -> Change:
    one, two = (estimate(sample) if sample else None for sample in (first, other))
    return _change(figure, one, two, welch_ci95(first, other))


def welch_ci95(first: Sequence[float], other: Sequence[float]) -> Interval | None:
    """Of mean(other) - mean(first), without assuming that both scatter alike; None with fewer than two values each.

    The degrees of freedom are rounded down, which makes it wider rather than narrower.
    """
    if min(len(first), len(other)) < 2:
        return None
    by = fmean(other) - fmean(first)
    square, freedom = welch(first, other)
    half = t_within(max(1, int(freedom))) * math.sqrt(square)
    return Interval(by - half, by + half)


def changes(first: Mapping[str, Estimate], other: Mapping[str, Estimate]) -> tuple[Change, ...]:
    """Of every figure that either has."""
    return tuple(
        change(figure, first.get(figure.name), other.get(figure.name))
        for figure in FIGURES
        if figure.name in first or figure.name in other
    )


def change(figure: Figure, first: Estimate | None, other: Estimate | None) -> Change:
    interval = None if first is None or other is None else difference_ci95(first, other)
    return _change(figure, first, other, interval)


def _change(figure: Figure, first: Estimate | None, other: Estimate | None, interval: Interval | None) -> Change:
    percent = 100 * (other.value / first.value - 1) if first is not None and other is not None and first.value else None
    return Change(figure.name, _part(first), _part(other), percent, interval, _verdict(interval, figure.better))


def _part(figure: Estimate | None) -> FigurePart | None:
    return None if figure is None else FigurePart(figure.value, _interval(figure))


def _interval(figure: Estimate) -> Interval | None:
    return None if figure.low is None and figure.high is None else Interval(figure.low, figure.high)


def difference_ci95(first: Estimate, other: Estimate) -> Interval | None:
    """Of other - first, by the rule above. None without both intervals; no bound where one of them has none."""
    if _interval(first) is None or _interval(other) is None:
        return None
    by = other.value - first.value
    down = _reach(other.value, other.low, first.value, first.high)
    up = _reach(other.value, other.high, first.value, first.low)
    return Interval(None if down is None else by - down, None if up is None else by + up)


def _reach(one: float, one_bound: float | None, two: float, two_bound: float | None) -> float | None:
    if one_bound is None or two_bound is None:
        return None
    return math.hypot(one - one_bound, two - two_bound)


def _verdict(difference: Interval | None, better: Better | None) -> ChangeVerdict:
    if difference is None:
        return "no interval"
    found = way(difference)
    if found is None:
        return "inconclusive"
    if better is None:
        return found
    return "better" if found == better else "worse"


def way(difference: Interval) -> Better | None:
    """Where the whole interval lies, of 0; None where that is not known."""
    if difference.low is not None and difference.low > 0:
        return "higher"
    return "lower" if difference.high is not None and difference.high < 0 else None
