"""A run of its own from its plan to its report and files, for whoever follows it: a terminal, or a program."""

import contextlib
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

from ovbench.common.clock import monotonic_ns, utc_text
from ovbench.common.errors import ExitCode

from ..plan.plan import Plan
from ..request.config import config_json
from ..request.paths import STDOUT
from ..request.request import Request
from ..result.report import Report
from ..run.exitcode import exit_code
from ..run.measure import PlannedRun, measure
from ..run.site import LocalSite, Site
from ..session.events import Concluded, Event, RunPlanned, Sink, WarmingUp
from ..session.record import RunRecord
from ..session.session import Bus
from ..store.files import Folder
from ..store.reportfolder import Notices, ReportFolder, open_folder
from .launching import Launched
from .verb import Call
from .watching import watching


class Audience(Sink, Notices, Protocol):
    """Who follows a run. All but `handle` are called while no agent waits."""

    @property
    def keeps(self) -> bool:
        """Whether the report is to be in a folder, also where none was named."""

    def begin(self, request: Request) -> None:
        """Before anything else."""

    def step(self, number: int, note: str = "", more: str = "") -> None: ...

    def close(self) -> None:
        """No event comes any more."""

    def unheard(self, text: str) -> None:
        """After `close`: what this sink failed with."""

    def show(self, report: Report, kept: bool) -> None:
        """`kept`: it is in its folder, or need not be."""


@dataclass(frozen=True)
class Conducted:
    """A run that has ended. `folder`: where its report is kept, None where it is not; `problem` is why it could not be.
    `whole`: with all files beside it that were asked for."""

    report: Report
    interrupted: bool
    folder: Path | None
    problem: str
    whole: bool

    @property
    def code(self) -> ExitCode:
        return exit_code(self.report, self.interrupted, not self.problem, self.whole)


def conducted(audience: Audience, request: Request, call: Call, ready: Launched | None) -> Conducted:
    """`ready`: of a run on this host. Raises UsageError where it cannot be; nothing has been measured then."""
    if ready is not None:
        bus = Bus.open(ready.launcher, call.interrupts, request.launch.bind)
        return conduct(audience, request, ready.plan, LocalSite(ready.topology), bus, call.command)
    from .remote import joined, read_ahead

    read_ahead([request])
    with joined(request.launch, call) as site:
        opening = site.bus(request.launch, call.interrupts)
        return conduct(audience, request, site.plan(request), site, opening, call.command)


def conduct(
    audience: Audience,
    request: Request,
    plan: Plan,
    site: Site,
    bus: contextlib.AbstractContextManager[Bus],
    command: tuple[str, ...],
) -> Conducted:
    """`bus`: by which the plan's agents are reached, to be opened when there is something to show. Raises UsageError
    where the job is wrong, and Unwritable where the report cannot be kept; nothing has been measured then."""
    if request.output.html or request.output.plots is not None:
        from ..report.html.vega import library

        library()
    planned = PlannedRun(request, plan, site, utc_text(), command, counted=request.output.watchers.any)
    found = _folder(audience, planned)
    audience.begin(request)
    folder = ReportFolder(found, audience)
    where = f" on {len(set(plan.host_names.values()))} hosts" if plan.host_names else ""
    audience.step(1, more=f"{request.model.source}, {len(plan.jobs)} agent{'s' if len(plan.jobs) != 1 else ''}{where}")
    with contextlib.ExitStack() as until_told:
        try:
            watched = until_told.enter_context(watching(request.output.watchers, request.criteria.thresholds))
            watched.sinks.join(audience)
            for note in watched.notes:
                audience.say(note)
            watched.handle(_planned_run(planned))
            with bus as opened:
                record, crew = measure(opened, planned, _ReadAhead(watched))
                opened.release(crew)
        except BaseException:  # also KeyboardInterrupt, while other hosts were made ready
            folder.take_back()
            raise
        finally:
            audience.close()
        watched.sinks.leave(audience)
        audience.step(11)
        from ..run.assemble import report_of

        report = report_of(record, folder.save_samples if folder.kept else None)
        folder.make_room(report)
        _save(report, record, folder)
        watched.handle(_concluded(report, folder.report_file if folder.kept else None))
        for failure in watched.sinks.unheard:
            audience.unheard(failure.text)
        if problem := watched.finish():
            folder.missing(problem)
        if folder.report_file:
            audience.say(folder.report_file)
        audience.show(report, not folder.problem)
        _save_pages(report, request, folder)
    return Conducted(report, record.interrupted, folder.path, folder.problem, folder.whole)


@dataclass(frozen=True)
class _ReadAhead:
    """What makes the report of a record takes a tenth of a second to load: that is done in the warm-up, which nobody
    waits for and nothing is measured in, not before the agents start."""

    sink: Sink

    def handle(self, event: Event) -> None:
        self.sink.handle(event)
        if isinstance(event, WarmingUp):
            for module in ("..run.assemble", "..report.benchmark_app"):
                import_module(module, __package__)


def _planned_run(planned: PlannedRun) -> RunPlanned:
    request, plan = planned.request, planned.plan
    return RunPlanned(
        monotonic_ns(),
        ovbench=version("ovbench"),
        command=planned.command,
        started_at=planned.started_at,
        model=request.model.source,
        agents=len(plan.jobs),
        hosts=tuple(dict.fromkeys(plan.host_names.values())),
        warmup_s=request.load.warmup_s,
        duration_s=request.load.duration_s,
    )


def _concluded(report: Report, file: str | None) -> Concluded:
    latency = report.latency_ms
    return Concluded(
        monotonic_ns(),
        status=report.validity.status,
        because=report.validity.because,
        fps=None if report.throughput is None else report.throughput.fps,
        median_ms=None if latency is None else latency.median,
        p99_ms=None if latency is None else latency.p99,
        report=file,
    )


def _folder(audience: Audience, planned: PlannedRun) -> Folder | None:
    """None where nothing is to be kept. Raises UsageError, and Unwritable."""
    output = planned.request.output
    if output.report_folder is None and not audience.keeps:
        return None
    model = planned.request.model.source
    return open_folder(output.report_folder, planned.started_at, model, overwrite=output.overwrite)


def _save(report: Report, record: RunRecord, folder: ReportFolder) -> None:
    """The report first: what is beside it may fail."""
    from ..report.benchmark_app import benchmark_files

    request = record.request
    folder.save_report(report)
    folder.save_files("-report_type", partial(benchmark_files, report, request))
    if request.output.dump_config is not None:
        asked = config_json(record.plan.jobs[0].runtime.properties())
        folder.save_named("-dump_config", request.output.dump_config, asked, "the properties asked for are")
    markdown = request.output.markdown
    if markdown is not None and markdown != STDOUT:
        from ..report.markdown.run import run_markdown

        folder.save_named("--markdown", markdown, run_markdown(report).encode(), "the Markdown is")
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
