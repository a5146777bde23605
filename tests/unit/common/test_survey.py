"""When the neighbours and the sensors are read, by clocks that a test sets."""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import pytest

from ovbench.common.neighbours import Neighbours
from ovbench.common.sensors import Sensors
from ovbench.common.survey import AFTER_START_NS, MOST_NS, QUICK_NS, READINGS, SHARE, Cadence, Survey
from tests.builders import ms, seconds


@dataclass
class Bench:
    """A survey of nothing, each reading of which takes `cost_ns` of CPU time."""

    root: Path
    now_ns: int = 0
    spent_ns: int = 0
    cost_ns: int = ms(0.5)
    taken: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.root / "proc").mkdir()
        bench = self

        class Counting(Neighbours):
            def read(self, at_ns: int, ours: object = ()) -> None:
                bench.taken.append(at_ns)
                bench.spent_ns += bench.cost_ns

        neighbours = Counting(frozenset({0}), 1, self.root)
        self.survey = Survey(neighbours, Sensors((), self.root), lambda: self.now_ns, lambda: self.spent_ns)

    def until(self, end_ns: int, step_ns: int = ms(250)) -> list[int]:
        """Asked every quarter of a second, as a session does; when it read since."""
        before = len(self.taken)
        while self.now_ns < end_ns:
            self.now_ns += step_ns
            self.survey.tick(())
        return self.taken[before:]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_cheap_readings_come_every_second(bench: Bench) -> None:
    bench.survey.begin(())
    assert bench.until(seconds(4)) == [seconds(1), seconds(2), seconds(3), seconds(4)]
    assert [reading.at_ns for reading in bench.survey.sensors.readings] == [seconds(at) for at in range(5)]


@pytest.mark.parametrize("cost_ms", [2, 7, 100])
def test_readings_take_no_more_of_a_cpu_than_they_may(bench: Bench, cost_ms: int) -> None:
    bench.cost_ns = ms(cost_ms)
    bench.survey.begin(())
    first_ns = bench.spent_ns
    bench.until(seconds(1000))
    assert 0 < bench.spent_ns - first_ns <= SHARE * seconds(1000)


def test_nothing_is_read_where_the_load_begins(bench: Bench) -> None:
    bench.survey.begin(())
    bench.survey.hold(seconds(1))
    read = bench.until(seconds(2), step_ns=ms(10))
    assert read[0] == seconds(1) + AFTER_START_NS


def test_after_the_warm_up_it_is_read_again_only_where_that_is_quick(bench: Bench) -> None:
    bench.cost_ns = QUICK_NS
    bench.survey.begin(())
    bench.survey.begin(())
    assert len(bench.taken) == 2
    bench.cost_ns = QUICK_NS + 1
    bench.survey.begin(())
    bench.survey.begin(())
    assert len(bench.taken) == 3


def test_the_end_is_read_however_long_a_reading_takes(bench: Bench) -> None:
    bench.cost_ns = ms(500)
    bench.survey.begin(())
    assert bench.until(seconds(5)) == []
    bench.survey.end(())
    assert bench.taken[1:] == [seconds(5)]


def test_agents_that_end_together_are_read_once_and_one_that_goes_on_again(bench: Bench) -> None:
    bench.survey.begin(())
    for at in (100, 110, 120):
        bench.now_ns = ms(at)
        bench.survey.end(())
    assert bench.taken == [0, ms(100)]
    bench.now_ns = ms(900)
    bench.survey.end(())
    assert bench.taken == [0, ms(100), ms(900)]


def test_a_long_run_is_read_less_often_but_before_a_counter_can_start_again() -> None:
    cadence = Cadence(SHARE)
    instants, now_ns = [0], 0
    while now_ns < seconds(36_000):
        cadence.took(now_ns, ms(0.1))
        now_ns = cadence.next_ns
        instants.append(now_ns)
    gaps = [after - before for before, after in pairwise(instants)]
    assert gaps == sorted(gaps)
    assert gaps[-1] == MOST_NS
    assert len(instants) < 10 * READINGS
