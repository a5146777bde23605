"""The whole life of a fleet, driven by what it would hear and by the time it would be."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from ovbench.common.job import NullService, Pace
from ovbench.common.lifecycle import State
from ovbench.common.messages import (
    PROTOCOL_VERSION,
    Again,
    AnyNotice,
    Counted,
    Delivered,
    End,
    Failed,
    Finished,
    Foreign,
    Graph,
    Hello,
    Layers,
    Prepare,
    Progress,
    Pulse,
    Reject,
    Release,
    Start,
    Stop,
    Tally,
    Warmed,
    WarmUp,
)
from ovbench.coordinator.session.actions import (
    AboutToBegin,
    Action,
    AllReady,
    Begins,
    Ends,
    Kill,
    LoadEnded,
    Lost,
    Refused,
    Send,
    Tallied,
)
from ovbench.coordinator.session.crew import Contact, Crew
from ovbench.coordinator.session.fleet import Fleet, release
from ovbench.coordinator.session.member import Member
from ovbench.coordinator.session.phase import Phase
from ovbench.coordinator.session.rules import LIMITS, Rules
from tests.builders import Int64s, effective, finished, folded, job, layer, ms, phases, ready, samples, seconds, steady

RULES = Rules()
T0 = seconds(100)


def peer(agent: int) -> bytes:
    return b"peer%d" % agent


def hello(process: int, wanted: int | None = None, version: int = PROTOCOL_VERSION, pid: int | None = None) -> Hello:
    """Of a process by number, which draws its nonce."""
    return Hello(version, pid or 1000 + process, "box", wanted, nonce=f"{process:032x}")


@dataclass
class Life:
    """A fleet, its agents' side of the talk, and the clock."""

    agents: int = 2
    warmup_s: float = 1.0
    iterations: int | None = None
    duration_s: float | None = 10.0
    null: NullService | None = None
    cells_ns: tuple[int, ...] = ()
    counts_s: float | None = None
    rules: Rules = RULES
    now_ns: int = T0
    actions: list[Action] = field(default_factory=list)

    def __post_init__(self) -> None:
        load: dict[str, Any] = {
            "warmup_s": self.warmup_s,
            "iterations": self.iterations,
            "duration_s": self.duration_s,
            "null": self.null,
            "cells_ns": self.cells_ns,
            "counts_s": self.counts_s,
        }
        jobs = [job((i,), **load) for i in range(self.agents)]
        self.fleet = Fleet(jobs, self.rules, self.now_ns)

    def member(self, agent: int) -> Member:
        return self.fleet.members[agent]

    @property
    def states(self) -> list[State]:
        return [member.state for member in self.fleet.members]

    def say(self, agent: int, notice: AnyNotice) -> list[Action]:
        return self._done(self.fleet.heard(peer(agent), notice, self.now_ns))

    def all_say(self, notice: AnyNotice) -> list[Action]:
        return [action for agent in range(self.agents) for action in self.say(agent, notice)]

    def join(self, agent: int, wanted: int | None = None, version: int = PROTOCOL_VERSION) -> list[Action]:
        return self.say(agent, hello(agent, wanted, version))

    def wait(
        self,
        seconds_: float,
        heartbeats: tuple[int, ...] = (),
        completed: int | None = None,
        step: int = 10,
        busy_ms: Callable[[int], int] = lambda now_ns: 0,
    ) -> list[Action]:
        """Time passes in ticks; meanwhile these agents send heartbeats, each with one inference more than before."""
        actions = []
        end_ns = self.now_ns + seconds(seconds_)
        while self.now_ns < end_ns:
            self.now_ns = min(end_ns, self.now_ns + ms(250))
            for agent in heartbeats:
                done = completed if completed is not None else self.now_ns // ms(1)
                actions += self.say(agent, Progress(step=step, completed=done, busy_ms=busy_ms(self.now_ns)))
            actions += self._done(self.fleet.tick(self.now_ns))
        return actions

    def joined(self) -> "Life":
        for agent in range(self.agents):
            self.join(agent, wanted=agent)
        return self

    def prepared(self, **changes: Any) -> "Life":
        self.joined().all_say(ready(**changes))
        return self

    def running(self, **changes: Any) -> "Life":
        self.prepared(**changes)
        if self.warmup_s:
            self.all_say(Warmed(completed=3))
        return self

    @property
    def inferences(self) -> Int64s:
        """What an agent recorded: five."""
        assert self.fleet.begin_ns is not None
        return steady(self.fleet.begin_ns, 10, 5)

    @property
    def finished(self) -> Finished:
        start_ns, stop_ns = int(self.inferences[0, 0]), int(self.inferences[-1, 1])
        return finished(start_ns, stop_ns, completed=5)

    def deliver(self, agent: int, messages: int = 1) -> list[Action]:
        return [
            *self.say(agent, self.finished),
            *self.say(agent, samples(self.inferences)),
            *self.say(agent, Delivered(messages=messages)),
        ]

    def die(self, agent: int, how: str = "was killed") -> list[Action]:
        return self._done(self.fleet.died(agent, how, self.now_ns))

    def _done(self, actions: list[Action]) -> list[Action]:
        """The session has nothing to prepare, and has the instant set at once."""
        done: list[Action] = []
        for action in actions:
            done += self.fleet.begin(self.now_ns) if action == AboutToBegin() else [action]
        self.actions += done
        return done


def of_kind(actions: Sequence[Action], kind: type) -> list[Any]:
    """The orders, or the actions themselves, of this type."""
    orders = [action.order if isinstance(action, Send) else action for action in actions]
    return [one for one in orders if isinstance(one, kind)]


def why(life: Life, agent: int) -> str:
    return life.member(agent).why


