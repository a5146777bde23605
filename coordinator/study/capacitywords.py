"""What a capacity study says, in sentences: how many requests each setting serves, and what is not known. Pure."""

from collections.abc import Iterator, Sequence
from typing import Final

from ..request.slo import Objective, parse_objectives
from ..result.effective import InEffect
from ..result.numbers import duration, milliseconds, rate
from ..result.study import Study
from ..stats.estimate import Estimate
from .capacity import Capacity
from .summary import name_of

_OF_A_CUT: Final = frozenset(("--agents", "-nstreams"))
"""What varies where the same cores are cut in several ways, which is better said by what was in effect."""


def headline(study: Study, ranked: Sequence[Capacity]) -> str:
    """Of the setting that serves most; SUSPECT where most of its trials were disturbed."""
    best = next(iter(ranked), None)
    if best is None:
        return "Inconclusive: nothing has been measured."
    if best.rate is None:
        return _without_rate(best, ranked)
    more = f": {cut_of(best)}" if cut_of(best) else ""
    doubts = (["SUSPECT"] if _is_suspect(best) else []) + ([_DOUBTS[best.verdict]] if best.verdict in _DOUBTS else [])
    hosts = any("--hosts" in trial.argv for trial in study.trials)
    whose = "these hosts serve" if hosts else "this machine serves"
    text = f"{whose} {with_span(best.rate)} with {limits_of(best)}{more}."
    if not doubts:
        return text[0].upper() + text[1:]
    return f"{doubts[0]}{''.join(f', {one.lower()}' for one in doubts[1:])}: {text}"


def _is_suspect(one: Capacity) -> bool:
    return 2 * one.disturbed > len(one.trials)


_DOUBTS: Final = {
    "not confirmed": "Not confirmed", "too noisy": "Wider than asked for", "not finished": "So far",
    "not measured": "Cut short by trials that failed",
}  # fmt: skip
"""By verdict, where there is a rate."""


def lines(ranked: Sequence[Capacity]) -> Iterator[str]:
    yield from _about(ranked)
    for one in ranked[1:]:
        if one.rate is None:
            yield _without_rate(one, ranked)
            continue
        less = "" if one.less_percent is None else f", {_less(one.less_percent, one.differs)}"
        doubt = f"; {_DOUBTS[one.verdict].lower()}" if one.verdict in _DOUBTS else ""
        yield f"{_named(one, ranked)}: {with_span(one.rate)}{less}{doubt}."


def _about(ranked: Sequence[Capacity]) -> Iterator[str]:
    """How the best compares with a closed loop, and what confirmed it."""
    best = next(iter(ranked), None)
    if best is None or best.rate is None:
        return
    if best.closed_loop_per_s:
        share = 100 * best.rate.value / best.closed_loop_per_s
        part = f"That is {share:.0f} % of the {rate(best.closed_loop_per_s)}/s that it does back to back"
        if best.verdict == "saturated":
            part += "; the limit is kept up to where it is saturated, so saturation is what ends it"
        yield f"{part}."
    if best.confirmed_rate is not None:
        yield f"A longer run at {rate(best.confirmed_rate)}/s kept {'all limits' if ',' in best.slo else 'the limit'}."
    if "," in best.limits and best.slo:
        others = "other limit holds" if best.limits.count(",") == 1 else "other limits hold"
        yield f"{_percentile(best.slo)} is what ends it: the {others} at higher rates, too."


def _less(percent: float, differs: bool | None) -> str:
    text = f"{percent:.{1 if percent < 0.95 else 0}f} % less"
    return text if differs else f"{text}, not statistically significant"


def unsaid(ranked: Sequence[Capacity], most: int) -> Iterator[str]:
    """What keeps an answer from being as good as was asked for."""
    for one in ranked:
        for own in _own_unsaid(one, most):
            yield f"{_named(one, ranked)}: {own[0].lower()}{own[1:]}" if len(ranked) > 1 else own


