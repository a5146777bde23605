"""The conditions of --fail-if on A against B: what comes true, what noise may be the reason of, what is not known."""

from math import exp, log, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.coordinator.result.study import Point
from ovbench.coordinator.stats.student import t_within
from ovbench.coordinator.study.gate import Judged, conditions, judged, parse_condition, words_of
from ovbench.coordinator.study.kinds.failif import check_conditions
from ovbench.coordinator.study.kinds.registry import KINDS
from ovbench.coordinator.study.ratio import Ratio, ratio_of
from tests.studies import answer, outcome, outcomes, study


def ratio(figure: str, logs: list[float], **more: object) -> Ratio:
    """Of blocks whose log ratios are these."""
    found = ratio_of(figure, [([1.0], [exp(one)]) for one in logs], more_is_faster=figure == "throughput")
    return structs.replace(found, **more)


def of(text: str, *ratios: Ratio) -> Judged:
    (found,) = judged(conditions([text]), ratios)
    return found


SLOWER = ratio("throughput", [-0.05, -0.06, -0.04, -0.05])
NOISE = ratio("throughput", [-0.15, 0.05, -0.1, 0.02])
ALIKE = ratio("throughput", [0.001, -0.001, 0.002, -0.002])
FASTER = ratio("throughput", [0.05, 0.06, 0.04, 0.05])


@pytest.mark.parametrize(
    ("text", "found", "state"),
    [
        ("slower", SLOWER, "failed"),
        ("slower", NOISE, "passed"),
        ("slower", ALIKE, "passed"),
        ("slower", FASTER, "passed"),
        ("faster", FASTER, "failed"),
        ("inconclusive", NOISE, "failed"),
        ("inconclusive", ALIKE, "passed"),
        ("fps < -3%", SLOWER, "failed"),
        ("fps < -6%", SLOWER, "passed"),
        ("fps < -3%", NOISE, "passed"),
        ("fps > +3%", FASTER, "failed"),
        ("fps < +3%", FASTER, "passed"),
        ("fps < +3%", ALIKE, "failed"),
        ("fps < +3%", NOISE, "failed"),
    ],
)
def test_a_condition_comes_true_beyond_its_limit_and_beyond_noise(text: str, found: Ratio, state: str) -> None:
    """But where no change at all would be beyond the limit, noise is no excuse."""
    assert of(text, found).state == state


def test_what_only_noise_may_be_the_reason_of_is_said() -> None:
    assert of("fps < -3%", NOISE).why == "beyond the limit, but noise alone may be the reason"
    assert of("slower", NOISE).why == "inconclusive"


def test_the_interval_is_that_of_the_ratio() -> None:
    found = of("fps < -3%", SLOWER)
    half = t_within(3, 0.98) * sqrt(2 / 3) * 0.01 / 2
    assert found.change_percent == pytest.approx(100 * (exp(-0.05) - 1))
    assert found.low_percent == pytest.approx(100 * (exp(-0.05 - half) - 1))
    assert found.high_percent == pytest.approx(100 * (exp(-0.05 + half) - 1))
    assert SLOWER.low is not None
    assert found.low_percent == pytest.approx(100 * (SLOWER.low - 1))


def test_a_latency_is_judged_by_its_own_ratio() -> None:
    longer = ratio("p99", [0.1, 0.11, 0.09, 0.1])
    assert of("p99 > +5%", ALIKE, longer).state == "failed"
    assert of("p99_ms > +15%", ALIKE, longer).state == "passed"
    assert of("slower", ALIKE, longer).figure == "throughput", "the verdict's comes first"


@pytest.mark.parametrize(
    ("ratios", "why"),
    [
        ([], "no ratio is known"),
        ([ratio("throughput", [])], "it is not known of both sides"),
        ([ratio("throughput", [-0.1, -0.1])], "2 blocks are too few for a verdict, which needs 3"),
        ([ratio("throughput", [-0.1])], "1 block is too few for a verdict, which needs 3"),
    ],
)
def test_what_cannot_be_judged_fails(ratios: list[Ratio], why: str) -> None:
    (found,) = judged(conditions(["slower"]), ratios)
    assert (found.state, found.why, found.fails) == ("unknown", why, True)
    (limit,) = judged(conditions(["fps < -3%"]), ratios)
    assert limit.state == "unknown"


def test_sides_that_were_the_same_run_have_no_change() -> None:
    same = structs.replace(SLOWER, verdict="same run")
    assert of("slower", same).state == "passed"
    assert of("fps < -3%", same).state == "passed"
    assert of("fps < +3%", same).state == "failed"


def test_several_models_share_the_doubt_and_all_of_them_are_judged_last() -> None:
    every = [structs.replace(SLOWER, of=case) for case in ("", "-m a.xml", "-m b.xml")]
    found = judged(conditions(["slower"]), every)
    assert [one.of for one in found] == ["-m a.xml", "-m b.xml", ""]
    assert [one.confidence_percent for one in found] == pytest.approx([100 - 2 / 3] * 3)
    half = t_within(3, 1 - 0.02 / 3) * sqrt(2 / 3) * 0.01 / 2
    assert [one.high_percent for one in found] == pytest.approx([100 * (exp(-0.05 + half) - 1)] * 3)


