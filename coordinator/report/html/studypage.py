"""The page of a study: the answer in words, charts, every setting and trial, where and how it was run."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from ...request.request import PlotFormat
from ...result.effective import text_of
from ...result.numbers import count, duration, milliseconds, percent, rate
from ...result.report import Report
from ...result.study import AGENTS_IN, TRIALS_FOLDER, Outcome, Study
from ...study.answer import Answer
from ...study.columns import P99, at_rate
from ...study.gate import Judged, gate_words
from ...study.kinds.registry import kind_of
from ...study.ratiotable import cells, columns, ratio_rows
from ...study.standing import attempts_of
from ...study.summary import Setting, name_of
from ...study.words import figures_of, same_as, span_of
from .chart import Chart
from .document import Html, command, document, figures, folded, join, pairs, section, table, tag
from .hostsection import environment_of
from .runpage import PAGE_FILE, badge, footer
from .studycharts import study_charts
from .vega import plot_files


def study_files(
    study: Study,
    outcomes: Sequence[Outcome],
    reports: Mapping[str, Report],
    plots: PlotFormat | None,
    said: Answer | None = None,
) -> dict[str, bytes]:
    """`report.html` and the charts as files, by name. Raises UsageError where the extra is missing."""
    answered = said if said is not None else kind_of(study).conclude(study, outcomes)
    charts = study_charts(study, outcomes, answered)
    return {PAGE_FILE: study_page(study, outcomes, reports, answered, charts)} | plot_files(charts, plots)


def study_page(
    study: Study,
    outcomes: Sequence[Outcome],
    reports: Mapping[str, Report],
    said: Answer | None = None,
    charts: Sequence[Chart] | None = None,
) -> bytes:
    """`report.html` of a study. `reports` by trial, as far as they are at hand: one has the environment.

    `said` and `charts`: what they are, where that is known already. Raises UsageError where the extra that draws charts
    is missing.
    """
    answered = said if said is not None else kind_of(study).conclude(study, outcomes)
    drawn = charts if charts is not None else study_charts(study, outcomes, answered)
    title = _title(study)
    body = join(
        study_header(study, outcomes),
        _answer(answered),
        section("Charts", figures(drawn)),
        _ratios(answered),
        _front(answered.front),
        _rates(study, answered),
        _settings(answered.settings, kind_of(study).nameless),
        _trials(study, outcomes),
        section("Command", command(shlex.join(study.command))),
        _environment(study, outcomes, reports),
        footer(f"ovbench {study.ovbench}, {study.created_at}"),
    )
    return document(title, body)


def study_header(study: Study, outcomes: Sequence[Outcome]) -> Html:
    """With which its page begins."""
    facts = tag("p", " · ".join(_facts(study, outcomes)), class_="muted")
    return join(tag("h1", _title(study)), facts)


def _title(study: Study) -> str:
    return ": ".join(filter(None, (kind_of(study).title, ", ".join(study.fingerprint.models))))


def _facts(study: Study, outcomes: Sequence[Outcome]) -> Iterator[str]:
    done = {outcome.trial for outcome in outcomes}
    yield f"{count(len(done))} of {count(len(study.trials))} trials"
    yield kind_of(study).extent(study)
    yield f"{duration(sum(outcome.seconds for outcome in outcomes))} in all"
    yield study.created_at


def _answer(said: Answer) -> Html:
    choices = [
        tag(
            "li",
            tag("b", choice.what[:1].upper() + choice.what[1:]),
            f": {choice.setting.name or 'the one setting'}, {figures_of(choice.setting)}",
            [tag("div", line, class_="note") for line in same_as(choice.setting)],
            tag("div", f"Not significantly different: {'; '.join(choice.rivals)}", class_="note")
            if choice.rivals
            else None,
            command(choice.setting.command),
        )
        for choice in said.choices
    ]
    parts = [
        tag("p", tag("b", said.headline)),
        gate_list(said.gate),
        tag("ul", (tag("li", line) for line in said.lines)) if said.lines else None,
        tag("h3", "To run it") if choices else None,
        tag("ul", choices) if choices else None,
    ]
    shown = [section("Answer", tag("div", *parts, class_="answer"))]
    if said.unsaid:
        shown.append(section("Inconclusive", tag("ul", (tag("li", line) for line in said.unsaid))))
    return join(shown)


def gate_list(gate: Sequence[Judged]) -> Html | None:
    """The conditions, what failed first."""
    several = any(one.of for one in gate)
    judged = [
        tag("li", tag("b", "failed" if one.fails else "passed", class_=one.state), " ", gate_words(one, several))
        for one in sorted(gate, key=lambda one: not one.fails)
    ]
    return tag("ul", judged, class_="gate") if judged else None


def _ratios(said: Answer) -> Html:
    rows = ratio_rows(said)
    if not rows:
        return Html("")
    titles = columns(rows)
    return section("Ratios", table(titles, list(cells(rows)), names=titles.index("ratio")))


def _front(front: Sequence[Setting]) -> Html:
    title = "Pareto front: no setting has more throughput at a p99 as short"
    return section(title, [_on_front(setting) for setting in front]) if front else Html("")


def _on_front(setting: Setting) -> Html:
    return tag("div", tag("p", f"{setting.name or 'the one setting'}: {figures_of(setting)}"), command(setting.command))


def _rates(study: Study, said: Answer) -> Html:
    """Of a load study, and of capacities, what its own table has."""
    if not said.loads and not said.capacities:
        return Html("")
    shown = kind_of(study).columns(said)
    nameless = "" if said.loads else f"the {kind_of(study).nameless}"
    rows = [[one.name or nameless, *(column.cell(one) for column in shown)] for one in said.settings]
    title, names = ("By rate", 2) if said.loads else ("Capacity", 1)
    return section(title, table(("setting", *(column.title for column in shown)), rows, names=names))


def _settings(settings: Sequence[Setting], nameless: str) -> Html:
    further = at_rate(settings)
    columns = (
        "setting", "in effect", "FPS", "95 % interval", "median", "p99", "95 % interval",
        *(column.title for column in further), "CPU", "frames/CPU-s", "trials",
    )  # fmt: skip
    rows = [
        [
            " = ".join(name_of(point) for point in setting.points) or f"the {nameless}",
            text_of(setting.in_effect) if setting.in_effect is not None else "",
            rate(setting.fps.value) if setting.fps is not None else "-",
            span_of(setting.fps) if setting.fps is not None else "",
            milliseconds(setting.median_ms.value) if setting.median_ms is not None else "-",
            P99.cell(setting),
            span_of(setting.p99_ms, "ms") if setting.p99_ms is not None else "",
            *(column.cell(setting) for column in further),
            percent(setting.busy_percent) if setting.busy_percent is not None else "-",
            rate(setting.frames_per_cpu_s) if setting.frames_per_cpu_s is not None else "-",
            ", ".join(f"{number} {status}" for status, number in setting.trials.items()),
        ]
        for setting in settings
    ]
    return section("Settings", table(columns, rows, names=2))


def _trials(study: Study, outcomes: Sequence[Outcome]) -> Html:
    attempts = attempts_of(outcomes)
    number = max((outcome.attempt for outcome in outcomes), default=0) + 1
    columns = ("trial", "setting", "started", "took", "FPS", "p99", "CPU", "status", "findings")
    rows = [
        _trial(attempts[trial.id][attempt])
        for attempt in range(number)
        for trial in study.trials
        if attempt in attempts.get(trial.id, {})
    ]
    return section("Trials", folded(f"all {count(len(rows))}, in the order they ran", table(columns, rows, names=2)))


def _trial(outcome: Outcome) -> list[Html | str]:
    p99 = outcome.latency_ms.get("p99")
    name = f"{outcome.trial} again" if outcome.attempt else outcome.trial
    link = tag("a", name, href=f"{TRIALS_FOLDER}/{outcome.folder}/report.json")
    return [
        link if outcome.status != "FAILED" else name,
        " ".join(f"{flag} {shlex.quote(value)}" for flag, value in outcome.point.items()),
        outcome.started_at,
        duration(outcome.seconds),
        rate(outcome.fps) if outcome.fps is not None else "-",
        milliseconds(p99) if p99 is not None else "-",
        percent(outcome.busy_percent) if outcome.busy_percent is not None else "-",
        badge(outcome.status),
        ", ".join(outcome.findings) or outcome.why,
    ]


def _environment(study: Study, outcomes: Sequence[Outcome], reports: Mapping[str, Report]) -> Html:
    """As one report has it, but for OpenVINO, of which sides may have several builds."""
    report = next(iter(reports.values()), None)
    facts = environment_of(report.environment) if report is not None else {}
    builds = dict.fromkeys(outcome.openvino for outcome in outcomes if outcome.openvino is not None)
    if facts and len(builds) > 1:
        facts["OpenVINO"] = ", ".join(builds)
    models = {f"model {name}": digest for name, digest in study.fingerprint.models.items()}
    known = {**(facts or study.fingerprint.machine), **_builds(study), **models}
    return section("Environment", pairs(known)) if known else Html("")


def _builds(study: Study) -> dict[str, str]:
    """Of agents in a Python of their own; one report does not have all."""
    return {name: builds for name, builds in study.fingerprint.machine.items() if name.startswith(AGENTS_IN)}
