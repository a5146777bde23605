"""The command line as the audience of a run: its screen while it goes on, then the report, on paper or for programs."""

from ..report.console import SteadyConsole, print_aside
from ..report.live import Screen
from ..report.summary import print_summary
from ..report.text import print_report
from ..request.paths import STDOUT
from ..request.request import Request
from ..result.report import Report, to_json
from ..session.events import AgentLost, Event, SinkFailed, Stopping
from .stdout import print_bytes


class Terminal:
    keeps = True

    def begin(self, request: Request) -> None:
        self._quiet = request.output.quiet
        # Where the report is to go to stdout, it is alone there.
        self._json, self._markdown = request.output.json, request.output.markdown == STDOUT
        aside = self._json or self._markdown or request.output.watchers.takes_stdout
        self._console = SteadyConsole(stderr=aside)
        self._console.detach()
        self._screen = Screen(self._console, request)

    def handle(self, event: Event) -> None:
        if not self._quiet or isinstance(event, AgentLost | Stopping | SinkFailed):
            self._screen.handle(event)

    def step(self, number: int, note: str = "", more: str = "") -> None:
        if not self._quiet:
            self._screen.step(number, note, more)

    def say(self, text: str) -> None:
        if not self._quiet:
            self._screen.say(text)

    def warn(self, text: str) -> None:
        self._screen.warn(text)

    def close(self) -> None:
        self._screen.close()

    def unheard(self, text: str) -> None:
        print_aside(text)

    def show(self, report: Report, kept: bool) -> None:
        self._console.attach()
        if self._quiet:
            print_summary(self._console, report)
        else:
            print_report(self._console, report)
        if self._json or not kept:
            print_bytes(to_json(report))
        elif self._markdown:
            from ..report.markdown.run import run_markdown

            print_bytes(run_markdown(report).encode())
