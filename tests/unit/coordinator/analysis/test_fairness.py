"""Agents beside each other."""

from dataclasses import replace

import pytest
from msgspec import structs

from ovbench.common.job import Schedule, ScheduleAddress
from ovbench.common.topology import Topology
from ovbench.coordinator.analysis.fairness import cpus_had, fairness, fps_per_cpu
from ovbench.coordinator.analysis.merge import Merged, merge
from ovbench.coordinator.analysis.recording import recorded
from ovbench.coordinator.session.record import AgentRecord, RunRecord
from tests.builders import delivered, finished, ms, over_hosts, run, seconds, steady, with_host
from tests.machines import machine


def at(rate: float, id: int, *cpus: int) -> AgentRecord:
    return delivered(id, cpus=cpus or (id,), data=steady(seconds(1), ms(1000 / rate), round(10 * rate)))


def merged_of(members: list[AgentRecord]) -> Merged:
    return merge(recorded(members))


def of(members: list[AgentRecord], topology: Topology | None = None) -> RunRecord:
    return with_host(run(members), topology=topology or machine())


def test_agents_are_compared_per_cpu_and_named_by_place() -> None:
    members = [at(100, 0), at(80, 1), at(200, 2, 4, 5), at(160, 3, 3, 6)]
    part = fairness(of(members, machine(sockets=2, cores=4, nodes=2)), merged_of(members))
    assert part is not None
    assert (part.min_fps_per_cpu, part.max_fps_per_cpu) == pytest.approx((80, 100))
    assert (part.slowest_agent, part.fastest_agent) == (1, 0)
    assert part.spread_percent == pytest.approx(100 * 20 / 90)
    assert part.by_node == {"0": pytest.approx(90), "2": pytest.approx(100)}
    assert part.by_socket == {"0": pytest.approx(90), "1": pytest.approx(100)}


def test_of_a_cpu_that_agents_share_each_has_its_part() -> None:
    """Agents 0 and 2 halve CPU 0, and are served as well as agent 1, which has CPU 1 alone."""
    members = [at(50, 0, 0), at(100, 1, 1), at(50, 2, 0)]
    assert fps_per_cpu(of(members), merged_of(members)) == {number: pytest.approx(100) for number in range(3)}
    part = fairness(of(members, machine(cores=2)), merged_of(members))
    assert part is not None
    assert part.spread_percent == pytest.approx(0, abs=1e-6)
    assert cpus_had({0: (0, 1), 1: (1, 2, 3), 2: (1,)}) == pytest.approx({0: 1 + 1 / 3, 1: 2 + 1 / 3, 2: 1 / 3})


def test_one_agent_is_neither_fair_nor_unfair() -> None:
    members = [at(100, 0)]
    assert fairness(of(members), merged_of(members)) is None


def test_an_agent_that_did_nothing_is_the_slowest() -> None:
    idle = delivered(1, data=steady(seconds(20), ms(10), 5))
    members = [at(100, 0), idle]
    part = fairness(of(members), merged_of(members))
    assert part is not None
    assert (part.slowest_agent, part.min_fps_per_cpu) == (1, 0)


def test_with_a_schedule_what_agents_did_is_what_fell_to_them_and_is_not_compared() -> None:
    address = ScheduleAddress(pid=1, descriptor=3, count=9, nonce="0" * 32)
    members = [at(100, 0), at(80, 1)]
    assert fairness(of(members), merged_of(members)) is not None
    scheduled = [
        replace(
            one,
            job=structs.replace(one.job, load=structs.replace(one.job.load, schedule=Schedule(address, 0, 9, shared))),
        )
        for one, shared in zip(members, (True, False), strict=True)
    ]
    assert fairness(of(scheduled), merged_of(members)) is None


def test_agents_that_never_ran_together_are_not_compared() -> None:
    late = finished(seconds(20), seconds(30), completed=0, cpus=(1,))
    members = [at(100, 0), delivered(1, load=late)]
    assert fps_per_cpu(of(members), merged_of(members)) == {}
    assert fairness(of(members), merged_of(members)) is None


def test_over_hosts_a_cpu_of_one_is_no_cpu_of_another_and_means_are_by_host() -> None:
    members = [at(100, 0, 0), at(80, 1, 0), at(90, 2, 1)]
    part = fairness(over_hosts({"a": members[:1], "b": members[1:]}), merged_of(members))
    assert part is not None
    assert (part.min_fps_per_cpu, part.max_fps_per_cpu) == pytest.approx((80, 100))
    assert part.by_host == {"a": pytest.approx(100), "b": pytest.approx(85)}
    assert (part.by_node, part.by_socket, part.among) == ({}, {}, ("a", "b"))


def test_agents_of_unlike_hosts_are_compared_with_their_own_kind() -> None:
    """Hosts a and c are alike; b is faster, which is no unfairness."""
    members = [at(100, 0, 0), at(400, 1, 0), at(390, 2, 1), at(80, 3, 0)]
    record = over_hosts(
        {"a": members[:1], "b": members[1:3], "c": members[3:]}, environments={"b": {"cpu_model": "Another CPU"}}
    )
    part = fairness(record, merged_of(members))
    assert part is not None
    assert (part.slowest_agent, part.fastest_agent, part.among) == (3, 0, ("a", "c"))
    assert part.spread_percent == pytest.approx(100 * 20 / 90)
    assert part.by_host["b"] == pytest.approx(395)


def test_hosts_of_which_none_is_like_another_and_has_one_agent_each_are_not_compared() -> None:
    members = [at(100, 0, 0), at(400, 1, 0)]
    record = over_hosts({"a": members[:1], "b": members[1:]}, environments={"b": {"openvino": "2025.4.1"}})
    assert fairness(record, merged_of(members)) is not None, "their agents report the same build"
    assert (
        fairness(
            over_hosts({"a": members[:1], "b": members[1:]}, environments={"b": {"physical_cores": 8}}),
            merged_of(members),
        )
        is None
    )
