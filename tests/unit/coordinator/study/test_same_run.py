"""Settings that were one and the same run, whatever they asked for, are one setting wherever a study is told of."""

import io

import pytest
from msgspec import structs
from rich.console import Console

from ovbench.coordinator.compare.table import rows_of_study
from ovbench.coordinator.report.html.studycharts import study_charts
from ovbench.coordinator.report.html.studypage import study_page
from ovbench.coordinator.report.study import print_answer
from ovbench.coordinator.result.study import KindName, Outcome, Point, Study
from ovbench.coordinator.study.answer import Answer
from tests.studies import answer, of_streams, outcome, outcomes, settings_of, study

GRID = {"-nstreams": ("1", "2"), "-nthreads": ("1", "2")}
NOISE = {("1", "1"): 98.0, ("1", "2"): 102.0, ("2", "1"): 97.0, ("2", "2"): 103.0}


def one_core(repetitions: int = 2) -> tuple[Study, list[Outcome]]:
    """Four settings of one stream each, as on agents of one core; what they differ by is noise."""
    planned = study(GRID, repetitions=repetitions)
    return planned, [
        outcome(t, NOISE[t.point["-nstreams"], t.point["-nthreads"]] + t.repetition, 2.0, in_effect=of_streams(1))
        for t in planned.trials
    ]


def screen(planned: Study, found: Answer) -> str:
    written = io.StringIO()
    print_answer(Console(file=written, width=80, force_terminal=False), planned, found)
    return written.getvalue()


def test_a_sweep_of_one_run_recommends_none_of_its_settings() -> None:
    found = answer(*one_core())
    assert found.headline.startswith(
        "No setting is better than another: all 4 were one and the same run, with 100.5 FPS ("
    )
    assert found.lines == (
        "The same run, in effect 1 agent of 1 CPU; 1 stream, 1 thread, 1 request; throughput, f32, batch 1, async: "
        "-nstreams 1 -nthreads 1, -nstreams 1 -nthreads 2, -nstreams 2 -nthreads 1, -nstreams 2 -nthreads 2; their 8 "
        "trials count as one setting.",
    )
    (setting,) = found.settings
    assert setting.fps is not None
    assert (setting.fps.count, setting.trials, len(setting.same)) == (8, {"VALID": 8}, 3)
    assert found.shares == {}
    assert [choice.rivals for choice in found.choices] == [()]


def partly(streams_of: dict[str, int]) -> tuple[Study, list[Outcome]]:
    planned = study({"-nstreams": tuple(streams_of)}, repetitions=3)
    fps = {1: 100.0, 2: 190.0, 4: 300.0}
    done = outcomes(
        planned, lambda p: fps[streams_of[p["-nstreams"]]], lambda p: 2.0, noise=0.01,
        in_effect=lambda p: of_streams(streams_of[p["-nstreams"]]),
    )  # fmt: skip
    return planned, done


def test_repetitions_of_what_was_the_same_are_pooled_and_the_first_asked_for_is_named() -> None:
    found = answer(*partly({"1": 1, "2": 2, "4": 2, "8": 2}))
    assert [(s.name, len(s.used), [p["-nstreams"] for p in s.same]) for s in found.settings] == [
        ("-nstreams 1", 3, []), ("-nstreams 2", 9, ["4", "8"]),
    ]  # fmt: skip
    assert found.choices[0].setting.name == "-nstreams 2"
    assert found.choices[0].rivals == ()


def test_the_screen_has_a_row_for_what_was_the_same_and_says_what_was_in_effect() -> None:
    planned, done = partly({"1": 1, "2": 2, "4": 2, "8": 2})
    text = screen(planned, answer(planned, done))
    assert "*  2,4,8" in text
    assert "in effect: 1 agent of 2 CPUs; 2 streams, 2 threads, 2 requests; throughput" in text
    assert max(map(len, text.splitlines())) <= 80 or "ovbench-coord" in text


def test_charts_page_and_table_agree_with_the_answer() -> None:
    planned, done = one_core()
    found = answer(planned, done)
    assert found.settings[0].fps is not None
    mean = found.settings[0].fps.value
    drawn = {chart.name: chart.spec["data"]["values"] for chart in study_charts(planned, done, found)}
    assert [row["value"] for row in drawn["heat-fps"]] == [mean] * 4
    assert {(row["x"], row["y"]) for row in drawn["heat-fps"]} == {(a, b) for a in "12" for b in "12"}
    assert sum(row["y"] for row in drawn["drift"]) == pytest.approx(0.0, abs=1e-9), "off the mean of all of them"
    assert b"all 4 were one and the same run" in study_page(planned, done, {}, found, ())
    runs = {row["run"] for row in rows_of_study(planned, done, {})}
    assert runs == {"1 streams"}


