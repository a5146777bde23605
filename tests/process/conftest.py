from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.process.driver import Coordinator, Ran, Run, Start


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a coordinator; whatever is left of it after the test is an error of the test."""
    started: list[Coordinator] = []

    def begin(*options: str, **more: Any) -> Coordinator:
        coordinator = Coordinator(tmp_path, *options, **more)
        started.append(coordinator)
        return coordinator

    yield begin
    for coordinator in started:
        for process in coordinator.descendants():
            process.kill()
        coordinator.process.kill()
        coordinator.process.wait()


@pytest.fixture
def without_pictures(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra that draws charts, which takes a second, seems not to be installed."""
    hidden = tmp_path_factory.mktemp("hidden")
    (hidden / "vl_convert.py").write_text("raise ImportError")
    monkeypatch.setenv("PYTHONPATH", str(hidden))


@pytest.fixture
def run(start: Start) -> Run:
    """Runs a coordinator to its end."""

    def begin(*options: str, **more: Any) -> Ran:
        return start(*options, **more).finish()

    return begin
