"""What sinks are handed: complete, fit for JSON, and to each of them whatever becomes of the others."""

import json
from dataclasses import dataclass, field

import msgspec
import pytest

from ovbench.common.lifecycle import State
from ovbench.common.messages import PROTOCOL_VERSION, Hello, Progress, Warmed
from ovbench.coordinator.result.study import Outcome, Trial
from ovbench.coordinator.session.events import (
    AgentCounts,
    AgentEnd,
    AgentLoad,
    AgentLost,
    AgentsReady,
    Concluded,
    Counts,
    Delivering,
    Event,
    Fanout,
    FilesUnderWay,
    HostsAwaited,
    Joining,
    Preparing,
    RunEnded,
    RunPlanned,
    SinkFailed,
    Snapshot,
    Standing,
    Stopping,
    WarmingUp,
)
from ovbench.coordinator.session.fleet import Fleet
from ovbench.coordinator.session.member import Member
from ovbench.coordinator.session.rules import Rules
from ovbench.coordinator.session.snapshot import awaited, ends, ready_agents
from ovbench.coordinator.study.events import Installing, RoundBegins, StudyPlanned, TrialBegins, TrialEnded
from tests.builders import job, made, ready

NOW = 7

EVENTS = [
    RunPlanned(NOW, "1.0", ("ovbench-coord", "-t", "1"), "2026-01-01T00:00:00Z", "m.xml", 2, ("a", "b"), 1.0, None),
    StudyPlanned(NOW, "1.0", ("ovbench-coord", "study"), "sweep", "results/a", 9, 3),
    Standing(NOW, "PARTIAL", ("agent_lost",)),
    Concluded(NOW, "VALID", (), 400.0, 2.5, None, "results/report.json"),
    HostsAwaited(NOW, 3, ("b", "user@c:2222")),
    FilesUnderWay(NOW, 3, ("b",), 120_000_000),
    Joining(NOW, 3, (1, 2), ("b",)),
    Preparing(NOW, 3, 1, 2, 7),
    WarmingUp(NOW, 3),
    Delivering(NOW, 3, 1),
    AgentsReady(NOW, ready_agents([Member(0, job((0,)), ready=ready(outputs=made(0.5)))])),
    Snapshot(NOW, 1.0, None, None, 400.0, 5, 1.5, 75.0, (AgentLoad(0, (0, 1), None, 5),)),
    Counts(NOW, (0.1, 1.0), (AgentCounts(0, 5, 10.0, 2.5, (3, 5), 1, 0.5),), 90.0, None),
    AgentLost(NOW, 1, "agent 1 (pid 9)", "it was killed by SIGKILL"),
    Stopping(NOW),
    RunEnded(NOW, False, (AgentEnd(0, State.DELIVERED, ""), AgentEnd(1, State.LOST, "it was killed"))),
    SinkFailed(NOW, "File", "No space left on device"),
    Installing(NOW, "OpenVINO 2025.4.0"),
    RoundBegins(NOW, "SUSPECT trials", 1, 2, 3),
    TrialBegins(NOW, Trial("0001", {"-nireq": "2"}, 0, ("-nireq", "2")), 1, 4, 12.5),
    TrialEnded(NOW, Outcome("0001", {}, 0, "2026-01-01T00:00:00Z", 3.0, 0, "VALID", fps=100.0), 1, 4),
]


def subclasses(kind: type[Event]) -> set[type[Event]]:
    return set(kind.__subclasses__()).union(*map(subclasses, kind.__subclasses__()))


def test_every_event_is_tried_here() -> None:
    assert {type(event) for event in EVENTS} == subclasses(Event)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_is_json_with_its_name_and_its_instant_and_comes_back_the_same(event: Event) -> None:
    line = msgspec.json.encode(event)
    written = json.loads(line)
    assert (written["event"], written["at_ns"]) == (type(event).__struct_config__.tag, NOW)
    assert b"\n" not in line
    assert msgspec.json.decode(line, type=type(event)) == event


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_an_event_cannot_be_changed(event: Event) -> None:
    with pytest.raises(AttributeError):
        event.at_ns = 8  # type: ignore[misc]


