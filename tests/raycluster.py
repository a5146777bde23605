"""Ray with two nodes that have CPUs, on 127.0.0.2 and 127.0.0.3, for as long as a test takes: real daemons in
namespaces of their own. The head, on 127.0.0.1, has no CPUs.

A Python that has Ray and this ovbench is named by OVBENCH_RAY_PYTHON; `scripts/engines/ray` makes one.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from tests import island
from tests.island import ADDRESSES, Island

PYTHON: Final = os.environ.get("OVBENCH_RAY_PYTHON", sys.executable)


def missing() -> str:
    """Why there can be no cluster here; empty if there can."""
    if absent := island.missing():
        return absent
    asked = subprocess.run([PYTHON, "-c", "import ray"], capture_output=True)
    return "" if asked.returncode == 0 else "there is no Ray here; scripts/engines/ray installs it for itself"


class RayCluster(Island):
    """`cpus`: of each node, as Ray counts them."""

    def __init__(self, cpus: int = os.cpu_count() or 1) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))  # short, as names of sockets are
        # bash stays the first process: it takes up the orphans that Ray leaves.
        script = f"{PYTHON} -m tests.raycluster {cpus} && true"
        super().__init__(script, {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": str(self._folder)})

    def close(self) -> None:
        super().close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill_node(self, address: str) -> None:
        assert self._outside.stdin is not None
        self._outside.stdin.write(f"{address}\n")
        self._outside.stdin.flush()


def main(cpus: int) -> None:
    """In the island. A line of standard input is the address of a node that is to be killed."""
    cluster: Any = import_module("ray.cluster_utils").Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "node_ip_address": "127.0.0.1", "include_dashboard": False},
    )
    nodes = {address: cluster.add_node(num_cpus=cpus, node_ip_address=address) for address in ADDRESSES}
    cluster.wait_for_nodes()
    print("up", flush=True)
    for line in sys.stdin:
        cluster.remove_node(nodes[line.strip()], allow_graceful=False)


if __name__ == "__main__":
    main(int(sys.argv[1]))
