"""The search for the first slow build: how often it is right, and what it takes, on simulated builds."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from math import log, log2

import numpy as np
import pytest

from ovbench.coordinator.stats.changepoint import Block
from ovbench.coordinator.study.bisection import LEAST_BLOCKS, Bisection, Found

BUILDS = 8
STUDIES = 200


@dataclass
class Machine:
    """Whose speed changes between blocks and within them. `slow`: the first slow build."""

    draw: np.random.Generator
    slow: int | None
    step: float = log(1.05)
    noise: float = 0.03
    blocks: list[Block] = field(default_factory=list)
    trials: int = 0
    installed: set[int] = field(default_factory=set)

    def measure(self, builds: tuple[int, ...]) -> None:
        """A block, there and back."""
        level, drift = self.draw.normal(0, 0.05), self.draw.normal(0, 0.01)
        found: dict[int, list[float]] = {build: [] for build in builds}
        for place, build in enumerate((*builds, *reversed(builds))):
            slower = self.step if self.slow is not None and build >= self.slow else 0.0
            found[build].append(level + drift * place / 6 + slower + self.noise * self.draw.standard_normal())
        self.blocks.append({build: float(np.mean(two)) for build, two in found.items()})
        self.trials += 2 * len(builds)
        self.installed |= set(builds)


def searched(machine: Machine, builds: int = BUILDS, broken: Collection[int] = ()) -> Found:
    search = Bisection(builds, 2.0)
    while not isinstance(step := search.next(machine.blocks, broken), Found):
        machine.measure(step)
    return step


def test_where_there_is_no_slowdown_none_is_named_in_95_of_100() -> None:
    """Reached with this seed: 200 of 200, by 32 trials of two builds."""
    draw = np.random.default_rng(2026)
    machines = [Machine(draw, None) for _ in range(STUDIES)]
    found = Counter(searched(machine).what for machine in machines)
    assert found["none"] >= 0.95 * STUDIES
    assert np.mean([len(machine.installed) for machine in machines]) < 2.1
    assert np.mean([machine.trials for machine in machines]) <= 50


def test_the_build_that_is_5_percent_slower_is_named_in_95_of_100() -> None:
    """At 3 % noise a trial, wherever it is. Reached with this seed: 200 of 200, by 123 trials of 4.9 builds."""
    draw = np.random.default_rng(2026)
    machines = [Machine(draw, int(draw.integers(1, BUILDS))) for _ in range(STUDIES)]
    right = sum(searched(machine).first == machine.slow for machine in machines)
    assert right >= 0.95 * STUDIES, right
    assert np.mean([len(machine.installed) for machine in machines]) <= 2 + log2(BUILDS) + 0.1
    assert np.mean([machine.trials for machine in machines]) <= 140


@pytest.mark.parametrize("slow", range(1, BUILDS))
def test_on_a_quiet_machine_each_build_is_found_with_three_more_installed(slow: int) -> None:
    machine = Machine(np.random.default_rng(slow), slow, noise=0.003)
    found = searched(machine)
    assert (found.what, found.first, found.last_good) == ("first", slow, slow - 1)
    assert len(machine.installed) <= 2 + 3
    assert machine.trials <= 80


@pytest.mark.parametrize("times", [3, 10, 30])
def test_a_build_that_is_many_times_slower_is_found_in_a_few_blocks(times: float) -> None:
    draw = np.random.default_rng(2026)
    machines = [Machine(draw, int(draw.integers(1, BUILDS)), step=log(times)) for _ in range(STUDIES // 4)]
    assert [searched(machine).first for machine in machines] == [machine.slow for machine in machines]
    assert max(len(machine.blocks) for machine in machines) <= 9


@pytest.mark.parametrize("share", [0.6, 0.25])
def test_where_a_build_is_much_faster_none_is_slower_after_a_few_blocks(share: float) -> None:
    draw = np.random.default_rng(2026)
    machines = [Machine(draw, int(draw.integers(1, BUILDS)), step=log(share)) for _ in range(STUDIES // 4)]
    assert [searched(machine).what for machine in machines] == ["none"] * len(machines)
    assert max(len(machine.blocks) for machine in machines) <= 4


def test_no_other_build_is_wanted_before_the_bad_one_is_known_to_be_slow() -> None:
    search = Bisection(BUILDS, 2.0)
    assert search.next([]) == (0, BUILDS - 1)
    assert search.next([{0: 0.0, 7: 0.05}]) == (0, BUILDS - 1)
    even: Block = {0: 0.0, 7: 0.0}
    uneven: Block = {0: 0.0, 7: 0.12}
    assert search.next([even, uneven, even]) == (0, BUILDS - 1)
    assert search.next([{0: 0.0, 7: 0.05}] * 5) == (0, 3, BUILDS - 1)


def test_two_builds_need_nothing_between_them() -> None:
    machine = Machine(np.random.default_rng(1), 1, noise=0.003)
    found = searched(machine, builds=2)
    assert (found.what, found.first, found.last_good) == ("first", 1, 0)
    assert len(machine.blocks) <= LEAST_BLOCKS + 1


def test_builds_that_cannot_be_measured_are_passed_over_and_left_open() -> None:
    machine = Machine(np.random.default_rng(1), 4, noise=0.003)
    found = searched(machine, broken=(3, 4))
    assert not {3, 4} & machine.installed
    assert (found.what, found.first, found.last_good) == ("first", 5, 2)


def test_a_search_ends_with_its_last_block() -> None:
    wild: list[Block] = [{0: 0.0, 7: 0.3 * (-1) ** n} for n in range(6)]
    assert Bisection(BUILDS, 2.0, most_blocks=6).next(wild) == Found(
        "undecided", places=getattr(Bisection(BUILDS, 2.0, 6).next(wild), "places", None)
    )
    found = Bisection(BUILDS, 2.0, most_blocks=5).next([{0: 0.0, 7: 0.05}] * 5)
    assert isinstance(found, Found)
    assert (found.what, found.first, found.last_good) == ("undecided", 7, 0)


@pytest.mark.parametrize("blocks", range(LEAST_BLOCKS))
def test_a_search_ends_where_too_few_blocks_have_figures(blocks: int) -> None:
    some: list[Block] = [{0: 0.0, 7: 0.05}] * blocks
    assert Bisection(BUILDS, 2.0, most_blocks=blocks).next(some) == Found("undecided")
    assert Bisection(BUILDS, 2.0, most_blocks=blocks + 1).next(some) == (0, 7)


def test_a_build_that_seemed_decided_is_looked_at_again_where_later_blocks_speak_against_it() -> None:
    early: list[Block] = [*[{0: 0.0, 7: 0.05}] * 4, *[{0: 0.0, 3: 0.05, 7: 0.05}] * 3]
    search = Bisection(BUILDS, 2.0)
    assert search.next(early) == (0, 1, 7)
    later: list[Block] = [{0: 0.0, 3: 0.0, 7: 0.05}] * 2
    assert search.next([*early, *later]) == (0, 3, 7)
