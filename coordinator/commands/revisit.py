"""Saved results again: show, compare, export. Nothing is measured."""

import shlex
import sys
from datetime import datetime
from pathlib import Path

import msgspec

from ovbench.common.errors import ExitCode, Unwritable, UsageError
from ovbench.common.printable import one_line

from ..compare.comparison import Comparison, NamedRun, NamedStudy, compare_runs, compare_studies
from ..compare.gate import gate
from ..compare.hdrlog import TrialLatencies, histogram_log, study_log, tag_of
from ..compare.table import rows_of_run, rows_of_study, to_csv
from ..report.comparison import print_comparison
from ..report.console import SafeConsole
from ..report.html.runpage import run_files
from ..report.html.studypage import study_files
from ..report.study import print_study
from ..report.text import print_report
from ..result.report import to_json
from ..result.study import Outcome
from ..store import files as store
from ..store.saved import Saved, SavedRun, SavedStudy, read_samples, read_saved
from ..study.standing import standing
from ..study.summary import settings_of
from .saved import CompareResults, ExportResult, SavedRequest, ShowResult


def revisit(request: SavedRequest) -> ExitCode:
    """Raises UsageError where a result cannot be read, or is none."""
    if isinstance(request, ShowResult):
        return _show(request)
    if isinstance(request, CompareResults):
        return _compare(request)
    return _export(request)


def _show(request: ShowResult) -> ExitCode:
    saved = read_saved(request.result)
    if isinstance(saved, SavedRun):
        if request.json:
            _print_bytes(to_json(saved.report))
        else:
            print_report(SafeConsole(), saved.report)
    elif request.json:
        _print_bytes(_indented({"study": saved.study, "trials": saved.outcomes}))
    else:
        print_study(SafeConsole(), saved.study, saved.outcomes)
    return _draw(saved, request)


def _draw(saved: Saved, request: ShowResult) -> ExitCode:
    """Beside the report. Where that cannot be written, it is said, as the report on screen is what was asked for."""
    if not request.html and request.plots is None:
        return ExitCode.VALID
    try:
        files = _files(saved, request)
    except ValueError as problem:
        raise UsageError(f"{saved.name}: its charts cannot be drawn: {problem}") from None
    try:
        store.write_files(saved.folder, files)
    except Unwritable as problem:
        print(f"ovbench-coord: {one_line(str(problem))}", file=sys.stderr)
        return ExitCode.UNWRITABLE
    print(one_line(f"{', '.join(files)} in {saved.folder}"), file=sys.stderr)
    return ExitCode.VALID


def _files(saved: Saved, request: ShowResult) -> dict[str, bytes]:
    if isinstance(saved, SavedRun):
        return run_files(saved.report, request.html, request.plots)
    return study_files(saved.study, saved.outcomes, saved.one_report(), request.plots)


def _compare(request: CompareResults) -> ExitCode:
    comparison = _compared([read_saved(name) for name in request.results], request)
    comparison = gate(comparison, request.conditions, significant=request.significant)
    if request.json:
        _print_bytes(_indented(comparison))
    else:
        print_comparison(SafeConsole(), comparison, request.conditions)
    return ExitCode.INVALID if comparison.failures else ExitCode.VALID


def _compared(results: list[Saved], request: CompareResults) -> Comparison:
    runs = [NamedRun(one.name, one.report) for one in results if isinstance(one, SavedRun)]
    studies = [NamedStudy(one.name, one.study, one.outcomes) for one in results if isinstance(one, SavedStudy)]
    if runs and studies:
        raise UsageError(
            f"{runs[0].name} is a run and {studies[0].name} a study; compare runs with runs (a study's are in its "
            "folder trials), or studies with studies"
        )
    if runs:
        if request.significant and not request.within_run:
            raise UsageError(
                "--significant: single runs know the noise within each, not what differs from run to run; compare "
                "studies with repetitions (ovbench-coord study ab), or add --within-run to go by what they know"
            )
        return compare_runs(runs[0], runs[1:], force=request.force)
    comparison = compare_studies(studies[0], studies[1:], force=request.force)
    apart = next((pair for pair in comparison.others if not pair.matched), None)
    if apart is not None:
        raise UsageError(
            f"{studies[0].name} and {apart.other.name} have no trial of the same setting; there is nothing to compare"
        )
    return comparison


