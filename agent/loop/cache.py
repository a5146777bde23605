"""Where the machine code of the loops is kept, and loading it: from there, or compiled anew.

Code runs that is read, so only folders that `common.cache` vouches for are trusted, and only what is there whole and
was made of these sources, by these versions, on such a CPU.
"""

import contextlib
import functools
import hashlib
import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from ovbench.common.cache import Uncached, entry
from ovbench.common.errors import UsageError

from .linking import Image, Places, Unlinkable
from .machinecode import MachineCode

_CODE: Final = "loops.bin"
_PLACES: Final = "loops.json"
_COMPILED: Final = ("layout", "native", "recording", "pacing", "requests", "queries", "loops", "nullrow", "serving")
_MADE_BY: Final = ("compiling", "linking", "machinecode")
_CPU_KEYS: Final = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags", "CPU implementer",
                    "CPU architecture", "CPU variant", "CPU part", "CPU revision", "Features")  # fmt: skip


@functools.cache
def load_loops() -> MachineCode:
    """The loops, which takes a millisecond, or seconds where they must be compiled first.

    Where numpy must not start threads, with those limited. Where nothing can be kept they are compiled for this process
    alone. A user's NUMBA_CACHE_DIR is the cache where there is one. Raises UsageError where they cannot be compiled.
    """
    try:
        return _kept() or MachineCode(_compile())
    except _NotCompiled as problem:
        raise UsageError(f"The load's loops cannot be compiled on this machine: {problem}") from None


def _kept() -> MachineCode | None:
    """None where what is kept is of no use, although it is as it was written, and another process discards it, too."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    cache = Path(named) / "ovbench" if named else None
    made_with = _made_with()
    try:
        for anew in (False, True):
            found = entry("loops", made_with, _make, cache, anew=anew)
            with contextlib.suppress(OSError, ValueError):
                return MachineCode(_read(found.folder), found.note)
    except Uncached as problem:
        return MachineCode(
            _compile(),
            f"The compiled loops cannot be kept, and are compiled for each run, as no cache can be used ({problem}).",
        )
    return None


class _NotCompiled(Exception):
    """No other place to keep the code would help."""


def _compile() -> Image:
    try:
        from .compiling import compile_loops  # numba, which takes a third of a second

        return compile_loops()
    except (OSError, Unlinkable) as problem:  # the former where no memory may be executable
        raise _NotCompiled(str(problem)) from None


def _make(folder: Path) -> None:
    image = _compile()
    (folder / _CODE).write_bytes(image.data)
    (folder / _PLACES).write_bytes(msgspec.json.encode(image.places))


def _read(folder: Path) -> Image:
    places = msgspec.json.decode((folder / _PLACES).read_bytes(), type=Places)
    return Image((folder / _CODE).read_bytes(), places)


def _made_with() -> dict[str, str]:
    """All that the machine code depends on."""
    from ovbench.common import histogram, samplelayout

    here = Path(__file__).parent
    compiled_in = (Path(histogram.__file__), Path(samplelayout.__file__))
    sources = (*(here / f"{name}.py" for name in (*_COMPILED, *_MADE_BY)), *compiled_in)
    return {
        "sources": hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest(),
        "machine": platform.machine(),
        "cpu": _cpu(Path("/proc/cpuinfo")),
        "numba settings": " ".join(sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith("NUMBA_"))),
        **{name: version(name) for name in ("numba", "llvmlite")},
    }


def _cpu(file: Path) -> str:
    """Name and features of the first CPU."""
    lines: list[str] = []
    with contextlib.suppress(OSError), file.open(errors="replace") as stream:
        for line in stream:
            if not line.strip() and lines:
                break
            if line.partition(":")[0].strip() in _CPU_KEYS:
                lines.append(line)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
