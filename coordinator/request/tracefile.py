"""Files of recorded arrivals: seconds, one a line, in CSV or as .npy."""

import hashlib
import io
import math
import os
from array import array
from collections.abc import Iterable, Iterator
from typing import Final

from ovbench.common.arrivals import Trace
from ovbench.common.errors import UsageError
from ovbench.common.nearbyfiles import did_you_mean_file

from .arrivalnotation import MOST_SECONDS, TraceFile

_COLUMNS: Final = (
    "due", "due_s", "time", "time_s", "timestamp", "arrival", "arrival_s", "arrival_time", "arrivals", "seconds",
)  # fmt: skip
"""Which column of a CSV file has the instants: the first of these that there is, or else the only one."""

_MOST_MB: Final = 128
_NPY: Final = b"\x93NUMPY\x01\x00"
"""How a .npy file of version 1.0 begins, which numpy writes arrays of one number each in (numpy.lib.format)."""

_CUT_OFF: Final = "the .npy file is cut off or damaged; save the array again"

_SHOWN: Final = 40
"""Characters of a file that a message shows."""


def read_trace(file: TraceFile) -> Trace:
    """The instants of a file, the first of them taken as 0, as what was recorded is often seconds of an epoch.

    Raises UsageError, one sentence, where they are not all numbers of 0 or more that ascend.
    """
    flag = f"--arrivals trace:{file.path}"
    content = _content(flag, file.path)
    try:
        # Of other .npy files, such as those of text, the first bytes are no number, which is said.
        places = _of_array(content) if content.startswith(_NPY) else _of_text(content)
        due_ns = _ascending(places, file.scale)
    except ValueError as error:
        raise UsageError(f"{flag}: {error}") from None
    name = os.path.abspath(os.path.expanduser(file.path))
    return Trace(name, hashlib.sha256(content).hexdigest(), due_ns.tobytes(), file.scale)


def _content(flag: str, path: str) -> bytes:
    try:
        with open(os.path.expanduser(path), "rb") as stream:
            content = stream.read((_MOST_MB << 20) + 1)
    except OSError as error:
        near = did_you_mean_file(path)
        raise UsageError(f"{flag}: the file cannot be read: {error.strerror or error}{near}") from None
    except ValueError as error:  # a zero byte in its name
        raise UsageError(f"{flag}: the file cannot be read: {error}") from None
    if len(content) > _MOST_MB << 20:
        raise UsageError(f"{flag}: the file has more than {_MOST_MB} MB; give a part of it")
    return content


def _ascending(places: Iterable[tuple[str, float]], scale: float) -> "array[int]":
    """In ns, from the first on, stretched. `places`: where in the file each instant stands, and the instant, s."""
    due_ns = array("q")
    first = before = 0.0
    for place, instant in places:
        if not math.isfinite(instant):
            raise ValueError(f"{place} is {instant}, which is no instant; leave it out of the file")
        if instant < 0:
            raise ValueError(f"{place} is negative, {instant:.15g}; instants are seconds, 0 or more")
        if not due_ns:
            first = before = instant
        if instant < before:
            raise ValueError(f"{place} goes back in time, from {before:.15g} to {instant:.15g}; sort the file")
        if (instant - first) * scale > MOST_SECONDS:
            raise ValueError(
                f"{place} is {(instant - first) * scale:g} seconds after the first, more than {MOST_SECONDS:g}; if it "
                "is not in seconds, scale it, as in @0.001 for milliseconds"
            )
        before = instant
        due_ns.append(round((instant - first) * scale * 1e9))
    if not due_ns:
        raise ValueError("there are no instants in it; give seconds, one a line")
    return due_ns


def _of_text(content: bytes) -> Iterator[tuple[str, float]]:
    """Raises ValueError. Blank lines, and what is behind a #, are no instants."""
    column = 0
    begun = False
    for number, line in enumerate(io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", "replace"), 1):
        row = line.partition("#")[0].strip()
        if not row:
            continue
        cells = row.split(",")
        if not begun:
            begun = True
            if all(_number(cell) is None for cell in cells):
                column = _column(cells)
                continue
        if column >= len(cells):
            raise ValueError(f"line {number} has {len(cells)} columns, and the instants are in column {column + 1}")
        instant = _number(cells[column])
        if instant is None:
            raise ValueError(f"line {number} has {_shown(_bare(cells[column]))}, which is not a number of seconds")
        yield f"line {number}", instant


def _column(heads: list[str]) -> int:
    """Raises ValueError."""
    names = [_bare(head).lower() for head in heads]
    found = next((names.index(name) for name in _COLUMNS if name in names), None)
    if found is None and len(names) > 1:
        raise ValueError(
            f"which of its columns has the instants is not known, {_shown(', '.join(map(_bare, heads)))}; call it due, "
            "or time"
        )
    return found or 0


def _bare(cell: str) -> str:
    return cell.strip().strip('"')


def _number(cell: str) -> float | None:
    try:
        return float(_bare(cell))
    except ValueError:
        return None


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def _of_array(content: bytes) -> Iterator[tuple[str, float]]:
    """Raises ValueError."""
    # Not at the top: whoever has no such file does not wait for it.
    import numpy as np

    stream = io.BytesIO(content)
    try:
        np.lib.format.read_magic(stream)
        shape, _, kind = np.lib.format.read_array_header_1_0(stream)
    except ValueError:
        raise ValueError(_CUT_OFF) from None
    if len(shape) != 1 or kind.kind not in "fiu":
        raise ValueError(f"it is an array of shape {list(shape)} and type {kind}; give one dimension of numbers")
    if len(content) - stream.tell() < shape[0] * kind.itemsize:
        raise ValueError(_CUT_OFF)
    values = np.frombuffer(content, kind, count=shape[0], offset=stream.tell())
    return ((f"index {index}", float(value)) for index, value in enumerate(values))
