"""A program as the audience of a run or a study: what it asked to be told, and what could not be kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ovbench.coordinator.request.request import Request
from ovbench.coordinator.result.report import Report
from ovbench.coordinator.result.study import Outcome, Study
from ovbench.coordinator.session.events import Event, Fanout, Sink
from ovbench.coordinator.study.answer import Answer

OnEvent = Callable[[Event], None]


@dataclass
class _Listener:
    """A function as a sink. `failure`: what it raised; it is not called again then."""

    on_event: OnEvent
    failure: str = ""

    def handle(self, event: Event) -> None:
        try:
            self.on_event(event)
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"
            raise


class _Follower:
    """What both have in common. Its own fan-out, so that a function that raises does not end the screen."""

    def __init__(self, on_event: OnEvent | None) -> None:
        self._listener = None if on_event is None else _Listener(on_event)
        self._fanout = Fanout(*self._sinks())
        self._screen: Any = None
        self._console: Any = None

    def _sinks(self) -> list[Sink]:
        return [] if self._listener is None else [self._listener]

    def handle(self, event: Event) -> None:
        self._fanout.handle(event)

    def say(self, text: str) -> None:
        if self._screen is not None:
            self._screen.say(text)

    def close(self) -> None:
        if self._screen is not None:
            self._screen.close()
            self._console.attach()

    @property
    def failure(self) -> str:
        """What the function raised; empty where it did not, or there is none."""
        return "" if self._listener is None else self._listener.failure

    def unheard(self, text: str) -> None:
        """It is the `failure`, of which the call warns when it has a result."""

    def _console_here(self) -> Any:
        """On stderr; a notebook shows it as text."""
        from ovbench.coordinator.report.console import SteadyConsole

        return SteadyConsole(stderr=True, force_jupyter=False)


class RunAudience(_Follower):
    """`problems`: a sentence for each file that was asked for and is not there. Only a report whose folder was named is
    kept."""

    keeps = False

    def __init__(self, progress: bool, on_event: OnEvent | None) -> None:
        super().__init__(on_event)
        self.problems: list[str] = []
        self._progress = progress

    def begin(self, request: Request) -> None:
        if self._progress:
            from ovbench.coordinator.report.live import Screen

            self._console = self._console_here()
            self._console.detach()
            self._screen = Screen(self._console, request)
            self._fanout = Fanout(self._screen, *self._sinks())

    def step(self, number: int, note: str = "", more: str = "") -> None:
        if self._screen is not None:
            self._screen.step(number, note, more)

    def warn(self, text: str) -> None:
        self.problems.append(text)

    def show(self, report: Report, kept: bool) -> None:
        """It is returned."""


class StudyAudience(_Follower):
    def __init__(self, progress: bool, on_event: OnEvent | None) -> None:
        super().__init__(on_event)
        if progress:
            from ovbench.coordinator.report.studylive import StudyScreen

            self._console = self._console_here()
            self._screen = StudyScreen(self._console)
            self._fanout = Fanout(self._screen, *self._sinks())

    def begin(self, ended: Sequence[Outcome], text: str) -> None:
        if self._screen is not None:
            self._screen.remember(ended)
            self._screen.say(text)

    def detach(self) -> None:
        if self._console is not None:
            self._console.detach()

    def show(self, study: Study, answer: Answer, outcomes: Sequence[Outcome]) -> None:
        """It is returned."""

    def warn(self, text: str) -> None:
        """It is the study's `left`."""
