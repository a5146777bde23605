"""A run's files: each whole or not there, and what is missing said once and in the exit code."""

import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from ovbench.common.errors import Unwritable, UsageError
from ovbench.coordinator.report import html
from ovbench.coordinator.result.report import Report, Status, from_json
from ovbench.coordinator.store.files import Folder
from ovbench.coordinator.store.names import CHART_FILES
from ovbench.coordinator.store.reportfolder import ReportFolder, open_folder
from tests.builders import report

STARTED = "2025-01-02T03:04:05Z"


@dataclass
class Said:
    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.lines.append(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def opened(wanted: Path) -> tuple[ReportFolder, Said]:
    said = Said()
    return ReportFolder(open_folder(wanted, STARTED, "builtin:tiny"), said), said


def test_a_report_that_is_kept_can_be_read_back(tmp_path: Path) -> None:
    folder, said = opened(tmp_path / "out")
    folder.save_report(report())
    assert folder.kept
    assert folder.report_file == str(tmp_path / "out" / "report.json")
    assert from_json((tmp_path / "out" / "report.json").read_bytes()) == report()
    assert said == Said()


def test_a_folder_with_a_study_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_bytes(b"{}")
    with pytest.raises(UsageError, match="there is a study in it"):
        open_folder(tmp_path, STARTED, "builtin:tiny")


def test_a_folder_that_cannot_be_written_is_found_when_it_is_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Unwritable) as refused:
        opened(tmp_path / "file" / "below")
    assert str(refused.value) == (
        f"the report folder {tmp_path}/file/below cannot be made: a file of that name is in the way; name another by "
        "-report_folder DIR"
    )


def test_a_report_is_not_written_over_unless_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(b"{}")
    with pytest.raises(UsageError, match="there is a report in it; name another folder, or add --overwrite"):
        open_folder(tmp_path, STARTED, "builtin:tiny")
    assert open_folder(tmp_path, STARTED, "builtin:tiny", overwrite=True) == Folder(tmp_path, ())


def test_nothing_of_a_report_that_is_written_over_is_left_beside_the_new_one(tmp_path: Path) -> None:
    for name in ("report.json", "samples.npz", "report.html", "notes.txt", "p99.png", "benchmark_sorted_report.csv"):
        (tmp_path / name).write_bytes(b"old")
    folder = ReportFolder(open_folder(tmp_path, STARTED, "builtin:tiny", overwrite=True), Said())
    assert (tmp_path / "report.json").read_bytes() == b"old"  # until there is a new one
    folder.make_room(report())
    folder.save_report(report())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["notes.txt", "report.json"]


def test_a_report_that_cannot_be_written_is_on_stdout_and_what_is_beside_it_is_not_tried(tmp_path: Path) -> None:
    folder, said = opened(tmp_path)
    (tmp_path / "report.json").mkdir()
    folder.save_report(report())
    assert not folder.kept
    folder.save_files("-report_type", lambda: {"beside": b""})
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]
    assert said == Said()


@pytest.mark.parametrize("problem", [Unwritable("full"), ValueError("no figure"), UsageError("no library")], ids=repr)
def test_a_file_that_cannot_be_made_is_a_warning_and_the_report_stays(tmp_path: Path, problem: Exception) -> None:
    def fail() -> dict[str, bytes]:
        raise problem

    folder, said = opened(tmp_path)
    folder.save_report(report())
    folder.save_files("--html", fail, announce=True)
    assert (folder.kept, folder.whole) == (True, False)
    assert said == Said(warnings=[f"--html: {problem}"])


def test_files_are_announced_where_that_is_asked_for(tmp_path: Path) -> None:
    folder, said = opened(tmp_path)
    folder.save_files("-report_type", lambda: {"a.csv": b"1"})
    folder.save_files("--html", lambda: {"b.html": b"2", "c.svg": b"3"}, announce=True)
    assert said == Said([f"b.html, c.svg in {tmp_path}"])
    assert {file.name for file in tmp_path.iterdir()} == {"a.csv", "b.html", "c.svg"}


def test_a_file_that_the_user_named_is_written_without_a_folder_too(tmp_path: Path) -> None:
    said = Said()
    folder = ReportFolder(Unwritable("no folder"), said)
    folder.save_named("-dump_config", tmp_path / "new" / "config.json", b"{}", "the properties are")
    assert (tmp_path / "new" / "config.json").read_bytes() == b"{}"
    folder.save_named("-dump_config", tmp_path, b"{}", "the properties are")
    assert said.lines == [f"the properties are in {tmp_path / 'new' / 'config.json'}"]
    assert [warning.startswith(f"-dump_config: {tmp_path}") for warning in said.warnings] == [True]
    assert not folder.whole