# A whole life


def test_a_fleet_goes_through_its_phases_in_order() -> None:
    life = Life(agents=2)
    phases = [life.fleet.phase]

    def then(*said: tuple[int, AnyNotice]) -> None:
        for agent, notice in said:
            life.say(agent, notice)
            phases.append(life.fleet.phase)

    then((0, hello(0, 0)), (1, hello(1, 1)), (0, ready()), (1, ready()))
    then((0, Warmed(completed=3)), (1, Warmed(completed=3)))
    then((0, life.finished), (1, life.finished))
    joining, preparing = [Phase.JOINING] * 2, [Phase.PREPARING] * 2
    load = [Phase.WARMING_UP] * 2 + [Phase.RUNNING] * 2 + [Phase.DELIVERING]
    assert phases == [*joining, *preparing, *load]


def test_a_fleet_whose_last_missing_agent_is_given_up_goes_on() -> None:
    life = Life(agents=2)
    life.join(0)
    phases = [life.fleet.phase]
    life.die(1)
    assert [*phases, life.fleet.phase] == [Phase.JOINING, Phase.PREPARING]


def test_without_warm_up_a_fleet_goes_from_preparing_to_running() -> None:
    life = Life(agents=1, warmup_s=0.0).joined()
    phases = [life.fleet.phase]
    life.say(0, ready())
    phases.append(life.fleet.phase)
    life.die(0)
    assert [*phases, life.fleet.phase] == [Phase.PREPARING, Phase.RUNNING, Phase.DELIVERING]


def test_a_run_goes_from_hello_to_delivery_in_common_steps() -> None:
    life = Life(agents=2)
    assert of_kind(life.join(0), Prepare)[0].agent == 0
    assert of_kind(life.join(1), Prepare)[0].agent == 1
    assert life.say(0, ready()) == []
    at_last = life.say(1, ready())
    assert at_last[0] == AllReady()
    assert [action.peer for action in at_last[1:] if isinstance(action, Send)] == [peer(0), peer(1)]
    (warm_up, same) = of_kind(at_last, WarmUp)
    assert warm_up == same
    assert life.say(0, Warmed(completed=3)) == []
    begins = life.say(1, Warmed(completed=4))
    assert isinstance(begins[0], Begins)
    assert {start.at_ns for start in of_kind(begins, Start)} == {begins[0].at_ns} == {life.fleet.begin_ns}
    assert life.states == [State.RUNNING, State.RUNNING]
    assert life.fleet.phase is Phase.RUNNING
    for agent in (0, 1):
        life.say(agent, Progress(step=10, completed=5))
        assert not life.fleet.over
        life.deliver(agent)
    assert life.states == [State.DELIVERED, State.DELIVERED]
    assert life.fleet.over
    assert life.fleet.illegal == 0
    assert of_kind(release(life.fleet.crew()), Release) == [Release(), Release()]


def test_each_agent_is_given_its_own_job_and_the_rules() -> None:
    life = Life(agents=2)
    life.join(0)
    (order,) = of_kind(life.join(1), Prepare)
    assert order.job.placement.cpus == (1,)
    assert (order.heartbeat_s, order.lease_s) == (RULES.heartbeat_s, RULES.lease_s)


def test_without_a_warm_up_the_load_begins_when_all_are_ready() -> None:
    life = Life(agents=2, warmup_s=0.0).prepared()
    assert of_kind(life.actions, WarmUp) == []
    assert len(of_kind(life.actions, Start)) == 2


def test_the_load_begins_after_everybody_can_know() -> None:
    few, many = (Life(agents=agents).running() for agents in (2, 200))
    for life in (few, many):
        assert life.fleet.begin_ns is not None
        assert life.fleet.begin_ns >= life.now_ns + ms(20)
    assert few.fleet.begin_ns is not None
    assert many.fleet.begin_ns is not None
    assert many.fleet.begin_ns > few.fleet.begin_ns


def test_before_an_instant_is_set_the_fleet_says_what_it_is_about_to_do() -> None:
    fleet = Fleet([job((0,))], RULES, T0)
    fleet.heard(peer(0), hello(0), T0)
    assert fleet.heard(peer(0), ready(), T0) == [AllReady(), AboutToBegin()]
    assert fleet.warm_up_ns is None
    assert fleet.tick(T0) == [AboutToBegin()], "it says so until it is answered"
    later = T0 + seconds(5)
    (warm_up,) = of_kind(fleet.begin(later), WarmUp)
    assert warm_up.at_ns == fleet.warm_up_ns
    assert warm_up.at_ns > later, "however long the preparation took"
    assert fleet.begin(later) == []
    assert fleet.heard(peer(0), Warmed(completed=1), later) == [AboutToBegin()]
    (start,) = of_kind(fleet.begin(later), Start)
    assert start.at_ns == fleet.begin_ns
    assert fleet.begin(later) == []


def test_nothing_begins_while_an_agent_is_still_preparing() -> None:
    life = Life(agents=2).joined()
    life.say(0, ready())
    assert life.fleet.begin(life.now_ns) == []
    assert life.states == [State.READY, State.PREPARING]


def test_the_end_of_each_load_is_said_and_which_is_the_last() -> None:
    life = Life(agents=2).running()
    assert of_kind(life.deliver(1), LoadEnded) == [LoadEnded(1, last=False)]
    assert of_kind(life.say(0, life.finished), LoadEnded) == [LoadEnded(0, last=True)]


def test_compiling_only_is_over_when_all_are_ready() -> None:
    life = Life(agents=2, iterations=0).prepared()
    assert life.fleet.over
    assert of_kind(life.actions, AllReady) == [AllReady()]
    assert of_kind(life.actions, WarmUp) == of_kind(life.actions, Start) == []


