"""Our report files beside those that benchmark_app's own writers make of the same figures."""

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from openvino.tools.benchmark.utils.statistics_report import (
    CsvStatisticsReport,
    JsonStatisticsReport,
    StatisticsReport,
)
from openvino.tools.benchmark.utils.utils import get_command_line_arguments

from ovbench.coordinator.report.benchmark_app import benchmark_files, command_line_arguments
from ovbench.coordinator.request.request import Request
from ovbench.coordinator.result.report import LayerPart, LayersPart, Report, RequestLayer, RequestLayers
from tests.builders import delivered, report, request, run

LAYERS = (
    RequestLayer("data", "Parameter", "unknown_f32", "NOT_RUN", 0.0, 0.0),
    RequestLayer("conv", "Convolution", "brgconv_f32", "EXECUTED", 0.625, 0.5),
    RequestLayer("a, b", "Softmax", "jit_f32", "EXECUTED", 0.125, 0.125),
)


def found() -> Report:
    """Of one agent, so that nothing has to be merged."""
    merged = tuple(
        LayerPart(one.name, one.type, one.exec_type, one.status, one.real, one.cpu, one.real, 0) for one in LAYERS
    )
    layers = LayersPart(merged, 0.75, 0.625, (RequestLayers(0, 0, LAYERS),))
    return replace(report(run([delivered()])), layers=layers)


def asked(report_type: str, *argv: str) -> Request:
    return request("-report_type", report_type, *argv)


def profiled() -> list[SimpleNamespace]:
    """As OpenVINO hands it to benchmark_app."""
    return [
        SimpleNamespace(
            node_name=one.name,
            node_type=one.type,
            exec_type=one.exec_type,
            status=f"Status.{one.status}",
            real_time=timedelta(milliseconds=one.real),
            cpu_time=timedelta(milliseconds=one.cpu),
        )
        for one in LAYERS
    ]


def tabled() -> list[Any]:
    """As `print_perf_counters_sort` returns it."""
    total_us = sum(round(1000 * one.real) for one in LAYERS)
    rows = []
    for one in LAYERS:
        real_us, cpu_us = round(1000 * one.real), round(1000 * one.cpu)
        words = [one.name, f"Status.{one.status}", one.type]
        rows.append(np.array([*words, real_us, cpu_us, round(real_us / total_us, 4), one.exec_type], dtype=object))
    return rows


def theirs(folder: Path, report_type: str, in_json: bool) -> Any:
    writer = JsonStatisticsReport if in_json else CsvStatisticsReport
    return writer(StatisticsReport.Config(report_type, str(folder)))


def test_the_report_in_csv_is_theirs_with_the_agents_added(tmp_path: Path) -> None:
    ours = benchmark_files(found(), asked("no_counters", "-json_stats"))["benchmark_report.json"]
    parts = json.loads(ours)
    reference = theirs(tmp_path, "no_counters", in_json=False)
    category = StatisticsReport.Category
    reference.add_parameters(category.COMMAND_LINE_PARAMETERS, list(parts["cmd_options"].items()))
    reference.add_parameters(category.RUNTIME_CONFIG, list(parts["configuration_setup"].items()))
    reference.add_parameters(category.EXECUTION_RESULTS, list(parts["execution_results"].items()))
    reference.dump()
    written = benchmark_files(found(), asked("no_counters"))["benchmark_report.csv"]
    assert written.startswith((tmp_path / "benchmark_report.csv").read_bytes() + b"Agents\n")


def test_sorted_counters_in_csv_are_theirs_to_the_last_byte(tmp_path: Path) -> None:
    theirs(tmp_path, "no_counters", in_json=False).dump_performance_counters_sorted(tabled())
    written = benchmark_files(found(), asked("no_counters", "-pcsort", "no_sort"))
    assert written["benchmark_sorted_report.csv"] == (tmp_path / "benchmark_sorted_report.csv").read_bytes()


def test_sorted_counters_in_json_are_theirs(tmp_path: Path) -> None:
    theirs(tmp_path, "no_counters", in_json=True).dump_performance_counters_sorted(tabled())
    written = benchmark_files(found(), asked("no_counters", "-pcsort", "no_sort", "-json_stats"))
    reference = (tmp_path / "benchmark_sorted_report.json").read_text()
    assert json.loads(written["benchmark_sorted_report.json"]) == json.loads(reference)


def test_average_counters_in_csv_are_theirs_to_the_last_byte(tmp_path: Path) -> None:
    theirs(tmp_path, "average_counters", in_json=False).dump_performance_counters([profiled()])
    name = "benchmark_average_counters_report.csv"
    assert benchmark_files(found(), asked("average_counters"))[name] == (tmp_path / name).read_bytes()


def test_average_counters_in_json_have_the_form_of_theirs_for_all_layers(tmp_path: Path) -> None:
    theirs(tmp_path, "average_counters", in_json=True).dump_performance_counters([profiled()])
    name = "benchmark_average_counters_report.json"
    reference = json.loads((tmp_path / name).read_text())["avg_performance"]
    written = json.loads(benchmark_files(found(), asked("average_counters", "-json_stats"))[name])
    assert written["report_type"] == "average"
    assert written["avg_performance"].keys() == reference.keys()
    assert written["avg_performance"]["nodes"][0] == reference["nodes"][0]
    assert len(reference["nodes"]) == 1, "theirs ends after the first layer"
    assert len(written["avg_performance"]["nodes"]) == len(LAYERS)


def test_detailed_counters_in_json_are_theirs_with_agent_and_request_added(tmp_path: Path) -> None:
    theirs(tmp_path, "detailed_counters", in_json=True).dump_performance_counters([profiled()])
    name = "benchmark_detailed_counters_report.json"
    written = json.loads(benchmark_files(found(), asked("detailed_counters", "-json_stats"))[name])
    for one in written["detailed_performance"]:
        assert (one.pop("agent"), one.pop("request")) == (0, 0)
    assert written == json.loads((tmp_path / name).read_text())


def test_detailed_counters_in_csv_are_theirs_with_two_columns_added(tmp_path: Path) -> None:
    theirs(tmp_path, "detailed_counters", in_json=False).dump_performance_counters([profiled()])
    name = "benchmark_detailed_counters_report.csv"
    written = benchmark_files(found(), asked("detailed_counters"))[name].decode()
    without = [";".join(line.split(";")[:-2]) for line in written.split("\n")]
    assert without == (tmp_path / name).read_text().split("\n")


names = st.sampled_from(["-m", "-pc", "-i", "--agents", "-report_type"])
values = st.text("ab-:/,[1", min_size=1).filter(lambda text: not text.startswith("-"))
given_options = st.one_of(
    st.tuples(names),
    st.builds(lambda name, value: (f"{name}={value}",), names, values),
    st.builds(lambda name, several: (name, *several), names, st.lists(values, max_size=3)),
)


@given(st.lists(given_options, max_size=8))
def test_options_are_paired_by_benchmark_app_s_rule(given: list[tuple[str, ...]]) -> None:
    argv = ["ovbench-coord", *(word for option in given for word in option)]
    assert command_line_arguments(argv) == get_command_line_arguments(argv)
