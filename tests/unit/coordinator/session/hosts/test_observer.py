"""What supervisors are told of a load, and when they are to send what they have seen."""

from ovbench.common.hostmessages import CutLoad, EndObserving, ObserveLoad
from ovbench.coordinator.session.hosts.observer import RemoteObserver
from tests.builders import seconds
from tests.unit.coordinator.session.hosts.test_hosts import OFFSETS_NS, World, begun, plan


def test_the_instants_of_a_load_are_by_each_hosts_clock() -> None:
    world = World()
    observer = RemoteObserver(begun(world), plan())
    begin, window = world.now_ns + seconds(1), world.now_ns + seconds(2)
    observer.load_begins(begin, window, 10.0)
    observer.cut(window + seconds(3))
    told = {name: order for name, order in world.sent if isinstance(order, ObserveLoad)}
    ends = {name: order for name, order in world.sent if isinstance(order, CutLoad)}
    for name, offset_ns in OFFSETS_NS.items():
        assert abs(told[name].begin_ns - begin - offset_ns) < 100_000
        assert abs(told[name].window_ns - window - offset_ns) < 100_000
        assert abs(ends[name].end_ns - window - seconds(3) - offset_ns) < 100_000


def test_hosts_are_asked_once_for_what_they_have_seen_when_the_last_agent_has_ended_its_load() -> None:
    world = World()
    observer = RemoteObserver(begun(world), plan())
    observer.load_ended((), last=False)
    assert world.orders(EndObserving) == []
    observer.load_ended((), last=True)
    observer.finish()
    assert world.orders(EndObserving) == ["a", "b"]


def test_they_are_asked_too_where_no_agent_has_ended_a_load() -> None:
    """As where models are only compiled, or all agents are lost: nobody waits for what nobody asked for."""
    world = World()
    observer = RemoteObserver(begun(world), plan())
    observer.finish()
    assert world.orders(EndObserving) == ["a", "b"]