def test_samples_and_histograms_are_kept_with_their_agent() -> None:
    life = Life(agents=2).running()
    life.say(1, life.finished)
    done = life.inferences
    head, rest, ring = samples(done[:2]), folded(done[2:4], int(done[0, 0])), samples(done[4:], first=4)
    for notice in (head, ring, rest):
        life.say(1, notice)
    life.say(1, Delivered(messages=3))
    assert (life.member(1).samples, life.member(1).folded) == ([head, ring], [rest])
    assert life.member(1).state is State.DELIVERED
    assert life.member(0).samples == []


def test_layers_and_the_graph_are_kept_and_count_as_delivered() -> None:
    life = Life(agents=1).running()
    life.say(0, life.finished)
    layers, graph = Layers(request=0, layers=(layer("conv", 7),)), [Graph(data=b"<net"), Graph(data=b"/>")]
    received: tuple[AnyNotice, ...] = (samples(life.inferences), layers, *graph, Delivered(messages=4))
    for notice in received:
        life.say(0, notice)
    assert (life.member(0).layers, life.member(0).graph) == ([layers], graph)
    assert life.states == [State.DELIVERED]
    assert life.fleet.illegal == 0


@pytest.mark.parametrize("messages", [1, 2, 4])
def test_a_delivery_that_lacks_layers_or_has_more_than_it_says_is_a_loss(messages: int) -> None:
    life = Life(agents=1).running()
    life.say(0, life.finished)
    for notice in (samples(life.inferences), Layers(request=0, layers=()), Graph(data=b"<net/>")):
        life.say(0, notice)
    life.say(0, Delivered(messages=messages))
    assert life.states == [State.LOST]
    assert "only 3 of" in why(life, 0)


def test_the_batches_are_those_of_the_groups_or_that_of_the_model() -> None:
    life = Life(agents=3).joined()
    life.say(0, ready(effective(batch=4)))
    life.say(1, ready(effective(batch=4, groups=(4, 1))))
    assert [member.batches for member in life.fleet.members] == [(4,), (4, 1), (1,)]


# Joining


def test_an_agent_takes_the_place_it_was_started_for() -> None:
    life = Life(agents=3)
    (order,) = of_kind(life.join(0, wanted=2), Prepare)
    assert order.agent == 2
    assert [member.id for member in life.fleet.missing()] == [0, 1]


def test_an_agent_started_by_hand_takes_the_first_free_place() -> None:
    life = Life(agents=2)
    life.join(0, wanted=0)
    assert of_kind(life.join(1), Prepare)[0].agent == 1


def test_an_agent_of_another_protocol_is_rejected_and_its_place_stays_free() -> None:
    life = Life(agents=1)
    (reject,) = of_kind(life.join(0, version=PROTOCOL_VERSION + 1), Reject)
    assert str(PROTOCOL_VERSION + 1) in reject.reason
    assert life.states == [State.EXPECTED]
    assert of_kind(life.join(1), Prepare)


@pytest.mark.parametrize("wanted", [None, 0, 7])
def test_an_agent_without_a_place_is_rejected(wanted: int | None) -> None:
    life = Life(agents=1).joined()
    assert len(of_kind(life.join(5, wanted=wanted), Reject)) == 1


def test_an_agent_that_comes_after_the_end_was_asked_for_is_rejected() -> None:
    life = Life(agents=2)
    life.join(0)
    life.fleet.stop(life.now_ns)
    assert len(of_kind(life.join(1), Reject)) == 1


def test_a_hello_that_comes_twice_takes_one_place() -> None:
    life = Life(agents=2)
    life.join(0)
    assert [order.agent for order in of_kind(life.join(0), Prepare)] == [0]
    assert [member.id for member in life.fleet.missing()] == [1]


def test_processes_with_one_pid_and_one_host_name_are_two_agents() -> None:
    """As in two PID namespaces."""
    life = Life(agents=2)
    for agent in (0, 1):
        life.say(agent, hello(agent, pid=7))
    assert [(member.peer, member.pid) for member in life.fleet.members] == [(peer(0), 7), (peer(1), 7)]
    assert of_kind(life.all_say(ready()), WarmUp)


def test_an_agent_that_comes_over_another_connection_keeps_its_place_and_the_old_one_is_nobody_s() -> None:
    life = Life(agents=2).joined()
    (order,) = of_kind(life.fleet.heard(b"new", hello(0, wanted=0), life.now_ns), Prepare)
    assert order.agent == 0
    life.say(0, ready())
    assert (life.fleet.illegal, life.states) == (1, [State.PREPARING] * 2)
    life.fleet.heard(b"new", ready(), life.now_ns)
    assert life.states == [State.READY, State.PREPARING]


def test_an_agent_may_come_over_another_connection_while_it_runs() -> None:
    life = Life(agents=1).running()
    assert life.fleet.heard(b"new", hello(0), life.now_ns) == []
    life.fleet.heard(b"new", life.finished, life.now_ns)
    assert life.states == [State.DELIVERING]


@pytest.mark.parametrize("stage", ["joined", "running"])
@pytest.mark.parametrize("notice", [hello(5, wanted=0), hello(5, version=1), Foreign(version=1)])
def test_nobody_takes_the_place_of_an_agent_that_lives(stage: str, notice: Hello | Foreign) -> None:
    """Not even with its pid and its host's name, over another connection or over its own."""
    life = Life(agents=1)
    getattr(life, stage)()
    before = life.states
    for sender in (b"other", peer(0)):
        assert len(of_kind(life.fleet.heard(sender, notice, life.now_ns), Reject)) == 1
    assert (life.member(0).peer, life.member(0).pid, life.states) == (peer(0), 1000, before)


