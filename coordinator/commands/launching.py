"""The start of a run: what it takes to know that it can be, and nothing that takes long to load."""

import contextlib
from collections.abc import Iterator
from typing import NamedTuple

from ovbench.common.topology import Topology

from ..launch import Launcher
from ..launch.registry import make_launcher
from ..machine.limits import check_limits
from ..machine.sysfs import read_machine
from ..plan.plan import Plan, make_plan
from ..request.request import Request
from .verb import Call


class Launched(NamedTuple):
    """A run on this host, for which agents can be started."""

    topology: Topology
    plan: Plan
    launcher: Launcher


@contextlib.contextmanager
def launched(request: Request, call: Call) -> Iterator[Launched | None]:
    """From here on the agents' common process loads, while the rest of this one does. None where the run is on other
    hosts. Raises UsageError where it cannot be."""
    if request.launch.remote is not None:
        yield None
        return
    topology = read_machine(None)
    plan = make_plan(request, topology)
    python = request.launch.agent_python
    if python is not None:
        from ..launch.interpreter import examine

        if request.launch.openvino is not None:
            from ..launch.environments import make
            from ..report.console import print_aside

            make([request.launch.openvino], (lambda text: None) if call.quiet else print_aside)
        examine(python)
    check_limits(len(plan.jobs))
    launcher = make_launcher(request.launch)
    call.interrupts.attend(launcher.abandon)
    try:
        yield Launched(topology, plan, launcher)
    finally:
        launcher.close()