def test_what_one_model_alone_would_call_slower_is_inconclusive_among_many() -> None:
    logs = [-0.05, -0.07, -0.03, -0.05]
    assert of("slower", ratio("throughput", logs)).state == "failed"
    many = [structs.replace(ratio("throughput", logs), of=f"-m {n}.xml") for n in range(20)]
    assert {one.state for one in judged(conditions(["slower"]), many)} == {"passed"}


def test_equal_sides_rarely_fail_and_a_slowdown_of_five_percent_rarely_passes() -> None:
    """10 blocks of 3 % noise a trial: a block's log ratio scatters by 3 %. The false alarms are half of the 2 %."""
    draw = np.random.default_rng(7)
    condition = conditions(["fps < -1%"])

    def failed(mean: float, runs: int) -> int:
        blocks = draw.normal(mean, 0.03, (runs, 10))
        return sum(judged(condition, [ratio("throughput", list(logs))])[0].fails for logs in blocks)

    runs = 1000
    most = NormalDist(0.01 * runs, sqrt(0.01 * 0.99 * runs)).inv_cdf(0.9999)
    assert failed(0.0, runs) <= most
    assert failed(log(0.95), runs) >= 0.95 * runs


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=12), st.sampled_from(["slower", "faster", "inconclusive"]))
def test_a_word_agrees_with_the_verdict_on_one_model(logs: list[float], word: str) -> None:
    found = ratio("throughput", logs)
    assert of(word, found).fails is (found.verdict == word)


def planned(*fail_if: str, blocks: int = 10):  # type: ignore[no-untyped-def]
    return structs.replace(study({"side": ("A", "B")}, "ab", blocks), fail_if=fail_if)


def test_the_answer_of_a_study_has_its_conditions_judged() -> None:
    def fps(point: Point) -> float:
        return 100.0 if point["side"] == "A" else 95.0

    of_study = planned("slower", "fps < -3%", "p95 > +5%")
    found = answer(of_study, outcomes(of_study, fps, lambda point: 5.0, noise=0.01, seed=3))
    assert [(one.condition, one.state) for one in found.gate] == [
        ("slower", "failed"),
        ("fps < -3%", "failed"),
        ("p95 > +5%", "unknown"),
    ]
    assert [found.comparisons[0].ratio] == [1 + (one.change_percent or 0) / 100 for one in found.gate[:1]]
    assert answer(planned(), []).gate == ()


@pytest.mark.parametrize("side", ["A", "B"])
def test_a_limit_on_throughput_is_refused_where_either_side_is_at_a_rate(side: str) -> None:
    whole = planned(blocks=3)
    rated = structs.replace(
        whole,
        trials=tuple(
            structs.replace(one, argv=(*one.argv, "--rate", "50")) if one.point["side"] == side else one
            for one in whole.trials
        ),
    )
    with pytest.raises(UsageError, match=r"'fps < -3%': at a rate \(--rate\) throughput is what was offered"):
        check_conditions(("p99 > +5%", "fps < -3%"), rated)
    with pytest.raises(UsageError, match="limit a latency"):
        KINDS["ab"].planned(rated, {"fail_if": ["fps < -3%"]})
    check_conditions(("p99 > +5%", "slower"), rated)
    check_conditions(("fps < -3%",), whole)
    with pytest.raises(UsageError, match="--repetitions 2 is too few"):
        check_conditions(("slower",), planned(blocks=2))


def test_a_figure_that_is_asked_for_is_compared_too() -> None:
    of_study = planned("p90 > +5%", blocks=3)
    done = [
        structs.replace(outcome(trial, 100.0), latency_ms={"median": 2.0, "p90": 3.0 + (trial.point["side"] == "B")})
        for trial in of_study.trials
    ]
    found = answer(of_study, done)
    assert [ratio.figure for ratio in found.comparisons] == ["throughput", "median", "p90"]
    assert [ratio.ratio for ratio in found.comparisons] == pytest.approx([1, 1, 4 / 3])
    assert found.gate[0].state == "failed"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("slowr", "'slowr': this is no verdict; did you mean slower?"),
        ("worse", "'worse': this is no verdict; there are slower, faster, inconclusive, or a limit as in 'fps < -3%'"),
        ("fps < 900", "give a percentage with a sign, as in 'fps < -3%'; --require on a run takes a number as it is"),
        ("p99 > +0.5", "give a percentage with a sign"),
        ("fps < 3%", "it needs a sign, as in +3%"),
        (
            "memory_mb > +5%",
            "A and B are compared by fps, median_ms, mean_ms, p90_ms, p95_ms, p99_ms, p99_9_ms, max",
        ),
        ("fsp < -3%", "there is no figure 'fsp'; did you mean fps?"),
    ],
)
def test_what_is_no_condition_is_refused_in_a_sentence(text: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_condition("--fail-if", text)
    assert told in str(error.value)
    assert str(error.value).startswith(f"--fail-if '{text}': ")


def test_in_words() -> None:
    assert words_of(of("fps < -3%", SLOWER)) == "fps < -3%: B has 4.9 % less throughput (-6.6 to -3.1 %)"
    longer = structs.replace(ratio("p99", [0.1, 0.11, 0.09, 0.1]), of="-m a.xml")
    assert words_of(of("p99 > +5%", longer)) == "p99 > +5%, -m a.xml: B has 10.5 % longer p99 latency (+8.5 to +12.6 %)"
    assert words_of(of("slower")) == "slower: no ratio is known"
    assert words_of(of("slower"), of_several=True) == "slower, geometric mean: no ratio is known"
