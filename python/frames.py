"""Results as pandas DataFrames, where pandas is installed."""

from collections.abc import Mapping, Sequence
from typing import Any

from ovbench.common.errors import UsageError
from ovbench.coordinator.compare.table import Row, axis_column
from ovbench.coordinator.result.estimates import estimates_of_run, estimates_of_trial
from ovbench.coordinator.result.report import Report
from ovbench.coordinator.result.study import Outcome, Study


def pandas() -> Any:
    try:
        import pandas as found
    except ImportError:
        raise UsageError("to_frame needs pandas, which is not there: pip install 'ovbench[pandas]'") from None
    return found


def frame_of(rows: Sequence[Mapping[str, object]]) -> Any:
    return pandas().DataFrame(rows)


def long_frame(rows: Sequence[Row]) -> Any:
    """Numbers where they are not known are NaN."""
    return pandas().DataFrame(rows)


def row_of_run(report: Report) -> dict[str, object]:
    effective = report.effective
    return {
        "started_at": report.started_at,
        "model": effective.model if effective is not None else report.requested.get("model"),
        "status": report.validity.status,
        "agents": len(report.agents),
        "streams": sum(agent.streams or 0 for agent in report.agents) or None,
        "requests": sum(agent.nireq or 0 for agent in report.agents) or None,
        **{name: estimate.value for name, estimate in estimates_of_run(report).items()},
    }


def frame_of_study(study: Study, outcomes: Sequence[Outcome]) -> Any:
    """A column for each setting that is varied, of numbers where all its values are."""
    rows = [_row(study, outcome) for outcome in outcomes]
    found = pandas().DataFrame(rows)
    for flag in study.axes:
        column = axis_column(flag)
        if column in found and all(_is_number(row[column]) for row in rows if column in row):
            found[column] = pandas().to_numeric(found[column])
    return found


def _row(study: Study, outcome: Outcome) -> dict[str, object]:
    return {
        "trial": outcome.trial,
        "repetition": outcome.repetition,
        "started_at": outcome.started_at,
        **{axis_column(flag): value for flag, value in outcome.point.items()},
        "status": outcome.status,
        "agents": outcome.agents,
        "streams": outcome.streams,
        "requests": outcome.requests,
        **{name: estimate.value for name, estimate in estimates_of_trial(outcome).items()},
    }


def _is_number(value: object) -> bool:
    try:
        float(str(value))
    except ValueError:
        return False
    return True
