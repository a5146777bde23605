"""That a chart of a study draws the answer's own numbers."""

from typing import Any

import pytest
from msgspec import structs

from ovbench.coordinator.report.html.chart import Chart
from ovbench.coordinator.report.html.studycharts import study_charts
from ovbench.coordinator.result.study import Outcome, Study
from ovbench.coordinator.study.answer import Answer
from tests.pages import STUDIES, ab_study, large_study, scaling_study, streams_study, study_of
from tests.studies import answer

Made = tuple[Study, list[Outcome]]


def charts(made: Made) -> tuple[Answer, dict[str, Chart]]:
    study, outcomes = made
    said = answer(study, outcomes)
    return said, {chart.name: chart for chart in study_charts(study, outcomes, said)}


def rows(chart: Chart) -> list[dict[str, Any]]:
    values: list[dict[str, Any]] = chart.spec["data"]["values"]
    return values


def layer(chart: Chart, mark: str, **more: Any) -> dict[str, Any]:
    """The one layer with such a mark."""
    found = [one for one in chart.spec["layer"] if one["mark"].items() >= {"type": mark, **more}.items()]
    assert len(found) == 1
    return dict(found[0])


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("scaling", ["scaling", "efficiency", "p99-by-size", "trade", "drift"]),
        ("streams", ["heat-fps", "heat-p99", "ranking", "trade", "drift"]),
        ("ab", ["trials-fps", "trials-p99", "drift"]),
        ("sweep", ["ranking", "trade", "drift"]),
    ],
)
def test_each_kind_of_study_has_its_charts(kind: str, names: list[str]) -> None:
    assert list(charts(STUDIES[kind]())[1]) == names


def test_the_scaling_curve_is_of_the_means_with_their_intervals() -> None:
    said, drawn = charts(scaling_study())
    points = said.curves[0].scaling.points
    assert [(row["x"], row["y"]) for row in rows(drawn["scaling"])] == [(p.size, p.fps.value) for p in points]
    for row, point in zip(rows(drawn["scaling"]), points, strict=True):
        assert point.fps.low is not None
        assert row["low"] == max(0.0, point.fps.low)
        assert row["high"] == point.fps.high


def test_the_ideal_line_is_n_times_what_the_smallest_does() -> None:
    said, drawn = charts(scaling_study())
    first = said.curves[0].scaling.points[0]
    ideal = layer(drawn["scaling"], "line", strokeDash=[5, 4])["data"]["values"]
    assert [(row["x"], row["y"]) for row in ideal] == [(1, first.fps.value), (8, 8 * first.fps.value)]


def test_the_ideal_line_ends_at_twice_of_what_was_measured() -> None:
    """Of 64 agents that do no more than 4: at 8, as the smallest does 100."""
    sizes = {"--agents": ["1", "4", "64"]}
    said, drawn = charts(study_of("scaling", sizes, lambda point: 100.0 * min(4, int(point["--agents"]))))
    points = said.curves[0].scaling.points
    end = layer(drawn["scaling"], "line", strokeDash=[5, 4])["data"]["values"][-1]
    assert end["y"] == pytest.approx(2 * max(point.fps.value for point in points))
    assert end["y"] / end["x"] == pytest.approx(points[0].fps.value)


def test_the_band_is_that_of_the_fit() -> None:
    said, drawn = charts(scaling_study())
    curve = said.curves[0].scaling.curve
    band = layer(drawn["scaling"], "area")["data"]["values"]
    assert curve
    assert [(row["x"], row["y"]) for row in band] == [(point.size, point.fps.value) for point in curve]
    assert [row["high"] for row in band] == [point.fps.high for point in curve]


def test_without_a_fit_there_is_no_band_and_the_caption_does_not_mention_one() -> None:
    said, drawn = charts(study_of("scaling", {"--agents": ["1", "2"]}, lambda point: 100.0 * int(point["--agents"])))
    assert not said.curves[0].scaling.curve
    assert all(one["mark"]["type"] != "area" for one in drawn["scaling"].spec["layer"])
    assert "fit" not in drawn["scaling"].caption


def test_the_heat_map_has_the_mean_of_each_setting_in_its_place() -> None:
    said, drawn = charts(streams_study())
    cells = {(row["x"], row["y"]): row["value"] for row in rows(drawn["heat-fps"])}
    assert len(cells) == 12
    for setting in said.settings:
        assert setting.fps is not None
        assert cells[setting.point["-nireq"], setting.point["-nstreams"]] == setting.fps.value


