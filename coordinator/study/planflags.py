"""The flags of a study itself; all others on its command line are of its runs. A table."""

from typing import Final

from ..request.flag import Flag
from ..request.resultflags import PLOTS
from ..request.values import path
from ..result.study import RETRY_SUSPECT, SIZE_PERCENT
from .kinds.registry import DEFAULT, READY_MADE


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000:
        raise ValueError(f"'{text}' is not a whole number from 1 to 1000")
    return int(text)


def _rounds(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 2 or int(text) > 10:
        raise ValueError(f"'{text}' is not a whole number from 0 to 10")
    return int(text)


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError(f"'{text}' is not a whole number of 0 or more")
    return int(text)


def _limit(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e9:
        raise ValueError(f"'{text}' is not a number of milliseconds above 0")
    return value


def _size(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 100:
        raise ValueError(f"'{text}' is not a number of percent above 0, up to 100")
    return value


_OTHER: Final = [kind for kind in READY_MADE if kind.repetitions != DEFAULT.repetitions and not kind.has_sides]
_BLOCKS: Final = [kind for kind in READY_MADE if kind.has_sides]
_REPETITIONS: Final = "; ".join(
    (
        f"trials of each setting, default {DEFAULT.repetitions}"
        + "".join(
            f", {number} for {' and '.join(kind.name for kind in _OTHER if kind.repetitions == number)}"
            for number in sorted({kind.repetitions for kind in _OTHER})
        ),
        *(f"for {kind.name} the number of ABBA blocks, {kind.repetitions}" for kind in _BLOCKS),
    )
)

FLAGS: Final = (
    Flag("help", ("--help",), "show this and exit", takes="nothing"),
    Flag(
        "plan", ("--plan",), "a TOML file with the study; flags override it", metavar="FILE", parse=path, path="file"
    ),
    Flag(
        "repetitions", ("--repetitions",),
        _REPETITIONS,
        metavar="N", parse=_whole,
    ),
    Flag("order_seed", ("--order-seed",), "seed of the order of the trials; default 0", metavar="N", parse=_seed),
    Flag(
        "p99_limit_ms", ("--p99-limit-ms",), "also name the best setting whose p99 is not above this",
        metavar="MS", parse=_limit,
    ),
    Flag(
        "size_percent", ("--size-percent",),
        f"of ab: a difference whose interval lies within this counts as none; default {SIZE_PERCENT:g}",
        metavar="PERCENT", parse=_size,
    ),
    Flag("a", ("--a",), "of ab: the flags of A, quoted", metavar="FLAGS"),
    Flag("b", ("--b",), "of ab: the flags of B, quoted", metavar="FLAGS"),
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
    Flag(
        "retry_suspect", ("--retry-suspect",),
        "at the end run SUSPECT trials again, up to N times each, 0 to 10; of ab whole blocks; default "
        f"{RETRY_SUSPECT}; with --resume it may be raised",
        metavar="N", parse=_rounds,
    ),
    Flag("plots", ("--plots",), "also write each chart as a file; needs ovbench[html]", choices=PLOTS),
    Flag("dry_run", ("--dry-run",), "print the trials and start nothing", takes="nothing"),
    Flag(
        "sysfs", ("--sysfs",),
        "with --dry-run: plan for the machine that topology --record DIR has recorded, not this one",
        metavar="DIR", parse=path, path="folder",
    ),
    Flag("json", ("--json",), "print the answer, and nothing else, on stdout as JSON", takes="nothing"),
)  # fmt: skip