def test_a_lost_agent_that_says_hello_is_sent_away_with_the_reason() -> None:
    life = Life(agents=2).running()
    life.fleet.died(1, "nothing heard", life.now_ns)
    (reject,) = of_kind(life.join(1), Reject)
    assert "nothing heard" in reject.reason


def test_where_places_are_given_nobody_comes_without_one() -> None:
    life = Life(agents=1)
    life.fleet = Fleet([job((0,))], RULES, life.now_ns, given=True)
    (reject,) = of_kind(life.join(0), Reject)
    assert "--launcher external" in reject.reason
    assert of_kind(life.join(0, wanted=0), Prepare)


def test_a_late_hello_does_not_disturb_a_load() -> None:
    life = Life(agents=2).running()
    assert of_kind(life.join(0), Prepare) == []
    assert life.states == [State.RUNNING, State.RUNNING]


# Losing agents


def test_an_agent_that_falls_silent_is_lost_and_killed() -> None:
    life = Life(agents=2).running()
    life.wait(3.0, heartbeats=(0,))
    assert life.states == [State.RUNNING, State.RUNNING]
    actions = life.wait(0.25, heartbeats=(0,))
    assert of_kind(actions, Kill) == [Kill(1)]
    assert [lost.agent for lost in of_kind(actions, Lost)] == [1]
    assert life.states == [State.RUNNING, State.LOST]
    assert "heard" in why(life, 1)
    assert not life.fleet.over


@pytest.mark.parametrize("stage", ["joined", "prepared", "running"])
def test_silence_counts_at_every_stage(stage: str) -> None:
    life = Life(agents=1)
    getattr(life, stage)()
    life.wait(3.5)
    assert life.states == [State.LOST]
    assert life.fleet.over


def test_an_agent_whose_process_dies_is_lost_at_once() -> None:
    life = Life(agents=2).running()
    actions = life.fleet.died(1, "was killed by SIGKILL", life.now_ns)
    assert of_kind(actions, Lost) == [Lost(1, "was killed by SIGKILL")]
    assert life.states == [State.RUNNING, State.LOST]


def test_a_death_after_the_delivery_is_no_loss() -> None:
    life = Life(agents=1).running()
    life.deliver(0)
    assert life.fleet.died(0, "ended with exit code 0", life.now_ns) == []
    assert life.states == [State.DELIVERED]


def test_a_peer_that_cannot_be_reached_is_lost() -> None:
    life = Life(agents=2).running()
    assert [lost.agent for lost in of_kind(life.fleet.unreachable(peer(0), life.now_ns), Lost)] == [0]
    assert life.fleet.unreachable(b"nobody", life.now_ns) == []


def test_what_a_lost_agent_delivered_in_part_is_forgotten() -> None:
    life = Life(agents=1).running()
    life.say(0, life.finished)
    received: tuple[AnyNotice, ...] = (
        samples(life.inferences),
        folded(life.inferences, int(life.inferences[0, 0])),
        Layers(0, ()),
        Graph(b""),
    )
    for notice in received:
        life.say(0, notice)
    assert life.member(0).received == 4
    life.fleet.died(0, "was killed", life.now_ns)
    assert life.member(0).received == 0


def test_a_delivery_that_is_not_whole_is_a_loss() -> None:
    life = Life(agents=1).running()
    life.deliver(0, messages=2)
    assert life.states == [State.LOST]
    assert life.member(0).samples == []


def test_an_agent_that_completes_nothing_any_more_is_lost_although_it_sends_heartbeats() -> None:
    life = Life(agents=1).running()
    life.wait(2.0, heartbeats=(0,))
    life.wait(3.0, heartbeats=(0,), completed=7)
    assert life.states == [State.RUNNING]
    life.wait(1.0, heartbeats=(0,), completed=7)
    assert life.states == [State.LOST]
    assert "no inference" in why(life, 0)


def test_a_slow_model_is_given_ten_rounds_of_its_requests_more() -> None:
    """Four requests on two streams are two rounds of a second each."""
    slow = {"running": effective(streams=2, requests=4), "times": phases(first_inference_ms=1000.0)}
    life = Life(agents=1).running(**slow)
    life.wait(22.0, heartbeats=(0,), completed=0)
    assert life.states == [State.RUNNING]
    life.wait(2.0, heartbeats=(0,), completed=0)
    assert life.states == [State.LOST]


def test_a_load_of_limited_rate_is_given_the_time_between_its_inferences() -> None:
    """Eight frames, the most in an inference, at one per two seconds."""
    order = job((0,), warmup_s=0.0, pace=Pace(frame_period_ns=2e9))
    life = Life(agents=1, warmup_s=0.0)
    life.fleet = Fleet([order], RULES, life.now_ns)
    life.running(running=effective(batch=2, groups=(2, 8)), times=phases(first_inference_ms=0.001))
    life.wait(16.0 + RULES.lost_s, heartbeats=(0,), completed=1)
    assert life.states == [State.RUNNING]
    life.wait(1.0, heartbeats=(0,), completed=1)
    assert life.states == [State.LOST]


def test_when_no_agent_ever_comes_all_are_given_up_after_the_first_wait() -> None:
    life = Life(agents=2)
    life.wait(RULES.join_first_s)
    assert life.states == [State.EXPECTED, State.EXPECTED]
    life.wait(0.5)
    assert life.states == [State.LOST, State.LOST]
    assert life.fleet.over


def test_once_some_have_come_the_others_must_come_soon() -> None:
    life = Life(agents=2)
    life.join(0)
    life.say(0, ready())
    life.wait(RULES.join_s + 0.5, heartbeats=(0,))
    assert life.states == [State.WARMING, State.LOST]
    assert "came" in why(life, 1)


