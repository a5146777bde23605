"""What the session does around the fleet's decisions: in which order, and what it hands to sinks."""

import contextlib
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from ovbench.common.errors import UsageError
from ovbench.common.lifecycle import State
from ovbench.common.messages import (
    PROTOCOL_VERSION,
    AnyNotice,
    AnyOrder,
    Delivered,
    Failed,
    Hello,
    Prepare,
    Progress,
    Start,
    Warmed,
    WarmUp,
)
from ovbench.common.neighbours import Neighbours
from ovbench.common.sensors import Sensors
from ovbench.common.survey import Survey
from ovbench.common.utilization import CpuTotals, Meter
from ovbench.common.wire import Hub
from ovbench.coordinator.launch import Death
from ovbench.coordinator.machine.limits import Reserve
from ovbench.coordinator.plan.plan import Plan
from ovbench.coordinator.session.events import (
    AgentEnd,
    AgentLost,
    AgentsReady,
    Delivering,
    Event,
    Joining,
    Preparing,
    RunEnded,
    Snapshot,
    WarmingUp,
)
from ovbench.coordinator.session.interrupts import Interrupts
from ovbench.coordinator.session.observer import LocalObserver
from ovbench.coordinator.session.rules import Rules
from ovbench.coordinator.session.session import Bus, Session
from ovbench.coordinator.session.snapshot import Tracker
from tests.builders import cpu_totals, finished, job, ms, ready, samples, seconds, steady

SURVEYED_NS = seconds(3)


@dataclass
class World:
    """A clock that goes on by a millisecond whenever it is read, and all that happens, in order."""

    now_ns: int = seconds(100)
    log: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    orders: list[tuple[int, AnyOrder]] = field(default_factory=list)
    """Each with the instant it was sent at."""

    def clock(self) -> int:
        self.now_ns += ms(1)
        return self.now_ns

    def handle(self, event: Event) -> None:
        self.events.append(event)

    def kinds(self) -> list[type[Event]]:
        """Of the events, in order, those in a row once."""
        found = [type(event) for event in self.events]
        return [kind for index, kind in enumerate(found) if index == 0 or found[index - 1] is not kind]

    def sent(self, kind: type[WarmUp] | type[Start]) -> list[tuple[int, WarmUp | Start]]:
        return [(at_ns, order) for at_ns, order in self.orders if isinstance(order, kind)]


@dataclass
class SlowSurvey(Survey):
    """Takes three seconds at the beginning."""

    world: World = field(default_factory=World)

    def begin(self, ours: Iterable[int]) -> None:
        self.world.log.append("survey")
        self.world.now_ns += SURVEYED_NS

    def tick(self, ours: Iterable[int]) -> None: ...

    def end(self, ours: Iterable[int]) -> None:
        self.world.log.append("survey after the load")


@dataclass
class Agents:
    """A hub and a launcher at once: agents that answer each order as agents do, unless `failing` says otherwise."""

    world: World
    agents: int
    failing: Failed | None = None
    dying: int | None = None
    refusing: str = ""
    dropped: int = 0
    refused: int = 0
    said: deque[tuple[bytes, AnyNotice]] = field(default_factory=deque)
    gives_places: bool = True
    fd: int | None = None
    ended: str = ""

    def start(self, agents: int, endpoint: str, folder: Path, python: str | None = None) -> None:
        for agent in range(agents):
            self._say(agent, Hello(PROTOCOL_VERSION, 1000 + agent, "box", agent, nonce=f"{agent:032x}"))

    def send(self, peer: bytes, order: AnyOrder) -> bool:
        self.world.orders.append((self.world.now_ns, order))
        agent = int(peer)
        match order:
            case Prepare():
                self._say(agent, ready(mask=(agent,)) if self.failing is None else self.failing)
            case WarmUp():
                self._say(agent, Warmed(completed=1))
            case Start(at_ns=at_ns):
                self._say(agent, *(Progress(10, completed) for completed in (1, 2)))
                done = steady(at_ns, 10, 5)
                self._say(agent, finished(at_ns, int(done[-1, 1]), 5), samples(done), Delivered(messages=1))
        return True

    def wait(self, timeout_s: float) -> set[int]:
        self.world.now_ns += max(ms(1), round(timeout_s * 1e9))
        return set()

    def messages(self, most: int, most_bytes: int) -> Iterator[tuple[bytes, AnyNotice]]:
        """One at a time, so that the session looks at its clock between them."""
        if self.said:
            self.world.now_ns += seconds(0.3)
            yield self.said.popleft()

    def deaths(self) -> Iterator[Death]:
        if self.refusing:
            yield Death(0, self.refusing, refused=True)
        if self.dying is not None and any(isinstance(event, AgentsReady) for event in self.world.events):
            agent, self.dying = self.dying, None
            yield Death(agent, "was killed")

    def kill(self, agent: int) -> None:
        self.world.log.append(f"kill {agent}")

    def let_nobody_in(self) -> None: ...
    def await_ends(self, timeout_s: float) -> None: ...
    def abandon(self) -> None: ...
    def close(self, linger_s: float = 0.0) -> None: ...

    def _say(self, agent: int, *notices: AnyNotice) -> None:
        self.said += [(b"%d" % agent, notice) for notice in notices]


