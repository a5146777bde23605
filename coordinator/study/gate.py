"""Whether B passes against A, or each release against the first: the conditions of `--fail-if`, judged by the ratios of
a study. Pure.

A verdict (`slower`) is that of the study on the figure it is about. A limit (`fps < -3%`) is on the change of B from A:
it comes true where the change is beyond it, and noise alone is not the reason: the interval of the ratio leaves out 1,
unless no change at all would be beyond the limit, too (`fps < +3%`). Where several models are judged, and their
geometric mean, each of these n has an nth of the doubt (Bonferroni), so that more models do not make more false alarms.

What cannot be judged fails, as a gate must not pass for want of knowledge.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Annotated, Final, Literal, get_args

from msgspec import Meta, Struct

from ovbench.common.errors import UsageError
from ovbench.common.spelling import did_you_mean

from ..request.requirement import Requirement, compare, parse_requirement
from ..stats.estimate import bound
from ..stats.student import t_within
from .ratio import LEAST_BLOCKS, Ratio

Word = Literal["slower", "faster", "inconclusive"]
WORDS: Final[tuple[Word, ...]] = get_args(Word)
_WORD_OF: Final = {word: word for word in WORDS}

RATIO_OF: Final = {
    "fps": "throughput",
    **{f"{name}_ms": name for name in ("median", "mean", "p90", "p95", "p99", "p99_9", "max")},
}
"""The figures that both sides have in every trial, by what their ratios are called."""

GateState = Literal["passed", "failed", "unknown"]


@dataclass(frozen=True)
class Condition:
    """A verdict, or a limit on the change of a figure in percent; one of them."""

    text: str
    word: Word | None = None
    limit: Requirement | None = None

    @property
    def ratio(self) -> str:
        """The ratio that it is judged by; empty for that of the verdict."""
        return "" if self.limit is None else RATIO_OF[self.limit.figure]


class Judged(Struct, frozen=True):
    """A condition, judged on one case or on all. `unknown` fails, too."""

    condition: str
    of: Annotated[str, Meta(description="the case, such as `-m a.xml`; empty: all, of several their geometric mean")]
    side: Annotated[str, Meta(description="the setting that is compared; empty where there are only A and B")]
    figure: str
    state: GateState
    change_percent: Annotated[float | None, Meta(description="of B from A")]
    low_percent: Annotated[float | None, Meta(description="of the interval that it was judged by")]
    high_percent: float | None
    confidence_percent: float
    why: Annotated[str, Meta(description="where the state needs one, in words")] = ""

    @property
    def fails(self) -> bool:
        return self.state != "passed"


def parse_word(flag: str, text: str) -> Word | None:
    """None where it is none, but may be a limit. Raises UsageError, one sentence."""
    word: Word | None = _WORD_OF.get(text.strip())  # type: ignore[call-overload]
    if word is None and text.strip().isalpha():
        hint = did_you_mean(text.strip(), WORDS) or f"; there are {', '.join(WORDS)}, or a limit as in 'fps < -3%'"
        raise UsageError(f"{flag} '{text}': this is no verdict{hint}")
    return word


def parse_condition(flag: str, text: str) -> Condition:
    """Raises UsageError, one sentence."""
    word = parse_word(flag, text)
    if word is not None:
        return Condition(word, word)
    limit = parse_requirement(flag, text, relative=True)
    if limit.kind != "percent":
        raise UsageError(
            f"{flag} '{text}': B is judged by its change from A, so give a percentage with a sign, as in 'fps < -3%'; "
            "--require on a run takes a number as it is"
        )
    if limit.figure not in RATIO_OF:
        raise UsageError(f"{flag} '{text}': A and B are compared by {', '.join(RATIO_OF)} only")
    return Condition(limit.text, limit=limit)


def conditions(texts: Sequence[str]) -> tuple[Condition, ...]:
    """Of texts that were taken before."""
    return tuple(parse_condition("--fail-if", text) for text in texts)


def judged(conditions: Sequence[Condition], comparisons: Sequence[Ratio]) -> tuple[Judged, ...]:
    """Each condition, of each setting that is compared, on each case, then on all. `comparisons`: of each case the
    verdict's ratio comes first."""
    cases = list(dict.fromkeys((ratio.side, ratio.of) for ratio in comparisons)) or [("", "")]
    sides = list(dict.fromkeys(side for side, _ in cases))
    cases.sort(key=lambda case: (sides.index(case[0]), case[1] == ""))
    return tuple(
        _judged(condition, case, [ratio for ratio in comparisons if (ratio.side, ratio.of) == case], len(cases))
        for condition in conditions
        for case in cases
    )


