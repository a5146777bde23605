"""One run from plan to report: session, merge, checks, files, and what the user sees of it."""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

from msgspec import structs

from ovbench.common.digests import known, model_files
from ovbench.common.errors import ExitCode, Unwritable, UsageError
from ovbench.common.topology import Topology

from ..analysis.merge import Merged, merge
from ..launch import Launcher
from ..launch.interpreter import examine
from ..machine.inspection import read_environment
from ..machine.neighbours import Neighbours
from ..machine.sensors import make_sensors
from ..machine.survey import Survey
from ..machine.utilization import Meter, cpu_reader
from ..plan.plan import Plan
from ..report.benchmark_app import benchmark_files
from ..report.live import Screen, SteadyConsole
from ..report.text import print_report
from ..request.config import config_json
from ..request.request import Request
from ..result.report import Report, Status, to_json
from ..result.study import STUDY_FILE
from ..session.crew import Crew
from ..session.interrupts import Interrupts
from ..session.record import AgentRecord, RunRecord
from ..session.rules import Rules
from ..session.session import Bus, Session, Watcher
from ..session.snapshot import Tracker
from ..store import files as store
from .assemble import build_report, recorded

_LEASE_S: Final = {"local": 10.0, "external": 3.0}
"""Local agents die with the coordinator by the kernel's hand, so that theirs is only for one that hangs: on a machine
with far more load than CPUs it was seen not to be run for 3 s."""

_CODES: Final[Mapping[Status, ExitCode]] = {
    "VALID": ExitCode.VALID,
    "SUSPECT": ExitCode.VALID,  # with --strict its warnings have made it INVALID
    "INVALID": ExitCode.INVALID,
    "PARTIAL": ExitCode.PARTIAL,
}


@dataclass(frozen=True)
class _Destination:
    """Where the files go, or why they cannot."""

    folder: store.Folder | None
    problem: str = ""

    @property
    def path(self) -> Path | None:
        return None if self.folder is None else self.folder.path


@dataclass
class _Files:
    """What is written beside the report; `whole`: all that was asked for."""

    screen: Screen
    whole: bool = True

    def write(self, flag: str, write: Callable[[], str]) -> None:
        """`write` returns a line for the screen, or none. What cannot be written is a warning, and in the exit code."""
        try:
            said = write()
        except (Unwritable, ValueError, UsageError) as problem:
            self.failed(f"{flag}: {problem}")
            return
        if said:
            self.screen.say(said)

    def failed(self, why: str) -> None:
        self.screen.warn(why)
        self.whole = False


def run(
    request: Request,
    plan: Plan,
    topology: Topology,
    launcher: Launcher,
    interrupts: Interrupts,
    command: tuple[str, ...],
) -> ExitCode:
    """Raises UsageError where the job is wrong; nothing has been measured then."""
    if request.output.html or request.output.plots is not None:
        from ..report.html.vega import library

        library()
    started_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    interrupts.attend(launcher.abandon)
    if plan.housekeeping:
        os.sched_setaffinity(0, plan.housekeeping)
    place = _place(request, started_at)
    # Where the report is to go to stdout, it is alone there.
    console = SteadyConsole(stderr=request.output.json or place.path is None)
    console.detach()
    screen = Screen(console, request)
    screen.step(1, more=f"{request.model.source}, {len(plan.jobs)} agent{'s' if len(plan.jobs) != 1 else ''}")
    if place.problem:
        screen.warn(f"{place.problem}; the report will go to stdout")
    try:
        with Bus.open(launcher, interrupts, request.launch.bind) as bus:
            record, crew = measure(bus, request, plan, topology, screen, started_at, command)
            bus.release(crew)
    except UsageError:
        if place.folder is not None:
            place.folder.take_back()
        raise
    finally:
        screen.close()
    merged = merge_run(record)
    screen.step(11)
    files = _Files(screen)
    report = build_report(record, merged, _save_samples(request, place, record, merged, files))
    place = _save_report(place, report)
    _save_beside(request, place, report, files)
    _dump_config(request, plan, files)
    _save_graph(request, record, files)
    screen.say(str(place.path / store.REPORT_FILE) if place.path else f"{place.problem}; the report is on stdout")
    console.attach()
    print_report(console, report)
    if request.output.json or place.path is None:
        sys.stdout.buffer.write(to_json(report))
        sys.stdout.flush()
    _save_pages(request, place, report, files)
    return exit_code(report, record.interrupted, kept=place.path is not None, whole=files.whole)


def _place(request: Request, started_at: str) -> _Destination:
    wanted = request.output.report_folder
    if wanted is not None and (wanted / STUDY_FILE).exists():
        raise UsageError(f"--report-folder {wanted}: there is a study in it; name another folder")
    try:
        return _Destination(store.make_folder(wanted, started_at, request.model.source))
    except Unwritable as problem:
        return _Destination(None, str(problem))


