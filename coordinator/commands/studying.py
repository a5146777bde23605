"""A study from its plan to its answer and files, for whoever follows it: a terminal, or a program."""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Protocol

from msgspec import structs

from ovbench.common.clock import monotonic_ns, utc_text
from ovbench.common.errors import ExitCode, Unwritable, UsageError

from ..launch.environments import make, published
from ..machine.limits import check_limits
from ..request.paths import STDOUT
from ..request.release import between, newest_of
from ..result.study import ANSWER_FILE, RETRY_SUSPECT, Fingerprint, Outcome, Study
from ..run.site import Site
from ..session.events import Sink
from ..store import files as store
from ..study.answer import Answer, answer_json
from ..study.events import StudyPlanned
from ..study.fingerprint import changes, fingerprint
from ..study.folder import StudyFolder
from ..study.kinds.failif import FAIL_IF, check_conditions
from ..study.kinds.kind import Kind
from ..study.kinds.registry import KINDS
from ..study.request import StudyRequest
from ..study.runner import PlacedTrial, PlannedStudy, Runner, prepare
from .verb import Call
from .watching import Watching, watching

_URGENCY: Final = {"FAILED": ExitCode.PARTIAL, "PARTIAL": ExitCode.PARTIAL, "INVALID": ExitCode.INVALID}


class StudyAudience(Sink, Protocol):
    """Who follows a study. All but `handle` are called while no agent waits."""

    def begin(self, ended: Sequence[Outcome], text: str) -> None:
        """`ended`: trials that ended before, where a study goes on. `text`: how many are left."""

    def detach(self) -> None:
        """From now on agents rely on who calls: nothing may wait."""

    def close(self) -> None:
        """No event comes any more."""

    def unheard(self, text: str) -> None:
        """After `close`: what this sink failed with."""

    def show(self, study: Study, answer: Answer, outcomes: Sequence[Outcome]) -> None: ...

    def say(self, text: str) -> None: ...

    def warn(self, text: str) -> None:
        """Why it ended early in the sense that its trials would not be comparable."""


@dataclass(frozen=True)
class ConductedStudy:
    """A study that has ended. `left`: why it ended before its plan did, or its page is missing; empty where it is
    whole."""

    study: Study
    outcomes: tuple[Outcome, ...]
    answer: Answer
    folder: Path
    code: ExitCode
    left: str = ""

    @property
    def interrupted(self) -> bool:
        return self.code == ExitCode.INTERRUPTED


def planned_study(
    request: StudyRequest, site: Site, command: Sequence[str]
) -> tuple[Study, tuple[PlacedTrial, ...], Sequence[PlacedTrial]]:
    """The plan, its trials, and those of them that are left. Raises UsageError where the study cannot be."""
    if request.resume is not None:
        planned = _resumed(request, StudyFolder(request.resume), site)
        return planned.study, planned.trials, planned.left(planned.first())
    study, trials = _planned(request, site, command)
    return study, trials, trials


def conducted_study(request: StudyRequest, call: Call, site: Site, audience: StudyAudience) -> ConductedStudy:
    """Raises UsageError where the study cannot be; nothing has been measured then. Raises Unwritable where a trial
    cannot be saved, or the folder cannot be made."""
    if request.plots is not None:
        from ..report.html.vega import library

        library()  # said before the trials, not after them
    with watching(request.watchers) as watched:
        if request.resume is not None:
            return _resume(request, StudyFolder(request.resume), site, call, audience, watched)
        return _begin(request, site, call, audience, watched)


def _begin(request: StudyRequest, site: Site, call: Call, audience: StudyAudience, watched: Watching) -> ConductedStudy:
    study, trials = _planned(request, site, call.command, audience.say)
    folder = StudyFolder(store.make_folder(request.folder, study.created_at, f"study-{study.kind}").path)
    with folder.held():
        folder.create(study)
        return _run(PlannedStudy(request, study, folder, site, trials), call, audience, watched)


