"""Results read back from disk: a run by its folder or report.json, a study by its folder."""

import os
import re
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from ovbench.common.errors import UsageError
from ovbench.common.nearbyfiles import did_you_mean_file
from ovbench.common.samples import SampleArray

from ..result import study as record
from ..result.findings import Code
from ..result.report import SCHEMA, Report, from_json
from ..result.study import Outcome, Study
from . import last
from .names import REPORT_FILE, RESULTS_FOLDER


@dataclass(frozen=True)
class SavedRun:
    """`name`: as it was asked for. `folder`: where its further files are."""

    name: str
    folder: Path
    report: Report


@dataclass(frozen=True)
class SavedStudy:
    """`outcomes` are in the order in which the trials ended; those that have not been run are not among them."""

    name: str
    folder: Path
    study: Study
    outcomes: tuple[Outcome, ...]

    def trial(self, outcome: Outcome) -> SavedRun | None:
        """As a run of its own; None for one that has no report, as it could not be run."""
        folder = self.folder / record.TRIALS_FOLDER / outcome.folder
        file = folder / REPORT_FILE
        return SavedRun(str(folder), folder, _report(str(file), _read(str(file), file))) if file.is_file() else None

    def trial_report(self, outcome: Outcome) -> Report | None:
        found = self.trial(outcome)
        return None if found is None else found.report

    def one_report(self) -> dict[str, Report]:
        """One of a trial, by its id, as all are of the same machine; empty where none can be read."""
        for outcome in self.outcomes:
            with suppress(UsageError):
                report = self.trial_report(outcome)
                if report is not None:
                    return {outcome.trial: report}
        return {}


Saved = SavedRun | SavedStudy

_GIVE: Final = f"give the folder of a run or of a study, or a {REPORT_FILE}"


def read_saved(name: str) -> Saved:
    """`last` and `last~1` are names, too. Raises UsageError, one sentence, where `name` is no result or one that this
    version cannot read."""
    name = last.named(name)
    file = _file_of(name)
    data = _read(name, file)
    schema = _schema(name, file, data)
    if schema == SCHEMA:
        return SavedRun(name, file.parent, _report(name, data))
    if schema == record.SCHEMA:
        return SavedStudy(name, file.parent, _study(name, data), _outcomes(name, file.with_name(record.TRIALS_FILE)))
    for known in (SCHEMA, record.SCHEMA):
        if schema.rpartition("/")[0] == known.rpartition("/")[0]:
            raise UsageError(f"{name}: it is of schema {schema}, and this ovbench reads {known}; use another version")
    raise UsageError(f"{name}: {file.name} is not a result of ovbench; {_GIVE}")


def _file_of(name: str) -> Path:
    path = Path(os.path.expanduser(name))
    if not name or not os.path.exists(path):  # no name would be the current folder
        raise UsageError(f"{name or repr(name)}: there is no such file or folder{_meant(name) or f'; {_GIVE}'}")
    if os.path.isdir(path):
        found = (path / file for file in (record.STUDY_FILE, REPORT_FILE))
        file = next((file for file in found if os.path.exists(file)), None)
        if file is None:
            raise UsageError(f"{name}: there is neither {REPORT_FILE} nor {record.STUDY_FILE} in it; {_GIVE}")
        return file
    return path


def _meant(name: str) -> str:
    """Near to what was typed, also in the folder where results go."""
    inside = os.path.join(RESULTS_FOLDER, name)
    if name and os.path.exists(inside):
        return f"; did you mean {inside}?"
    return did_you_mean_file(name) or did_you_mean_file(inside)


def _read(name: str, file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{name}: {file.name} cannot be read: {error.strerror or error}") from None


def _schema(name: str, file: Path, data: bytes) -> str:
    """`file` is named where it was found in a folder, which is the right one then."""
    what, then = ("it", f"; {_GIVE}") if Path(name) == file else (file.name, "")
    try:
        decoded: Any = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise UsageError(f"{name}: {what} is not JSON{then}") from None
    schema = decoded.get("schema") if isinstance(decoded, dict) else None
    return schema if isinstance(schema, str) else ""


def _report(name: str, data: bytes) -> Report:
    try:
        return from_json(data)
    except msgspec.DecodeError as error:
        raise UsageError(f"{name}: the report is not whole or has been changed: {error}") from None


def _study(name: str, data: bytes) -> Study:
    try:
        return msgspec.json.decode(data, type=Study)
    except msgspec.DecodeError as error:
        raise UsageError(f"{name}: {record.STUDY_FILE} is not whole or has been changed: {error}") from None


def _outcomes(name: str, file: Path) -> tuple[Outcome, ...]:
    """A last line without its end is of a study that was killed as it wrote: that trial is not saved."""
    if not os.path.exists(file):
        return ()
    *lines, _ = _read(name, file).split(b"\n")
    outcomes = []
    for number, line in enumerate(lines, 1):
        try:
            outcomes.append(msgspec.json.decode(line, type=Outcome))
        except msgspec.DecodeError as error:
            raise UsageError(f"{name}: line {number} of {file.name} is not a trial: {error}") from None
    return tuple(outcomes)


def read_samples(run: SavedRun) -> dict[int, SampleArray]:
    """By agent. Raises UsageError where they were not saved or cannot be read."""
    name = run.report.samples_file
    if name is None:
        asked = any(finding.code == Code.SAMPLES_NOT_SAVED for finding in run.report.validity.findings)
        how = "as there were more than --sample-memory holds" if asked else "which takes --save-samples"
        raise UsageError(f"{run.name}: its samples were not saved, {how}")
    try:
        # Opened first, as numpy would read another kind of file as something else.
        with (run.folder / Path(name).name).open("rb") as stream, np.lib.npyio.NpzFile(stream) as arrays:
            named = (re.fullmatch(r"agent_(\d+)_start_ns", key) for key in arrays.files)
            agents = sorted(int(name[1]) for name in named if name is not None)
            return {
                agent: SampleArray.of(
                    arrays[f"agent_{agent}_start_ns"],
                    arrays[f"agent_{agent}_end_ns"],
                    arrays[f"agent_{agent}_due_ns"] if f"agent_{agent}_due_ns" in arrays.files else None,
                )
                for agent in agents
            }
    except (OSError, ValueError, KeyError, IndexError, zipfile.BadZipFile, zlib.error) as error:
        raise UsageError(f"{run.name}: {name} cannot be read: {getattr(error, 'strerror', None) or error}") from None
