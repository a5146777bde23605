"""Where the compiled loops are kept, and loading them: from there, or compiled anew.

numba reads its cache without a look at whose it is or whether it is whole, by pickle; and its own check of freshness
looks at the one file that a function is in. So it is given only folders that `common.cache` vouches for, and keeps
nothing where there is none.
"""

import contextlib
import functools
import hashlib
import os
import platform
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Final

from ovbench.common.cache import Uncached, entry

_LOOPS: Final = tuple(f"ovbench.agent.loop.{name}" for name in ("native", "recording", "pacing", "loops", "null"))
_CPU_KEYS: Final = ("vendor_id", "cpu family", "model", "model name", "stepping", "flags", "CPU implementer",
                    "CPU architecture", "CPU variant", "CPU part", "CPU revision", "Features")  # fmt: skip


@functools.cache
def load_loops() -> str:
    """Import the loops, which takes 0.1 s, or seconds where they must be compiled first.

    Must run before anything else imports them, and where numpy must not start threads, with those limited. Returns a
    sentence for the user where they are not in his cache; empty where they are. Where nothing can be kept they are
    compiled in memory. A user's NUMBA_CACHE_DIR is the cache then.
    """
    if any(name in sys.modules for name in _LOOPS):
        return ""
    named = os.environ.get("NUMBA_CACHE_DIR")
    cache = Path(named) / "ovbench" if named else None
    made_with = _made_with()
    try:
        found = entry("loops", made_with, _import, cache)
        if not found.made:
            try:
                _import(found.folder)
            except Exception:  # whatever numba makes of files that are as they were written, and yet do not suit it
                found = entry("loops", made_with, _import, cache, anew=True)
        return found.note
    except Uncached as problem:
        _import(None)
        return f"The compiled loops cannot be kept, and are compiled for each run, as no cache can be used ({problem})."


def _import(folder: Path | None) -> None:
    """Raises OSError where numba cannot write there."""
    for name in _LOOPS:
        sys.modules.pop(name, None)
    with _numba_cache(folder):
        try:
            for name in _LOOPS:
                import_module(name)
        except RuntimeError as error:
            if "no locator available" not in str(error):
                raise
            raise OSError(f"numba cannot write to {folder}") from None


@contextlib.contextmanager
def _numba_cache(folder: Path | None) -> Iterator[None]:
    """Also where numba has been imported. Not for the processes that are started from here."""
    from numba import config

    wanted = {"NUMBA_CACHE_DIR": str(folder or ""), "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    former = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)
    config.reload_config()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        config.reload_config()  # type: ignore[no-untyped-call]


def _made_with() -> dict[str, str]:
    """All that the machine code depends on. The path of the sources is a part of what numba calls its files."""
    from ovbench.common import histogram, samplelayout

    here = Path(__file__).resolve().parent
    compiled_in = (Path(histogram.__file__), Path(samplelayout.__file__))
    loops = (here / f"{name}.py" for name in ("layout", "native", "recording", "pacing", "loops", "null"))
    sources = (*loops, *compiled_in)
    return {
        "sources": hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest(),
        "path": os.path.abspath(here),
        "python": f"{sys.implementation.cache_tag} {platform.python_version()} {platform.machine()}",
        "cpu": _cpu(Path("/proc/cpuinfo")),
        "numba settings": " ".join(sorted(f"{k}={v}" for k, v in os.environ.items() if k.startswith("NUMBA_"))),
        **{name: version(name) for name in ("ovbench", "numba", "llvmlite", "numpy")},
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
