"""benchmark_app's report files of our runs. That the formats are its own is tested with OpenVINO."""

import csv
import io
import json
from dataclasses import replace as replaced
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ovbench.coordinator.report.benchmark_app import benchmark_files, command_line_arguments
from ovbench.coordinator.request.request import Request
from ovbench.coordinator.result.report import GroupPart, LayerPart, LayersPart, Report, RequestLayer, RequestLayers
from ovbench.coordinator.session.record import AgentRecord
from tests.builders import delivered, effective, job, phases, ready, report, request, run
from tests.ratereports import at_rate, latency

LATENCIES = ("avg latency", "min latency", "max latency")


def wanted(*argv: str) -> Request:
    return request("-report_type", "no_counters", *argv)


def in_json(found: Report, asked: Request | None = None) -> dict[str, Any]:
    asked = asked or wanted()
    files = benchmark_files(found, replaced(asked, output=replaced(asked.output, json_stats=True)))
    parsed: dict[str, Any] = json.loads(files["benchmark_report.json"])
    return parsed


def in_csv(found: Report, asked: Request | None = None) -> dict[str, list[list[str]]]:
    """Rows by section."""
    text = benchmark_files(found, asked or wanted())["benchmark_report.csv"].decode()
    assert text.endswith("\n\n")
    sections = (section.splitlines() for section in text.removesuffix("\n\n").split("\n\n"))
    return {title: [row.split(";") for row in rows] for title, *rows in sections}


def counted(*, by_request: tuple[RequestLayers, ...] = ()) -> Report:
    """A layer that takes 700 ms, one that takes 600 ms and one that does not run."""
    layers = (
        LayerPart("relu", "Relu", "undef", "NOT_RUN", 0.0, 0.0, 0.0, 0),
        LayerPart("small", "Softmax", "jit_f32", "EXECUTED", 600.0, 500.0, 600.0, 0),
        LayerPart("large", "Convolution", "brgconv_f32", "EXECUTED", 700.0, 650.0, 700.0, 0),
    )
    return replace(report(), layers=LayersPart(layers, 1300.0, 1150.0, by_request))


def test_without_a_report_type_there_are_no_files() -> None:
    assert benchmark_files(counted(), request("-pcsort", "sort", "-pc")) == {}


@pytest.mark.parametrize(
    ("argv", "names"),
    [
        ([], ["report"]),
        (["-pc"], ["report"]),
        (["-report_type", "average_counters"], ["report", "average_counters_report"]),
        (["-report_type", "detailed_counters"], ["report", "detailed_counters_report"]),
        (["-pcsort", "sort"], ["report", "sorted_report"]),
        (
            ["-report_type", "average_counters", "-pcsort", "no_sort"],
            ["report", "sorted_report", "average_counters_report"],
        ),
    ],
    ids=str,
)
@pytest.mark.parametrize("ending", ["csv", "json"])
def test_the_files_are_those_that_benchmark_app_writes(argv: list[str], names: list[str], ending: str) -> None:
    found = counted(by_request=(RequestLayers(0, 0, ()),))
    files = benchmark_files(found, wanted("-json_stats", "yes" if ending == "json" else "no", *argv))
    assert list(files) == [f"benchmark_{name}.{ending}" for name in names]


def test_counters_that_were_not_delivered_make_no_file() -> None:
    files = benchmark_files(report(), wanted("-report_type", "detailed_counters", "-pcsort", "sort"))
    assert list(files) == ["benchmark_report.csv"]


def test_the_execution_results_are_those_of_all_agents_in_benchmark_app_s_order() -> None:
    results = in_json(report())["execution_results"]
    assert list(results.items()) == [
        ("read model time (ms)", "20.00"),
        ("reshape model time (ms)", "0.50"),
        ("compile model time (ms)", "40.00"),
        ("first inference time (ms)", "1.00"),
        ("total execution time (ms)", "10000.00"),
        ("total number of iterations", "2000"),
        ("latency (ms)", "10.00"),
        ("avg latency", "10.00"),
        ("min latency", "10.00"),
        ("max latency", "10.00"),
        ("throughput", "200.00"),
    ]


