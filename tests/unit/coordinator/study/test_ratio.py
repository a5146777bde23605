"""A against B: by hand, and how often it is right in simulated studies on a machine that drifts."""

from math import exp, log, sqrt
from typing import Literal

import msgspec
import numpy as np
import pytest
from msgspec import structs

from ovbench.coordinator.stats.student import t_quantile
from ovbench.coordinator.study.answer import Answer, answer_json
from ovbench.coordinator.study.kinds.cards import AB_BLOCKS
from ovbench.coordinator.study.ratio import Ratio, ratio_of
from tests.studies import answer, outcome, outcomes, settings_of, study

Drift = Literal["none", "steady", "walk", "swing"]
Blocks = list[tuple[list[float], list[float]]]
STUDIES = 500


def simulated(draw: np.random.Generator, ratio: float, drift: Drift, noise: float = 0.03) -> Blocks:
    """ABBA or BAAB, `AB_BLOCKS` of them; the machine's speed changes from trial to trial."""
    number = 4 * AB_BLOCKS
    time = np.arange(number) / number
    speed = {
        "none": np.zeros(number),
        "steady": -0.1 * time,
        "walk": np.cumsum(0.005 * draw.standard_normal(number)),
        "swing": 0.03 * np.sin(6 * np.pi * time + draw.uniform(0, 6)),
    }[drift]
    values = 1000 * np.exp(speed) * (1 + noise * draw.standard_normal(number))
    blocks: Blocks = []
    for block in values.reshape(AB_BLOCKS, 4):
        outer, inner = [float(block[0]), float(block[3])], [float(block[1]), float(block[2])]
        a, b = (outer, inner) if draw.random() < 0.5 else (inner, outer)
        blocks.append((a, [ratio * value for value in b]))
    return blocks


def verdicts(ratio: float, drift: Drift, noise: float = 0.03) -> list[Ratio]:
    draw = np.random.default_rng(2026)
    return [ratio_of("throughput", simulated(draw, ratio, drift, noise)) for _ in range(STUDIES)]


@pytest.mark.parametrize("drift", ["none", "steady", "walk", "swing"])
def test_a_against_itself_is_called_different_in_2_of_100_studies(drift: Drift) -> None:
    """Reached with this seed: 2.0 % of 500; with another, 2.5 % of 2000."""
    different = [found.verdict in ("faster", "slower") for found in verdicts(1.0, drift)]
    assert np.mean(different) <= 0.035


@pytest.mark.parametrize("drift", ["none", "steady", "walk", "swing"])
def test_a_slowdown_of_5_percent_is_found_in_95_of_100_studies(drift: Drift) -> None:
    """A service time that is 5 % longer, at 3 % noise. Reached with this seed: 97.4 to 97.6 %, by drift."""
    assert np.mean([found.verdict == "slower" for found in verdicts(1 / 1.05, drift)]) >= 0.95


def test_intervals_hold_the_ratio_in_98_of_100_studies() -> None:
    held = [found.low is not None and found.high is not None and found.low <= 0.97 <= found.high
            for found in verdicts(0.97, "walk")]  # fmt: skip
    assert 0.97 <= np.mean(held) <= 0.99


def test_equal_settings_with_little_noise_are_no_difference() -> None:
    found = [found.verdict for found in verdicts(1.0, "steady", noise=0.01)]
    assert found.count("no difference") >= 0.95 * STUDIES


def test_a_drift_that_is_steady_within_a_block_cancels() -> None:
    blocks: Blocks = []
    for block in range(5):
        first = 1000.0 * 0.97**block
        blocks.append(([first, first * 0.97**0.75], [first * 0.97**0.25 * 1.1, first * 0.97**0.5 * 1.1]))
    found = ratio_of("throughput", blocks)
    assert found.ratio == pytest.approx(1.1)
    assert found.scatter_percent == pytest.approx(0.0, abs=1e-9)


