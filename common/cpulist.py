"""Sets of CPUs as the kernel writes them."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

# Eight times what Linux can be built for (NR_CPUS); a list beyond it is a mistake that must not fill the memory.
_MOST_CPUS: Final = 1 << 16


def parse_cpu_list(text: str) -> tuple[int, ...]:
    """The kernel's list format, such as `0-3,8,10-11`. Raises ValueError for anything else."""
    cpus: set[int] = set()
    for part in text.strip().split(","):
        if not part.strip():
            continue
        first, dash, last = part.partition("-")
        span = range(int(first), int(last if dash else first) + 1)
        if not span:
            raise ValueError(f"'{part}' ends before it begins")
        if span[-1] >= _MOST_CPUS:
            raise ValueError(f"'{part}' is more than a machine has")
        cpus.update(span)
    return tuple(sorted(cpus))


def format_cpu_list(cpus: Iterable[int]) -> str:
    """The inverse of `parse_cpu_list`."""
    spans: list[list[int]] = []
    for cpu in sorted(cpus):
        if spans and cpu == spans[-1][1] + 1:
            spans[-1][1] = cpu
        else:
            spans.append([cpu, cpu])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def read_text(file: Path) -> str:
    """Nothing where there is no such file: the machine lacks what it describes, or hides it from us."""
    try:
        return file.read_text(errors="replace")
    except OSError:
        return ""


def read_cpu_list(file: Path) -> tuple[int, ...]:
    """Nothing where there is no such file, or no list in it."""
    try:
        return parse_cpu_list(read_text(file))
    except ValueError:
        return ()
