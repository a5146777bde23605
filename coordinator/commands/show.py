"""`show`: a saved run or study again, as when it ended. Nothing is measured."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ovbench.common.errors import ExitCode, Unwritable, UsageError
from ovbench.common.printable import one_line

from ..request.contradictions import refuse_two_on_stdout
from ..request.flag import Flag
from ..request.parser import Parser
from ..request.paths import STDOUT, writable_or_stdout
from ..request.request import PlotFormat
from ..request.resultflags import PLOTS
from .markdown import MARKDOWN, write_markdown
from .stdout import print_bytes, print_json
from .verb import RESULT, Call

FLAGS: Final = (
    Flag("json", ("--json",), "the report; of a study its plan and its trials", takes="nothing"),
    Flag("html", ("--html",), "also write report.html beside it; needs ovbench[html]", takes="nothing"),
    Flag("plots", ("--plots",), "also write each chart as a file; needs ovbench[html]", choices=PLOTS),
    MARKDOWN,
)


@dataclass(frozen=True)
class ShowResult:
    result: str
    json: bool
    html: bool = False
    plots: PlotFormat | None = None
    markdown: Path | None = None


def parse_show(argv: Sequence[str]) -> ShowResult:
    parser = Parser(
        "show",
        FLAGS,
        description="Prints a saved result as the run did when it ended; nothing is measured.",
    )
    parser.add_argument("result", metavar="RESULT", help=RESULT)
    raw = parser.parse_args(list(argv))
    refuse_two_on_stdout(raw)
    markdown = writable_or_stdout("--markdown", raw.markdown)
    return ShowResult(raw.result, raw.json, raw.html, raw.plots, markdown)


def show(request: ShowResult, _: Call) -> ExitCode:
    """Raises UsageError where the result cannot be read, or is none."""
    from ..report.console import SafeConsole
    from ..result.report import to_json
    from ..store.saved import SavedRun, read_saved

    saved = read_saved(request.result)
    if isinstance(saved, SavedRun):
        report = saved.report
        if request.json:
            print_bytes(to_json(report))
        elif request.markdown != STDOUT:
            from ..report.text import print_report

            print_report(SafeConsole(), report)
        if request.markdown is not None:
            from ..report.markdown.run import run_markdown

            write_markdown(request.markdown, run_markdown(report))

        def draw() -> Mapping[str, bytes]:
            from ..report.html.runpage import run_files  # takes longer to load than all the rest

            return run_files(report, request.html, request.plots)

        return _draw(request, saved.folder, draw)
    study, outcomes, one_report = saved.study, saved.outcomes, saved.one_report
    if request.json:
        print_json({"study": study, "trials": outcomes})
    elif request.markdown != STDOUT:
        from ..report.study import print_study

        print_study(SafeConsole(), study, outcomes)
    if request.markdown is not None:
        from ..report.markdown.study import study_markdown
        from ..study.kinds.registry import kind_of

        write_markdown(request.markdown, study_markdown(study, kind_of(study).conclude(study, outcomes)))

    def draw_study() -> Mapping[str, bytes]:
        from ..report.html.studypage import study_files

        return study_files(study, outcomes, one_report(), request.plots)

    return _draw(request, saved.folder, draw_study)


def _draw(request: ShowResult, folder: Path, draw: Callable[[], Mapping[str, bytes]]) -> ExitCode:
    """Beside the report. Where that cannot be written, it is said, as the report on screen is what was asked for."""
    if not request.html and request.plots is None:
        return ExitCode.VALID
    from ..store.files import write_files

    try:
        files = draw()
    except ValueError as problem:
        raise UsageError(f"{request.result}: its charts cannot be drawn: {problem}") from None
    try:
        write_files(folder, files)
    except Unwritable as problem:
        print(f"ovbench-coord: {one_line(str(problem))}", file=sys.stderr)
        return ExitCode.UNWRITABLE
    print(one_line(f"{', '.join(files)} in {folder}"), file=sys.stderr)
    return ExitCode.VALID
