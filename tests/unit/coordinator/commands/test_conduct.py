"""What is left of a run that came to nothing before anything was measured."""

import contextlib
from pathlib import Path
from typing import NoReturn, cast

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.commands import conduct as command
from ovbench.coordinator.commands.terminal import Terminal
from ovbench.coordinator.plan.plan import make_plan
from ovbench.coordinator.run.site import LocalSite
from ovbench.coordinator.session.session import Bus
from tests.builders import request
from tests.machines import machine


@pytest.mark.parametrize("ended", [KeyboardInterrupt, UsageError, RuntimeError], ids=lambda ended: ended.__name__)
def test_a_run_that_ends_while_it_is_made_ready_leaves_no_folder(
    ended: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by Ctrl-C while files go to other hosts."""

    def measure(*arguments: object) -> NoReturn:
        raise ended

    monkeypatch.setattr(command, "measure", measure)
    wanted = request("--backend", "null:1000", "--agents", "1", "--report-folder", str(tmp_path / "report"))
    topology = machine(cores=1)
    bus = cast(contextlib.AbstractContextManager[Bus], contextlib.nullcontext())
    with pytest.raises(ended):
        command.conduct(Terminal(), wanted, make_plan(wanted, topology), LocalSite(topology), bus, ("ovbench-coord",))
    assert not (tmp_path / "report").exists()
