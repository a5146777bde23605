"""That the pictures of a load study draw the answer's own numbers."""

import re
from typing import Any

import pytest
from msgspec import structs

from ovbench.coordinator.report.html.chart import Chart
from ovbench.coordinator.report.html.ratecharts import RateBand, RateLine, RateMark, RatePicture, latency_by_rate
from ovbench.coordinator.report.html.studycharts import study_charts
from ovbench.coordinator.report.html.studypage import study_page
from ovbench.coordinator.result.study import Outcome, Trial
from ovbench.coordinator.study.loadcurve import LoadCurve
from tests.loadstudies import LOAD, Queue, Run, begun, conducted


def drawn(run: Run, *words: str, slo: tuple[str, ...] = ()) -> tuple[tuple[LoadCurve, ...], dict[str, Chart]]:
    study, done = conducted(begun(*words, slo=slo), run)
    said = LOAD.conclude(study, done)
    return said.loads, {chart.name: chart for chart in study_charts(study, done, said)}


def rows(chart: Chart, of: str) -> list[dict[str, Any]]:
    return [row for row in chart.spec["data"]["values"] if row["of"] == of]


def layers(chart: Chart, mark: str) -> list[dict[str, Any]]:
    return [layer for layer in chart.spec["layer"] if layer["mark"]["type"] == mark]


def texts(chart: Chart) -> set[str]:
    return {row["label"] for layer in layers(chart, "text") for row in layer["data"]["values"]}


def test_the_hockey_stick_has_each_rate_with_its_percentiles() -> None:
    (curve,), charts = drawn(Queue(service_ms=2.0, noise=0.02))
    chart = charts["load"]
    for name in ("p50", "p99"):
        figures = [getattr(point, f"{name}_ms").value for point in curve.points]
        assert [(row["x"], row["y"]) for row in rows(chart, name)] == list(
            zip([point.rate for point in curve.points], figures, strict=True)
        )
    shapes = [row["shape"] for row in rows(chart, "p99")]
    assert shapes == ["served"] * 10 + ["overloaded"] * 2
    assert chart.spec["layer"][0]["encoding"]["x"]["title"] == "requests per second"
    assert "A hollow point: overloaded" in chart.caption
    assert {"p50", "p99", "knee", "closed loop"} <= texts(chart)


def test_limits_and_the_rates_at_which_they_are_crossed_are_drawn_with_their_intervals() -> None:
    (curve,), charts = drawn(Queue(service_ms=2.0, noise=0.02), slo=("p99:40", "p95:25"))
    chart = charts["load"]
    (band,) = layers(chart, "rect")
    found = [limit.rate for limit in curve.limits]
    assert None not in found
    assert [(row["x"], row["low"], row["high"]) for row in band["data"]["values"]] == [
        (one.value, one.low, one.high) for one in found if one is not None
    ]
    rules = [row for layer in layers(chart, "rule") for row in layer["data"]["values"] if "y" in row]
    assert [row["y"] for row in rules] == [40.0, 25.0]
    assert {"p99 within 40 ms", "p95 within 25 ms"} <= texts(chart)
    figures = [point.slo_ms[1] for point in curve.points]
    assert [row["y"] for row in rows(chart, "p95")] == [one.value for one in figures if one is not None]


def test_of_several_settings_each_has_its_p99() -> None:
    def run(trial: Trial) -> Outcome:
        return Queue(service_ms=2.0, servers=int(trial.point["--agents"]))(trial)

    curves, charts = drawn(run, "--agents", "1,2")
    for curve in curves:
        found = rows(charts["load"], f"--agents {curve.point['--agents']}")
        assert [row["y"] for row in found] == [one.p99_ms.value for one in curve.points if one.p99_ms is not None]
    assert "load-parts" not in charts


def test_of_several_settings_with_a_limit_each_has_the_percentile_that_it_is_of() -> None:
    def run(trial: Trial) -> Outcome:
        return Queue(service_ms=2.0, servers=int(trial.point["--agents"]))(trial)

    curves, charts = drawn(run, "--agents", "1,2", slo=("p90:20", "p50:9"))
    for curve in curves:
        found = rows(charts["load"], f"--agents {curve.point['--agents']}")
        assert [row["y"] for row in found] == [one.slo_ms[0].value for one in curve.points if one.slo_ms[0] is not None]
    assert "p90 within 20 ms" in texts(charts["load"])
    assert "p50 within 9 ms" not in texts(charts["load"])
    assert "Lines are p90 of each setting." in charts["load"].caption


def test_wait_and_service_are_stacked_as_far_as_all_is_served() -> None:
    (curve,), charts = drawn(Queue(service_ms=2.0))
    wait, service = (rows(charts["load-parts"], of) for of in ("wait", "service"))
    assert [row["x"] for row in wait] == [one.rate for one in curve.points if one.overloaded == 0]
    for lower, upper, point in zip(service, wait, curve.points, strict=False):
        assert point.wait_mean_ms is not None
        assert lower["low"] == 0
        assert lower["high"] == upper["low"] == pytest.approx(2.0)
        assert upper["high"] - upper["low"] == pytest.approx(point.wait_mean_ms.value)


def test_a_p99_that_is_not_known_is_a_triangle_at_what_it_cannot_be_below() -> None:
    queue = Queue(service_ms=2.0)

    def run(trial: Trial) -> Outcome:
        found = queue(trial)
        unknown = trial.point.get("--rate") == "475"
        return structs.replace(found, latency_ms={"median": 9.0}, at_least={"p99_ms": 70.0}) if unknown else found

    _, charts = drawn(run)
    (mark,) = [row for row in rows(charts["load"], "p99") if row["shape"] == "unknown"]
    assert (mark["x"], mark["y"]) == (475, 70.0)
    assert "A triangle: it is more than that." in charts["load"].caption


def test_the_axis_of_the_latency_spans_all_that_is_drawn() -> None:
    marks = tuple(RateMark(rate, 0.003 * 2**rate, "") for rate in range(1, 12))
    picture = RatePicture((RateLine("p99", marks),), (("p99 within 90 ms", 90.0),))
    chart = latency_by_rate(picture, "load", "", "")
    assert chart is not None
    low, high = chart.spec["layer"][0]["encoding"]["y"]["scale"]["domain"]
    factor = chart.spec["data"]["values"][0]["y"] / 0.006
    assert low <= 0.006 * factor
    assert high >= 90.0 * factor


def test_without_two_points_there_is_no_picture() -> None:
    band = RateBand(3.0, None, None, "", "")
    assert latency_by_rate(RatePicture((RateLine("p99", (RateMark(1.0, 2.0, ""),)),), (), (band,)), "a", "", "") is None
    assert latency_by_rate(RatePicture(()), "a", "", "") is None


def test_the_page_has_wait_and_service_by_rate_as_a_table() -> None:
    page = study_page(*conducted(begun(at="50,110"), Queue(service_ms=2.0)), {}).decode()
    start = page.index("By rate")
    table = page[start : page.index("</table>", start)]
    assert re.findall(r"<th[^>]*>([a-z0-9]+)</th>", table)[:7] == [
        "setting", "share", "served", "p50", "p99", "wait", "service",
    ]  # fmt: skip
    cells = re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", table)
    assert cells[cells.index("50 %") :][:6] == ["50 %", "250.0", "2.77 ms", "18.4 ms", "2.00 ms", "2.00 ms"]
