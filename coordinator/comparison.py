"""What differs between results, and whether a difference can be told from noise. Pure.

The rule: of two independent estimates a and b with 95 % intervals, the difference b - a has the 95 % interval
[b - a - sqrt((b - b_low)^2 + (a_high - a)^2), b - a + sqrt((b_high - b)^2 + (a - a_low)^2)] (Zou and Donner, Statistics
in Medicine 27:1693, 2008; with symmetric intervals the half-widths add as squares, Schenker and Gentleman, The American
Statistician 55:182, 2001). Means over repetitions have Welch's interval instead (Biometrika 34:28, 1947), which knows
how many there were. Two values can be told apart where that interval does not hold 0. That their own intervals overlap
is no reason to call them equal: such a test would miss much of what there is.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Literal

from msgspec import Struct, structs

from .environment import Environment
from .estimates import Estimate, estimates_of_run, estimates_of_trial
from .figures import FIGURES, Better, Figure
from .requirement import Requirement, compare
from .result import Interval, Report
from .student import t_within
from .study.estimate import estimate, welch
from .study.record import Outcome, Study, Trial
from .study.settings import in_common, own_flags
from .study.summary import counted, last_of_trials

Verdict = Literal["better", "worse", "higher", "lower", "cannot be told apart", "no interval"]
Point = dict[str, str]


class Compared(Struct, frozen=True):
    """One of the results. `status`: the verdict of a run; of a study how many of its trials are valid."""

    name: str
    started_at: str
    status: str


class Difference(Struct, frozen=True):
    """A setting, or a fact of the environment, that is not the same in both; empty text where one lacks it."""

    what: str
    first: str
    other: str


class Change(Struct, frozen=True):
    """A figure of two results. `difference_ci95`: of other - first, in the figure's unit."""

    figure: str
    first: Estimate | None
    other: Estimate | None
    change_percent: float | None
    difference_ci95: Interval | None
    verdict: Verdict


class Matched(Struct, frozen=True):
    """The figures of one setting. `point` is empty for runs; `trials`: how many repetitions each has."""

    point: Point
    trials: tuple[int, int]
    changes: tuple[Change, ...]


class Failure(Struct, frozen=True):
    """A --fail-if that came true. `value` null: the figure is not known, so nothing speaks for it."""

    condition: str
    result: str
    point: Point
    figure: str
    value: float | None
    limit: float | None


class Pair(Struct, frozen=True):
    """A result against the first one."""

    other: Compared
    validity: tuple[Difference, ...]
    settings: tuple[Difference, ...]
    environment: tuple[Difference, ...]
    matched: tuple[Matched, ...]
    only_in_first: tuple[Point, ...] = ()
    only_in_other: tuple[Point, ...] = ()


class Comparison(Struct, frozen=True):
    """`doubtful`: conditions that came true, but with --significant do not count."""

    first: Compared
    others: tuple[Pair, ...]
    failures: tuple[Failure, ...] = ()
    doubtful: tuple[Failure, ...] = ()
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


def compare_runs(first: NamedRun, others: Sequence[NamedRun]) -> Comparison:
    return Comparison(_run(first), tuple(_runs(first.report, other) for other in others))


def _run(of: NamedRun) -> Compared:
    return Compared(of.name, of.report.started_at, of.report.validity.status)


def compare_studies(first: NamedStudy, others: Sequence[NamedStudy]) -> Comparison:
    """By setting, over its repetitions: means, with Student's intervals. Only VALID trials count, as in the answer."""
    return Comparison(_study(first), tuple(_studies(first, other) for other in others))


def _study(of: NamedStudy) -> Compared:
    valid = sum(map(counted, last_of_trials(of.outcomes)))
    return Compared(of.name, of.study.created_at, f"{valid} of {len(of.study.trials)} trials valid")


