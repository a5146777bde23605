"""What a curve of a scaling study says, in sentences: the law it follows, where it ends, what limits. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from ..result.numbers import milliseconds
from ..result.study import Study
from ..stats.estimate import Estimate
from ..stats.scaling import MARGINAL_GAIN, Fit, Scaling
from .curves import Curve

_UNFIT: Final = 0.01


def curve_lines(curve: Curve, study: Study) -> Iterator[str]:
    if not curve.point:
        yield from _own_lines(curve, study)
        return
    for line in _own_lines(curve, study):
        yield f"With {_named(curve.point)}: {line if line.startswith('Amdahl') else line[0].lower() + line[1:]}"


def _own_lines(curve: Curve, study: Study) -> Iterator[str]:
    found, unit, fit = curve.scaling, curve.unit, curve.scaling.fit
    if len(found.points) > 1:
        yield from _end_lines(curve)
    if fit is None:
        yield f"No law is fitted: {found.why}."
        return
    yield _law(found, fit, unit)
    if found.peak is not None:
        yield f"By this law throughput peaks at {_bounded(found.peak)} {unit}."
    gain = f"{100 * MARGINAL_GAIN:g} % of what one does"
    if found.knee is not None:
        yield f"The knee is at {_bounded(found.knee)} {unit}: from there on one more adds less than {gain}."
    else:
        yield f"No knee up to {found.points[-1].size} {unit}: one more still adds {gain}, or more."
    yield from _limits(curve, fit, study)


def _end_lines(curve: Curve) -> Iterator[str]:
    """From the smallest size to the largest."""
    unit, first, last = curve.unit, curve.scaling.points[0], curve.scaling.points[-1]
    least = f"{first.size} {unit.removesuffix('s') if first.size == 1 else unit}"
    times = f"{last.size}" if first.size == 1 else f"{last.size} / {first.size}"
    yield f"{last.size} {unit} reach {_percent(last.efficiency)} of {times} times the throughput of {least}."
    p99 = [curve.p99_ms.get(str(point.size)) for point in (first, last)]
    if p99[0] is not None and p99[1] is not None:
        low, high = (milliseconds(figure.value) for figure in p99 if figure is not None)
        yield f"p99 goes from {low} with {least} to {high} with {last.size}."


def _law(found: Scaling, fit: Fit, unit: str) -> str:
    scatter = f"trials scatter by {fit.scatter_percent:.1f} % about it"
    if fit.model == "linear":
        amdahl = next((other.contention for other in found.fits if other.model == "amdahl"), None)
        most = "" if amdahl is None or amdahl.high is None else f" (contention: at most {100 * amdahl.high:.1f} %)"
        return f"Throughput grows in proportion to the {unit}, as far as can be seen{most}; {scatter}."
    assert fit.contention is not None
    parts = f"contention {_percent(fit.contention)}"
    if fit.coherency is not None:
        parts += f", coherency {_percent(fit.coherency, 3)}"
    name = "Amdahl's law" if fit.model == "amdahl" else "the Universal Scalability Law"
    return f"Throughput follows {name}: {parts}; {scatter}."


def _limits(curve: Curve, fit: Fit, study: Study) -> Iterator[str]:
    """What limits, as far as throughput shows it."""
    points, unit = curve.scaling.points, curve.unit
    surely = fit.contention is not None and (fit.contention.low or 0) > 0
    if surely and fit.contention is not None:
        yield f"Contention limits: {_percent(fit.contention)} of the work is serialized."
    if fit.coherency is not None and (fit.coherency.low or 0) > 0:
        yield f"Coherency limits{', too' if surely else ''}: what each pays for all others grows with their number."
    if fit.misfit is not None and fit.misfit < _UNFIT:
        yield (
            f"The law fits badly: by chance alone it would do so in {100 * fit.misfit:.2g} % of studies. "
            "Trust the points, not its parameters."
        )
    shared = [point.size for point in points if point.size > curve.cpus.get(str(point.size), point.size)]
    if unit == "agents" and shared:
        yield f"From {min(shared)} agents on, several share a CPU."
    cores = None if _elsewhere(study) else _whole(study.fingerprint.machine.get("physical_cores"))
    siblings = [int(size) for size, cpus in curve.cpus.items() if cores is not None and cpus > cores]
    if siblings:
        yield f"From {min(siblings)} {unit} on, hyperthreads share the {cores} cores."


def _elsewhere(study: Study) -> bool:
    """On other hosts than the coordinator's: how many cores a trial had is not known here."""
    return any(word in ("--hosts", "--hosts-file", "--launcher") for trial in study.trials[:1] for word in trial.argv)


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None


def _percent(share: Estimate, digits: int = 1) -> str:
    text = f"{100 * share.value:.{digits}f} %"
    if share.low is None and share.high is None:
        return text
    low = f"{100 * (share.low or 0):.{digits}f}"
    return f"{text} ({low} % or more)" if share.high is None else f"{text} ({low} to {100 * share.high:.{digits}f} %)"


def _bounded(size: Estimate) -> str:
    """A number of agents or cores with its bounds: what lies beyond the data has no upper one."""
    text = f"{size.value:.1f}".removesuffix(".0")
    low = "1" if size.low is None else f"{size.low:.1f}".removesuffix(".0")
    if size.high is None:
        return f"{text} ({low} or more)"
    high = f"{size.high:.1f}".removesuffix(".0")
    return text if low == high else f"{text} ({low} to {high})"


def _named(point: Mapping[str, str]) -> str:
    return " ".join(f"{flag} {value}" for flag, value in point.items())
