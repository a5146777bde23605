"""Calibrations of machines in the user's state folder: `$XDG_STATE_HOME/ovbench/calibrations/MACHINE/TIME.json`.

Several machines may share the folder, as a home on a file server is: each has its own in it.
"""

import contextlib
import os
import re
from pathlib import Path
from typing import Final

import msgspec

from ovbench.common.errors import Unwritable

from ..result.calibration import Calibration, calibration_json
from . import files as store

MOST_KEPT: Final = 50
"""Of a machine; the oldest go."""
_NAME: Final = re.compile(r"\d{8}T\d{6}Z(?:-\d{1,3})?\.json")


def folder() -> Path | None:
    """By the XDG base directory specification: a relative one is to be ignored. None where the user has no home, as one
    that a container knows by number alone."""
    given = Path(os.environ.get("XDG_STATE_HOME", ""))
    state = given if given.is_absolute() else Path(os.path.expanduser("~/.local/state"))
    return state / "ovbench" / "calibrations" if state.is_absolute() else None


def keep(found: Calibration) -> Path:
    """Raises Unwritable."""
    base = folder()
    if base is None:
        raise Unwritable("the calibration cannot be kept: there is no home folder; set XDG_STATE_HOME")
    own = base / found.machine.id
    try:
        own.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unwritable(f"{own} cannot be made: {error.strerror or error}") from None
    stamp = re.sub(r"[-:]", "", found.taken_at)
    names = (f"{stamp}.json", *(f"{stamp}-{number}.json" for number in range(2, 100)))
    file = own / next((name for name in names if not os.path.exists(own / name)), names[0])
    data = calibration_json(found)
    store.write_own_file(file, lambda stream: stream.write(data))
    for old in _files(found.machine.id)[MOST_KEPT:]:
        with contextlib.suppress(OSError):
            old.unlink()
    return file


def kept(machine_id: str) -> tuple[Calibration, ...]:
    """Of a machine, the newest first; what cannot be read, or is of a version to come, is left out."""
    found = map(_read, _files(machine_id))
    return tuple(one for one in found if one is not None)


def latest(machine_id: str) -> Calibration | None:
    """The last one that was not disturbed, so that its floor is the machine's own; where all were, the last one."""
    last: Calibration | None = None
    for file in _files(machine_id):
        found = _read(file)
        if found is not None and found.verdict != "disturbed":
            return found
        last = last or found
    return last


def of_other_machines(machine_id: str) -> bool:
    """Whether there are calibrations of others."""
    base = folder()
    if base is not None:
        with contextlib.suppress(OSError):
            return any(entry.name != machine_id and _files(entry.name) for entry in os.scandir(base))
    return False


def _files(machine_id: str) -> list[Path]:
    """The newest first, by their names."""
    base = folder()
    if base is None:
        return []
    of = base / machine_id
    try:
        names = [entry.name for entry in os.scandir(of) if _NAME.fullmatch(entry.name)]
    except OSError:
        return []
    return [of / name for name in sorted(names, key=_age, reverse=True)]


def _age(name: str) -> tuple[str, int]:
    stamp, _, number = name.removesuffix(".json").partition("-")
    return stamp, int(number or 1)


def _read(file: Path) -> Calibration | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Calibration)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return None