def _judged(condition: Condition, case: tuple[str, str], ratios: Sequence[Ratio], parts: int) -> Judged:
    side, of = case
    found = next((ratio for ratio in ratios if condition.ratio in ("", ratio.figure)), None)
    if found is None:
        return Judged(condition.text, of, side, condition.ratio, "unknown", None, None, None, 0.0, "no ratio is known")
    confidence = 1 - (1 - found.confidence_percent / 100) / parts
    low, high = _interval(found, confidence)
    state, why = _state(condition, found, low, high)
    return Judged(
        condition.text,
        of,
        side,
        found.figure,
        state,
        _percent(found.ratio),
        _percent(low),
        _percent(high),
        100 * confidence,
        why,
    )


def _percent(ratio: float | None) -> float | None:
    return None if ratio is None else 100 * (ratio - 1)


def _interval(found: Ratio, confidence: float) -> tuple[float | None, float | None]:
    """Of the ratio, by the scatter of its blocks, which it was itself made by."""
    if found.ratio is None or found.scatter_percent is None or found.blocks < 2:
        return None, None
    middle = log(found.ratio)
    half = t_within(found.blocks - 1, confidence) * found.scatter_percent / 100 / sqrt(found.blocks)
    return exp(middle - half), bound(middle + half)


def _state(condition: Condition, found: Ratio, low: float | None, high: float | None) -> tuple[GateState, str]:
    same = found.verdict == "same run"
    if found.ratio is None and not same:
        return "unknown", "it is not known of both sides"
    if found.blocks < LEAST_BLOCKS and not same:
        blocks = "1 block is" if found.blocks == 1 else f"{found.blocks} blocks are"
        return "unknown", f"{blocks} too few for a verdict, which needs {LEAST_BLOCKS}"
    significant = not same and low is not None and (low > 1 or (high is not None and high < 1))
    if condition.limit is None:
        return _of_word(condition, found, significant)
    change = 0.0 if same or found.ratio is None else 100 * (found.ratio - 1)
    limit = condition.limit
    if not compare(change, limit.operator, limit.number):
        return "passed", ""
    if significant or compare(0.0, limit.operator, limit.number):
        return "failed", ""
    return "passed", "beyond the limit, but noise alone may be the reason"


def _of_word(condition: Condition, found: Ratio, significant: bool) -> tuple[GateState, str]:
    """`significant`: also where several are judged."""
    verdict = found.verdict
    if verdict in ("faster", "slower") and not significant:
        verdict = "inconclusive"
    if verdict == condition.word:
        return "failed", ""
    return "passed", "inconclusive" if verdict == "inconclusive" else ""


def words_of(one: Judged, of_several: bool = False) -> str:
    """Such as `fps < -3%, -m a.xml: B has 4.1 % less throughput (-5.9 to -2.3 %)`. `of_several`: others are of one
    case each."""
    unnamed = one.side if one.change_percent is None else ""
    parts = filter(None, (unnamed, one.of or ("geometric mean" if of_several else "")))
    where = "".join(f", {part}" for part in parts)
    said = [part for part in (_change(one), one.why) if part]
    return f"{one.condition}{where}: {'; '.join(said)}"


def gate_words(one: Judged, of_several: bool) -> str:
    """With what `unknown` means."""
    words = words_of(one, of_several)
    return f"cannot be judged: {words}" if one.state == "unknown" else words


def _change(one: Judged) -> str:
    if one.change_percent is None:
        return ""
    less, more = ("less", "more") if one.figure == "throughput" else ("shorter", "longer")
    what = "throughput" if one.figure == "throughput" else f"{one.figure} latency"
    text = f"{one.side or 'B'} has {abs(one.change_percent):.1f} % {less if one.change_percent < 0 else more} {what}"
    if one.low_percent is None or one.high_percent is None:
        return text
    return f"{text} ({one.low_percent:+.1f} to {one.high_percent:+.1f} %)"
