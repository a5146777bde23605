"""The curves of a load study, from its trials: a point for each rate, the knee, where it breaks. Pure."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import structs

from ..request.slo import parse_objectives
from ..result.study import Outcome, Study, Trial
from ..stats.estimate import Estimate, geometric, geometric_mean
from ..stats.knee import knee
from .loadcurve import LoadCurve, LoadPoint, own_point
from .loadlimits import limits_of
from .overload import counted, only_overloaded, served
from .ratefacts import inferences_per_s
from .ratetrials import RATE
from .searches import terms_of
from .standing import measured
from .summary import Setting, command, setting_of


def closed_per_s(one: Outcome) -> float | None:
    """Inferences per second of a closed loop's trial; None where it has none that counts."""
    if one.fps is None or one.status not in ("VALID", "SUSPECT") or not measured(one):
        return None
    return inferences_per_s(one)


def by_setting(study: Study) -> dict[tuple[tuple[str, str], ...], dict[str, list[Trial]]]:
    """The trials of each setting by their rate, ascending; the closed loop's, first, have the rate ""."""
    found: dict[tuple[tuple[str, str], ...], dict[str, list[Trial]]] = {}
    for trial in study.trials:
        of = found.setdefault(tuple(own_point(trial.point).items()), {})
        of.setdefault(trial.point.get(RATE, ""), []).append(trial)
    return {own: dict(sorted(of.items(), key=lambda item: float(item[0] or 0))) for own, of in found.items()}


def settings_at_rates(study: Study, stand: Sequence[Outcome]) -> Iterator[Setting]:
    """Of each setting the closed loop, then its rates. Trials at one rate differ by their arrivals, on purpose."""
    by_trial = {one.trial: one for one in stand}
    for of in by_setting(study).values():
        for rate, trials in of.items():
            yield _setting(trials, by_trial, bool(rate))


def curves_of(study: Study, stand: Sequence[Outcome]) -> Iterator[LoadCurve]:
    """One for each setting, in the order of the plan."""
    by_trial = {one.trial: one for one in stand}
    objectives = parse_objectives(study.slo) if study.slo else ()
    for own, of in by_setting(study).items():
        first = next(iter(of.values()))[0]
        closed = [one for trial in of.get("", ()) if (one := by_trial.get(trial.id)) is not None]
        rates = {rate: trials for rate, trials in of.items() if rate}
        known = {
            float(rate): counted([by_trial[trial.id] for trial in trials if trial.id in by_trial])
            for rate, trials in rates.items()
        }
        # The lowest rates may have been left out.
        percents = dict(zip(known, study.at_percent[len(study.at_percent) - len(known) :], strict=True))
        points = [
            _point(percents.get(rate, 0.0), rate, found, _setting(trials, by_trial, True), len(objectives))
            for (rate, found), trials in zip(known.items(), rates.values(), strict=True)
        ]
        served_to, overloaded_from = _breaks(points)
        yield LoadCurve(
            point=dict(own),
            command=command(first),
            closed_per_s=_of_all([value for one in closed if (value := closed_per_s(one)) is not None]),
            points=tuple(points),
            knee=_knee(known),
            served_to=served_to,
            overloaded_from=overloaded_from,
            left_out=len(study.at_percent) - len(known) if known else 0,
            limits=limits_of(terms_of(study, first), closed, known) if objectives else (),
        )


def _of_all(values: Sequence[float]) -> Estimate | None:
    return geometric(values) if values else None


def _point(percent: float, rate: float, found: Sequence[Outcome], setting: Setting, limits: int) -> LoadPoint:
    figures = setting.figures
    return LoadPoint(
        percent=percent,
        rate=rate,
        trials=len(found),
        served=sum(map(served, found)),
        overloaded=sum(map(only_overloaded, found)),
        delivered_per_s=figures.get("delivered_per_s"),
        p50_ms=setting.median_ms,
        p99_ms=setting.p99_ms,
        p99_at_least_ms=setting.at_least.get("p99_ms"),
        p99_of_trials=setting.p99_of_trials,
        wait_mean_ms=figures.get("wait_mean_ms"),
        wait_p99_ms=figures.get("wait_p99_ms"),
        service_mean_ms=figures.get("service_mean_ms"),
        service_p99_ms=figures.get("service_p99_ms"),
        slo_ms=tuple(_at_limit(found, number) for number in range(limits)),
    )


def _at_limit(found: Sequence[Outcome], number: int) -> Estimate | None:
    """None unless all trials know it."""
    parts = [one.objectives[number] if number < len(one.objectives) else None for one in found]
    values = [part.latency_ms for part in parts if part is not None and part.latency_ms]
    return geometric(values) if values and len(values) == len(parts) else None


def _breaks(points: Sequence[LoadPoint]) -> tuple[float | None, float | None]:
    """Up to which rate all was served, and from which on nothing but overload was seen."""
    run = [one for one in points if one.trials]
    served_to = None
    for one in run:
        if one.served < one.trials:
            break
        served_to = one.rate
    beyond = [one for one in run if one.rate > (served_to or 0.0)]
    return served_to, next((one.rate for one in beyond if one.overloaded == one.trials), None)


def _knee(known: Mapping[float, Sequence[Outcome]]) -> Estimate | None:
    """The mean over repetitions, each with a curve of its own; where not all of these turn, that of the mean curve,
    without an interval."""
    curves: dict[int, dict[float, float]] = {}
    for rate, found in known.items():
        for one in found:
            if "p99" in one.latency_ms and "p99_ms" not in one.at_least:
                curves.setdefault(one.repetition, {})[rate] = one.latency_ms["p99"]
    knees = [knee(list(curve), list(curve.values())) for curve in curves.values()]
    turning = [one for one in knees if one is not None]
    if len(turning) == len(knees):
        return _of_all(turning)
    by_rate = {rate: [curve[rate] for curve in curves.values() if rate in curve] for rate in known}
    means = {rate: geometric_mean(of) for rate, of in by_rate.items() if of}
    mean = knee(list(means), list(means.values()))
    return None if mean is None else Estimate(mean, count=1)


def _setting(trials: Sequence[Trial], by_trial: Mapping[str, Outcome], at_rate: bool) -> Setting:
    if not at_rate:
        return setting_of(trials, by_trial)
    used = counted([by_trial[trial.id] for trial in trials if trial.id in by_trial])
    found = setting_of(trials, by_trial, [[one] for one in used])
    doubtful = any(one.status == "SUSPECT" and served(one) for one in used)
    return structs.replace(found, varied=False, suspect=doubtful)
