"""What follows where a flag is left out: benchmark_app's rules, and those of ovbench's own."""

from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.request.policy import Policy
from tests.builders import request


def test_without_any_option_the_built_in_model_runs_for_ten_seconds_on_every_core() -> None:
    plain = request()
    assert plain.model.source == "builtin:squeezenet1.1"
    assert (plain.runtime.device, plain.load.api, plain.runtime.hint) == ("CPU", "async", "throughput")
    assert (plain.load.duration_s, plain.load.iterations, plain.load.warmup_s) == (10.0, None, 1.0)
    assert (plain.runtime.streams, plain.runtime.threads, plain.runtime.requests) == (None, None, None)
    assert plain.model.batch is None
    assert plain.placement == Policy()
    assert plain.backend is None
    assert plain.launch.launcher == "local"
    assert (plain.output.json, plain.dry_run, plain.output.save_samples) == (False, False, False)


@pytest.mark.parametrize(
    ("argv", "api", "hint"),
    [
        ([], "async", "throughput"),
        (["-api", "async"], "async", "throughput"),
        (["-api", "sync"], "sync", "latency"),
        (["-hint", "latency"], "sync", "latency"),
        (["-hint", "latency", "-api", "async"], "async", "latency"),
        (["-hint", "throughput"], "async", "throughput"),
        (["-hint", "tput"], "async", "throughput"),
        (["-hint", "throughput", "-api", "sync"], "sync", "throughput"),
        (["-hint", "ctput"], "async", "cumulative_throughput"),
        (["-hint", "none"], "async", "none"),
        (["-hint", "none", "-api", "sync"], "sync", "none"),
        (["-nstreams", "2"], "async", "none"),
        (["-nthreads", "2"], "async", "none"),
        (["-nstreams", "2", "-hint", "none"], "async", "none"),
        (["-nthreads", "2", "-api", "sync"], "sync", "none"),
        (["-nireq", "8"], "async", "throughput"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_api_and_hint_follow_from_each_other_as_in_benchmark_app(argv: list[str], api: str, hint: str) -> None:
    parsed = request(*argv)
    assert (parsed.load.api, parsed.runtime.hint) == (api, hint)


@pytest.mark.parametrize(
    ("argv", "duration_s", "iterations"),
    [
        ([], 10.0, None),
        (["-t", "3"], 3.0, None),
        (["-niter", "100"], None, 100),
        (["-t", "3", "-niter", "100"], 3.0, 100),
        (["-niter", "0"], None, 0),
        (["-t", "0.5"], 0.5, None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_run_lasts_as_long_as_its_time_or_its_iterations(
    argv: list[str], duration_s: float | None, iterations: int | None
) -> None:
    parsed = request(*argv)
    assert (parsed.load.duration_s, parsed.load.iterations) == (duration_s, iterations)


def test_external_agents_need_more_time_to_come() -> None:
    external = request("--launcher", "external", "--bind", "ipc:///bus", "--agents", "1")
    assert external.launch.join_timeout_s > request().launch.join_timeout_s


@pytest.mark.parametrize(
    ("argv", "count"),
    [
        ([], False),
        (["-pc"], True),
        (["-pc", "yes"], True),
        (["-pc", "no"], False),
        (["-pc", "no", "-exec_graph_path", "graph.xml"], False),
        (["-pcsort", "no_sort"], True),
        (["-report_type", "no_counters"], False),
        (["-report_type", "average_counters"], True),
        (["-report_type", "detailed_counters"], True),
        (["-exec_graph_path", "graph.xml"], True),
        (["-pcseq"], False),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_layers_are_counted_where_something_reports_them(argv: list[str], count: bool) -> None:
    assert request(*argv).runtime.count_layers == count


@pytest.mark.parametrize(
    ("value", "argv", "count"),
    [
        ("YES", [], None),
        ("YES", ["-pc", "no"], False),
        ("YES", ["-pcsort", "sort"], None),
        ("NO", [], False),
        ("NO", ["-pcsort", "sort"], True),
    ],
)
def test_a_file_that_counts_layers_is_left_to_do_so(
    value: str, argv: list[str], count: bool | None, tmp_path: Path
) -> None:
    file = tmp_path / "config.json"
    file.write_text(f'{{"CPU": {{"PERF_COUNT": "{value}"}}}}')
    assert request("-load_config", str(file), *argv).runtime.count_layers is count


@pytest.mark.parametrize(
    ("argv", "first", "warmup_s"),
    [
        (["-no_warmup"], False, 0.0),
        (["-no_warmup", "--warmup", "2"], False, 2.0),
        (["--warmup", "0"], True, 0.0),
        ([], True, 1.0),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_no_warmup_leaves_out_the_first_inference_and_the_warm_up(
    argv: list[str], first: bool, warmup_s: float
) -> None:
    parsed = request(*argv)
    assert (parsed.load.first_inference, parsed.load.warmup_s) == (first, warmup_s)


@pytest.mark.parametrize(
    ("scenario", "agents", "api", "requests", "hint"),
    [
        ("single-stream", 1, "sync", None, "latency"),
        ("multi-stream:4", 1, "async", 4, "throughput"),
        ("offline", None, "async", None, "throughput"),
    ],
)
def test_a_scenario_runs_for_mlperfs_600_seconds_with_as_much_in_flight_as_it_has(
    scenario: str, agents: int | None, api: str, requests: int | None, hint: str
) -> None:
    run = request("--scenario", scenario)
    assert (run.load.duration_s, run.load.iterations) == (600.0, None)
    assert run.placement.agents == agents
    assert (run.load.api, run.runtime.requests, run.runtime.hint) == (api, requests, hint)


def test_single_stream_without_sync_has_one_request() -> None:
    assert request("--scenario", "single-stream", "-api", "async").runtime.requests == 1


def test_what_a_scenario_leaves_open_stands_as_given() -> None:
    run = request("--scenario", "single-stream", "-t", "3", "-hint", "none", "--cpus-per-agent", "2")
    assert (run.load.duration_s, run.runtime.hint, run.placement.cpus_per_agent) == (3.0, "none", 2)
    assert run.rules is not None
    assert run.rules.min_duration_s == 3.0


@pytest.mark.parametrize(("rate", "time", "seconds"), [("300", "2", 2.0), ("10", "2", 15.0), ("0.1", "", 1500.0)])
def test_a_server_runs_for_so_long_that_its_least_number_of_queries_arrives(
    rate: str, time: str, seconds: float
) -> None:
    run = request("--scenario", "server", "--rate", rate, "--slo-ms", "p97:20", *(["-t", time] if time else []))
    assert run.load.duration_s == pytest.approx(seconds)
    assert run.rules is not None
    assert (run.rules.percentile, run.rules.target_latency_ns) == (0.97, 20_000_000)


def test_a_flag_that_contradicts_a_scenario_is_refused_as_it_was_given() -> None:
    with pytest.raises(UsageError, match=r"^--agents 2 and --scenario multi-stream:4 contradict each other"):
        request("--scenario", "multi-stream:4", "--agents", "2")
    with pytest.raises(UsageError, match=r"^--stages 10s:5\.\.20 and --scenario offline contradict each other"):
        request("--scenario", "offline", "--stages", "10s:5..20")
    with pytest.raises(UsageError, match=r"^--scenario server needs --slo-ms"):
        request("--scenario", "server", "--rate", "10")