def test_shapes_of_several_batches_have_no_one_batch() -> None:
    members = [delivered(0, prepared=ready(effective(groups=(1, 3))))]
    assert in_json(report(run(members)))["configuration_setup"]["batch size"] == "?"


def test_the_configuration_has_the_requests_of_all_agents() -> None:
    members = [delivered(i, prepared=ready(effective(streams=2, requests=4, batch=8))) for i in range(3)]
    setup = in_json(report(run(members)), wanted("-nstreams", "2"))["configuration_setup"]
    assert setup == {
        "topology": "tiny",
        "target device": "CPU",
        "API": "async",
        "inference_only": True,
        "precision": "UNSPECIFIED",
        "batch size": "8",
        "number of iterations": "None",
        "number of parallel infer requests": "12",
        "duration (ms)": "10000",
        "number of CPU streams": "6",
    }


def test_streams_are_there_only_where_they_were_asked_for() -> None:
    assert "number of CPU streams" not in in_json(report())["configuration_setup"]


@pytest.mark.parametrize(
    ("argv", "text"),
    [(["-niter", "9"], "0"), (["-t", "2"], "2000"), (["-t", "0.25"], "250"), (["-t", "1e7"], "10000000000")],
)
def test_a_duration_is_in_whole_milliseconds_and_0_without_a_limit(argv: list[str], text: str) -> None:
    setup = in_json(report(), wanted(*argv))["configuration_setup"]
    assert setup["duration (ms)"] == text


def test_both_formats_say_the_same() -> None:
    found = report(run([delivered(0), delivered(1, prepared=ready(times=phases(compile_ms=99.0)))]))
    one, other = in_json(found), in_csv(found)
    assert other["Command line parameters"] == [list(row) for row in one["cmd_options"].items()]
    assert other["Configuration setup"] == [[key, str(value)] for key, value in one["configuration_setup"].items()]
    assert other["Execution results"] == [list(row) for row in one["execution_results"].items()]
    assert other["Agents"] == [
        [f"agent {agent['id']} {key}", value] for agent in one["agents"] for key, value in agent.items() if key != "id"
    ]


def test_each_agent_has_figures_of_its_own() -> None:
    first, second = in_json(report(run([delivered(0), delivered(1, cpus=(2, 3))])))["agents"]
    assert (first["id"], first["cpus"], first["throughput"]) == (0, "0", "100.00")
    assert (second["id"], second["cpus"], second["throughput"]) == (1, "2-3", "100.00")
    assert first["total number of iterations"] == "1000"
    assert set(LATENCIES) < set(first)


def test_all_csv_rows_in_one_mapping_keep_the_totals() -> None:
    read = {key: value for rows in in_csv(report()).values() for key, value in rows}
    assert read["throughput"] == "200.00"


def test_a_model_that_was_compiled_before_has_an_import_time_alone() -> None:
    imported = replace(phases(), read_model_ms=0.0, reshape_ms=0.0, compile_ms=0.0, import_ms=7.0)
    results = in_json(report(run([delivered(0, prepared=ready(times=imported))])))["execution_results"]
    assert results["import model time (ms)"] == "7.00"
    assert not {"read model time (ms)", "reshape model time (ms)", "compile model time (ms)"} & set(results)


def test_without_a_first_inference_it_has_no_time() -> None:
    found = report(run([delivered(0, prepared=ready(times=phases(first_inference_ms=0.0)))]))
    assert "first inference time (ms)" not in in_json(found)["execution_results"]