def test_each_agent_that_comes_gives_the_others_more_time() -> None:
    life = Life(agents=3)
    life.join(0)
    life.wait(3.0, heartbeats=(0,))
    life.join(1)
    life.wait(3.0, heartbeats=(0, 1))
    assert life.states == [State.PREPARING, State.PREPARING, State.EXPECTED]


def test_those_that_are_left_go_on_without_the_lost_one() -> None:
    life = Life(agents=3).joined()
    life.say(0, ready())
    life.say(1, ready())
    actions = life.die(2)
    assert len(of_kind(actions, WarmUp)) == 2
    assert life.states == [State.WARMING, State.WARMING, State.LOST]


def test_when_all_are_lost_it_is_over() -> None:
    life = Life(agents=2).running()
    for agent in (0, 1):
        life.fleet.died(agent, "was killed", life.now_ns)
    assert life.fleet.over
    assert life.fleet.living() == []


# A limit on every state


def until_over(life: Life, most_s: float, **beats: Any) -> float:
    """How long it takes until the fleet is over while agent 0 sends heartbeats and nothing else."""
    began_ns = life.now_ns
    while not life.fleet.over:
        assert life.now_ns - began_ns < seconds(most_s), life.states
        life.wait(1.0, heartbeats=(0,), **beats)
    return (life.now_ns - began_ns) / seconds(1)


