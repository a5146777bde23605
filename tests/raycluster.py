"""Ray with two nodes that have CPUs, on 127.0.0.2 and 127.0.0.3, for as long as a test takes: real daemons in
namespaces of their own. The head, on 127.0.0.1, has no CPUs.

A Python that has Ray and this ovbench is named by OVBENCH_RAY_PYTHON; `scripts/engines/ray` makes one.
"""

import os
import shutil
import sys
import tempfile
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from tests import island
from tests.island import ADDRESSES, Island

PYTHON: Final = os.environ.get("OVBENCH_RAY_PYTHON", sys.executable)


def missing() -> str:
    """Why there can be no cluster here; empty if there can."""
    if absent := island.missing():
        return absent
    there = os.access(PYTHON, os.X_OK) and (sys.executable != PYTHON or find_spec("ray") is not None)
    return "" if there else "there is no Ray here; scripts/engines/ray installs it for itself"


class RayCluster(Island):
    """`apart`: each node runs on half of the CPUs; otherwise all are on both."""

    def __init__(self, apart: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))  # short, as names of sockets are
        # bash stays the first process: it takes up the orphans that Ray leaves.
        script = f"{PYTHON} -m tests.raycluster {'apart' if apart else 'together'} && true"
        super().__init__(script, {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": str(self.folder)})

    def close(self) -> None:
        super().close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill_node(self, address: str) -> None:
        assert self._outside.stdin is not None
        self._outside.stdin.write(f"{address}\n")
        self._outside.stdin.flush()


def main(apart: bool) -> None:
    """In the island. A line of standard input is the address of a node that is to be killed."""
    cluster: Any = import_module("ray.cluster_utils").Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "node_ip_address": "127.0.0.1", "include_dashboard": False},
    )
    cpus = sorted(os.sched_getaffinity(0))
    half = len(cpus) // 2
    nodes = {}
    for address, part in zip(ADDRESSES, (cpus[:half], cpus[half:]) if apart else (cpus, cpus), strict=True):
        os.sched_setaffinity(0, part)  # which the node's processes inherit
        nodes[address] = cluster.add_node(num_cpus=len(part), node_ip_address=address)
    os.sched_setaffinity(0, cpus)
    cluster.wait_for_nodes()
    print("up", flush=True)
    for line in sys.stdin:
        cluster.remove_node(nodes[line.strip()], allow_graceful=False)


if __name__ == "__main__":
    main(sys.argv[1] == "apart")