def measure(
    bus: Bus,
    request: Request,
    plan: Plan,
    topology: Topology,
    watcher: Watcher,
    started_at: str,
    command: Sequence[str],
    crew: Crew | None = None,
    lease_s: float | None = None,
) -> tuple[RunRecord, Crew]:
    """One run, by agents of its own or by a whole `crew` that has delivered before; those that can still be reached
    are not released.

    Raises UsageError where the job is wrong; nothing has been measured then.
    """
    plan = knowing(plan, request)
    session = Session(
        plan=plan,
        interrupts=bus.interrupts,
        meter=Meter(cpu_reader(cpu.id for cpu in topology.cpus)),
        survey=Survey(
            Neighbours(frozenset(plan.measured_cpus), os.getpid()), make_sensors(topology, plan.measured_cpus)
        ),
        tracker=Tracker(plan.measured_cpus, request.load.duration_s),
        watcher=watcher,
        rules=Rules(
            join_s=request.launch.join_timeout_s,
            prepare_s=request.launch.prepare_timeout_s,
            lease_s=lease_s if lease_s is not None else _LEASE_S[request.launch.launcher],
        ),
        python=request.launch.agent_python,
        cpus=frozenset(cpu.id for cpu in topology.cpus) | frozenset(topology.offline),
    )
    agents, left = session.run(bus, crew)
    return _record(request, plan, topology, session, agents, started_at, command), left


def knowing(plan: Plan, request: Request) -> Plan:
    """With what is in the model's files, so that not every agent has to read all of them for it."""
    spec = plan.jobs[0].model
    if request.backend is not None or spec.builtin is not None:
        return plan
    read = known((*model_files(spec.source), *spec.extensions))
    return replace(plan, jobs=tuple(structs.replace(job, known=read) for job in plan.jobs))


def merge_run(record: RunRecord) -> Merged | None:
    """None where no agent delivered."""
    loads, request = recorded(record.agents), record.request
    return merge(loads, request.output.latency_percentile, by_group=request.output.pcseq) if loads else None


def _record(
    request: Request,
    plan: Plan,
    topology: Topology,
    session: Session,
    agents: tuple[AgentRecord, ...],
    started_at: str,
    command: Sequence[str],
) -> RunRecord:
    openvino = next((agent.ready.openvino for agent in agents if agent.ready is not None), "")
    python = None if request.launch.agent_python is None else examine(request.launch.agent_python)
    return RunRecord(
        request=request,
        plan=plan,
        topology=topology,
        agents=agents,
        readings=session.meter.readings,
        environment=read_environment(topology, plan.measured_cpus, openvino, python),
        started_at=started_at,
        command=tuple(command),
        version=version("ovbench"),
        interrupted=session.interrupted,
        dropped_messages=session.dropped_messages,
        spent=session.survey.neighbours.spent,
        sensors=session.survey.sensors.readings,
        governors=session.survey.sensors.governors,
    )


def _save_samples(
    request: Request, place: _Destination, record: RunRecord, merged: Merged | None, files: _Files
) -> str | None:
    """The file's name; None where it is not there."""
    folder = place.path
    if not request.output.save_samples or folder is None or merged is None:
        return None
    window, saved = merged.window, []

    def write() -> str:
        saved.append(store.write_samples(folder / store.SAMPLES_FILE, recorded(record.agents), window))
        return ""

    files.write("--save-samples", write)
    return store.SAMPLES_FILE if any(saved) else None


def _dump_config(request: Request, plan: Plan, files: _Files) -> None:
    file = request.output.dump_config
    if file is None:
        return
    data = config_json(plan.jobs[0].runtime.properties())

    def write() -> str:
        store.write_named(file, data)
        return f"the properties asked for are in {file}"

    files.write("-dump_config", write)


def _save_graph(request: Request, record: RunRecord, files: _Files) -> None:
    file = request.output.exec_graph_path
    if file is None:
        return
    graph = b"".join(piece.data for piece in record.agents[0].graph)
    if not graph:
        files.failed(f"-exec_graph_path {file}: nothing was written, as no executed graph came from agent 0")
        return

    def write() -> str:
        store.write_named(file, graph)
        return f"the executed graph is in {file}"

    files.write("-exec_graph_path", write)


def _save_report(place: _Destination, report: Report) -> _Destination:
    if place.path is None:
        return place
    try:
        store.write_files(place.path, {store.REPORT_FILE: to_json(report)})
    except Unwritable as problem:
        return _Destination(None, str(problem))
    return place


def _save_beside(request: Request, place: _Destination, report: Report, files: _Files) -> None:
    """benchmark_app's reports."""
    folder = place.path
    if folder is None:
        return

    def write() -> str:
        store.write_files(folder, benchmark_files(report, request))
        return ""

    files.write("-report_type", write)


def _save_pages(request: Request, place: _Destination, report: Report, files: _Files) -> None:
    """The report is kept already: what goes wrong with its pictures is a warning."""
    folder = place.path
    if folder is None or not (request.output.html or request.output.plots is not None):
        return
    from ..report.html.runpage import run_files

    def write() -> str:
        drawn = run_files(report, request.output.html, request.output.plots)
        store.write_files(folder, drawn)
        return f"{', '.join(drawn)} in {folder}"

    files.write("no pictures of the report", write)


def exit_code(report: Report, interrupted: bool, kept: bool, whole: bool = True) -> ExitCode:
    """The most urgent first: a report that was not kept is on stdout now or never. `whole`: with all files beside it
    that were asked for."""
    if not kept:
        return ExitCode.UNWRITABLE
    if interrupted:
        return ExitCode.INTERRUPTED
    if not whole:
        return ExitCode.UNWRITABLE
    code = _CODES[report.validity.status]
    met = all(requirement.met for requirement in report.requirements)
    return ExitCode.INVALID if code == ExitCode.VALID and not met else code
