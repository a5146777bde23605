"""Clusters of Kubernetes, and the files that have their objects as they should be."""

from pathlib import Path
from typing import Final

from ovbench.coordinator.launch.manifest import Cluster

CLUSTER: Final = Cluster(
    name="night",
    image="registry.local/ovbench:0.1",
    hosts=3,
    cpus=16,
    memory="32Gi",
    namespace="perf",
    selector={"node.kubernetes.io/instance-type": "c7i.metal"},
    words=("-m", "builtin:mlp", "-t", "30", "--json"),
)
OUTSIDE: Final = Cluster(name="night", image="ovbench", hosts=2, cpus=4, memory="8Gi", inside=False)
JOINS: Final = ("join 0\n", "join 1\n", "join 2\n")

_CONTRACT: Final = Path(__file__).parent / "contract"
GOLDEN: Final = {
    _CONTRACT / "golden_manifest_inside.yaml": CLUSTER,
    _CONTRACT / "golden_manifest_outside.yaml": OUTSIDE,
}
