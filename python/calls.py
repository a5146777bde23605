"""run, study, load and compare: each is what the command of that name does, without a terminal.

Options are the flags of the command line, by the names that `requested` of report.json has (`nstreams`, `nireq`,
`cpus_per_agent`), with the unit where there is one (`duration_s`, `warmup_s`, `timeout_ms`); see `options`. A flag's
other spellings are taken, too. Texts are as on the command line, so "0-3" are CPUs and "1..8" a range of a study.
"""

import os
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ovbench.common.errors import ExitCode, UsageError
from ovbench.coordinator.commands.launching import launched
from ovbench.coordinator.commands.verb import Call
from ovbench.coordinator.request.commandline import parse_run
from ovbench.coordinator.request.flags import FLAGS
from ovbench.coordinator.request.keywords import argv_of
from ovbench.coordinator.request.paths import STDOUT
from ovbench.coordinator.request.request import Request
from ovbench.coordinator.session.events import Event

from .comparisons import Comparison, comparison_of
from .errors import Interrupted, ListenerWarning, NotKept
from .guest import guest
from .options import RunOptions, StudyOptions, Unpack
from .reports import Report, report_of
from .studies import Study, study_of

Name = str | os.PathLike[str]
Saved = Name | Report | Study


def run(
    model: Name | None = None,
    *,
    progress: bool = False,
    on_event: Callable[[Event], None] | None = None,
    **options: Unpack[RunOptions],
) -> Report:
    """Measure a model once, on agents that are pinned to CPUs of their own.

    * `model`: a file that OpenVINO reads (IR, ONNX, ...) or a built-in one; default the built-in squeezenet1.1.
    * `agents`: how many, or per-core, per-node, ...; default one on each core.
    * `duration_s`: length of the measurement in seconds, default 10, after `warmup_s`, default 1.
    * `api`: sync or async; `nstreams`, `nireq`: streams and requests of each agent.
    * `rate`: inferences per second that become due; without it agents infer back to back.
    * `require`: limits such as "p99_ms < 5", which `requirements` of the report has judged.
    * `report_folder`: where report.json is kept, with what `html`, `save_samples` and `report_type` add. Without it
      nothing is written.
    * `progress`: show on stderr what the command line shows. `on_event` is called with each event of the run, in the
      loop that keeps agents alive, so it must return soon; where it raises, it is not called again, and the call warns
      at its end.

    Latencies in the report are in ms, throughput is in frames per second. A verdict that is not VALID, an agent that is
    lost or a limit that is exceeded raises nothing: see `validity` and `requirements`.

    Raises UsageError for what cannot be, Interrupted at Ctrl-C, with the report until then, and NotKept, with the
    report, where a file cannot be written. CPU affinity and handlers of signals are afterwards as they were.
    """
    given = dict(options) if model is None else {"model": model, **options}
    argv = argv_of(given, FLAGS)
    request = parse_run(argv)
    _refuse_what_needs_a_folder(request)
    with guest() as interrupts:
        call = Call(("ovbench-coord", *argv), interrupts, quiet=not progress)
        with launched(request, call) as ready:
            from ovbench.coordinator.commands.conduct import conducted

            from .audience import RunAudience

            audience = RunAudience(progress, on_event)
            ended = conducted(audience, request, call, ready)
        report = report_of(ended.report, ended.folder)
        if interrupts.asked:
            raise Interrupted(report if report.measured else None)
    problems = [*filter(None, (ended.problem,)), *audience.problems]
    if problems:
        raise NotKept("; ".join(problems), report)
    if audience.failure:
        warnings.warn(ListenerWarning(audience.failure, report), stacklevel=2)
    return report


