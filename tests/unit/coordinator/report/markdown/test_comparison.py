"""Results side by side as Markdown: verdicts and figures are those of the comparison."""

from msgspec import structs

from ovbench.coordinator.compare.comparison import Comparison, NamedRun, NamedStudy, compare_runs, compare_studies
from ovbench.coordinator.compare.conditions import with_failures
from ovbench.coordinator.report.markdown.comparison import comparison_markdown
from ovbench.coordinator.request.requirement import parse_requirement
from ovbench.coordinator.result.report import Report
from tests.builders import report
from tests.studies import outcomes, study
from tests.unit.coordinator.report.markdown.test_run import rows


def faster(factor: float) -> Report:
    found = report()
    ci95 = found.throughput.fps_ci95
    assert ci95 is not None
    ends = (None if end is None else end * factor for end in (ci95.low, ci95.high))
    return structs.replace(
        found,
        throughput=structs.replace(
            found.throughput, fps=found.throughput.fps * factor, fps_ci95=type(ci95)(*ends)
        ),
    )  # fmt: skip


def shown(comparison: Comparison, *texts: str) -> str:
    conditions = [parse_requirement("--fail-if", text, relative=True) for text in texts]
    return comparison_markdown(with_failures(comparison, conditions, significant=False), conditions)


RUNS = compare_runs(NamedRun("before", report()), [NamedRun("after", faster(0.9))])


def test_figures_and_verdicts_are_those_of_the_comparison() -> None:
    (fps,) = [row for row in rows(shown(RUNS)) if row[0] == "fps"]
    assert fps[1:4] == ["200.0", "180.0", "-10.0 %"]
    (change,) = [one for one in RUNS.others[0].matched[0].changes if one.figure == "fps"]
    assert fps[-1] == change.verdict


def test_conditions_are_in_the_title_and_those_that_failed_below_it() -> None:
    text = shown(RUNS, "fps < -3%", "p99 > +5%")
    assert text.startswith("### ❌ 1 of 2 conditions failed\n")
    assert "- ❌ `fps < -3%`: B has fps 180.0, limit 194.0" in text
    assert shown(RUNS, "fps < -30%").startswith("### ✅ the condition passed\n")
    assert shown(RUNS).startswith("### Comparison\n")


def test_results_are_named() -> None:
    found = rows(shown(RUNS))
    assert ["A", "before"] in [row[:2] for row in found]
    assert ["B", "after"] in [row[:2] for row in found]


def test_what_is_not_comparable_says_why() -> None:
    doubtful = structs.replace(
        report(), validity=structs.replace(report().validity, status="SUSPECT", because=("noisy",))
    )
    text = shown(compare_runs(NamedRun("a", report()), [NamedRun("b", doubtful)]), "fps < -3%")
    assert "⚠️ not comparable: B is SUSPECT (noisy)" in text
    assert "- ❌ `fps < -3%`: cannot be judged: not comparable: b is SUSPECT (noisy)" in text


def test_studies_are_shown_by_setting() -> None:
    planned = study({"-nstreams": ("1", "2")})
    one, two = (
        NamedStudy(name, planned, outcomes(planned, lambda point: fps, lambda point: 5.0, noise=0.01))  # noqa: B023
        for name, fps in (("s1", 100.0), ("s2", 110.0))
    )
    text = shown(compare_studies(one, [two]))
    assert "**`-nstreams 1`** 3 and 3 trials" in text
    assert len([row for row in rows(text) if row[0] == "fps"]) == 2
