"""The report of a run on several hosts, with figures of each that can be worked out on paper.

Host a has agents 0 and 1 on its CPUs 0 and 1, host b agent 2 on its CPU 0; inferences of a take 10 ms, those of b 5 ms.
The window is from second 1 to 11, in which a is busy for 80 % and b for 40 %.
"""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from ovbench.common.neighbours import Process
from ovbench.common.sensors import SensorReading
from ovbench.coordinator.result.cpu import CpuPart
from ovbench.coordinator.result.hosts import HostClock
from ovbench.coordinator.session.record import AgentRecord, RunRecord
from tests.builders import (
    at_rate,
    clock,
    cpu_totals,
    delivered,
    effective,
    finished,
    folded,
    job,
    ms,
    over_hosts,
    pairs,
    ready,
    report,
    request,
    run,
    seconds,
    steady,
    timed,
    usage,
    with_host,
)


def members() -> dict[str, list[AgentRecord]]:
    fast = delivered(2, cpus=(0,), data=steady(seconds(1), ms(5), 2000))
    return {"a": [delivered(0), delivered(1)], "b": [fast]}


def of_two(**more: Any) -> RunRecord:
    readings = {"b": [cpu_totals(at, [0.4 * at], 0.004 * at) for at in range(13)]}
    return over_hosts(members(), readings=readings, **more)


def test_a_run_on_the_coordinators_own_host_alone_has_no_parts() -> None:
    assert report().hosts == ()
    assert report().measured_cpus == 2


def test_throughput_of_each_host_is_what_its_agents_did_and_adds_up() -> None:
    whole = report(of_two())
    a, b = (host.throughput for host in whole.hosts)
    assert a is not None
    assert b is not None
    assert (a.count, b.count, whole.throughput.count) == (2000, 2000, 4000)
    assert (a.fps, b.fps) == pytest.approx((200, 200))
    assert whole.throughput.fps == pytest.approx(400)
    assert (a.completed, b.completed) == (2000, 2000)


def test_latency_of_each_host_is_of_its_own_samples() -> None:
    whole = report(of_two())
    a, b = (host.latency_ms for host in whole.hosts)
    assert a is not None
    assert b is not None
    assert (a.min, a.median, a.p99, a.max) == pytest.approx((10, 10, 10, 10))
    assert (b.min, b.median, b.p99, b.max) == pytest.approx((5, 5, 5, 5))
    assert whole.latency_ms is not None
    assert (whole.latency_ms.min, whole.latency_ms.mean, whole.latency_ms.max) == pytest.approx((5, 7.5, 10))
    assert whole.latency_distribution is not None
    assert set(whole.latency_distribution.hosts) == {"a", "b"}
    assert set(whole.latency_distribution.hosts["b"]) == {5.0}


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(1, 400), min_size=1, max_size=40), min_size=2, max_size=5))
def test_percentiles_of_a_host_are_nearest_rank_of_its_samples(times: list[list[int]]) -> None:
    parts = {}
    for number, some in enumerate(times):
        latencies = np.asarray(some, np.int64) * ms(0.1)
        parts[f"h{number}"] = [delivered(number, cpus=(0,), data=pairs(seconds(1) + np.cumsum(latencies), latencies))]
    for host, some in zip(report(over_hosts(parts)).hosts, times, strict=True):
        ordered = np.sort(some) / 10
        assert host.latency_ms is not None
        assert host.latency_ms.count == len(some)
        for percent, value in ((50, host.latency_ms.median), (99, host.latency_ms.p99)):
            assert value == pytest.approx(ordered[int(np.ceil(percent / 100 * len(some))) - 1])


