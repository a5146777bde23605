"""Files and folders that flags name: absolute, and refused before the run where they could not be used."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.request.commandline import parse_run
from ovbench.coordinator.request.paths import check_tree
from tests.builders import request
from tests.trees import LAPTOP, Tree


def complaint(*argv: str) -> str:
    with pytest.raises(UsageError) as refused:
        parse_run(argv)
    return str(refused.value)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "model.xml"
    file.write_text("<net/>")
    return file


def test_a_model_file_becomes_an_absolute_path(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model.parent)
    assert request("-m", "model.xml").model.source == str(model)


def test_a_model_under_the_home_folder_is_found(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(model.parent))
    assert request("-m", "~/model.xml").model.source == str(model)


def test_a_folder_may_be_a_model(tmp_path: Path) -> None:
    """TensorFlow's saved models are folders."""
    assert request("-m", str(tmp_path)).model.source == str(tmp_path)


def test_a_path_may_begin_with_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/somebody")
    assert request("--report-folder", "~/x").output.report_folder == Path("/home/somebody/x")
    assert "--report-folder" in complaint("--report-folder", "~nobody-of-that-name/x")


def test_a_model_of_no_name_is_not_the_current_folder() -> None:
    assert "nothing after it" in complaint("-m", "")


def test_a_cache_that_is_a_file_is_refused(model: Path) -> None:
    assert "not a folder" in complaint("-cdir", str(model))
    assert request("-cdir", str(model.parent / "new")).runtime.cache_dir == str(model.parent / "new")


def test_a_pipe_may_be_in_a_folder_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of process substitution are, in /dev/fd; root could write to any folder, so it is asked in its place."""
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path)
    assert request("-dump_config", str(tmp_path / "pipe")).output.dump_config == tmp_path / "pipe"
    assert "cannot be written to" in complaint("-dump_config", str(tmp_path / "file"))


def test_an_empty_model_file_is_refused(model: Path) -> None:
    model.write_bytes(b"")
    assert "empty" in complaint("-m", str(model))


def test_a_folder_that_is_no_record_is_refused(tmp_path: Path, written: Callable[[Tree], Path]) -> None:
    with pytest.raises(UsageError, match="there is no such folder"):
        check_tree("--sysfs", tmp_path / "nowhere")
    with pytest.raises(UsageError, match="there is no sys/devices/system/cpu in it"):
        check_tree("--sysfs", tmp_path)
    assert check_tree("--sysfs", written(LAPTOP)) == written(LAPTOP)
