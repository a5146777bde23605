"""Scatter within and between starts of agents: by hand, and in simulated studies."""

from collections.abc import Iterator
from math import exp, log, sqrt

import numpy as np
import pytest
from msgspec import structs

from ovbench.coordinator.result.noise import NoiseFloor
from ovbench.coordinator.result.study import Outcome, Study
from ovbench.coordinator.study.kinds.cards import AB_BLOCKS
from ovbench.coordinator.study.kinds.registry import kind_of
from ovbench.coordinator.study.ratio import ratio_of
from ovbench.coordinator.study.starts import BlockOfTwo, Value, start_scatter
from tests.studies import answer, outcome, study

FLOOR = NoiseFloor(0.5, 6, "quiet", "2026-01-01T00:00:00Z", "builtin:mlp")


def block(a: tuple[tuple[float, int], ...], b: tuple[tuple[float, int], ...]) -> BlockOfTwo:
    sides = [[Value(exp(value), start) for value, start in side] for side in (a, b)]
    return sides[0], sides[1]


def test_the_components_are_those_computed_by_hand() -> None:
    """ABBA twice. B's trials share a start: within^2 = (0.02^2/2 + 0.04^2/2) / 2 = 0.0005. Log ratios 0.01 and 0.09, so
    their variance is 0.0032, of which within has 1 x 0.0005 and a start 3/2 of its own."""
    found = start_scatter([
        block(((0.00, 1), (0.00, 3)), ((0.00, 2), (0.02, 2))),
        block(((0.00, 4), (0.00, 6)), ((0.07, 5), (0.11, 5))),
    ])  # fmt: skip
    assert found is not None
    assert found.within == pytest.approx(sqrt(0.0005))
    assert found.between == pytest.approx(sqrt((0.0032 - 0.0005) / 1.5))
    assert found.per_block == 1.5


def test_sides_that_had_the_same_agents_have_nothing_of_a_start_between_them() -> None:
    found = start_scatter([
        block(((0.00, 1), (0.02, 1)), ((0.01, 1), (0.03, 1))), block(((0.5, 2), (0.5, 2)), ((0.5, 2), (0.52, 2)))
    ])  # fmt: skip
    assert found is not None
    assert found.between is None
    assert found.within > 0


def test_where_a_start_is_not_known_or_none_is_shared_nothing_is_said() -> None:
    one = block(((0.0, 1), (0.0, 3)), ((0.0, 2), (0.1, 2)))
    old: BlockOfTwo = ([Value(1.0, None)], [Value(1.0, None)])
    alone = block(((0.0, 1),), ((0.1, 2),))
    assert start_scatter([one]) is None
    assert start_scatter([one, old]) is None
    assert start_scatter([alone, alone]) is None


def simulated(draw: np.random.Generator, within: float, between: float, *, anew: bool) -> Iterator[BlockOfTwo]:
    """Equal sides in ABBA or BAAB. Not `anew`: the agents of a block's last trial stay where the next begins with the
    same side."""
    start, last, level = 0, "", 0.0
    for _ in range(AB_BLOCKS):
        values: dict[str, list[Value]] = {"A": [], "B": []}
        last = "" if anew else last
        for side in draw.choice(["ABBA", "BAAB"]):
            if side != last:
                start, last, level = start + 1, side, draw.normal(0, between)
            values[side].append(Value(exp(level + draw.normal(0, within)), start))
        yield values["A"], values["B"]


def test_what_trials_were_drawn_by_is_found() -> None:
    draw = np.random.default_rng(3)
    found = [start_scatter(simulated(draw, 0.004, 0.012, anew=True)) for _ in range(400)]
    within = np.mean([one.within**2 for one in found if one is not None])
    between = np.mean([(one.between or 0) ** 2 for one in found if one is not None])
    assert sqrt(within) == pytest.approx(0.004, rel=0.05)
    assert sqrt(between) == pytest.approx(0.012, rel=0.05)


def called_different(anew: bool, studies: int) -> float:
    draw, different = np.random.default_rng(4), 0
    for _ in range(studies):
        blocks = list(simulated(draw, 0.002, 0.02, anew=anew))
        found = ratio_of("throughput", [([v.value for v in a], [v.value for v in b]) for a, b in blocks])
        different += found.low is not None and found.high is not None and not found.low <= 1 <= found.high
    return different / studies


def test_blocks_that_share_no_start_call_equal_sides_different_in_2_of_100_studies() -> None:
    """Of 6000: 1.9 %, and 3.0 % where agents stay from one block to the next."""
    assert called_different(anew=True, studies=1500) <= 0.03


