"""Saved results again, where something is in the way."""

from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator import revisit as module
from ovbench.coordinator.commands import ExportResult, ShowResult
from ovbench.coordinator.result import to_json
from ovbench.coordinator.revisit import revisit
from ovbench.coordinator.study.record import outcome_line, study_json
from tests.builders import report
from tests.pages import streams_study


def test_charts_that_cannot_be_drawn_are_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> dict[str, bytes]:
        raise ValueError("no such colour")

    monkeypatch.setattr(module, "run_files", fail)
    (tmp_path / "report.json").write_bytes(to_json(report()))
    with pytest.raises(UsageError, match="its charts cannot be drawn: no such colour"):
        revisit(ShowResult(str(tmp_path), json=True, html=True, plots=None))


def test_a_histogram_log_of_a_study_is_refused_with_what_to_do(tmp_path: Path) -> None:
    study, outcomes = streams_study()
    (tmp_path / "study.json").write_bytes(study_json(study))
    (tmp_path / "trials.jsonl").write_bytes(b"".join(map(outcome_line, outcomes)))
    with pytest.raises(UsageError, match=r"trials keep no samples; .* a run with --save-samples"):
        revisit(ExportResult(str(tmp_path), csv=None, hlog=tmp_path / "a.hlog"))
