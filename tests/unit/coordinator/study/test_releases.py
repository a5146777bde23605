"""Study releases: its blocks, the ratio of each release to the first one, and what is said of them."""

from math import sqrt

import pytest
from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.common.topology import Topology
from ovbench.coordinator.result.study import Outcome, Point, Study
from ovbench.coordinator.study.axes import parse_axes
from ovbench.coordinator.study.builds import names_of
from ovbench.coordinator.study.design import Design
from ovbench.coordinator.study.gate import words_of
from ovbench.coordinator.study.kinds.registry import KINDS
from ovbench.coordinator.study.ratiotable import cells, columns, ratio_rows
from ovbench.coordinator.study.request import parse_study
from tests.studies import answer, outcomes, study
from tests.studies import trials as trials_of

RELEASES = ("2025.4", "2026.2", "2026.4")
MODELS = ("a.xml", "b.xml")
SPEED = {"2025.4": 1.0, "2026.2": 1.1, "2026.4": 0.9}
OF_MODEL = {"a.xml": 1.0, "b.xml": 0.95}
NOWHERE = Topology(cpus=(), allowed=frozenset())


def designed(*words: str) -> Design:
    return KINDS["releases"].design(parse_axes(words), NOWHERE, {})


def planned(models: tuple[str, ...] = MODELS, repetitions: int = 4) -> Study:
    made = designed("--openvino", ",".join(RELEASES), "-m", ",".join(models))
    one = study({"--openvino": RELEASES}, "releases", repetitions)
    return structs.replace(one, axes=made.axes, trials=trials_of(made, repetitions, 3))


def fps(point: Point) -> float:
    model = OF_MODEL[point.get("-m", "a.xml")]
    return 500.0 * SPEED[point["--openvino"]] * (model if point["--openvino"] == "2026.4" else 1.0)


def done(of: Study) -> list[Outcome]:
    return outcomes(of, fps, lambda point: 1000 / fps(point))


def test_words_after_the_kind_are_the_releases() -> None:
    request = parse_study(["releases", *RELEASES, "-m", "builtin:tiny,builtin:mlp", "-t", "2"])
    assert request.axes.given("--openvino") == RELEASES
    assert request.axes.given("-m") == ("builtin:tiny", "builtin:mlp")


def test_a_block_has_each_release_of_a_case_there_and_back() -> None:
    trials = planned().trials
    assert len(trials) == 4 * 2 * 6
    for first in range(0, len(trials), 6):
        block = [trial.point for trial in trials[first : first + 6]]
        assert len({point["-m"] for point in block}) == 1
        assert block == block[::-1]
        assert {point["--openvino"] for point in block} == set(RELEASES)


def test_each_release_has_its_ratio_and_the_geometric_mean_over_the_models() -> None:
    of = planned()
    by = {(one.side, one.of): one for one in answer(of, done(of)).comparisons if one.figure == "throughput"}
    assert by["2026.2", ""].ratio == pytest.approx(1.1)
    assert by["2026.4", "-m a.xml"].ratio == pytest.approx(0.9)
    assert by["2026.4", "-m b.xml"].ratio == pytest.approx(0.9 * 0.95)
    assert by["2026.4", ""].ratio == pytest.approx(0.9 * sqrt(0.95))
    assert {one.verdict for (side, _), one in by.items() if side == "2026.4"} == {"slower"}
    assert {side for side, _ in by} == {"2026.2", "2026.4"}


def test_the_headline_is_about_the_last_one_and_the_others_have_a_line() -> None:
    of = planned(("a.xml",))
    found = answer(of, done(of))
    assert found.headline.startswith("2026.4 is slower than 2025.4: 10.0 % less throughput")
    assert found.lines[0].startswith("2026.2 is faster than 2025.4: 10.0 % more throughput")
    assert found.front == ()


def test_of_several_models_the_headline_says_how_they_were_taken_together() -> None:
    of = planned()
    assert answer(of, done(of)).headline.startswith("Over 2 cases, by the geometric mean: 2026.4 is slower than 2025.4")


