"""The settings of a study, what their repetitions give, and what was in effect. Pure."""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Annotated, Final, TypeVar

from msgspec import Meta, Struct

from ..result.effective import InEffect
from ..result.study import Outcome, Point, Study, Trial
from ..stats.estimate import Estimate, estimate, geometric, geometric_mean
from .standing import measured, used

PROGRAM: Final = "ovbench-coord"
NOT_RUN: Final = "NOT RUN"
_Known = TypeVar("_Known", int, str)


class Setting(Struct, frozen=True):
    """A point of a study, with those that turned out to be the same run. Rates and times are geometric means over the
    trials that are `used`, of A against B over blocks; null where there are none, and where one of these trials does
    not know it. Latencies in ms."""

    point: Point
    command: Annotated[str, Meta(description="to run it, for a shell")]
    trials: Annotated[dict[str, int], Meta(description="by status; NOT RUN where a trial has not been run")]
    fps: Estimate | None = None
    median_ms: Estimate | None = None
    p99_ms: Estimate | None = None
    busy_percent: float | None = None
    frames_per_cpu_s: float | None = None
    batch: Annotated[int | None, Meta(description="where it is varied")] = None
    agents: int | None = None
    cores: int | None = None
    streams: int | None = None
    requests: int | None = None
    openvino: str | None = None
    fps_of_trials: tuple[float, ...] = ()
    p99_of_trials: tuple[float, ...] = ()
    used: Annotated[tuple[str, ...], Meta(description="the trials that the figures are of")] = ()
    suspect: Annotated[bool, Meta(description="whether SUSPECT trials are among them, for want of VALID ones")] = False
    in_effect: Annotated[InEffect | None, Meta(description="null where it is not known, or not always the same")] = None
    varied: Annotated[bool, Meta(description="whether its trials were not all the same run")] = False
    same: Annotated[
        tuple[Point, ...], Meta(description="further points that were the same run, whatever they ask")
    ] = ()
    figures: Annotated[
        dict[str, Estimate],
        Meta(description="by name, those of a load at a rate: arithmetic means over the trials, as they may be 0"),
    ] = {}
    at_least: Annotated[
        dict[str, float],
        Meta(description="by name, of figures that a trial does not know: what their mean cannot be below"),
    ] = {}
    covers: Annotated[
        dict[str, int], Meta(description="how many sockets, nodes and cores its CPUs are of; empty where not known")
    ] = {}

    @property
    def name(self) -> str:
        return name_of(self.point)

    @property
    def points(self) -> tuple[Point, ...]:
        """All that was asked for and came to this."""
        return (self.point, *self.same)


def name_of(point: Mapping[str, str]) -> str:
    return " ".join(f"{flag} {shlex.quote(value)}" for flag, value in point.items())


def trials_by_point(study: Study) -> list[list[Trial]]:
    """In the order of the axes' values."""
    by_point: dict[tuple[tuple[str, str], ...], list[Trial]] = {}
    for trial in study.trials:
        by_point.setdefault(tuple(trial.point.items()), []).append(trial)
    ranks = {axis: {value: rank for rank, value in enumerate(values)} for axis, values in study.axes.items()}

    def place(trials: Sequence[Trial]) -> list[int]:
        point = trials[0].point
        return [rank.get(point.get(axis, ""), len(rank)) for axis, rank in ranks.items()]

    return sorted(by_point.values(), key=place)


def settings_of(study: Study, stand: Iterable[Outcome]) -> tuple[Setting, ...]:
    """In the order of the axes' values; points whose trials were the same run are one. `stand`: the outcomes that
    stand."""
    by_trial = {outcome.trial: outcome for outcome in stand}
    groups: dict[object, list[Trial]] = {}
    for number, trials in enumerate(trials_by_point(study)):
        runs = _runs([by_trial[trial.id] for trial in trials if trial.id in by_trial])
        groups.setdefault(runs or number, []).extend(trials)
    return tuple(setting_of(trials, by_trial) for trials in groups.values())


def _runs(found: Sequence[Outcome]) -> frozenset[str]:
    """What trials were, as far as it is known: of those that are used, else of those that ran whole."""
    return frozenset(_in_effect(used(found)) or _in_effect(one for one in found if one.status != "PARTIAL"))


