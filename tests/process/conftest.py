from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.process.driver import Coordinator, Ran, Run, Start


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts a coordinator, which the test ends: see `leftovers`."""
    return partial(Coordinator, tmp_path)


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
