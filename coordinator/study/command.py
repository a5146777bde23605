"""The command `ovbench-coord study`: from a request to a folder with trials, and the answer."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final

from ovbench.common.errors import ExitCode, UsageError
from ovbench.common.topology import Topology

from .. import store
from ..launch.local import LocalLauncher
from ..report.live import SteadyConsole
from ..report.studylive import StudyScreen, print_trials
from ..session import Bus, Interrupts
from .answer import answer, answer_json
from .design import REPETITIONS, design, trials
from .fingerprint import changes, fingerprint
from .folder import StudyFolder
from .record import Outcome, Study
from .request import StudyRequest
from .runner import Prepared, Runner, estimate_s, prepare

_URGENCY: Final = {"FAILED": ExitCode.PARTIAL, "PARTIAL": ExitCode.PARTIAL, "INVALID": ExitCode.INVALID}


def run_study(request: StudyRequest, topology: Topology, command: Sequence[str]) -> ExitCode:
    """Raises UsageError where the study cannot be; nothing has been measured then."""
    console = SteadyConsole(stderr=request.json)
    if request.resume is not None:
        folder = StudyFolder(request.resume)
        study = folder.study()
        folder.mend()
        prepared = prepare(folder.left(study), topology)
        _check_unchanged(request, study, topology)
    else:
        study, prepared = _planned(request, topology, command)
        folder = None
    if request.dry_run:
        print_trials(console, study, [one.trial for one in prepared], estimate_s(prepared))
        if request.json:
            _print_json([{"trial": one.trial.id, "argv": one.trial.argv} for one in prepared])
        return ExitCode.VALID
    try:
        folder = folder or _new_folder(request, study)
        with folder.held():
            return _run(request, study, folder, prepared, topology, console)
    except store.Unwritable as problem:
        print(f"ovbench-coord: {problem}", file=sys.stderr)
        return ExitCode.UNWRITABLE


def _planned(request: StudyRequest, topology: Topology, command: Sequence[str]) -> tuple[Study, tuple[Prepared, ...]]:
    plan = design(request.kind, request.settings, topology, request.sides)
    repetitions = request.repetitions or REPETITIONS[request.kind]
    order = trials(plan, repetitions, request.order_seed)
    prepared = prepare(order, topology)
    study = Study(
        ovbench=version("ovbench"),
        kind=request.kind,
        created_at=datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        command=tuple(command),
        seed=request.order_seed,
        repetitions=repetitions,
        axes=plan.axes,
        trials=order,
        fingerprint=fingerprint((one.options for one in prepared), topology),
        p99_limit_ms=request.p99_limit_ms,
    )
    return study, prepared


def _check_unchanged(request: StudyRequest, study: Study, topology: Topology) -> None:
    """Of all models of the study, also those whose trials have ended."""
    everything = prepare(study.trials, topology)
    changed = list(changes(study.fingerprint, fingerprint((one.options for one in everything), topology)))
    if changed and not request.accept_changes:
        raise UsageError(
            f"--resume {request.resume}: since the study began this has changed: {'; '.join(changed)}; its trials "
            "would not be comparable; begin another study, or add --accept-changes"
        )


def _new_folder(request: StudyRequest, study: Study) -> StudyFolder:
    made = store.make_folder(request.folder, study.created_at, f"study-{study.kind}")
    folder = StudyFolder(made.path)
    folder.create(study)
    return folder


def _run(
    request: StudyRequest,
    study: Study,
    folder: StudyFolder,
    prepared: Sequence[Prepared],
    topology: Topology,
    console: SteadyConsole,
) -> ExitCode:
    screen = StudyScreen(console, len(study.trials))
    screen.say(f"{len(prepared)} of {len(study.trials)} trials, in {folder.path}")
    runner = Runner(study, folder, topology, screen)
    if prepared:
        # In the main thread: the kernel's word of its end follows the thread that starts agents.
        launcher = LocalLauncher()
        try:
            with Bus.open(launcher, Interrupts(launcher), None) as bus:
                runner.run(bus, prepared)
        finally:
            screen.close()
            launcher.close()
    outcomes = folder.outcomes()
    _conclude(request, study, folder, outcomes, console)
    if runner.interrupted:
        screen.say(f"interrupted; ovbench-coord study --resume {folder.path} goes on with it")
        return ExitCode.INTERRUPTED
    return _verdict(outcomes)


def _conclude(
    request: StudyRequest, study: Study, folder: StudyFolder, outcomes: Sequence[Outcome], console: SteadyConsole
) -> None:
    """The answer on screen and as a page. The trials are kept already: what goes wrong with the page is told."""
    from ..report.html.studypage import study_files
    from ..report.study import print_study

    if not outcomes:
        return
    print_study(console, study, outcomes)
    if request.json:
        sys.stdout.buffer.write(answer_json(answer(study, outcomes)))
        sys.stdout.flush()
    try:
        files = study_files(study, outcomes, folder.reports(), request.plots)
        store.write_files(folder.path, files)
        text = f"{', '.join(files)} in {folder.path}"
    except (store.Unwritable, ValueError, UsageError) as problem:
        text = f"no report.html: {problem}"
    console.print(text, highlight=False, soft_wrap=True)


def _verdict(outcomes: Sequence[Outcome]) -> ExitCode:
    """The most urgent of the trials' own."""
    codes = [_URGENCY[outcome.status] for outcome in outcomes if outcome.status in _URGENCY]
    return ExitCode.PARTIAL if ExitCode.PARTIAL in codes else ExitCode.INVALID if codes else ExitCode.VALID


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2) + "\n")
    sys.stdout.flush()
