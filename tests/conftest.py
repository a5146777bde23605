"""What all tests share. Fixtures of one kind of test live beside those tests."""

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

from ovbench.agent.loop.cache import load_loops

# What is imported and collected stays. To look for garbage in it takes a third of that time, and a tenth of all tests'.
gc.disable()

# What is known of this machine from before is of no test: none is kept, and none is found.
os.environ["XDG_STATE_HOME"] = os.path.join(os.devnull, "state")

# In the process that collects, so that they are compiled once, into the same cache as agents'.
load_loops()

pytest_plugins = ("tests.leftovers", "tests.attempts", "tests.order", "tests.spawned")

# How long an example takes, and its data to be made, is the machine's to say: a busy one exceeds any limit.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("brief", settings.get_profile("untimed"), max_examples=40)
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """Before the first test; xdist calls it in its workers, too, and in what starts them."""
    gc.freeze()
    gc.enable()