@pytest.mark.parametrize(
    ("stage", "most_s"),
    [
        ("joined", RULES.prepare_s * RULES.prepare_factor),
        ("prepared", 1.0 + RULES.lost_s + 1.0),
        ("running", 10.0 + RULES.lost_s + 1.0),
        ("delivering", RULES.deliver_s),
    ],
)
@pytest.mark.parametrize("eager", [False, True], ids=["the same", "ever more"])
def test_heartbeats_alone_keep_no_state_going(stage: str, most_s: float, eager: bool) -> None:
    """Whether they say the same each time, or claim ever more CPU time and inferences."""
    life = Life(agents=1)
    if stage == "delivering":
        life.running().say(0, life.finished)
    else:
        getattr(life, stage)()
    beats: dict[str, Any] = {"step": 7, "busy_ms": lambda now_ns: now_ns // ms(1)} if eager else {"completed": 3}
    until_over(life, most_s + 2.0, **beats)
    assert life.states == [State.LOST]


def test_every_state_that_has_not_ended_has_a_limit_or_waits_for_those_that_do() -> None:
    assert {state for state in State if not state.ended} == set(LIMITS)


def test_a_preparation_that_does_nothing_is_given_up_with_what_to_try() -> None:
    life = Life(agents=1).joined()
    took_s = until_over(life, RULES.prepare_s + 3.0, step=7)
    assert took_s > RULES.prepare_s
    assert "--prepare-timeout" in why(life, 0)
    assert "step 7 of 11" in why(life, 0)


def test_a_compilation_that_uses_the_cpu_may_take_longer() -> None:
    life = Life(agents=1).joined()
    life.wait(5 * RULES.prepare_s, heartbeats=(0,), step=7, busy_ms=lambda now_ns: now_ns // ms(20))
    assert life.states == [State.PREPARING]
    life.say(0, ready())
    assert life.states == [State.WARMING]


def test_each_step_of_a_preparation_has_its_time() -> None:
    life = Life(agents=1).joined()
    for step in range(2, 10):
        life.wait(RULES.prepare_s * 0.9, heartbeats=(0,), step=step)
    assert life.states == [State.PREPARING]


def test_a_warm_up_may_take_as_long_as_its_inferences_after_its_time() -> None:
    life = Life(agents=1, warmup_s=5.0).prepared(times=phases(first_inference_ms=2000.0))
    life.wait(5.0 + RULES.stall_factor * 2.0 + RULES.lost_s, heartbeats=(0,), completed=0)
    assert life.states == [State.WARMING]
    life.wait(1.0, heartbeats=(0,), completed=0)
    assert life.states == [State.LOST]
    assert "warm-up" in why(life, 0)


def test_inferences_beyond_the_load_that_was_asked_for_are_no_progress() -> None:
    life = Life(agents=1).running()
    life.wait(10.0 + RULES.lost_s, heartbeats=(0,))
    assert life.states == [State.RUNNING]
    life.wait(2.0, heartbeats=(0,))
    assert life.states == [State.LOST]


def test_a_counted_load_may_last_as_long_as_it_counts() -> None:
    life = Life(agents=1, duration_s=None, iterations=1_000).running()
    for done in range(1, 1_000, 10):
        life.wait(2.0, heartbeats=(0,), completed=done)
    assert life.states == [State.RUNNING]
    for more in range(1_002, 1_006):
        life.wait(2.0, heartbeats=(0,), completed=more)
    assert life.states == [State.LOST]


def test_a_load_without_a_first_inference_is_given_the_time_of_one() -> None:
    life = Life(agents=1, duration_s=100.0).running(times=phases(first_inference_ms=0.0))
    life.wait(RULES.first_inference_s, heartbeats=(0,), completed=0)
    assert life.states == [State.RUNNING]
    life.wait(RULES.lost_s + 1.0, heartbeats=(0,), completed=0)
    assert life.states == [State.LOST]


def test_a_null_device_is_given_ten_of_its_services() -> None:
    life = Life(agents=1, duration_s=100.0, null=NullService(service_ns=seconds(2))).running()
    life.wait(20.0 + RULES.lost_s, heartbeats=(0,), completed=0)
    assert life.states == [State.RUNNING]
    life.wait(1.0, heartbeats=(0,), completed=0)
    assert life.states == [State.LOST]


def delivering(life: Life, parts: int, each_s: float) -> None:
    """Results of 1 MB each, so far apart."""
    life.running().say(0, life.finished)
    for _ in range(parts):
        life.say(0, Graph(data=bytes(1_000_000)))
        life.wait(each_s, heartbeats=(0,))


def test_a_delivery_may_last_as_long_as_it_goes_on_at_a_fair_rate() -> None:
    life = Life(agents=1)
    delivering(life, parts=100, each_s=1.0)
    assert life.states == [State.DELIVERING]
    life.say(0, samples(life.inferences))
    life.say(0, Delivered(messages=101))
    assert life.states == [State.DELIVERED]


def test_a_delivery_that_trickles_is_given_up() -> None:
    life = Life(agents=1)
    delivering(life, parts=20, each_s=3.0)
    assert life.states == [State.LOST]
    assert "deliver" in why(life, 0)
    assert life.member(0).samples == []


def test_a_stop_bounds_the_delivery_that_is_under_way() -> None:
    life = Life(agents=2).running()
    life.deliver(1)
    life.say(0, life.finished)
    life.fleet.stop(life.now_ns)
    life.wait(RULES.deliver_stopped_s, heartbeats=(0,))
    assert life.states == [State.DELIVERING, State.DELIVERED]
    life.wait(0.5, heartbeats=(0,))
    assert life.states == [State.LOST, State.DELIVERED]
    assert life.fleet.over
    assert life.member(1).samples


def test_repeated_hellos_put_off_nothing() -> None:
    life = Life(agents=2)
    life.join(0)
    life.say(0, ready())
    for _ in range(round(RULES.join_s) + 2):
        life.wait(1.0, heartbeats=(0,))
        life.join(0)
    assert life.states[1] is State.LOST


@pytest.mark.parametrize(
    "notice",
    [
        Progress(step=7, completed=0),
        Delivered(messages=0),
        hello(0),
    ],
    ids=["heartbeats", "messages out of turn", "hellos"],
)
def test_who_talks_without_end_is_lost_and_the_others_go_on(notice: AnyNotice) -> None:
    life = Life(agents=2).joined()
    for _ in range(RULES.notices + 1):
        life.say(0, notice)
    assert life.states == [State.LOST, State.PREPARING]
    assert str(RULES.notices) in why(life, 0)
    assert of_kind(life.say(1, ready()), WarmUp)


def test_many_results_at_once_are_no_talk() -> None:
    life = Life(agents=1).running()
    life.say(0, life.finished)
    for _ in range(3 * RULES.notices):
        life.say(0, Graph(data=b"<net"))
    assert life.states == [State.DELIVERING]


# Failures


def test_a_job_that_is_wrong_is_remembered_with_its_reason() -> None:
    life = Life(agents=2).joined()
    failure = Failed(kind="usage", message="-m x.xml: OpenVINO cannot read this model")
    assert life.say(0, failure) == [Refused(failure.message)]
    assert life.member(0).failure == failure
    assert life.states == [State.FAILED, State.PREPARING]


def test_the_others_go_on_when_one_fails_while_it_runs() -> None:
    life = Life(agents=2).running()
    assert life.say(0, Failed(kind="runtime", message="out of memory")) == []
    life.deliver(1)
    assert life.states == [State.FAILED, State.DELIVERED]
    assert life.fleet.over


# The end asked for by the user


def test_enough_known_ends_the_load_of_all_that_run_at_one_instant_soon() -> None:
    life = Life(agents=3).running()
    life.deliver(2)
    actions = life.fleet.end(life.now_ns)
    (at_ns,) = {order.at_ns for order in of_kind(actions, End)}
    assert actions == [Ends(at_ns), Send(peer(0), End(at_ns)), Send(peer(1), End(at_ns))]
    assert ms(1) < at_ns - life.now_ns < ms(100)
    assert life.fleet.end(life.now_ns) == []
    life.deliver(0)
    life.deliver(1)
    assert life.states == [State.DELIVERED] * 3


@pytest.mark.parametrize("when", ["prepared", "stopped", "delivered"])
def test_there_is_nothing_to_end_but_a_load_that_runs(when: str) -> None:
    life = Life(agents=1)
    if when == "prepared":
        life.prepared()
    else:
        life.running()
    if when == "stopped":
        life.fleet.stop(life.now_ns)
    if when == "delivered":
        life.deliver(0)
    assert life.fleet.end(life.now_ns) == []


def test_an_agent_whose_load_goes_on_after_the_end_that_was_ordered_is_lost() -> None:
    life = Life(agents=1, duration_s=600.0, null=NullService(service_ns=1000)).running()
    life.wait(5.0, heartbeats=(0,))
    life.fleet.end(life.now_ns)
    life.wait(RULES.lost_s - 0.5, heartbeats=(0,))
    assert life.states == [State.RUNNING]
    life.wait(1.0, heartbeats=(0,))
    assert life.states == [State.LOST]


def test_what_an_agent_counted_is_handed_on_in_its_order_and_else_loses_it() -> None:
    life = Life(agents=2, cells_ns=(ms(10), ms(20))).running()
    first, second = (Tally(cell, 1.0, b"", b"") for cell in (0, 1))
    assert life.say(0, first) == [Tallied(0, first)]
    assert life.say(0, second) == [Tallied(0, second)]
    assert of_kind(life.say(1, second), Tallied) == []
    assert life.states == [State.RUNNING, State.LOST]
    assert "in cell 1 of its load, where that of 0 was next" in why(life, 1)
    life.say(0, Tally(2, 1.0, b"", b""))
    assert life.states == [State.LOST, State.LOST]


def test_what_an_agent_has_completed_is_kept_and_too_many_such_reports_lose_it() -> None:
    life = Life(agents=2, counts_s=0.0).running()
    reports = [Counted(n, 0, 0.5, np.array([7], "<i4").tobytes(), np.array([n], "<i8").tobytes()) for n in (1, 2)]
    assert [life.say(0, one) for one in reports] == [[], []]
    assert life.member(0).counted == reports[1]
    for _ in range(RULES.notices):
        life.say(0, reports[1])
    assert life.states == [State.LOST, State.RUNNING]
    assert "messages that say nothing new" in why(life, 0)


def test_a_stop_while_running_stops_the_load_and_waits_for_what_was_measured() -> None:
    life = Life(agents=2).running()
    assert of_kind(life.fleet.stop(life.now_ns), Stop) == [Stop(), Stop()]
    assert not life.fleet.over
    life.deliver(0)
    life.deliver(1)
    assert life.states == [State.DELIVERED, State.DELIVERED]


def test_a_second_stop_says_nothing_more() -> None:
    life = Life(agents=1).running()
    life.fleet.stop(life.now_ns)
    assert life.fleet.stop(life.now_ns) == []


def test_an_agent_that_does_not_stop_is_lost_in_time() -> None:
    life = Life(agents=1).running()
    life.fleet.stop(life.now_ns)
    life.wait(RULES.stop_s, heartbeats=(0,))
    assert life.states == [State.RUNNING]
    life.wait(0.5, heartbeats=(0,))
    assert life.states == [State.LOST]
    assert "stop" in why(life, 0)


@pytest.mark.parametrize("stage", ["joined", "prepared"])
def test_a_stop_before_the_load_ends_the_run_at_once(stage: str) -> None:
    life = Life(agents=2)
    getattr(life, stage)()
    assert life.fleet.stop(life.now_ns) == []
    assert life.fleet.over
    assert len(of_kind(release(life.fleet.crew()), Release)) == 2


def test_a_stop_after_some_have_delivered_keeps_their_samples() -> None:
    life = Life(agents=2).running()
    life.deliver(0)
    life.fleet.stop(life.now_ns)
    assert not life.fleet.over
    life.deliver(1)
    assert all(member.samples for member in life.fleet.members)


# Messages out of turn


def test_messages_from_nobody_we_know_are_counted_and_nothing_else() -> None:
    life = Life(agents=1).running()
    assert life.fleet.heard(b"stranger", Warmed(completed=1), life.now_ns) == []
    assert life.fleet.illegal == 1
    assert life.states == [State.RUNNING]


@pytest.mark.parametrize("notice", [ready(), Warmed(completed=1), Delivered(messages=0), samples(steady(0, 10, 1))])
def test_messages_that_cannot_come_now_are_counted_and_nothing_else(notice: AnyNotice) -> None:
    life = Life(agents=1).running()
    assert life.say(0, notice) == []
    assert life.fleet.illegal == 1
    assert life.states == [State.RUNNING]
    assert life.member(0).samples == []


def test_messages_that_cannot_come_now_are_no_sign_of_life() -> None:
    life = Life(agents=1).running()
    for _ in range(14):
        life.wait(0.25)
        life.say(0, Warmed(completed=1))
    assert life.states == [State.LOST]


def test_a_lost_agent_that_comes_back_stays_lost() -> None:
    life = Life(agents=2).running()
    life.fleet.died(1, "was killed", life.now_ns)
    life.deliver(1)
    assert life.states == [State.RUNNING, State.LOST]
    assert life.fleet.illegal == 3
    assert life.member(1).finished is None


# Time


def test_pulses_go_to_all_that_live_as_often_as_heartbeats_come() -> None:
    life = Life(agents=2).running()
    actions = life.wait(4 * RULES.heartbeat_s, heartbeats=(0, 1))
    assert len(of_kind(actions, Pulse)) == 2 * 4
    life.fleet.died(1, "was killed", life.now_ns)
    assert len(of_kind(life.wait(4 * RULES.heartbeat_s, heartbeats=(0,)), Pulse)) == 4


def crowd(agents: int, cpus: int) -> Life:
    """So many agents on so few CPUs."""
    life = Life(agents=agents, duration_s=60.0)
    jobs = [job((agent % cpus,), duration_s=60.0) for agent in range(agents)]
    life.fleet = Fleet(jobs, RULES, life.now_ns, agents_per_cpu=agents / cpus)
    return life


def test_agents_that_share_a_cpu_have_longer_leases_and_fewer_heartbeats() -> None:
    few, many = (of_kind(crowd(agents, cpus=2).join(0), Prepare)[0] for agents in (2, 500))
    assert (few.heartbeat_s, few.lease_s) == (RULES.heartbeat_s, RULES.lease_s)
    assert many.heartbeat_s * 2 * 0.05 >= 500 * 0.0015, "at most 5 % of the CPUs for heartbeats of 1.5 ms"
    assert many.lease_s >= 3 * many.heartbeat_s
    assert many.lease_s > 60


def test_agents_that_share_a_cpu_may_be_silent_and_absent_for_longer() -> None:
    life = crowd(500, cpus=2)
    for agent in range(499):
        life.join(agent)
    life.wait(10 * RULES.lost_s)
    assert life.states == [State.PREPARING] * 499 + [State.EXPECTED]
    life.wait(20 * RULES.lost_s)
    assert set(life.states) == {State.LOST}


def test_the_pulses_of_agents_that_share_a_cpu_are_within_their_lease() -> None:
    life = crowd(500, cpus=2)
    (order,) = of_kind(life.join(0), Prepare)
    pulses = of_kind(life.wait(order.lease_s, heartbeats=(0,)), Pulse)
    assert len(pulses) >= 3


def test_a_load_of_agents_that_share_a_cpu_begins_later() -> None:
    spread, shared = Life(agents=64), crowd(64, cpus=2)
    for life in (spread, shared):
        life.running()
        assert life.fleet.begin_ns is not None
    assert (shared.fleet.begin_ns or 0) - shared.now_ns > 4 * ((spread.fleet.begin_ns or 0) - spread.now_ns)


def test_one_that_has_delivered_is_kept_while_the_others_go_on() -> None:
    life = Life(agents=2, duration_s=600.0).running()
    life.deliver(0)
    actions = life.wait(60.0, heartbeats=(0, 1))
    pulses = [action.peer for action in actions if isinstance(action, Send) and isinstance(action.order, Pulse)]
    assert pulses.count(peer(0)) == pulses.count(peer(1)) == 60


def test_a_pause_of_the_coordinator_itself_is_not_held_against_the_agents() -> None:
    life = Life(agents=2).running()
    life.wait(1.0, heartbeats=(0, 1))
    life.now_ns += seconds(60)
    assert of_kind(life.fleet.tick(life.now_ns), Lost) == []
    life.wait(1.0, heartbeats=(0, 1))
    assert life.states == [State.RUNNING, State.RUNNING]


def test_a_pause_while_agents_join_gives_them_the_time_back() -> None:
    life = Life(agents=2)
    life.join(0)
    life.now_ns += seconds(60)
    assert of_kind(life.fleet.tick(life.now_ns), Lost) == []
    life.join(1)
    assert life.states == [State.PREPARING, State.PREPARING]


def test_silence_after_a_pause_is_noticed_all_the_same() -> None:
    life = Life(agents=1).running()
    life.now_ns += seconds(60)
    life.fleet.tick(life.now_ns)
    life.wait(3.5)
    assert life.states == [State.LOST]


def test_a_lost_agent_is_not_released() -> None:
    life = Life(agents=2).running()
    life.fleet.died(1, "was killed", life.now_ns)
    releases = [action for action in release(life.fleet.crew()) if isinstance(action, Send)]
    assert [action.peer for action in releases] == [peer(0)]


def test_an_agent_is_named_with_its_process_once_that_is_known() -> None:
    life = Life(agents=2)
    life.join(0)
    assert life.member(0).name == "agent 0 (pid 1000)"
    assert life.member(1).name == "agent 1"


def test_it_is_known_how_many_are_still_to_come_and_to_prepare() -> None:
    life = Life(agents=3)
    counts = [life.fleet.still(State.EXPECTED, State.PREPARING)]
    life.joined()
    counts.append(life.fleet.still(State.EXPECTED))
    for agent in range(3):
        life.say(agent, ready())
        counts.append(life.fleet.still(State.EXPECTED, State.PREPARING))
    assert counts == [3, 0, 2, 1, 0]


def test_agents_that_have_delivered_are_taken_over_without_a_hello() -> None:
    life = Life().running()
    for agent in range(2):
        life.deliver(agent)
    life.fleet, former = Fleet([job((i,)) for i in range(2)], RULES, life.now_ns), life.fleet.crew()
    (first, second) = of_kind(life.fleet.take_over(former, life.now_ns), Again)
    assert (first.job, second.job) == (job((0,)), job((1,)))
    assert life.states == [State.PREPARING] * 2
    assert [member.pid for member in life.fleet.members] == [1000, 1001]
    life.all_say(ready())
    assert life.states == [State.WARMING] * 2


def test_a_crew_is_whole_when_all_have_delivered() -> None:
    life = Life().running()
    life.deliver(0)
    assert not life.fleet.crew().whole
    life.deliver(1)
    assert life.fleet.crew() == Crew(
        tuple(Contact(peer(id), 1000 + id, life.member(id).host, life.member(id).nonce) for id in range(2)), whole=True
    )


def test_a_record_shares_the_messages_of_its_agent_and_does_not_change_with_it() -> None:
    """Samples may be gigabytes."""
    life = Life(agents=1).running()
    life.deliver(0)
    (record,) = life.fleet.records()
    assert record.samples
    assert all(mine is its for mine, its in zip(record.samples, life.member(0).samples, strict=True))
    life.member(0).forget()
    assert record.samples
    assert record.counts


def test_what_taken_over_agents_delivered_before_is_no_part_of_the_new_run() -> None:
    life = Life(agents=1).running()
    life.deliver(0)
    life.fleet, former = Fleet([job((0,))], RULES, life.now_ns), life.fleet.crew()
    life.fleet.take_over(former, life.now_ns)
    assert life.member(0).samples == []
    assert life.member(0).finished is None


def test_an_agent_that_cannot_be_understood_is_lost_by_name_and_a_stranger_is_nobody() -> None:
    life = Life(agents=2).running()
    assert life.fleet.garbled(b"stranger", "Input data was truncated", life.now_ns) == []
    life.fleet.garbled(peer(1), "Input data was truncated", life.now_ns)
    assert life.states == [State.RUNNING, State.LOST]
    assert why(life, 1) == "it sent something that is not a message: Input data was truncated"


def test_an_agent_that_says_what_cannot_be_is_lost_and_the_others_go_on() -> None:
    life = Life(agents=2).prepared()
    life.say(0, Warmed(completed=3))
    life.say(1, Warmed(completed=3))
    life.say(1, finished(completed=5))
    assert life.states == [State.RUNNING, State.LOST]
    assert "does it read this machine's clock?" in why(life, 1)
    life.deliver(0)
    assert life.fleet.over
    assert life.states == [State.DELIVERED, State.LOST]
