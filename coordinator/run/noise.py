"""How much results of this machine differ by noise alone, where it has been calibrated."""

from ovbench.common.topology import Topology

from ..machine.identity import identify
from ..result.noise import NoiseFloor
from ..store.calibrations import latest


def noise_floor(topology: Topology) -> NoiseFloor | None:
    """By the last calibration that was not disturbed, else by the last one; None without one."""
    found = latest(identify(topology).id)
    return None if found is None else found.floor
