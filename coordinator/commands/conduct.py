"""A run of its own from its plan to the exit code: what the user sees of it, and its files."""

import contextlib
from functools import partial

from ovbench.common.clock import utc_text
from ovbench.common.errors import ExitCode, Unwritable, UsageError

from ..plan.plan import Plan
from ..report.benchmark_app import benchmark_files
from ..report.console import SteadyConsole, print_aside
from ..report.live import Screen
from ..report.text import print_report
from ..request.config import config_json
from ..request.request import Request
from ..result.report import Report, to_json
from ..run.assemble import report_of
from ..run.exitcode import exit_code
from ..run.measure import PlannedRun, measure
from ..run.site import Site
from ..session.events import Fanout
from ..session.record import RunRecord
from ..session.session import Bus
from ..store.reportfolder import ReportFolder, open_folder
from .stdout import print_bytes


def conduct(
    request: Request,
    plan: Plan,
    site: Site,
    bus: contextlib.AbstractContextManager[Bus],
    command: tuple[str, ...],
) -> ExitCode:
    """`bus`: by which the plan's agents are reached, to be opened when there is something to show. Raises UsageError
    where the job is wrong; nothing has been measured then."""
    if request.output.html or request.output.plots is not None:
        from ..report.html.vega import library

        library()
    planned = PlannedRun(request, plan, site, utc_text(), command)
    found = open_folder(request.output.report_folder, planned.started_at, request.model.source)
    # Where the report is to go to stdout, it is alone there.
    console = SteadyConsole(stderr=request.output.json or isinstance(found, Unwritable))
    console.detach()
    screen = Screen(console, request)
    sinks = Fanout(screen)
    folder = ReportFolder(found, screen)
    where = f" on {len(set(plan.host_names.values()))} hosts" if plan.host_names else ""
    screen.step(1, more=f"{request.model.source}, {len(plan.jobs)} agent{'s' if len(plan.jobs) != 1 else ''}{where}")
    if folder.problem:
        screen.warn(f"{folder.problem}; the report will go to stdout")
    try:
        with bus as opened:
            record, crew = measure(opened, planned, sinks)
            opened.release(crew)
    except (UsageError, KeyboardInterrupt):  # the latter while other hosts were made ready
        folder.take_back()
        raise
    finally:
        screen.close()
    screen.step(11)
    report = report_of(record, folder.save_samples if folder.kept else None)
    _save(report, record, folder)
    for failure in sinks.unheard:
        print_aside(failure.text)
    screen.say(folder.report_file)
    console.attach()
    print_report(console, report)
    if request.output.json or not folder.kept:
        print_bytes(to_json(report))
    _save_pages(report, request, folder)
    return exit_code(report, record.interrupted, folder.kept, folder.whole)


def _save(report: Report, record: RunRecord, folder: ReportFolder) -> None:
    """The report first: what is beside it may fail."""
    request = record.request
    folder.save_report(report)
    folder.save_files("-report_type", partial(benchmark_files, report, request))
    if request.output.dump_config is not None:
        asked = config_json(record.plan.jobs[0].runtime.properties())
        folder.save_named("-dump_config", request.output.dump_config, asked, "the properties asked for are")
    file = request.output.exec_graph_path
    if file is None:
        return
    graph = b"".join(piece.data for piece in record.agents[0].graph)
    if graph:
        folder.save_named("-exec_graph_path", file, graph, "the executed graph is")
    else:
        folder.missing(f"-exec_graph_path {file}: nothing was written, as no executed graph came from agent 0")


def _save_pages(report: Report, request: Request, folder: ReportFolder) -> None:
    """The report is kept and on screen already: what goes wrong with its pictures is a warning."""
    if not (request.output.html or request.output.plots is not None):
        return
    from ..report.html.runpage import run_files

    draw = partial(run_files, report, request.output.html, request.output.plots)
    folder.save_files("no pictures of the report", draw, announce=True)
