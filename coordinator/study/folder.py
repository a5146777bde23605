"""A study on disk: its plan, and each trial saved when it ends, so that an end at any moment loses one trial at most.

The samples of a trial, if any, then its report are renamed into their places before its line is added to
`trials.jsonl`: a trial without a line is run again. A line that was torn by a crash is cut off when the study is
resumed.
"""

import contextlib
import fcntl
import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ovbench.common.errors import Unwritable, UsageError

from ..result.report import Report, to_json
from ..result.study import (
    STUDY_FILE,
    TRIALS_FILE,
    TRIALS_FOLDER,
    Outcome,
    Study,
    Trial,
    folder_of,
    outcome_line,
    study_json,
)
from ..store import files as store
from ..store.saved import SavedStudy, read_saved

_LOCK = ".lock"


@dataclass(frozen=True)
class StudyFolder:
    path: Path

    @property
    def study_file(self) -> Path:
        return self.path / STUDY_FILE

    @property
    def trials_file(self) -> Path:
        return self.path / TRIALS_FILE

    def trial(self, trial: Trial, attempt: int = 0) -> Path:
        return self.path / TRIALS_FOLDER / folder_of(trial.id, attempt)

    def create(self, study: Study) -> None:
        """Write the plan, while the folder is held. Raises UsageError where there is a result already, Unwritable
        where it cannot be."""
        if self.study_file.exists():
            raise UsageError(
                f"--report-folder {self.path}: there is a study in it already; go on with it by "
                f"--resume {shlex.quote(str(self.path))}, or name another folder"
            )
        if (self.path / store.REPORT_FILE).exists():
            raise UsageError(f"--report-folder {self.path}: there is a run in it already; name another folder")
        self.plan(study)
        self._append(b"")

    def plan(self, study: Study) -> None:
        """Write the plan, of a study that is there already, too. Raises Unwritable."""
        store.write_own_file(self.study_file, lambda stream: stream.write(study_json(study)))

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """No other process runs a study in it meanwhile, or plans one: of two that begin at once one has the folder.
        Raises UsageError where another has it, and Unwritable."""
        try:
            lock = store.no_link(str(self.path / _LOCK), os.O_RDWR | os.O_CREAT)
        except OSError as error:
            raise Unwritable(f"{self.path / _LOCK} cannot be written: {error.strerror or error}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise UsageError(
                f"{self.path}: another ovbench-coord is running a study in it; wait for it, or name another folder"
            ) from None
        try:
            yield
        finally:
            os.close(lock)

    def study(self) -> Study:
        """Raises UsageError where this is no folder of a study, or one of another version."""
        return self._saved().study

    def outcomes(self) -> tuple[Outcome, ...]:
        """Of every attempt at a trial, in the order in which they ended. Raises UsageError where a whole line is no
        outcome."""
        return self._saved().outcomes

    def _saved(self) -> SavedStudy:
        found = read_saved(str(self.path))
        if not isinstance(found, SavedStudy):
            raise UsageError(f"{self.path}: this is the folder of a run, not of a study")
        return found

    def mend(self) -> None:
        """Cut off a last line that was not written whole. Raises Unwritable."""
        try:
            with contextlib.suppress(FileNotFoundError), open(self.trials_file, "r+b", opener=store.no_link) as stream:
                data = stream.read()
                stream.truncate(data.rfind(b"\n") + 1)
        except OSError as error:
            raise Unwritable(f"{self.trials_file} cannot be written: {error.strerror or error}") from None

    def keep_samples(self, trial: Trial, arrays: Mapping[str, npt.NDArray[Any]] | None, attempt: int = 0) -> str | None:
        """Save a trial's samples, before `keep`: arrays by name. The name of the file; None, and no file, where there
        are none. Raises Unwritable."""
        folder = self._made(self.trial(trial, attempt))
        self._clear(folder)
        if arrays is None:
            return None
        store.write_arrays(folder / store.SAMPLES_FILE, arrays)
        return store.SAMPLES_FILE

    def keep(self, trial: Trial, outcome: Outcome, report: Report | None) -> None:
        """Save how a trial went. Raises Unwritable."""
        place = self.trial(trial, outcome.attempt)
        if report is not None:
            file = self._made(place) / store.REPORT_FILE
            store.write_own_file(file, lambda stream: stream.write(to_json(report)))
        else:
            self._clear(place)
        self._append(outcome_line(outcome))

    def _made(self, folder: Path) -> Path:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Unwritable(f"{folder} cannot be made: {error.strerror or error}") from None
        return folder

    def _clear(self, folder: Path) -> None:
        """Of an attempt before: a report and samples that are there belong together, and to the trial's last line."""
        for name in (store.REPORT_FILE, store.SAMPLES_FILE):
            try:
                (folder / name).unlink(missing_ok=True)
            except OSError as error:
                raise Unwritable(f"{folder / name} cannot be removed: {error.strerror or error}") from None

    def reports(self) -> dict[str, Report]:
        """See `SavedStudy.one_report`."""
        return self._saved().one_report()

    def _append(self, line: bytes) -> None:
        try:
            with open(self.trials_file, "ab", opener=store.no_link) as stream:
                stream.write(line)
                stream.flush()
                os.fsync(stream.fileno())
        except OSError as error:
            raise Unwritable(f"{self.trials_file} cannot be written: {error.strerror or error}") from None