def run(agents: Agents) -> World:
    world = agents.world

    def read_cpus() -> CpuTotals:
        world.log.append("meter")
        return cpu_totals(world.now_ns / 1e9, [0.0, 0.0])

    session = Session(
        plan=Plan(tuple(job((cpu,)) for cpu in range(agents.agents)), ()),
        interrupts=Interrupts(),
        observer=LocalObserver(
            Meter(read_cpus), SlowSurvey(Neighbours(frozenset(), 1), Sensors(()), world.clock, world=world), (0, 1)
        ),
        tracker=Tracker(10.0),
        sink=world,
        rules=Rules(),
        clock=world.clock,
    )
    with contextlib.closing(Reserve()) as reserve:
        session.run(Bus(cast(Hub, agents), agents, session.interrupts, Path(), "ipc://none", reserve))
    return world


def test_the_machine_is_surveyed_before_an_instant_is_set_however_long_that_takes() -> None:
    world = run(Agents(World(), 2))
    for kind in (WarmUp, Start):
        sent = world.sent(kind)
        assert len(sent) == 2
        assert all(order.at_ns > sent_ns for sent_ns, order in sent)
    assert world.log.count("survey") == 2, "before the warm-up and before the load"
    assert world.log.index("meter") > 1, "the first reading of the CPUs is after the surveys, just before the load"


def test_the_cpus_and_the_machine_are_read_once_more_when_the_last_load_has_ended() -> None:
    log = run(Agents(World(), 2)).log
    after = [place for place, what in enumerate(log) if what == "survey after the load"]
    assert len(after) == 2
    assert log[after[-1] - 1] == "meter"


def test_a_run_is_events_from_the_agents_that_are_awaited_to_how_they_ended() -> None:
    world = run(Agents(World(), 2))
    assert world.kinds() == [Joining, Preparing, AgentsReady, WarmingUp, Snapshot, Delivering, RunEnded]
    assert world.events[-1] == RunEnded(
        world.events[-1].at_ns, False, tuple(AgentEnd(agent, State.DELIVERED, "") for agent in range(2))
    )
    instants = [event.at_ns for event in world.events]
    assert instants == sorted(instants)


def test_an_agent_that_dies_is_an_event_with_its_name_and_the_others_go_on() -> None:
    world = run(Agents(World(), 2, dying=1))
    (lost,) = [event for event in world.events if isinstance(event, AgentLost)]
    assert (lost.agent, lost.name, lost.why) == (1, "agent 1 (pid 1001)", "was killed")
    assert "kill 1" in world.log
    assert isinstance(world.events[-1], RunEnded)
    assert [end.state for end in world.events[-1].agents] == [State.DELIVERED, State.LOST]


def test_a_job_that_an_agent_refuses_ends_the_run_with_its_sentence_and_nothing_begins() -> None:
    agents = Agents(World(), 2, failing=Failed(kind="usage", message="-m x.xml: OpenVINO cannot read this model"))
    with pytest.raises(UsageError, match="OpenVINO cannot read"):
        run(agents)
    assert agents.world.sent(WarmUp) == []
    assert "survey" not in agents.world.log


def test_a_machine_on_which_no_agent_can_run_ends_the_run_with_its_sentence() -> None:
    agents = Agents(World(), 2, refusing="No memory can be made executable here")
    with pytest.raises(UsageError, match=r"^No memory can be made executable here$"):
        run(agents)
    assert agents.world.events == []