def test_agents_start_anew_with_each_block_of_a_kind_that_has_blocks() -> None:
    compared, swept = study({"side": ("A", "B")}, "ab", 2), study({"-nstreams": ("1", "2")})
    first, *_, last, following = compared.trials[:5]
    assert not kind_of(compared).anew(first, last)
    assert kind_of(compared).anew(last, following)
    assert not kind_of(swept).anew(swept.trials[1], swept.trials[2])


def ab(within: float, between: float, effect: float = 1.0, blocks: int = 10) -> tuple[Study, list[Outcome]]:
    """As the runner numbers starts: anew with each block and each change of sides."""
    of = study({"side": ("A", "B")}, "ab", blocks)
    draw, start, level, before, done = np.random.default_rng(5), 0, 0.0, None, []
    for trial in of.trials:
        if before is None or before.point != trial.point or kind_of(of).anew(before, trial):
            start, level = start + 1, draw.normal(0, between)
        side = effect if trial.point["side"] == "B" else 1.0
        fps = 100 * side * exp(level + draw.normal(0, within))
        done.append(structs.replace(outcome(trial, fps, 10.0), start=start))
        before = trial
    return of, done


def test_an_inconclusive_study_says_how_many_starts_are_needed() -> None:
    found = answer(*ab(0.001, 0.03, 1.01))
    verdict = found.comparisons[0]
    assert verdict.verdict == "inconclusive"
    assert verdict.blocks_needed is not None
    assert verdict.starts_needed == -(-verdict.blocks_needed * 3 // 2)
    text = " ".join(found.unsaid)
    assert (
        f"{2 * verdict.blocks_needed} trials of each setting, in {verdict.starts_needed} starts of its agents" in text
    )
    assert "longer trials would not replace them, as most of the scatter is from start to start" in text
    assert "Trials scatter by 0.1 % within a start of the agents, and by " in " ".join(found.lines)


def test_where_a_start_scatters_within_longer_trials_may_do() -> None:
    found = answer(*ab(0.03, 0.0))
    assert "longer trials may do with fewer" in " ".join(found.unsaid)


def test_as_many_starts_as_are_said_to_be_needed_are_enough() -> None:
    needed = answer(*ab(0.001, 0.03, 1.04, blocks=4)).comparisons[0].blocks_needed
    assert needed is not None
    assert answer(*ab(0.001, 0.03, 1.04, blocks=2 * needed)).comparisons[0].verdict == "faster"


def test_a_study_without_numbers_of_starts_says_nothing_of_them() -> None:
    of, done = ab(0.001, 0.03)
    found = answer(of, [structs.replace(one, start=None) for one in done])
    assert found.comparisons[0].within_percent is None
    assert "starts of its agents" not in " ".join(found.unsaid)


def test_a_study_on_a_calibrated_machine_says_which_differences_it_cannot_see() -> None:
    of, done = ab(0.001, 0.03)
    found = answer(structs.replace(of, noise=FLOOR), done)
    expected = FLOOR.over(10)
    assert (
        f"By the calibration of 2026-01-01, differences of throughput under {expected:.1f} % between settings of 10 "
        "starts each cannot be seen on this machine."
    ) in found.unsaid
    assert log(1 + expected / 100) == pytest.approx(2.5706 * 0.005 * sqrt(2 / 10), rel=1e-4)
    assert "calibrate" not in " ".join(answer(structs.replace(of, noise=FLOOR), done).unsaid).replace("calibration", "")


def test_a_study_that_has_seen_smaller_differences_itself_says_nothing_of_the_floor() -> None:
    of, done = ab(0.001, 0.001)
    floor = structs.replace(FLOOR, start_percent=5.0)
    assert not any("calibration of" in line for line in answer(structs.replace(of, noise=floor), done).unsaid)


def test_an_inconclusive_study_on_a_machine_that_was_never_calibrated_says_how_to() -> None:
    assert any("ovbench-coord calibrate" in line for line in answer(*ab(0.001, 0.03, 1.01)).unsaid)
    assert not any("ovbench-coord calibrate" in line for line in answer(*ab(0.001, 0.001)).unsaid)


def test_sides_that_share_their_agents_have_no_floor() -> None:
    of, done = ab(0.001, 0.03)
    shared = [structs.replace(one, start=1 + one.repetition) for one in done]
    assert not any("calibration of" in line for line in answer(structs.replace(of, noise=FLOOR), shared).unsaid)
