"""calibrate: which differences cannot be seen on this machine, as the command of that name measures it."""

from ovbench.coordinator.commands.verb import Call
from ovbench.coordinator.result.calibration import Calibration as Calibration

from .errors import Interrupted, NotKept, Unwritable, UsageError
from .guest import guest


def calibrate(*, progress: bool = False, keep: bool = True) -> Calibration:
    """Measure in under a minute how far equal runs of this machine are apart, and whether it is quiet.

    * `progress`: show on stderr what the command line shows.
    * `keep`: in the user's state folder, for the results and comparisons that follow.

    `verdict` is quiet, noisy or disturbed, `because` says why; `floor.two_runs_percent` is the difference between two
    runs that cannot be seen, `floor.over(n)` that between means over n starts each. Leave the machine alone meanwhile.

    Raises UsageError where agents cannot be started, Interrupted at Ctrl-C, with what was measured until then, and
    NotKept, with the calibration, where it cannot be written. CPU affinity and handlers of signals are afterwards as
    they were.
    """
    from ovbench.coordinator.commands.calibrating import Calibrating, planned
    from ovbench.coordinator.machine.identity import identify
    from ovbench.coordinator.machine.sysfs import read_machine
    from ovbench.coordinator.report.calibration import CalibrationScreen
    from ovbench.coordinator.report.console import SteadyConsole
    from ovbench.coordinator.run.site import LocalSite
    from ovbench.coordinator.store import calibrations

    with guest() as interrupts:
        plan = planned(LocalSite(read_machine(None)))
        call = Call(("ovbench-coord", "calibrate"), interrupts, quiet=not progress)
        calibrating = Calibrating(plan, call, CalibrationScreen(SteadyConsole(stderr=True), quiet=not progress))
        found = calibrating.conduct(calibrations.kept(identify(plan.site.topology).id))
    if calibrating.interrupted:
        raise Interrupted(found)
    if found is None:
        raise UsageError("calibrate: agents were lost before two starts had been measured; try again")
    if keep:
        try:
            calibrations.keep(found)
        except Unwritable as problem:
            raise NotKept(str(problem), found) from None
    return found