def test_a_percentile_that_was_asked_for_is_named_by_its_number() -> None:
    found = report()
    assert found.latency_ms is not None
    found = replace(found, latency_ms=replace(found.latency_ms, chosen_percentile=95, chosen=12.345))
    results = in_json(found)["execution_results"]
    assert results["latency (95 percentile) (ms)"] == "12.35"
    assert "latency (ms)" not in results


def test_compiling_only_has_no_configuration_and_no_load() -> None:
    compiled = AgentRecord(0, job(), ready=ready(times=phases(first_inference_ms=0.0)))
    asked = wanted("-niter", "0")
    found = replace(report(run([compiled], wanted=asked)), validity=report().validity)
    parts = in_json(found, asked)
    assert "configuration_setup" not in parts
    assert list(parts["execution_results"]) == [
        "read model time (ms)",
        "reshape model time (ms)",
        "compile model time (ms)",
    ]


def test_a_run_that_failed_says_why_on_one_line() -> None:
    lost = AgentRecord(1, job((1,)), why="it was killed;\nby whom is not known")
    found = report(run([delivered(0), lost]))
    error = in_json(found)["execution_results"]["error"]
    assert "it was killed; by whom" in error
    first, second = in_json(found)["agents"]
    assert "error" not in first
    assert second["error"] == "it was killed; by whom is not known"
    assert in_csv(found)["Execution results"][-1][0] == "error"


def test_a_run_that_measured_nothing_has_no_figures() -> None:
    found = report(run([AgentRecord(0, job(), why="it was killed")]))
    assert list(in_json(found)["execution_results"]) == ["error"]


def grouped() -> Report:
    found = report()
    assert found.latency_ms is not None
    small = GroupPart(
        {"data": (1, 3, 8, 8), "mask": (1,)}, 1, 900, replace(found.latency_ms, mean=4.0, min=3.0, max=5.0)
    )
    never = GroupPart({"data": (1, 3, 9, 9), "mask": (1,)}, 1, 0, None)
    return replace(found, groups=(small, never))


def test_latencies_of_shape_groups_stand_beside_the_overall_ones() -> None:
    parts = in_json(grouped())
    assert parts["execution_results"]["avg latency"] == "10.00"
    assert parts["groups"] == [
        {
            "group": " data: [1,3,8,8] mask: [1]",
            "latency (ms)": "10.00",
            "avg latency": "4.00",
            "min latency": "3.00",
            "max latency": "5.00",
        },
        {"group": " data: [1,3,9,9] mask: [1]"},
    ]


def test_csv_has_the_groups_between_the_latencies_and_the_throughput() -> None:
    keys = [key for key, _ in in_csv(grouped())["Execution results"]]
    assert keys[-9:] == [*LATENCIES, "group", *LATENCIES, "group", "throughput"]


def test_average_counters_have_all_layers_and_totals_beyond_a_second() -> None:
    files = benchmark_files(counted(), wanted("-report_type", "average_counters", "-json_stats"))
    average = json.loads(files["benchmark_average_counters_report.json"])
    assert average["report_type"] == "average"
    performance = average["avg_performance"]
    assert [node["name"] for node in performance["nodes"]] == ["relu", "small", "large"]
    assert performance["nodes"][1] == {
        "name": "small",
        "node_type": "Softmax",
        "status": "Status.EXECUTED",
        "real_time": "600.000",
        "cpu_time": "500.000",
        "exec_type": "jit_f32",
    }
    assert (performance["total_real_time"], performance["total_cpu_time"]) == ("1300.000", "1150.000")


def test_sorted_counters_are_in_the_order_asked_for_with_shares() -> None:
    files = benchmark_files(counted(), wanted("-pcsort", "simple_sort", "-json_stats"))
    performance = json.loads(files["benchmark_sorted_report.json"])["avg_performance"]
    assert [(node["name"], node["%"]) for node in performance["nodes"]] == [("large", "53.85%"), ("small", "46.15%")]
    assert performance["total_real_time"] == "1300.000"