def _runs(first: Report, other: NamedRun) -> Pair:
    one, two = estimates_of_run(first), estimates_of_run(other.report)
    return Pair(
        other=_run(other),
        validity=tuple(_different(_validity(first), _validity(other.report))),
        settings=tuple(_different(_settings(first), _settings(other.report))),
        environment=tuple(_different(_environment(first), _environment(other.report))),
        matched=(Matched({}, (1, 1), changes(one, two)),),
    )


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
        told = {name: value for name, value in effective.properties.items() if name != "SUPPORTED_PROPERTIES"}
        found |= {f"property {name}": value for name, value in told.items()}
    found["measured CPUs"] = report.cpu.measured_cpus
    return found


def _environment(report: Report) -> dict[str, object]:
    environment = report.environment
    plain: dict[str, object] = {name: getattr(environment, name) for name in environment.__struct_fields__}
    del plain["libraries"], plain["agent_python"]
    return {"ovbench": report.ovbench.version, **plain, **environment.libraries, **_agent_python(environment)}


def _agent_python(environment: Environment) -> dict[str, object]:
    """Its path is among the settings, its OpenVINO is what the agents told of."""
    agents = environment.agent_python
    if agents is None:
        return {}
    versions = {"Python": agents.python, "ovbench": agents.ovbench, **agents.libraries}
    return {f"agents' {name}": number for name, number in versions.items()}


def _studies(first: NamedStudy, other: NamedStudy) -> Pair:
    ended = last_of_trials(first.outcomes), last_of_trials(other.outcomes)
    one, two = map(by_point, ended)
    matched = [
        Matched(dict(point), (len(trials), len(two[point])), _changes_of_means(trials, two[point]))
        for point, trials in one.items()
        if point in two
    ]
    return Pair(
        other=_study(other),
        validity=tuple(_different(*map(_unwell, ended))),
        settings=tuple(_different(_plan(first), _plan(other))),
        environment=tuple(_different(_fingerprint(first.study), _fingerprint(other.study))),
        matched=tuple(matched),
        only_in_first=tuple(dict(point) for point in one if point not in two),
        only_in_other=tuple(dict(point) for point in two if point not in one),
    )


def by_point(outcomes: Sequence[Outcome]) -> dict[tuple[tuple[str, str], ...], list[Outcome]]:
    """The trials of each setting that count, maybe none, in the order in which settings come first."""
    found: dict[tuple[tuple[str, str], ...], list[Outcome]] = {}
    for outcome in outcomes:
        trials = found.setdefault(tuple(sorted(outcome.point.items())), [])
        trials += [outcome] if counted(outcome) else []
    return found


def _unwell(outcomes: Sequence[Outcome]) -> dict[str, object]:
    statuses = [outcome.status for outcome in outcomes]
    return {f"{status} trials": statuses.count(status) for status in ("INVALID", "PARTIAL", "FAILED")}


def _plan(of: NamedStudy) -> dict[str, object]:
    study = of.study
    axes = {f"values of {name}": ", ".join(values) for name, values in study.axes.items()}
    sides = _sides(study.trials) if study.kind == "ab" else {}
    return {"kind": study.kind, "repetitions": study.repetitions, **axes, **sides, **_fixed(study)}


def _fixed(study: Study) -> dict[str, str]:
    """The flags that all trials have with the same value, but for those that vary; one without a value is `yes`."""
    common = in_common([trial.argv for trial in study.trials])
    return {flag: value or "yes" for flag, value in common.items() if flag not in study.axes}


def _sides(trials: Sequence[Trial]) -> dict[str, str]:
    """The flags that a side has of its own."""
    common = in_common([trial.argv for trial in trials])
    argvs = {" ".join(trial.point.values()): trial.argv for trial in sorted(trials, key=lambda t: [*t.point.values()])}
    return {f"flags of {side}": own_flags(argv, common) for side, argv in argvs.items()}


def _fingerprint(study: Study) -> dict[str, object]:
    models = {f"digest of {name}": digest for name, digest in study.fingerprint.models.items()}
    return {"ovbench": study.ovbench, **study.fingerprint.machine, **models}


