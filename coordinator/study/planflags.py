"""The flags of a study itself; all others on its command line are of its runs. A table."""

from typing import Final

from ..request.durations import in_unit
from ..request.flag import Flag
from ..request.resultflags import PLOTS
from ..request.values import TIMES, digits, number, path
from ..request.watchers import WATCHING
from ..result.study import RETRY_SUSPECT
from .flag import StudyFlag
from .kinds.cards import DEFAULT, READY_MADE

_OWN: Final = tuple(dict.fromkeys(flag for kind in READY_MADE for flag in kind.flags))

_OTHER: Final = [kind for kind in READY_MADE if kind.repetitions != DEFAULT.repetitions and not kind.blocks]
_BLOCKS: Final = [kind for kind in READY_MADE if kind.blocks]
_REPETITIONS: Final = "; ".join(
    (
        f"trials of each setting, default {DEFAULT.repetitions}"
        + "".join(
            f", {number} for {' and '.join(kind.name for kind in _OTHER if kind.repetitions == number)}"
            for number in sorted({kind.repetitions for kind in _OTHER})
        ),
        *(f"for {kind.name} the number of {kind.blocks} blocks, {kind.repetitions}" for kind in _BLOCKS),
    )
)
_WHOLE: Final = "".join(f"of {kind.name} whole blocks; " for kind in _BLOCKS)
_REPEATED: Final = "a whole number from 1 to 1000"
_ROUNDS: Final = "a whole number from 0 to 10"

FLAGS: Final = (
    Flag("help", ("--help",), "show this and exit", takes="nothing"),
    Flag(
        "plan", ("--plan",), "a TOML file with the study; flags override it", metavar="FILE", parse=path, path="file"
    ),
    StudyFlag(
        "repetitions", ("--repetitions",), _REPETITIONS, metavar="N",
        parse=number(digits, _REPEATED, lambda n: 1 <= n <= 1_000), plan=_REPEATED,
    ),
    StudyFlag(
        "order_seed", ("--order-seed",), "seed of the order of the trials; default 0", metavar="N",
        parse=number(digits, "a whole number of 0 or more", lambda n: True),
        plan="a whole number of 0 or more, below 10^18",
    ),
    StudyFlag(
        "p99_limit_ms", ("--p99-limit-ms",), "also name the best setting whose p99 is not above this", metavar="MS",
        parse=number(in_unit("ms"), f"a number of milliseconds above 0, or {TIMES}", lambda ms: 0 < ms < 1e9),
        plan="a number above 0 and below 10^9",
    ),
    *_OWN,
    Flag(
        "report_folder", ("--report-folder", "-report_folder"),
        "where the study is kept; default ovbench-results/<UTC time>-study-<kind>/",
        metavar="DIR", parse=path, path="folder",
    ),
    Flag(
        "resume", ("--resume",), "go on with a study: run what is missing of it",
        metavar="DIR", parse=path, path="folder",
    ),
    Flag(
        "accept_changes", ("--accept-changes",), "with --resume: go on although the model or the machine has changed",
        takes="nothing",
    ),
    Flag(
        "retry_failed", ("--retry-failed",), "with --resume: also run trials again that were PARTIAL or FAILED",
        takes="nothing",
    ),
    StudyFlag(
        "retry_suspect", ("--retry-suspect",),
        f"at the end run SUSPECT trials again, up to N times each, 0 to 10; {_WHOLE}default "
        f"{RETRY_SUSPECT}; with --resume it may be raised",
        metavar="N", parse=number(digits, _ROUNDS, lambda n: n <= 10), plan=_ROUNDS,
    ),
    Flag("plots", ("--plots",), "also write each chart as a file; needs ovbench[html]", choices=PLOTS),
    Flag(
        "markdown", ("--markdown",),
        "also write the answer as Markdown, for a comment on a pull request; - for stdout",
        metavar="FILE", parse=path, path="file",
    ),
    *WATCHING,
    Flag("dry_run", ("--dry-run",), "print the trials and start nothing", takes="nothing"),
    Flag(
        "sysfs", ("--sysfs",),
        "with --dry-run: plan for the machine that topology --record DIR has recorded, not this one",
        metavar="DIR", parse=path, path="folder",
    ),
    Flag("quiet", ("-q", "--quiet"), "print the answer alone: nothing while the trials go on", takes="nothing"),
    Flag("json", ("--json",), "print the answer, and nothing else, on stdout as JSON", takes="nothing"),
)  # fmt: skip

_PLANNED: Final = [flag for flag in FLAGS if isinstance(flag, StudyFlag) and flag.plan]
PLAN: Final = {flag.dest: flag for flag in sorted(_PLANNED, key=lambda flag: flag.is_text)}
"""What a plan may have beside its kind and its settings, by key: numbers, then texts."""
