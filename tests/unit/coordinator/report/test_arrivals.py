"""What arrived, in words of a terminal."""

import io

import pytest
from msgspec import structs
from rich.console import Console

from ovbench.coordinator.report.arrivals import arrival_lines, share, stage_table
from ovbench.coordinator.result.arrivals import GoodputPart, QueueingPart, SlowdownPart
from ovbench.coordinator.result.latency import Interval
from ovbench.coordinator.result.report import Report
from tests.builders import report
from tests.pages import rate_report

CALM, OVERLOADED = rate_report(), rate_report(overloaded=True)


def lines(of: Report) -> list[str]:
    return [line.plain.strip() for line in arrival_lines(of)]


def stages(of: Report) -> list[str]:
    written = io.StringIO()
    Console(file=written, width=80, force_terminal=False).print(stage_table(of.stages))
    return [line.rstrip() for line in written.getvalue().splitlines()]


def test_the_law_and_what_became_of_the_arrivals_are_shown() -> None:
    assert lines(OVERLOADED)[:4] == [
        "arrivals  poisson at 300.0/s, seed 7 · dispatch shared · drain 10 s",
        "offered 3,000 (300.0/s) · delivered 2,610 (261.0/s)",
        "unfinished 390 · dropped 0 · backlog 2 to 392",
        "lateness  median 1.30 us · p99 18.0 us · max 120 us",
    ]
    assert max(map(len, lines(OVERLOADED))) <= 80


def test_a_backlog_that_is_not_known_is_not_given_as_none() -> None:
    assert CALM.arrivals is not None
    unknown = structs.replace(CALM.arrivals, backlog_start=None, backlog_end=None, backlog_growth_per_s=None)
    assert lines(structs.replace(CALM, arrivals=unknown))[2] == "unfinished 0 · dropped 0 · backlog unknown"


def test_a_load_that_leaves_nothing_to_chance_has_no_seed() -> None:
    assert CALM.arrivals is not None
    assert "seed" not in lines(structs.replace(CALM, arrivals=structs.replace(CALM.arrivals, seed=None)))[0]


@pytest.mark.parametrize("certain", [True, False])
def test_the_wait_is_beside_that_of_an_ideal_queue_and_the_service_beside_that_of_one_alone_if_it_is_certain(
    certain: bool,
) -> None:
    slower = SlowdownPart(2.1, 38.1, Interval(30.0, 46.0), 1.6, certain)
    queueing = QueueingPart(5000, 2, 0.7, 2.9, 4.13, 4.1, 3.3, 0.1, 3.4, slower)
    shown = lines(structs.replace(CALM, queueing=queueing))[4:6]
    assert shown[0] == "queue     mean wait 4.13 ms · in an ideal queue 3.30 ms · 2 at a time"
    assert (shown[1] == "mean service 2.90 ms · alone 2.10 ms (+38 %)") == certain


def test_each_objective_has_its_goodput_and_whether_it_is_met() -> None:
    assert lines(OVERLOADED)[4:] == [
        "goodput   246.0/s within 20.0 ms: 82.0 % of arrivals, 99 % asked for, not met",
        "172.2/s within 5.00 ms: 57.4 % of arrivals, 50 % asked for, met",
    ]


def test_an_objective_without_a_percentage_is_neither_met_nor_missed() -> None:
    assert CALM.goodput is not None
    (first, _) = CALM.goodput.objectives
    free = GoodputPart(20.0, 298.0, 0.9934, (structs.replace(first, percent=None, met=None),))
    assert lines(structs.replace(CALM, goodput=free))[4:] == ["goodput   298.0/s within 20.0 ms: 99.3 % of arrivals"]


def test_a_closed_loop_has_its_goodput_of_inferences_and_nothing_else() -> None:
    assert lines(structs.replace(report(), goodput=OVERLOADED.goodput)) == [
        "goodput   246.0/s within 20.0 ms: 82.0 % of inferences, 99 % asked for, not met",
        "172.2/s within 5.00 ms: 57.4 % of inferences, 50 % asked for, met",
    ]


def test_what_a_report_does_not_have_is_not_shown() -> None:
    assert lines(report()) == []
    assert len(lines(structs.replace(CALM, goodput=None, lateness_us=None))) == 3


@pytest.mark.parametrize(
    ("part", "text"), [(0.0, "0.0 %"), (1.0, "100.0 %"), (0.9999, "> 99.9 %"), (1e-5, "< 0.1 %"), (0.5, "50.0 %")]
)
def test_a_share_is_not_rounded_to_all_or_nothing(part: float, text: str) -> None:
    assert share(part) == text


@pytest.mark.parametrize("of", [CALM, OVERLOADED], ids=["calm", "overloaded"])
def test_each_stage_has_its_row_within_80_columns(of: Report) -> None:
    header, _, *rows = stages(of)
    assert header.split()[-1] == "goodput"
    assert [row.split()[:3] for row in rows] == [["0", "s", "100..400"], ["4", "s", "333"]]
    assert max(map(len, rows)) <= 80
    assert "…" not in "".join(rows)


def test_stages_without_an_objective_have_no_column_for_it() -> None:
    plain = tuple(structs.replace(stage, goodput=None) for stage in CALM.stages)
    assert "goodput" not in stages(structs.replace(CALM, stages=plain))[0]
