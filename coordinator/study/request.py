"""A study as requested, from the command line and a TOML file. Raises UsageError, one sentence, for what is wrong."""

import argparse
import textwrap
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from ovbench.common.errors import ExitCode, UsageError
from ovbench.common.nearbyfiles import did_you_mean_file
from ovbench.common.spelling import did_you_mean

from ..request.contradictions import refuse_two_on_stdout
from ..request.flag import Flag
from ..request.flags import gnu
from ..request.modelword import names_a_model
from ..request.parser import Parser
from ..request.paths import check_planned, check_tree, writable_or_stdout
from ..request.request import PlotFormat
from ..request.watchers import NOBODY, Watchers, watchers_of
from ..result.study import KindName
from ..store import last
from .axes import Axes, parse_axes, read_axes
from .kinds.cards import CARDS, DEFAULT, READY_MADE
from .kinds.failif import FAIL_IF
from .planflags import FLAGS, PLAN
from .shorthelp import short_help

_READY_MADE: Final = tuple(kind.name for kind in READY_MADE)
_PLAN_KEYS: Final = ("kind", *PLAN, "settings")
_NOT_PLANNED: Final = frozenset({"p99_limit_ms", "retry_suspect", "fail_if"})
_PLANNED: Final = {"plan", "sysfs", "report_folder"}.union(PLAN) - _NOT_PLANNED
"""What a study that is resumed has from its plan already."""

_READY_MADE_LINES: Final = "\n".join(f"  {f'study {kind.name}':<21}{kind.about}" for kind in READY_MADE)

_DESCRIPTION: Final = f"""\
Runs many settings, several times each in a random order, saves each trial when it ends, and says
which is best. Every flag of a run (see ovbench-coord --help) may have several values here.

  study                {DEFAULT.about}
{_READY_MADE_LINES}
"""

_EPILOG: Final = f"""\
examples:
  ovbench-coord study -nstreams 1,2,4 -nireq 1..8 -t 5
  ovbench-coord study -m a.xml,b.xml -api sync,async --repetitions 5
  ovbench-coord study --cpus 0-3 --cpus 4-7 --agents 1..4
      values that have commas themselves: give the flag again
  ovbench-coord study scaling -m model.xml --agents 1..64*2 --p99-limit-ms 20
  ovbench-coord study ab --a "-nstreams 1" --b "-nstreams 2" -m model.xml
  ovbench-coord study --plan study.toml --dry-run
      the trials, their number and the time they take; nothing is started
  ovbench-coord study --resume ovbench-results/20260101T120000Z-study-scaling
      does what is missing

{textwrap.fill(f"A plan is TOML with the keys {', '.join(_PLAN_KEYS[:-1])} and a table of settings:", 90)}

  repetitions = 5
  [settings]
  m = "model.xml"
  nstreams = [1, 2, 4]
  nireq = "1..8"
"""


@dataclass(frozen=True)
class StudyRequest:
    """`own`: the kind's own flags as given, by `dest`. `repetitions` None is the kind's number. `resume`: the
    folder of a study to go on with, as it was planned."""

    kind: KindName = DEFAULT.name
    axes: Axes = field(default_factory=Axes)
    own: Mapping[str, Any] = field(default_factory=dict)
    repetitions: int | None = None
    order_seed: int = 0
    p99_limit_ms: float | None = None
    folder: Path | None = None
    resume: Path | None = None
    accept_changes: bool = False
    retry_failed: bool = False
    retry_suspect: int | None = None
    sysfs: Path | None = None
    dry_run: bool = False
    json: bool = False
    quiet: bool = False
    plots: PlotFormat | None = None
    markdown: Path | None = None
    watchers: Watchers = NOBODY


def parse_study(argv: Sequence[str]) -> StudyRequest:
    """`argv` is what comes after `study`. `--help` ends the process."""
    kind, words = _kind(argv)
    # -h is not argparse's, which would take -hint for it.
    if "-h" in _with_sides(words):
        print(short_help(), end="")
        raise SystemExit(ExitCode.VALID)
    given = [gnu(word) for word in _with_sides(words)]
    raw, rest = study_parser().parse_known_args(given)
    refuse_two_on_stdout(raw)
    raw.markdown = writable_or_stdout("--markdown", raw.markdown)
    plan = {} if raw.plan is None else _read_plan(raw.plan)
    axes = parse_axes(rest).over(_axes_of(raw.plan, plan))
    if raw.sysfs is not None:
        check_planned(raw.sysfs, raw.dry_run)
    if raw.resume is not None:
        return _resumed(raw, kind, axes)
    if raw.accept_changes or raw.retry_failed:
        raise UsageError(f"{'--accept-changes' if raw.accept_changes else '--retry-failed'} is for --resume DIR")
    kind = kind or _kind_of(plan)
    return StudyRequest(
        kind=kind,
        axes=axes,
        own=_own(raw, plan, kind),
        repetitions=raw.repetitions or plan.get("repetitions"),
        sysfs=None if raw.sysfs is None else check_tree("--sysfs", raw.sysfs.absolute()),
        order_seed=raw.order_seed if raw.order_seed is not None else plan.get("order_seed", 0),
        p99_limit_ms=raw.p99_limit_ms or plan.get("p99_limit_ms"),
        retry_suspect=raw.retry_suspect if raw.retry_suspect is not None else plan.get("retry_suspect"),
        folder=raw.report_folder,
        dry_run=raw.dry_run,
        json=raw.json,
        quiet=raw.quiet,
        plots=raw.plots,
        markdown=raw.markdown,
        watchers=watchers_of(raw),
    )


