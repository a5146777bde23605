"""What studies say, word by word."""

import json
from collections.abc import Callable
from math import inf

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.coordinator.result.study import KindName, Point
from ovbench.coordinator.stats.estimate import Estimate
from ovbench.coordinator.stats.scaling import throughput
from ovbench.coordinator.study.answer import Answer, answer_json
from ovbench.coordinator.study.kinds.scaling import efficiency
from ovbench.coordinator.study.words import with_interval
from tests.studies import Status, answer, at_rate, outcome, outcomes, study

SIZES = ("1", "2", "4", "8", "16", "32")


def scaled(contention: float, coherency: float, sizes: tuple[str, ...] = SIZES) -> Answer:
    """Without noise; 16 cores have two hyperthreads each. By the closed forms of the laws."""
    planned = study({"--agents": sizes}, "scaling", machine={"physical_cores": "16"})

    def fps(point: Point) -> float:
        return throughput(int(point["--agents"]), 100.0, contention, coherency)

    return answer(planned, outcomes(planned, fps, lambda p: 2.0 + int(p["--agents"]) / 8))


def test_a_scaling_study_reports_law_peak_knee_and_limits() -> None:
    """X(16) = 1600 / 2.176, X(32) / 3200 = 1 / 4.6208, N* = sqrt(0.96 / 0.0024)."""
    found = scaled(0.04, 0.0024)
    assert found.headline == "Most throughput: 735.3 FPS (735.3 to 735.3) with --agents 16."
    assert found.lines == (
        "32 agents reach 21.6 % (21.6 to 21.6 %) of 32 times the throughput of 1 agent.",
        "p99 goes from 2.12 ms with 1 agent to 6.00 ms with 32.",
        "Throughput follows the Universal Scalability Law: contention 4.0 % (4.0 to 4.0 %), coherency 0.240 % "
        "(0.240 to 0.240 %); trials scatter by 0.0 % about it.",
        "By this law throughput peaks at 20 agents.",
        "The knee is at 17 agents: from there on one more adds less than 5 % of what one does.",
        "Contention limits: 4.0 % (4.0 to 4.0 %) of the work is serialized.",
        "Coherency limits, too: what each pays for all others grows with their number.",
        "From 32 agents on, hyperthreads share the 16 cores.",
    )
    assert found.unsaid == (
        "Only hardware counters show what is contended for (memory bandwidth, caches, clock rate, locks).",
    )
    assert efficiency(found, found.settings[-1]) == found.curves[0].scaling.points[-1].efficiency


def over_hosts(findings: tuple[str, ...] = ()) -> Answer:
    """1, 2 and 4 hosts of 16 cores each; all of them together have 95 % of what four of the first would."""
    planned = study({"--hosts": ("a", "a,b", "a,b,c,d")}, "scaling", machine={"physical_cores": "16"})
    fps = {"a": 100.0, "a,b": 198.0, "a,b,c,d": 380.0}
    done = [
        outcome(trial, fps[hosts], 2.0, agents=4, cores=16 * (hosts.count(",") + 1), findings=findings)
        for trial in planned.trials
        for hosts in [trial.point["--hosts"]]
    ]
    return answer(planned, done)


def test_hosts_are_held_against_as_many_of_the_first() -> None:
    found = over_hosts()
    assert found.lines[0] == "4 hosts reach 95.0 % (95.0 to 95.0 %) of 4 times the throughput of 1 host."
    shares = [efficiency(found, setting) for setting in found.settings]
    assert [share.value for share in shares if share is not None] == pytest.approx([1, 0.99, 0.95])
    assert not [line for line in found.lines if "hyperthreads" in line], "cores of which host?"
    assert not [line for line in found.unsaid if "alike" in line]


def test_of_unlike_hosts_efficiency_is_also_about_what_they_are() -> None:
    assert "The hosts are not alike, so efficiency against the first is also about what the others are." in (
        over_hosts(("unlike_hosts",)).unsaid
    )


