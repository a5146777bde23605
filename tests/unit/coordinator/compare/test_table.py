"""Results as a long table."""

import csv
import io

from msgspec import structs

from ovbench.coordinator.compare.table import axis_column, rows_of_run, rows_of_study, to_csv
from ovbench.coordinator.result.estimates import estimates_of_run
from ovbench.coordinator.result.figures import FIGURES
from ovbench.coordinator.result.study import Fingerprint, Outcome, Study, Trial
from ovbench.coordinator.study.outcome import outcome_of
from tests.builders import report
from tests.ratereports import at_rate

TRIALS = (
    Trial("0001", {"-nstreams": "1", "--cpus-per-agent": "2"}, 1, ()),
    Trial("0002", {"-nstreams": "2", "--cpus-per-agent": "2"}, 1, ()),
)


def study() -> Study:
    return Study(
        ovbench="0.1.0", kind="sweep", created_at="", command=(), seed=0, repetitions=1, trials=TRIALS,
        axes={"-nstreams": ("1", "2"), "--cpus-per-agent": ("2",)}, fingerprint=Fingerprint({}, {}),
    )  # fmt: skip


def outcomes() -> list[Outcome]:
    failed = Outcome(trial="0002", point=TRIALS[1].point, repetition=1, started_at="", seconds=0, exit_code=2,
                     status="FAILED", why="no such model")  # fmt: skip
    return [outcome_of(TRIALS[0], report(), 12.0, 0), failed]


def test_every_trial_has_a_row_for_every_figure_in_their_order() -> None:
    rows = rows_of_study(study(), outcomes(), {})
    assert [(row["trial"], row["figure"]) for row in rows] == [
        (trial, figure.name) for trial in ("0001", "0002") for figure in FIGURES
    ]
    assert {row["status"] for row in rows[len(FIGURES) :]} == {"FAILED"}
    assert {row["value"] for row in rows[len(FIGURES) :]} == {None}


def test_each_setting_that_is_varied_has_a_column() -> None:
    rows = rows_of_study(study(), outcomes(), {})
    assert {(row["trial"], row["set_nstreams"], row["set_cpus_per_agent"]) for row in rows} == {
        ("0001", "1", "2"),
        ("0002", "2", "2"),
    }
    assert axis_column("-b") == "set_b"


def test_a_trial_of_several_lines_is_there_once_as_it_ended_last() -> None:
    failed = outcomes()[1]
    rows = rows_of_study(study(), [failed, *outcomes()[:1], structs.replace(failed, why="again", exit_code=3)], {})
    assert [row["exit_code"] for row in rows if row["trial"] == "0002"] == [3] * len(FIGURES)


def test_a_trials_report_adds_what_its_line_lacks() -> None:
    def value(reports: bool) -> object:
        rows = rows_of_study(study(), outcomes(), {"0001": report()} if reports else {})
        return next(row["value"] for row in rows if row["figure"] == "compile_ms")

    assert value(reports=False) is None
    assert value(reports=True) == 40.0


def test_a_table_read_back_has_the_figures_in_full_precision() -> None:
    found = report()
    read = list(csv.DictReader(io.StringIO(to_csv(rows_of_run(found)))))
    values = {row["figure"]: float(row["value"]) for row in read if row["value"]}
    assert values == {name: estimate.value for name, estimate in estimates_of_run(found).items()}
    assert list(read[0]) == [
        "trial", "repetition", "started_at", "status", "exit_code", "agents", "cores", "streams", "requests",
        "run", "figure", "value", "ci95_low", "ci95_high", "at_least", "host",
    ]  # fmt: skip
    assert (read[0]["trial"], read[0]["agents"], read[0]["status"]) == ("", "2", found.validity.status)


def test_a_figure_that_is_not_known_has_what_it_cannot_be_below() -> None:
    found = at_rate(None, at_least_ms=12.0, unfinished=50)
    for rows in (rows_of_run(found), rows_of_study(study(), [outcome_of(TRIALS[0], found, 12.0, 0)], {})):
        values = {row["figure"]: (row["value"], row["at_least"]) for row in rows}
        assert (values["p99_ms"], values["median_ms"]) == ((None, 12.0), (6.0, None))
        assert (values["wait_p99_ms"], values["unfinished"]) == ((None, 12.0), (50.0, None))


def test_a_study_without_any_trial_is_a_header() -> None:
    assert to_csv(rows_of_study(study(), [], {})).count("\n") == 1
