"""A command line without a verb: one run, or with --dry-run its plan."""

from ovbench.common.errors import ExitCode

from ..launch.registry import make_launcher
from ..machine.limits import check_limits
from ..machine.sysfs import read_machine
from ..plan.plan import SeatedHost, make_plan, make_plan_over
from ..request.request import Request
from .verb import Call


def run(request: Request, call: Call) -> ExitCode:
    """Raises UsageError where the run cannot be; nothing has been measured then."""
    if request.launch.remote is not None:
        from .remote import run_on_hosts

        return run_on_hosts(request, call)
    if len(request.sysfs) > 1:
        return _plan_for_several(request)
    topology = read_machine(request.sysfs[0].folder if request.sysfs else None)
    plan = make_plan(request, topology)
    if request.dry_run:
        from .dryrun import show_plan

        return show_plan(request, plan, (topology,))
    python = request.launch.agent_python
    if python is not None:
        from ..launch.interpreter import examine

        examine(python)
    check_limits(len(plan.jobs))
    # From here on the agents' common process loads, while the rest of this one does.
    launcher = make_launcher(request.launch)
    from ..run.site import LocalSite
    from ..session.session import Bus
    from .conduct import conduct

    call.interrupts.attend(launcher.abandon)
    try:
        bus = Bus.open(launcher, call.interrupts, request.launch.bind)
        return conduct(request, plan, LocalSite(topology), bus, call.command)
    finally:
        launcher.close()


def _plan_for_several(request: Request) -> ExitCode:
    """Recorded machines, as the hosts of one run."""
    from .dryrun import show_plan

    hosts = [SeatedHost(one.name, read_machine(one.folder), one.agents) for one in request.sysfs]
    return show_plan(request, make_plan_over(request, hosts), [host.topology for host in hosts])
