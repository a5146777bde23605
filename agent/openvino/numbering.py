"""The numbers of a build's element types, kept in the user's cache.

To find them out takes 6 to 24 ms and reads a model, and OpenVINO numbers nodes that have no name by how many a process
has made: layers of the user's model would have other names than benchmark_app gives them. So another process finds
them out, once for a build.

    python -m ovbench.agent.openvino.numbering PARENT_PID FOLDER
"""

import hashlib
import os
import sys
from pathlib import Path
from typing import Final

import msgspec

from ovbench.common.cache import Uncached, entry
from ovbench.common.errors import UsageError

from ..host.process import end_with, run_module
from . import elementtypes
from .capi import Library
from .elementtypes import Calls, ElementTypes, find_element_types
from .package import library_file

_MODULE: Final = "ovbench.agent.openvino.numbering"
_FILE: Final = "numbers.json"
_LONGEST_S: Final = 60
_LIBRARIES: Final = ("libopenvino.so*", "libopenvino_c.so*")


def known_element_types(library: Calls) -> ElementTypes:
    """By the library itself where nothing can be kept, or no process can find them out.

    Raises OpenVinoError, see `find_element_types`.
    """
    try:
        return _read(entry("elementtypes", _made_with(), _make).folder)
    except (Uncached, OSError, msgspec.DecodeError):
        return find_element_types(library)


def _read(folder: Path) -> ElementTypes:
    """Raises OSError or msgspec.DecodeError."""
    return msgspec.json.decode((folder / _FILE).read_bytes(), type=ElementTypes)


def _make(folder: Path) -> None:
    code, said = run_module(_MODULE, str(os.getpid()), str(folder))
    if code != 0:
        raise UsageError((said.strip().splitlines() or [f"exit code {code}"])[-1])


def _made_with() -> dict[str, str]:
    """Of these very files: two builds may call themselves the same."""
    by = hashlib.sha256(Path(elementtypes.__file__).read_bytes()).hexdigest()
    return {"found by": by, **{pattern: _identity(library_file(pattern).resolve()) for pattern in _LIBRARIES}}


def _identity(file: Path) -> str:
    """Another one after any change of the file, whatever time it says it is from."""
    state = file.stat()
    return f"{file} {state.st_dev}:{state.st_ino} {state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}"


if __name__ == "__main__":
    end_with(int(sys.argv[1]), _LONGEST_S)
    Path(sys.argv[2], _FILE).write_bytes(msgspec.json.encode(find_element_types(Library())))
