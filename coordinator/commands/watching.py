"""Who watches a run or a study beside its audience: a file of events, and metrics that are scraped."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Final

from ..checks.sofar import SoFar
from ..request.thresholds import Thresholds
from ..request.watchers import Watchers
from ..session.events import Event, Fanout, Sink

_DEFAULT: Final = Thresholds()


class Watching:
    """Sinks that are also handed what is known of the verdict, as soon as it is; an audience may `join` and `leave`.
    `notes`: what users need to know of them, a line each."""

    def __init__(
        self,
        sinks: Fanout,
        notes: tuple[str, ...] = (),
        thresholds: Thresholds = _DEFAULT,
        finish: Callable[[], str] = str,
    ) -> None:
        self.sinks = sinks
        self.notes = notes
        self.finish = finish
        """After the last event: why the file of events is not whole; empty where it is, or none was asked for."""
        self._so_far = SoFar(thresholds)

    def handle(self, event: Event) -> None:
        self.sinks.handle(event)
        standing = self._so_far.add(event)
        if standing is not None:
            self.sinks.handle(standing)


@contextlib.contextmanager
def watching(wanted: Watchers, thresholds: Thresholds = _DEFAULT) -> Iterator[Watching]:
    """`thresholds`: what is known of the verdict is judged by. Raises UsageError, before anything is measured, where a
    watcher cannot be had."""
    sinks: list[Sink] = []
    notes: list[str] = []
    finish: Callable[[], str] = str
    with contextlib.ExitStack() as open_ones:
        if wanted.live is not None:
            from ..report.jsonlines import JsonLines, open_lines

            stream = sys.stdout if wanted.takes_stdout else open_ones.enter_context(open_lines(wanted.live))
            lines = open_ones.enter_context(contextlib.closing(JsonLines(stream, str(wanted.live))))
            sinks.append(lines)
            finish = lines.finish
        if wanted.metrics is not None:
            from ..report.exporter import Exporter
            from ..report.metrics import Metrics

            metrics = Metrics(version("ovbench"))
            exporter = open_ones.enter_context(contextlib.closing(Exporter(wanted.metrics, metrics)))
            sinks.append(metrics)
            notes.append(f"metrics at {exporter.url}")
        yield Watching(Fanout(*sinks), tuple(notes), thresholds, finish)
