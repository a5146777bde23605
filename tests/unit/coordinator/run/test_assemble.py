"""The report from members and readings made by hand, with figures that can be worked out on paper.

Unless a test says otherwise: two agents on CPUs 0 and 1, each with an inference of 10 ms after the other for ten
seconds; both CPUs busy for 80 %, of which each agent used 7.96 s and the coordinator 0.08 s.
"""

import operator
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from msgspec import structs

from ovbench.common.messages import Failed, MaskChange, OnNode
from ovbench.common.neighbours import Process
from ovbench.common.sensors import Governor, SensorReading
from ovbench.coordinator.analysis.recording import recorded
from ovbench.coordinator.plan.plan import Plan
from ovbench.coordinator.request.request import Request
from ovbench.coordinator.result.findings import Code
from ovbench.coordinator.result.report import MaskChangePart, NodeMemory, PlacementPart, Report
from ovbench.coordinator.session.record import AgentRecord
from tests.builders import (
    cpu_totals,
    delivered,
    effective,
    finished,
    job,
    layer,
    ms,
    pairs,
    phases,
    ready,
    report,
    request,
    run,
    seconds,
    steady,
    usage,
    with_host,
)
from tests.machines import machine


def lost(id: int) -> AgentRecord:
    return AgentRecord(id, job((id,)), pid=1000 + id, host="box", why="was killed by SIGKILL")


def test_throughput_is_what_was_counted_by_the_window() -> None:
    throughput = report().throughput
    assert (throughput.count, throughput.completed, throughput.batch) == (2000, 2000, 1)
    assert throughput.inferences_per_s == pytest.approx(200)
    assert throughput.fps == pytest.approx(200)


def test_frames_are_inferences_times_the_batch() -> None:
    throughput = report(run([delivered(0, prepared=ready(effective(batch=8)))])).throughput
    assert throughput.inferences_per_s == pytest.approx(100)
    assert throughput.fps == pytest.approx(800)
    assert throughput.batch == 8


def test_what_was_completed_outside_of_the_window_is_kept_apart_from_what_counts() -> None:
    early = delivered(1, load=finished(seconds(1), seconds(6), completed=1000, cpus=(1,)))
    found = report(run([delivered(0), early]))
    assert found.window.duration_s == pytest.approx(5)
    assert found.throughput.completed == 2000
    assert found.throughput.count == 1000
    assert found.throughput.fps == pytest.approx(200)


def test_the_window_has_its_edges_and_its_skews() -> None:
    late = delivered(1, load=finished(seconds(1.002), seconds(10.9), completed=1000, cpus=(1,)))
    window = report(run([delivered(0), late], wanted=request("--warmup", "3", "--agents", "2"))).window
    assert (window.start_ns, window.stop_ns) == (seconds(1.002), seconds(10.9))
    assert (window.start_skew_us, window.stop_skew_us) == pytest.approx((2000, 100_000))
    assert window.warmup_s == 3.0


def test_latency_is_that_of_the_samples_in_milliseconds() -> None:
    latency = report().latency_ms
    assert latency is not None
    assert latency.exact
    assert latency.count == 2000
    assert {latency.min, latency.median, latency.p90, latency.p95, latency.p99, latency.p99_9, latency.max} == {10.0}
    assert (latency.mean, latency.stddev) == pytest.approx((10.0, 0.0))