def test_a_heat_map_of_many_columns_has_the_whole_width() -> None:
    def drawn(columns: int) -> Chart:
        axes = {"-nireq": [str(number + 1) for number in range(columns)], "-nstreams": ["1", "2"]}
        return charts(study_of("streams", axes, lambda point: 100.0 * int(point["-nstreams"])))[1]["heat-fps"]

    assert [drawn(columns).wide for columns in (2, 6, 7, 12)] == [False, False, True, True]
    label = layer(drawn(7), "text")["encoding"]["opacity"]
    assert label == {"condition": {"test": f"width < {7 * 7 * len('100.0')}", "value": 0}, "value": 1}


def test_the_tail_of_every_trial_is_drawn_in_the_unit_that_its_axis_names() -> None:
    study, outcomes = ab_study()
    fast = [structs.replace(one, latency_ms={"p99": one.latency_ms["p99"] / 1000}) for one in outcomes]
    said, drawn = charts((study, fast))
    assert [one["encoding"]["x"]["title"] for one in drawn["trials-p99"].spec["layer"]] == 3 * ["p99 latency, us"]
    assert [row["y"] for row in rows(drawn["trials-p99"])] == pytest.approx(
        [1000 * p99_ms for side in said.settings for p99_ms in side.p99_of_trials]
    )
    means = [1000 * side.p99_ms.value for side in said.settings if side.p99_ms is not None]
    assert [dot["y"] for dot in layer(drawn["trials-p99"], "point")["data"]["values"]] == pytest.approx(means)


@pytest.mark.parametrize(("ratio", "logarithmic"), [(15.0, False), (25.0, True)])
def test_latencies_that_lie_far_apart_are_drawn_on_a_logarithmic_axis(ratio: float, logarithmic: bool) -> None:
    """Those of two settings, p99 being 3 s / FPS (tests/pages.py)."""
    _, drawn = charts(study_of("sweep", {"-b": ["1", "2"]}, lambda point: 100.0 * ratio ** (int(point["-b"]) - 1)))
    assert (layer(drawn["trade"], "line")["encoding"]["x"]["scale"].get("type") == "log") == logarithmic
    assert ("logarithmic" in drawn["trade"].caption) == logarithmic


def test_the_ranking_has_the_fastest_first() -> None:
    said, drawn = charts(streams_study())
    ranked = rows(drawn["ranking"])
    assert [row["y"] for row in ranked] == sorted((row["y"] for row in ranked), reverse=True)
    assert ranked[0]["name"] == said.choices[0].setting.name


def test_the_front_that_is_drawn_is_that_of_the_answer() -> None:
    said, drawn = charts(large_study())
    best = {row["y"] for row in rows(drawn["trade"]) if row["of"] == "Pareto front"}
    assert best == {setting.fps.value for setting in said.front if setting.fps is not None}
    assert len(rows(drawn["trade"])) == 40


def test_the_limit_that_was_asked_for_is_a_line() -> None:
    _, drawn = charts(scaling_study())
    limit = layer(drawn["trade"], "rule")["data"]["values"][0]
    assert limit["limit"] == 20.0


def test_drift_is_each_trial_against_the_mean_of_its_setting() -> None:
    study, outcomes = ab_study()
    _, drawn = charts((study, outcomes))
    found = rows(drawn["drift"])
    assert [row["x"] for row in found] == list(range(1, len(study.trials) + 1))
    own = [one.fps for one in outcomes if one.point == outcomes[0].point and one.fps is not None]
    assert outcomes[0].fps is not None
    assert found[0]["y"] == pytest.approx(100 * (outcomes[0].fps * len(own) / sum(own) - 1))
    assert [row["of"] for row in found].count("not VALID") == 1


def test_a_study_of_which_nothing_was_run_has_no_charts() -> None:
    study, _ = scaling_study()
    assert charts((study, []))[1] == {}


def test_a_study_of_two_axes_of_which_some_failed_still_has_a_heat_map() -> None:
    study, outcomes = streams_study()
    _, drawn = charts((study, outcomes[:5]))
    assert 0 < len(rows(drawn["heat-fps"])) <= 5


def test_a_study_that_is_not_of_every_combination_has_no_heat_map() -> None:
    study, outcomes = streams_study()
    trials = tuple(trial for trial in study.trials if trial.point != {"-nstreams": "4", "-nireq": "1"})
    _, drawn = charts((structs.replace(study, trials=trials), outcomes))
    assert "heat-fps" not in drawn
    assert "ranking" in drawn