def _resumed(
    request: StudyRequest, folder: StudyFolder, site: Site, say: Callable[[str], None] | None = None
) -> PlannedStudy:
    """`say`: what is done to make what its trials need; None: nothing is made."""
    known = folder.study()
    trials = prepare(known.trials, site)
    _provide(trials, say)
    study = _as_it_is_now(request, known, trials, site)
    redo = ("PARTIAL", "FAILED") if request.retry_failed else ()
    return PlannedStudy(request, study, folder, site, trials, redo)


def _resume(
    request: StudyRequest, folder: StudyFolder, site: Site, call: Call, audience: StudyAudience, watched: Watching
) -> ConductedStudy:
    known = folder.study()
    planned = _resumed(request, folder, site, audience.say)
    with folder.held():
        # What is left is known only when nobody else can be running it.
        folder.mend()
        if planned.study != known:
            folder.plan(planned.study)
        if request.p99_limit_ms is not None:
            planned = replace(planned, study=structs.replace(planned.study, p99_limit_ms=request.p99_limit_ms))
        return _run(planned, call, audience, watched)


def _provide(trials: Sequence[PlacedTrial], say: Callable[[str], None] | None) -> None:
    releases = [release for one in trials if (release := one.request.launch.openvino) is not None]
    if say is not None and releases:
        make(tuple(dict.fromkeys(releases)), say)


def _with_builds(kind: Kind, own: Mapping[str, Any]) -> Mapping[str, Any]:
    """With the releases that were published from the first to the last one, where the kind goes through them."""
    span = kind.span(own)
    if span is None:
        return own
    known = published()
    ends = [newest_of(release, known) for release in span]
    for release, build in zip(span, ends, strict=True):
        if build is None:
            series = ", ".join(dict.fromkeys(".".join(one.split(".")[:2]) for one in known))
            raise UsageError(f"study {kind.name}: there is no release {release} for this Python; there are {series}")
    return {**own, "builds": between(ends[0] or "", ends[1] or "", known)}


def _planned(
    request: StudyRequest, site: Site, command: Sequence[str], say: Callable[[str], None] | None = None
) -> tuple[Study, tuple[PlacedTrial, ...]]:
    """`say`: what is done to make what its trials need; None: nothing is made."""
    kind = KINDS[request.kind]
    own = _with_builds(kind, request.own)
    plan = kind.design(request.axes, site.topology, own)
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
        fingerprint=Fingerprint({}, {}),
        p99_limit_ms=request.p99_limit_ms,
        retry_suspect=RETRY_SUSPECT if request.retry_suspect is None else request.retry_suspect,
        at_rate=plan.at_rate,
        noise=site.noise,
    )
    study = kind.planned(study, own)  # refuses what cannot be, so before anything is made
    _provide(prepared, say)
    known = fingerprint((one.request for one in prepared), site.topology, site.machine)
    return structs.replace(study, fingerprint=known), prepared


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
    if given and FAIL_IF not in kind.card.flags:
        raise UsageError(f"{FAIL_IF.name} {FAIL_IF.elsewhere.format(kind=study.kind)}; leave it out")
    check_conditions(given, study)
    return structs.replace(study, fail_if=tuple(given)) if given else study


