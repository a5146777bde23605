"""`compare`: results side by side, each against the first. Nothing is measured."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ovbench.common.errors import ExitCode, UsageError

from ..request.flag import Flag
from ..request.parser import Parser
from ..request.requirement import Requirement, parse_requirement
from .stdout import print_json
from .verb import RESULT, Call

FLAGS: Final = (
    Flag(
        "conditions", ("--fail-if",),
        "exit code 4 where it comes true: 'p99 > +5%' and 'fps < -3%' against the first, 'p99_ms > +0.5' in the "
        "figure's unit, 'fps < 900' as it is; may be repeated",
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
        "with --significant: go by the intervals of single runs, which know only of the noise within each",
        takes="nothing",
    ),
    Flag("force", ("--force",), "compare figures that are doubtful, too: of runs that are not VALID", takes="nothing"),
    Flag("json", ("--json",), "for programs", takes="nothing"),
)  # fmt: skip


@dataclass(frozen=True)
class CompareResults:
    """Each of `results`, two or more, against the first."""

    results: tuple[str, ...]
    conditions: tuple[Requirement, ...]
    significant: bool
    json: bool
    within_run: bool = False
    force: bool = False


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
    conditions = tuple(parse_requirement("--fail-if", text, relative=True) for text in raw.conditions)
    if raw.significant and not conditions:
        raise UsageError("--significant is about --fail-if; add a condition, as in --fail-if 'p99 > +5%'")
    if raw.within_run and not raw.significant:
        raise UsageError("--within-run is about --significant; add that, or leave it out")
    return CompareResults(tuple(raw.results), conditions, raw.significant, raw.json, raw.within_run, raw.force)


def compare(request: CompareResults, _: Call) -> ExitCode:
    """Raises UsageError where a result cannot be read, or is none, and where they cannot be compared."""
    from ..compare.comparison import NamedRun, NamedStudy, compare_runs, compare_studies
    from ..compare.conditions import with_failures
    from ..report.comparison import print_comparison
    from ..report.console import SafeConsole
    from ..store.saved import SavedRun, SavedStudy, read_saved

    results = [read_saved(name) for name in request.results]
    runs = [NamedRun(one.name, one.report) for one in results if isinstance(one, SavedRun)]
    studies = [NamedStudy(one.name, one.study, one.outcomes) for one in results if isinstance(one, SavedStudy)]
    if runs and studies:
        raise UsageError(
            f"{runs[0].name} is a run and {studies[0].name} a study; compare runs with runs (a study's are in its "
            "folder trials), or studies with studies"
        )
    if runs:
        _refuse_the_noise_of_one_run(request)
        comparison = compare_runs(runs[0], runs[1:], force=request.force)
    else:
        comparison = compare_studies(studies[0], studies[1:], force=request.force)
    apart = next((pair for pair in comparison.others if not pair.matched), None)
    if studies and apart is not None:
        raise UsageError(
            f"{studies[0].name} and {apart.other.name} have no trial of the same setting; there is nothing to compare"
        )
    comparison = with_failures(comparison, request.conditions, significant=request.significant)
    if request.json:
        print_json(comparison)
    else:
        print_comparison(SafeConsole(), comparison, request.conditions)
    return ExitCode.INVALID if comparison.failures else ExitCode.VALID


def _refuse_the_noise_of_one_run(request: CompareResults) -> None:
    if request.significant and not request.within_run:
        raise UsageError(
            "--significant: single runs know the noise within each, not what differs from run to run; compare "
            "studies with repetitions (ovbench-coord study ab), or add --within-run to go by what they know"
        )
