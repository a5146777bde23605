"""A saved result in the formats of other tools."""

import shlex
from collections.abc import Iterator
from datetime import datetime

from ovbench.common.errors import UsageError

from ..result.report import Report
from ..result.study import Outcome
from ..store.saved import Saved, SavedRun, SavedStudy, read_samples
from ..study.kinds.registry import kind_of
from .hdrlog import TrialLatencies, histogram_log, study_log, tag_of
from .perfetto import trace_of
from .table import rows_of_run, rows_of_study, to_csv


def csv_of(saved: Saved) -> str:
    """A table with a row for each trial and figure."""
    if isinstance(saved, SavedRun):
        return to_csv(rows_of_run(saved.report))
    stand = kind_of(saved.study).standing(saved.study, saved.outcomes)
    reports = {outcome.trial: saved.trial_report(outcome) for outcome in stand}
    found = {trial: report for trial, report in reports.items() if report is not None}
    return to_csv(rows_of_study(saved.study, saved.outcomes, found))


def perfetto_of(saved: Saved) -> bytes:
    """A run with its samples as a trace for Perfetto. Raises UsageError where there are none, and for a study."""
    if not isinstance(saved, SavedRun):
        raise UsageError(f"{saved.name}: this is a study; --perfetto takes one run, as the folder of a trial is")
    return b"".join(trace_of(saved.report, read_samples(saved)))


def hlog_of(saved: Saved) -> str:
    """An HDR histogram log of the samples. Raises UsageError where there are none."""
    return _hlog_of_run(saved) if isinstance(saved, SavedRun) else _hlog_of_study(saved)


def _hlog_of_run(saved: SavedRun) -> str:
    report = saved.report
    head = f"ovbench {report.ovbench.version}, latency in ns; the start time is that of the run, in whole seconds"
    comment = "\n".join((head, *_missing(report), shlex.join(report.command)))
    samples = read_samples(saved)
    edges = report.window.start_ns, report.window.stop_ns
    hosts = {agent.id: agent.host for agent in report.agents} if report.several_hosts else {}
    return histogram_log(samples, *edges, _epoch_s(report.started_at), comment, hosts)


def _missing(report: Report) -> Iterator[str]:
    """What no line can have: a percentile of the log alone is too short by it."""
    missing = report.latency_ms.missing if report.latency_ms is not None else 0
    if missing:
        yield f"{missing:,} arrivals never completed and are not in it: they are longer than all that are"


def _hlog_of_study(saved: SavedStudy) -> str:
    """Of the trials that count, as in the study's answer, in the order in which they were run."""
    kind = kind_of(saved.study)
    ended = kind.standing(saved.study, saved.outcomes)
    counted = {trial for setting in kind.settings(saved.study, saved.outcomes) for trial in setting.used}
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
        text="\n".join((f"trial {outcome.trial}: {shlex.join(run.report.command)}", *_missing(run.report))),
    )


def _epoch_s(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()
