"""What is printed of a study before it begins, and shown while it goes on."""

import io
from typing import Any

from rich.console import Console

from ovbench.common.topology import Topology
from ovbench.coordinator.report.studylive import StudyScreen, print_trials, trial_line
from ovbench.coordinator.request.slo import Objective
from ovbench.coordinator.result.arrivals import ObjectivePart
from ovbench.coordinator.result.study import Fingerprint, Outcome, Study, Trial
from ovbench.coordinator.session.events import AgentLost, Delivering, SinkFailed, Snapshot, Stopping
from ovbench.coordinator.study.axes import parse_axes
from ovbench.coordinator.study.design import Design
from ovbench.coordinator.study.events import StudyPlanned, TrialBegins, TrialEnded
from ovbench.coordinator.study.kinds.registry import KINDS
from tests import capacities
from tests.loadstudies import begun
from tests.studies import at_rate, study, trials
from tests.studies import outcome as outcome_of


def printed(made: Design, repetitions: int) -> list[str]:
    order = trials(made, repetitions, 0)
    study = Study(
        ovbench="0.1.0", kind=made.kind, created_at="", command=(), seed=0, repetitions=repetitions, axes=made.axes,
        trials=order, fingerprint=Fingerprint({}, {}),
    )  # fmt: skip
    screen = io.StringIO()
    print_trials(Console(file=screen, width=200), study, order, 10.0)
    return [line.strip() for line in screen.getvalue().splitlines()]


NOWHERE = Topology((), frozenset())


def test_the_sides_of_a_comparison_are_shown_by_their_own_flags() -> None:
    lines = printed(KINDS["ab"].design(parse_axes(["-t", "5"]), NOWHERE, {"a": "", "b": "-nstreams 2 -t 6"}), 1)
    assert lines[:2] == ["side A: -t 5", "side B: -t 6 -nstreams 2"]
    assert [line.partition(": ")[0] for line in lines[3:]] == ["1", "2", "3", "4"]
    assert [line.partition(": ")[2] for line in lines[3:]] in (
        ["side A", "side B", "side B", "side A"],
        ["side B", "side A", "side A", "side B"],
    )


def test_a_side_without_flags_says_so() -> None:
    lines = printed(KINDS["ab"].design(parse_axes(["-t", "5"]), NOWHERE, {"a": "", "b": "-nstreams 2"}), 1)
    assert lines[:2] == ["side A: no flags of its own", "side B: -nstreams 2"]


def test_the_first_trials_are_listed_in_their_order() -> None:
    made = KINDS["sweep"].design(parse_axes(["-nireq", "1..8"]), NOWHERE, {})
    lines = printed(made, 3)
    assert lines[:8] == [f"-nireq {number}" for number in range(1, 9)]
    listed = lines[9:]
    assert listed[:20] == [f"{int(t.id)}: -nireq {t.point['-nireq']}" for t in trials(made, 3, 0)[:20]]
    assert listed[20:] == ["... and 4 more"]


def trial(id: int, requests: int) -> Trial:
    return Trial(f"{id:04}", {"-nireq": str(requests)}, 0, ("-nireq", str(requests)))


def outcome(id: int, requests: int, fps: float | None, **fields: Any) -> Outcome:
    return Outcome(f"{id:04}", {"-nireq": str(requests)}, 0, "", 1.0, 0, fields.pop("status", "VALID"), fps, **fields)


def test_what_follows_from_the_first_trials_is_counted_and_timed() -> None:
    planned = begun(at="50,100", repetitions=3)
    screen = io.StringIO()
    print_trials(Console(file=screen, width=200), planned, planned.trials, 10.0)
    assert [line.strip() for line in screen.getvalue().splitlines()] == [
        "closed loop",
        "1 trial, about 10 s; then up to 8 that follow from what is measured, about 1 min 30 s in all",
        "1: closed loop",
    ]


def test_a_trial_without_a_setting_is_called_what_it_is() -> None:
    written = io.StringIO()
    screen = StudyScreen(Console(file=written, width=80))
    screen.handle(StudyPlanned(0, "0.1.0", (), "load", "s", 9, 9))
    one = begun().trials[0]
    screen.handle(TrialEnded(0, outcome_of(one, 100.0, 5.0), 1, 9))
    assert written.getvalue() == "1/9  closed loop  100.0 FPS  median 2.50 ms  p99 5.00 ms\n"