KINDS: list[tuple[KindName, dict[str, tuple[str, ...]]]] = [
    ("streams", {"-nireq": ("1", "2")}), ("partition", {"--agents": ("2", "per-core")}),
    ("batch", {"-b": ("1", "2")}), ("sweep", {"-nstreams": ("1", "2")}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "axes"), KINDS)
def test_every_kind_of_study_takes_them_as_one(kind: KindName, axes: dict[str, tuple[str, ...]]) -> None:
    planned = study(axes, kind)
    done = [outcome(t, 100.0, 2.0, agents=2, cores=2, in_effect=of_streams(1)) for t in planned.trials]
    found = answer(planned, done)
    assert [len(setting.points) for setting in found.settings] == [2]
    assert found.headline.startswith("No setting is better than another: all 2 were one and the same run")


def test_a_size_that_was_asked_for_in_two_ways_is_one_point_of_the_curve() -> None:
    planned = study({"--agents": ("1", "2", "per-core", "3")}, "scaling", 2)
    sizes = {"1": 1, "2": 2, "per-core": 2, "3": 3}
    done = [outcome(t, 100.0 * sizes[t.point["--agents"]], 2.0, agents=sizes[t.point["--agents"]], cores=4,
                    in_effect=of_streams(sizes[t.point["--agents"]])) for t in planned.trials]  # fmt: skip
    found = answer(planned, done)
    assert [(p.size, len(p.fps_of_trials)) for p in found.curves[0].scaling.points] == [(1, 2), (2, 4), (3, 2)]
    assert any(line.startswith("The same run") and "--agents per-core" in line for line in found.lines)


def against(run_of: dict[str, str], b: float = 80.0) -> Answer:
    planned = study({"-nthreads": ("1", "2")}, "ab", 10)

    def fps(point: Point) -> float:
        return 100.0 if point["-nthreads"] == "1" else b

    done = outcomes(planned, fps, lambda p: 2.0, in_effect=lambda p: of_streams(1, run_of[p["-nthreads"]]))
    return answer(planned, done)


def test_sides_that_were_the_same_run_have_no_difference_whatever_noise_says() -> None:
    found = against({"1": "x", "2": "x"})
    assert found.headline == (
        "No difference: A (-nthreads 1) and B (-nthreads 2) were the same run; by noise alone B has 20.0 % less "
        "throughput (-20.0 to -20.0 %)."
    )
    assert found.lines[0].startswith("In effect on both sides: 1 agent of 1 CPU; 1 stream, ")
    assert {one.verdict for one in found.comparisons} == {"same run"}
    assert not any("are needed" in line for line in found.unsaid)
    assert len(found.settings) == 2


def test_sides_that_differ_in_effect_are_compared() -> None:
    assert against({"1": "x", "2": "y"}).comparisons[0].verdict == "slower"


def test_an_older_study_which_does_not_know_goes_by_what_was_asked_for() -> None:
    planned = study({"-nstreams": ("1", "2")})
    found = answer(planned, outcomes(planned, lambda p: 100.0 * int(p["-nstreams"]), lambda p: 2.0))
    assert [setting.same for setting in found.settings] == [(), ()]


def test_a_setting_of_which_no_trial_counts_is_what_its_trials_were() -> None:
    planned = study({"-nstreams": ("1", "2", "4")}, repetitions=1)
    one, two, four = planned.trials
    done = [
        outcome(one, 100.0, 2.0, in_effect=of_streams(1)),
        outcome(two, 50.0, 2.0, status="INVALID", in_effect=of_streams(1)),
        outcome(four, 50.0, 2.0, status="PARTIAL", in_effect=of_streams(1)),
    ]
    first, last = settings_of(planned, done)
    assert (first.name, first.trials, len(first.same)) == ("-nstreams 1", {"INVALID": 1, "VALID": 1}, 1)
    assert (last.name, last.fps) == ("-nstreams 4", None)


def test_a_setting_that_changed_under_its_flags_is_no_other_and_it_is_said() -> None:
    planned = study({"-nstreams": ("1", "2")}, repetitions=2)
    done = [
        outcome(t, 100.0, 2.0, in_effect=of_streams(1 + t.repetition if t.point["-nstreams"] == "2" else 1))
        for t in planned.trials
    ]
    found = answer(planned, done)
    assert [(s.name, s.in_effect is not None) for s in found.settings] == [
        ("-nstreams 1", True),
        ("-nstreams 2", False),
    ]
    assert "What was in effect varied between the trials of -nstreams 2, so they are not repetitions." in found.unsaid
    accepted = structs.replace(planned, accepted=("openvino (was 1, is 2)",))
    assert not any("varied" in line for line in answer(accepted, done).unsaid)
