"""A calibration as the command line asks for it: conducted, or the last one shown."""

import sys

from ovbench.common.errors import ExitCode, Unwritable, UsageError
from ovbench.common.printable import one_line
from ovbench.common.topology import format_cpu_list, read_topology

from ..machine.identity import identify
from ..machine.sysfs import read_machine
from ..report.calibration import CalibrationScreen, print_calibration
from ..report.console import SafeConsole, SteadyConsole
from ..request.calibration import Calibrate
from ..request.paths import STDOUT
from ..result.calibration import Calibration, calibration_json
from ..run.site import LocalSite
from ..store.calibrations import keep, kept, of_other_machines
from ..study.calibrating import BLOCK, LATENESS_ARGV
from .calibrating import Calibrating, Planned, planned
from .markdown import write_markdown
from .stdout import print_bytes, print_json
from .verb import Call


def follow(request: Calibrate, call: Call) -> ExitCode:
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
    if request.json:
        print_bytes(calibration_json(found))
    elif request.markdown != STDOUT:
        print_calibration(SafeConsole(), found)
    if request.markdown is not None:
        from ..report.markdown.calibration import calibration_markdown

        write_markdown(request.markdown, calibration_markdown(found))


def _verdict(request: Calibrate, found: Calibration) -> ExitCode:
    return ExitCode.INVALID if request.strict and found.verdict != "quiet" else ExitCode.VALID
