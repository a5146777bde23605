"""The commands that read saved results, as requested: argv becomes typed values here. `options` knows all commands."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ovbench.common.errors import UsageError

from ..request.flags import PLOTS, Parser, path
from ..request.request import PlotFormat
from ..request.requirement import Requirement, parse_requirement

_RESULT = "the folder of a run or of a study, or a report.json"


@dataclass(frozen=True)
class ShowResult:
    """The request `show`."""

    result: str
    json: bool
    html: bool = False
    plots: PlotFormat | None = None


@dataclass(frozen=True)
class CompareResults:
    """The request `compare`: each of `results`, two or more, against the first."""

    results: tuple[str, ...]
    conditions: tuple[Requirement, ...]
    significant: bool
    json: bool
    within_run: bool = False
    force: bool = False


@dataclass(frozen=True)
class ExportResult:
    """The request `export`: one of the files, or both."""

    result: str
    csv: Path | None
    hlog: Path | None


SavedRequest = ShowResult | CompareResults | ExportResult


def parse_show(argv: Sequence[str]) -> ShowResult:
    parser = Parser(
        prog="ovbench-coord show",
        allow_abbrev=False,
        description="Prints a saved result as the run did when it ended; nothing is measured.",
    )
    parser.add_argument("result", metavar="RESULT", help=_RESULT)
    parser.add_argument("--json", action="store_true", help="the report; of a study its plan and its trials")
    parser.add_argument("--html", action="store_true", help="also write report.html beside it; needs ovbench[html]")
    parser.add_argument("--plots", choices=PLOTS, help="also write each chart as a file; needs ovbench[html]")
    raw = parser.parse_args(list(argv))
    return ShowResult(raw.result, raw.json, raw.html, raw.plots)


def parse_compare(argv: Sequence[str]) -> CompareResults:
    parser = Parser(
        prog="ovbench-coord compare",
        allow_abbrev=False,
        description="Puts results side by side, each against the first: what differs in settings and environment, then "
        "each figure with its change and whether that can be told from noise.",
        epilog="Exit codes: 0, or 4 where a --fail-if came true or cannot be judged.",
    )
    parser.add_argument("results", metavar="RESULT", nargs="+", help=f"{_RESULT}; all runs, or all studies")
    parser.add_argument(
        "--fail-if", metavar="CONDITION", action="append", default=[], dest="conditions",
        help="exit code 4 where it comes true: 'p99 > +5%%' and 'fps < -3%%' against the first, 'p99_ms > +0.5' in the "
        "figure's unit, 'fps < 900' as it is; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--significant", action="store_true",
        help="--fail-if counts only what the intervals over a study's repetitions leave no doubt of; without it the "
        "plain values decide",
    )  # fmt: skip
    parser.add_argument(
        "--within-run", action="store_true",
        help="with --significant: go by the intervals of single runs, which know only of the noise within each",
    )  # fmt: skip
    parser.add_argument(
        "--force", action="store_true", help="compare figures that are doubtful, too: of runs that are not VALID"
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    raw = parser.parse_args(list(argv))
    if len(raw.results) < 2:
        raise UsageError(f"compare {raw.results[0]}: there is nothing to compare it with; give two results or more")
    conditions = tuple(parse_requirement("--fail-if", text, relative=True) for text in raw.conditions)
    if raw.significant and not conditions:
        raise UsageError("--significant is about --fail-if; add a condition, as in --fail-if 'p99 > +5%'")
    if raw.within_run and not raw.significant:
        raise UsageError("--within-run is about --significant; add that, or leave it out")
    return CompareResults(tuple(raw.results), conditions, raw.significant, raw.json, raw.within_run, raw.force)


def parse_export(argv: Sequence[str]) -> ExportResult:
    parser = Parser(
        prog="ovbench-coord export",
        allow_abbrev=False,
        description="Writes a saved result in the formats of other tools; docs/export.md describes them.",
    )
    parser.add_argument("result", metavar="RESULT", help=_RESULT)
    parser.add_argument(
        "--csv", metavar="FILE", type=path, help="a table with a row for each trial and figure; - for stdout"
    )
    parser.add_argument(
        "--hlog", metavar="FILE", type=path,
        help="the latencies of a run with --save-samples as an HDR histogram log, by agent and second; of a study with "
        "it, by setting and trial; - for stdout",
    )  # fmt: skip
    raw = parser.parse_args(list(argv))
    if raw.csv == raw.hlog == Path("-"):
        raise UsageError("--csv - and --hlog - are both for stdout; give one of them a file")
    if raw.csv is None and raw.hlog is None:
        raise UsageError(f"export {raw.result}: there is nothing to write; add --csv FILE or --hlog FILE")
    return ExportResult(raw.result, raw.csv, raw.hlog)