def test_off_a_terminal_there_is_a_line_for_each_trial_that_has_ended() -> None:
    written = io.StringIO()
    screen = StudyScreen(Console(file=written, width=80))
    for number, ended in enumerate(
        (
            outcome(1, 1, 100.0, latency_ms={"median": 1.0, "p99": 2.0}),
            outcome(2, 2, 90.0, status="SUSPECT", findings=("not_steady",)),
            outcome(3, 3, None, status="FAILED", why="it cannot be"),
        ),
        1,
    ):
        screen.handle(TrialBegins(0, trial(number, number), number, 3, None))
        screen.handle(Snapshot(0, 1.0, None, None, None, 0, None, None, ()))
        screen.handle(TrialEnded(0, ended, number, 3))
    assert written.getvalue().splitlines() == [
        "1/3  -nireq 1  100.0 FPS  median 1.00 ms  p99 2.00 ms",
        "2/3  -nireq 2  90.00 FPS  SUSPECT: not_steady",
        "3/3  -nireq 3  FAILED: it cannot be",
    ]


def test_on_a_terminal_the_trial_is_shown_with_how_it_goes_the_time_left_and_the_best_so_far() -> None:
    written = io.StringIO()
    screen = StudyScreen(Console(file=written, width=80, force_terminal=True, color_system=None))
    screen.remember([outcome(1, 1, 100.0), outcome(2, 8, 250.0), outcome(3, 9, 900.0, status="INVALID")])
    screen.handle(TrialBegins(0, trial(4, 2), 4, 12, 90.0))
    assert "trial 4/12  -nireq 2: starting" in written.getvalue()
    screen.handle(Snapshot(0, 7.0, None, None, 321.0, 5, None, None, ()))
    assert "trial 4/12  -nireq 2: 7 s, 321.0 FPS" in written.getvalue()
    assert "1 min 30 s left · best so far 250.0 FPS with -nireq 8" in written.getvalue()
    screen.handle(Snapshot(0, 8.0, None, None, 300.0, 5, None, None, (), others_percent=14.2))
    assert "trial 4/12  -nireq 2: 8 s, 300.0 FPS, others 14 %" in written.getvalue()
    screen.handle(Delivering(0, 2, 1))
    assert "1 of 2 agents have delivered their results" in written.getvalue()
    screen.close()


def test_what_a_search_knows_by_now_stands_for_the_best_trial() -> None:
    written = io.StringIO()
    screen = StudyScreen(Console(file=written, width=80, force_terminal=True, color_system=None))
    screen.remember([outcome(1, 1, 100.0)])
    screen.handle(TrialBegins(0, trial(2, 2), 2, 12, 30.0, "395 to 428/s"))
    assert "30 s left · 395 to 428/s" in written.getvalue()
    assert "best so far" not in written.getvalue()
    screen.close()


def test_of_a_search_the_most_trials_are_shown_and_of_each_how_near_it_was_to_its_limit() -> None:
    written = io.StringIO()
    screen = StudyScreen(Console(file=written, width=80, force_terminal=True, color_system=None))
    screen.handle(StudyPlanned(0, "0", (), "capacity", "r", 1, 1))
    screen.handle(TrialBegins(0, trial(2, 2), 2, 30, 30.0, "395 to 428/s"))
    assert "trial 2 of at most 30" in written.getvalue()
    limits = (ObjectivePart(20.0, 99.0, 0.995, 1.0, True, 18.4), ObjectivePart(5.0, 50.0, 0.1, 1.0, False, None, 7.25))
    screen.handle(TrialEnded(0, outcome(2, 2, 100.0, objectives=limits), 2, 30))
    assert "100.0 FPS  p99 18.4 ms of 20 ms  p50 > 7.25 ms of 5 ms" in written.getvalue()
    screen.close()


def test_the_plan_of_a_search_says_what_follows_at_the_most() -> None:
    console = Console(file=io.StringIO(), width=200)
    planned = capacities.study([Objective(20.0, 99.0)], ("1", "4"), repetitions=12)
    print_trials(console, planned, planned.trials, 44.0)
    assert isinstance(console.file, io.StringIO)
    words = "2 trials, about 44 s; then up to 22 that follow from what is measured, at most about 13 min 12 s in all"
    assert words in console.file.getvalue()


def test_what_goes_wrong_in_a_trial_is_shown_with_the_reason() -> None:
    written = io.StringIO()
    screen = StudyScreen(Console(file=written, width=80))
    for event in (AgentLost(0, 1, "agent 1 (pid 9)", "was killed"), SinkFailed(0, "File", "is full"), Stopping(0)):
        screen.handle(event)
    assert written.getvalue().splitlines() == [
        "  agent 1 (pid 9) is lost: was killed",
        "File gets no more events, as it failed: is full",
        "stopping; the study can be resumed; press Ctrl-C again to leave at once",
    ]


def test_a_percentile_that_a_trial_does_not_know_is_more_than_its_bound() -> None:
    trial = study({"--rate": ("100",)}, repetitions=1).trials[0]
    assert str(trial_line(at_rate(trial, None), 1, 1)) == "1/1  --rate 100  100.0 FPS  median 6.00 ms  p99 > 12.0 ms"
