"""The hosts of a run together, over a bus that is none: who is waited for, what is passed on, who is lost."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
import pytest
from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.common.hostbus import HostHub
from ovbench.common.hostmessages import (
    HOST_PROTOCOL_VERSION,
    INSTANTS_PER_PART,
    Admit,
    AnyHostNotice,
    AnyHostOrder,
    CpuAt,
    Died,
    Disband,
    Disbanded,
    Dismiss,
    ForeignHost,
    FromAgent,
    HostFailed,
    HostTopology,
    Muster,
    Ping,
    Pong,
    Present,
    Refuse,
    ScheduleAt,
    SchedulePart,
    ShareSchedule,
    ToAgent,
)
from ovbench.common.messages import PROTOCOL_VERSION, AnyOrder, Hello, Prepare, Progress, Start
from ovbench.common.wire import BadMessage, decode, encode
from ovbench.coordinator.launch import Death, HostEnd, Seat
from ovbench.coordinator.plan.plan import Plan, SeatedHost, make_plan_over
from ovbench.coordinator.session.hosts.host import Host
from ovbench.coordinator.session.hosts.hosts import Hosts
from ovbench.coordinator.session.interrupts import Interrupts
from tests.builders import ms, request, seconds
from tests.machines import machine

TOPOLOGY = HostTopology(tuple(CpuAt(cpu, 0, 0, cpu, 0) for cpu in range(4)), (0, 1, 2, 3))
PRESENT = Present(HOST_PROTOCOL_VERSION, 7, "0" * 32, "box", "6.1", "x86_64", "3.11", {"openvino": "1"}, TOPOLOGY)
OFFSETS_NS = {"a": seconds(1_000), "b": -seconds(50)}


@dataclass
class World:
    """A bus, a launcher and a clock at once. Hosts answer pings by their own clocks, in 100 us, and orders by
    `answering`."""

    now_ns: int = seconds(100)
    said: deque[tuple[str, AnyHostNotice | ForeignHost | BadMessage]] = field(default_factory=deque)
    sent: list[tuple[str, AnyHostOrder]] = field(default_factory=list)
    news: deque[HostEnd] = field(default_factory=deque)
    silent: set[str] = field(default_factory=set)
    deaf: set[str] = field(default_factory=set)
    """They answer no ping, and say other things."""
    forgotten: list[str] = field(default_factory=list)
    unsent: dict[str, int] = field(default_factory=dict)
    answering: Callable[[str, AnyHostOrder], Sequence[AnyHostNotice]] = lambda name, order: ()
    hosts: tuple[str, ...] = ("a", "b")
    fd: int | None = None
    dropped: int = 0
    closed: bool = False
    address: tuple[str, int] = ("10.0.0.1", 5555)

    def clock(self) -> int:
        return self.now_ns

    def watch(self, fd: int) -> None: ...

    def wait(self, timeout_s: float) -> set[int]:
        self.now_ns += max(ms(0.1), round(timeout_s * 1e9))
        return set()

    def send(self, name: str, order: AnyHostOrder, urgent: bool = False) -> bool:
        if name in self.silent:
            return True
        if isinstance(order, Ping):
            assert urgent
            if name in self.deaf:
                return True
            self.said.append((name, Pong(order.number, order.sent_ns, order.sent_ns + 50_000 + OFFSETS_NS[name])))
        else:
            self.sent.append((name, order))
            self.said += [(name, notice) for notice in self.answering(name, order)]
        return True

    def messages(self, most: int, most_bytes: int) -> Iterator[tuple[str, AnyHostNotice | ForeignHost | BadMessage]]:
        if self.said:
            self.now_ns += ms(0.1)
        while self.said:
            yield self.said.popleft()

    def unsent_bytes(self, name: str) -> int:
        return self.unsent.get(name, 0)

    def connected(self, name: str) -> bool:
        return not any(isinstance(order, Dismiss) for to, order in self.sent if to == name)

    def forget(self, name: str) -> None:
        self.forgotten.append(name)

    def ends(self) -> Iterator[HostEnd]:
        while self.news:
            yield self.news.popleft()

    def start(self, seats: Sequence[Seat]) -> None: ...
    def end(self, host: str) -> None: ...
    def abandon(self) -> None: ...
    def close(self) -> None: ...

    def orders(self, kind: type[AnyHostOrder]) -> list[str]:
        return [name for name, order in self.sent if isinstance(order, kind)]


def hosts_of(world: World, present: bool = True) -> Hosts:
    hosts = Hosts(
        hub=cast(HostHub, world),
        launcher=world,
        interrupts=Interrupts(),
        hosts=tuple(Host(index, name, world.now_ns) for index, name in enumerate(world.hosts)),
        lost_s=3.0,
        clock=world.clock,
    )
    if present:
        world.said += [(name, PRESENT) for name in world.hosts]
        hosts.join(10.0)
    return hosts


def plan() -> Plan:
    return make_plan_over(request("--agents", "2"), [SeatedHost(name, machine(cores=4)) for name in ("a", "b")])


def begun(world: World) -> Hosts:
    hosts = hosts_of(world)
    hosts.begin(plan())
    hosts.muster(plan(), None)
    return hosts


def heard(hosts: Hosts) -> list[tuple[bytes, object]]:
    return list(hosts.spoken(100, 1 << 20))


def from_agent(epoch: int, notice: Hello | Progress, peer: bytes = b"p") -> FromAgent:
    return FromAgent(epoch, peer, encode(notice))


def hello(agent: int) -> Hello:
    return Hello(PROTOCOL_VERSION, 70 + agent, "box", agent, f"{agent:032x}")


# Joining


def test_hosts_that_are_there_are_admitted_and_their_clocks_are_known() -> None:
    world = World()
    hosts = hosts_of(world)
    assert world.orders(Admit) == ["a", "b", "a", "b"], "and again for as long as nothing runs"
    for host in hosts.hosts:
        assert host.topology is not None
        assert len(host.topology.cpus) == 4
        assert host.time.clock.error_ns(world.now_ns) < ms(1)
        offset_ns = host.time.clock.to_host_ns(world.now_ns) - world.now_ns
        assert offset_ns == pytest.approx(OFFSETS_NS[host.name], abs=60_000)


def test_a_host_that_does_not_come_is_named_with_what_to_try() -> None:
    world = World()
    world.said.append(("a", PRESENT))
    with pytest.raises(UsageError, match=r"host b: .*did not join within 5 s.*10\.0\.0\.1.*--join-timeout"):
        hosts_of(world, present=False).join(5.0)


def test_a_supervisor_that_could_not_be_started_is_told_in_the_launchers_words() -> None:
    world = World()
    world.news.append(HostEnd("b", "ssh: no route to host; see that it is on"))
    with pytest.raises(UsageError, match="host b: ssh: no route to host; see that it is on"):
        hosts_of(world, present=False).join(5.0)


def test_another_protocol_is_refused_on_both_sides() -> None:
    world = World()
    world.said.append(("a", ForeignHost(99)))
    with pytest.raises(UsageError, match=r"host a: its ovbench speaks protocol 99.*install the same"):
        hosts_of(world, present=False).join(5.0)
    assert world.orders(Refuse) == ["a"]


# A session


def test_each_host_is_told_of_its_own_agents_and_cpus() -> None:
    world = World()
    begun(world)
    orders = [order for _, order in world.sent if isinstance(order, Muster)]
    assert [order.agents for order in orders] == [(0, 1), (2, 3)]
    assert [order.measured for order in orders] == [(0, 1, 2, 3)] * 2


def test_what_agents_say_comes_with_a_peer_that_leads_back_to_them() -> None:
    world = World()
    hosts = begun(world)
    world.said += [("a", from_agent(hosts.epoch, hello(0))), ("b", from_agent(hosts.epoch, hello(2)))]
    (first, one), (second, other) = heard(hosts)
    assert first != second, "though their hosts call them the same"
    assert isinstance(one, Hello)
    assert isinstance(other, Hello)
    assert (one.host, other.host) == ("a", "b")
    assert hosts.send_to(second, Start(seconds(500)))
    name, order = world.sent[-1]
    assert name == "b"
    assert isinstance(order, ToAgent)
    assert order.peer == b"p"
    inside: AnyOrder = decode(order.order, AnyOrder)
    assert isinstance(inside, Start)
    assert inside.at_ns == pytest.approx(seconds(500) + OFFSETS_NS["b"], abs=ms(1))


def test_nobody_has_a_place_on_another_host() -> None:
    world = World()
    hosts = begun(world)
    world.said.append(("a", from_agent(hosts.epoch, hello(2))))
    assert heard(hosts) == []


def test_what_belongs_to_another_epoch_is_dropped_and_counted() -> None:
    world = World()
    hosts = begun(world)
    before = hosts.dropped
    world.said += [
        ("a", from_agent(hosts.epoch - 1, Progress(10, 1))),
        ("a", Died(hosts.epoch + 1, 0, "was killed")),
    ]
    assert heard(hosts) == []
    assert (hosts.dropped - before, list(hosts.deaths)) == (2, [])


def test_bytes_of_an_agent_that_are_no_message_are_its_own_fault() -> None:
    world = World()
    hosts = begun(world)
    world.said.append(("a", FromAgent(hosts.epoch, b"p", b"\xc1")))
    ((peer, found),) = heard(hosts)
    assert peer.endswith(b"p")
    assert isinstance(found, BadMessage)


def test_an_instant_that_no_clock_has_is_no_message() -> None:
    from tests.builders import finished

    world = World()
    hosts = begun(world)
    world.said.append(("b", from_agent(hosts.epoch, cast(Progress, finished(1, 2, 0)))))
    heard(hosts)
    world.now_ns += seconds(1)
    assert all(isinstance(found, BadMessage) for _, found in heard(hosts)) or hosts.hosts[1].lost


def test_a_death_is_passed_on_only_by_the_host_whose_agent_it_was() -> None:
    world = World()
    hosts = begun(world)
    world.said += [("a", Died(hosts.epoch, 1, "was killed")), ("a", Died(hosts.epoch, 2, "was killed"))]
    heard(hosts)
    assert list(hosts.deaths) == [Death(1, "was killed")]


# Losing hosts


def test_a_silent_host_is_lost_with_its_agents_and_nothing_of_it_is_taken_any_more() -> None:
    world = World()
    hosts = begun(world)
    world.silent.add("b")
    for _ in range(40):
        world.wait(0.1)
        heard(hosts)
        hosts.tick()
    assert [host.name for host in hosts.living] == ["a"]
    assert [death.agent for death in hosts.deaths] == [2, 3]
    assert all("host b is lost: nothing was heard from it for 3" in death.how for death in hosts.deaths)
    assert world.forgotten == ["b"]
    peer = (1).to_bytes(2, "big") + b"p"
    assert not hosts.send_to(peer, Start(seconds(500)))


def test_a_coordinator_that_stood_still_blames_nobody() -> None:
    world = World()
    hosts = begun(world)
    heard(hosts)
    hosts.tick()
    world.now_ns += seconds(60)
    hosts.tick()
    assert len(hosts.living) == 2


def test_a_supervisor_that_ended_takes_its_agents_along() -> None:
    world = World()
    hosts = begun(world)
    world.news.append(HostEnd("a", "its supervisor was killed"))
    hosts.tick()
    assert [(death.agent, death.how) for death in hosts.deaths] == [
        (agent, "host a is lost: its supervisor was killed") for agent in (0, 1)
    ]


def test_a_host_that_was_lost_before_has_no_agents_in_the_next_epoch_either() -> None:
    world = World()
    hosts = begun(world)
    world.news.append(HostEnd("a", "its supervisor was killed"))
    hosts.tick()
    hosts.begin(plan())
    assert [death.agent for death in hosts.deaths] == [0, 1]


def test_what_a_host_cannot_do_by_the_users_fault_is_one_sentence_with_its_name() -> None:
    world = World()
    hosts = begun(world)
    world.said.append(("b", HostFailed("usage", "--model-cache /x: it cannot be written")))
    heard(hosts)
    with pytest.raises(UsageError, match="host b: --model-cache /x: it cannot be written"):
        hosts.raise_failure()


# Schedules


def test_agents_get_their_arrivals_where_their_host_keeps_them() -> None:
    from tests.builders import job

    def answer(name: str, order: AnyHostOrder) -> Sequence[AnyHostNotice]:
        if isinstance(order, SchedulePart):
            return [ScheduleAt(order.epoch, 40, 3, 5, "f" * 32)]
        return ()

    world = World(answering=answer)
    hosts = hosts_of(world)
    hosts.supply.schedules = {0: np.arange(5), 1: np.arange(5)}
    hosts.begin(plan())
    assert world.orders(ShareSchedule) == ["a", "b"]
    from ovbench.common.job import Schedule, ScheduleAddress

    plain = job((0,))
    nowhere = Schedule(ScheduleAddress(1, 0, 5, "0" * 32), 2, 3, False)
    scheduled = structs.replace(plain, load=structs.replace(plain.load, schedule=nowhere))
    peer = (1).to_bytes(2, "big") + b"p"
    assert hosts.send_to(peer, Prepare(2, scheduled, 1.0, 3.0))
    _, order = world.sent[-1]
    assert isinstance(order, ToAgent)
    inside: AnyOrder = decode(order.order, AnyOrder)
    assert isinstance(inside, Prepare)
    assert inside.job.load.schedule is not None
    assert inside.job.load.schedule.address == ScheduleAddress(40, 3, 5, "f" * 32)
    assert (inside.job.load.schedule.first, inside.job.load.schedule.count) == (2, 3)


# The end


def test_agents_that_are_let_go_are_waited_for_but_not_for_ever() -> None:
    def answer(name: str, order: AnyHostOrder) -> Sequence[AnyHostNotice]:
        return [Disbanded(order.epoch)] if isinstance(order, Disband) and name == "a" else ()

    world = World(answering=answer)
    hosts = begun(world)
    before = world.now_ns
    hosts.disband(2.0)
    assert seconds(2) <= world.now_ns - before < seconds(3)


def test_supervisors_are_dismissed() -> None:
    world = World()
    hosts = begun(world)
    hosts.dismiss(2.0)
    assert world.orders(Dismiss) == ["a", "b"]
    assert hosts.living == []


def test_a_schedule_is_sent_as_the_bus_can_keep_it() -> None:
    """A host that has left much unacknowledged gets the rest when there is room again, and not nothing."""

    def answer(name: str, order: AnyHostOrder) -> Sequence[AnyHostNotice]:
        if not isinstance(order, SchedulePart):
            return ()
        world.unsent[name] = 0 if order.first else 1 << 30
        return [ScheduleAt(order.epoch, 40, 3, INSTANTS_PER_PART + 1, "f" * 32)] if order.first else ()

    world = World(answering=answer)
    hosts = hosts_of(world)
    hosts.supply.schedules = {0: np.arange(INSTANTS_PER_PART + 1), 1: np.empty(0, np.int64)}
    turns = iter(range(100))
    waited = world.wait

    def wait(timeout_s: float) -> set[int]:
        if next(turns) == 50:
            world.unsent.clear()
        return waited(timeout_s)

    world.wait = wait  # type: ignore[method-assign]
    hosts.begin(plan())
    assert world.orders(SchedulePart) == ["a", "a"]
    assert not hosts.hosts[0].lost


def test_a_host_that_never_keeps_its_schedule_is_lost() -> None:
    """It says other things meanwhile, so that it is not silent."""
    world = World()
    hosts = hosts_of(world)
    hosts.supply.schedules = {0: np.arange(5), 1: np.arange(5)}
    hosts.begin(plan())
    assert [host.lost for host in hosts.hosts] == ["it has not taken its part of the schedule"] * 2


def test_a_host_whose_clock_cannot_be_read_is_lost() -> None:
    world = World(deaf={"b"})
    said = World.messages

    def messages(most: int, most_bytes: int) -> Iterator[tuple[str, AnyHostNotice | ForeignHost | BadMessage]]:
        yield "b", Died(0, 0, "whatever")
        yield from said(world, most, most_bytes)

    world.messages = messages  # type: ignore[method-assign]
    hosts = hosts_of(world)
    assert [host.lost for host in hosts.hosts] == ["", "its clock cannot be read, as it does not answer"]


def test_between_sessions_hosts_may_hear_nothing_for_longer() -> None:
    world = World()
    hosts = begun(world)
    hosts.rest()
    hosts.begin(plan())
    leases = [order.lease_s for name, order in world.sent if isinstance(order, Admit) and name == "a"]
    assert leases == [3.0, 600.0, 3.0, 600.0, 3.0]


def test_a_failure_of_one_trial_is_none_of_the_next() -> None:
    world = World()
    hosts = begun(world)
    hosts.failures.append("host b: the disk is full")
    hosts.give_files([], allow_extensions=False)
    hosts.raise_failure()


def test_a_host_whose_clock_has_no_instant_for_an_order_is_lost_alone() -> None:
    world = World()
    hosts = begun(world)
    peer = (1).to_bytes(2, "big") + b"p"
    assert not hosts.send_to(peer, Start(0))
    assert [host.name for host in hosts.living] == ["a"]
    assert "its clock cannot be" in hosts.hosts[1].lost


def test_what_a_host_cannot_do_once_a_load_was_ordered_is_a_loss_and_not_the_users_fault() -> None:
    world = World()
    hosts = begun(world)
    hosts.hosts[1].loaded = True
    world.said.append(("b", HostFailed("usage", "an order for an instant that makes no sense")))
    heard(hosts)
    hosts.raise_failure()
    assert [host.name for host in hosts.living] == ["a"]


def test_bytes_of_a_host_that_are_no_message_lose_it() -> None:
    world = World()
    hosts = begun(world)
    world.said.append(("b", BadMessage("not a message")))
    heard(hosts)
    assert [host.name for host in hosts.living] == ["a"]