def test_nothing_limits_what_grows_in_proportion() -> None:
    found = scaled(0.0, 0.0, SIZES[:4])
    assert found.lines[2:] == (
        "Throughput grows in proportion to the agents, as far as can be seen (contention: at most 0.0 %); "
        "trials scatter by 0.0 % about it.",
        "No knee up to 8 agents: one more still adds 5 % of what one does, or more.",
    )
    assert found.unsaid == ()


def test_two_sizes_are_no_law() -> None:
    found = scaled(0.1, 0.0, ("1", "2"))
    assert found.lines[-1] == "No law is fitted: 3 different sizes are the least for a fit; there are 2."
    assert found.curves[0].scaling.fit is None
    assert scaled(0.1, 0.0, ("1",)).lines[-1].endswith("the least for a fit; there is 1.")


def test_agents_that_share_a_cpu_are_reported() -> None:
    planned = study({"--agents": ("1", "2", "4")}, "scaling")
    done = [outcome(t, min(2, int(t.point["--agents"])) * 100.0, 2.0, cores=min(2, int(t.point["--agents"])))
            for t in planned.trials]  # fmt: skip
    assert "From 4 agents on, several share a CPU." in answer(planned, done).lines


def against(ratio: float, noise: float, blocks: int = 10) -> Answer:
    planned = study({"-api": ("sync", "async")}, "ab", blocks)
    fps: Callable[[Point], float] = lambda p: 390.0 * (ratio if p["-api"] == "async" else 1.0)  # noqa: E731
    return answer(planned, outcomes(planned, fps, lambda p: 2.0, noise=noise, seed=4))


def test_a_verdict_names_the_two_settings_and_the_change() -> None:
    found = against(0.9, 0.0)
    assert found.headline == "B (-api async) is slower than A (-api sync): 10.0 % less throughput (-10.0 to -10.0 %)."
    assert found.lines == (
        "From 10 blocks of 4 trials, whose ratios scatter by 0.0 %; intervals at 98 % confidence.",
        "median latency of B: 0.0 % longer (+0.0 to +0.0 %).",
        "p99 latency of B: 0.0 % longer (+0.0 to +0.0 %).",
    )
    assert [(choice.what, choice.setting.name) for choice in found.choices] == [("A", "-api sync"), ("B", "-api async")]
    assert found.front == ()


def test_no_difference_is_said_with_its_size() -> None:
    assert against(1.001, 0.005).headline.startswith(
        "No difference beyond 2 % between A (-api sync) and B (-api async): B has 0."
    )


def test_a_size_that_was_stated_is_the_one_that_is_reported() -> None:
    planned = msgspec.structs.replace(study({"-api": ("sync", "async")}, "ab", 10), size_percent=7.5)
    found = answer(planned, outcomes(planned, lambda p: 100.0 if p["-api"] == "sync" else 95.0, lambda p: 2.0))
    assert found.headline.startswith("No difference beyond 7.5 % between A (-api sync) and B (-api async)")


def test_how_often_chance_alone_makes_a_difference_is_reported() -> None:
    assert against(1.0, 0.0).unsaid[-1] == (
        "The verdict is on throughput. For equal settings, each figure is called different in 2 of 100 studies, one of "
        "the 3 in up to 6."
    )


def test_with_too_few_blocks_it_is_reported_how_many_are_needed() -> None:
    found = against(1.0, 0.06)
    assert found.headline.startswith("Inconclusive whether A (-api sync) or B (-api async) is faster: B has")
    needed = found.comparisons[0].blocks_needed
    assert needed is not None
    assert f"about {needed} are needed, {2 * needed} trials of each setting." in found.unsaid[0]


def test_a_setting_against_itself_has_no_words_of_its_own() -> None:
    planned = study({"side": ("A", "B")}, "ab", 5)
    same = tuple(msgspec.structs.replace(trial, argv=("-m", "builtin:tiny")) for trial in planned.trials)
    planned = msgspec.structs.replace(planned, trials=same)
    found = answer(planned, outcomes(planned, lambda p: 390.0, lambda p: 2.0))
    assert found.headline == "No difference beyond 2 % between A and B: B has 0.0 % more throughput (+0.0 to +0.0 %)."