def _own_unsaid(one: Capacity, most: int) -> Iterator[str]:
    limits = "all limits" if "," in one.limits else "the limit"
    if one.verdict == "not confirmed":
        tried = [trial for trial in one.trials if trial.confirming]
        rates = ", ".join(f"{rate(trial.rate)}/s" for trial in tried)
        if tried:
            yield f"{_runs(len(tried))} at {rates} did not keep {limits}, so it may be lower."
        else:
            yield "It has not been confirmed by a longer run."
    failed = [trial for trial in one.trials if trial.confirming and not trial.kept]
    if one.confirmed and failed:
        rates = ", ".join(f"{rate(trial.rate)}/s" for trial in failed)
        yield f"{_runs(len(failed))} at {rates} did not keep {limits}, before one did."
    if one.rate is not None and one.closed_loop_per_s is not None and (one.rate.low or 0.0) > one.closed_loop_per_s:
        yield (
            f"It is above the {rate(one.closed_loop_per_s)}/s of the closed loop, so the machine was not the same "
            "throughout: run it again."
        )
    if one.verdict == "too noisy" and one.half_width_percent is not None:
        yield (
            f"The interval is ±{one.half_width_percent:.1f} %, wider than was asked for: trials differ too much, and "
            f"{most} of them are the most; raise --repetitions or -t, or keep other load off the machine."
        )
    if one.disturbed:
        verb = "was" if one.disturbed == 1 else "were"
        yield (
            f"{one.disturbed} of {len(one.trials)} trials at rates {verb} disturbed by what has nothing to do with the "
            f"rate; {'it counts' if one.disturbed == 1 else 'they count'} less."
        )


def _runs(number: int) -> str:
    return "A longer run" if number == 1 else "Longer runs"


def _without_rate(one: Capacity, ranked: Sequence[Capacity]) -> str:
    """A sentence about a setting of which no rate is known."""
    whose = f", with {_named(one, ranked)}" if len(ranked) > 1 else ""
    if one.verdict == "unreachable":
        limit = _limit(parse_objectives(one.slo)[0])
        why = "" if one.least_ms is None else f"; it takes {milliseconds(one.least_ms)} at the least"
        return f"No rate keeps {limit}{whose}{why}."
    if one.verdict == "too short" and one.needed_s is not None:
        where = "that keep the limit" if one.trials else f"of up to {rate(one.closed_loop_per_s or 0.0)}/s"
        return (
            f"Trials are too short to show {_rarest(one.limits)}{whose}: at rates {where} that takes "
            f"{duration(one.needed_s)} each; give -t {_seconds(one.needed_s)} or more, or a lower percentile."
        )
    if one.verdict == "not measured":
        return f"Inconclusive{whose}: its trials failed."
    closed = "" if not one.closed_loop_per_s else f"; back to back it does {rate(one.closed_loop_per_s)}/s"
    return f"Inconclusive so far{whose}: no rate has been tried yet{closed}."


def _seconds(needed_s: float) -> str:
    """A round number that is enough, also where the next closed loop is a little slower."""
    return f"{5 * -(-needed_s * 1.1 // 5):.0f}"


def so_far(ranked: Sequence[Capacity]) -> str:
    """While the search goes on, in a few words."""
    best = next(iter(ranked), None)
    if best is None:
        return ""
    if best.rate is None:
        return "" if not best.closed_loop_per_s else f"{rate(best.closed_loop_per_s)}/s back to back"
    return f"{with_span(best.rate, '/s')}{f' with {cut_of(best)}' if len(ranked) > 1 else ''}"


def with_span(figure: Estimate, unit: str = " requests/s") -> str:
    """Such as `412.0 requests/s (395.2 to 428.1)`."""
    span = "" if figure.low is None or figure.high is None else f" ({rate(figure.low)} to {rate(figure.high)})"
    return f"{rate(figure.value)}{unit}{span}"


def limits_of(one: Capacity) -> str:
    """Such as `p99 within 20 ms and p50 within 5 ms`."""
    return " and ".join(map(_limit, parse_objectives(one.limits)))


def _limit(objective: Objective) -> str:
    return f"{_percentile(str(objective))} within {objective.limit_ms:g} ms"


def _percentile(slo: str) -> str:
    return slo.partition(":")[0]


def _rarest(slo: str) -> str:
    return _percentile(str(max(parse_objectives(slo), key=lambda one: one.percent or 0.0)))


def _named(one: Capacity, ranked: Sequence[Capacity]) -> str:
    return cut_of(one) or "the one setting"


def cut_of(one: Capacity) -> str:
    """What the setting is: how the cores are cut where that is all that varies, else its flags."""
    name = name_of(one.point)
    if one.in_effect is None or not set(one.point) <= _OF_A_CUT:
        return name
    return _cut_words(one.in_effect)


def _cut_words(found: InEffect) -> str:
    """Such as `4 agents of 2 CPUs with 1 stream each`."""
    agents = _number(found.agents, "agent")
    each = " each" if found.agents > 1 else ""
    return f"{agents} of {_number(found.cpus, 'CPU')} with {_number(found.streams, 'stream')}{each}"


def _number(number: int | None, of: str) -> str:
    return f"unequal {of}s" if number is None else f"{number} {of}{'' if number == 1 else 's'}"