def test_ratio_and_interval_are_those_computed_by_hand() -> None:
    found = ratio_of("throughput", [([100.0], [90.0]), ([100.0], [92.0]), ([100.0], [94.0])])
    logs = np.log([0.90, 0.92, 0.94])
    half = 6.96455673428 * logs.std(ddof=1) / sqrt(3)  # t of 99 % with two degrees of freedom
    assert found.ratio == pytest.approx(exp(logs.mean()))
    assert found.low == pytest.approx(exp(logs.mean() - half))
    assert found.high == pytest.approx(exp(logs.mean() + half))
    assert (found.blocks, found.confidence_percent) == (3, 98.0)


EVEN = ([100.0], [100.0])
CASES: list[tuple[Blocks, str]] = [
    ([([100.0], [90.0 + 0.1 * n]) for n in range(5)], "slower"),
    ([([100.0], [110.0 + 0.1 * n]) for n in range(5)], "faster"),
    ([([100.0], [100.0 + 0.1 * n]) for n in range(5)], "no difference"),
    ([([100.0], [100.5 + 0.01 * n]) for n in range(5)], "no difference"),
    ([([100.0], [80.0]), ([100.0], [130.0]), ([100.0], [100.0])], "inconclusive"),
    ([EVEN, EVEN], "inconclusive"),
    ([], "inconclusive"),
    ([([100.0], []), ([], [100.0])], "inconclusive"),
]


@pytest.mark.parametrize(("blocks", "verdict"), CASES)
def test_the_verdict_is_on_b(blocks: Blocks, verdict: str) -> None:
    assert ratio_of("throughput", blocks).verdict == verdict


def test_less_latency_is_faster() -> None:
    blocks: Blocks = [([5.0], [4.0 + 0.01 * n]) for n in range(5)]
    assert ratio_of("p99", blocks, more_is_faster=False).verdict == "faster"
    assert ratio_of("p99", [(b, a) for a, b in blocks], more_is_faster=False).verdict == "slower"


def test_of_equal_settings_one_of_three_figures_is_called_different_in_6_of_100_studies_at_most() -> None:
    """Figures that have nothing to do with each other are the worst case: 1 - 0.98^3 = 5.9 %. Of 8000: 5.5 %."""
    draw = np.random.default_rng(2026)
    different = [
        any(ratio_of("p99", simulated(draw, 1.0, "walk")).verdict in ("faster", "slower") for _ in range(3))
        for _ in range(2 * STUDIES)
    ]
    assert np.mean(different) <= 0.07


