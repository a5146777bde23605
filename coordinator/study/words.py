"""What a study says, in sentences: its headline, what follows from it, and what cannot be said. Pure."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

from ..checks.evidence import Code
from ..report.numbers import milliseconds, rate
from .ab import PER_BLOCK, Comparison
from .choices import Choice, by_p99, by_throughput, rivals
from .curves import Curve
from .estimate import Estimate
from .record import Outcome, Study
from .scaling import MARGINAL_GAIN, Fit, Scaling
from .summary import NOT_RUN, Setting, counted, last_of_trials

_MOST_NAMED: Final = 4
_MOST_REASONS: Final = 4
_UNFIT: Final = 0.01
_GOOD_TO_KNOW: Final = (Code.GOVERNOR, Code.SPANS_NODES, Code.OUTSIDE_WINDOW)
"""Findings that are never more than that."""


def with_interval(figure: Estimate, form: Literal["fps", "ms"] = "fps") -> str:
    """Such as `1,204 FPS (1,190 to 1,219)`, `4.51 ms (4.48 ms to 4.55 ms)`; without an interval the figure alone."""
    text = f"{rate(figure.value)} FPS" if form == "fps" else milliseconds(figure.value)
    span = span_of(figure, form)
    return f"{text} ({span})" if span else text


def span_of(figure: Estimate, form: Literal["fps", "ms"] = "fps") -> str:
    """Its interval, such as `1,190 to 1,219`; empty where there is none."""
    if figure.low is None or figure.high is None:
        return ""
    form_of = rate if form == "fps" else milliseconds
    return f"{form_of(figure.low) if figure.low > 0 else '0'} to {form_of(figure.high)}"


def figures_of(setting: Setting) -> str:
    """Throughput and p99 with their intervals, as far as they are known."""
    known = [with_interval(setting.fps)] if setting.fps is not None else []
    known += [f"p99 {with_interval(setting.p99_ms, 'ms')}"] if setting.p99_ms is not None else []
    return ", ".join(known)


def headline(
    study: Study, settings: Sequence[Setting], choices: Sequence[Choice], comparisons: Sequence[Comparison]
) -> str:
    if not choices:
        return "Nothing can be said: no trial was VALID."
    if study.kind == "ab":
        return _verdict(comparisons[0], settings) if comparisons else (
            f"There is no verdict: an A/B study has two settings, this one {len(settings)}."
        )  # fmt: skip
    best = choices[0].setting
    assert best.fps is not None
    text = f"Most throughput: {with_interval(best.fps)} with {best.name or 'the one setting there is'}"
    return text + (", but others cannot be told from it." if choices[0].rivals else ".")


def _verdict(found: Comparison, settings: Sequence[Setting]) -> str:
    a, b = (f"{name} ({own})" if own else name for name, own in zip("AB", _own(*settings), strict=True))
    change = _change(found, "less throughput", "more throughput")
    if found.verdict == "no difference":
        return f"No difference beyond {found.size_percent:g} % between {a} and {b}: B has {change}."
    if found.verdict == "cannot tell":
        return f"Whether {a} or {b} is faster cannot be told" + (f": B has {change}." if change else ".")
    return f"{b} is {found.verdict} than {a}: {change}."


def _own(a: Setting, b: Setting) -> tuple[str, str]:
    """What the commands of two settings do not have in common: flags with their values."""
    groups: list[list[str]] = []
    for setting in (a, b):
        groups.append([])
        for word in shlex.split(setting.command):
            if word.startswith("-") or not groups[-1]:
                groups[-1].append(word)
            else:
                groups[-1][-1] += f" {word}"
    return " ".join(x for x in groups[0] if x not in groups[1]), " ".join(x for x in groups[1] if x not in groups[0])


def _change(found: Comparison, less: str, more: str) -> str:
    """Such as `4.1 % less throughput (-5.9 to -2.3 %)`; empty where nothing was compared."""
    if found.ratio is None:
        return ""
    percent = 100 * (found.ratio - 1)
    text = f"{abs(percent):.1f} % {less if percent < 0 else more}"
    if found.low is None or found.high is None:
        return text
    return f"{text} ({100 * (found.low - 1):+.1f} to {100 * (found.high - 1):+.1f} %)"


def lines(
    study: Study,
    settings: Sequence[Setting],
    choices: Sequence[Choice],
    curves: Sequence[Curve],
    comparisons: Sequence[Comparison],
    shares: Mapping[str, float],
) -> Iterator[str]:
    if not choices:
        return
    for curve in curves:
        yield from _scaling_lines(curve, study)
    if comparisons:
        yield from _comparison_lines(comparisons)
        yield from _builds(settings)
    for choice in choices[1:] if study.kind != "ab" else ():
        yield f"{choice.what[0].upper()}{choice.what[1:]}: {choice.setting.name}, {figures_of(choice.setting)}."
    if study.kind == "batch":
        yield from _batch_lines(settings)
    if shares:
        yield from _share_lines(shares)


def _share_lines(shares: Mapping[str, float]) -> Iterator[str]:
    ordered = sorted(shares.items(), key=lambda item: -item[1])
    told = ", ".join(f"{axis} {share:.0f} %" for axis, share in ordered)
    rest = max(0.0, 100 - sum(shares.values()))
    first = [axis for axis, share in ordered if round(share) == round(ordered[0][1])]
    most = f"is {first[0]}" if len(first) == 1 else f"are {', '.join(first[:-1])} and {first[-1]} alike"
    yield (
        f"What matters most for throughput {most}: of the variance between settings (of its logarithm), "
        f"{told}; {rest:.0f} % is how they act together, and noise."
    )


def _batch_lines(settings: Sequence[Setting]) -> Iterator[str]:
    frames = [(s.median_ms.value / s.batch, s) for s in settings if s.median_ms is not None and s.batch]
    if not frames:
        return
    shortest, setting = min(frames, key=lambda pair: pair[0])
    yield f"Least time per frame: {milliseconds(shortest)} (median latency / batch) with {setting.name}."


def _comparison_lines(comparisons: Sequence[Comparison]) -> Iterator[str]:
    verdict = comparisons[0]
    if verdict.low is not None:
        yield (
            f"From {verdict.blocks} blocks of {2 * PER_BLOCK} trials, whose ratios scatter by "
            f"{verdict.scatter_percent:.1f} %; intervals at {verdict.confidence_percent:g} % confidence."
        )
    for found in comparisons[1:]:
        yield f"{found.figure} latency of B: {_change(found, 'shorter', 'longer')}."


def _builds(settings: Sequence[Setting]) -> Iterator[str]:
    """Where they are not the same: what is compared then is builds, too."""
    known = [setting.openvino for setting in settings]
    if all(known) and len(set(known)) > 1:
        told = ", ".join(f"{name} {build}" for name, build in zip("AB", known, strict=True))
        yield f"The builds of OpenVINO: {told}."


def _scaling_lines(curve: Curve, study: Study) -> Iterator[str]:
    if not curve.point:
        yield from _curve_lines(curve, study)
        return
    for line in _curve_lines(curve, study):
        yield f"With {_named(curve.point)}: {line if line.startswith('Amdahl') else line[0].lower() + line[1:]}"


def _curve_lines(curve: Curve, study: Study) -> Iterator[str]:
    found, unit, fit = curve.scaling, curve.unit, curve.scaling.fit
    if len(found.points) > 1:
        yield from _end_lines(curve)
    if fit is None:
        yield f"No law is fitted: {found.why}."
        return
    yield _law(found, fit, unit)
    if found.peak is not None:
        yield f"By this law throughput is most at {_bounded(found.peak)} {unit}, and falls beyond."
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
    does = "does" if first.size == 1 else "do"
    yield f"{last.size} {unit} do {_percent(last.efficiency)} of {times} times what {least} {does}."
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
    told = f"contention {_percent(fit.contention)}"
    if fit.coherency is not None:
        told += f", coherency {_percent(fit.coherency, 3)}"
    name = "Amdahl's law" if fit.model == "amdahl" else "the Universal Scalability Law"
    return f"Throughput follows {name}: {told}; {scatter}."


def _limits(curve: Curve, fit: Fit, study: Study) -> Iterator[str]:
    """What limits, as far as throughput tells it."""
    points, unit = curve.scaling.points, curve.unit
    surely = fit.contention is not None and (fit.contention.low or 0) > 0
    if surely and fit.contention is not None:
        yield f"Contention limits: {_percent(fit.contention)} of the work is done by one at a time."
    if fit.coherency is not None and (fit.coherency.low or 0) > 0:
        yield f"Coherency limits{', too' if surely else ''}: what each pays for all others grows with their number."
    if fit.misfit is not None and fit.misfit < _UNFIT:
        yield (
            f"The law does not fit well: by chance alone it would be so bad in {100 * fit.misfit:.2g} % of studies. "
            "Believe the points, not its parameters."
        )
    shared = [point.size for point in points if point.size > curve.cpus.get(str(point.size), point.size)]
    if unit == "agents" and shared:
        yield f"From {min(shared)} agents on, several share a CPU."
    cores = _whole(study.fingerprint.machine.get("physical_cores"))
    siblings = [int(size) for size, cpus in curve.cpus.items() if cores is not None and cpus > cores]
    if siblings:
        yield f"From {min(siblings)} {unit} on, hyperthreads share the {cores} cores."


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


def unsaid(
    study: Study,
    settings: Sequence[Setting],
    outcomes: Sequence[Outcome],
    curves: Sequence[Curve],
    comparisons: Sequence[Comparison],
) -> Iterator[str]:
    if study.accepted:
        what = _list(dict.fromkeys(study.accepted))
        yield f"While the study went on, this changed: {what}; trials before and after it are not comparable."
    yield from _left_out(study, outcomes)
    yield from _doubts(outcomes)
    missing = sum(setting.trials.get(NOT_RUN, 0) for setting in settings)
    if missing:
        yield f"{missing} of {len(study.trials)} trials {'has' if missing == 1 else 'have'} not been run."
    without = [setting for setting in settings if setting.fps is None]
    if without and len(without) < len(settings):
        yield f"Nothing is known of {_list(s.name for s in without)}: no trial was VALID."
    once = [setting for setting in settings if setting.valid == 1]
    if once and study.kind != "ab":
        every, verb = len(once) == len(settings), "has" if len(once) in (1, len(settings)) else "have"
        whose = "Every setting" if every else _list(s.name for s in once)
        yield f"{whose} {verb} one VALID trial: no interval, and whether others are as good cannot be told. Repeat it."
    if study.kind == "ab":
        yield from _unsaid_of_ab(comparisons)
    else:
        yield from _unsaid_of_best(study, settings)
    if any(curve.scaling.fit is not None and curve.scaling.believed != "linear" for curve in curves):
        yield "What is contended for (memory bandwidth, caches, clock rate, locks) takes counters to tell."


def _left_out(study: Study, outcomes: Sequence[Outcome]) -> Iterator[str]:
    bad = [outcome for outcome in last_of_trials(outcomes) if not counted(outcome)]
    if not bad:
        return
    by_status = ", ".join(f"{number} {status}" for status, number in sorted(Counter(o.status for o in bad).items()))
    reasons = Counter(reason for outcome in bad for reason in ((outcome.why,) if outcome.why else outcome.findings))
    told = "; ".join(f"{reason} ({number})" for reason, number in reasons.most_common(_MOST_REASONS))
    verb = "is" if len(bad) == 1 else "are"
    yield f"{len(bad)} of {len(study.trials)} trials {verb} left out: {by_status}{f'; {told}' if told else ''}."


def _doubts(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What the runs that count found, as a study of a disturbed machine has VALID trials, too."""
    good = [outcome for outcome in last_of_trials(outcomes) if counted(outcome)]
    found = [[code for code in outcome.findings if code not in _GOOD_TO_KNOW] for outcome in good]
    doubtful = [codes for codes in found if codes]
    if not doubtful:
        return
    kinds = Counter(code for codes in doubtful for code in dict.fromkeys(codes)).most_common()
    told = ", ".join(f"{code} ({number})" for code, number in kinds[:_MOST_REASONS])
    rest = f" and {len(kinds) - _MOST_REASONS} more kinds" if len(kinds) > _MOST_REASONS else ""
    which = "All" if len(doubtful) == len(good) else f"{len(doubtful)} of the"
    yield (
        f"{which} {len(good)} trials that count had warnings, so their figures may mislead: {told}{rest}. "
        "What each means is in its report."
    )


