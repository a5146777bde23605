"""Which cores are fast ones and which are thrifty, on machines that have both.

The first of these by which cores differ is believed:
1. `sys/devices/cpu_core/cpus` and `cpu_atom/cpus` (`cpu_lowpower/cpus`), as the kernel has them on Intel's hybrids.
2. `cpu_capacity`, the kernel's figure of how much a core gets done: efficient below two thirds of the greatest. So are
   ARM's LITTLE cores and Apple's E cores (a half and less), not the middle ones of three kinds (three quarters).
3. `cpuinfo_max_freq`: efficient below four fifths of the highest. So are Intel's E cores and AMD's dense ones (about
   three quarters); cores that are merely favoured differ by less than a tenth.
Otherwise all are performance cores.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from .cpulist import read_cpu_list, read_text

HYBRID_FILES: Final = ("cpu_core/cpus", "cpu_atom/cpus", "cpu_lowpower/cpus")
_CAPACITY: Final = ("cpu_capacity", 2 / 3)
_FREQUENCY: Final = ("cpufreq/cpuinfo_max_freq", 4 / 5)


def read_efficient(root: Path, cpus: tuple[int, ...]) -> frozenset[int]:
    """Those of `cpus` that are of the efficient kind."""
    fast, *thrifty = (frozenset(read_cpu_list(root / "sys/devices" / name)) for name in HYBRID_FILES)
    named = frozenset().union(*thrifty).intersection(cpus)
    if fast and named:
        return named
    for name, share in (_CAPACITY, _FREQUENCY):
        if slow := _below(share, _figures(root, name, cpus)):
            return slow
    return frozenset()


def _below(share: float, figures: Mapping[int, int]) -> frozenset[int]:
    most = max(figures.values(), default=0)
    return frozenset(cpu for cpu, figure in figures.items() if figure < share * most)


def _figures(root: Path, name: str, cpus: tuple[int, ...]) -> dict[int, int]:
    """Of those CPUs that have one."""
    texts = {cpu: read_text(root / f"sys/devices/system/cpu/cpu{cpu}" / name).strip() for cpu in cpus}
    return {cpu: int(text) for cpu, text in texts.items() if text.isascii() and text.isdigit()}