def test_each_percentile_has_its_own_place() -> None:
    data = steady(seconds(1), ms(1), 1000)
    data[:, 0] = data[:, 1] - ms(1) * (1 + (data[:, 1] - data[0, 1]) // ms(1))  # 1 ms, 2 ms, ... 1000 ms
    latency = report(run([delivered(0, data=data)])).latency_ms
    assert latency is not None
    named = (latency.min, latency.median, latency.p90, latency.p95, latency.p99, latency.p99_9, latency.max)
    assert named == (1.0, 500.0, 900.0, 950.0, 990.0, 999.0, 1000.0)


def test_phases_are_those_of_the_slowest_agent_in_each() -> None:
    first = delivered(0, prepared=ready(times=phases(compile_ms=100.0, first_inference_ms=1.0)))
    second = delivered(1, prepared=ready(times=phases(compile_ms=50.0, first_inference_ms=7.0)))
    found = report(run([first, second]))
    assert found.phases_ms is not None
    assert (found.phases_ms.compile, found.phases_ms.first_inference) == (100.0, 7.0)
    assert found.agents[1].phases_ms is not None
    assert found.agents[1].phases_ms.compile == 50.0


def test_a_model_that_was_compiled_before_has_the_time_of_its_import() -> None:
    members = [delivered(id, prepared=ready(times=phases(import_ms=5.0 + id))) for id in (0, 1)]
    found = report(run(members))
    assert found.phases_ms is not None
    assert found.phases_ms.import_model == 6.0
    assert [a.phases_ms.import_model for a in found.agents if a.phases_ms is not None] == [5.0, 6.0]


# Groups of shapes


def test_frames_are_the_sum_of_the_batches_of_groups_in_turn() -> None:
    """1000 inferences by one request alternate between batches of 2 and 6, for ten seconds."""
    member = delivered(0, prepared=ready(effective(batch=2, groups=(2, 6))))
    found = report(run([member, delivered(1, prepared=ready(effective(batch=2, groups=(2, 6))))]))
    assert (found.throughput.count, found.throughput.frames) == (2000, 8000)
    assert found.throughput.fps == pytest.approx(800)
    assert found.throughput.inferences_per_s == pytest.approx(200)
    assert found.throughput.batch == 2
    assert [(a.throughput.frames, a.throughput.fps) for a in found.agents if a.throughput] == [(4000, 400.0)] * 2
    assert sum(part.fps for part in found.timeline) == pytest.approx(80_000)


def test_frames_with_one_batch_are_the_count_times_the_batch() -> None:
    throughput = report(run([delivered(0, prepared=ready(effective(batch=8)))])).throughput
    assert throughput.frames == 8 * throughput.count == 8000


def by_group(batches: tuple[int, ...], wanted: Request) -> Report:
    """1000 inferences, the k-th of which takes k + 1 us, each with the next group."""
    data = pairs(seconds(1) + ms(10) * np.arange(1, 1001), 1000 * np.arange(1, 1001))
    return report(run([delivered(0, data=data, prepared=ready(effective(groups=batches)))], wanted=wanted))


def test_each_group_has_its_shapes_and_its_latency() -> None:
    wanted = request("--agents", "1", "-pcseq", "-latency_percentile", "10")
    first, second = by_group((1, 4), wanted).groups
    assert (first.shapes, first.batch, first.count) == ({"data": (1, 16)}, 1, 500)
    assert (second.shapes, second.batch, second.count) == ({"data": (4, 16)}, 4, 500)
    assert first.latency_ms is not None
    assert second.latency_ms is not None
    assert (first.latency_ms.min, first.latency_ms.median, first.latency_ms.max) == (0.001, 0.499, 0.999)
    assert (second.latency_ms.min, second.latency_ms.median, second.latency_ms.max) == (0.002, 0.5, 1.0)
    assert (first.latency_ms.chosen_percentile, first.latency_ms.chosen) == (10, 0.099)


@pytest.mark.parametrize(("batches", "pcseq"), [((1, 4), False), ((4,), True), ((), True)], ids=str)
def test_groups_are_reported_where_there_are_several_and_that_was_asked_for(
    batches: tuple[int, ...], pcseq: bool
) -> None:
    assert by_group(batches, request("--agents", "1", "-pcseq", "yes" if pcseq else "no")).groups == ()


def test_a_group_that_was_never_run_has_no_latency() -> None:
    member = delivered(0, data=steady(seconds(1), ms(10), 2), prepared=ready(effective(groups=(1, 2, 3))))
    found = report(run([member], wanted=request("--agents", "1", "-pcseq")))
    assert [(group.count, group.latency_ms is None) for group in found.groups] == [(1, False), (1, False), (0, True)]


def test_the_percentile_that_was_asked_for_stands_everywhere_beside_the_others() -> None:
    found = by_group((), request("--agents", "1", "-latency_percentile", "37"))
    for latency in (found.latency_ms, found.agents[0].latency_ms):
        assert latency is not None
        assert (latency.chosen_percentile, latency.chosen) == (37, 0.37)


# Layers


def test_layers_are_merged_over_the_agents_that_count() -> None:
    broken = delivered(2, layers=[layer("a", 900)], load=finished(completed=5, cpus=(2,), error="primitive failed"))
    members = [delivered(0, layers=[layer("a", 100)]), delivered(1, layers=[layer("a", 200)]), broken]
    found = report(run(members)).layers
    assert found is not None
    assert [(one.name, one.slowest_agent) for one in found.layers] == [("a", 1)]
    assert found.layers[0].real == pytest.approx(0.15)
    assert found.by_request == ()


def test_without_counters_there_are_no_layers() -> None:
    assert report().layers is None


def test_detailed_counters_have_the_layers_of_each_request() -> None:
    wanted = request("--agents", "1", "-report_type", "detailed_counters")
    found = report(run([delivered(0, layers=[layer("a", 100)])], wanted=wanted)).layers
    assert found is not None
    assert [(one.agent, one.request, one.layers[0].real) for one in found.by_request] == [(0, 0, 0.1)]


# CPU


def test_the_busy_time_of_the_measured_cpus_adds_up() -> None:
    cpu = report().cpu
    assert cpu.busy_percent == pytest.approx(80)
    assert cpu.agents_percent == pytest.approx(100 * 15.92 / 20)
    assert cpu.coordinator_percent == pytest.approx(100 * 0.08 / 20)
    assert cpu.agents_percent + cpu.coordinator_percent + cpu.others_percent == pytest.approx(cpu.busy_percent)
    assert cpu.measured_cpus == (0, 1)


def test_a_coordinator_with_cpus_of_its_own_takes_nothing_from_the_measured_ones() -> None:
    members = [delivered(0), delivered(1)]
    plan = Plan(tuple(member.job for member in members), housekeeping=(2,))
    cpu = report(run(members, plan=plan)).cpu
    assert cpu.others_percent == pytest.approx(80 - 79.6)


def test_cpus_that_were_not_measured_are_shown_but_not_counted() -> None:
    readings = [cpu_totals(at, [0.5 * at, 1.0 * at]) for at in range(13)]
    cpu = report(run([delivered(0)], readings=readings)).cpu
    assert cpu.busy_percent == pytest.approx(50)
    assert set(cpu.per_cpu) == {"0", "1"}
    assert cpu.per_cpu["1"].busy == pytest.approx(100)


def test_more_time_of_the_agents_than_the_cpus_were_busy_is_not_less_than_nothing_for_others() -> None:
    """Ticks are 10 ms: the parts may add up to a little more than the whole."""
    greedy = finished(completed=1000, readings=(usage(seconds(1)), usage(seconds(11), user_s=9.9)))
    assert report(run([delivered(0, load=greedy)])).cpu.others_percent == 0.0


def test_control_is_the_coordinator_and_the_control_threads_in_percent_of_one_cpu() -> None:
    load = finished(completed=1000, readings=(usage(seconds(1)), usage(seconds(11), user_s=1.0, control_s=0.3)))
    assert report(run([delivered(0, load=load)])).cpu.control_percent == pytest.approx(100 * (0.08 + 0.3) / 10)


def test_the_use_of_each_measured_cpu_agrees_with_the_figures_of_all() -> None:
    cpu = report().cpu
    assert list(cpu.use) == ["0", "1"]
    for use in cpu.use.values():
        assert (use.agents, use.harness, use.others, use.idle) == pytest.approx((79.6, 0.4, 0.0, 20.0))
    readings = [cpu_totals(at, [0.9 * at, at]) for at in range(13)]
    cpu = report(run([delivered(0), delivered(1)], readings=readings)).cpu
    assert [use.others for use in cpu.use.values()] == pytest.approx([10.4, 20.4])
    assert cpu.others_percent == pytest.approx(15.4)


# What the machine did beside the load


def test_neighbours_clocks_and_heat_are_reported_and_judged() -> None:
    facts = with_host(
        run([delivered(0)], readings=[cpu_totals(at, [float(at)]) for at in range(13)]),
        neighbours={(Process(42, 7, "make"), 0): [(0, 0.0), (seconds(20), 4.0)]},
        sensors=tuple(
            SensorReading(seconds(at), {0: 3000.0 - 100 * at}, {"core 0": at}, {"package-0": 50.0 * at, "dram": 1.0})
            for at in range(13)
        ),
        governors=(Governor("schedutil", ""),),
    )
    found = report(facts)
    (neighbour,) = found.neighbours
    assert (neighbour.pid, neighbour.name) == (42, "make")
    assert neighbour.percent == neighbour.cpus["0"] == pytest.approx(20.0)
    assert found.cpu.frequency_mhz["0"].min == 1900.0
    codes = {finding.code for finding in found.validity.findings}
    assert codes >= {Code.OTHER_LOAD, Code.FREQUENCY_DROP, Code.THERMAL_THROTTLE, Code.GOVERNOR}
    assert found.efficiency is not None
    assert (found.efficiency.energy_j, found.efficiency.power_w) == pytest.approx((500.0, 50.0))
    assert found.efficiency.energy_per_inference_j == pytest.approx(0.5)
    assert found.efficiency.energy_by_domain_j == pytest.approx({"package-0": 500.0, "dram": 0.0})


def test_efficiency_is_frames_by_the_cpu_time_of_the_agents_that_count() -> None:
    prepared = ready(effective(batch=4))
    broken = delivered(1, load=finished(completed=5, cpus=(1,), error="primitive failed"))
    found = report(run([delivered(0, prepared=prepared), broken]))
    assert found.efficiency is not None
    assert (found.efficiency.cpu_s, found.efficiency.frames_per_cpu_s) == pytest.approx((7.96, 4000 / 7.96))
    assert (found.efficiency.energy_j, found.efficiency.power_w) == (None, None)
    (own, none) = (agent.cpu for agent in found.agents)
    assert own is not None
    assert own.frames_per_cpu_s == pytest.approx(4000 / 7.96)
    assert none is not None
    assert none.frames_per_cpu_s is None


def test_an_agent_whose_quota_ran_out_has_its_periods_and_the_run_is_invalid() -> None:
    before = usage(seconds(1))
    after = structs.replace(usage(seconds(11), user_s=7.96), throttled_periods=20, throttled_s=1.5)
    found = report(run([delivered(0, load=finished(completed=1000, readings=(before, after)))]))
    assert found.agents[0].cpu is not None
    assert (found.agents[0].cpu.throttled_periods, found.agents[0].cpu.throttled_s) == (20, 1.5)
    assert found.validity.status == "INVALID"
    assert [one.code for one in found.validity.findings] == [Code.CPU_QUOTA]


# Agents


def test_an_agent_has_its_own_figures() -> None:
    agent = report().agents[1]
    assert (agent.id, agent.host, agent.pid, agent.state, agent.reason) == (1, "box", 1001, "ok", "")
    assert agent.cpus == (1,)
    assert (agent.placement.requested, agent.placement.mask, agent.placement.seen) == ((1,), (1,), (1,))
    assert agent.throughput is not None
    assert agent.throughput.fps == pytest.approx(100)
    assert agent.latency_ms is not None
    assert agent.latency_ms.count == 1000
    assert agent.cpu is not None
    assert agent.cpu.percent == pytest.approx(79.6)
    assert agent.memory_mb is not None
    assert (agent.memory_mb.rss, agent.memory_mb.pss, agent.memory_mb.private) == (100.0, 60.0, 40.0)
    assert agent.memory_mb.peak_rss == 110.0
    assert (agent.memory_mb.peak_before_compile, agent.memory_mb.peak_after_compile) == (50.0, 90.0)


def test_an_agent_has_where_it_was_and_where_its_memory_was() -> None:
    change = MaskChange(thread=9, control=True, before=(1,), after=(0,))
    nodes = (OnNode(0, 30.0, 40.0), OnNode(1, 10.0, 20.0))
    load = finished(completed=1000, cpus=(0, 1), mask=(1,), changes=(change,), nodes=nodes)
    found = report(run([delivered(0), delivered(1, load=load)])).agents
    assert found[1].placement == PlacementPart(
        requested=(1,),
        mask=(1,),
        seen=(0, 1),
        collisions=(0,),
        changes=(MaskChangePart(thread=9, control=True, before=(1,), after=(0,)),),
        memory_policy="default",
        memory_mb_by_node={"0": NodeMemory(30.0, 40.0), "1": NodeMemory(10.0, 20.0)},
        remote_memory_percent=25.0,
    )
    assert (found[0].placement.collisions, found[0].placement.remote_memory_percent) == ((0,), None)


def test_the_agents_figures_add_up_to_those_of_the_run() -> None:
    found = report()
    rates = [agent.throughput.fps for agent in found.agents if agent.throughput is not None]
    assert sum(rates) == pytest.approx(found.throughput.fps)


def test_a_lost_agent_is_listed_with_its_reason_and_without_figures() -> None:
    found = report(run([delivered(0), lost(1)]))
    agent = found.agents[1]
    assert (agent.state, agent.reason, agent.pid) == ("lost", "was killed by SIGKILL", 1001)
    assert (agent.throughput, agent.latency_ms, agent.cpu, agent.memory_mb) == (None, None, None, None)
    assert found.throughput.count == 1000
    assert found.validity.status == "PARTIAL"


def test_an_agent_that_failed_is_distinguished_from_one_that_was_lost() -> None:
    failure = Failed(kind="runtime", message="out of memory")
    failed = replace(lost(1), failure=failure, why=failure.message)
    agent = report(run([delivered(0), failed])).agents[1]
    assert (agent.state, agent.reason) == ("failed", "out of memory")


def test_an_agent_in_which_an_inference_failed_counts_for_nothing() -> None:
    broken = delivered(1, load=finished(completed=1000, cpus=(1,), error="primitive failed"))
    found = report(run([delivered(0), broken]))
    assert (found.agents[1].state, found.agents[1].reason) == ("failed", "primitive failed")
    assert found.agents[1].throughput is None
    assert found.throughput.count == 1000
    assert [load.agent for load in recorded([delivered(0), broken])] == [0]


def test_an_agent_lost_while_it_delivered_does_not_count() -> None:
    late = replace(delivered(1), why="its connection closed")
    assert [load.agent for load in recorded([delivered(0), late])] == [0]


# Settings


def test_effective_settings_are_those_of_the_compiled_model() -> None:
    prepared = ready(effective(streams=2, requests=4, threads=3))
    found = report(run([delivered(i, prepared=prepared) for i in range(3)])).effective
    assert found is not None
    assert (found.agents, found.streams, found.threads, found.nireq, found.iterations) == (3, 2, 3, 4, None)
    assert (found.backend, found.model, found.api, found.precision) == ("openvino", "tiny", "async", "f32")
    assert found.inputs[0].shape == (1, 16)


def test_settings_in_which_agents_differ_are_left_open() -> None:
    members = [delivered(i, prepared=ready(effective(streams=1 + i, requests=4))) for i in range(2)]
    found = report(run(members)).effective
    assert found is not None
    assert (found.streams, found.nireq) == (None, 4)


def test_iterations_are_those_that_ran_in_total() -> None:
    members = [delivered(i, prepared=ready(effective(requests=4, iterations=52))) for i in range(2)]
    found = report(run(members, wanted=request("-niter", "100", "--agents", "2"))).effective
    assert found is not None
    assert found.iterations == 104


def test_what_was_requested_stands_beside_what_ran() -> None:
    found = report(run([delivered(0)], wanted=request("-nireq", "3", "--agents", "1")))
    assert found.requested["nireq"] == 3
    assert found.effective is not None
    assert found.effective.nireq == 1


def test_notes_of_the_agents_are_reported_once_each() -> None:
    notes = (("both", "first"), ("second", "both"))
    found = report(run([delivered(i, prepared=ready(effective(notes=notes[i]))) for i in (0, 1)])).effective
    assert found is not None
    assert found.notes == ("both", "first", "second")


# Timeline


def test_the_timeline_has_speed_percentile_and_cpu_of_each_tenth_of_a_second() -> None:
    timeline = report().timeline
    assert [part.t_s for part in timeline] == pytest.approx([tenth / 10 for tenth in range(1, 101)])
    assert [part.p99_ms for part in timeline] == [10.0] * 100
    assert [part.busy_percent for part in timeline] == pytest.approx([80] * 100)
    total = sum(part.fps for part in timeline)
    assert total == pytest.approx(20_000)


def test_a_stall_of_300_ms_shows_in_the_timeline() -> None:
    """An inference that begins at 3 s takes 310 ms instead of 10."""
    ends = np.concatenate([ms(10) * np.arange(1, 301), ms(10) * np.arange(331, 1001)])
    data = pairs(seconds(1) + ends, np.where(ends == ms(3310), ms(310), ms(10)))
    timeline = report(run([delivered(0, data=data)])).timeline
    assert [round(part.fps) for part in timeline[29:35]] == [100, 3, 3, 3, 90, 100]
    assert [part.p99_ms for part in timeline[29:35]] == [10.0, 10.0, None, None, 310.0, 10.0]


def test_the_timeline_of_a_cpu_that_was_busy_in_the_first_half_only_says_so() -> None:
    """The window is from second 1 to 11; CPU 0 is busy to second 6, CPU 1 always by 25 %."""
    readings = [cpu_totals(at, [min(at, 6.0), 0.25 * at]) for at in range(13)]
    found = report(run([delivered(0), delivered(1)], readings=readings)).cpu
    assert found.timeline is not None
    assert found.timeline.t_s == tuple(range(1, 11))
    assert found.timeline.busy_percent["0"] == pytest.approx([100] * 5 + [0] * 5)
    assert found.timeline.busy_percent["1"] == pytest.approx([25] * 10)


@pytest.mark.parametrize(("length_s", "slices", "each_s"), [(60, 60, 1), (61, 31, 2), (3600, 56, 64)])
def test_a_cpu_s_timeline_has_60_slices_at_most_and_their_mean_is_its_share(
    length_s: int, slices: int, each_s: int
) -> None:
    data = steady(seconds(1), ms(500), 2 * length_s)
    load = finished(seconds(1), seconds(1 + length_s), len(data))
    readings = [cpu_totals(at, [0.5 * at + 0.4 * abs(at - length_s / 3)]) for at in range(length_s + 3)]
    cpu = report(run([delivered(0, data=data, load=load)], readings=readings)).cpu
    assert cpu.timeline is not None
    ends = [0.0, *cpu.timeline.t_s]
    assert len(cpu.timeline.t_s) == slices
    assert cpu.timeline.t_s[0] == each_s
    lengths = [after - before for before, after in pairwise(ends)]
    mean = sum(map(operator.mul, lengths, cpu.timeline.busy_percent["0"])) / sum(lengths)
    assert mean == pytest.approx(cpu.per_cpu["0"].busy, abs=0.01)


def test_without_readings_or_a_window_there_is_no_timeline_of_cpus() -> None:
    assert report(run([delivered(0)], readings=[])).cpu.timeline is None
    assert report(run([lost(0)])).cpu.timeline is None


# Nothing to report


def test_a_run_in_which_nothing_came_back_has_a_report_all_the_same() -> None:
    found = report(run([lost(0), lost(1)]))
    assert found.effective is None
    assert found.latency_ms is None
    assert found.phases_ms is None
    assert found.timeline == ()
    assert (found.throughput.count, found.throughput.fps, found.window.duration_s) == (0, 0.0, 0.0)
    assert (found.cpu.busy_percent, found.cpu.agents_percent) == (0.0, 0.0)
    assert [agent.state for agent in found.agents] == ["lost", "lost"]


def test_a_run_that_only_compiled_has_phases_and_settings_and_no_figures() -> None:
    order = job((0,), duration_s=None, iterations=0)
    member = AgentRecord(0, order, pid=1, host="box", ready=ready())
    found = report(run([member], wanted=request("-niter", "0", "--agents", "1")))
    assert found.validity.status == "VALID"
    assert found.phases_ms is not None
    assert found.agents[0].state == "ok"
    assert found.throughput.count == 0
    memory = found.agents[0].memory_mb
    assert memory is not None
    assert (memory.peak_before_compile, memory.peak_after_compile, memory.peak_rss) == (50.0, 90.0, 90.0)
    assert (memory.rss, memory.pss, memory.private) == (None, None, None)


def test_figures_in_an_empty_window_are_zero_and_not_infinite() -> None:
    late = delivered(1, load=finished(seconds(20), seconds(30), completed=1000, cpus=(1,)))
    found = report(run([delivered(0), late]))
    assert found.window.duration_s == 0.0
    assert found.throughput.fps == 0.0
    assert found.cpu.agents_percent == 0.0


def test_facts_of_the_run_are_passed_on() -> None:
    facts = run([delivered(0)])
    found = report(replace(facts, dropped_messages=3, refused_connections=2), samples_file="samples.npz")
    assert (found.dropped_messages, found.refused_connections, found.samples_file) == (3, 2, "samples.npz")
    assert (found.started_at, found.command, found.ovbench.version) == (facts.started_at, facts.command, "0.1.0")
    assert structs.asdict(found.environment)["hostname"] == "box"


@pytest.mark.parametrize(("busy", "housekeeping", "found"), [(0.8, (), True), (0.0, (), False), (0.8, (2,), False)])
def test_who_shares_a_core_with_the_load_makes_it_suspect(
    busy: float, housekeeping: tuple[int, ...], found: bool
) -> None:
    """CPU 2 is the sibling of CPU 0; the one that control threads have is ours."""
    facts = run([delivered(0)], readings=[cpu_totals(at, [0.8 * at, 0.0, busy * at, 0.0], 0.0) for at in range(13)])
    plan = Plan((facts.agents[0].job,), housekeeping)
    verdict = report(replace(with_host(facts, topology=machine(cores=2, threads=2)), plan=plan)).validity
    assert ("other_load" in verdict.because) is found
