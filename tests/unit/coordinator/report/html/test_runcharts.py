"""That a chart of a run draws the report's own numbers."""

import json
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from ovbench.coordinator.report.html.chart import Chart
from ovbench.coordinator.report.html.runcharts import run_charts
from ovbench.coordinator.result.cpu import CpuPlace, CpuTimeline
from ovbench.coordinator.result.numbers import milliseconds, rate
from ovbench.coordinator.result.report import Report
from tests.builders import delivered, report, run
from tests.pages import full_report, rate_report

WHOLE = full_report()


def charts(of: Report = WHOLE) -> dict[str, Chart]:
    return {chart.name: chart for chart in run_charts(of)}


def rows(chart: Chart) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = chart.spec["data"]["values"]
    return values


def test_a_whole_report_has_every_chart() -> None:
    assert list(charts()) == [
        "latency",
        "histogram",
        "throughput",
        "p99",
        "agents",
        "interference",
        "cpus",
        "cpus_over_time",
        "layers",
    ]


def test_at_a_rate_what_arrived_follows_the_distribution() -> None:
    names = list(charts(rate_report()))
    assert names[:7] == ["latency", "histogram", "parts", "wait_and_service", "arrivals", "backlog", "goodput"]
    assert names[7:] == [name for name in charts() if name not in ("latency", "histogram", "agents")]


def test_at_a_rate_throughput_has_no_band_and_the_tail_is_of_what_was_due() -> None:
    paced, free = charts(rate_report()), charts()
    assert "rect" in str(free["throughput"].spec)
    assert "rect" not in str(paced["throughput"].spec)
    assert "interval" not in paced["throughput"].caption
    assert paced["p99"].caption.endswith("the inferences that were due in each slice of 1 s.")
    assert free["p99"].caption.endswith("the inferences that ended in each slice of 0.1 s.")


def test_the_latency_curve_goes_through_the_percentiles_of_the_report() -> None:
    assert WHOLE.latency_ms is not None
    merged = {row["y"]: row for row in rows(charts()["latency"]) if row["of"] == "all agents"}
    for share, value in ((0.1, WHOLE.latency_ms.p90), (0.05, WHOLE.latency_ms.p95), (0.01, WHOLE.latency_ms.p99)):
        assert merged[share]["x"] == pytest.approx(value)
        assert milliseconds(value) in merged[share]["tip"]
    assert max(row["x"] for row in merged.values()) == pytest.approx(WHOLE.latency_ms.max)


def test_the_latency_curve_of_an_agent_is_its_own() -> None:
    for agent in WHOLE.agents:
        assert agent.latency_ms is not None
        own = {row["y"]: row["x"] for row in rows(charts()["latency"]) if row["of"] == f"agent {agent.id}"}
        assert own[0.01] == pytest.approx(agent.latency_ms.p99)


def test_a_curve_never_turns_back() -> None:
    merged = [row for row in rows(charts()["latency"]) if row["of"] == "all agents"]
    assert [row["x"] for row in merged] == sorted(row["x"] for row in merged)
    assert [row["y"] for row in merged] == sorted((row["y"] for row in merged), reverse=True)


def test_microseconds_are_drawn_where_milliseconds_would_be_fractions() -> None:
    assert WHOLE.latency_ms is not None
    quick = structs.replace(WHOLE, latency_ms=structs.replace(WHOLE.latency_ms, max=0.5))
    title = charts(quick)["latency"].spec["layer"][0]["encoding"]["x"]["title"]
    assert title == "latency, us"


def test_throughput_over_time_is_the_timeline_each_slice_in_its_middle() -> None:
    starts = [0.0, *(part.t_s for part in WHOLE.timeline)]
    found = rows(charts()["throughput"])
    assert [row["y"] for row in found] == [part.fps for part in WHOLE.timeline]
    middles = [(start + part.t_s) / 2 for start, part in zip(starts, WHOLE.timeline, strict=False)]
    assert [row["x"] for row in found] == pytest.approx(middles, abs=1e-6)


def test_the_bars_of_the_histogram_are_its_bins_and_median_and_p99_are_marked() -> None:
    assert WHOLE.latency_ms is not None
    assert WHOLE.latency_distribution is not None
    part = WHOLE.latency_distribution.histogram
    assert part is not None
    found = rows(charts()["histogram"])
    assert sum(row["y"] for row in found) == WHOLE.latency_ms.count == sum(part.counts)
    bins = list(zip(part.edges_ms, part.edges_ms[1:], part.counts, strict=False))
    assert [(row["low"], row["high"], row["y"]) for row in found] == [one for one in bins if one[2]]
    marks = charts()["histogram"].spec["layer"][1]["data"]["values"]
    assert [row["low"] for row in marks] == [WHOLE.latency_ms.median, WHOLE.latency_ms.p99]


def test_the_interval_of_the_throughput_is_a_band() -> None:
    band = charts()["throughput"].spec["layer"][0]
    interval = WHOLE.throughput.fps_ci95
    assert interval is not None
    assert band["data"]["values"] == [{"low": interval.low, "high": interval.high}]
    without = structs.replace(WHOLE, throughput=structs.replace(WHOLE.throughput, fps_ci95=None))
    assert len(charts(without)["throughput"].spec["layer"]) == len(charts()["throughput"].spec["layer"]) - 1


