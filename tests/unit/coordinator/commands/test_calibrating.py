"""The course of a calibration, with runs that a test makes up: who measures with which agents, and when it ends."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from msgspec import structs

from ovbench.common.topology import read_topology
from ovbench.coordinator.commands import calibrating
from ovbench.coordinator.commands.calibrating import Calibrating, planned
from ovbench.coordinator.commands.verb import Call
from ovbench.coordinator.result.report import Report
from ovbench.coordinator.run.site import LocalSite
from ovbench.coordinator.session.crew import Crew
from ovbench.coordinator.session.interrupts import Interrupts
from ovbench.coordinator.study.calibrating import BUDGET_S, MLP, NULL
from tests.builders import report
from tests.calibrations import probes


@dataclass
class FakeBus:
    dismissed: list[Crew] = field(default_factory=list)

    def dismiss(self, crew: Crew) -> None:
        self.dismissed.append(crew)


class FakeSite(LocalSite):
    fake = FakeBus()

    @contextlib.contextmanager
    def bus(self, *_: Any) -> Iterator[Any]:
        self.fake.dismissed.clear()
        yield self.fake


class Silent:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def begin(self, about_s: float) -> None: ...
    def step(self, doing: str) -> None: ...
    def handle(self, event: Any) -> None: ...
    def detach(self) -> None: ...
    def close(self) -> None: ...

    def done(self, text: str) -> None:
        self.lines.append(text)


@dataclass
class MadeUp(Calibrating):
    """Each trial takes `trial_s`; `lost`: the trials after which the agents are not whole; `end_at`: one that is
    interrupted."""

    trial_s: float = 0.5
    lost: tuple[int, ...] = ()
    end_at: int = 0
    crews: list[Crew | None] = field(default_factory=list)
    now_s: float = 0.0

    def _measured(self, bus: Any, run: Any, crew: Crew | None) -> tuple[Report, Crew]:
        self.crews.append(crew)
        self.now_s += self.trial_s
        number = len(self.crews)
        self.interrupted |= number == self.end_at
        found = report()
        rate = structs.replace(found.throughput, fps=100.0 + number % 3)
        self._report = self._report or found
        return structs.replace(found, throughput=rate), Crew((), number not in self.lost)


@pytest.fixture(autouse=True)
def unprobed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrating, "probe", lambda cpu: probes()["0"])


def made_up(**how: Any) -> MadeUp:
    one = MadeUp(planned(FakeSite(read_topology())), Call((), Interrupts()), Silent(), **how)
    one.clock = lambda: one.now_s
    return one


def test_four_trials_have_the_same_agents_and_the_next_four_others() -> None:
    one = made_up()
    found = one.conduct([])
    assert found is not None
    assert [crew is None for crew in one.crews] == [True, False, False, False] * 10 + [True]
    assert len(FakeSite.fake.dismissed) == NULL.starts + MLP.starts + 1
    assert [(work.starts, work.trials) for work in found.works] == [(4, 16), (6, 24)]


def test_a_slow_machine_has_fewer_starts_but_enough() -> None:
    one = made_up(trial_s=2.0)
    found = one.conduct([])
    assert found is not None
    assert [work.starts for work in found.works] == [4, MLP.least_starts]
    assert found.seconds < BUDGET_S + 4 * 2.0 + 2.0


def test_agents_that_are_lost_are_started_anew_and_what_the_others_did_meanwhile_does_not_count() -> None:
    one = made_up(lost=(2,))
    found = one.conduct([])
    assert found is not None
    assert found.works[0].trials == 13
    assert one.crews[2] is None


def test_an_interrupted_one_has_what_was_measured_until_then() -> None:
    one = made_up(end_at=20)
    found = one.conduct([])
    assert one.interrupted
    assert found is not None
    assert [work.name for work in found.works] == ["null device"]
    assert found.floor is None
    assert len(one.crews) == 20


def test_a_work_whose_agents_are_lost_each_time_is_not_passed_over() -> None:
    """16 trials of the null device, then a trial of each start of the other."""
    assert made_up(lost=tuple(range(17, 17 + MLP.starts))).conduct([]) is None


def test_too_early_there_is_nothing() -> None:
    assert made_up(end_at=4).conduct([]) is None


def test_each_part_is_announced_with_what_it_showed() -> None:
    one = made_up()
    one.conduct([])
    assert isinstance(one.audience, Silent)
    assert [line.split(": ")[0] for line in one.audience.lines][1:3] == ["null device", "builtin:mlp"]


def test_a_cpu_that_went_away_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(cpu: int) -> Any:
        raise OSError

    monkeypatch.setattr(calibrating, "probe", gone)
    found = made_up().conduct([])
    assert found is not None
    assert found.probes == {}


def test_works_may_be_others() -> None:
    one = made_up()
    one.plan = replace(one.plan, works=(replace(NULL, starts=2),))
    found = one.conduct([])
    assert found is not None
    assert [work.trials for work in found.works] == [8]
