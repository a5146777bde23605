"""`study`: from a request to a folder with trials, and the answer."""

import sys
from collections.abc import Sequence

from ovbench.common.errors import ExitCode, Unwritable
from ovbench.common.printable import one_line

from ..report.console import SteadyConsole, print_aside
from ..report.study import print_answer
from ..report.studylive import StudyScreen, print_trials
from ..request.paths import STDOUT
from ..result.study import Outcome, Study
from ..session.events import AgentLost, Event, SinkFailed, Stopping
from ..study.answer import Answer, answer_json
from ..study.request import StudyRequest
from ..study.runner import PlacedTrial, estimate_s
from .markdown import write_markdown
from .sites import sited
from .stdout import print_bytes, print_json
from .studying import conducted_study, planned_study
from .verb import Call


def run_study(request: StudyRequest, call: Call) -> ExitCode:
    """Raises UsageError where the study cannot be; nothing has been measured then."""
    with sited(request, call) as site:
        try:
            if request.dry_run:
                study, _, left = planned_study(request, site, call.command)
                return _show_trials(request, study, left)
            return conducted_study(request, call, site, StudyTerminal(request)).code
        except Unwritable as problem:
            print(f"ovbench-coord: {one_line(str(problem))}", file=sys.stderr)
            return ExitCode.UNWRITABLE


class StudyTerminal:
    """The command line as the audience of a study. Where the answer is to go to stdout, it is alone there. Where the
    request is quiet, nothing is shown before it."""

    def __init__(self, request: StudyRequest) -> None:
        self._json, self._markdown = request.json, request.markdown == STDOUT
        self._quiet = request.quiet
        self._console = SteadyConsole(stderr=self._json or self._markdown or request.watchers.takes_stdout)
        self._screen = StudyScreen(self._console)

    def begin(self, ended: Sequence[Outcome], text: str) -> None:
        self._screen.remember(ended)
        if not self._quiet:
            self._screen.say(text)

    def detach(self) -> None:
        self._console.detach()

    def handle(self, event: Event) -> None:
        if not self._quiet or isinstance(event, AgentLost | Stopping | SinkFailed):
            self._screen.handle(event)

    def close(self) -> None:
        self._screen.close()
        self._console.attach()

    def unheard(self, text: str) -> None:
        print_aside(text)

    def show(self, study: Study, answer: Answer, outcomes: Sequence[Outcome]) -> None:
        if self._json:
            print_bytes(answer_json(answer))
        if outcomes:
            print_answer(self._console, study, answer)
        if outcomes and self._markdown:
            from ..report.markdown.study import study_markdown

            write_markdown(STDOUT, study_markdown(study, answer))

    def say(self, text: str) -> None:
        if not self._quiet:
            self._console.print(text, highlight=False, soft_wrap=True, markup=False)

    def warn(self, text: str) -> None:
        print(f"ovbench-coord: {text}", file=sys.stderr)


def _show_trials(request: StudyRequest, study: Study, prepared: Sequence[PlacedTrial]) -> ExitCode:
    if request.json:
        print_json([{"trial": one.trial.id, "argv": one.trial.argv} for one in prepared])
    else:
        print_trials(SteadyConsole(), study, [one.trial for one in prepared], estimate_s(prepared))
    return ExitCode.VALID
