"""What differs between results: settings, machine, contents, and each figure by setting."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct, structs

from ovbench.common.topology import format_cpu_list

from ..request.byflag import in_common
from ..result.environment import Environment
from ..result.estimates import bounds_of_run, estimates_of_run, estimates_of_trial
from ..result.figures import FIGURES, LATENCIES
from ..result.noise import NoiseFloor, noisier
from ..result.report import Report
from ..result.study import Outcome, Point, Study
from ..study.kinds.registry import kind_of
from ..study.standing import used
from .change import Change, change_of_means, changes
from .difference import Difference, different, different_contents, different_digests
from .hosts import HostPair, facts_by_host, host_pairs

Noise = Literal["within-run noise only", "repetitions"]


class Compared(Struct, frozen=True):
    """One of the results. `status`: the verdict of a run; of a study how many of its trials are valid."""

    name: str
    started_at: str
    status: str


class Unseen(Struct, frozen=True):
    """A difference of throughput that equal results have by noise alone. `floor`: of the machine that scatters more."""

    percent: Annotated[float, Meta(description="5 of 100 pairs of the same are further apart")]
    starts: Annotated[int, Meta(description="of the agents, that each is the mean over")]
    floor: NoiseFloor


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
    unseen: Annotated[
        Unseen | None, Meta(description="null unless both machines were calibrated before, and at a rate")
    ] = None


class Failure(Struct, frozen=True):
    """A --fail-if that came true. `value` null: it cannot be judged, so nothing speaks for it, and `why` that is; empty
    where the figure is not known. `by`: of a verdict, the change that it goes by."""

    condition: str
    result: str
    point: Point
    figure: str
    value: float | None
    limit: float | None
    why: str = ""
    by: str = ""


class Pair(Struct, frozen=True):
    """A result against the first one. `contents`: null where it is not known what one of them ran. `hosts`: those that
    both have, of runs on several."""

    other: Compared
    validity: tuple[Difference, ...]
    settings: tuple[Difference, ...]
    environment: tuple[Difference, ...]
    matched: tuple[Matched, ...]
    only_in_first: tuple[Point, ...] = ()
    only_in_other: tuple[Point, ...] = ()
    contents: tuple[Difference, ...] | None = None
    hosts: tuple[HostPair, ...] = ()


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
    reports = (first, other.report)
    one, two = map(estimates_of_run, reports)
    found = changes(one, two, *map(bounds_of_run, reports))
    if not force and _latency_from(first) != _latency_from(other.report):
        found = _without_latencies(found)
    doubts = (_doubt(first), _doubt(other.report))
    return Pair(
        other=_run(other),
        validity=tuple(different(_validity(first), _validity(other.report))),
        settings=tuple(different(_settings(first), _settings(other.report))),
        environment=tuple(different(_environment(first), _environment(other.report))),
        matched=(
            _matched({}, (1, 1), found, "within-run noise only", doubts, force, _unseen_of_runs(first, other.report)),
        ),
        contents=different_contents(first, other.report),
        hosts=host_pairs(first, other.report, doubtful=any(doubts), force=force),
    )


def _latency_from(report: Report) -> str:
    """Versions before there was a --rate had it from the start at a rate, too."""
    return "due" if report.arrivals is not None else "start"


def _without_latencies(found: Sequence[Change]) -> tuple[Change, ...]:
    """Without a verdict on those, which are two things in the two results: only one of them has the wait."""
    names = {figure.name for figure in LATENCIES}
    return tuple(structs.replace(one, verdict="not comparable") if one.figure in names else one for one in found)


def _doubt(report: Report) -> str:
    found = report.validity
    if found.status == "VALID":
        return ""
    return f"{found.status} ({', '.join(found.because)})" if found.because else found.status


def _unseen_of_runs(*reports: Report) -> Unseen | None:
    """At a rate throughput is what was offered."""
    closed = all(report.arrivals is None for report in reports)
    return _unseen([report.environment.noise for report in reports], 1) if closed else None


def _unseen_of_trials(studies: Sequence[Study], trials: Sequence[Sequence[Outcome]]) -> Unseen | None:
    """Agents that stay from trial to trial are one start; older studies do not say so."""
    starts = [len({one.trial if one.start is None else one.start for one in some}) for some in trials]
    closed = all(not one.at_rate for some in trials for one in some)
    return _unseen([study.noise for study in studies], min(starts)) if closed else None


def _unseen(floors: Sequence[NoiseFloor | None], starts: int) -> Unseen | None:
    floor = noisier(floors)
    return None if floor is None or starts < 1 else Unseen(floor.over(starts), starts, floor)


def _matched(
    point: Point,
    trials: tuple[int, int],
    found: tuple[Change, ...],
    noise: Noise,
    doubts: tuple[str, str],
    force: bool,
    unseen: Unseen | None,
) -> Matched:
    if any(doubts) and not force:
        found = tuple(structs.replace(one, verdict="not comparable") for one in found)
    return Matched(point, trials, found, noise, doubts, unseen)


def _validity(report: Report) -> dict[str, object]:
    found = [f"{finding.code} ({finding.severity})" for finding in report.validity.findings]
    return {"verdict": report.validity.status, "findings": ", ".join(dict.fromkeys(found))}


def _settings(report: Report) -> dict[str, object]:
    """As requested, then as they were in effect; of the latter what the request leaves open."""
    found: dict[str, object] = {"latency from": _latency_from(report)}
    found |= {name: value for name, value in report.requested.items() if name != "require"}
    effective = report.effective
    if effective is not None:
        for name in ("hint", "precision", "agents", "streams", "threads", "nireq", "batch", "inference_only"):
            found[f"{name} in effect"] = getattr(effective, name)
        found["inputs"] = ", ".join(f"{port.name} {port.type} {port.partial_shape}" for port in effective.inputs)
        # Which properties there are is no setting, and a page of names.
        properties = {name: value for name, value in effective.properties.items() if name != "SUPPORTED_PROPERTIES"}
        found |= {f"property {name}": value for name, value in properties.items()}
    found["measured CPUs"] = _measured_cpus(report)
    return found


def _measured_cpus(report: Report) -> object:
    if not report.several_hosts:
        return report.cpu.measured_cpus
    known = ((host.name, host.cpu) for host in report.hosts)
    return "; ".join(f"{name}: {format_cpu_list(cpu.measured_cpus) if cpu else 'lost'}" for name, cpu in known)


def _environment(report: Report) -> dict[str, object]:
    if report.several_hosts:
        return {"ovbench": report.ovbench.version, "hosts": len(report.hosts), **dict(facts_by_host(report))}
    environment = report.environment
    plain: dict[str, object] = {name: getattr(environment, name) for name in environment.__struct_fields__}
    del plain["libraries"], plain["agent_python"], plain["noise"]
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
            _changes_of_means(trials, two[point], force),
            "repetitions",
            (_suspects(trials), _suspects(two[point])),
            force,
            _unseen_of_trials((first.study, other.study), (trials, two[point])),
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


def _changes_of_means(first: Sequence[Outcome], other: Sequence[Outcome], force: bool) -> tuple[Change, ...]:
    """Of every figure that a trial has."""
    one, two = _samples(first), _samples(other)
    found = tuple(
        change_of_means(figure, one.get(figure.name, []), two.get(figure.name, []))
        for figure in FIGURES
        if figure.name in one or figure.name in two
    )
    same = {trial.at_rate for trial in first} == {trial.at_rate for trial in other}
    return found if force or same else _without_latencies(found)


def _samples(trials: Sequence[Outcome]) -> dict[str, list[float]]:
    """The values of each figure over the trials, none where one trial has no value of it: those that are known are the
    shorter ones where the others never completed."""
    every = [estimates_of_trial(trial) for trial in trials]
    names = dict.fromkeys(name for estimates in every for name in estimates)
    return {
        name: [estimates[name].value for estimates in every if name in estimates]
        if all(name in estimates for estimates in every)
        else []
        for name in names
    }