def test_sides_of_different_builds_are_distinguished_by_them() -> None:
    planned = study({"side": ("A", "B")}, "ab", 5)
    builds = {"A": "2026.4.0-1", "B": "2026.4.1-2"}
    done = [
        msgspec.structs.replace(one, openvino=builds[one.point["side"]])
        for one in outcomes(planned, lambda p: 390.0, lambda p: 2.0)
    ]
    told = "The builds of OpenVINO: A 2026.4.0-1, B 2026.4.1-2."
    assert answer(planned, done).lines[-1] == told
    same = [msgspec.structs.replace(one, openvino="2026.4.0-1") for one in done]
    assert told not in answer(planned, same).lines


def test_what_changed_while_a_study_went_on_is_reported() -> None:
    planned = msgspec.structs.replace(study({"-nstreams": ("1", "4")}), accepted=("the file m.xml", "kernel"))
    found = answer(planned, outcomes(planned, lambda p: 100.0, lambda p: 2.0))
    assert found.unsaid[0] == (
        "While the study went on, this changed: the file m.xml, kernel; trials before and after it are not comparable."
    )


def test_a_sweep_reports_the_best_the_best_under_the_limit_and_what_matters() -> None:
    planned = study({"-nstreams": ("1", "4"), "-nireq": ("1", "2")}, p99_limit_ms=3.0)
    done = outcomes(planned, lambda p: 100.0 * int(p["-nstreams"]) * int(p["-nireq"]), lambda p: 2.0 * int(p["-nireq"]))
    found = answer(planned, done)
    assert found.headline == "Most throughput: 800.0 FPS (800.0 to 800.0) with -nstreams 4 -nireq 2."
    assert found.lines == (
        "Most throughput with p99 up to 3.00 ms: -nstreams 4 -nireq 1, 400.0 FPS (400.0 to 400.0), "
        "p99 2.00 ms (2.00 ms to 2.00 ms).",
        "What matters most for throughput is -nstreams: of the variance between settings (of its logarithm), "
        "-nstreams 80 %, -nireq 20 %; 0 % is interaction and noise.",
    )
    assert [setting.name for setting in found.front] == ["-nstreams 4 -nireq 2", "-nstreams 4 -nireq 1"]
    assert found.choices[1].setting.command == "ovbench-coord -m builtin:tiny -nstreams 4 -nireq 1"


def test_settings_that_matter_as_much_are_named_together() -> None:
    """Only one of four combinations is fast: a third of the variance is of each setting, the rest of both at once."""
    planned = study({"-nstreams": ("1", "2"), "-nireq": ("1", "2")})
    found = answer(planned, outcomes(planned, lambda p: 100.0 * min(int(n) for n in p.values()), lambda p: 2.0))
    assert found.lines[-1].startswith(
        "What matters most for throughput are -nstreams and -nireq alike: of the variance between settings "
        "(of its logarithm), -nstreams 33 %, -nireq 33 %; 33 % is"
    )


def test_a_batch_study_reports_the_least_time_per_frame() -> None:
    planned = study({"-b": ("1", "2", "4")}, "batch")
    done = outcomes(planned, lambda p: 100.0, lambda p: {"1": 4.0, "2": 6.0, "4": 20.0}[p["-b"]])
    assert answer(planned, done).lines[-1] == "Least time per frame: 1.50 ms (median latency / batch) with -b 2."


def test_partitions_are_listed_by_throughput() -> None:
    planned = study({"--agents": ("1", "2", "4")}, "partition")
    fps = {"1": 90.0, "2": 110.0, "4": 100.0}
    found = answer(planned, outcomes(planned, lambda p: fps[p["--agents"]], lambda p: 2.0 * int(p["--agents"])))
    assert [setting.name for setting in found.settings] == ["--agents 2", "--agents 4", "--agents 1"]
    assert found.lines == ("Shortest p99: --agents 1, 90.00 FPS (90.00 to 90.00), p99 2.00 ms (2.00 ms to 2.00 ms).",)


