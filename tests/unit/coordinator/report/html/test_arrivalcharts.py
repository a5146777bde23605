"""That the charts of a load at a rate draw the report's own numbers."""

from typing import Any

import pytest
from msgspec import structs

from ovbench.coordinator.report.html.arrivalcharts import arrival_charts
from ovbench.coordinator.report.html.chart import Chart
from ovbench.coordinator.result.report import Report
from ovbench.coordinator.result.timeline import TimelinePart
from tests.builders import report
from tests.pages import rate_report

CALM, OVERLOADED = rate_report(), rate_report(overloaded=True)


def charts(of: Report) -> dict[str, Chart]:
    return {chart.name: chart for chart in arrival_charts(of)}


def rows(chart: Chart) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = chart.spec["data"]["values"]
    return values


def with_slices(of: Report, **changes: float | None) -> Report:
    """All slices with the same figures."""

    def changed(part: TimelinePart) -> TimelinePart:
        assert part.arrivals is not None
        return structs.replace(part, arrivals=structs.replace(part.arrivals, **changes))

    return structs.replace(of, timeline=tuple(map(changed, of.timeline)))


def test_a_load_at_a_rate_has_every_chart() -> None:
    assert list(charts(CALM)) == ["wait_and_service", "arrivals", "backlog", "goodput"]


def test_service_stands_on_the_wait_and_both_together_are_the_latency() -> None:
    drawn = rows(charts(CALM)["wait_and_service"])
    for at, part in enumerate(CALM.timeline):
        assert part.arrivals is not None
        assert part.arrivals.wait_ms is not None
        assert part.arrivals.service_ms is not None
        of = {row["of"]: row for row in drawn if row["x"] == at + 0.5}
        assert (of["wait"]["low"], of["wait"]["high"]) == pytest.approx((0, part.arrivals.wait_ms))
        assert of["service"]["low"] == of["wait"]["high"]
        assert of["service"]["high"] == pytest.approx(part.arrivals.wait_ms + part.arrivals.service_ms)


def test_a_slice_of_which_nothing_completed_breaks_the_areas() -> None:
    drawn = rows(charts(OVERLOADED)["wait_and_service"])
    assert [(row["low"], row["high"]) for row in drawn if row["x"] == 3.5] == [(None, None)] * 2
    assert all(row["high"] is not None for row in drawn if row["x"] != 3.5)
    assert "wait_and_service" not in charts(with_slices(CALM, wait_ms=None, service_ms=None))


def test_what_was_offered_delivered_and_in_time_is_the_timeline() -> None:
    drawn = rows(charts(OVERLOADED)["arrivals"])
    for name, field in (
        ("offered", "offered_per_s"),
        ("delivered", "delivered_per_s"),
        ("within the limit", "goodput_per_s"),
    ):
        assert [(row["x"], row["y"]) for row in drawn if row["of"] == name] == [
            (part.t_s - 0.5, getattr(part.arrivals, field)) for part in OVERLOADED.timeline
        ]


def test_the_backlog_begins_with_that_at_the_opening_of_the_window() -> None:
    assert OVERLOADED.arrivals is not None
    drawn = [(row["x"], row["y"]) for row in rows(charts(OVERLOADED)["backlog"])]
    assert drawn[0] == (0.0, OVERLOADED.arrivals.backlog_start)
    assert drawn[1:] == [(second, 39 * second) for second in range(1, 11)]


def test_goodput_is_in_percent_below_what_was_asked_for() -> None:
    chart = charts(CALM)["goodput"]
    assert [row["y"] for row in rows(chart)] == pytest.approx([90.0] * 10)
    assert chart.spec["layer"][0]["data"]["values"][0]["asked"] == 99.0


def test_without_an_objective_there_is_no_goodput() -> None:
    free = with_slices(structs.replace(CALM, goodput=None), goodput_per_s=None, goodput_share=None)
    assert list(charts(free)) == ["wait_and_service", "arrivals", "backlog"]
    assert {row["of"] for row in rows(charts(free)["arrivals"])} == {"offered", "delivered"}


def test_every_chart_has_a_rule_where_a_stage_begins() -> None:
    for name, chart in charts(CALM).items():
        (rule,) = (layer for layer in chart.spec["layer"] if layer.get("data", {}).get("values", [{}])[0].get("x"))
        assert [one["x"] for one in rule["data"]["values"]] == [4.0], name
        without = charts(structs.replace(CALM, stages=CALM.stages[:1]))[name]
        assert len(without.spec["layer"]) == len(chart.spec["layer"]) - 1


def test_a_closed_loop_has_none_of_them() -> None:
    assert charts(report()) == {}


def test_a_window_of_one_slice_has_no_course() -> None:
    assert charts(structs.replace(CALM, timeline=CALM.timeline[:1])) == {}
