"""`calibrate`: what this machine's results are worth, measured before it is trusted."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ovbench.common.errors import ExitCode, Unwritable, UsageError
from ovbench.common.printable import one_line
from ovbench.common.topology import format_cpu_list, read_topology

from ..machine.identity import identify
from ..machine.sysfs import read_machine
from ..request.contradictions import refuse_two_on_stdout
from ..request.flag import Flag
from ..request.parser import Parser
from ..request.paths import STDOUT, writable_or_stdout
from ..result.calibration import Calibration
from ..run.site import LocalSite
from ..store.calibrations import kept, of_other_machines
from .calibrating import Calibrating, Planned, planned
from .markdown import MARKDOWN, write_markdown
from .stdout import print_bytes, print_json
from .verb import Call

FLAGS: Final = (
    Flag("show", ("--show",), "the last one of this machine again; nothing is measured", takes="nothing"),
    Flag("strict", ("--strict",), "exit code 4 unless the machine is quiet", takes="nothing"),
    Flag("dry_run", ("--dry-run",), "what it would do, and how long that takes", takes="nothing"),
    Flag("quiet", ("-q", "--quiet"), "nothing but the result", takes="nothing"),
    MARKDOWN,
    Flag("json", ("--json",), "for programs", takes="nothing"),
)


@dataclass(frozen=True)
class Calibrate:
    show: bool = False
    strict: bool = False
    dry_run: bool = False
    quiet: bool = False
    json: bool = False
    markdown: Path | None = None


def parse_calibrate(argv: Sequence[str]) -> Calibrate:
    parser = Parser(
        "calibrate",
        FLAGS,
        description="Measures in under a minute how much this machine's results differ by noise alone: equal runs "
        "against equal runs, agents started anew, how late threads wake, what others take from them. The result is "
        "kept, and studies and compare name the differences that cannot be seen here.",
        epilog="Exit codes: 0; with --strict 4 where the machine is noisy or disturbed.",
    )
    raw = parser.parse_args(list(argv))
    refuse_two_on_stdout(raw)
    if raw.show and raw.dry_run:
        raise UsageError("--show and --dry-run contradict each other; leave one out")
    markdown = writable_or_stdout("--markdown", raw.markdown)
    return Calibrate(raw.show, raw.strict, raw.dry_run, raw.quiet, raw.json, markdown)


def calibrate(request: Calibrate, call: Call) -> ExitCode:
    """Raises UsageError where nothing can be measured, and with --show where there is none."""
    if request.show:
        machine = identify(read_topology()).id
        known = kept(machine)
        if not known:
            others = ", only others that share this home" if of_other_machines(machine) else ""
            raise UsageError(f"--show: this machine has not been calibrated{others}; run ovbench-coord calibrate")
        _show(request, known[0])
        return _verdict(request, known[0])
    plan = planned(LocalSite(read_machine(None)))
    if request.dry_run:
        _say_plan(plan, request.json)
        return ExitCode.VALID
    return _conduct(request, call, plan)


def _say_plan(plan: Planned, as_json: bool) -> None:
    from ..study.calibrating import BLOCK, LATENESS_ARGV

    works = [{"work": one.name, "starts": one.starts, "trials": len(BLOCK), "argv": one.argv} for one in plan.works]
    if as_json:
        print_json({"cpus": plan.cpus, "works": works, "rate": LATENESS_ARGV, "about_s": round(plan.estimate_s)})
        return
    print(f"CPUs by themselves: {format_cpu_list(plan.cpus)}")
    for one in plan.works:
        print(f"{one.starts} starts of {len(BLOCK)} trials: ovbench-coord {' '.join(one.argv)}")
    print(f"starts at a rate: ovbench-coord {' '.join(LATENESS_ARGV)}")
    print(f"about {plan.estimate_s:.0f} s in all")


def _conduct(request: Calibrate, call: Call, plan: Planned) -> ExitCode:
    from ..report.calibration import CalibrationScreen
    from ..report.console import SteadyConsole
    from ..store.calibrations import keep

    aside = request.json or request.markdown == STDOUT
    screen = CalibrationScreen(SteadyConsole(stderr=aside), request.quiet)
    calibrating = Calibrating(plan, call, screen)
    found = calibrating.conduct(kept(identify(plan.site.topology).id))
    if found is None:
        why = "interrupted" if calibrating.interrupted else "agents were lost"
        print(f"ovbench-coord: calibrate: {why} before two starts had been measured; nothing is kept", file=sys.stderr)
        return ExitCode.INTERRUPTED if calibrating.interrupted else ExitCode.PARTIAL
    _show(request, found)
    if calibrating.interrupted:
        screen.done("interrupted: not kept")
        return ExitCode.INTERRUPTED
    try:
        screen.done(f"kept in {keep(found)}")
    except Unwritable as problem:
        print(f"ovbench-coord: {one_line(str(problem))}", file=sys.stderr)
        return ExitCode.UNWRITABLE
    return _verdict(request, found)


def _show(request: Calibrate, found: Calibration) -> None:
    from ..report.calibration import print_calibration
    from ..report.console import SafeConsole
    from ..result.calibration import calibration_json

    if request.json:
        print_bytes(calibration_json(found))
    elif request.markdown != STDOUT:
        print_calibration(SafeConsole(), found)
    if request.markdown is not None:
        from ..report.markdown.calibration import calibration_markdown

        write_markdown(request.markdown, calibration_markdown(found))


def _verdict(request: Calibrate, found: Calibration) -> ExitCode:
    return ExitCode.INVALID if request.strict and found.verdict != "quiet" else ExitCode.VALID