def test_what_is_left_out_or_missing_is_said() -> None:
    planned = study({"-b": ("1", "2", "4")}, "batch", 2)
    one, two, four, *rest = planned.trials
    done = [outcome(rest[0], 100, 2), outcome(one, 101, 2), outcome(two, 99, 2, status="INVALID", findings=("steal",)),
            outcome(four, None, status="FAILED", why="no such model")]  # fmt: skip
    found = answer(planned, done)
    assert found.unsaid == (
        "2 of 6 trials are left out: 1 FAILED, 1 INVALID; steal (1); no such model (1).",
        "2 of 6 trials have not been run.",
        "Nothing is known of -b 2, -b 4: no trial was VALID or SUSPECT.",
    )


def test_warnings_of_trials_that_count_are_said_and_what_is_good_to_know_is_not() -> None:
    planned = study({"-b": ("1", "2")}, "batch", 2)
    done = [outcome(trial, 100.0 * int(trial.point["-b"]), 2.0, findings=findings) for trial, findings in zip(
        planned.trials, (("other_load", "steal"), ("governor",), ("other_load", "other_load", "spans_nodes"), ()),
        strict=True)]  # fmt: skip
    assert answer(planned, done).unsaid == (
        "2 of the 4 trials that count had warnings, so their figures may mislead: other_load (2), steal (1). "
        "What each means is in its report.",
    )
    quiet = [outcome(trial, 100.0 * int(trial.point["-b"]), 2.0, findings=("governor",)) for trial in planned.trials]
    assert answer(planned, quiet).unsaid == ()


def test_warnings_of_a_single_trial_are_said_in_the_singular() -> None:
    planned = study({"-b": ("1",)}, "batch", 1)
    findings = ("other_load", "steal", "trend", "stalled", "not_steady")
    assert answer(planned, [outcome(planned.trials[0], 100.0, 2.0, findings=findings)]).unsaid[0] == (
        "The one trial that counts had warnings, so its figures may mislead: other_load (1), steal (1), trend (1), "
        "stalled (1) and 1 more kind. What each means is in its report."
    )


def test_what_was_run_once_has_no_interval() -> None:
    planned = study({"-b": ("1", "2")}, "batch", 1)
    found = answer(planned, outcomes(planned, lambda p: 100.0 * int(p["-b"]), lambda p: 2.0))
    assert found.headline == "Most throughput: 200.0 FPS with -b 2."
    assert found.unsaid == (
        "Every setting has one trial that counts: no interval, so comparisons are inconclusive. Repeat it.",
    )


def test_several_settings_have_what_one_has() -> None:
    planned = study({"-b": ("1", "2", "4")}, "batch", 2)
    repeated, *once = (trial for trial in planned.trials if trial.repetition == 0)
    again = next(trial for trial in planned.trials if trial.repetition == 1 and trial.point == repeated.point)
    done = [outcome(trial, 100.0, 2.0) for trial in (repeated, again, *once)]
    assert answer(planned, done).unsaid[1].startswith("-b 2, -b 4 have one trial that counts: ")
    assert answer(planned, done[:-1]).unsaid[2].startswith("-b 2 has one trial that counts: ")


def test_a_limit_that_nothing_keeps_and_one_that_is_kept_barely_are_said() -> None:
    planned = study({"-nireq": ("1", "2")}, p99_limit_ms=1.0)
    done = outcomes(planned, lambda p: 100.0 * int(p["-nireq"]), lambda p: 2.0 * int(p["-nireq"]), noise=0.02)
    assert answer(planned, done).unsaid[-1].startswith("No setting keeps p99 within 1.00 ms; the shortest is ")
    barely = msgspec.structs.replace(planned, p99_limit_ms=4.0)
    exact = [msgspec.structs.replace(o, latency_ms={"p99": 3.8 + 0.1 * o.repetition, "median": 1.0}) for o in done]
    assert answer(barely, exact).unsaid[-1].startswith("Inconclusive whether -nireq 2 keeps p99 within 4.00 ms: it is ")


def test_without_a_valid_trial_nothing_is_said() -> None:
    for kind in ("sweep", "scaling", "streams", "partition", "batch", "ab"):
        found = answer(study({"--agents": ("1", "2")}, kind), [])
        assert found.headline == "Inconclusive: no trial was VALID or SUSPECT."
        assert found.lines == ()


