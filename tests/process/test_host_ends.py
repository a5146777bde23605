"""However a host's part of a run is ended, and whenever: within seconds no process of it is left. Ten times each."""

import os
import random
import time
from collections.abc import Callable

import psutil
import pytest

from ovbench.common.hostmessages import Present
from ovbench.common.job import Job, NullService
from tests.builders import job
from tests.leftovers import MARK, running
from tests.process.hostbed import LEASE_S, Bed, Host, kill

TIMES = 10
GONE_WITHIN_S = 4.0
LONGEST_LIFE_S = 3.0

Ending = Callable[[Bed, Host], None]


def lasting(agent: int) -> Job:
    return job(duration_s=600.0, warmup_s=0.1, null=NullService(1_000_000))


def fall_silent(stage: Bed, host: Host) -> None:
    stage.silent = True


def end_the_coordinator(stage: Bed, host: Host) -> None:
    stage.hub.close()


def close_its_input(stage: Bed, host: Host) -> None:
    assert host.process.stdin is not None
    host.process.stdin.close()


def kill_the_supervisor(stage: Bed, host: Host) -> None:
    host.process.kill()


def kill_the_fork_server_and_dismiss(stage: Bed, host: Host) -> None:
    for child in psutil.Process(host.process.pid).children():
        kill(child.pid)
    close_its_input(stage, host)


def ask_it_to_end(stage: Bed, host: Host) -> None:
    host.process.terminate()


@pytest.mark.long
@pytest.mark.parametrize(
    "ending",
    [
        fall_silent,
        end_the_coordinator,
        close_its_input,
        kill_the_supervisor,
        kill_the_fork_server_and_dismiss,
        ask_it_to_end,
    ],
)
def test_no_process_of_a_host_is_left(ending: Ending) -> None:
    chance = random.Random(13)
    took_s = []
    for _ in range(TIMES):
        stage = Bed(lasting)
        try:
            host = stage.start("a")
            stage.until(lambda host=host: bool(host.all(Present)))  # type: ignore[misc]
            stage.muster(host, *range(4))
            stage.for_s(chance.uniform(0.0, LONGEST_LIFE_S))
            began = time.monotonic()
            ending(stage, host)
            while running(os.environ[MARK]):
                if ending is fall_silent:
                    stage.turn()
                assert time.monotonic() - began < GONE_WITHIN_S
                time.sleep(0.01)
            took_s.append(time.monotonic() - began)
        finally:
            stage.close()
    print(f"{ending.__name__}: {TIMES} of {TIMES}, {min(took_s):.2f} to {max(took_s):.2f} s (lease {LEASE_S:g} s)")