def _unsaid_of_ab(comparisons: Sequence[Comparison]) -> Iterator[str]:
    if not comparisons:
        return
    verdict = comparisons[0]
    if verdict.verdict == "cannot tell" and verdict.blocks_needed is not None:
        yield (
            f"{verdict.blocks} blocks are too few for a verdict at {verdict.size_percent:g} %: about "
            f"{verdict.blocks_needed} are needed, {verdict.blocks_needed * PER_BLOCK} trials of each setting."
        )
    elif verdict.verdict == "cannot tell":
        yield "The trials scatter too much for a verdict, however often they are repeated: find what disturbs them."
    if len(comparisons) > 1:
        doubt = 100 - verdict.confidence_percent
        yield (
            f"The verdict is on throughput. Of equal settings, each figure is called different in {doubt:g} of 100 "
            f"studies, one of the {len(comparisons)} in up to {len(comparisons) * doubt:g}."
        )


def _unsaid_of_best(study: Study, settings: Sequence[Setting]) -> Iterator[str]:
    ranked = by_throughput(settings)
    if not ranked:
        return
    others = rivals(ranked[0], settings)
    if others:
        yield f"Cannot be told from the fastest: {_list(s.name for s in others)}."
    limit = study.p99_limit_ms
    if limit is None:
        return
    known = [s for s in ranked if s.p99_ms is not None]
    within = [s for s in known if s.p99_ms is not None and s.p99_ms.value <= limit]
    if not within:
        shortest = next(iter(by_p99(settings)), None)
        told = "" if shortest is None or shortest.p99_ms is None else (
            f"; the shortest is {milliseconds(shortest.p99_ms.value)}, with {shortest.name}"
        )  # fmt: skip
        yield f"No setting has a p99 up to {milliseconds(limit)}{told}."
        return
    best = within[0].p99_ms
    if best is not None and best.high is not None and best.high > limit:
        yield (
            f"Whether {within[0].name} keeps p99 up to {milliseconds(limit)} is not certain: "
            f"it is {with_interval(best, 'ms')}."
        )


def _list(names: Iterable[str]) -> str:
    every = list(names)
    rest = len(every) - _MOST_NAMED
    return ", ".join(every[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")
