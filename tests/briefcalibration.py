"""A program: a calibration of this machine with works that are shorter than a real one's; prints it as JSON.

usage: python -m tests.briefcalibration STARTS TRIAL_S
"""

import sys
from dataclasses import replace

from ovbench.common.topology import read_topology
from ovbench.coordinator.commands.calibrating import Calibrating, Planned
from ovbench.coordinator.commands.verb import Call
from ovbench.coordinator.report.calibration import CalibrationScreen
from ovbench.coordinator.report.console import SteadyConsole
from ovbench.coordinator.result.calibration import calibration_json
from ovbench.coordinator.run.site import LocalSite
from ovbench.coordinator.session.interrupts import Interrupts
from ovbench.coordinator.study.calibrating import NULL


def main() -> None:
    starts, trial_s = int(sys.argv[1]), float(sys.argv[2])
    interrupts = Interrupts()
    interrupts.listen()
    site = LocalSite(read_topology())
    work = replace(NULL, trial_s=trial_s, starts=starts, least_starts=starts)
    cpus = (min(site.topology.allowed),)
    plan = Planned(site, (work,), cpus, ("--backend", "null:200", "--rate", "500", "-t", "0.3", "--warmup", "0.1"))
    calibrating = Calibrating(plan, Call(("calibrate",), interrupts), CalibrationScreen(SteadyConsole(stderr=True)))
    found = calibrating.conduct([])
    assert found is not None
    sys.stdout.buffer.write(calibration_json(found))


if __name__ == "__main__":
    main()
