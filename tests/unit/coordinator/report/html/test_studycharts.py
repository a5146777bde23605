"""That a chart of a study draws the answer's own numbers."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from ovbench.coordinator.report.html.chart import Chart
from ovbench.coordinator.report.html.studycharts import study_charts
from ovbench.coordinator.result.study import Outcome, Study
from ovbench.coordinator.study.answer import Answer
from tests.pages import STUDIES, ab_study, large_study, releases_study, scaling_study, streams_study, study_of
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
        ("ab", ["ratio", "trials-fps", "trials-p99", "drift"]),
        ("sweep", ["ranking", "trade", "drift"]),
        ("releases", ["builds", "ratio", "drift"]),
        ("load", ["load", "load-parts"]),
        ("capacity", ["capacity", "capacities"]),
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


def test_lines_have_their_names_at_their_ends_and_none_is_on_another() -> None:
    axes = {"--agents": ["1", "2", "4"], "-api": ["sync", "async"]}
    _, drawn = charts(study_of("scaling", axes, lambda point: 100.0 * int(point["--agents"])))
    for name in ("scaling", "efficiency"):
        ends = layer(drawn[name], "text", fontWeight=600)["data"]["values"]
        assert [end["x"] for end in ends] == [4, 4]
        assert {end["label"] for end in ends} == {"-api sync", "-api async"}
        gap = ends[1]["y"] - ends[0]["y"]
        assert gap >= 15 / 340 * max(row["y"] for row in rows(drawn[name])) * 0.95
    _, alone = charts(scaling_study())
    ends = layer(alone["scaling"], "text", fontWeight=600)["data"]["values"]
    assert [end["label"] for end in ends] == ["measured", "ideal"]


def test_the_knee_and_the_choice_under_the_limit_are_marked_on_the_curve() -> None:
    def fps(point: dict[str, str]) -> float:
        n = int(point["--agents"])
        return 120 * n / (1 + 0.1 * (n - 1) + 0.01 * n * (n - 1))

    said, drawn = charts(study_of("scaling", {"--agents": ["1", "2", "4", "8", "12"]}, fps, 4, p99_limit_ms=20.0))
    fitted = said.curves[0].scaling
    assert fitted.knee is not None
    (knee,) = layer(drawn["scaling"], "point", shape="diamond")["data"]["values"]
    assert knee["x"] == fitted.knee.value
    near = [point for point in fitted.curve if abs(point.size - knee["x"]) <= 1]
    assert min(point.fps.value for point in near) <= knee["y"] <= max(point.fps.value for point in near)
    chosen = next(choice for choice in said.choices if choice.what.endswith("p99 up to 20.0 ms")).setting
    (mark,) = layer(drawn["scaling"], "point", shape="circle")["data"]["values"]
    assert chosen.fps is not None
    assert (str(mark["x"]), mark["y"]) == (chosen.point["--agents"], chosen.fps.value)


def test_where_cpus_are_first_of_further_nodes_or_sockets_or_share_cores_is_a_line() -> None:
    """Four agents fill the first socket of two nodes; eight have six cores."""
    study, outcomes = scaling_study()
    covers = {1: (1, 1, 1), 2: (1, 1, 2), 4: (1, 2, 4), 8: (2, 4, 6)}
    known = [
        structs.replace(one, covers=dict(zip(("sockets", "nodes", "cores"), covers[one.agents or 0], strict=True)))
        for one in outcomes
    ]
    said, drawn = charts((study, known))
    assert [(edge.what, edge.before, edge.size) for edge in said.curves[0].edges] == [
        ("2 nodes", 2, 4), ("2 sockets", 4, 8), ("SMT", 4, 8),
    ]  # fmt: skip
    lines = layer(drawn["scaling"], "rule", strokeDash=[2, 3])["data"]["values"]
    assert [(line["x"], line["label"]) for line in lines] == [(3, "2 nodes"), (6, "2 sockets, SMT")]
    assert charts(scaling_study())[0].curves[0].edges == ()


def test_the_ratio_of_every_block_is_drawn_with_the_stated_size_and_the_mean() -> None:
    said, drawn = charts(ab_study())
    verdict = said.comparisons[0]
    found = rows(drawn["ratio"])
    assert [row["y"] for row in found] == pytest.approx([100 * (ratio - 1) for ratio in verdict.ratios])
    assert [row["x"] for row in found] == list(range(1, verdict.blocks + 1))
    (size,) = layer(drawn["ratio"], "rect")["data"]["values"]
    assert (size["low"], size["high"]) == pytest.approx((100 * (1 / 1.02 - 1), 2.0))
    (mean,) = layer(drawn["ratio"], "point", shape="diamond")["data"]["values"]
    assert verdict.ratio is not None
    assert verdict.low is not None
    assert (mean["y"], mean["low"]) == pytest.approx((100 * (verdict.ratio - 1), 100 * (verdict.low - 1)))


def test_of_several_models_each_has_its_ratios_and_their_mean_has_its_own() -> None:
    axes = {"-m": ["a.xml", "b.xml"], "side": ["A", "B"]}
    made = study_of("ab", axes, lambda point: 100.0 if point["side"] == "A" else 97.0, 8)
    said, drawn = charts(made)
    names = [end["label"] for end in layer(drawn["ratio"], "text", fontWeight=600)["data"]["values"]]
    assert sorted(names) == ["-m a.xml", "-m b.xml", "all"]
    whole = [row["y"] for row in rows(drawn["ratio"]) if row["of"] == "all"]
    assert whole == pytest.approx([100 * (ratio - 1) for ratio in said.comparisons[0].ratios])


def test_each_release_has_its_ratio_to_the_first_with_its_interval_in_the_order_that_was_given() -> None:
    said, drawn = charts(releases_study())
    of = {(one.side, one.of or "geometric mean"): one for one in said.comparisons if one.figure == "throughput"}
    found = rows(drawn["builds"])
    assert {(row["x"], row["of"]) for row in found} == set(of)
    for row in found:
        one = of[row["x"], row["of"]]
        assert one.ratio is not None
        assert one.low is not None
        assert one.high is not None
        assert (row["y"], row["low"], row["high"]) == pytest.approx(
            [100 * (v - 1) for v in (one.ratio, one.low, one.high)]
        )
    x = drawn["builds"].spec["layer"][-1]["encoding"]["x"]
    assert x["scale"]["domain"] == ["2025.4", "2026.2", "2026.4"]
    assert drawn["builds"].title == "Throughput of each build against 2025.4"


def test_the_ratios_of_several_releases_are_those_of_their_means_over_the_models() -> None:
    said, drawn = charts(releases_study())
    assert drawn["ratio"].title == "Throughput of each against 2025.4, by block"
    means = {one.side: one for one in said.comparisons if one.figure == "throughput" and not one.of}
    for side, mean in means.items():
        ratios = [row["y"] for row in rows(drawn["ratio"]) if row["of"] == side]
        assert ratios == pytest.approx([100 * (ratio - 1) for ratio in mean.ratios])
    assert {row["of"] for row in rows(drawn["ratio"])} == set(means)


def test_one_model_and_two_releases_have_one_row_of_ratios() -> None:
    study, outcomes = releases_study(())
    kept = [one for one in outcomes if one.point["--openvino"] != "2026.2"]
    trials = tuple(one for one in study.trials if one.point["--openvino"] != "2026.2")
    axes = {**study.axes, "--openvino": ("2025.4", "2026.4")}
    said, drawn = charts((structs.replace(study, trials=trials, axes=axes), kept))
    assert drawn["ratio"].title == "Throughput of 2026.4 against 2025.4, by block"
    assert [row["y"] for row in rows(drawn["ratio"])] == pytest.approx(
        [100 * (ratio - 1) for ratio in said.comparisons[0].ratios]
    )
    assert "builds" not in drawn, "the one ratio is the mean of the other chart"


def test_the_points_of_the_front_are_labelled_by_their_values() -> None:
    said, drawn = charts(streams_study())
    labels = layer(drawn["trade"], "text")["data"]["values"]
    assert {label["label"] for label in labels} == {" · ".join(setting.point.values()) for setting in said.front}
    assert "labelled by -nstreams · -nireq" in drawn["trade"].caption


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


def kept(made: Made, keep: Callable[[dict[str, str]], bool]) -> Made:
    """Only those of its points."""
    study, outcomes = made
    trials = tuple(trial for trial in study.trials if keep(trial.point))
    return structs.replace(study, trials=trials), [outcome for outcome in outcomes if keep(outcome.point)]


def test_combinations_that_were_not_run_are_blank_in_the_heat_map() -> None:
    """Of a study of streams there are no fewer requests than streams."""
    _, drawn = charts(kept(streams_study(), lambda point: int(point["-nireq"]) >= int(point["-nstreams"])))
    assert len(rows(drawn["heat-fps"])) == 4 + 3 + 2
    assert drawn["heat-fps"].caption.endswith("What is blank was not run.")
    assert "blank" not in charts(streams_study())[1]["heat-fps"].caption


def test_combinations_along_a_line_have_no_heat_map() -> None:
    _, drawn = charts(kept(streams_study(), lambda point: point["-nireq"] == point["-nstreams"]))
    assert "heat-fps" not in drawn
    assert "ranking" in drawn
