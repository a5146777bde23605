"""What is forked for tests is like what is started anew: known by the mark of its test, in sessions of its own."""

import os
import time
from contextlib import suppress
from pathlib import Path

from tests import leftovers
from tests.forked import Program
from tests.process.driver import PATIENCE_S


def test_all_that_a_forked_coordinator_starts_has_the_mark_of_the_test_and_its_agents_a_session(
    coordinator: Program, tmp_path: Path
) -> None:
    load = ("--backend", "null:500", "--agents", "2", "-api", "sync", "-niter", "1000", "--warmup", "0")
    finish = coordinator(load, tmp_path)
    deadline = time.monotonic() + PATIENCE_S
    sessions: set[int] = set()
    while len(sessions) < 4 and time.monotonic() < deadline:
        with suppress(ProcessLookupError):
            sessions = {os.getsid(pid) for pid in leftovers.running(os.environ[leftovers.MARK])}
    code, _, err = finish()
    assert code in (0, 4), err
    assert len(sessions) == 4, "of a coordinator, a fork server and two agents"
