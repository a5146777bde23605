"""The trials of a study as a plain table."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..study.record import Outcome, Study
from .numbers import milliseconds, rate


def print_study(console: Console, study: Study, outcomes: Sequence[Outcome]) -> None:
    """A row for each trial, in the order in which they ended."""
    title = f"{study.kind}: {len(outcomes)} of {len(study.trials)} trials"
    console.print(Text(title, "bold"), highlight=False, soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1), show_edge=False, pad_edge=True)
    table.add_column("trial", no_wrap=True)
    table.add_column("setting", overflow="fold")
    for name in ("repetition", "FPS", "median", "p99"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for outcome in outcomes:
        setting = " ".join(f"{flag} {value}" for flag, value in outcome.point.items())
        latencies = (outcome.latency_ms.get(name) for name in ("median", "p99"))
        table.add_row(
            outcome.trial, Text(setting), str(outcome.repetition),
            "-" if outcome.fps is None else rate(outcome.fps),
            *("-" if value is None else milliseconds(value) for value in latencies), outcome.status,
        )  # fmt: skip
    console.print(table)
