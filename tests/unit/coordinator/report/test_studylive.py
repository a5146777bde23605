"""What is printed of a study before it begins."""

import io

from rich.console import Console

from ovbench.common.topology import Topology
from ovbench.coordinator.report.studylive import print_trials
from ovbench.coordinator.result.study import Fingerprint, Study
from ovbench.coordinator.study.design import Design
from ovbench.coordinator.study.kinds.registry import KINDS
from ovbench.coordinator.study.settings import parse_settings
from tests.studies import trials


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
    lines = printed(KINDS["ab"].design(parse_settings(["-t", "5"]), NOWHERE, {"A": "", "B": "-nstreams 2 -t 6"}), 1)
    assert lines[:2] == ["side A: -t 5", "side B: -t 6 -nstreams 2"]
    assert [line.partition(": ")[0] for line in lines[3:]] == ["1", "2", "3", "4"]
    assert [line.partition(": ")[2] for line in lines[3:]] in (
        ["side A", "side B", "side B", "side A"],
        ["side B", "side A", "side A", "side B"],
    )


def test_a_side_without_flags_says_so() -> None:
    lines = printed(KINDS["ab"].design(parse_settings(["-t", "5"]), NOWHERE, {"A": "", "B": "-nstreams 2"}), 1)
    assert lines[:2] == ["side A: no flags of its own", "side B: -nstreams 2"]


def test_the_first_trials_are_listed_in_their_order() -> None:
    made = KINDS["sweep"].design(parse_settings(["-nireq", "1..8"]), NOWHERE, {})
    lines = printed(made, 3)
    assert lines[:8] == [f"-nireq {number}" for number in range(1, 9)]
    listed = lines[9:]
    assert listed[:20] == [f"{int(t.id)}: -nireq {t.point['-nireq']}" for t in trials(made, 3, 0)[:20]]
    assert listed[20:] == ["... and 4 more"]
