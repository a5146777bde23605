"""What must not change under a study that is resumed."""

from dataclasses import replace
from pathlib import Path

import pytest

from ovbench.coordinator.study.fingerprint import changes, fingerprint
from ovbench.coordinator.study.record import Fingerprint
from tests.builders import options
from tests.machines import machine


@pytest.fixture
def model(tmp_path: Path) -> Path:
    file = tmp_path / "model.xml"
    file.write_text("<net/>")
    file.with_suffix(".bin").write_bytes(b"weights")
    return file


def of(model: Path) -> Fingerprint:
    return fingerprint([replace(options(), model=str(model))], machine())


def test_nothing_has_changed_where_nothing_was_touched(model: Path) -> None:
    assert list(changes(of(model), of(model))) == []


@pytest.mark.parametrize("suffix", [".xml", ".bin"])
def test_a_model_has_changed_with_its_file_or_its_weights(model: Path, suffix: str) -> None:
    before = of(model)
    model.with_suffix(suffix).write_bytes(b"other")
    assert list(changes(before, of(model))) == [f"the file {model}"]


def test_a_machine_has_changed_with_the_cpus_that_may_be_used() -> None:
    before, now = (fingerprint([], machine(allowed=frozenset(cpus))) for cpus in ({0, 1}, {0}))
    assert list(changes(before, now)) == ["allowed_cpus (was 0-1, is 0)"]
