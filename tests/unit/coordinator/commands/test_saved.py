"""Saved results again, where something is in the way."""

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec import structs

from ovbench.common.errors import Unwritable, UsageError
from ovbench.coordinator.analysis.merge import merge
from ovbench.coordinator.analysis.recording import sample_arrays
from ovbench.coordinator.commands.export import ExportResult, export
from ovbench.coordinator.commands.show import ShowResult, show
from ovbench.coordinator.commands.verb import Call
from ovbench.coordinator.report.html import runpage
from ovbench.coordinator.result.report import to_json
from ovbench.coordinator.result.study import Outcome, Study
from ovbench.coordinator.session.interrupts import Interrupts
from ovbench.coordinator.study.folder import StudyFolder
from tests.builders import ms, recording, report, seconds, steady
from tests.studies import outcome, study

CALL = Call(("ovbench-coord",), Interrupts())


def test_charts_that_cannot_be_drawn_are_reported_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> dict[str, bytes]:
        raise ValueError("no such colour")

    monkeypatch.setattr(runpage, "run_files", fail)
    (tmp_path / "report.json").write_bytes(to_json(report()))
    with pytest.raises(UsageError, match="its charts cannot be drawn: no such colour"):
        show(ShowResult(str(tmp_path), json=True, html=True, plots=None), CALL)


def test_an_export_to_a_full_disk_is_not_a_wrong_path(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(to_json(report()))
    with pytest.raises(Unwritable, match=r"/dev/full cannot be written: No space left on device"):
        export(ExportResult(str(tmp_path), csv=Path("/dev/full"), hlog=None), CALL)
    with pytest.raises(UsageError, match=r"report\.json/a\.csv cannot be written: "):
        export(ExportResult(str(tmp_path), csv=tmp_path / "report.json" / "a.csv", hlog=None), CALL)


LOAD = recording(0, seconds(1), seconds(2), steady(seconds(1), ms(10), 50))


def with_study(folder: Path, samples_file: str | None, change: Callable[[Outcome], Outcome] = lambda one: one) -> Study:
    """Of three trials, later ones first, with reports and samples."""
    planned = study({"-nstreams": ("1", "2", "4")}, repetitions=1)
    folder.mkdir()
    kept = StudyFolder(folder)
    kept.create(planned)
    for trial in planned.trials:
        kept.keep_samples(trial, sample_arrays([LOAD], merge([LOAD]).window))
        found = change(outcome(trial, 100.0, 5.0))
        started_at = f"2026-01-01T00:00:{30 - 10 * int(trial.id):02}Z"
        kept.keep(trial, structs.replace(found, started_at=started_at), report(samples_file=samples_file))
    return planned


def test_a_histogram_log_of_a_study_has_its_valid_trials_in_the_order_of_time(tmp_path: Path) -> None:
    def invalid(one: Outcome) -> Outcome:
        return structs.replace(one, status="INVALID") if one.trial == "0001" else one

    with_study(tmp_path / "s", "samples.npz", invalid)
    assert export(ExportResult(str(tmp_path / "s"), csv=None, hlog=tmp_path / "a.hlog"), CALL) == 0
    lines = (tmp_path / "a.hlog").read_text().splitlines()
    assert [line.split(",")[:2] for line in lines if line.startswith("Tag=")] == [
        ["Tag=nstreams=4", "10.000"],
        ["Tag=nstreams=1", "30.000"],
    ]
    assert "#[trial 0001 was INVALID and is left out]" in lines
    assert "#[trial 0002: ovbench-coord --agents 2]" in lines


def test_without_samples_of_its_trials_a_study_has_no_histogram_log_and_it_is_said_what_to_do(tmp_path: Path) -> None:
    with_study(tmp_path / "s", None)
    with pytest.raises(UsageError, match=r"trials/000.: its samples were not saved, which takes --save-samples"):
        export(ExportResult(str(tmp_path / "s"), csv=None, hlog=tmp_path / "a.hlog"), CALL)
    with_study(tmp_path / "t", "samples.npz", lambda one: structs.replace(one, status="INVALID"))
    with pytest.raises(UsageError, match="no trial was VALID"):
        export(ExportResult(str(tmp_path / "t"), csv=None, hlog=tmp_path / "a.hlog"), CALL)
    assert not (tmp_path / "a.hlog").exists()