@settings(max_examples=20, deadline=None)
@given(st.lists(st.lists(st.integers(1, 900), min_size=1, max_size=30), min_size=2, max_size=6), st.data())
def test_figures_of_all_are_the_same_however_agents_are_spread_over_hosts(
    times: list[list[int]], data: st.DataObject
) -> None:
    agents = []
    for number, some in enumerate(times):
        latencies = np.asarray(some, np.int64) * ms(0.1)
        agents.append(delivered(number, data=pairs(seconds(1) + np.cumsum(latencies), latencies)))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(agents) - 1), max_size=3)))
    parts = [agents[low:high] for low, high in pairwise([0, *cuts, len(agents)])]
    spread = report(over_hosts({f"h{number}": part for number, part in enumerate(parts)}))
    alone = report(run(agents))
    for name in ("throughput", "latency_ms", "groups", "arrivals", "outputs", "phases_ms"):
        assert getattr(spread, name) == getattr(alone, name), name
    assert [part.fps for part in spread.timeline] == [part.fps for part in alone.timeline]
    each = [host.throughput for host in spread.hosts if host.throughput is not None]
    assert sum(one.count for one in each) == spread.throughput.count
    assert sum(one.fps for one in each) == pytest.approx(spread.throughput.fps)


def test_cpus_are_those_of_each_host_and_shares_of_all_are_weighted_by_their_number() -> None:
    whole = report(of_two())
    a, b = (host.cpu for host in whole.hosts)
    assert a is not None
    assert b is not None
    assert (a.measured_cpus, b.measured_cpus, whole.measured_cpus) == ((0, 1), (0,), 3)
    assert (a.busy_percent, b.busy_percent) == pytest.approx((80, 40))
    assert whole.cpu.busy_percent == pytest.approx((80 + 80 + 40) / 3)
    assert whole.cpu.agents_percent == pytest.approx(79.6)
    assert (set(a.use), set(b.use)) == ({"0", "1"}, {"0"})
    by_cpu = (whole.cpu.per_cpu, whole.cpu.use, whole.cpu.places, whole.cpu.timeline, whole.cpu.measured_cpus)
    assert by_cpu == ({}, {}, {}, None, ())
    assert [part.busy_percent for part in whole.timeline] == pytest.approx([200 / 3] * 100)


def test_of_one_host_with_a_name_everything_is_as_on_ones_own_and_its_part_says_the_same() -> None:
    """But for what names it."""
    alone = report(run([delivered(0), delivered(1)]))
    named = report(over_hosts({"a": [delivered(0), delivered(1)]}))
    (part,) = named.hosts
    assert (part.throughput, part.latency_ms, part.cpu) == (named.throughput, named.latency_ms, named.cpu)
    assert part.efficiency == named.efficiency
    assert [agent.host for agent in named.agents] == ["a", "a"]
    assert named.window.edge_error_us == pytest.approx(50)
    same = structs.replace(
        named, hosts=(), agents=alone.agents, environment=alone.environment, command=alone.command,
        window=alone.window, requested=alone.requested,
    )  # fmt: skip
    assert same == alone


def test_a_host_says_what_it_is_and_how_its_clock_stood() -> None:
    running = structs.replace(effective(), precision="bf16", isa="avx512_core_bf16", capabilities=("BF16", "FP32"))
    other = delivered(2, cpus=(0,), prepared=ready(running))
    there = {"cpu_model": "Another CPU", "kernel": "6.1", "governor": None, "sockets": 2}
    record = over_hosts(
        {"a": members()["a"], "b": [other]},
        environments={"b": there},
        clocks={"a": clock(-3.5, 20), "b": clock(2500, 120)},
    )
    whole = report(record)
    a, b = whole.hosts
    assert (a.name, a.hostname, a.state, a.reason, a.kind, a.agents) == ("a", "a.example", "ok", "", 1, (0, 1))
    assert (b.kind, b.agents, b.kernel, b.governor) == (2, (2,), "6.1", None)
    assert (b.topology.model, b.topology.sockets, b.topology.cores, b.topology.allowed) == ("Another CPU", 2, 2, (0, 1))
    assert (b.precision, b.isa, b.capabilities) == ("bf16", "avx512_core_bf16", ("BF16", "FP32"))
    assert b.clock == HostClock(2_500_000, 120, 1.5, 640, 240)
    assert (whole.window.edge_error_us, whole.window.skew_error_us) == pytest.approx((120, 140))
    assert b.environment.cpu_model == "Another CPU"
    assert whole.effective is not None
    assert whole.effective.precision == "f32, bf16"


