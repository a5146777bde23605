"""Results by their age."""

import os
from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.result.report import to_json
from ovbench.coordinator.store.last import named
from ovbench.coordinator.store.saved import read_saved
from tests.builders import report


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "ovbench-results"
    for age, (name, file) in enumerate(
        [("a", "report.json"), ("b", "study.json"), ("c", "report.json"), ("d", "notes.txt")]
    ):
        (folder / name).mkdir(parents=True)
        (folder / name / file).write_bytes(to_json(report()) if file == "report.json" else b"{}")
        os.utime(folder / name / file, ns=(age * 10, age * 10))
    return folder


@pytest.mark.parametrize(
    ("name", "folder"), [("last", "c"), ("last~0", "c"), ("last~", "b"), ("last~1", "b"), ("last~2", "a")]
)
def test_last_is_the_newest_result_and_a_number_goes_back(results: Path, name: str, folder: str) -> None:
    assert named(name) == f"ovbench-results/{folder}"


def test_a_study_is_as_old_as_its_last_trial(results: Path) -> None:
    (results / "b" / "trials.jsonl").touch()
    assert named("last") == "ovbench-results/b"
    assert named("last", studies=True) == "ovbench-results/b"


def test_the_last_study_may_be_older_than_a_run(results: Path) -> None:
    assert named("last", studies=True) == "ovbench-results/b"


@pytest.mark.parametrize("name", ["a", "ovbench-results/a", "./last", "last~x", "lastly", "last~1~1", ""])
def test_any_other_name_is_left_as_it_is(results: Path, name: str) -> None:
    assert named(name) == name


def test_a_file_that_is_called_so_goes_before(results: Path) -> None:
    Path("last").mkdir()
    assert named("last") == "last"


def test_a_result_that_is_not_there_is_refused_in_one_sentence(results: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        named("last~9")
    assert str(refused.value) == (
        "last~9: ovbench-results of this folder has no result that is so old; the oldest is last~2"
    )
    os.chdir(results / "a")
    with pytest.raises(UsageError, match="last: there is no result in ovbench-results of this folder"):
        named("last")


def test_a_result_is_read_by_its_age_and_called_by_its_folder(results: Path) -> None:
    assert read_saved("last").name == "ovbench-results/c"


def test_a_result_that_is_misspelt_is_looked_for_where_results_are(results: Path) -> None:
    (results / "20260101T000000Z-mlp").mkdir()
    with pytest.raises(UsageError, match="did you mean ovbench-results/c"):
        read_saved("c")
    with pytest.raises(UsageError, match="did you mean ovbench-results/20260101T000000Z-mlp"):
        read_saved("20260101T000000Z-mpl")
