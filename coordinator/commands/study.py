"""`study`: from a request to a folder with trials, and the answer."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Final

from msgspec import structs

from ovbench.common.clock import utc_text
from ovbench.common.errors import ExitCode, Unwritable, UsageError
from ovbench.common.printable import one_line

from ..machine.limits import check_limits
from ..report.console import SteadyConsole, print_aside
from ..report.studylive import StudyScreen, print_trials
from ..result.study import ANSWER_FILE, RETRY_SUSPECT, Outcome, Study
from ..run.site import Site
from ..session.events import Fanout
from ..session.interrupts import Interrupts
from ..store import files as store
from ..study.answer import Answer, answer_json
from ..study.fingerprint import changes, fingerprint
from ..study.folder import StudyFolder
from ..study.kinds.failif import FAIL_IF, check_blocks
from ..study.kinds.registry import KINDS
from ..study.request import StudyRequest
from ..study.runner import PlacedTrial, PlannedStudy, Runner, estimate_s, prepare
from .sites import sited
from .stdout import print_bytes, print_json
from .verb import Call

_URGENCY: Final = {"FAILED": ExitCode.PARTIAL, "PARTIAL": ExitCode.PARTIAL, "INVALID": ExitCode.INVALID}


def run_study(request: StudyRequest, call: Call) -> ExitCode:
    """Raises UsageError where the study cannot be; nothing has been measured then."""
    with sited(request, call) as site:
        return _study(request, call, site)


def _study(request: StudyRequest, call: Call, site: Site) -> ExitCode:
    if request.plots is not None:
        from ..report.html.vega import library

        library()  # said before the trials, not after them
    console = SteadyConsole(stderr=request.json)
    try:
        if request.resume is not None:
            return _resume(request, StudyFolder(request.resume), site, call.interrupts, console)
        study, trials = _planned(request, site, call.command)
        if request.dry_run:
            return _show_trials(request, study, trials, console)
        folder = StudyFolder(store.make_folder(request.folder, study.created_at, f"study-{study.kind}").path)
        with folder.held():
            folder.create(study)
            return _run(PlannedStudy(request, study, folder, site, trials), call.interrupts, console)
    except Unwritable as problem:
        print(f"ovbench-coord: {one_line(str(problem))}", file=sys.stderr)
        return ExitCode.UNWRITABLE


def _resume(
    request: StudyRequest, folder: StudyFolder, site: Site, interrupts: Interrupts, console: SteadyConsole
) -> ExitCode:
    known = folder.study()
    trials = prepare(known.trials, site)
    study = _as_it_is_now(request, known, trials, site)
    redo = ("PARTIAL", "FAILED") if request.retry_failed else ()
    planned = PlannedStudy(request, study, folder, site, trials, redo)
    if request.dry_run:
        return _show_trials(request, study, planned.left(planned.first()), console)
    with folder.held():
        # What is left is known only when nobody else can be running it.
        folder.mend()
        if study != known:
            folder.plan(study)
        if request.p99_limit_ms is not None:
            planned = replace(planned, study=structs.replace(study, p99_limit_ms=request.p99_limit_ms))
        return _run(planned, interrupts, console)


def _show_trials(
    request: StudyRequest, study: Study, prepared: Sequence[PlacedTrial], console: SteadyConsole
) -> ExitCode:
    if request.json:
        print_json([{"trial": one.trial.id, "argv": one.trial.argv} for one in prepared])
    else:
        print_trials(console, study, [one.trial for one in prepared], estimate_s(prepared))
    return ExitCode.VALID


def _planned(request: StudyRequest, site: Site, command: Sequence[str]) -> tuple[Study, tuple[PlacedTrial, ...]]:
    kind = KINDS[request.kind]
    plan = kind.design(request.axes, site.topology, request.own)
    repetitions = request.repetitions or kind.repetitions
    order = kind.trials(plan, repetitions, request.order_seed)
    prepared = prepare(order, site)
    study = Study(
        ovbench=version("ovbench"),
        kind=request.kind,
        created_at=utc_text(),
        command=tuple(command),
        seed=request.order_seed,
        repetitions=repetitions,
        axes=plan.axes,
        trials=order,
        fingerprint=fingerprint((one.request for one in prepared), site.topology, site.machine),
        p99_limit_ms=request.p99_limit_ms,
        retry_suspect=RETRY_SUSPECT if request.retry_suspect is None else request.retry_suspect,
    )
    return kind.planned(study, request.own), prepared


def _as_it_is_now(request: StudyRequest, study: Study, everything: Sequence[PlacedTrial], site: Site) -> Study:
    """With what has changed, of all its files, also those whose trials have ended. Raises UsageError unless it is
    accepted."""
    now = fingerprint((one.request for one in everything), site.topology, site.machine)
    changed = tuple(changes(study.fingerprint, now))
    if changed and not request.accept_changes:
        raise UsageError(
            f"--resume {request.resume}: since the study began this has changed: {'; '.join(changed)}; its trials "
            "would not be comparable; begin another study, or add --accept-changes"
        )
    rounds = study.retry_suspect if request.retry_suspect is None else request.retry_suspect
    accepted = (*study.accepted, *changed)
    study = structs.replace(study, fingerprint=now, accepted=accepted, retry_suspect=rounds, stopped="")
    return _with_conditions(request, study)


def _with_conditions(request: StudyRequest, study: Study) -> Study:
    """With other conditions than it was planned with, where some were given. Raises UsageError."""
    kind, given = KINDS[study.kind], request.own.get(FAIL_IF.dest, ())
    if given and FAIL_IF not in kind.flags:
        raise UsageError(f"{FAIL_IF.name} {FAIL_IF.elsewhere.format(kind=study.kind)}; leave it out")
    check_blocks(given, study.repetitions)
    return structs.replace(study, fail_if=tuple(given)) if given else study


def _run(planned: PlannedStudy, interrupts: Interrupts, console: SteadyConsole) -> ExitCode:
    folder = planned.folder
    screen = StudyScreen(console)
    screen.remember(planned.kind.standing(planned.study, folder.outcomes()))
    first = planned.first()
    screen.say(f"{len(planned.left(first))} of {len(planned.trials)} trials, in {folder.path}")
    sinks = Fanout(screen)
    runner = Runner(planned, sinks)
    if first is not None:
        check_limits(max(len(one.plan.jobs) for one in planned.trials))
        console.detach()
        try:
            runner.conduct(planned.site.bus(planned.trials[0].request.launch, interrupts), first)
        except Unwritable as problem:
            raise Unwritable(f"{problem}; when it can be written, {_how(folder)}") from None
        finally:
            screen.close()
            console.attach()
    for failure in sinks.unheard:
        print_aside(failure.text)
    study, outcomes = runner.planned.study, folder.outcomes()
    said = planned.kind.conclude(study, outcomes)
    whole = _conclude(runner.planned, outcomes, said, console)
    if study.stopped:
        print(
            f"ovbench-coord: {study.stopped}; begin another study, or keep to this one by {_resume_words(folder)} "
            "--accept-changes",
            file=sys.stderr,
        )
        return ExitCode.INVALID
    if runner.interrupted or runner.broken:
        screen.say(f"{runner.broken or 'interrupted'}; {_how(folder)}")
        return ExitCode.INTERRUPTED if runner.interrupted else ExitCode.PARTIAL
    return _verdict(planned.kind.standing(study, outcomes), said) if whole else ExitCode.UNWRITABLE


def _how(folder: StudyFolder) -> str:
    return f"{_resume_words(folder)} goes on with it"


def _resume_words(folder: StudyFolder) -> str:
    return f"ovbench-coord study --resume {shlex.quote(str(folder.path))}"


def _conclude(planned: PlannedStudy, outcomes: Sequence[Outcome], said: Answer, console: SteadyConsole) -> bool:
    """The answer on screen and as a page; False where a file could not be written. The trials are kept already."""
    from ..report.html.studypage import study_files
    from ..report.study import print_answer

    request, study, folder = planned.request, planned.study, planned.folder
    data = answer_json(said)
    if request.json:
        print_bytes(data)
    if not outcomes:
        return True
    print_answer(console, study, said)
    store.write_own_file(folder.path / ANSWER_FILE, lambda stream: stream.write(data))
    whole = True
    try:
        files = study_files(study, outcomes, folder.reports(), request.plots, said)
        store.write_files(folder.path, files)
        text = f"{', '.join((*files, ANSWER_FILE))} in {folder.path}"
    except (Unwritable, ValueError, UsageError) as problem:
        text = f"no report.html: {problem}"
        whole = not isinstance(problem, Unwritable)  # without the extra there is none, unless it was asked for
    console.print(text, highlight=False, soft_wrap=True, markup=False)
    return whole


def _verdict(outcomes: Sequence[Outcome], said: Answer) -> ExitCode:
    """That of a condition that came true, else the most urgent of the trials' own."""
    if any(one.fails for one in said.gate):
        return ExitCode.INVALID
    codes = [_URGENCY[outcome.status] for outcome in outcomes if outcome.status in _URGENCY]
    return ExitCode.PARTIAL if ExitCode.PARTIAL in codes else ExitCode.INVALID if codes else ExitCode.VALID