def test_the_coordinators_own_host_has_no_clock_of_its_own_and_makes_no_error() -> None:
    record = of_two()
    mine = replace(record, hosts=(replace(record.hosts[0], clock=None), record.hosts[1]))
    whole = report(mine)
    assert whole.hosts[0].clock is None
    assert (whole.window.edge_error_us, whole.window.skew_error_us) == pytest.approx((50, 50))
    nowhere = replace(mine, hosts=tuple(replace(host, clock=None) for host in mine.hosts))
    assert report(nowhere).window.skew_error_us is None


def test_a_lost_host_has_no_figures_and_those_of_all_are_of_the_rest() -> None:
    gone = AgentRecord(2, job((0,)), pid=1002, host="box", why="host b: its network was gone")
    whole = report(over_hosts({"a": members()["a"], "b": [gone]}, lost={"b": "its network was gone for 3 s"}))
    a, b = whole.hosts
    assert (whole.validity.status, whole.validity.because) == ("PARTIAL", ("host_lost",))
    assert (a.state, b.state, b.reason) == ("ok", "lost", "its network was gone for 3 s")
    assert (b.throughput, b.latency_ms, b.cpu, b.efficiency) == (None, None, None, None)
    assert [finding.code for finding in b.findings] == ["host_lost"]
    assert a.throughput is not None
    assert whole.throughput.fps == a.throughput.fps == pytest.approx(200)
    assert whole.cpu.busy_percent == pytest.approx(80)
    assert whole.measured_cpus == 2
    assert [agent.state for agent in whole.agents] == ["ok", "ok", "lost"]


def test_where_all_hosts_are_lost_there_is_a_report_all_the_same() -> None:
    gone = {name: [AgentRecord(id, job((0,)), why="gone")] for id, name in enumerate("ab")}
    whole = report(over_hosts(gone, lost={"a": "gone", "b": "gone"}, readings={"a": [], "b": []}))
    assert whole.validity.status == "PARTIAL"
    assert (whole.measured, whole.measured_cpus, whole.efficiency) == (False, 0, None)
    assert whole.cpu == CpuPart(0.0, {}, 0.0, 0.0, 0.0, 0.0, ())


def test_a_host_of_which_an_agent_is_gone_is_partial() -> None:
    gone = AgentRecord(1, job((1,)), pid=1001, why="was killed by SIGKILL")
    whole = report(over_hosts({"a": [delivered(0), gone], "b": members()["b"]}))
    assert [host.state for host in whole.hosts] == ["partial", "ok"]
    assert [host.throughput is None for host in whole.hosts] == [False, False]


def test_what_throughput_cost_adds_up_and_energy_is_known_where_that_of_all_hosts_is() -> None:
    def sensors(watts: float) -> tuple[SensorReading, ...]:
        return tuple(SensorReading(seconds(at), {}, {}, {"package-0": watts * at}) for at in range(13))

    record = of_two()
    both = replace(
        record, hosts=tuple(replace(h, sensors=sensors(w)) for h, w in zip(record.hosts, (30, 50), strict=True))
    )
    whole = report(both)
    assert whole.efficiency is not None
    assert whole.efficiency.cpu_s == pytest.approx(3 * 7.96)
    assert (whole.efficiency.energy_j, whole.efficiency.power_w) == pytest.approx((800, 80))
    assert whole.efficiency.energy_per_inference_j == pytest.approx(0.2)
    assert whole.efficiency.energy_by_domain_j == {}
    a, b = (host.efficiency for host in whole.hosts)
    assert a is not None
    assert b is not None
    assert a.energy_by_domain_j == pytest.approx({"package-0": 300})
    assert b.power_w == pytest.approx(50)
    assert b.frames_per_cpu_s == pytest.approx(2000 / 7.96)
    half = replace(both, hosts=(both.hosts[0], replace(both.hosts[1], sensors=())))
    part = report(half).efficiency
    assert part is not None
    assert part.energy_j is None
    assert part.cpu_s == pytest.approx(3 * 7.96)


def test_others_on_the_measured_cpus_are_named_with_their_host() -> None:
    record = of_two()
    busy = {(Process(42, 7, "make"), 0): [(0, 0.0), (seconds(20), 4.0)]}
    more = {(Process(42, 9, "rsync"), 0): [(0, 0.0), (seconds(20), 8.0)]}
    whole = report(
        replace(record, hosts=(replace(record.hosts[0], neighbours=busy), replace(record.hosts[1], neighbours=more)))
    )
    assert [(one.host, one.name) for one in whole.neighbours] == [("b", "rsync"), ("a", "make")]
    assert [one.percent for one in whole.neighbours] == pytest.approx([40, 20])
    alone = report(with_host(run([delivered(0)]), neighbours=busy))
    assert [one.host for one in alone.neighbours] == [""]


