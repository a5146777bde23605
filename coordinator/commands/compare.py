"""`compare`: results side by side, each against the first. Nothing is measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ovbench.common.errors import ExitCode, UsageError

from ..compare.verdict import Condition, Verdict, parse_condition
from ..request.contradictions import refuse_two_on_stdout
from ..request.flag import Flag
from ..request.parser import Parser
from ..request.paths import STDOUT, writable_or_stdout
from .markdown import MARKDOWN, write_markdown
from .stdout import print_json
from .verb import RESULT, Call

FLAGS: Final = (
    Flag(
        "conditions", ("--fail-if",),
        "exit code 4 where it comes true: slower, faster, inconclusive; 'p99 > +5%' and 'fps < -3%' against the first, "
        "'p99_ms > +0.5' in the figure's unit, 'fps < 900' as it is; may be repeated",
        metavar="CONDITION", repeatable=True,
    ),
    Flag(
        "significant", ("--significant",),
        "--fail-if counts only what the intervals over a study's repetitions leave no doubt of; without it the "
        "plain values decide",
        takes="nothing",
    ),
    Flag(
        "within_run", ("--within-run",),
        "with --significant or a verdict: go by the intervals of single runs, which know only of the noise within each",
        takes="nothing",
    ),
    Flag("force", ("--force",), "compare figures that are doubtful, too: of runs that are not VALID", takes="nothing"),
    MARKDOWN,
    Flag("json", ("--json",), "for programs", takes="nothing"),
)  # fmt: skip


@dataclass(frozen=True)
class CompareResults:
    """Each of `results`, two or more, against the first."""

    results: tuple[str, ...]
    conditions: tuple[Condition, ...]
    significant: bool
    json: bool
    within_run: bool = False
    force: bool = False
    markdown: Path | None = None


def parse_compare(argv: Sequence[str]) -> CompareResults:
    parser = Parser(
        "compare",
        FLAGS,
        description="Puts results side by side, each against the first: what differs in settings and environment, then "
        "each figure with its change and whether that is statistically significant.",
        epilog="Exit codes: 0, or 4 where a --fail-if came true or cannot be judged.",
    )
    parser.add_argument("results", metavar="RESULT", nargs="+", help=f"{RESULT}; all runs, or all studies")
    raw = parser.parse_args(list(argv))
    if len(raw.results) < 2:
        raise UsageError(f"compare {raw.results[0]}: there is nothing to compare it with; give two results or more")
    conditions = tuple(parse_condition("--fail-if", text) for text in raw.conditions)
    if raw.significant and not conditions:
        raise UsageError("--significant is about --fail-if; add a condition, as in --fail-if 'p99 > +5%'")
    if raw.within_run and not raw.significant and not any(isinstance(one, Verdict) for one in conditions):
        raise UsageError("--within-run is about --significant and verdicts such as slower; add one, or leave it out")
    refuse_two_on_stdout(raw)
    markdown = writable_or_stdout("--markdown", raw.markdown)
    return CompareResults(
        tuple(raw.results), conditions, raw.significant, raw.json, raw.within_run, raw.force, markdown
    )


def compare(request: CompareResults, _: Call) -> ExitCode:
    """Raises UsageError where a result cannot be read, or is none, and where they cannot be compared."""
    from ..report.comparison import print_comparison
    from ..report.console import SafeConsole
    from ..store.saved import read_saved
    from .comparing import compared

    saved = [read_saved(name) for name in request.results]
    comparison = compared(
        saved, request.conditions, significant=request.significant, within_run=request.within_run, force=request.force
    )
    if request.json:
        print_json(comparison)
    elif request.markdown != STDOUT:
        print_comparison(SafeConsole(), comparison, request.conditions)
    if request.markdown is not None:
        from ..report.markdown.comparison import comparison_markdown

        write_markdown(request.markdown, comparison_markdown(comparison, request.conditions))
    return ExitCode.INVALID if comparison.failures else ExitCode.VALID