@dataclass
class Kept:
    """A sink that keeps what it is handed."""

    events: list[Event] = field(default_factory=list)

    def handle(self, event: Event) -> None:
        self.events.append(event)


@dataclass
class Full:
    """A sink that has room for so many."""

    room: int = 0

    def handle(self, event: Event) -> None:
        if not self.room:
            raise OSError("No space left on device")
        self.room -= 1


def test_every_sink_is_handed_every_event_in_order() -> None:
    first, second = Kept(), Kept()
    sinks = Fanout(first, second)
    for event in EVENTS:
        sinks.handle(event)
    assert first.events == second.events == EVENTS


def test_a_sink_that_fails_is_left_out_and_the_others_are_handed_the_reason() -> None:
    before, after = Kept(), Kept()
    sinks = Fanout(before, Full(room=1), after)
    for event in EVENTS[:3]:
        sinks.handle(event)
    failed = SinkFailed(NOW, "Full", "No space left on device")
    assert before.events == after.events == [EVENTS[0], EVENTS[1], failed, EVENTS[2]]
    assert sinks.unheard == []


def test_where_all_sinks_have_failed_the_run_goes_on_and_the_reasons_are_kept() -> None:
    sinks = Fanout(Full(), Full(room=1))
    for event in EVENTS:
        sinks.handle(event)
    assert [(failure.sink, failure.why) for failure in sinks.unheard] == [("Full", "No space left on device")]


def fleet(agents: int) -> Fleet:
    return Fleet([job((i,)) for i in range(agents)], Rules(), 0)


def test_agents_on_several_hosts_are_named_with_theirs() -> None:
    hosts = {0: "a", 1: "b"}
    life = fleet(2)
    assert awaited(life, NOW, hosts) == Joining(NOW, 2, (0, 1), ("a", "b"))
    for agent in range(2):
        life.heard(b"%d" % agent, Hello(PROTOCOL_VERSION, agent + 1, "box", agent, nonce=f"{agent:032x}"), 0)
    life.heard(b"0", ready(), 0)
    assert awaited(life, NOW, hosts) == Preparing(NOW, 2, 1, 1, 0, "b")
    (agent_on_b,) = ready_agents([Member(1, job((3,)), pid=9, ready=ready())], hosts)
    assert agent_on_b.host == "b"


def test_what_a_run_waits_for_is_an_event_from_the_first_agent_to_the_last_result() -> None:
    life = fleet(2)
    assert awaited(life, NOW) == Joining(NOW, 2, (0, 1))
    for agent in range(2):
        life.heard(b"%d" % agent, Hello(PROTOCOL_VERSION, agent + 1, "box", agent, nonce=f"{agent:032x}"), 0)
    life.heard(b"1", Progress(step=4, completed=0), 0)
    assert awaited(life, NOW) == Preparing(NOW, 2, 0, 0, 0)
    life.heard(b"0", ready(), 0)
    assert awaited(life, NOW) == Preparing(NOW, 2, 1, 1, 4)
    life.heard(b"1", ready(), 0)
    assert awaited(life, NOW) == Preparing(NOW, 2, 2, None, 0)
    life.begin(0)
    assert awaited(life, NOW) == WarmingUp(NOW, 2)
    for agent in range(2):
        life.heard(b"%d" % agent, Warmed(completed=1), 0)
    life.begin(0)
    assert awaited(life, NOW) == Delivering(NOW, 2, 0)


def test_an_agent_that_is_ready_is_shown_with_its_place_and_what_it_reported() -> None:
    (agent,) = ready_agents([Member(3, job((3,)), pid=9, ready=ready())])
    assert (agent.id, agent.pid, agent.cpus, agent.reported) == (3, 9, (3,), ready())
    assert ready_agents(fleet(1).members) == ()


def test_how_each_agent_ended_is_named_with_the_reason() -> None:
    life = fleet(2)
    life.died(1, "was killed", 0)
    assert ends(life.members) == (AgentEnd(0, State.EXPECTED, ""), AgentEnd(1, State.LOST, "was killed"))
