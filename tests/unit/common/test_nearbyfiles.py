"""Paths that lead nowhere, and what they were meant to be."""

from pathlib import Path

import pytest

from ovbench.common.nearbyfiles import did_you_mean_file


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "resnet50.xml").touch()
    (tmp_path / "model.xml").touch()
    (tmp_path / ".model").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("modle.xml", "model.xml"),
        ("./modle.xml", "./model.xml"),
        ("models/resnet5.xml", "models/resnet50.xml"),
        ("models/resnet50", "models/resnet50.xml"),
        ("modles/resnet50.xml", "models/resnet50.xml"),
        ("modls/", "models"),
    ],
)
def test_a_path_with_a_mistake_is_shown_with_the_one_that_was_meant(folder: Path, text: str, meant: str) -> None:
    assert did_you_mean_file(text) == f"; did you mean {meant}?"
    assert did_you_mean_file(str(folder / text)) == f"; did you mean {folder / meant}?"


@pytest.mark.parametrize("text", ["", "/", "xyzzy", "modles/nothing-of-that-name", "a\0b", "x" * 300])
def test_a_path_that_is_like_nothing_is_shown_with_nothing(folder: Path, text: str) -> None:
    assert did_you_mean_file(text) == ""