def _export(request: ExportResult) -> ExitCode:
    saved = read_saved(request.result)
    # Both before any is written: half of what was asked for would look like all of it.
    contents = {
        **({request.csv: _csv(saved)} if request.csv is not None else {}),
        **({request.hlog: _hlog(saved)} if request.hlog is not None else {}),
    }
    for file, text in contents.items():
        _write(file, text, aside=Path("-") in contents or str(file).startswith("/dev/"))
    return ExitCode.VALID


def _csv(saved: Saved) -> str:
    if isinstance(saved, SavedRun):
        return to_csv(rows_of_run(saved.report))
    stand = standing(saved.study, saved.outcomes)
    reports = {outcome.trial: saved.trial_report(outcome) for outcome in stand}
    found = {trial: report for trial, report in reports.items() if report is not None}
    return to_csv(rows_of_study(saved.study, saved.outcomes, found))


def _hlog(saved: Saved) -> str:
    return _hlog_of_run(saved) if isinstance(saved, SavedRun) else _hlog_of_study(saved)


def _hlog_of_run(saved: SavedRun) -> str:
    report = saved.report
    head = f"ovbench {report.ovbench.version}, latency in ns; the start time is that of the run, in whole seconds"
    comment = f"{head}\n{shlex.join(report.command)}"
    samples = read_samples(saved)
    return histogram_log(samples, report.window.start_ns, report.window.stop_ns, _epoch_s(report.started_at), comment)


def _hlog_of_study(saved: SavedStudy) -> str:
    """Of the trials that count, as in the study's answer, in the order in which they were run."""
    ended = standing(saved.study, saved.outcomes)
    counted = {trial for setting in settings_of(saved.study, saved.outcomes) for trial in setting.used}
    used = sorted((one for one in ended if one.trial in counted), key=lambda outcome: outcome.started_at)
    if not used:
        raise UsageError(f"{saved.name}: no trial was VALID or SUSPECT, so there are no latencies to write")
    study = saved.study
    head = f"ovbench {study.ovbench}, latency in ns; an interval begins when its trial did, in whole seconds"
    left_out = [f"trial {one.trial} was {one.status} and is left out" for one in ended if one.trial not in counted]
    trials = (_latencies(saved, outcome) for outcome in used)
    return study_log(trials, _epoch_s(study.created_at), "\n".join((head, shlex.join(study.command), *left_out)))


def _latencies(saved: SavedStudy, outcome: Outcome) -> TrialLatencies:
    run = saved.trial(outcome)
    if run is None:
        raise UsageError(f"{saved.name}: trial {outcome.trial} has no report, so no samples, which take --save-samples")
    return TrialLatencies(
        tag=tag_of(outcome.point),
        start_s=max(0.0, _epoch_s(outcome.started_at) - _epoch_s(saved.study.created_at)),
        length_s=run.report.window.duration_s,
        agents=read_samples(run),
        text=f"trial {outcome.trial}: {shlex.join(run.report.command)}",
    )


def _epoch_s(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _write(file: Path, text: str, aside: bool) -> None:
    """`aside`: stdout has data."""
    if file == Path("-"):
        _print_bytes(text.encode())
        return
    try:
        store.write_named(file, text.encode())
    except Unwritable as problem:
        if problem.no_room:
            raise
        raise UsageError(str(problem)) from None
    print(one_line(f"{file} written"), file=sys.stderr if aside else sys.stdout)


def _indented(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"


def _print_bytes(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.flush()
