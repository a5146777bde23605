"""That the distributions of latency and its parts are the report's own."""

from typing import Any

import pytest
from msgspec import structs

from ovbench.coordinator.report.html.chart import Chart
from ovbench.coordinator.report.html.latencycharts import distribution, parts_distribution
from ovbench.coordinator.result.latency import DistributionPart
from tests.pages import rate_report

CALM = rate_report()
SHAPE = CALM.latency_distribution
assert SHAPE is not None


def rows(chart: Chart, of: str) -> list[dict[str, Any]]:
    return [row for row in chart.spec["data"]["values"] if row["of"] == of]


@pytest.mark.parametrize(
    ("of", "values"),
    [("latency, from due", SHAPE.merged), ("service", SHAPE.service), ("wait", SHAPE.wait)],
)
def test_each_part_has_its_curve_through_its_percentiles(of: str, values: tuple[float, ...]) -> None:
    assert SHAPE is not None
    drawn = rows(parts_distribution(SHAPE, None), of)
    assert [row["x"] for row in drawn] == pytest.approx(list(values))
    assert [row["y"] for row in drawn] == pytest.approx([1 - percent / 100 for percent in SHAPE.percents])


def test_each_limit_is_a_line_in_the_unit_of_the_axis() -> None:
    assert SHAPE is not None
    chart = parts_distribution(SHAPE, CALM.goodput)
    assert [one["x"] for one in chart.spec["layer"][0]["data"]["values"]] == [20.0, 5.0]
    quick = structs.replace(SHAPE, merged=(0.2,), service=(0.1,), wait=(0.1,), percents=(50.0,))
    chart = parts_distribution(quick, CALM.goodput)
    assert [one["x"] for one in chart.spec["layer"][0]["data"]["values"]] == [20_000.0, 5000.0]
    assert len(parts_distribution(SHAPE, None).spec["layer"]) == len(chart.spec["layer"]) - 1


def test_what_hardly_waited_is_at_the_edge_of_the_axis_and_has_its_own_figure_in_the_hover() -> None:
    shape = DistributionPart((50.0, 90.0, 99.0), (1.0, 5.0, 10.0), {}, (1.0, 4.0, 8.0), (0.0, 1e-5, 2.0))
    drawn = rows(parts_distribution(shape, None), "wait")
    assert [row["x"] for row in drawn] == pytest.approx([1e-3, 1e-3, 2.0])
    assert "10.0 ns" in drawn[1]["tip"]


def test_where_arrivals_never_completed_the_caption_says_why_the_line_ends() -> None:
    lost = rate_report(overloaded=True)
    assert SHAPE is not None
    assert CALM.latency_ms is not None
    assert lost.latency_ms is not None
    assert "never completed" in distribution(lost.latency_ms, SHAPE).caption
    assert "never completed" not in distribution(CALM.latency_ms, SHAPE).caption


def test_nothing_that_completed_is_no_curve_and_no_error() -> None:
    assert parts_distribution(DistributionPart((), (), {}), None).spec["data"]["values"] == []
