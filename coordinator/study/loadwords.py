"""What a load study says, in sentences: up to which rate a limit is kept, the knee, where it breaks. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from ..request.slo import Objective, parse_objectives
from ..result.numbers import milliseconds, rate
from ..result.study import Outcome, Study
from ..stats.estimate import Estimate
from .bisecting import reason_of
from .choices import Choice
from .loadcurve import LoadCurve, LoadLimit, LoadPoint, own_point
from .ratetrials import RATE
from .summary import Setting, name_of
from .words import names_of

_GROWS: Final = 1.05
"""From the lowest rate to the highest, for a service to be said to."""


def headline(curves: Sequence[LoadCurve], stand: Sequence[Outcome], best: Sequence[Choice]) -> str:
    """Of the setting that serves most, with a limit within it. `best`: what is named as such."""
    known = [curve for curve in curves if any(point.trials for point in curve.points)]
    if known:
        first = max(known, key=_merit)
        doubt = "SUSPECT: " if any(choice.setting.suspect for choice in best) else ""
        return doubt + _with(first, curves, _verdict(first))
    loops = [curve for curve in curves if curve.closed_per_s is not None]
    if loops:
        return f"Inconclusive so far: no rate has been tried yet; back to back {_loops(loops)}."
    bad = next((reason_of(one) for one in stand if RATE not in one.point), "")
    return f"Inconclusive: the closed loop could not be measured{bad and f': {bad}'}."


def so_far(curves: Sequence[LoadCurve]) -> str:
    known = [one for one in curves if one.closed_per_s is not None]
    return f"closed loop {_loops(known)}" if known else ""


def _loops(curves: Sequence[LoadCurve]) -> str:
    return "; ".join(f"{_rate(one.closed_per_s)}{f' with {name_of(one.point)}' if one.point else ''}" for one in curves)


def _merit(curve: LoadCurve) -> tuple[float, float]:
    limits = [one.rate.value for one in curve.limits if one.rate is not None]
    return min(limits, default=0.0), curve.served_to or 0.0


def lines(curves: Sequence[LoadCurve]) -> Iterator[str]:
    known = [curve for curve in curves if any(point.trials for point in curve.points)]
    best = max(known, key=_merit, default=None)
    for curve in sorted(known, key=lambda one: one is not best):
        own = [*([] if curve is best else [_verdict(curve)]), *_own_lines(curve)]
        yield from (_with(curve, curves, line) for line in own)


def _own_lines(curve: LoadCurve) -> Iterator[str]:
    first = _first_exceeded(curve.limits)
    if len(curve.limits) > 1 and first is not None and first.rate is not None:
        yield from (_of_limit(curve, one) for one in curve.limits)
    if curve.limits:
        yield _breaks(curve)
    if curve.knee is not None:
        yield (
            f"The knee is at {_rate(curve.knee)}, {_share(curve, curve.knee.value)}: beyond it p99 grows faster than "
            "the rate."
        )
    yield from _growth(curve)


def _verdict(curve: LoadCurve) -> str:
    if not curve.limits:
        return _breaks(curve)
    if len(curve.limits) == 1:
        return _of_limit(curve, curve.limits[0])
    first = _first_exceeded(curve.limits)
    if first is None or first.rate is None:
        return _of_limit(curve, first or curve.limits[0])
    every = " and ".join(_kept(one) for one in curve.limits)
    return f"{every} up to {_rate(first.rate)}, {_share(curve, first.rate.value)}, where {first.slo} is exceeded first."


def _first_exceeded(limits: Sequence[LoadLimit]) -> LoadLimit | None:
    """None where that is not known of all."""
    for verdict in ("always exceeded", "unknown"):
        if (found := next((one for one in limits if one.verdict == verdict), None)) is not None:
            return found
    known = [one for one in limits if one.rate is not None]
    return min(known, key=lambda one: one.rate.value if one.rate is not None else 0.0, default=None)


def _of_limit(curve: LoadCurve, limit: LoadLimit) -> str:
    tried = [point for point in curve.points if point.trials]
    if limit.rate is not None:
        closed = "" if curve.closed_per_s is None else f" of the {rate(curve.closed_per_s.value)}/s back to back"
        share = curve.percent_of(limit.rate.value)
        part = "" if share is None else f", {share:.0f} %{closed}"
        return f"{_kept(limit)} up to {_rate(limit.rate)}{part}."
    if limit.verdict == "always exceeded":
        return f"{_name(limit)} is above its limit of {_limit(limit)} at every rate, even at {_at(tried[0])}."
    if limit.verdict == "never exceeded":
        return f"{_kept(limit)} at every rate that was measured, up to {_at(tried[-1])}."
    return f"Inconclusive up to which rate {_kept(limit)}{limit.why and f': {limit.why}'}."


def _breaks(curve: LoadCurve) -> str:
    tried = [point for point in curve.points if point.trials]
    end = next((one for one in tried if one.rate == curve.overloaded_from), None)
    if curve.served_to is None:
        over = "; from there on it is overloaded" if end is tried[0] else ""
        return f"Not even {_at(tried[0])} was served in all trials{over}."
    last = next(one for one in tried if one.rate == curve.served_to)
    words = f"All that arrives is served up to {_at(last)}{_with_p99(last)}"
    if end is not None:
        return f"{words}; from {_at(end)} on it is overloaded."
    return f"{words}{'; above it some trials were overloaded' if last is not tried[-1] else ''}."


def _with_p99(point: LoadPoint) -> str:
    return "" if point.p99_ms is None else f", with p99 of {milliseconds(point.p99_ms.value)}"


def _growth(curve: LoadCurve) -> Iterator[str]:
    """From the lowest rate to the highest one that is served: what grows, the wait or the service itself."""
    known = [
        (one.percent, one.wait_mean_ms.value, one.service_mean_ms.value)
        for one in curve.points
        if one.wait_mean_ms is not None and one.service_mean_ms is not None and one.rate <= (curve.served_to or 0.0)
    ]
    if len(known) < 2:
        return
    (low, wait, service), (high, most_wait, most_service) = known[0], known[-1]
    if most_wait <= wait:
        return
    wait_words = f"the mean wait grows from {milliseconds(wait)} to {milliseconds(most_wait)}"
    ends = f"{milliseconds(service)} to {milliseconds(most_service)}"
    grows = most_service > _GROWS * service
    service_words = f", the mean service from {ends}" if grows else f"; the service hardly does: {ends}"
    yield f"From {low:g} to {high:g} % {wait_words}{service_words}."


def choices(study: Study, curves: Sequence[LoadCurve], settings: Sequence[Setting]) -> Iterator[Choice]:
    """Of each setting the highest of its rates that was served, and that kept the limits."""
    objectives = parse_objectives(study.slo) if study.slo else ()
    for curve in curves:
        served = [one for one in curve.points if one.rate <= (curve.served_to or 0.0)]
        kept = [one for one in served if objectives and _keeps(one, objectives)]
        for what, found in (
            (f"the highest rate measured that keeps {study.slo}", kept),
            ("the highest rate served", served),
        ):
            setting = _setting_at(curve, found[-1].rate, settings) if found else None
            if setting is not None:
                whose = f", with {name_of(curve.point)}" if len(curves) > 1 and curve.point else ""
                yield Choice(what + whose, setting)


def _keeps(point: LoadPoint, objectives: Sequence[Objective]) -> bool:
    found = zip(point.slo_ms, objectives, strict=True)
    return all(figure is not None and figure.value <= one.limit_ms for figure, one in found)


def _setting_at(curve: LoadCurve, at: float, settings: Sequence[Setting]) -> Setting | None:
    return next(
        (
            one
            for one in settings
            if RATE in one.point and float(one.point[RATE]) == at and own_point(one.point) == curve.point
        ),
        None,
    )


def unsaid(curves: Sequence[LoadCurve], settings: Sequence[Setting]) -> Iterator[str]:
    known = [one for one in settings if one.used]
    doubtful = [one for one in known if one.suspect]
    if doubtful and len(doubtful) == len(known):
        yield "No trial was VALID, so the figures are of SUSPECT ones: they may reflect disturbances."
    elif doubtful:
        names = names_of(one.name or "the closed loop" for one in doubtful)
        yield f"Only SUSPECT trials are known of {names}: their figures may reflect disturbances."
    for curve in curves:
        own = list(_own_unsaid(curve))
        yield from (_with(curve, curves, line) for line in own)


def _own_unsaid(curve: LoadCurve) -> Iterator[str]:
    tried = [point for point in curve.points if point.trials]
    if not tried:
        return
    if curve.left_out:
        many = "The lowest rate was" if curve.left_out == 1 else f"The {curve.left_out} lowest rates were"
        yield f"{many} left out: less than one arrival is to be expected in a trial; -t makes trials longer."
    if curve.overloaded_from is None:
        yield f"Where it breaks is above {_at(tried[-1])}, or between two rates; --at has higher or closer ones."
    if curve.knee is None and len(tried) > 2:
        yield "No knee is known: nowhere among these rates does p99 begin to grow faster than the rate."


def _with(curve: LoadCurve, curves: Sequence[LoadCurve], sentence: str) -> str:
    """Whose it is, where there are several."""
    if len(curves) < 2 or not curve.point:
        return sentence
    first, rest = sentence[0], sentence[1:]
    return f"With {name_of(curve.point)}: {first.lower()}{rest}"


def _kept(limit: LoadLimit) -> str:
    return f"{_name(limit)} stays within {_limit(limit)}"


def _name(limit: LoadLimit) -> str:
    return limit.slo.partition(":")[0]


def _limit(limit: LoadLimit) -> str:
    return f"{float(limit.slo.partition(':')[2]):g} ms"


def _at(point: LoadPoint) -> str:
    return f"{rate(point.rate)}/s ({point.percent:g} %)"


def _share(curve: LoadCurve, of: float) -> str:
    share = curve.percent_of(of)
    return "" if share is None else f"{share:.0f} % of the closed loop"


def _rate(figure: Estimate | None) -> str:
    """Such as `412/s (395 to 428)`."""
    if figure is None:
        return "unknown"
    span = (
        "" if figure.low is None or figure.high is None else f" ({rate(max(figure.low, 0.0))} to {rate(figure.high)})"
    )
    return f"{rate(figure.value)}/s{span}"
