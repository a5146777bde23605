"""Results read back from disk."""

import json
from io import StringIO
from pathlib import Path

import msgspec
import numpy as np
import pytest
from msgspec import structs
from rich.console import Console

from ovbench.common.errors import UsageError
from ovbench.coordinator.analysis.merge import merge
from ovbench.coordinator.report.html.runcharts import run_charts
from ovbench.coordinator.report.text import print_report
from ovbench.coordinator.result.report import to_json
from ovbench.coordinator.result.study import Fingerprint, Study, Trial, outcome_line, study_json
from ovbench.coordinator.store.saved import SavedRun, SavedStudy, read_samples, read_saved
from ovbench.coordinator.study.outcome import outcome_of
from tests.builders import delivered, ms, recording, report, request, run, seconds, steady, write_samples

TRIAL = Trial("0001", {"-nstreams": "1"}, 1, ("-nstreams", "1"))
STUDY = Study("0.1.0", "streams", "", (), 0, 1, {"-nstreams": ("1",)}, (TRIAL,), Fingerprint({}, {}))


def test_a_run_is_found_by_its_folder_and_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(to_json(report()))
    for name in (str(tmp_path), str(tmp_path / "report.json")):
        assert read_saved(name) == SavedRun(name, tmp_path, report())


def test_a_report_under_another_name_is_a_run_too(tmp_path: Path) -> None:
    (tmp_path / "before.json").write_bytes(to_json(report()))
    assert isinstance(read_saved(str(tmp_path / "before.json")), SavedRun)


def with_study(folder: Path) -> Path:
    outcome = outcome_of(TRIAL, report(), 12.0, 0)
    (folder / "study.json").write_bytes(study_json(STUDY))
    (folder / "trials.jsonl").write_bytes(outcome_line(outcome) + outcome_line(outcome)[:40])
    (folder / "trials" / "0001").mkdir(parents=True)
    (folder / "trials" / "0001" / "report.json").write_bytes(to_json(report()))
    return folder


def test_a_study_has_the_trials_that_were_saved_whole(tmp_path: Path) -> None:
    found = read_saved(str(with_study(tmp_path)))
    assert isinstance(found, SavedStudy)
    assert found.study == STUDY
    assert found.outcomes == (outcome_of(TRIAL, report(), 12.0, 0),)
    (first,) = found.outcomes
    assert found.trial_report(first) == report()
    assert found.trial_report(structs.replace(first, attempt=1)) is None
    one = found.trial(first)
    assert one == SavedRun(str(tmp_path / "trials" / "0001"), tmp_path / "trials" / "0001", report())


def test_a_study_that_has_just_begun_has_no_trials(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_bytes(study_json(STUDY))
    found = read_saved(str(tmp_path / "study.json"))
    assert isinstance(found, SavedStudy)
    assert found.outcomes == ()


def another_schema(whole: bytes, schema: str) -> bytes:
    return json.dumps(json.loads(whole) | {"schema": schema}).encode()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is not JSON"),
        (b"\xff\xfe\x00", "it is not JSON"),
        (b"[1, 2", "it is not JSON"),
        (b"[]", "is not a result of ovbench"),
        (b'{"schema": 5}', "is not a result of ovbench"),
        (b'{"schema": "other/1"}', "is not a result of ovbench"),
        (
            another_schema(to_json(report()), "ovbench.report/2"),
            "schema ovbench.report/2, and this ovbench reads ovbench.report/1",
        ),
        (
            another_schema(study_json(STUDY), "ovbench.study/9"),
            "schema ovbench.study/9, and this ovbench reads ovbench.study/1",
        ),
        (b'{"schema": "ovbench.report/1"}', "not whole"),
        (b'{"schema": "ovbench.study/1"}', "not whole"),
    ],
)
def test_what_is_no_result_is_refused_in_one_sentence(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "report.json"
    file.write_bytes(content)
    with pytest.raises(UsageError) as told:
        read_saved(str(file))
    assert str(told.value).startswith(f"{file}: ")
    assert says in str(told.value)
    assert "\n" not in str(told.value)


def test_a_file_of_a_folder_that_is_not_json_is_named(tmp_path: Path) -> None:
    folder = with_study(tmp_path)
    (folder / "study.json").write_bytes(b'{"ovbench": "0.1')
    with pytest.raises(UsageError) as told:
        read_saved(str(folder))
    assert str(told.value) == f"{folder}: study.json is not JSON"


def test_a_folder_without_a_result_and_one_that_is_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"neither report\.json nor study\.json"):
        read_saved(str(tmp_path))
    for name in (str(tmp_path / "nowhere"), "x" * 5000, ""):
        with pytest.raises(UsageError, match="no such file or folder"):
            read_saved(name)


