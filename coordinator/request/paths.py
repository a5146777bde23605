"""Files and folders that flags name: absolute, and refused before the run where they could not be used after it.

Every function raises UsageError, one sentence that begins with the flag.
"""

import os
import stat
from pathlib import Path
from typing import Final

from ovbench.common import builtin
from ovbench.common.errors import UsageError
from ovbench.common.nearbyfiles import did_you_mean_file
from ovbench.common.spelling import did_you_mean

from ..machine.sysfs import CPU_FOLDER
from .defaults import DEFAULT_MODEL

STDOUT: Final = Path("-")


def absolute(flag: str, path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:  # ~ of an unknown user
        raise UsageError(f"{flag} {path}: the path cannot be found: {error}") from None


def model_source(text: str) -> str:
    """An absolute path that can be read, or `builtin:NAME`."""
    if text.startswith(builtin.PREFIX):
        return known_builtin(text)
    if not text:  # it would be the current folder
        raise UsageError(f"-m: there is nothing after it; give a model file, or {DEFAULT_MODEL}")
    try:
        path = Path(text).expanduser().absolute()
        found = path.exists()
    except (OSError, RuntimeError) as error:  # a name too long, a folder that is closed to us, ~ of an unknown user
        raise UsageError(f"-m {text}: the file cannot be found: {getattr(error, 'strerror', None) or error}") from None
    if not found:
        raise UsageError(f"-m {text}: {_no_model(text)}")
    if path.is_file() and path.stat().st_size == 0:
        raise UsageError(f"-m {text}: the file is empty")
    if not os.access(path, os.R_OK):
        raise UsageError(f"-m {text}: the file cannot be read (its permissions forbid it)")
    return str(path)


def _no_model(text: str) -> str:
    names = text.split(",")
    if len(names) > 1 and all(name.startswith(builtin.PREFIX) or os.path.exists(name) for name in names):
        return f"a run has one model; several are for a study, as in ovbench-coord study -m {text}"
    if text in builtin.NAMES:
        return f"there is no such file; did you mean {builtin.PREFIX}{text}?"
    near = did_you_mean_file(text) or f"; give a model file, or {DEFAULT_MODEL}"
    return f"there is no such file{near}"


def known_builtin(text: str) -> str:
    """`text`, where it names a built-in model with its prefix."""
    if text.removeprefix(builtin.PREFIX) not in builtin.NAMES:
        known = ", ".join(builtin.PREFIX + name for name in builtin.NAMES)
        near = did_you_mean(text, [builtin.PREFIX + name for name in builtin.NAMES])
        raise UsageError(f"there is no built-in model '{text}'{near or f'; there are {known}'}")
    return text


def extension_files(text: str) -> tuple[str, ...]:
    """Of `-extensions FILE,FILE`."""
    paths = tuple(absolute("-extensions", Path(part)) for part in text.split(",") if part)
    for path in paths:
        if not os.path.isfile(path):
            raise UsageError(f"-extensions {path}: there is no such file{did_you_mean_file(str(path))}")
    return tuple(map(str, paths))


def cache_folder(folder: Path | None) -> str | None:
    """It need not exist. OpenVINO takes a file for it in silence, and keeps nothing."""
    if folder is None:
        return None
    path = absolute("-cdir", folder)
    if os.path.exists(path) and not os.path.isdir(path):
        raise UsageError(f"-cdir {folder}: this is not a folder; give one, which need not exist yet")
    return str(path)


def check_planned(folder: Path, dry_run: bool) -> None:
    """Raises unless it is a dry run: a recorded machine cannot be measured."""
    if not dry_run:
        raise UsageError(f"--sysfs {folder}: a recorded machine can be planned for, not measured; add --dry-run")


def check_tree(flag: str, folder: Path) -> Path:
    """The folder, where it can be a recorded machine."""
    if not os.path.isdir(folder):
        near = did_you_mean_file(str(folder)) or "; make one with topology --record DIR"
        raise UsageError(f"{flag} {folder}: there is no such folder{near}")
    if not os.path.isdir(folder / CPU_FOLDER):
        raise UsageError(f"{flag} {folder}: there is no {CPU_FOLDER} in it; make one with topology --record DIR")
    return folder


def writable(flag: str, file: Path | None) -> Path | None:
    """A file that is still to be written, or None where none is wanted."""
    if file is None:
        return None
    path = absolute(flag, file)
    if os.path.isdir(path):  # unlike Path.is_dir, False for a name too long
        raise UsageError(f"{flag} {file}: this is a folder; give a file in it")
    if os.path.exists(path) and (os.path.islink(path) or not os.path.isfile(path)):  # written to, not replaced
        if not os.access(path, os.W_OK):
            raise UsageError(f"{flag} {file}: it cannot be written to (its permissions forbid it)")
        return path
    folder = _nearest_folder(flag, file, path)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{flag} {file}: the folder {folder} cannot be written to (its permissions forbid it)")
    return path


def writable_or_stdout(flag: str, file: Path | None) -> Path | None:
    """The same, where `-` is for stdout."""
    return file if file == STDOUT else writable(flag, file)


def _nearest_folder(flag: str, file: Path, path: Path) -> Path:
    """The one that the file, and folders that are still to be made, will be in."""
    for parent in path.parents:
        try:
            if stat.S_ISDIR(parent.stat().st_mode):
                return parent
            reason = f"{parent} is not a folder"
        except FileNotFoundError:
            continue
        except OSError as error:  # a name too long, a folder that is closed to us
            reason = f"the folder {parent} cannot be made: {error.strerror}"
        raise UsageError(f"{flag} {file}: {reason}")
    return path.parent
