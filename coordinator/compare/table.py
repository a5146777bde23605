"""Results as a long table: a row for each trial and figure, columns of one type each.

The figures are those of `figures.FIGURES`, all of them for every trial and in that order, so tables of different
studies fit below each other; a figure that a trial lacks has an empty value, and what it cannot be below where that is
known. A trial on several hosts has further rows for each of them, with the figures that a host has; `host` is empty in
the rows of all.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import structs

from ..result.estimates import bounds_of_host, estimates_of_host, estimates_of_run, estimates_of_trial
from ..result.figures import FIGURES
from ..result.report import Report
from ..result.study import Outcome, Study, Trial
from ..stats.estimate import Estimate
from ..study.kinds.registry import kind_of
from ..study.outcome import outcome_of

Row = dict[str, str | int | float | None]

_BEFORE: Final = ("trial", "repetition", "started_at", "status", "exit_code")
_AFTER: Final = ("agents", "cores", "streams", "requests")
_FIGURE: Final = ("figure", "value", "ci95_low", "ci95_high", "at_least", "host")


def axis_column(flag: str) -> str:
    """`set_nstreams` for -nstreams: a column of its own for each setting that a study varies."""
    return "set_" + flag.lstrip("-").replace("-", "_")


def rows_of_run(report: Report) -> list[Row]:
    """A run is one trial of no study: it has no number, and its exit code is not kept."""
    outcome = outcome_of(Trial("0000", {}, 0, ()), report, report.window.duration_s, 0)
    nothing: Row = {"trial": None, "repetition": None, "exit_code": None}
    return [*_rows(outcome, nothing, estimates_of_run(report)), *_rows_of_hosts(outcome, nothing, report)]


def rows_of_study(study: Study, outcomes: Sequence[Outcome], reports: Mapping[str, Report]) -> list[Row]:
    """`reports` of the trials that have one, by trial: they hold more figures than `trials.jsonl`."""
    found: list[Row] = []
    for outcome in kind_of(study).standing(study, outcomes):
        report = reports.get(outcome.trial)
        estimates = estimates_of_trial(outcome) | (estimates_of_run(report) if report is not None else {})
        axes: Row = {axis_column(flag): outcome.point.get(flag) for flag in study.axes}
        found += _rows(outcome, axes, estimates)
        found += _rows_of_hosts(outcome, axes, report) if report is not None else ()
    return found


def _rows_of_hosts(outcome: Outcome, other: Row, report: Report) -> Iterator[Row]:
    """Of each of several hosts the figures that it has."""
    for host in report.hosts if report.several_hosts else ():
        agents = [agent for agent in report.agents if agent.id in host.agents and agent.state == "ok"]
        mine = structs.replace(
            outcome,
            agents=len(agents),
            cores=0 if host.cpu is None else len(host.cpu.measured_cpus),
            streams=sum(agent.streams or 0 for agent in agents),
            requests=sum(agent.nireq or 0 for agent in agents),
            at_least=bounds_of_host(host),
        )
        estimates = estimates_of_host(host)
        for row in _rows(mine, other, estimates, host.name):
            if row["figure"] in estimates or row["at_least"] is not None:
                yield row


def _rows(outcome: Outcome, other: Row, estimates: Mapping[str, Estimate], host: str | None = None) -> Iterator[Row]:
    """`other`: further columns, or other values for the first ones."""
    before: Row = {name: getattr(outcome, name) for name in _BEFORE}
    after: Row = {name: getattr(outcome, name) for name in _AFTER}
    after["run"] = None if outcome.in_effect is None else outcome.in_effect.run
    for figure in FIGURES:
        estimate = estimates.get(figure.name)
        yield {
            **before,
            **other,
            **after,
            "figure": figure.name,
            "value": None if estimate is None else estimate.value,
            "ci95_low": None if estimate is None else estimate.low,
            "ci95_high": None if estimate is None else estimate.high,
            "at_least": outcome.at_least.get(figure.name),
            "host": host,
        }


def to_csv(rows: Sequence[Row]) -> str:
    """RFC 4180, with a header; numbers in full precision, nothing for what is not known."""
    written = io.StringIO()
    writer = csv.DictWriter(written, list(rows[0]) if rows else [*_BEFORE, *_AFTER, "run", *_FIGURE])
    writer.writeheader()
    writer.writerows(rows)
    return written.getvalue()
