"""Results by their age: `last` is the newest in ovbench-results of the current folder, `last~1` the one before."""

import os
import re
from pathlib import Path
from typing import Final

from ovbench.common.errors import UsageError

from ..result.study import STUDY_FILE, TRIALS_FILE
from .names import REPORT_FILE, RESULTS_FOLDER

_FORM: Final = re.compile(r"last(?:~([0-9]{0,6}))?")


def named(name: str, *, studies: bool = False) -> str:
    """The folder of the result that `name` stands for, among `studies` only; a name of any other kind, or of a file
    that is there, as it is. Raises UsageError where there is no such result."""
    form = _FORM.fullmatch(name)
    if form is None or os.path.exists(name):
        return name
    back = 0 if name == "last" else int(form[1] or 1)
    found = results(studies=studies)
    kind = "study" if studies else "result"
    if back < len(found):
        return str(found[back])
    where = f"{RESULTS_FOLDER} of this folder"
    if not found:
        raise UsageError(f"{name}: there is no {kind} in {where}; name one by its folder")
    oldest = "last" if len(found) == 1 else f"last~{len(found) - 1}"
    raise UsageError(f"{name}: {where} has no {kind} that is so old; the oldest is {oldest}")


def results(*, studies: bool = False) -> list[Path]:
    """The folders of all results in ovbench-results, or of `studies` only, the one that was written last first."""
    try:
        folders = [entry.path for entry in os.scandir(RESULTS_FOLDER) if entry.is_dir()]
    except OSError:
        return []
    ages = [(written, folder) for folder in folders if (written := _written_ns(folder, studies)) is not None]
    return [Path(folder) for _, folder in sorted(ages, reverse=True)]


def _written_ns(folder: str, studies: bool) -> int | None:
    """When its result was; None where it has none. A study's is when its last trial ended."""
    planned, ended, reported = (
        _modified_ns(os.path.join(folder, name)) for name in (STUDY_FILE, TRIALS_FILE, REPORT_FILE)
    )
    if planned is not None:
        return max(planned, ended or 0)
    return None if studies else reported


def _modified_ns(file: str) -> int | None:
    try:
        return os.stat(file).st_mtime_ns
    except OSError:
        return None