def _run(planned: PlannedStudy, call: Call, audience: StudyAudience, watched: Watching) -> ConductedStudy:
    folder = planned.folder
    first = planned.first()
    more = "; others follow from these" if planned.kind.foreseen(planned.study) else ""
    text = f"{len(planned.left(first))} of {len(planned.trials)} trials, in {folder.path}{more}"
    audience.begin(planned.kind.standing(planned.study, folder.outcomes()), text)
    for note in watched.notes:
        audience.say(note)
    watched.sinks.join(audience)
    runner = Runner(planned, watched)
    if first is not None:
        check_limits(max(len(one.plan.jobs) for one in planned.trials))
        watched.handle(_planned_study(planned, len(planned.left(first))))
        audience.detach()
        try:
            runner.conduct(planned.site.bus(planned.trials[0].request.launch, call.interrupts), first)
        except Unwritable as problem:
            raise Unwritable(f"{problem}; when it can be written, {_how(folder)}") from None
        finally:
            audience.close()
    for failure in watched.sinks.unheard:
        audience.unheard(failure.text)
    study, outcomes = runner.planned.study, folder.outcomes()
    answer = planned.kind.conclude(study, outcomes)
    audience.show(study, answer, outcomes)
    unwatched = watched.finish()
    if unwatched:
        audience.warn(unwatched)
    missing = _save(runner.planned, outcomes, answer, audience) or unwatched

    def ended(code: ExitCode, left: str = "") -> ConductedStudy:
        return ConductedStudy(study, outcomes, answer, folder.path, code, left)

    if study.stopped:
        again = f"begin another study, or keep to this one by {_resume_words(folder)} --accept-changes"
        audience.warn(f"{study.stopped}; {again}")
        return ended(ExitCode.INVALID, f"{study.stopped}; {again}")
    if runner.interrupted or runner.broken:
        left = f"{runner.broken or 'interrupted'}; {_how(folder)}"
        audience.say(left)
        return ended(ExitCode.INTERRUPTED if runner.interrupted else ExitCode.PARTIAL, left)
    if runner.refused:
        audience.warn(runner.refused)
        return ended(ExitCode.USAGE, runner.refused)
    if missing:
        return ended(ExitCode.UNWRITABLE, missing)
    return ended(_verdict(planned.kind, planned.kind.standing(study, outcomes), answer))


def _planned_study(planned: PlannedStudy, left: int) -> StudyPlanned:
    study = planned.study
    return StudyPlanned(
        monotonic_ns(), study.ovbench, study.command, study.kind, str(planned.folder.path), len(planned.trials), left
    )


def _how(folder: StudyFolder) -> str:
    return f"{_resume_words(folder)} goes on with it"


def _resume_words(folder: StudyFolder) -> str:
    return f"ovbench-coord study --resume {shlex.quote(str(folder.path))}"


def _save(planned: PlannedStudy, outcomes: Sequence[Outcome], answer: Answer, audience: StudyAudience) -> str:
    """The answer and its page; why a file could not be written, else empty. The trials are kept already."""
    from ..report.html.studypage import study_files

    request, study, folder = planned.request, planned.study, planned.folder
    if not outcomes:
        return ""
    data = answer_json(answer)
    store.write_own_file(folder.path / ANSWER_FILE, lambda stream: stream.write(data))
    unwritten = _save_markdown(request, study, answer, audience)
    try:
        files = study_files(study, outcomes, folder.reports(), request.plots, answer)
        store.write_files(folder.path, files)
    except (Unwritable, ValueError, UsageError) as problem:
        text = f"no report.html: {problem}"
        audience.say(text)
        # Without the extra there is none, unless it was asked for.
        return text if isinstance(problem, Unwritable) else unwritten
    audience.say(f"{', '.join((*files, ANSWER_FILE))} in {folder.path}")
    return unwritten


def _save_markdown(request: StudyRequest, study: Study, answer: Answer, audience: StudyAudience) -> str:
    """Why it could not be written, else empty. On stdout it is the terminal's."""
    if request.markdown is None or request.markdown == STDOUT:
        return ""
    from ..report.markdown.study import study_markdown

    try:
        store.write_named(request.markdown, study_markdown(study, answer).encode())
    except Unwritable as problem:
        audience.warn(f"--markdown: {problem}")
        return f"--markdown: {problem}"
    audience.say(f"the Markdown is in {request.markdown}")
    return ""


def _verdict(kind: Kind, outcomes: Sequence[Outcome], answer: Answer) -> ExitCode:
    """That of a condition that came true, else the most urgent of the trials' own."""
    if any(one.fails for one in answer.gate):
        return ExitCode.INVALID
    if (own := kind.code(answer)) is not None:
        return own
    bad = [outcome for outcome in outcomes if outcome.status in _URGENCY and not kind.intended(outcome)]
    codes = [_URGENCY[outcome.status] for outcome in bad]
    return ExitCode.PARTIAL if ExitCode.PARTIAL in codes else ExitCode.INVALID if codes else ExitCode.VALID