def setting_of(
    trials: Sequence[Trial], by_trial: Mapping[str, Outcome], blocks: Sequence[Sequence[Outcome]] | None = None
) -> Setting:
    """`blocks`: those of its trials that are used, where blocks are what is repeated."""
    found = [by_trial[trial.id] for trial in trials if trial.id in by_trial]
    repeated = [[outcome] for outcome in used(found)] if blocks is None else blocks
    good = [outcome for block in repeated for outcome in block]
    statuses = Counter(outcome.status if measured(outcome) else _not_measured(outcome) for outcome in found)
    missing = {NOT_RUN: len(trials) - len(found)} if len(trials) > len(found) else {}
    runs = _in_effect(good or found)
    efficiency = _estimate([[outcome.frames_per_cpu_s or 0.0] for outcome in good])
    return Setting(
        point=trials[0].point,
        command=command(trials[0]),
        trials={**dict(sorted(statuses.items())), **missing},
        fps=_estimate([[outcome.fps for outcome in block if outcome.fps is not None] for block in repeated]),
        median_ms=_latency(repeated, "median"),
        p99_ms=_latency(repeated, "p99"),
        busy_percent=_mean(outcome.busy_percent for outcome in good),
        frames_per_cpu_s=None if efficiency is None else efficiency.value,
        batch=_batch(trials[0].point),
        agents=_first(outcome.agents for outcome in good),
        cores=_first(outcome.cores for outcome in good),
        streams=_first(outcome.streams for outcome in good),
        requests=_first(outcome.requests for outcome in good),
        openvino=_first(outcome.openvino for outcome in good),
        fps_of_trials=tuple(outcome.fps for outcome in good if outcome.fps is not None),
        p99_of_trials=() if any("p99_ms" in outcome.at_least for outcome in good) else _latencies(good, "p99"),
        used=tuple(outcome.trial for outcome in good),
        suspect=any(outcome.status == "SUSPECT" for outcome in good),
        in_effect=next(iter(runs.values())) if len(runs) == 1 else None,
        varied=len(runs) > 1,
        figures=_figures(good),
        at_least=_bounds(repeated),
        covers=good[0].covers if good else {},
        same=tuple(dict(point) for point in dict.fromkeys(tuple(t.point.items()) for t in trials))[1:],
    )


def _in_effect(outcomes: Iterable[Outcome]) -> dict[str, InEffect]:
    """By the run it was."""
    return {outcome.in_effect.run: outcome.in_effect for outcome in outcomes if outcome.in_effect is not None}


def _not_measured(outcome: Outcome) -> str:
    return "FAILED" if outcome.status in ("VALID", "SUSPECT") else outcome.status


def command(trial: Trial) -> str:
    argv = trial.argv if trial.argv[:1] == (PROGRAM,) else (PROGRAM, *trial.argv)
    return shlex.join(argv)


def _latency(repeated: Sequence[Sequence[Outcome]], name: str) -> Estimate | None:
    """None where a trial does not know it: a mean of those that do would be too short."""
    if any(f"{name}_ms" in outcome.at_least for block in repeated for outcome in block):
        return None
    return _estimate([_latencies(block, name) for block in repeated])


def _latencies(outcomes: Sequence[Outcome], name: str) -> tuple[float, ...]:
    return tuple(outcome.latency_ms[name] for outcome in outcomes if name in outcome.latency_ms)


def _bounds(repeated: Sequence[Sequence[Outcome]]) -> dict[str, float]:
    """By geometric means, which arithmetic ones are not below."""
    names = dict.fromkeys(name for block in repeated for outcome in block for name in outcome.at_least)
    return {name: _least_mean([[_least(outcome, name) for outcome in block] for block in repeated]) for name in names}


def _least(outcome: Outcome, name: str) -> float:
    """What a figure is, or cannot be below."""
    known = {**outcome.figures, **{f"{figure}_ms": value for figure, value in outcome.latency_ms.items()}}
    return known.get(name, outcome.at_least.get(name, 0.0))


def _least_mean(repeated: Sequence[Sequence[float]]) -> float:
    means = [geometric_mean(block) if min(block) > 0 else 0.0 for block in repeated if block]
    return geometric_mean(means) if min(means) > 0 else 0.0


def _figures(good: Sequence[Outcome]) -> dict[str, Estimate]:
    """Those that all of the trials know."""
    names = good[0].figures if good else ()
    return {
        name: estimate([outcome.figures[name] for outcome in good])
        for name in names
        if all(name in outcome.figures for outcome in good)
    }


def _estimate(repeated: Iterable[Sequence[float]]) -> Estimate | None:
    """Over what is repeated, a trial or a block of them. None where nothing is known."""
    values = [geometric_mean(block) for block in repeated if block and min(block) > 0]
    return geometric(values) if values else None


def _mean(values: Iterable[float | None]) -> float | None:
    """Arithmetic: a share, or what there may be none of."""
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _first(values: Iterable[_Known | None]) -> _Known | None:
    return next((value for value in values if value is not None), None)


def _batch(point: Mapping[str, str]) -> int | None:
    value = next((value for flag, value in point.items() if flag.lstrip("-") in ("b", "batch")), "")
    return int(value) if value.isascii() and value.isdigit() and int(value) > 0 else None
