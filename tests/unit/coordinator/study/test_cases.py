"""A against B in several cases, such as models: each compared by itself, and all by the geometric mean."""

from math import exp, log, sqrt
from statistics import fmean, stdev

import pytest
from msgspec import structs

from ovbench.common.topology import Topology
from ovbench.coordinator.result.study import Outcome, Point, Study
from ovbench.coordinator.stats.student import t_within
from ovbench.coordinator.study.axes import parse_axes
from ovbench.coordinator.study.design import Design
from ovbench.coordinator.study.kinds.registry import KINDS
from ovbench.coordinator.study.ratio import CONFIDENCE
from tests.studies import answer, outcome, outcomes, settings_of, study
from tests.studies import trials as trials_of

MODELS = ("a.xml", "b.xml")
NOWHERE = Topology(cpus=(), allowed=frozenset())
RATIOS = {"a.xml": 0.90, "b.xml": 0.98}


def planned(repetitions: int = 4) -> Study:
    """As `-m a.xml,b.xml` has it: of each model a block ABBA in each repetition."""
    made = designed("-m", ",".join(MODELS))
    one = study({"-m": MODELS, "side": ("A", "B")}, "ab", repetitions)
    return structs.replace(one, trials=trials_of(made, repetitions, 3))


def designed(*words: str, a: str = "-nstreams 1", b: str = "-nstreams 2") -> Design:
    return KINDS["ab"].design(parse_axes(words), NOWHERE, {"a": a, "b": b})


def fps(point: Point) -> float:
    return 1000.0 * (RATIOS[point["-m"]] if point["side"] == "B" else 1.0)


def test_each_case_has_both_sides_and_its_own_flags() -> None:
    made = designed("-m", "a.xml,b.xml", "-t", "2")
    assert made.points == (
        {"-m": "a.xml", "side": "A"}, {"-m": "a.xml", "side": "B"},
        {"-m": "b.xml", "side": "A"}, {"-m": "b.xml", "side": "B"},
    )  # fmt: skip
    assert made.argv(made.points[3]) == ("-t", "2", "-nstreams", "2", "-m", "b.xml")


def test_a_repetition_has_a_block_of_each_case_and_nothing_between() -> None:
    for first in range(0, 32, 4):
        block = [trial.point for trial in planned().trials[first : first + 4]]
        assert len({point["-m"] for point in block}) == 1
        assert "".join(point["side"] for point in block) in ("ABBA", "BAAB")
    cases = [trial.point["-m"] for trial in planned(10).trials[::4]]
    assert all(set(cases[two : two + 2]) == set(MODELS) for two in range(0, 20, 2))
    assert len({*zip(cases[::2], cases[1::2], strict=True)}) == 2, "the order of cases is mixed"


def test_the_first_comparison_is_the_geometric_mean_and_each_case_has_its_own() -> None:
    of = planned()
    found = answer(of, outcomes(of, fps, lambda point: 2.0))
    by = {(ratio.figure, ratio.of): ratio for ratio in found.comparisons}
    assert (found.comparisons[0].figure, found.comparisons[0].of) == ("throughput", "")
    assert by["throughput", ""].ratio == pytest.approx(sqrt(0.90 * 0.98))
    assert by["throughput", "-m a.xml"].ratio == pytest.approx(0.90)
    assert by["throughput", "-m b.xml"].ratio == pytest.approx(0.98)
    assert by["p99", ""].verdict == "no difference"
    assert found.headline.startswith("Over 2 cases, by the geometric mean: B")
    assert "-m a.xml: slower, B has 10.0 % less throughput" in "\n".join(found.lines)


def test_the_interval_of_the_mean_is_of_the_scatter_of_blocks_by_hand() -> None:
    """Cases of the same repetition may be disturbed together, so they are no repetitions of each other."""
    of = planned()
    scale = {trial.id: 1 + 0.01 * ((7 * number) % 5) for number, trial in enumerate(of.trials)}
    done = [outcome(trial, fps(trial.point) * scale[trial.id], 2.0) for trial in of.trials]
    logs = [fmean(_log(done, number, model) for model in MODELS) for number in range(4)]
    half = t_within(3, CONFIDENCE) * stdev(logs) / 2
    found = answer(of, done).comparisons[0]
    assert found.blocks == 4
    assert found.ratio == pytest.approx(exp(fmean(logs)))
    assert found.low == pytest.approx(exp(fmean(logs) - half))
    assert found.high == pytest.approx(exp(fmean(logs) + half))


def _log(done: list[Outcome], repetition: int, model: str) -> float:
    block = [one for one in done if one.repetition == repetition and one.point["-m"] == model]
    sides = [fmean(log(one.fps or 0) for one in block if one.point["side"] == side) for side in "AB"]
    return sides[1] - sides[0]


def test_a_block_without_one_of_the_cases_is_left_out_of_the_mean_alone() -> None:
    of = planned(5)
    done = [
        outcome(t, fps(t.point), 2.0, status="INVALID" if t.repetition == 2 and t.point["-m"] == "b.xml" else "VALID")
        for t in of.trials
    ]
    counts = {one.of: one.blocks for one in answer(of, done).comparisons if one.figure == "throughput"}
    assert counts == {"": 4, "-m a.xml": 5, "-m b.xml": 4}


def test_settings_come_in_pairs_and_a_block_that_is_suspect_is_run_again_alone() -> None:
    of = planned()
    done = outcomes(of, fps, lambda point: 2.0)
    assert [(s.point["-m"], s.point["side"]) for s in settings_of(of, done)] == [
        ("a.xml", "A"), ("a.xml", "B"), ("b.xml", "A"), ("b.xml", "B"),
    ]  # fmt: skip
    assert sorted(len(unit) for unit in KINDS["ab"].units(of)) == [4] * 8
