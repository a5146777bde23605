"""What the fixture makes of results, and where it keeps them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
from msgspec import structs

import ovbench
from ovbench.pytest_plugin import Benchmark, folder_name
from ovbench.reports import report_of
from ovbench.studies import study_of
from tests.builders import report
from tests.studies import outcome, study


def benchmark(folder: Path) -> Benchmark:
    return Benchmark(cast(pytest.Item, SimpleNamespace(user_properties=[])), folder)


def failure_of(call: Any, *arguments: Any) -> list[str]:
    with pytest.raises(pytest.fail.Exception) as failed:
        call(*arguments)
    return str(failed.value).splitlines()


def test_tests_that_differ_only_in_what_no_folder_is_called_have_two() -> None:
    alike = ("t.py::test[a/b]", "t.py::test[a-b]", "t.py::test[a b]", "t.py::test::a::b", "t/t.py::t", "t-t.py::t")
    names = [folder_name(test) for test in alike]
    assert len(set(names)) == len(alike)
    assert folder_name("tests/test_speed.py::TestIt::test_0") == "tests-test_speed.py-TestIt-test_0"
    assert len(folder_name(f"t.py::test[{'ä' * 300}]").encode()) < 255
    assert all("/" not in name and " " not in name for name in names)


def test_a_test_that_was_a_study_and_is_a_run_now_has_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[Path] = []

    def run(model: Any, report_folder: Path, **options: Any) -> ovbench.Report:
        wanted.append(report_folder)
        return report_of(report(), report_folder)

    monkeypatch.setattr(ovbench, "run", run)
    benchmark(tmp_path / "test").run()
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "study.json").write_bytes(b"{}")
    benchmark(tmp_path / "test").run()
    (tmp_path / "test-2").mkdir()
    benchmark(tmp_path / "test").run()
    assert [folder.name for folder in wanted] == ["test", "test-2", "test-2"]


def test_a_report_that_is_not_kept_fails_with_what_was_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = report()
    invalid = structs.replace(found, validity=structs.replace(found.validity, status="INVALID"))

    def run(*arguments: Any, **options: Any) -> NoReturn:
        raise ovbench.NotKept("the earlier report was kept", report_of(invalid, None))

    monkeypatch.setattr(ovbench, "run", run)
    lines = failure_of(benchmark(tmp_path / "test").run)
    assert lines[0].startswith("the run is INVALID")
    assert lines[1:] == ["the earlier report was kept", f"report: {tmp_path / 'test'}"]


def test_a_study_whose_trials_fail_fails_without_a_condition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planned = study({"-nstreams": ("1", "2")}, repetitions=2)
    good, *others = (outcome(trial, 100.0, 5.0) for trial in planned.trials)

    def ended(*statuses: dict[str, Any]) -> None:
        trials = (good, *(structs.replace(one, **new) for one, new in zip(others, statuses, strict=True)))
        monkeypatch.setattr(ovbench, "study", lambda kind, **options: study_of(planned, trials, tmp_path))

    invalid = {"status": "INVALID", "findings": ("too_short",)}
    ended(invalid, invalid, {"status": "FAILED", "why": "no such model"})
    assert failure_of(benchmark(tmp_path / "test").study)[:-1] == [
        f"2 of 4 trials are INVALID, first {others[0].trial}: too_short",
        f"1 of 4 trials is FAILED, first {others[2].trial}: no such model",
    ]
    ended({"status": "SUSPECT"}, {}, {})
    assert benchmark(tmp_path / "test").study().trials[0] == good