def study_parser() -> Parser:
    return Parser(
        "study",
        FLAGS,
        usage=f"ovbench-coord study [{' | '.join(_READY_MADE)}] [options] [flags of a run]",
        add_help=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )


def _kind(argv: Sequence[str]) -> tuple[KindName | None, Sequence[str]]:
    if not argv or argv[0].startswith("-") or names_a_model(argv[0]):
        return None, argv
    if argv[0] not in CARDS:
        hint = did_you_mean(argv[0], _READY_MADE)
        raise UsageError(f"study {argv[0]}: there is no such study, only {', '.join(_READY_MADE)}{hint}")
    kind = CARDS[argv[0]]
    return kind.name, _led(kind.leading, argv[1:])


def _led(flag: str, words: Sequence[str]) -> Sequence[str]:
    """With the flag that the words before any flag are values of."""
    end = next((at for at, word in enumerate(words) if word.startswith("-")), len(words)) if flag else 0
    return [flag, ",".join(words[:end]), *words[end:]] if end else words


def _with_sides(words: Sequence[str]) -> list[str]:
    """Each side in one word with its flag, as it may begin with a dash itself."""
    found: list[str] = []
    for word in words:
        if found and found[-1] in ("--a", "--b") and word.partition("=")[0] not in ("--a", "--b"):
            found[-1] += f"={word}"
        else:
            found.append(word)
    return found


def _own(raw: argparse.Namespace, plan: Mapping[str, Any], kind: KindName) -> dict[str, Any]:
    """What was given of the flags that are one kind's own, on the command line or in the plan. Raises UsageError where
    that is another kind."""
    found: dict[str, Any] = {}
    for flag in dict.fromkeys(flag for other in READY_MADE for flag in other.flags):
        here = _here(raw, flag)
        value = here if here is not None else plan.get(flag.dest)
        if value is None or value is False:
            continue
        if flag not in CARDS[kind].flags:
            word = flag.name if here is not None else f"--plan {raw.plan}: {flag.dest}"
            raise UsageError(f"{word} {flag.elsewhere.format(kind=kind)}; leave it out")
        found[flag.dest] = [value] if flag.repeatable and isinstance(value, str) else value
    return found


def _here(raw: argparse.Namespace, flag: Flag) -> Any:
    """What the command line has of it; None where it was left out."""
    value = getattr(raw, flag.dest)
    return None if (flag.repeatable or flag.takes == "nothing") and not value else value


def _resumed(raw: argparse.Namespace, kind: KindName | None, axes: Axes) -> StudyRequest:
    """A study goes on as it was planned."""
    others = {
        f"study {kind}": kind,
        **{flag.name: _here(raw, flag) for flag in FLAGS if flag.dest in _PLANNED},
        **dict.fromkeys(axes.values, True),
    }
    given = [flag for flag, value in others.items() if value is not None]
    if given:
        raise UsageError(
            f"--resume {raw.resume} goes on with the plan that is in it; leave {given[0]} out, or begin another study"
        )
    return StudyRequest(
        resume=Path(last.named(str(raw.resume), studies=True)),
        accept_changes=raw.accept_changes,
        retry_failed=raw.retry_failed,
        retry_suspect=raw.retry_suspect,
        plots=raw.plots,
        markdown=raw.markdown,
        p99_limit_ms=raw.p99_limit_ms,
        own={} if _here(raw, FAIL_IF) is None else {FAIL_IF.dest: raw.fail_if},
        dry_run=raw.dry_run,
        json=raw.json,
        quiet=raw.quiet,
        watchers=watchers_of(raw),
    )


def _read_plan(file: Path) -> dict[str, Any]:
    try:
        plan = tomllib.loads(file.read_text())
    except OSError as error:
        near = did_you_mean_file(str(file))
        raise UsageError(f"--plan {file}: it cannot be read: {error.strerror or error}{near}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"--plan {file}: this is no TOML: {error}") from None
    for key, value in plan.items():
        if key not in _PLAN_KEYS:
            hint = did_you_mean(key, _PLAN_KEYS) or f"; there are {', '.join(_PLAN_KEYS)}"
            raise UsageError(f"--plan {file}: it has an unknown key '{key}'{hint}")
        _check_value(file, key, value)
    return plan


def _check_value(file: Path, key: str, value: Any) -> None:
    if key in PLAN:
        words, holds = PLAN[key].plan, PLAN[key].allows(value)
    elif key == "kind":
        words, holds = f"one of {', '.join(CARDS)}", isinstance(value, str) and value in CARDS
    else:
        words, holds = "a table", isinstance(value, dict)
    if not holds:
        raise UsageError(f"--plan {file}: {key} is {value!r}, which is not {words}")


def _axes_of(file: Path | None, plan: Mapping[str, Any]) -> Axes:
    try:
        return read_axes(plan.get("settings", {}))
    except UsageError as error:
        raise UsageError(f"--plan {file}: {error}") from None


def _kind_of(plan: Mapping[str, Any]) -> KindName:
    return cast("KindName", plan.get("kind", DEFAULT.name))
