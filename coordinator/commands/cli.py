"""`ovbench-coord`: request, plan, session, merge, report."""

import errno
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from ovbench.common.errors import NO_ROOM, ExitCode, Unwritable, UsageError
from ovbench.common.job import Job
from ovbench.common.printable import one_line, open_streams
from ovbench.common.topology import Topology, read_topology

from ..launch import Launcher
from ..launch.builtin import write_builtin
from ..launch.external import ExternalLauncher
from ..launch.local import LocalLauncher
from ..machine.limits import check_limits
from ..machine.machinetree import record_tree
from ..plan.partition import home
from ..plan.plan import Plan, make_plan
from ..request.options import ExportModel, ShowTopology, parse
from ..request.request import Request
from ..session.interrupts import Interrupts
from ..study.request import StudyRequest
from .saved import SavedRequest

_UNPRINTABLE: Final = NO_ROOM | {errno.EPIPE}


def main(argv: Sequence[str] | None = None, interrupts: Interrupts | None = None) -> NoReturn:
    arguments = tuple(sys.argv[1:] if argv is None else argv)
    _open_what_is_closed()
    open_streams()
    try:
        code = _command(arguments, interrupts or Interrupts())
    except UsageError as error:
        print(f"ovbench-coord: {one_line(str(error))}", file=sys.stderr)
        code = ExitCode.USAGE
    except Unwritable as error:
        print(f"ovbench-coord: {one_line(str(error))}", file=sys.stderr)
        code = ExitCode.UNWRITABLE
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except OSError as error:
        if error.errno not in _UNPRINTABLE or error.filename is not None:
            raise
        if error.errno != errno.EPIPE:  # the reader of stdout has gone, as in `| head`
            print(f"ovbench-coord: what it prints cannot be written: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still to be flushed goes nowhere
        code = ExitCode.UNWRITABLE
    sys.exit(code)


def _open_what_is_closed() -> None:
    """Where standard streams are closed, as by `>&-`, what is opened next would get their numbers."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number
    sys.stdout = sys.stdout or os.fdopen(1, "w")
    sys.stderr = sys.stderr or os.fdopen(2, "w")


def _command(arguments: Sequence[str], interrupts: Interrupts) -> ExitCode:
    request = parse(arguments)
    if isinstance(request, ExportModel):
        write_builtin(request.name, request.file)
        print(one_line(f"{request.file} and {request.file.with_suffix('.bin').name} written"))
        return ExitCode.VALID
    if isinstance(request, ShowTopology):
        return _topology(request)
    if isinstance(request, StudyRequest):
        from .study import run_study

        return run_study(request, _read_machine(request.sysfs), interrupts, ("ovbench-coord", *arguments))
    if isinstance(request, SavedRequest):
        from .revisit import revisit

        return revisit(request)
    topology = _read_machine(request.sysfs)
    plan = make_plan(request, topology)
    if request.dry_run:
        return _show_plan(request, plan, topology)
    if request.launch.agent_python is not None:
        from ..launch.interpreter import examine

        examine(request.launch.agent_python)
    check_limits(len(plan.jobs))
    # From here on the agents' common process loads, while the rest of this one does.
    launcher: Launcher = (
        LocalLauncher(request.launch.agent_python) if request.launch.launcher == "local" else ExternalLauncher()
    )
    from ..run.command import run

    try:
        return run(request, plan, topology, launcher, interrupts, ("ovbench-coord", *arguments))
    finally:
        launcher.close()


def _topology(request: ShowTopology) -> ExitCode:
    if request.record is not None:
        print(one_line(f"{record_tree(request.record)} files written to {request.record}"))
        return ExitCode.VALID
    topology = _read_machine(request.sysfs)
    from ..report.console import SafeConsole
    from ..report.topology import print_topology, topology_json

    if request.json:
        print(json.dumps(topology_json(topology), indent=2))
    else:
        print_topology(SafeConsole(), topology)
    return ExitCode.VALID


def _read_machine(tree: Path | None) -> Topology:
    """This machine, or a recorded one; an error if nothing of that may be used, which no process can have recorded."""
    topology = read_topology() if tree is None else read_topology(tree)
    if not topology.allowed:
        raise UsageError(
            f"--sysfs {tree}: no CPU that is online may be used; compare cpu/online, Cpus_allowed_list in "
            "proc/self/status and the cpuset in sys/fs/cgroup"
        )
    return topology


def _show_plan(request: Request, plan: Plan, topology: Topology) -> ExitCode:
    from ..checks.placement import find_in_plan

    findings = tuple(find_in_plan(plan, topology))
    if request.output.json:
        assignments = [_assignment(index, job, topology) for index, job in enumerate(plan.jobs)]
        problems = [{"code": f.code, "severity": f.severity, "message": f.message} for f in findings]
        housekeeping = list(plan.housekeeping)
        print(json.dumps({"assignments": assignments, "housekeeping": housekeeping, "findings": problems}, indent=2))
    else:
        from ..report.console import SafeConsole
        from ..report.text import print_plan

        print_plan(SafeConsole(), plan, topology, findings)
    return ExitCode.VALID


def _assignment(index: int, job: Job, topology: Topology) -> dict[str, object]:
    socket, node = home(topology, job.placement.cpus)
    return {
        "agent": index,
        "cpus": list(job.placement.cpus),
        "node": node,
        "socket": socket,
        "memory": None if job.placement.memory is None else job.placement.memory.text,
        "streams": job.runtime.streams,
        "threads": job.runtime.threads,
        "nireq": job.runtime.requests,
        "iterations": job.load.iterations,
    }


if __name__ == "__main__":
    main()