def test_a_release_that_cannot_run_takes_nothing_from_the_others() -> None:
    of = planned(("a.xml",))
    some = [
        structs.replace(one, status="FAILED", fps=None, latency_ms={}) if one.point["--openvino"] == "2026.2" else one
        for one in done(of)
    ]
    by = {one.side: one for one in answer(of, some).comparisons if one.figure == "throughput"}
    assert by["2026.4"].ratio == pytest.approx(0.9)
    assert by["2026.2"].ratio is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("-t", "2"), "give two releases or more"),
        (("--openvino", "2026.4"), "give two releases or more"),
        (("--openvino", "2026.4", "--agent-python", "/opt/python"), "contradict each other"),
    ],
)
def test_fewer_than_two_builds_are_refused(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        designed(*words)
    assert said in str(refused.value)


def test_pythons_can_be_compared_instead() -> None:
    made = designed("--agent-python", "/opt/a/bin/python", "--agent-python", "/opt/b/bin/python")
    assert made.points == ({"--agent-python": "/opt/a/bin/python"}, {"--agent-python": "/opt/b/bin/python"})


@pytest.mark.parametrize(
    ("builds", "names"),
    [
        (("2025.4", "2026.4"), ("2025.4", "2026.4")),
        (("/opt/a/bin/python", "/opt/b/bin/python"), ("a", "b")),
        (("/a/env/bin/python", "/b/env/bin/python"), ("a", "b")),
        (("/a/x/bin/python", "/b/x/bin/python3"), ("python", "python3")),
        (("/a/x/python", "/b/x/bin/python"), ("/a/x/python", "/b/x/bin/python")),
    ],
)
def test_builds_are_called_by_what_tells_them_apart(builds: tuple[str, ...], names: tuple[str, ...]) -> None:
    assert tuple(names_of(builds).values()) == names


def test_the_table_of_ratios_has_the_cases_of_each_release_and_then_their_mean() -> None:
    of = planned()
    rows = ratio_rows(answer(of, done(of)))
    assert [(row.side, row.case, row.ratio, row.verdict) for row in rows] == [
        ("2026.4", "-m a.xml", "0.900", "slower"),
        ("2026.4", "-m b.xml", "0.855", "slower"),
        ("2026.4", "geometric mean", f"{0.9 * sqrt(0.95):.3f}", "slower"),
        ("2026.2", "-m a.xml", "1.100", "faster"),
        ("2026.2", "-m b.xml", "1.100", "faster"),
        ("2026.2", "geometric mean", "1.100", "faster"),
    ]


def test_a_condition_is_judged_of_each_release_on_each_model_and_their_mean() -> None:
    of = structs.replace(planned(), fail_if=("slower", "p95 > +5%"))
    gate = answer(of, done(of)).gate
    words = {(one.side, one.of): one.state for one in gate if one.condition == "slower"}
    assert words == {
        **{("2026.2", of): "passed" for of in ("", "-m a.xml", "-m b.xml")},
        **{("2026.4", of): "failed" for of in ("", "-m a.xml", "-m b.xml")},
    }
    assert {one.confidence_percent for one in gate if one.condition == "slower"} == {100 - 2 / 6}
    unknown = next(one for one in gate if one.condition == "p95 > +5%" and one.side == "2026.2" and one.of)
    assert words_of(unknown, True) == "p95 > +5%, 2026.2, -m a.xml: no ratio is known"


def test_a_figure_that_a_condition_is_on_is_compared_of_each_release() -> None:
    of = structs.replace(planned(("a.xml",)), fail_if=("p90 > +5%",))
    known = [structs.replace(one, latency_ms={"p90": 1000 / fps(one.point)}) for one in done(of)]
    states = {one.side: one.state for one in answer(of, known).gate}
    assert states == {"2026.2": "passed", "2026.4": "failed"}


def test_too_few_blocks_for_a_condition_are_refused() -> None:
    made = designed("--openvino", "2025.4,2026.4", "-m", "a.xml")
    one = structs.replace(study({"--openvino": RELEASES}, "releases", 2), axes=made.axes)
    with pytest.raises(UsageError, match="--repetitions 2 is too few"):
        KINDS["releases"].planned(one, {"fail_if": ["slower"]})


def test_one_ratio_alone_is_in_the_headline_and_in_no_table() -> None:
    of = study({"--openvino": RELEASES[:2]}, "releases", 4)
    assert ratio_rows(answer(of, outcomes(of, fps, lambda point: 2.0))) == ()


def test_the_table_has_no_column_of_cases_where_there_is_one() -> None:
    for models, titles in ((MODELS[:1], ("", "ratio")), (MODELS, ("", "case", "ratio"))):
        of = planned(models)
        rows = ratio_rows(answer(of, done(of)))
        assert columns(rows) == (*titles, "interval", "verdict")
        assert {len(row) for row in cells(rows)} == {len(titles) + 2}