def test_sorted_counters_as_csv_are_separated_by_commas() -> None:
    text = benchmark_files(counted(), wanted("-pcsort", "sort"))["benchmark_sorted_report.csv"].decode()
    header, *rows = csv.reader(io.StringIO(text, newline=""))
    assert header[-1] == "proportion (%)\n"
    assert [row[0] for row in rows[:3]] == ["large", "small", "relu"]
    assert ["Total time: 1300.00 milliseconds"] in rows


def test_detailed_counters_are_by_agent_and_request() -> None:
    layer = RequestLayer("conv", "Convolution", "brgconv_f32", "EXECUTED", 1.5, 1.25)
    found = counted(by_request=(RequestLayers(0, 0, (layer,)), RequestLayers(1, 3, (layer, layer))))
    asked = ("-report_type", "detailed_counters")
    parsed = json.loads(
        benchmark_files(found, request(*asked, "-json_stats"))["benchmark_detailed_counters_report.json"]
    )
    first, second = parsed["detailed_performance"]
    assert (first["agent"], first["request"], second["agent"], second["request"]) == (0, 0, 1, 3)
    assert (second["total_real_time"], second["total_cpu_time"]) == ("3.000", "2.500")
    text = benchmark_files(found, request(*asked))["benchmark_detailed_counters_report.csv"].decode()
    blocks = [[row.split(";") for row in block.splitlines()] for block in text.removesuffix("\n\n").split("\n\n")]
    assert [block[1][0] for block in blocks] == ["conv", "conv"]
    assert blocks[1][-1] == ["Total", "", "", "", "3.000", "2.500", "1", "3"]


@pytest.mark.parametrize(
    ("argv", "pairs"),
    [
        ([], []),
        (["-m", "a.xml", "-pc"], [("-m", "a.xml"), ("-pc", "")]),
        (["--agents=2", "-m", "a.xml"], [("--agents", "2"), ("-m", "a.xml")]),
        (["-pc", "--agents=2"], [("-pc", ""), ("--agents", "2")]),
        (["-i", "a.npy", "b.npy"], [("-i", "b.npy")]),
        (["--set=a=b", ""], [("--set", "a=b")]),
    ],
    ids=str,
)
def test_options_are_paired_with_their_values(argv: list[str], pairs: list[tuple[str, str]]) -> None:
    assert command_line_arguments(["ovbench-coord", *argv]) == pairs


@given(st.lists(st.text(max_size=5), max_size=10))
def test_no_command_line_is_too_odd_to_be_paired(argv: list[str]) -> None:
    assert len(command_line_arguments(["ovbench-coord", *argv])) <= len(argv)


@pytest.mark.parametrize("percentile", [50, 99])
def test_at_a_rate_latency_is_from_the_start_as_benchmark_app_has_it(percentile: int) -> None:
    """Half of it was wait."""
    service = replace(latency(5.0), chosen_percentile=percentile, chosen=5.0)
    due = latency(10.0)
    agents = tuple(replace(agent, latency_ms=due, service_ms=service) for agent in report().agents)
    group = GroupPart({"data": (1, 16)}, 1, 1000, due, service)
    found = replace(at_rate(10.0), service_ms=service, agents=agents, groups=(group,))
    parsed = in_json(found)
    key = "latency (ms)" if percentile == 50 else "latency (99 percentile) (ms)"
    for rows in (parsed["execution_results"], *parsed["agents"], *parsed["groups"]):
        assert (rows[key], rows["max latency"]) == ("2.50" if percentile == 50 else "5.00", "5.00")


def test_a_latency_that_is_not_known_is_left_out() -> None:
    unknown = replace(at_rate(10.0), service_ms=latency(None, at_least_ms=4.0), agents=())
    results = in_json(unknown)["execution_results"]
    assert "max latency" not in results
    assert results["latency (ms)"] == "2.00"
    assert in_csv(unknown)
