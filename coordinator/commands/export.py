"""`export`: a saved result in the formats of other tools. Nothing is measured."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ovbench.common.errors import ExitCode, Unwritable, UsageError
from ovbench.common.printable import one_line

from ..request.contradictions import refuse_beyond_one
from ..request.flag import Flag
from ..request.parser import Parser
from ..request.paths import STDOUT
from ..request.values import path
from .stdout import print_bytes
from .verb import RESULT, Call

FLAGS: Final = (
    Flag(
        "csv", ("--csv",), "a table with a row for each trial and figure; - for stdout", metavar="FILE", parse=path,
        path="file",
    ),
    Flag(
        "hlog", ("--hlog",),
        "the latencies of a run with --save-samples as an HDR histogram log, by agent and second; of a study with it, "
        "by setting and trial; - for stdout",
        metavar="FILE", parse=path, path="file",
    ),
    Flag(
        "perfetto", ("--perfetto",),
        "a run with --save-samples as a trace for https://ui.perfetto.dev: each inference as a slice on its agent's "
        "track, with throughput, p99 and CPUs as counters; - for stdout",
        metavar="FILE", parse=path, path="file",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class ExportResult:
    """One of the files, or several; `-` is stdout."""

    result: str
    csv: Path | None
    hlog: Path | None
    perfetto: Path | None = None


def parse_export(argv: Sequence[str]) -> ExportResult:
    parser = Parser(
        "export",
        FLAGS,
        description="Writes a saved result in the formats of other tools; docs/export.md describes them.",
    )
    parser.add_argument("result", metavar="RESULT", help=RESULT)
    raw = parser.parse_args(list(argv))
    wanted = {flag.name: getattr(raw, flag.dest) for flag in FLAGS if getattr(raw, flag.dest) is not None}
    refuse_beyond_one([f"{flag} -" for flag, file in wanted.items() if file == STDOUT])
    by_place: dict[str, str] = {}
    for flag, file in wanted.items():
        other = by_place.setdefault(os.path.realpath(file), flag)
        if other != flag:
            raise UsageError(f"{other} and {flag} are both for {file}; give each a file of its own")
    if not wanted:
        raise UsageError(
            f"export {raw.result}: there is nothing to write; add --csv FILE, --hlog FILE or --perfetto FILE"
        )
    return ExportResult(raw.result, raw.csv, raw.hlog, raw.perfetto)


def export(request: ExportResult, _: Call) -> ExitCode:
    """Raises UsageError where the result cannot be read, or lacks what is to be written."""
    from ..compare.exports import csv_of, hlog_of, perfetto_of
    from ..store.saved import read_saved

    saved = read_saved(request.result)
    # All before any is written: half of what was asked for would look like all of it.
    contents = {
        **({request.csv: csv_of(saved).encode()} if request.csv is not None else {}),
        **({request.hlog: hlog_of(saved).encode()} if request.hlog is not None else {}),
        **({request.perfetto: perfetto_of(saved)} if request.perfetto is not None else {}),
    }
    for file, data in contents.items():
        _write(file, data, aside=STDOUT in contents or str(file).startswith("/dev/"))
    return ExitCode.VALID


def _write(file: Path, data: bytes, aside: bool) -> None:
    """`aside`: stdout has data."""
    from ..store.files import write_named

    if file == STDOUT:
        print_bytes(data)
        return
    try:
        write_named(file, data)
    except Unwritable as problem:
        if problem.no_room:
            raise
        raise UsageError(str(problem)) from None
    print(one_line(f"{file} written"), file=sys.stderr if aside else sys.stdout)