def test_a_run_that_comes_to_nothing_leaves_no_folder(tmp_path: Path) -> None:
    folder, _ = opened(tmp_path / "a" / "b")
    folder.take_back()
    assert list(tmp_path.iterdir()) == []


def test_samples_are_named_where_they_are(tmp_path: Path) -> None:
    folder, said = opened(tmp_path)
    assert folder.save_samples({"window_ns": np.asarray([1, 2])}) == "samples.npz"
    with np.load(tmp_path / "samples.npz") as saved:
        assert saved["window_ns"].tolist() == [1, 2]
    (tmp_path / "samples.npz").unlink()
    (tmp_path / "samples.npz").mkdir()
    assert folder.save_samples({}) is None
    assert len(said.warnings) == 1


def test_where_there_can_be_a_folder_it_is_made_at_once(tmp_path: Path) -> None:
    assert isinstance(open_folder(tmp_path / "new", STARTED, "builtin:tiny"), Folder)
    assert (tmp_path / "new").is_dir()


def test_an_earlier_report_stays_where_a_new_run_came_to_nothing(tmp_path: Path) -> None:
    for name in ("report.json", "samples.npz", "throughput.svg"):
        (tmp_path / name).write_bytes(b"old")
    said = Said()
    folder = ReportFolder(open_folder(tmp_path, STARTED, "builtin:tiny", overwrite=True), said)
    folder.save_samples({"window_ns": np.asarray([1, 2])})
    folder.make_room(nothing_measured("PARTIAL"))
    folder.save_report(report())
    folder.save_files("--html", lambda: {"report.html": b""})
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {
        "report.json": b"old", "samples.npz": b"old", "throughput.svg": b"old",
    }  # fmt: skip
    assert said == Said(warnings=[f"nothing was measured, so the earlier report in {tmp_path} was kept"])
    assert (folder.kept, folder.problem, folder.report_file, folder.whole) == (False, "", "", True)


def test_a_run_that_only_compiles_replaces_an_earlier_one(tmp_path: Path) -> None:
    (tmp_path / "report.json").write_bytes(b"old")
    folder = ReportFolder(open_folder(tmp_path, STARTED, "builtin:tiny", overwrite=True), Said())
    folder.make_room(nothing_measured("VALID"))
    assert not (tmp_path / "report.json").exists()


def test_a_report_of_nothing_is_kept_where_there_was_none(tmp_path: Path) -> None:
    folder, said = opened(tmp_path)
    folder.make_room(nothing_measured("PARTIAL"))
    folder.save_report(nothing_measured("PARTIAL"))
    assert (tmp_path / "report.json").is_file()
    assert said == Said()


def test_samples_replace_those_of_the_earlier_run_with_its_report(tmp_path: Path) -> None:
    for name in ("report.json", "samples.npz"):
        (tmp_path / name).write_bytes(b"old")
    folder = ReportFolder(open_folder(tmp_path, STARTED, "builtin:tiny", overwrite=True), Said())
    assert folder.save_samples({"window_ns": np.asarray([1, 2])}) == "samples.npz"
    assert (tmp_path / "samples.npz").read_bytes() == b"old"  # until it is known that there is a new report
    folder.make_room(report(samples_file="samples.npz"))
    with np.load(tmp_path / "samples.npz") as saved:
        assert saved["window_ns"].tolist() == [1, 2]
    assert [file.name for file in tmp_path.iterdir()] == ["samples.npz"]


def test_the_files_of_all_charts_of_a_run_are_known() -> None:
    of_studies = ("capacity", "load", "rate", "study")
    files = [one for one in Path(html.__path__[0]).glob("*charts.py") if not one.name.startswith(of_studies)]
    sources = [file.read_text() for file in files]
    names = {name for source in sources for name in re.findall(r'\bChart\(\s*"(\w+)"', source)}
    assert {f"{name}.{form}" for name in names for form in ("svg", "png")} == set(CHART_FILES)


def nothing_measured(status: Status) -> Report:
    found = report()
    validity = structs.replace(found.validity, status=status)
    return structs.replace(found, throughput=structs.replace(found.throughput, count=0), validity=validity)