@pytest.mark.parametrize(
    ("figure", "form", "written"),
    [
        (Estimate(1234.5, 1200.0, 1269.0, 3), "fps", "1,234.5 FPS (1,200.0 to 1,269.0)"),
        (Estimate(4.5, -1.0, 10.0, 2), "ms", "4.50 ms (0 to 10.0 ms)"),
        (Estimate(77_435.0, -4_792.0, 159_662.0, 2), "fps", "77,435 FPS (0 to 159,662)"),
        (Estimate(4.5), "ms", "4.50 ms"),
    ],
)
def test_a_figure_is_written_with_its_interval(figure: Estimate, form: str, written: str) -> None:
    assert with_interval(figure, "fps" if form == "fps" else "ms") == written


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_study_has_an_answer_that_json_holds_and_gives_back(data: st.DataObject) -> None:
    kind: KindName = data.draw(st.sampled_from(("sweep", "scaling", "streams", "partition", "batch", "ab")))
    planned = study({"--agents": ("1", "2", "3"), "-b": ("1", "2")}, kind, 2, p99_limit_ms=3.0)
    figures = st.none() | st.just(0.0) | st.floats(1e-9, 1e5)  # a frame in thirty years is the least
    statuses: st.SearchStrategy[Status] = st.sampled_from(("VALID", "VALID", "INVALID", "PARTIAL", "FAILED"))
    done = [
        outcome(trial, data.draw(figures), data.draw(figures), status=data.draw(statuses))
        for trial in data.draw(st.lists(st.sampled_from(planned.trials), max_size=12))
    ]
    found = answer(planned, done)
    assert found.headline
    written = answer_json(found)
    assert msgspec.json.decode(written, type=Answer) == found
    assert inf not in json.loads(written, parse_constant=lambda name: pytest.fail(name)).values()


def dispatched(shared_p99_ms: float | None, random_p99_ms: float | None, blocks: int = 10) -> Answer:
    planned = study({"--dispatch": ("shared", "random")}, "ab", blocks)
    p99 = {"shared": shared_p99_ms, "random": random_p99_ms}
    return answer(planned, [at_rate(trial, p99[trial.point["--dispatch"]]) for trial in planned.trials])


def test_at_a_rate_the_verdict_of_a_against_b_is_on_p99() -> None:
    found = dispatched(10.0, 15.0)
    assert found.headline == (
        "B (--dispatch random) is slower than A (--dispatch shared): 50.0 % longer p99 latency (+50.0 to +50.0 %)."
    )
    assert found.lines[1:] == (
        "median latency of B: 50.0 % longer (+50.0 to +50.0 %).",
        "throughput of B: 0.0 % more (+0.0 to +0.0 %).",
    )
    assert found.unsaid[-1].startswith("The verdict is on p99. ")


@pytest.mark.parametrize(("shared", "other"), [(None, 10.0), (10.0, None), (None, None)])
def test_a_p99_that_one_side_does_not_know_has_no_verdict(shared: float | None, other: float | None) -> None:
    found = dispatched(shared, other)
    assert found.headline == "Inconclusive whether A (--dispatch shared) or B (--dispatch random) is faster."
    assert "The verdict is on p99, which trials do not know, as too many arrivals never completed: lower the rate." in (
        found.unsaid
    )


def test_at_a_rate_the_shortest_p99_is_named_and_one_that_is_not_known_is_within_no_limit() -> None:
    planned = study({"--rate": ("100", "200", "300")}, repetitions=2, p99_limit_ms=20.0)
    p99 = {"100": 10.0, "200": 15.0, "300": None}
    found = answer(planned, [at_rate(trial, p99[trial.point["--rate"]]) for trial in planned.trials])
    chosen = {choice.what: choice.setting.point["--rate"] for choice in found.choices}
    assert chosen["shortest p99"] == "100"
    assert "most throughput" not in chosen, "it is what was offered"
    assert found.headline.startswith("Shortest p99: ")
    assert found.headline.split(" with ")[1].startswith("--rate 100")
    assert any("the same arrivals, of one seed" in line for line in found.unsaid)
    assert chosen["most throughput with p99 up to 20.0 ms"] != "300"
    assert "300" not in [setting.point["--rate"] for setting in found.front]
