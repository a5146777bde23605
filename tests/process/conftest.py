import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.forked import Program, forked
from tests.process.driver import Coordinator, Ran, Run, Start, into


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


@pytest.fixture(scope="session")
def coordinator() -> Iterator[Program]:
    with forked("ovbench-coord") as program:
        yield program


@pytest.fixture
def run(coordinator: Program, tmp_path: Path) -> Run:
    """Runs a coordinator to its end: one that is forked and not loaded anew, as most tests have one that they only look
    at the results of."""

    def begin(*options: str) -> Ran:
        folder, began = tmp_path / "report", time.monotonic()
        code, out, err = coordinator((*options, *into(folder, options)), tmp_path)()
        return Ran(code, out, err, time.monotonic() - began, folder)

    return begin