def study(
    kind: str = "sweep",
    *words: str,
    progress: bool = False,
    on_event: Callable[[Event], None] | None = None,
    **options: Unpack[StudyOptions],
) -> Study:
    """Measure many settings, several times each in a mixed order, and say which is best.

    * `kind`: sweep (every combination of what has several values), scaling, streams, partition, batch, ab, ...
    * options of `run` may have several values: a list, or a text as on the command line, "1,2,4" or "1..8".
    * of capacity: `slo`, the limits of latency, as in "p99:20"; `within_percent`; `partitions`.
    * of ab: `a` and `b`, the sides, as dictionaries of options or as texts of flags; `size_percent`, what counts as no
      difference, in percent.
    * of load: `at`, the rates in percent of the closed loop's, "10..90,95", and `slo`, the latency to keep, "p99:20".
    * `repetitions`, `order_seed`, `p99_limit_ms` (also name the best setting whose p99 in ms is not above it).
    * `report_folder`: where the study is kept, trial by trial; default ovbench-results/<UTC time>-study-<kind>.
    * `resume`: the folder of a study to go on with.
    * `progress`, `on_event`: as those of `run`, with the events of the study itself.

    Raises UsageError for what cannot be, Interrupted at Ctrl-C, with the trials that have ended, and Unwritable where a
    trial cannot be saved. Throughput is in frames per second, latencies are in ms.
    """
    from ovbench.coordinator.study.planflags import FLAGS as OWN
    from ovbench.coordinator.study.request import parse_study

    given = {name: _side(value) if name in ("a", "b") else value for name, value in options.items()}
    argv = (*(() if kind == "sweep" else (kind,)), *words, *argv_of(given, (*OWN, *FLAGS), several=True))
    request = parse_study(argv)
    _refuse_stdout(request.markdown)
    with guest() as interrupts:
        from ovbench.coordinator.commands.sites import sited
        from ovbench.coordinator.commands.studying import conducted_study

        from .audience import StudyAudience

        call = Call(("ovbench-coord", "study", *argv), interrupts, quiet=not progress)
        with sited(request, call) as site:
            audience = StudyAudience(progress, on_event)
            ended = conducted_study(request, call, site, audience)
        found = Study(ended.study, ended.outcomes, ended.answer, ended.folder, ended.left)
        if interrupts.asked:
            raise Interrupted(found)
    if ended.code == ExitCode.UNWRITABLE:
        raise NotKept(ended.left, found)
    if audience.failure:
        warnings.warn(ListenerWarning(audience.failure, found), stacklevel=2)
    return found


def load(result: Name) -> Report | Study:
    """A saved run or study: its folder, or a report.json. Raises UsageError where it is none, or cannot be read."""
    from ovbench.coordinator.store.saved import SavedRun, read_saved

    saved = read_saved(os.fspath(result))
    if isinstance(saved, SavedRun):
        return report_of(saved.report, saved.folder)
    return study_of(saved.study, saved.outcomes, saved.folder)


def compare(
    first: Saved,
    *others: Saved,
    fail_if: str | Iterable[str] = (),
    significant: bool = False,
    within_run: bool = False,
    force: bool = False,
) -> Comparison:
    """Results side by side, each against the first: runs with runs, studies with studies.

    * `first`, `others`: what `run`, `study` or `load` returned, or where it is saved.
    * `fail_if`: conditions such as "slower", "p99 > +5%" and "fps < -3%" against the first; `failures` has those that
      came true.
    * `significant`: only what intervals leave no doubt of counts, as for a verdict; `within_run`: those of single runs,
      which know the noise within each alone. `force`: compare figures of runs that are not VALID, too.

    Raises UsageError where they cannot be compared.
    """
    from ovbench.coordinator.commands.compare import parse_compare
    from ovbench.coordinator.commands.comparing import compared

    conditions = [fail_if] if isinstance(fail_if, str) else list(fail_if)
    switches = {"--significant": significant, "--within-run": within_run, "--force": force}
    flags = [word for condition in conditions for word in ("--fail-if", condition)]
    flags += [flag for flag, given in switches.items() if given]
    saved = [_saved(result, number) for number, result in enumerate((first, *others), 1)]
    request = parse_compare([*flags, "--", *(one.name for one in saved)])
    found = compared(saved, request.conditions, significant=significant, within_run=within_run, force=force)
    return comparison_of(found, request.conditions)


def _side(value: object) -> object:
    """Of A against B: a dictionary as the flags of the command line."""
    import shlex

    return shlex.join(argv_of(value, FLAGS)) if isinstance(value, dict) else value


def _refuse_what_needs_a_folder(request: Request) -> None:
    output = request.output
    files = {
        "html": output.html,
        "plots": output.plots,
        "save_samples": output.save_samples,
        "report_type": output.report_type,
    }
    _refuse_stdout(output.markdown)
    asked = next((name for name, value in files.items() if value), None)
    if asked is not None and output.report_folder is None:
        raise UsageError(f"{asked}: it makes files, and there is no folder for them; add report_folder='...'")


def _refuse_stdout(markdown: Path | None) -> None:
    if markdown == STDOUT:
        raise UsageError("markdown='-': stdout is the program's own; name a file, or print what to_markdown() returns")


def _saved(result: Saved, number: int) -> Any:
    """`number`: what it is called by where it is not saved."""
    from ovbench.coordinator.store.saved import SavedRun, SavedStudy, read_saved

    if isinstance(result, Study):
        return SavedStudy(str(result.folder), result.folder, result.plan, result.trials)
    if isinstance(result, Report):
        return SavedRun(str(result.folder or f"run {number}"), result.folder or Path(), result)
    return read_saved(os.fspath(result))
