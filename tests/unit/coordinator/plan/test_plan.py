"""How the work is shared out among the agents; their CPUs are in test_placement."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.errors import UsageError
from ovbench.coordinator.plan.plan import SeatedHost, make_plan, make_plan_over, pace
from tests.builders import request
from tests.machines import machine

quick = settings(max_examples=100, deadline=None)


def test_more_agents_than_cpus_share_them_in_turn() -> None:
    plan = make_plan(request("--agents", "5"), machine(cores=2))
    assert [job.placement.cpus for job in plan.jobs] == [(0,), (1,), (0,), (1,), (0,)]
    assert plan.shared_cpus == (0, 1)
    assert plan.measured_cpus == (0, 1)


def test_agents_with_cpus_of_their_own_share_none() -> None:
    plan = make_plan(request("--agents", "2"), machine(cores=4))
    assert plan.shared_cpus == ()
    assert plan.measured_cpus == (0, 1, 2, 3)


def test_cpus_that_are_not_allowed_are_neither_measured_nor_used_for_control() -> None:
    plan = make_plan(request("--agents", "1"), machine(cores=4, allowed=frozenset({1, 3})))
    assert plan.measured_cpus == (1, 3)
    assert plan.housekeeping == ()


@quick
@given(iterations=st.integers(8, 10**9), agents=st.integers(1, 8))
def test_the_iterations_of_the_agents_add_up_to_those_asked_for(iterations: int, agents: int) -> None:
    plan = make_plan(request("-niter", str(iterations), "--agents", str(agents)), machine(cores=8))
    shares = [job.load.iterations or 0 for job in plan.jobs]
    assert sum(shares) == iterations
    assert max(shares) - min(shares) <= 1


def test_without_iterations_no_agent_has_any() -> None:
    plan = make_plan(request("--agents", "2"), machine())
    assert {job.load.iterations for job in plan.jobs} == {None}
    assert {job.load.duration_s for job in plan.jobs} == {10.0}


def test_too_few_iterations_for_the_cores_are_refused_when_the_cores_are_known() -> None:
    with pytest.raises(UsageError, match=r"-niter 3 .* 4 agents"):
        make_plan(request("-niter", "3"), machine(cores=4))


def test_compiling_only_is_no_lack_of_iterations() -> None:
    plan = make_plan(request("-niter", "0", "--agents", "2"), machine())
    assert all(job.load.compile_only for job in plan.jobs)


@quick
@given(memory_mb=st.integers(1, 10_000), agents=st.integers(1, 64))
def test_the_memory_for_samples_is_shared_out_but_never_too_small(memory_mb: int, agents: int) -> None:
    plan = make_plan(request("--sample-memory", str(memory_mb), "--agents", str(agents)), machine(cores=4))
    each = {job.sample_bytes for job in plan.jobs}
    assert len(each) == 1
    assert each.pop() == max(1 << 18, memory_mb * (1 << 20) // agents)


def test_each_job_says_what_was_asked_of_openvino() -> None:
    plan = make_plan(
        request("-m", "builtin:mlp", "-b", "8", "-nstreams", "2", "-nthreads", "4", "-nireq", "6", "--seed", "9"),
        machine(cores=1),
    )
    (job,) = plan.jobs
    assert (job.model.source, job.model.builtin, job.model.batch) == ("builtin:mlp", "mlp", (8, 8))
    assert (job.runtime.hint, job.runtime.streams, job.runtime.threads, job.runtime.requests) == ("none", 2, 4, 6)
    assert (job.load.api, job.data.seed, job.null) == ("async", 9, None)


def test_each_job_takes_over_whole_what_is_the_same_for_all_agents() -> None:
    wanted = request("-b", "8", "-nireq", "6", "--seed", "9", "-ip", "u8", "--agents", "2")
    for job in make_plan(wanted, machine(cores=2)).jobs:
        assert job.model is wanted.model
        assert job.runtime is wanted.runtime
        assert job.data is wanted.data
        assert job.preprocessing is wanted.preprocessing


def test_the_null_backend_of_a_job_takes_nanoseconds() -> None:
    (job,) = make_plan(request("--backend", "null:1.5"), machine(cores=1)).jobs
    assert job.null is not None
    assert job.null.service_ns == 1500


def test_each_job_says_what_is_done_to_the_model_and_its_data() -> None:
    (job,) = make_plan(
        request(
            "-shape", "a[1,?]", "-data_shape", "a[1,2][1,3]", "-layout", "NC", "-ip", "u8", "-inference_only", "no",
            "-no_warmup", "-pc",
        ),
        machine(cores=1),
    ).jobs  # fmt: skip
    assert job.model.shapes == {"a": ((1, 1), (0, -1))}
    assert job.model.data_shapes == {"a": (((1, 1), (2, 2)), ((1, 1), (3, 3)))}
    assert (job.model.layouts, job.model.whole_file) == ({"": "NC"}, False)
    assert job.preprocessing.input_type == "u8"
    assert (job.load.inference_only, job.load.first_inference, job.load.warmup_s) == (False, False, 0.0)
    assert (job.runtime.count_layers, job.runtime.auto_batching) == (True, None)


def test_a_file_is_compiled_whole_where_that_was_asked_for() -> None:
    (job,) = make_plan(request("-lfile"), machine(cores=1)).jobs
    assert job.model.whole_file


def test_a_batch_turns_automatic_batching_off() -> None:
    (job,) = make_plan(request("-b", "?"), machine(cores=1)).jobs
    assert (job.model.batch, job.runtime.auto_batching) == ((0, -1), False)


def test_the_executed_graph_is_delivered_by_one_agent_and_counted_by_all() -> None:
    plan = make_plan(request("-exec_graph_path", "graph.xml", "--agents", "3"), machine())
    assert [job.wants_graph for job in plan.jobs] == [True, False, False]
    assert {job.runtime.count_layers for job in plan.jobs} == {True}


@quick
@given(rate=st.floats(0.01, 1e9), agents=st.integers(1, 4096), index=st.integers(0, 4095))
def test_a_limited_rate_is_shared_out_evenly_and_out_of_step(rate: float, agents: int, index: int) -> None:
    own = pace(rate, index % agents, agents)
    assert own is not None
    assert agents * 1e9 / own.frame_period_ns == pytest.approx(rate)
    assert 0 <= own.phase < 1
    assert 0 < own.frame_period_ns <= 1e15


def test_agents_of_a_limited_rate_start_one_after_another() -> None:
    plan = make_plan(request("-max_irate", "10", "--agents", "4"), machine())
    paces = [job.load.pace for job in plan.jobs]
    assert [own.phase for own in paces if own] == [0.0, 0.25, 0.5, 0.75]
    assert {own.frame_period_ns for own in paces if own} == {4e8}


def test_without_a_limit_nothing_is_paced() -> None:
    assert {job.load.pace for job in make_plan(request(), machine()).jobs} == {None}


def test_a_scenario_has_no_fewer_inferences_than_loadgen_wants() -> None:
    jobs = make_plan(request("--scenario", "offline", "--agents", "3", "-t", "5"), machine(cores=8)).jobs
    assert [(job.load.iterations, job.load.duration_s) for job in jobs] == [(34, 5.0), (33, 5.0), (33, 5.0)]
    (job,) = make_plan(request("--scenario", "multi-stream:4"), machine(cores=8)).jobs
    assert (job.load.iterations, job.load.samples_per_query) == (662 * 4, 4)
    (job,) = make_plan(request("--scenario", "single-stream"), machine(cores=8)).jobs
    assert (job.load.iterations, job.load.samples_per_query) == (100, None)


def test_each_of_very_many_agents_has_an_inference_of_an_offline_run() -> None:
    """None at all would be to compile only."""
    plan = make_plan(request("--scenario", "offline", "--agents", "128"), machine(cores=2))
    assert {job.load.iterations for job in plan.jobs} == {1}


def test_a_servers_queries_are_its_arrivals() -> None:
    plan = make_plan(request("--scenario", "server", "--rate", "50", "--slo-ms", "20"), machine(cores=2))
    assert {(job.load.iterations, job.load.samples_per_query) for job in plan.jobs} == {(None, None)}


# Over several hosts


def test_over_hosts_the_placement_options_hold_on_each_and_agents_count_through() -> None:
    hosts = [SeatedHost("a", machine(cores=4)), SeatedHost("b", machine(cores=8), agents=3)]
    plan = make_plan_over(request("--agents", "2"), hosts)
    assert [plan.host_of(agent) for agent in range(len(plan.jobs))] == [0, 0, 1, 1, 1]
    for index, host in enumerate(hosts):
        alone = make_plan(request("--agents", str(host.agents or 2)), host.topology)
        assert [job.placement for job in plan.on(index).jobs] == [job.placement for job in alone.jobs]
        assert plan.on(index).housekeeping == alone.housekeeping


def test_the_load_over_hosts_is_that_of_all_agents() -> None:
    hosts = [SeatedHost("a", machine(cores=2)), SeatedHost("b", machine(cores=3))]
    plan = make_plan_over(request("-niter", "17"), hosts)
    assert len(plan.jobs) == 5
    assert sum(job.load.iterations or 0 for job in plan.jobs) == 17
    paced = make_plan_over(request("-max_irate", "100"), hosts)
    assert sorted(job.load.pace.phase for job in paced.jobs if job.load.pace is not None) == [0, 0.2, 0.4, 0.6, 0.8]


def test_what_a_host_cannot_do_is_said_with_its_name() -> None:
    hosts = [SeatedHost("a", machine(cores=4)), SeatedHost("b", machine(cores=2))]
    with pytest.raises(UsageError, match=r"host b: .*--cpus"):
        make_plan_over(request("--cpus", "0,3"), hosts)


def test_cpus_of_a_plan_over_hosts_are_those_of_a_part() -> None:
    plan = make_plan_over(request("--agents", "1"), [SeatedHost("a", machine()), SeatedHost("b", machine())])
    assert plan.on(0).measured_cpus == plan.on(1).measured_cpus
    with pytest.raises(AssertionError):
        _ = plan.measured_cpus


def test_a_plan_for_one_host_is_its_own_part() -> None:
    plan = make_plan(request("--agents", "2"), machine())
    assert (plan.hosts, plan.on(0), plan.host_of(1)) == (1, plan, 0)


def test_agents_crowd_only_those_of_their_own_host() -> None:
    hosts = [SeatedHost("a", machine(cores=2)), SeatedHost("b", machine(cores=2), agents=6)]
    assert make_plan_over(request("--agents", "2"), hosts).agents_per_cpu == 3
    assert make_plan(request("--agents", "2"), machine(cores=4)).agents_per_cpu == pytest.approx(0.5)