def test_fairness_is_throughput_by_the_size_of_an_agent() -> None:
    found = rows(charts()["agents"])
    assert [row["x"] for row in found] == [agent.id for agent in WHOLE.agents]
    for row, agent in zip(found, WHOLE.agents, strict=True):
        assert agent.throughput is not None
        assert row["y"] == pytest.approx(agent.throughput.fps / len(agent.cpus))
        assert rate(agent.throughput.fps) in row["tip"]


def test_the_shares_of_a_measured_cpu_are_those_of_the_report_and_add_up() -> None:
    found = rows(charts()["interference"])
    assert {row["cpu"] for row in found} == set(WHOLE.cpu.measured_cpus)
    for cpu in WHOLE.cpu.measured_cpus:
        shares = {row["of"]: row["share"] for row in found if row["cpu"] == cpu}
        use = WHOLE.cpu.use[str(cpu)]
        assert shares["agents"] == pytest.approx(use.agents)
        assert shares["others"] == pytest.approx(use.others)
        assert sum(shares.values()) == pytest.approx(100)


def test_without_knowing_whose_time_it_was_the_kernels_count_is_drawn() -> None:
    found = charts(structs.replace(WHOLE, cpu=structs.replace(WHOLE.cpu, use={})))["interference"]
    assert {row["of"] for row in rows(found)} == {"user", "system", "stolen", "idle"}
    for cpu in WHOLE.cpu.measured_cpus:
        assert sum(row["share"] for row in rows(found) if row["cpu"] == cpu) == pytest.approx(100)


def test_the_heat_map_has_every_cpu_once_in_the_row_of_its_node() -> None:
    found = rows(charts()["cpus"])
    assert sorted(int(row["cpu"]) for row in found) == sorted(map(int, WHOLE.cpu.per_cpu))
    for row in found:
        place = WHOLE.cpu.places[row["cpu"]]
        assert row["row"] == f"socket {place.socket}, node {place.node}"
        assert row["busy"] == pytest.approx(WHOLE.cpu.per_cpu[row["cpu"]].busy, abs=0.01)
        assert row["measured"] == (int(row["cpu"]) in WHOLE.cpu.measured_cpus)


def test_a_node_of_many_cpus_has_several_rows() -> None:
    found = rows(charts(full_report(2, 256))["cpus"])
    assert len({(row["row"], row["x"]) for row in found}) == 256
    assert max(row["x"] for row in found) == 31


def test_the_heat_map_over_time_has_a_row_for_each_measured_cpu_below_the_name_of_its_node() -> None:
    found = charts(full_report(16, 16))["cpus_over_time"]
    assert [row["cpu"] for row in rows(found)] == list(range(16))
    order = found.spec["layer"][0]["encoding"]["y"]["sort"]
    assert [name for name in order if not name.isdigit()] == [f"socket {n // 2}, node {n}" for n in range(4)]
    for row in rows(found):
        above = [name for name in order[: order.index(row["row"])] if not name.isdigit()]
        assert above[-1] == row["at"]


def test_the_cells_of_a_row_are_its_utilization_by_slices_to_a_percent() -> None:
    assert WHOLE.cpu.timeline is not None
    for row in rows(charts()["cpus_over_time"]):
        assert row["busy"] == pytest.approx(list(WHOLE.cpu.timeline.busy_percent[row["row"]]), abs=0.5)
    (edges,) = {
        tuple(json.loads(step["calculate"].rpartition("[datum")[0]))
        for step in charts()["cpus_over_time"].spec["layer"][0]["transform"]
        if step.get("as") in ("from", "to")
    }
    assert edges == pytest.approx((0.0, *WHOLE.cpu.timeline.t_s))


def test_a_single_node_needs_no_name_and_many_cpus_have_every_few_of_their_numbers() -> None:
    places = {str(n): CpuPlace(0, 0, n) for n in range(64)}
    whole = full_report(64, 64)
    found = charts(structs.replace(whole, cpu=structs.replace(whole.cpu, places=places)))["cpus_over_time"]
    y = found.spec["layer"][0]["encoding"]["y"]
    assert y["sort"] == [str(n) for n in range(64)]
    assert y["axis"]["values"] == [str(n) for n in range(0, 64, 4)]


@pytest.mark.parametrize("timeline", [None, CpuTimeline((1.0,), {"0": (50.0,)})])
def test_without_several_slices_there_is_no_heat_map_over_time(timeline: CpuTimeline | None) -> None:
    found = charts(structs.replace(WHOLE, cpu=structs.replace(WHOLE.cpu, timeline=timeline)))
    assert "cpus_over_time" not in found
    assert "cpus" in found


def test_the_slowest_layers_come_first() -> None:
    times = [row["x"] for row in rows(charts()["layers"])]
    assert times == sorted(times, reverse=True)
    assert len(times) == 15


def test_a_report_without_figures_has_no_charts_of_them() -> None:
    lost = replace(delivered(0), why="it was lost")
    nothing = run_charts(report(run([lost], readings=[])))
    assert {chart.name for chart in nothing} <= {"cpus", "interference"}


def test_a_layer_of_which_nothing_is_drawn_is_left_out() -> None:
    """Vega warns of a scale without values."""
    one = charts(report(run([delivered(0)])))["latency"]
    assert len(one.spec["layer"]) == len(charts()["latency"].spec["layer"]) - 1


def test_a_single_agent_has_nothing_to_be_fair_to() -> None:
    found = charts(report(run([delivered(0)])))
    assert "agents" not in found
    assert {row["of"] for row in rows(found["latency"])} == {"all agents"}


def test_a_chart_has_few_rows_however_many_samples_there_were() -> None:
    assert max(len(rows(chart)) for chart in run_charts(WHOLE)) < 1000
