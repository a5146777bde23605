"""A study on disk: what is kept, what a crash leaves, what is refused."""

import json
from pathlib import Path

import pytest
from msgspec import structs

from ovbench.common.errors import UsageError
from ovbench.coordinator.study.folder import StudyFolder
from ovbench.coordinator.study.record import SIZE_PERCENT, Fingerprint, Outcome, Study, Trial, outcome_of
from tests.builders import report

TRIALS = tuple(Trial(f"{n:04}", {"-nireq": str(n)}, 0, ("-nireq", str(n))) for n in (1, 2, 3))
STUDY = Study(
    ovbench="0.1.0",
    kind="sweep",
    created_at="2025-01-02T03:04:05Z",
    command=("ovbench-coord", "study", "-nireq", "1..3"),
    seed=0,
    repetitions=1,
    axes={"-nireq": ("1", "2", "3")},
    trials=TRIALS,
    fingerprint=Fingerprint(models={}, machine={}),
)


def outcome(trial: Trial) -> Outcome:
    return outcome_of(trial, report(), 1.5, 0)


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    made = StudyFolder(tmp_path)
    made.create(STUDY)
    return made


def test_a_study_is_read_as_it_was_written(folder: StudyFolder) -> None:
    assert folder.study() == STUDY
    assert folder.outcomes() == ()
    assert folder.left(STUDY) == TRIALS


def test_a_study_from_before_a_size_could_be_stated_has_the_usual_one(folder: StudyFolder) -> None:
    plan = json.loads(folder.study_file.read_bytes())
    assert plan.pop("size_percent") == SIZE_PERCENT
    folder.study_file.write_text(json.dumps(plan))
    assert folder.study() == STUDY
    folder.study_file.write_text(json.dumps(plan | {"size_percent": 0}))
    with pytest.raises(UsageError, match="size_percent"):
        folder.study()


def test_a_trial_is_there_when_it_was_kept(folder: StudyFolder) -> None:
    folder.keep(TRIALS[1], outcome(TRIALS[1]), report())
    assert folder.outcomes() == (outcome(TRIALS[1]),)
    assert folder.left(STUDY) == (TRIALS[0], TRIALS[2])
    assert folder.reports() == {TRIALS[1].id: report()}


def test_a_trial_s_line_has_the_figures_of_its_report(folder: StudyFolder) -> None:
    figures, kept = report(), outcome(TRIALS[0])
    assert figures.latency_ms is not None
    assert (kept.fps, kept.latency_ms["p99"]) == (figures.throughput.fps, figures.latency_ms.p99)
    assert (kept.agents, kept.cores, kept.status) == (2, 2, "VALID")


@pytest.mark.parametrize("torn", range(1, 60, 7))
def test_a_line_that_was_torn_is_cut_off_and_its_trial_is_left_to_do(folder: StudyFolder, torn: int) -> None:
    for trial in TRIALS[:2]:
        folder.keep(trial, outcome(trial), None)
    data = folder.trials_file.read_bytes()
    folder.trials_file.write_bytes(data[:-torn])
    assert folder.left(STUDY) == TRIALS[1:]
    folder.mend()
    folder.keep(TRIALS[1], outcome(TRIALS[1]), None)
    assert folder.trials_file.read_bytes() == data


def test_a_study_is_not_written_over_another(folder: StudyFolder) -> None:
    with pytest.raises(UsageError, match="--resume"):
        folder.create(STUDY)


def test_a_study_is_run_by_one_process_at_a_time(folder: StudyFolder) -> None:
    with folder.held(), pytest.raises(UsageError, match="another ovbench-coord"), StudyFolder(folder.path).held():
        pass


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"schema": "ovbench.study/2"}', b"\xff"])
def test_what_is_no_study_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "study.json").write_bytes(content)
    with pytest.raises(UsageError):
        StudyFolder(tmp_path).study()


def test_a_folder_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=str(tmp_path)):
        StudyFolder(tmp_path).study()


def test_a_whole_line_that_is_no_trial_is_refused(folder: StudyFolder) -> None:
    folder.trials_file.write_bytes(b'{"trial": 1}\n')
    with pytest.raises(UsageError, match=r"trials\.jsonl"):
        folder.outcomes()


def test_trials_that_were_lost_or_failed_are_left_to_do_only_where_that_is_wanted(folder: StudyFolder) -> None:
    folder.keep(TRIALS[0], outcome(TRIALS[0]), None)
    folder.keep(TRIALS[1], structs.replace(outcome(TRIALS[1]), status="PARTIAL"), None)
    assert folder.left(STUDY) == TRIALS[2:]
    assert folder.left(STUDY, retry=True) == TRIALS[1:]


def test_of_a_trial_that_was_run_again_the_last_outcome_counts(folder: StudyFolder) -> None:
    folder.keep(TRIALS[0], structs.replace(outcome(TRIALS[0]), status="FAILED"), None)
    folder.keep(TRIALS[0], outcome(TRIALS[0]), None)
    assert folder.outcomes() == (outcome(TRIALS[0]),)