def test_a_line_that_is_no_trial_is_named_with_its_number(tmp_path: Path) -> None:
    folder = with_study(tmp_path)
    good = outcome_line(outcome_of(TRIAL, report(), 12.0, 0))
    (folder / "trials.jsonl").write_bytes(good + b'{"trial": 5}\n' + good)
    with pytest.raises(UsageError, match=r"line 2 of trials\.jsonl is not a trial"):
        read_saved(str(folder))


def test_samples_are_read_back_by_agent(tmp_path: Path) -> None:
    loads = [recording(n, seconds(1), seconds(2), steady(seconds(1), ms(10 + n), 50)) for n in (0, 2)]
    window = merge(loads).window
    write_samples(tmp_path / "samples.npz", loads, window)
    found = read_samples(SavedRun("a", tmp_path, report(samples_file="samples.npz")))
    assert list(found) == [0, 2]
    assert set(found[2].latencies.tolist()) == {ms(12)}


def test_samples_of_a_load_at_a_rate_know_when_each_was_due(tmp_path: Path) -> None:
    arrays = {f"agent_0_{name}_ns": np.asarray([at], np.int64) for name, at in (("due", 1), ("start", 3), ("end", 7))}
    with (tmp_path / "samples.npz").open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]
    found = read_samples(SavedRun("a", tmp_path, report(samples_file="samples.npz")))[0]
    assert (found.waits.tolist(), found.services.tolist(), found.latencies.tolist()) == ([2], [4], [6])


def test_samples_that_were_not_saved_or_are_broken_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not saved, which takes --save-samples"):
        read_samples(SavedRun("a", tmp_path, report()))
    wanted = report(run([delivered(0)], wanted=request("--agents", "1", "--save-samples")))
    with pytest.raises(UsageError, match="more than --sample-memory holds"):
        read_samples(SavedRun("a", tmp_path, wanted))
    saved = SavedRun("a", tmp_path, report(samples_file="samples.npz"))
    with pytest.raises(UsageError, match=r"samples\.npz cannot be read: No such file"):
        read_samples(saved)
    for content in (b"", b"PK\x03\x04 no archive"):
        (tmp_path / "samples.npz").write_bytes(content)
        with pytest.raises(UsageError, match=r"samples\.npz cannot be read"):
            read_samples(saved)
    with (tmp_path / "samples.npz").open("wb") as stream:
        np.savez(stream, agent_0_start_ns=np.zeros(1, np.int64))
    with pytest.raises(UsageError, match=r"samples\.npz cannot be read"):
        read_samples(saved)


def test_a_report_from_before_cpus_had_a_timeline_is_read_and_shown(tmp_path: Path) -> None:
    whole = json.loads(to_json(report()))
    assert whole["cpu"].pop("timeline") is not None
    (tmp_path / "report.json").write_text(json.dumps(whole))
    found = read_saved(str(tmp_path))
    assert isinstance(found, SavedRun)
    assert found.report.cpu.timeline is None
    print_report(Console(file=StringIO()), found.report)
    assert "cpus" in {chart.name for chart in run_charts(found.report)}


def test_a_report_of_a_newer_version_with_more_keys_is_read(tmp_path: Path) -> None:
    whole = json.loads(to_json(report())) | {"something_new": 5}
    (tmp_path / "report.json").write_bytes(msgspec.json.encode(whole))
    found = read_saved(str(tmp_path))
    assert isinstance(found, SavedRun)
    assert structs.replace(found.report) == report()
