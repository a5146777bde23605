"""What agents share when they are forked."""

import subprocess
import sys

import pytest

from ovbench.agent.loop.cache import load_loops

LOADED = """
import sys
from ovbench.agent.loop.cache import load_loops
load_loops()
import ovbench.agent.service
print(*(name for name in ("numpy", "zmq", "numba", "llvmlite", "openvino") if name in sys.modules))
"""


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    """Of those libraries, what a fork server has loaded; the loops are compiled."""
    load_loops()
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_agents_share_neither_openvino_nor_what_compiles_the_loops(loaded: list[str]) -> None:
    assert loaded == ["numpy", "zmq"]
