"""`calibrate`: what this machine's results are worth, measured before it is trusted."""

from collections.abc import Sequence
from typing import Final

from ovbench.common.errors import ExitCode, UsageError

from ..request.calibration import Calibrate
from ..request.contradictions import refuse_two_on_stdout
from ..request.flag import Flag
from ..request.parser import Parser
from ..request.paths import writable_or_stdout
from .markdown import MARKDOWN
from .verb import Call

FLAGS: Final = (
    Flag("show", ("--show",), "the last one of this machine again; nothing is measured", takes="nothing"),
    Flag("strict", ("--strict",), "exit code 4 unless the machine is quiet", takes="nothing"),
    Flag("dry_run", ("--dry-run",), "what it would do, and how long that takes", takes="nothing"),
    Flag("quiet", ("-q", "--quiet"), "nothing but the result", takes="nothing"),
    MARKDOWN,
    Flag("json", ("--json",), "for programs", takes="nothing"),
)


def parse_calibrate(argv: Sequence[str]) -> Calibrate:
    parser = Parser(
        "calibrate",
        FLAGS,
        description="Measures in under a minute how much this machine's results differ by noise alone: equal runs "
        "against equal runs, agents started anew, how late threads wake, what others take from them. The result is "
        "kept, and studies and compare name the differences that cannot be seen here.",
        epilog="Exit codes: 0; with --strict 4 where the machine is noisy or disturbed; 3 where agents were lost, 5 "
        "where it cannot be kept.",
    )
    raw = parser.parse_args(list(argv))
    refuse_two_on_stdout(raw)
    if raw.show and raw.dry_run:
        raise UsageError("--show and --dry-run contradict each other; leave one out")
    markdown = writable_or_stdout("--markdown", raw.markdown)
    return Calibrate(raw.show, raw.strict, raw.dry_run, raw.quiet, raw.json, markdown)


def calibrate(request: Calibrate, call: Call) -> ExitCode:
    """Raises UsageError where nothing can be measured, and with --show where there is none."""
    from .calibration import follow  # what measures takes long to load, and words are read without it

    return follow(request, call)