def test_agents_are_placed_on_their_own_hosts() -> None:
    """CPU 0 of both hosts was used: that is no collision."""
    whole = report(of_two())
    assert [(agent.id, agent.host, agent.cpus) for agent in whole.agents] == [
        (0, "a", (0,)), (1, "a", (1,)), (2, "b", (0,)),
    ]  # fmt: skip
    assert all(agent.placement.collisions == () for agent in whole.agents)
    assert whole.fairness is not None
    assert whole.fairness.by_host == {"a": pytest.approx(100), "b": pytest.approx(200)}


def test_control_threads_of_all_hosts_are_counted_in_cpus() -> None:
    load = finished(readings=(usage(seconds(1)), usage(seconds(11), user_s=7.0, control_s=0.5)), completed=1000)
    record = over_hosts({"a": [delivered(0, load=load)], "b": [delivered(1, cpus=(0,), load=load)]}, readings={})
    whole = report(record)
    each = [host.cpu.control_percent for host in whole.hosts if host.cpu is not None]
    assert each == pytest.approx([5.8, 5.8])
    assert whole.cpu.control_percent == pytest.approx(11.6)


def test_at_a_rate_waits_and_services_of_a_host_are_its_own() -> None:
    """On a each arrival waits for 1 ms and is served for 5, on b for 2 and 3; b leaves half of its arrivals."""

    def paced(id: int, wait_ms: float, service_ms: float, count: int) -> AgentRecord:
        dues = seconds(1) + np.arange(count) * ms(10)
        starts = dues + ms(wait_ms)
        data = timed(dues, starts, starts + ms(service_ms))
        return at_rate(delivered(id, cpus=(0,), data=data), 0.01)

    whole = report(over_hosts({"a": [paced(0, 1, 5, 1000)], "b": [paced(1, 2, 3, 500)]}))
    a, b = whole.hosts
    for host, wait, service in ((a, 1, 5), (b, 2, 3)):
        assert host.wait_ms is not None
        assert host.service_ms is not None
        assert host.latency_ms is not None
        assert (host.wait_ms.median, host.service_ms.p99) == pytest.approx((wait, service))
        assert host.latency_ms.min == pytest.approx(wait + service)
    assert a.latency_ms is not None
    assert b.latency_ms is not None
    assert (a.latency_ms.count, a.latency_ms.missing) == (1000, 0)
    assert a.latency_ms.p99 == pytest.approx(6)
    assert (b.latency_ms.count, b.latency_ms.missing, b.latency_ms.p99) == (500, 500, None)
    assert whole.arrivals is not None
    assert (whole.arrivals.delivered, whole.arrivals.unfinished) == (1500, 500)


def test_the_percentile_that_was_asked_for_is_there_of_each_host() -> None:
    whole = report(of_two(wanted=request("-latency_percentile", "90", "--agents", "1")))
    chosen = [(host.latency_ms.chosen_percentile, host.latency_ms.chosen) for host in whole.hosts if host.latency_ms]
    assert [percent for percent, _ in chosen] == [90, 90]
    assert [value for _, value in chosen] == pytest.approx([10, 5])


def test_what_was_folded_is_a_histogram_of_its_host() -> None:
    """Agent 0 keeps 100 samples at each end, and agent 2 all."""
    data = steady(seconds(1), ms(10), 1000)
    middle = folded(data[100:-100], seconds(1))
    some = replace(delivered(0, cpus=(0,), data=np.concatenate([data[:100], data[-100:]])), folded=(middle,))
    whole = report(over_hosts({"a": [some], "b": members()["b"][:1]}))
    a, b = (host.latency_ms for host in whole.hosts)
    assert a is not None
    assert b is not None
    assert (a.exact, a.count, b.count) == (False, 1000, 2000)
    assert (a.median, b.median) == pytest.approx((10, 5), rel=1e-3)
