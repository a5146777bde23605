"""Study bisect from its first trials to its answer, with outcomes that a test chooses: what it runs, names and says."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import pytest
from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.common.topology import Topology
from ovbench.coordinator.report.html.studycharts import study_charts
from ovbench.coordinator.result.study import Fingerprint, LayerTime, Outcome, Point, Study, Trial
from ovbench.coordinator.study.answer import Answer
from ovbench.coordinator.study.axes import parse_axes
from ovbench.coordinator.study.kinds.registry import KINDS
from ovbench.coordinator.study.summary import settings_of
from tests.studies import outcome

BISECT = KINDS["bisect"]
BUILDS = ("2025.0.0", "2025.1.0", "2025.2.0", "2025.3.0", "2025.4.0", "2025.4.1", "2026.0.0", "2026.1.0")
NOWHERE = Topology(cpus=(), allowed=frozenset())
Run = Callable[[Trial], Outcome]


def begun(*words: str, own: Mapping[str, Any] | None = None, repetitions: int = 60) -> Study:
    asked = {"builds": BUILDS, **(own or {})}
    design = BISECT.design(parse_axes(words or ("-m", "a.xml")), NOWHERE, asked)
    trials = BISECT.trials(design, repetitions, 5)
    study = Study(
        ovbench="0.1.0", kind="bisect", created_at="2026-01-01T00:00:00Z", command=("ovbench-coord", "study"), seed=5,
        repetitions=repetitions, axes=design.axes, trials=trials, fingerprint=Fingerprint({}, {}),
    )  # fmt: skip
    return BISECT.planned(study, asked)


def conducted(study: Study, run: Run) -> tuple[Study, list[Outcome]]:
    """As the runner does: what is not in the plan yet is added to it."""
    done: list[Outcome] = []
    while (now := BISECT.next(study, done)) is not None:
        known = {trial.id for trial in study.trials}
        study = structs.replace(study, trials=(*study.trials, *(t for t in now.trials if t.id not in known)))
        assert len({trial.id for trial in study.trials}) == len(study.trials)
        done += [run(trial) for trial in now.trials]
    return study, done


def runs(slow_from: str = "", noise: float = 0.01, seed: int = 1, share: float = 0.95) -> Run:
    """1000 FPS, and `share` of it from a build on; with -pc, one layer has all the difference."""
    draw = np.random.default_rng(seed)

    def run(trial: Trial) -> Outcome:
        slow = bool(slow_from) and trial.point["--openvino"] >= slow_from
        fps = 1000 * (share if slow else 1.0) * (1 + noise * float(draw.standard_normal()))
        found = outcome(trial, fps, 2000 / fps)
        if "-pc" in trial.point:
            times = {"conv": 0.5 + (0.05 if slow else 0.0), "pool": 0.2}
            layers = (LayerTime(n, "Op", "jit", ms * (1 + 0.01 * draw.standard_normal())) for n, ms in times.items())
            found = structs.replace(found, layers=tuple(layers))
        return found

    return run


def answer(study: Study, done: list[Outcome]) -> Answer:
    return BISECT.conclude(study, done)


@pytest.mark.parametrize("slow", BUILDS[1:])
def test_the_first_slow_build_is_named_with_what_it_costs(slow: str) -> None:
    study, done = conducted(begun(), runs(slow))
    found = answer(study, done)
    assert found.headline.startswith(f"The first slow build is {slow}: ")
    before = BUILDS[BUILDS.index(slow) - 1]
    assert found.headline.endswith(f"than {before}.")
    percent = float(found.headline.split(": ")[1].split(" % less throughput")[0])
    assert percent == pytest.approx(5.0, abs=2.5)
    by = {one.side: one for one in found.comparisons}
    assert by[slow].ratio == pytest.approx(0.95, rel=0.02)
    assert [one.verdict for one in by.values() if one.side >= slow] == ["slower"] * sum(s >= slow for s in by)


def test_its_chart_has_each_build_that_was_measured_in_the_order_of_all() -> None:
    study, done = conducted(begun(), runs("2025.4.0"))
    found = answer(study, done)
    drawn = next(chart for chart in study_charts(study, done, found) if chart.name == "builds")
    points = {row["x"]: row["y"] for row in drawn.spec["data"]["values"]}
    assert points == pytest.approx({one.side: 100 * ((one.ratio or 0) - 1) for one in found.comparisons})
    x = drawn.spec["layer"][-1]["encoding"]["x"]
    assert x["scale"]["domain"] == list(BUILDS)
    assert "What is blank was not measured" in drawn.caption
    blocks = len({trial.repetition for trial in study.trials})
    assert BISECT.extent(study) == f"{blocks} there-and-back blocks of at most 60, seed 5"


def test_only_the_builds_that_are_needed_are_run() -> None:
    study, _ = conducted(begun(), runs("2025.4.0", noise=0.003))
    builds = {trial.point["--openvino"] for trial in study.trials}
    assert builds == {"2025.0.0", "2025.3.0", "2025.4.0", "2025.4.1", "2026.1.0"}


def test_where_none_is_slower_that_is_the_answer_after_two_builds() -> None:
    study, done = conducted(begun(), runs())
    found = answer(study, done)
    assert found.headline.startswith("No build is slower by 2 % or more: 2026.1.0 against 2025.0.0: ")
    assert {trial.point["--openvino"] for trial in study.trials} == {"2025.0.0", "2026.1.0"}
    assert not any("-pc" in trial.point for trial in study.trials)


def test_the_layer_whose_time_changed_is_named_and_no_other() -> None:
    study, done = conducted(begun(), runs("2025.2.0"))
    found = answer(study, done)
    (layer,) = found.layers
    assert (layer.name, layer.type) == ("conv", "Op")
    assert layer.change_ms == pytest.approx(0.05, abs=0.015)
    assert layer.low_ms is not None
    assert layer.high_ms is not None
    assert layer.low_ms < layer.change_ms < layer.high_ms
    assert any(line.startswith("Layer conv (Op): ") for line in found.lines)
    counting = [trial for trial in study.trials if "-pc" in trial.point]
    assert [trial.point["--openvino"] for trial in counting].count("2025.2.0") == 4
    assert all(trial.argv[-2:] == ("-pc", "yes") for trial in counting)


@pytest.mark.parametrize("failing", ["2025.1.0", "2025.2.0"])
@pytest.mark.parametrize("status", ["FAILED", "INVALID"])
def test_where_the_layers_of_one_build_were_not_counted_none_has_changed(
    failing: str, status: Literal["FAILED", "INVALID"]
) -> None:
    run = runs("2025.2.0")

    def some(trial: Trial) -> Outcome:
        done = run(trial)
        if "-pc" not in trial.point or trial.point["--openvino"] != failing:
            return done
        layers = done.layers if status == "INVALID" else ()
        return structs.replace(outcome(trial, None, status=status, why="no memory"), layers=layers)

    found = answer(*conducted(begun(), some))
    assert found.headline.startswith("The first slow build is 2025.2.0: ")
    assert found.layers == ()
    assert not any("ayer" in line for line in found.lines)
    assert f"The time of layers of {failing} could not be counted: no memory." in found.unsaid


def test_trials_that_count_layers_are_not_among_those_that_are_compared() -> None:
    study, done = conducted(begun(), runs("2025.2.0", noise=0.003))
    slowed = [structs.replace(one, fps=1.0) if "-pc" in one.point else one for one in done]
    assert answer(study, slowed).headline == answer(study, done).headline
    assert all("-pc" not in setting.point for setting in answer(study, done).settings)
    assert len(answer(study, done).settings) < len(settings_of(study, done))


def test_a_build_that_cannot_be_run_is_passed_over_and_named() -> None:
    run = runs("2025.3.0", noise=0.003)

    def without(trial: Trial) -> Outcome:
        if trial.point["--openvino"] == "2025.3.0":
            return structs.replace(outcome(trial, None, status="FAILED"), why="pip could not install it")
        return run(trial)

    study, done = conducted(begun(), without)
    found = answer(study, done)
    assert found.headline.startswith("The first slow build is one of 2025.3.0, 2025.4.0: ")
    assert "2025.3.0 could not be measured: pip could not install it." in found.unsaid


def test_without_the_good_build_there_is_no_search() -> None:
    study, done = conducted(begun(), lambda trial: outcome(trial, None, status="FAILED", why="no"))
    assert len(done) == 12
    assert answer(study, done).headline == "Inconclusive: the good or the bad build could not be measured."


@pytest.mark.parametrize("good_blocks", [1, 2, 4])
def test_a_build_that_is_invalid_from_some_block_on_ends_the_search_with_its_last_block(good_blocks: int) -> None:
    run = runs("2026.1.0", noise=0.05)

    def at_first(trial: Trial) -> Outcome:
        late = trial.repetition >= good_blocks and trial.point["--openvino"] == BUILDS[-1]
        return outcome(trial, None, status="INVALID", findings=("CLOCK",)) if late else run(trial)

    study, done = conducted(begun(repetitions=9), at_first)
    assert len({trial.repetition for trial in study.trials}) == 9
    found = answer(study, done)
    assert found.headline.startswith("Inconclusive")
    assert f"{9 - good_blocks} more had no figures of both 2025.0.0 and 2026.1.0." in found.unsaid


@pytest.mark.parametrize("repetitions", [1, 2])
def test_fewer_blocks_than_a_search_needs_are_refused(repetitions: int) -> None:
    with pytest.raises(UsageError, match=f"--repetitions {repetitions} is too few"):
        begun(repetitions=repetitions)


def test_a_search_is_the_same_however_often_it_was_cut_off() -> None:
    """What comes next is a function of the plan and of what has ended."""
    study, done = conducted(begun(), runs("2025.2.0"))
    by_trial = {one.trial: one for one in done}
    again = begun()
    ended: list[Outcome] = []
    while (now := BISECT.next(again, ended)) is not None:
        known = {trial.id for trial in again.trials}
        again = structs.replace(again, trials=(*again.trials, *(t for t in now.trials if t.id not in known)))
        ended.append(by_trial[now.trials[0].id])  # one trial, then it is cut off
    assert again.trials == study.trials


@pytest.mark.parametrize("metric", ["median", "p99"])
def test_latency_is_searched_where_it_is_the_metric(metric: str) -> None:
    study, done = conducted(begun(own={"metric": metric}), runs("2025.2.0"))
    found = answer(study, done)
    assert found.headline.startswith("The first slow build is 2025.2.0: ")
    assert f"% longer {metric} latency (+" in found.headline


def test_blocks_that_run_out_leave_a_range() -> None:
    study, done = conducted(begun(repetitions=6), runs("2025.2.0"))
    found = answer(study, done)
    assert found.headline.startswith("Inconclusive: a build after 2025.")
    assert len({trial.repetition for trial in study.trials}) == 6


def test_pythons_are_called_by_what_tells_them_apart() -> None:
    pythons = tuple(f"/opt/ov{number}/bin/python" for number in range(4))
    study = begun(own={"builds": ",".join(pythons)})
    assert study.axes == {"--agent-python": pythons}

    def run(trial: Trial) -> Outcome:
        return outcome(trial, 900.0 if trial.point["--agent-python"] in pythons[2:] else 1000.0, 2.0)

    study, done = conducted(study, run)
    assert answer(study, done).headline.startswith("The first slow build is ov2: 10.0 % less throughput")


@pytest.mark.parametrize(
    ("words", "own", "said"),
    [
        (("-m", "a.xml,b.xml"), {}, "it is about one setting"),
        (("--openvino", "2025.4"), {}, "--openvino is set by the study itself"),
        (("-pc",), {}, "-pc is set by the study itself"),
        (("--rate", "100"), {}, "at a rate throughput is what was offered; add --metric p99"),
        (("-max_irate", "9"), {}, "at a rate throughput is what was offered; add --metric p99"),
        (("-t", "2"), {"builds": "2025.0"}, "there are no two builds"),
        (("-t", "2"), {"builds": "2025.0,/opt/python"}, "--builds has both releases and Pythons"),
    ],
)
def test_what_cannot_be_searched_is_refused(words: tuple[str, ...], own: Mapping[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        begun(*words, own=own)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"good": "2025.0"}, "give --good and --bad"),
        ({"good": "2025.0", "bad": "/opt/python"}, "--bad /opt/python: this is no release"),
    ],
)
def test_ends_that_are_no_releases_are_refused(own: Mapping[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        BISECT.span(own)
    assert said in str(refused.value)


def test_the_ends_are_those_that_were_given_unless_all_builds_were() -> None:
    assert BISECT.span({"good": "2025.0", "bad": "2026.4"}) == ("2025.0", "2026.4")
    assert BISECT.span({"builds": "2025.0,2025.1"}) is None


def points(study: Study) -> list[Point]:
    return [trial.point for trial in study.trials]


def test_the_first_blocks_are_of_both_ends_there_and_back() -> None:
    found = points(begun())
    for first in range(0, 12, 4):
        block = [point["--openvino"] for point in found[first : first + 4]]
        assert block == block[::-1]
        assert set(block) == {BUILDS[0], BUILDS[-1]}