def test_as_many_blocks_as_are_said_to_be_needed_are_enough() -> None:
    """The same ratios again and again: the mean stays, and the scatter nearly."""
    some: Blocks = [([100.0], [100.0 * exp(x)]) for x in (-0.03, 0.02, 0.05, -0.04, 0.03, -0.02)]
    found = ratio_of("throughput", some)
    assert found.verdict == "inconclusive"
    assert found.blocks_needed is not None
    times = -(-found.blocks_needed // len(some))
    assert ratio_of("throughput", some * (times + 1)).verdict != "inconclusive"
    assert ratio_of("throughput", some * max(1, times // 2)).verdict == "inconclusive"


@pytest.mark.parametrize("size_percent", [0.5, 1.0, 3.0])
def test_the_blocks_needed_for_a_size_are_those_at_which_the_interval_lies_within_it(size_percent: float) -> None:
    """Pairs of opposite ratios: the mean stays 1, and t s / sqrt(n) is known for any number of blocks."""
    blocks: Blocks = [([100.0], [100.0 * exp(x)]) for x in (-0.06, 0.06, 0.02, -0.02)]
    needed = ratio_of("throughput", blocks, size_percent=size_percent).blocks_needed
    assert needed is not None
    scatter = sqrt(sum(x * x for x in (-0.06, 0.06, 0.02, -0.02)) / 3)
    enough = [t_quantile(0.99, n - 1) * scatter / sqrt(n) < log(1 + size_percent / 100) for n in (needed - 1, needed)]
    assert enough == [False, True]
    assert ratio_of("throughput", blocks * (needed // 4 + 1), size_percent=size_percent).verdict == "no difference"


def test_scatter_beyond_any_number_of_blocks_is_reported() -> None:
    wild: Blocks = [([1.0], [ratio]) for ratio in (1e-4, 1e4, 1.01, 0.99)]
    assert ratio_of("throughput", wild).blocks_needed is None


def test_the_trials_of_a_repetition_are_a_block() -> None:
    planned = study({"side": ("A", "B")}, "ab", 4)
    done = outcomes(planned, lambda p: 100.0 if p["side"] == "A" else 80.0, lambda p: 2.0)
    throughput, median, p99 = answer(planned, done).comparisons
    assert (throughput.figure, throughput.blocks, throughput.verdict) == ("throughput", 4, "slower")
    assert throughput.ratio == pytest.approx(0.8)
    assert [median.verdict, p99.verdict] == ["no difference", "no difference"]


@pytest.mark.parametrize("seed", range(8))
def test_figures_and_verdict_are_of_one_estimator_whatever_the_trials_scatter(seed: int) -> None:
    """Arithmetic means of trials that scatter by 60 % contradict the mean log ratio in some of these studies."""
    draw = np.random.default_rng(seed)
    planned = study({"side": ("A", "B")}, "ab", 6)
    done = [outcome(trial, exp(0.6 * draw.standard_normal()), exp(draw.standard_normal())) for trial in planned.trials]
    done[3] = structs.replace(done[3], status="INVALID")
    done[4:8] = [structs.replace(o, status="PARTIAL") if o.point == done[4].point else o for o in done[4:8]]
    a, b = settings_of(planned, done)
    throughput, median, p99 = answer(planned, done).comparisons
    for found, one, two in ((throughput, a.fps, b.fps), (median, a.median_ms, b.median_ms), (p99, a.p99_ms, b.p99_ms)):
        assert one is not None
        assert two is not None
        assert found.ratio == pytest.approx(two.value / one.value)
        assert one.count == found.blocks == 5
    assert not {trial.id for trial in planned.trials[4:8]} & {*a.used, *b.used}


def test_a_trial_that_is_not_valid_is_in_no_block() -> None:
    planned = study({"side": ("A", "B")}, "ab", 4)
    done = outcomes(planned, lambda p: 100.0, lambda p: 2.0)
    done[0] = outcome(planned.trials[0], 1.0, 500.0, status="INVALID")
    found = answer(planned, done).comparisons[0]
    assert found.ratio == pytest.approx(1.0)
    assert found.scatter_percent == pytest.approx(0.0, abs=1e-9)


def test_the_log_of_the_size_is_what_the_interval_lies_within() -> None:
    inside: Blocks = [([100.0], [100.0 * exp(0.99 * log(1.02))])] * 3
    outside: Blocks = [([100.0], [100.0 * exp(1.01 * log(1.02))])] * 3
    assert ratio_of("throughput", inside).verdict == "no difference"
    assert ratio_of("throughput", outside).verdict == "faster"


def test_the_size_of_a_study_is_that_of_its_verdicts() -> None:
    planned = structs.replace(study({"side": ("A", "B")}, "ab", 4), size_percent=5.0)
    done = outcomes(planned, lambda p: 100.0 if p["side"] == "A" else 96.0, lambda p: 2.0)
    found = list(answer(planned, done).comparisons)
    assert [one.size_percent for one in found] == [5.0, 5.0, 5.0]
    assert found[0].verdict == "no difference"
    smaller = structs.replace(planned, size_percent=4.0)
    assert answer(smaller, done).comparisons[0].verdict == "slower"


def test_an_answer_saved_before_inconclusive_had_its_name_is_read_as_one_of_today() -> None:
    planned = study({"-api": ("sync", "async")}, "ab", 2)
    found = answer(planned, outcomes(planned, lambda p: 390.0, lambda p: 2.0, noise=0.03))
    assert found.comparisons[0].verdict == "inconclusive"
    saved = answer_json(found).replace(b'"inconclusive"', b'"cannot tell"')
    assert saved != answer_json(found)
    assert msgspec.json.decode(saved, type=Answer) == found
