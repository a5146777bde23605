"""The report folder of a run: a file in it is whole or not there, and one that cannot be written is warned of.

A report that cannot be kept is the one loss that the run's figures would not survive, so then it goes to stdout; any
other file that is missing shows in the exit code.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import numpy.typing as npt

from ovbench.common.errors import Unwritable, UsageError

from ..result.report import Report, to_json
from ..result.study import STUDY_FILE
from .files import Folder, make_folder, rename_own_file, write_arrays, write_files, write_named
from .names import BENCHMARK_FILES, CHART_FILES, PAGE_FILE, REPORT_FILE, SAMPLES_FILE

_PENDING_FILE: Final = f".new-{SAMPLES_FILE}"
"""Until it is known whether an earlier run's report gives way."""


class Notices(Protocol):
    """Who says what has been written, and what could not be."""

    def say(self, text: str) -> None: ...
    def warn(self, text: str) -> None: ...


def open_folder(wanted: Path | None, started_at: str, model: str, *, overwrite: bool = False) -> Folder:
    """The folder that was asked for, or a new one in ovbench-results. Raises UsageError for one that has a study in it,
    or without `overwrite` a report, and Unwritable where there can be none."""
    if wanted is not None and (wanted / STUDY_FILE).exists():
        raise UsageError(f"--report-folder {wanted}: there is a study in it; name another folder")
    if wanted is not None and not overwrite and (wanted / REPORT_FILE).exists():
        raise UsageError(f"--report-folder {wanted}: there is a report in it; name another folder, or add --overwrite")
    try:
        return make_folder(wanted, started_at, model)
    except Unwritable as problem:
        raise Unwritable(f"{problem}; name another by -report_folder DIR", problem.no_room) from None


def clear(folder: Path) -> None:
    """Of an earlier run: its files would be taken for those of the new one."""
    for name in (REPORT_FILE, SAMPLES_FILE, PAGE_FILE, *BENCHMARK_FILES, *CHART_FILES):
        with contextlib.suppress(OSError):
            (folder / name).unlink()


@dataclass
class ReportFolder:
    """`whole`: all files beside the report that were asked for have been written. Without a place none is kept."""

    _place: Folder | Unwritable | None
    _notices: Notices
    whole: bool = True
    _earlier: bool = field(init=False)

    def __post_init__(self) -> None:
        self._earlier = isinstance(self._place, Folder) and (self._place.path / REPORT_FILE).is_file()

    @property
    def kept(self) -> bool:
        """The report is in it, or still can be."""
        return isinstance(self._place, Folder)

    @property
    def problem(self) -> str:
        """Why the report cannot be kept; empty where it can, or need not be."""
        return str(self._place) if isinstance(self._place, Unwritable) else ""

    @property
    def path(self) -> Path | None:
        return self._place.path if isinstance(self._place, Folder) else None

    @property
    def report_file(self) -> str:
        """Where the report is, in words; empty where it is not kept."""
        if self._place is None:
            return ""
        if isinstance(self._place, Folder):
            return str(self._place.path / REPORT_FILE)
        return f"{self._place}; the report is on stdout"

    def make_room(self, report: Report) -> None:
        """Before a report is saved whose samples have been. An earlier one gives way with all its files, but not to one
        of a run that came to nothing."""
        if not isinstance(self._place, Folder) or not self._earlier:
            return
        folder = self._place.path
        if not report.measured and report.validity.status in ("INVALID", "PARTIAL"):
            with contextlib.suppress(OSError):
                (folder / _PENDING_FILE).unlink()
            self._place = None
            self._notices.warn(f"nothing was measured, so the earlier report in {folder} was kept")
            return
        clear(folder)
        if report.samples_file is not None:
            self.save("--save-samples", lambda folder: rename_own_file(folder / _PENDING_FILE, SAMPLES_FILE))

    def take_back(self) -> None:
        """Leave no trace of a run that came to nothing."""
        if isinstance(self._place, Folder):
            self._place.take_back()

    def save_samples(self, arrays: Mapping[str, npt.NDArray[Any]] | None) -> str | None:
        """Arrays by name. The name of their file; None where it is not there."""
        if arrays is None:
            return None
        name = _PENDING_FILE if self._earlier else SAMPLES_FILE
        saved = self.save("--save-samples", lambda folder: write_arrays(folder / name, arrays))
        return SAMPLES_FILE if saved else None

    def save_report(self, report: Report) -> None:
        if isinstance(self._place, Folder):
            try:
                write_files(self._place.path, {REPORT_FILE: to_json(report)})
            except Unwritable as problem:
                self._place = problem

    def save_files(self, flag: str, make: Callable[[], Mapping[str, bytes]], announce: bool = False) -> None:
        """Files by name, made and then written; `announce` says which. `flag` names them where that fails."""

        def write(folder: Path) -> None:
            made = make()
            write_files(folder, made)
            if announce:
                self._notices.say(f"{', '.join(made)} in {folder}")

        self.save(flag, write)

    def save_named(self, flag: str, file: Path, content: bytes, what: str) -> None:
        """A file that the user named, anywhere: also where there is no folder."""
        try:
            write_named(file, content)
        except Unwritable as problem:
            self.missing(f"{flag}: {problem}")
        else:
            self._notices.say(f"{what} in {file}")

    def save(self, flag: str, write: Callable[[Path], None]) -> bool:
        """False where it could not be written, or there is no folder, which has been said already."""
        if not isinstance(self._place, Folder):
            return False
        try:
            write(self._place.path)
        except (Unwritable, ValueError, UsageError) as problem:
            self.missing(f"{flag}: {problem}")
            return False
        return True

    def missing(self, why: str) -> None:
        """A file that was asked for is not there."""
        self._notices.warn(why)
        self.whole = False