def _different(first: Mapping[str, object], other: Mapping[str, object]) -> Iterator[Difference]:
    for what in dict.fromkeys((*first, *other)):
        one, two = _word(first.get(what)), _word(other.get(what))
        if one != two:
            yield Difference(what, one, two)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


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
    one, two = (mean_of(sample) if sample else None for sample in (first, other))
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


def mean_of(sample: Sequence[float]) -> Estimate:
    """With Student's interval, where there are at least two values."""
    mean = estimate(sample)
    return Estimate(mean.value, None if mean.low is None else Interval(mean.low, mean.high))


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
    return Change(figure.name, first, other, percent, interval, _verdict(interval, figure.better))


def difference_ci95(first: Estimate, other: Estimate) -> Interval | None:
    """Of other - first, by the rule above. None without both intervals; no bound where one of them has none."""
    if first.ci95 is None or other.ci95 is None:
        return None
    by = other.value - first.value
    down = _reach(other.value, other.ci95.low, first.value, first.ci95.high)
    up = _reach(other.value, other.ci95.high, first.value, first.ci95.low)
    return Interval(None if down is None else by - down, None if up is None else by + up)


def _reach(one: float, one_bound: float | None, two: float, two_bound: float | None) -> float | None:
    if one_bound is None or two_bound is None:
        return None
    return math.hypot(one - one_bound, two - two_bound)


def _verdict(difference: Interval | None, better: Better | None) -> Verdict:
    if difference is None:
        return "no interval"
    way = _way(difference)
    if way is None:
        return "cannot be told apart"
    if better is None:
        return way
    return "better" if way == better else "worse"


def _way(difference: Interval) -> Better | None:
    if difference.low is not None and difference.low > 0:
        return "higher"
    return "lower" if difference.high is not None and difference.high < 0 else None


def gate(comparison: Comparison, conditions: Sequence[Requirement], *, significant: bool) -> Comparison:
    """With the conditions that came true, for each result but the first.

    A figure that is not known fails, too, and so does each setting of the first that the other lacks.

    `significant`: those of which the intervals leave a doubt do not count. A relative one needs a difference that can
    be told, an absolute one an interval that lies beyond the limit as a whole; without intervals all is in doubt.
    """
    found = [
        judged
        for pair in comparison.others
        for matched in pair.matched
        for condition in conditions
        if (judged := _judge(pair.other.name, matched, condition)) is not None
    ]
    found += [
        (Failure(condition.text, pair.other.name, point, condition.figure, None, None), True)
        for pair in comparison.others
        for point in pair.only_in_first
        for condition in conditions
    ]
    counts = tuple(failure for failure, certain in found if certain or not significant)
    return structs.replace(
        comparison,
        failures=counts,
        doubtful=tuple(failure for failure, certain in found if significant and not certain),
    )


def _judge(name: str, matched: Matched, condition: Requirement) -> tuple[Failure, bool] | None:
    """And whether it is beyond doubt."""
    found = next((change for change in matched.changes if change.figure == condition.figure), None)
    if found is None or found.other is None or (found.first is None and condition.kind != "value"):
        return Failure(condition.text, name, matched.point, condition.figure, None, None), True
    first = None if found.first is None else found.first.value
    value, limit = found.other.value, condition.limit(first)
    if not condition.holds(value, first):
        return None
    failure = Failure(condition.text, name, matched.point, condition.figure, value, limit)
    return failure, _beyond_doubt(found, condition, limit)


def _beyond_doubt(found: Change, condition: Requirement, limit: float) -> bool:
    if condition.kind != "value":
        return found.difference_ci95 is not None and _way(found.difference_ci95) is not None
    interval = None if found.other is None else found.other.ci95
    if interval is None:
        return False
    nearest = interval.low if condition.operator in (">", ">=") else interval.high
    return nearest is not None and compare(nearest, condition.operator, limit)
