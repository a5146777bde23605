"""A command line without a verb: one run, or with --dry-run its plan."""

from ovbench.common.errors import ExitCode

from ..machine.sysfs import read_machine
from ..plan.plan import SeatedHost, make_plan, make_plan_over
from ..request.request import Request
from .launching import launched
from .verb import Call


def run(request: Request, call: Call) -> ExitCode:
    """Raises UsageError where the run cannot be; nothing has been measured then."""
    if request.dry_run:
        return _show_plan(request, call)
    with launched(request, call) as ready:
        from .conduct import conducted
        from .terminal import Terminal

        return conducted(Terminal(), request, call, ready).code


def _show_plan(request: Request, call: Call) -> ExitCode:
    from .dryrun import show_plan

    if request.launch.remote is not None:
        from .remote import plan_for_hosts

        return show_plan(request, *plan_for_hosts(request, call))
    if len(request.sysfs) > 1:  # recorded machines, as the hosts of one run
        hosts = [SeatedHost(one.name, read_machine(one.folder), one.agents) for one in request.sysfs]
        return show_plan(request, make_plan_over(request, hosts), [host.topology for host in hosts])
    topology = read_machine(request.sysfs[0].folder if request.sysfs else None)
    return show_plan(request, make_plan(request, topology), (topology,))
