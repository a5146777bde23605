"""What a run returns: the report, typed, with the keys of report.json."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ovbench.common.errors import UsageError
from ovbench.coordinator.checks.requirements import check
from ovbench.coordinator.compare.table import rows_of_run
from ovbench.coordinator.request.requirement import parse_requirement
from ovbench.coordinator.result import report as record
from ovbench.coordinator.result.estimates import bounds_of_run, estimates_of_run
from ovbench.coordinator.store.saved import SavedRun, read_samples

from .frames import frame_of, long_frame, row_of_run


class Report(record.Report, frozen=True, dict=True):
    """The report of one run. Its attributes are the keys of report.json, described in docs/figures.md: units are in
    their names (`latency_ms`, `duration_s`, `lateness_us`), `throughput.fps` is in frames per second.

    `validity.status` is VALID, SUSPECT, INVALID or PARTIAL; `validity.findings` has the reasons. Printed, it is the
    report as on a terminal; in a notebook it is shown as the head of its page.
    """

    @property
    def folder(self) -> Path | None:
        """Where it is kept, with its further files; None where it is only in memory."""
        found: Path | None = self.__dict__.get("folder_")
        return found

    @property
    def status(self) -> str:
        """Short for `validity.status`."""
        return self.validity.status

    def figures(self) -> dict[str, float]:
        """All that are known, by name: `fps`, `p99_ms`, `cpu_percent` and so on, with the unit at the end."""
        return {name: estimate.value for name, estimate in estimates_of_run(self).items()}

    def judge(self, *limits: str) -> tuple[record.RequirementPart, ...]:
        """Whether limits such as 'fps >= 900' and 'p99_ms < 5' are met: `met` of each, `value` and `missed_by` in the
        figure's unit. Raises UsageError for what is no limit."""
        asked = [parse_requirement("limit", text, relative=False) for text in limits]
        return check(asked, estimates_of_run(self), bounds_of_run(self))

    def samples(self) -> Mapping[int, npt.NDArray[np.int64]]:
        """Of every inference that the figures count, by agent: a row of its start, its end and, at a rate, when it was
        due, in ns of CLOCK_MONOTONIC of the coordinator's host.

        Raises UsageError unless the run had `save_samples=True` and a `report_folder`.
        """
        if self.folder is None:
            raise UsageError("samples: the report is not in a folder; run with save_samples=True, report_folder='...'")
        found = read_samples(SavedRun(str(self.folder), self.folder, self))
        return {agent: samples.table for agent, samples in found.items()}

    def to_frame(self, *, long: bool = False) -> Any:
        """As a pandas DataFrame: one row with a column for each figure, so that several can be concatenated. `long`: a
        row for each figure with its 95 % interval, as `ovbench-coord export --csv` has it.

        Raises UsageError where pandas is not installed.
        """
        return long_frame(rows_of_run(self)) if long else frame_of([row_of_run(self)])

    def to_dict(self) -> dict[str, Any]:
        """report.json as Python has it: dictionaries, lists, numbers and texts."""
        found: dict[str, Any] = msgspec.json.decode(record.to_json(self))
        return found

    def to_json(self) -> str:
        """What is in report.json."""
        return record.to_json(self).decode()

    def to_markdown(self) -> str:
        """For a comment on a pull request, as --markdown writes it."""
        from ovbench.coordinator.report.markdown.run import run_markdown

        return run_markdown(self)

    def save(self, folder: str | Path, *, html: bool = False, overwrite: bool = False) -> Path:
        """Write report.json to a folder, which is made where there is none, and with `html` its page; the folder. With
        `overwrite` the files of an earlier run in it are removed.

        Raises Unwritable, and UsageError where there is a report in it, unless `overwrite`, or `ovbench[html]` is not
        installed.
        """
        from ovbench.coordinator.store.files import REPORT_FILE, write_files
        from ovbench.coordinator.store.reportfolder import clear, open_folder

        files = {REPORT_FILE: record.to_json(self)}
        if html:
            from ovbench.coordinator.report.html.runpage import run_files

            files |= run_files(self, html=True, plots=None)
        path = open_folder(Path(folder), self.started_at, "", overwrite=overwrite).path
        if self.folder is None or self.folder.resolve() != path.resolve():
            clear(path)
        write_files(path, files)
        return path

    def __str__(self) -> str:
        from ovbench.coordinator.report.plaintext import plain_text
        from ovbench.coordinator.report.text import print_report

        return plain_text(lambda console: print_report(console, self))

    def __repr__(self) -> str:
        effective, latency = self.effective, self.latency_ms
        parts = [self.status, f"{self.throughput.fps:.1f} FPS"]
        if latency is not None and latency.p99 is not None:
            parts.append(f"p99 {latency.p99:.3g} ms")
        parts += (
            []
            if effective is None
            else [
                effective.model,
                f"{effective.agents} agent{'s' if effective.agents != 1 else ''}, {effective.api}",
            ]
        )
        return f"<ovbench.Report {', '.join(parts)}>"

    def _repr_html_(self) -> str:
        from ovbench.coordinator.report.html.head import run_head

        return run_head(self)


def report_of(found: record.Report, folder: Path | None) -> Report:
    report = Report(**{name: getattr(found, name) for name in record.Report.__struct_fields__})
    report.__dict__["folder_"] = folder
    return report
