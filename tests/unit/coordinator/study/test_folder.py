"""A study on disk: what is kept, what a crash leaves, what is refused."""

import contextlib
import json
import os
from pathlib import Path

import pytest
from msgspec import structs

from ovbench.common.errors import Unwritable, UsageError
from ovbench.coordinator.analysis.merge import merge
from ovbench.coordinator.analysis.recording import Recorded, sample_arrays
from ovbench.coordinator.result.study import SIZE_PERCENT, Fingerprint, Outcome, Study, Trial
from ovbench.coordinator.store.saved import SavedRun, SavedStudy, read_samples, read_saved
from ovbench.coordinator.study.folder import StudyFolder
from ovbench.coordinator.study.kinds.registry import kind_of
from ovbench.coordinator.study.outcome import outcome_of
from tests.builders import folded, ms, recording, report, seconds, steady
from tests.studies import standing

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


def left(folder: StudyFolder, redo: tuple[str, ...] = ()) -> tuple[Trial, ...]:
    now = kind_of(STUDY).next(STUDY, folder.outcomes(), redo)
    return () if now is None or now.attempt else now.trials


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    made = StudyFolder(tmp_path)
    made.create(STUDY)
    return made


def test_a_study_is_read_as_it_was_written(folder: StudyFolder) -> None:
    assert folder.study() == STUDY
    assert folder.outcomes() == ()
    assert left(folder) == TRIALS


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
    assert left(folder) == (TRIALS[0], TRIALS[2])
    assert folder.reports() == {TRIALS[1].id: report()}


def recorded() -> Recorded:
    return recording(3, seconds(1), seconds(2), steady(seconds(1), ms(10), 50))


def test_the_samples_of_a_trial_are_beside_its_report(folder: StudyFolder) -> None:
    assert folder.keep_samples(TRIALS[0], sample_arrays([recorded()], merge([recorded()]).window)) == "samples.npz"
    folder.keep(TRIALS[0], outcome(TRIALS[0]), report(samples_file="samples.npz"))
    saved = read_saved(str(folder.path / "trials" / TRIALS[0].id))
    assert isinstance(saved, SavedRun)
    ((agent, samples),) = read_samples(saved).items()
    assert (agent, len(samples), set(samples.latencies.tolist())) == (3, 50, {ms(10)})


def test_samples_that_are_known_as_a_histogram_only_are_not_kept(folder: StudyFolder) -> None:
    rest = folded(steady(seconds(1.5), ms(10), 40), seconds(1))
    part = recording(0, seconds(1), seconds(2), steady(seconds(1), ms(10), 50), rest=(rest,))
    assert folder.keep_samples(TRIALS[0], sample_arrays([part], merge([part]).window)) is None
    assert list((folder.path / "trials" / TRIALS[0].id).iterdir()) == []


def test_nothing_of_an_attempt_before_is_left_beside_the_samples_of_another(folder: StudyFolder) -> None:
    folder.keep(TRIALS[0], structs.replace(outcome(TRIALS[0]), status="PARTIAL"), report())
    folder.keep_samples(TRIALS[0], sample_arrays([recorded()], merge([recorded()]).window))
    assert [file.name for file in (folder.path / "trials" / TRIALS[0].id).iterdir()] == ["samples.npz"]
    folder.keep(TRIALS[0], structs.replace(outcome(TRIALS[0]), status="FAILED"), None)
    assert list((folder.path / "trials" / TRIALS[0].id).iterdir()) == []


@pytest.mark.parametrize("way", ["trials", "trials/0001/samples.npz"])
def test_samples_that_cannot_be_written_are_reported(folder: StudyFolder, way: str) -> None:
    if way == "trials":
        (folder.path / way).write_text("a file")
    else:
        (folder.path / way).mkdir(parents=True)
    with pytest.raises(Unwritable, match="trials/0001"):
        folder.keep_samples(TRIALS[0], sample_arrays([recorded()], merge([recorded()]).window))
    assert left(folder) == TRIALS


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
    assert left(folder) == TRIALS[1:]
    folder.mend()
    folder.keep(TRIALS[1], outcome(TRIALS[1]), None)
    assert folder.trials_file.read_bytes() == data


def test_a_study_is_not_written_over_another(folder: StudyFolder) -> None:
    with pytest.raises(UsageError, match="--resume"):
        folder.create(STUDY)


def test_a_study_is_not_put_into_the_folder_of_a_run(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(b"{}")
    with pytest.raises(UsageError, match="there is a run in it already"):
        StudyFolder(tmp_path).create(STUDY)
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize("name", ["study.json", "trials.jsonl", ".lock", "trials/0001/report.json"])
def test_a_link_in_its_folder_is_never_followed(folder: StudyFolder, tmp_path: Path, name: str) -> None:
    victim = tmp_path / "of another user"
    victim.write_bytes(b"dear to him")
    (folder.path / name).parent.mkdir(parents=True, exist_ok=True)
    (folder.path / name).unlink(missing_ok=True)
    (folder.path / name).symlink_to(victim)
    with contextlib.suppress(Unwritable), folder.held():
        folder.plan(STUDY)
        folder.keep(TRIALS[0], outcome(TRIALS[0]), report())
        folder.mend()
    assert victim.read_bytes() == b"dear to him"


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
    assert left(folder) == TRIALS[2:]
    assert left(folder, ("PARTIAL", "FAILED")) == TRIALS[1:]


def test_of_a_trial_that_was_run_again_the_last_outcome_counts(folder: StudyFolder) -> None:
    folder.keep(TRIALS[0], structs.replace(outcome(TRIALS[0]), status="FAILED"), None)
    folder.keep(TRIALS[0], outcome(TRIALS[0]), None)
    assert standing(STUDY, folder.outcomes()) == (outcome(TRIALS[0]),)


def test_a_trial_that_was_suspect_keeps_its_report_when_it_is_run_again(folder: StudyFolder) -> None:
    first = structs.replace(outcome(TRIALS[0]), status="SUSPECT")
    folder.keep(TRIALS[0], first, report())
    folder.keep(TRIALS[0], structs.replace(outcome(TRIALS[0]), attempt=1), report())
    assert [(one.status, one.attempt) for one in folder.outcomes()] == [("SUSPECT", 0), ("VALID", 1)]
    saved = read_saved(str(folder.path))
    assert isinstance(saved, SavedStudy)
    assert all(saved.trial_report(one) is not None for one in saved.outcomes)
    assert [one.folder for one in saved.outcomes] == ["0001", "0001-again-1"]


def test_of_two_that_plan_a_study_in_one_folder_one_has_it(tmp_path: Path) -> None:
    """The second has not even looked yet whether there is a study in it."""
    first, second = StudyFolder(tmp_path), StudyFolder(tmp_path)
    with first.held():
        with pytest.raises(UsageError, match="another ovbench-coord is running a study in it"), second.held():
            pytest.fail("held twice")
        first.create(STUDY)
    with second.held(), pytest.raises(UsageError, match="there is a study in it already"):
        second.create(STUDY)


@pytest.mark.parametrize("planted", ["link", "pipe"])
def test_a_lock_that_somebody_else_has_made_is_neither_followed_nor_waited_for(tmp_path: Path, planted: str) -> None:
    other = tmp_path / "other"
    other.write_text("somebody's")
    if planted == "link":
        (tmp_path / ".lock").symlink_to(other)
        with pytest.raises(Unwritable, match="lock"), StudyFolder(tmp_path).held():
            pytest.fail("followed")
    else:
        os.mkfifo(tmp_path / ".lock")
        with StudyFolder(tmp_path).held():
            pass
    assert other.read_text() == "somebody's"
