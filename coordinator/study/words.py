"""What a study says, in sentences: its headline, what follows from it, and what is inconclusive. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

from ..result.effective import text_of
from ..result.findings import Code
from ..result.numbers import milliseconds, rate
from ..stats.estimate import Estimate
from .answer import Basis
from .choices import Choice, by_p99, by_throughput, eligible, offered, rivals
from .standing import attempts_of
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
        yield f"the same run: {names_of(map(name_of, setting.same), _MOST_SAME)}"


def headline(choices: Sequence[Choice], verdict: str) -> str:
    if not choices:
        return "Inconclusive: no trial was VALID or SUSPECT."
    return f"SUSPECT: {verdict}" if any(choice.setting.suspect for choice in choices) else verdict


def fastest(basis: Basis) -> str:
    """The setting of most throughput, as a headline; where there are choices."""
    best = basis.choices[0].setting
    assert best.fps is not None
    if len(basis.settings) == 1 and best.same:
        return (
            f"No setting is better than another: all {len(best.points)} were one and the same run, with "
            f"{with_interval(best.fps)}."
        )
    text = f"Most throughput: {with_interval(best.fps)} with {best.name or 'the one setting there is'}"
    return text + (", but others do not differ significantly." if basis.choices[0].rivals else ".")


def shortest(basis: Basis) -> str:
    """The setting of the shortest p99, as a headline; where there are choices."""
    best = basis.choices[0].setting
    assert best.p99_ms is not None
    text = f"Shortest p99: {with_interval(best.p99_ms, 'ms')} with {best.name or 'the one setting there is'}"
    return text + (", but others do not differ significantly." if basis.choices[0].rivals else ".")


def one_schedule(basis: Basis) -> Iterator[str]:
    """What intervals over repetitions do not have in them at a rate."""
    if basis.study.repetitions > 1 and offered(basis.settings) and "--arrival-seed" not in basis.study.axes:
        yield (
            "Trials at the same rate have the same arrivals, of one seed: intervals do not hold what other arrivals "
            "would change. Vary --arrival-seed to see that."
        )


def further_choices(choices: Sequence[Choice]) -> Iterator[str]:
    """But the first, which is in the headline."""
    for choice in choices[1:]:
        doubt = ", but others do not differ significantly" if choice.rivals else ""
        yield f"{choice.what[0].upper()}{choice.what[1:]}: {choice.setting.name}, {figures_of(choice.setting)}{doubt}."


def same_runs(settings: Sequence[Setting]) -> Iterator[str]:
    """Which settings that were asked for came to the same."""
    several = [setting for setting in settings if setting.same]
    for setting in several[:_MOST_NAMED]:
        effect = f", in effect {text_of(setting.in_effect)}" if setting.in_effect is not None else ""
        trials = sum(setting.trials.values())
        yield (
            f"The same run{effect}: {names_of(map(name_of, setting.points), _MOST_SAME)}; their {trials} trials "
            "count as one setting."
        )
    if len(several) > _MOST_NAMED:
        rest = [setting.name for setting in several[_MOST_NAMED:]]
        yield f"Others, too, were the same run as: {names_of(rest, _MOST_SAME)}."


def of_the_trials(basis: Basis) -> Iterator[str]:
    """What happened to the study as a whole, and which of its trials do not count or are doubtful."""
    study = basis.study
    if study.accepted:
        what = names_of(dict.fromkeys(study.accepted))
        yield f"While the study went on, this changed: {what}; trials before and after it are not comparable."
    if study.stopped:
        yield f"The study was stopped: {study.stopped}."
    yield from _run_again(basis)
    yield from _left_out(basis)
    yield from _warnings(basis)


def of_the_settings(basis: Basis) -> Iterator[str]:
    """Which settings are not what they seem, or not known."""
    study, settings = basis.study, basis.settings
    varied = [setting.name for setting in settings if setting.varied and not study.accepted]
    if varied:
        yield f"What was in effect varied between the trials of {names_of(varied)}, so they are not repetitions."
    missing = sum(setting.trials.get(NOT_RUN, 0) for setting in settings)
    if missing:
        yield f"{missing} of {len(study.trials)} trials {'has' if missing == 1 else 'have'} not been run."
    without = [setting for setting in settings if setting.fps is None]
    if without and len(without) < len(settings):
        yield f"Nothing is known of {names_of(s.name for s in without)}: no trial was VALID or SUSPECT."


def run_once(settings: Sequence[Setting]) -> Iterator[str]:
    once = [setting for setting in settings if len(setting.used) == 1]
    if once:
        every, verb = len(once) == len(settings), "has" if len(once) in (1, len(settings)) else "have"
        whose = "Every setting" if every else names_of(s.name for s in once)
        yield (f"{whose} {verb} one trial that counts: no interval, so comparisons are inconclusive. Repeat it.")


def _run_again(basis: Basis) -> Iterator[str]:
    repeated = {trial for trial, attempts in attempts_of(basis.outcomes).items() if len(attempts) > 1}
    if not repeated:
        return
    now = Counter(outcome.status for outcome in basis.stand if outcome.trial in repeated)
    counts = ", ".join(f"{number} {status}" for status, number in sorted(now.items(), key=lambda item: -item[1]))
    many = "1 trial was" if len(repeated) == 1 else f"{len(repeated)} trials were"
    yield f"{many} repeated because of SUSPECT verdicts; of each the better verdict stands: {counts}."


def suspect(settings: Sequence[Setting]) -> Iterator[str]:
    """Whose figures are of SUSPECT trials."""
    known = [setting for setting in settings if setting.fps is not None]
    doubtful = [setting for setting in known if setting.suspect]
    if not doubtful:
        return
    if len(doubtful) == len(known):
        yield (
            "No trial was VALID, so the figures are of SUSPECT ones: which is best may reflect disturbances, not the "
            "settings."
        )
    else:
        names = names_of(setting.name for setting in doubtful)
        yield f"Only SUSPECT trials are known of {names}: their figures are shown, but never named best."


def _left_out(basis: Basis) -> Iterator[str]:
    used = {trial for setting in basis.settings for trial in setting.used}
    bad = [outcome for outcome in basis.stand if outcome.trial not in used]
    if not bad:
        return
    by_status = ", ".join(f"{number} {status}" for status, number in sorted(Counter(o.status for o in bad).items()))
    reasons = Counter(reason for outcome in bad for reason in ((outcome.why,) if outcome.why else outcome.findings))
    why = "; ".join(f"{reason} ({number})" for reason, number in reasons.most_common(_MOST_REASONS))
    verb = "is" if len(bad) == 1 else "are"
    trials = len(basis.study.trials)
    yield f"{len(bad)} of {trials} trials {verb} left out: {by_status}{f'; {why}' if why else ''}."


def _warnings(basis: Basis) -> Iterator[str]:
    """What the runs that count found, as a study of a disturbed machine has VALID trials, too."""
    used = {trial for setting in basis.settings for trial in setting.used}
    good = [outcome for outcome in basis.stand if outcome.trial in used]
    found = [[code for code in outcome.findings if code not in _GOOD_TO_KNOW] for outcome in good]
    doubtful = [codes for codes in found if codes]
    if not doubtful:
        return
    kinds = Counter(code for codes in doubtful for code in dict.fromkeys(codes)).most_common()
    codes = ", ".join(f"{code} ({number})" for code, number in kinds[:_MOST_REASONS])
    more = len(kinds) - _MOST_REASONS
    rest = f" and {more} more kind{'' if more == 1 else 's'}" if more > 0 else ""
    which = "All" if len(doubtful) == len(good) else f"{len(doubtful)} of the"
    whose = "The one trial that counts had warnings, so its" if len(good) == 1 else (
        f"{which} {len(good)} trials that count had warnings, so their"
    )  # fmt: skip
    yield f"{whose} figures may mislead: {codes}{rest}. What each means is in its report."


def undecided_best(basis: Basis) -> Iterator[str]:
    """Which others may be the best as well, and whether any keeps to the limit."""
    among = eligible(basis.settings)
    ranked = by_throughput(among)
    if not ranked:
        return
    others = [] if offered(among) else rivals(ranked[0], among)
    if others:
        yield (
            f"Not significantly slower than the fastest: {names_of(s.name for s in others)}. "
            f"As the largest of {len(others) + 1}, its figure is more likely too high than too low."
        )
    limit = basis.study.p99_limit_ms
    if limit is None:
        return
    known = [s for s in ranked if s.p99_ms is not None]
    within = [s for s in known if s.p99_ms is not None and s.p99_ms.value <= limit]
    if not within:
        shortest = next(iter(by_p99(among)), None)
        least = "" if shortest is None or shortest.p99_ms is None else (
            f"; the shortest is {milliseconds(shortest.p99_ms.value)}, with {shortest.name}"
        )  # fmt: skip
        yield f"No setting keeps p99 within {milliseconds(limit)}{least}."
        return
    best = within[0].p99_ms
    if best is not None and best.high is not None and best.high > limit:
        yield (
            f"Inconclusive whether {within[0].name} keeps p99 within {milliseconds(limit)}: "
            f"it is {with_interval(best, 'ms')}."
        )


def names_of(names: Iterable[str], most: int = _MOST_NAMED) -> str:
    """A few of them, and how many more there are."""
    every = list(names)
    rest = len(every) - most
    return ", ".join(every[:most]) + (f" and {rest} more" if rest > 0 else "")
