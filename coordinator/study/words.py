"""What a study says, in sentences: its headline, what follows from it, and what cannot be said. Pure."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal

from ..result.effective import text_of
from ..result.findings import Code
from ..result.numbers import milliseconds, rate
from ..result.study import Outcome, Study
from ..stats.estimate import Estimate
from .ab import PER_BLOCK, Comparison
from .choices import Choice, by_p99, by_throughput, eligible, rivals
from .curves import Curve
from .laws import curve_lines
from .standing import attempts_of, standing
from .summary import NOT_RUN, Setting, name_of

_MOST_NAMED: Final = 4
_MOST_REASONS: Final = 4
_MOST_SAME: Final = 12
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


def same_as(setting: Setting) -> Iterator[str]:
    """What was in effect, as far as it is known, and what else came to it: a line each."""
    if setting.in_effect is not None:
        yield f"in effect: {text_of(setting.in_effect)}"
    if setting.same:
        yield f"the same run: {_list(map(name_of, setting.same), _MOST_SAME)}"


def headline(
    study: Study, settings: Sequence[Setting], choices: Sequence[Choice], comparisons: Sequence[Comparison]
) -> str:
    if not choices:
        return "Nothing can be said: no trial was VALID or SUSPECT."
    said = _said(study, settings, choices, comparisons)
    return f"SUSPECT: {said}" if any(choice.setting.suspect for choice in choices) else said


def _said(
    study: Study, settings: Sequence[Setting], choices: Sequence[Choice], comparisons: Sequence[Comparison]
) -> str:
    if study.kind == "ab":
        return _verdict(comparisons[0], settings) if comparisons else (
            f"There is no verdict: an A/B study has two settings, this one {len(settings)}."
        )  # fmt: skip
    best = choices[0].setting
    assert best.fps is not None
    if len(settings) == 1 and best.same:
        return (
            f"No setting is better than another: all {len(best.points)} were one and the same run, with "
            f"{with_interval(best.fps)}."
        )
    text = f"Most throughput: {with_interval(best.fps)} with {best.name or 'the one setting there is'}"
    return text + (", but others cannot be told from it." if choices[0].rivals else ".")


def _verdict(found: Comparison, settings: Sequence[Setting]) -> str:
    a, b = (f"{name} ({own})" if own else name for name, own in zip("AB", _own(*settings), strict=True))
    change = _change(found, "less throughput", "more throughput")
    if found.verdict == "same run":
        return f"No difference: {a} and {b} were the same run" + (
            f"; by noise alone B has {change}." if change else "."
        )
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
        yield from curve_lines(curve, study)
    yield from _same_lines(settings)
    if comparisons:
        yield from _in_both(settings, comparisons)
        yield from _comparison_lines(comparisons)
        yield from _builds(settings)
    for choice in choices[1:] if study.kind != "ab" else ():
        doubt = ", but others cannot be told from it" if choice.rivals else ""
        yield f"{choice.what[0].upper()}{choice.what[1:]}: {choice.setting.name}, {figures_of(choice.setting)}{doubt}."
    if study.kind == "batch":
        yield from _batch_lines(settings)
    if shares:
        yield from _share_lines(shares)


def _same_lines(settings: Sequence[Setting]) -> Iterator[str]:
    """Which settings that were asked for came to the same."""
    several = [setting for setting in settings if setting.same]
    for setting in several[:_MOST_NAMED]:
        effect = f", in effect {text_of(setting.in_effect)}" if setting.in_effect is not None else ""
        trials = sum(setting.trials.values())
        yield (
            f"The same run{effect}: {_list(map(name_of, setting.points), _MOST_SAME)}; their {trials} trials are of "
            "one setting."
        )
    if len(several) > _MOST_NAMED:
        rest = [setting.name for setting in several[_MOST_NAMED:]]
        yield f"Others, too, were the same run as: {_list(rest, _MOST_SAME)}."


def _in_both(settings: Sequence[Setting], comparisons: Sequence[Comparison]) -> Iterator[str]:
    effect = settings[0].in_effect
    if comparisons[0].verdict == "same run" and effect is not None:
        yield f"In effect on both sides: {text_of(effect)}."


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
    if study.stopped:
        yield f"The study was stopped: {study.stopped}."
    stand = standing(study, outcomes)
    yield from _run_again(outcomes, stand)
    yield from _left_out(study, stand, settings)
    yield from _doubts(stand, settings)
    yield from _suspect(study, settings)
    varied = [setting.name for setting in settings if setting.varied and not study.accepted]
    if varied:
        yield f"What was in effect varied between the trials of {_list(varied)}, so they are no repetitions."
    missing = sum(setting.trials.get(NOT_RUN, 0) for setting in settings)
    if missing:
        yield f"{missing} of {len(study.trials)} trials {'has' if missing == 1 else 'have'} not been run."
    without = [setting for setting in settings if setting.fps is None]
    if without and len(without) < len(settings):
        yield f"Nothing is known of {_list(s.name for s in without)}: no trial was VALID or SUSPECT."
    once = [setting for setting in settings if len(setting.used) == 1]
    if once and study.kind != "ab":
        every, verb = len(once) == len(settings), "has" if len(once) in (1, len(settings)) else "have"
        whose = "Every setting" if every else _list(s.name for s in once)
        yield (
            f"{whose} {verb} one trial that counts: no interval, and whether others are as good cannot be told. "
            "Repeat it."
        )
    if study.kind == "ab":
        yield from _unsaid_of_ab(comparisons)
    else:
        yield from _unsaid_of_best(study, eligible(settings))
    if any(curve.scaling.fit is not None and curve.scaling.believed != "linear" for curve in curves):
        yield "What is contended for (memory bandwidth, caches, clock rate, locks) takes counters to tell."


def _run_again(outcomes: Sequence[Outcome], stand: Sequence[Outcome]) -> Iterator[str]:
    repeated = {trial for trial, attempts in attempts_of(outcomes).items() if len(attempts) > 1}
    if not repeated:
        return
    now = Counter(outcome.status for outcome in stand if outcome.trial in repeated)
    told = ", ".join(f"{number} {status}" for status, number in sorted(now.items(), key=lambda item: -item[1]))
    many = "1 trial was" if len(repeated) == 1 else f"{len(repeated)} trials were"
    yield f"{many} run again for what was SUSPECT; of each the better verdict stands: {told}."


def _suspect(study: Study, settings: Sequence[Setting]) -> Iterator[str]:
    """Whose figures are of SUSPECT trials."""
    known = [setting for setting in settings if setting.fps is not None]
    doubtful = [setting for setting in known if setting.suspect]
    if not doubtful:
        return
    if study.kind == "ab":
        yield "VALID trials make too few blocks, so SUSPECT ones are used, too: the verdict may be the machine's doing."
    elif len(doubtful) == len(known):
        yield "No trial was VALID, so the figures are of SUSPECT ones: what is best may be the machine's doing."
    else:
        names = _list(setting.name for setting in doubtful)
        yield f"Only SUSPECT trials are known of {names}: such figures are shown, and called best at nothing."


def _left_out(study: Study, stand: Sequence[Outcome], settings: Sequence[Setting]) -> Iterator[str]:
    used = {trial for setting in settings for trial in setting.used}
    bad = [outcome for outcome in stand if outcome.trial not in used]
    if not bad:
        return
    by_status = ", ".join(f"{number} {status}" for status, number in sorted(Counter(o.status for o in bad).items()))
    reasons = Counter(reason for outcome in bad for reason in ((outcome.why,) if outcome.why else outcome.findings))
    told = "; ".join(f"{reason} ({number})" for reason, number in reasons.most_common(_MOST_REASONS))
    verb = "is" if len(bad) == 1 else "are"
    yield f"{len(bad)} of {len(study.trials)} trials {verb} left out: {by_status}{f'; {told}' if told else ''}."


def _doubts(stand: Sequence[Outcome], settings: Sequence[Setting]) -> Iterator[str]:
    """What the runs that count found, as a study of a disturbed machine has VALID trials, too."""
    used = {trial for setting in settings for trial in setting.used}
    good = [outcome for outcome in stand if outcome.trial in used]
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


def _unsaid_of_best(study: Study, among: Sequence[Setting]) -> Iterator[str]:
    """`among`: those that may be called best."""
    ranked = by_throughput(among)
    if not ranked:
        return
    others = rivals(ranked[0], among)
    if others:
        yield (
            f"Cannot be told from the fastest: {_list(s.name for s in others)}. As the largest of {len(others) + 1}, "
            "its figure is rather too high than too low."
        )
    limit = study.p99_limit_ms
    if limit is None:
        return
    known = [s for s in ranked if s.p99_ms is not None]
    within = [s for s in known if s.p99_ms is not None and s.p99_ms.value <= limit]
    if not within:
        shortest = next(iter(by_p99(among)), None)
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


def _list(names: Iterable[str], most: int = _MOST_NAMED) -> str:
    every = list(names)
    rest = len(every) - most
    return ", ".join(every[:most]) + (f" and {rest} more" if rest > 0 else "")
