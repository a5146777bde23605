"""Results side by side, rendered to a string as for a terminal of 80 columns."""

import io

import pytest
from msgspec import structs
from rich.console import Console

from ovbench.coordinator.compare.comparison import Comparison, NamedRun, NamedStudy, compare_runs, compare_studies
from ovbench.coordinator.compare.conditions import with_failures
from ovbench.coordinator.report.comparison import print_comparison
from ovbench.coordinator.request.requirement import Requirement, parse_requirement
from ovbench.coordinator.result.latency import Interval
from ovbench.coordinator.result.report import Report
from ovbench.coordinator.result.study import Fingerprint, Outcome, Study
from tests.builders import delivered, report, request, run
from tests.ratereports import at_rate, latency


def shown(comparison: Comparison, *conditions: Requirement) -> str:
    written = io.StringIO()
    print_comparison(Console(file=written, width=80, force_terminal=False), comparison, conditions)
    return written.getvalue()


def condition(text: str) -> Requirement:
    return parse_requirement("--fail-if", text, relative=True)


def with_fps(fps: float, half: float) -> Report:
    found = report()
    part = structs.replace(found.throughput, fps=fps, fps_ci95=Interval(fps - half, fps + half))
    return structs.replace(found, throughput=part)


def row(text: str, figure: str) -> tuple[str, str]:
    """The line of a figure and the one below it."""
    lines = text.splitlines()
    index = next(index for index, line in enumerate(lines) if line.split()[:1] == [figure])
    return lines[index], lines[index + 1]


def test_what_differs_comes_before_the_figures() -> None:
    other = report(run([delivered(0), delivered(1)], wanted=request("--agents", "2", "-nstreams", "4")))
    text = shown(compare_runs(NamedRun("one", report()), [NamedRun("two", other)]))
    places = [text.index(part) for part in ("different settings", "nstreams", "the same  ", "figures")]
    assert places == sorted(places)
    assert "nstreams  none  ->  4" in text
    assert text.startswith("A  one  2025-01-02T03:04:05Z  VALID\nB  two  2025-01-02T03:04:05Z  VALID\n")


def test_a_figure_has_both_values_the_change_its_verdict_and_the_intervals_below() -> None:
    text = shown(compare_runs(NamedRun("a", with_fps(900, 3)), [NamedRun("b", with_fps(945, 4))]))
    value, below = row(text, "fps")
    assert value.split() == ["fps", "900.0", "945.0", "+5.0", "%", "better"]
    assert below.split() == ["897.0..903.0", "941.0..949.0", "+4.4..+5.6", "%"]
    assert row(text, "cpu_percent")[0].rstrip().endswith("no interval")


def test_what_is_inconclusive_says_so() -> None:
    text = shown(compare_runs(NamedRun("a", with_fps(900, 30)), [NamedRun("b", with_fps(910, 30))]))
    assert row(text, "fps")[0].rstrip().endswith("inconclusive")
    assert "inconclusive: it includes 0" in text


def test_no_number_is_cut_however_far_apart_two_results_are() -> None:
    text = shown(compare_runs(NamedRun("a", with_fps(900.4, 3)), [NamedRun("b", with_fps(1_234_567.0, 98_765.0))]))
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= 80
    value, below = row(text, "fps")
    rest = text.splitlines()[text.splitlines().index(below) + 1]
    assert value.split() == ["fps", "900.4", "1,234,567", "+137,013", "%", "better"]
    assert below.split() == ["from", "897.4", "1,135,802", "+126,044", "%"]
    assert rest.split() == ["to", "903.4", "1,333,332", "+147,982", "%"]


@pytest.mark.parametrize("width", [40, 60, 79])
def test_on_a_narrow_terminal_numbers_are_whole_and_intervals_have_a_line_for_each_end(width: int) -> None:
    comparison = compare_runs(NamedRun("a", with_fps(900, 3)), [NamedRun("b", with_fps(1_234_567.0, 98_765.0))])
    written = io.StringIO()
    print_comparison(Console(file=written, width=width, force_terminal=False), comparison, ())
    text = written.getvalue()
    assert "…" not in text
    assert row(text, "fps")[0].split() == ["fps", "900.0", "1,234,567", "+137,074", "%", "better"]
    assert [line.split()[0] for line in text.splitlines() if "+126,1" in line or "+148,0" in line] == ["from", "to"]


def test_no_interval_of_a_figure_goes_below_0() -> None:
    text = shown(compare_runs(NamedRun("a", with_fps(9.0, 12.0)), [NamedRun("b", with_fps(9.0, 1.0))]))
    assert row(text, "fps")[1].split()[:2] == ["0..21.00", "8.000..10.00"]


def test_no_line_of_figures_is_wider_than_a_terminal() -> None:
    big = structs.replace(with_fps(123456.7, 100.5), phases_ms=report().phases_ms)
    text = shown(compare_runs(NamedRun("a", big), [NamedRun("b", big), NamedRun("c", with_fps(0.0123, 0.002))]))
    assert max(map(len, text.splitlines())) <= 80
    assert "B against A" in text
    assert "C against A" in text


def test_conditions_are_judged_at_the_end() -> None:
    comparison = compare_runs(NamedRun("a", with_fps(900, 3)), [NamedRun("b", with_fps(800, 3))])
    wanted = (condition("fps < -3%"), condition("memory > +5%"))
    assert shown(comparison, *wanted).splitlines()[-1].strip() == "passed   no condition is true"
    failed = with_failures(comparison, wanted, significant=False)
    last = shown(failed, *wanted).splitlines()[-1].strip()
    assert last == "failed   fps < -3%: B has fps 800.0, limit 873.0"


def test_a_condition_that_noise_may_have_made_true_is_doubtful() -> None:
    comparison = compare_runs(NamedRun("a", with_fps(900, 90)), [NamedRun("b", with_fps(860, 90))])
    wanted = condition("fps < -3%")
    *_, doubtful, passed = shown(with_failures(comparison, [wanted], significant=True), wanted).splitlines()
    assert doubtful.strip() == "doubtful fps < -3%: B has fps 860.0, limit 873.0"
    assert passed.strip() == "passed   no condition is true beyond doubt"


def test_a_condition_on_a_figure_that_is_not_known_is_reported() -> None:
    comparison = compare_runs(NamedRun("a", report()), [NamedRun("b", report())])
    wanted = condition("energy_per_inference_j > +5%")
    failed = with_failures(comparison, [wanted], significant=False)
    assert "energy_per_inference_j is not known in both A and B" in shown(failed, wanted)


def test_what_was_run_comes_before_all_else_where_it_is_not_the_same() -> None:
    other = report()
    assert other.effective is not None
    (file,) = other.effective.files
    changed = structs.replace(other.effective, files=(structs.replace(file, sha256="e" * 64),))
    text = shown(compare_runs(NamedRun("one", other), [NamedRun("two", structs.replace(other, effective=changed))]))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    assert lines[2:4] == [
        "different contents",
        "model file  builtin:tiny.xml 0f0f0f0f0f0f  ->  builtin:tiny.xml eeeeeeeeeeee",
    ]


def test_a_report_from_before_digests_is_not_called_the_same() -> None:
    old = report()
    assert old.effective is not None
    old = structs.replace(old, effective=structs.replace(old.effective, files=()))
    text = shown(compare_runs(NamedRun("one", old), [NamedRun("two", report())]))
    assert "not known  whether the files that were run had the same content" in text
    assert "the same  verdicts and findings" in text


def test_a_suspect_run_is_not_compared_and_the_gate_says_why() -> None:
    odd = with_fps(100, 1)
    odd = structs.replace(odd, validity=structs.replace(odd.validity, status="SUSPECT", because=("steal",)))
    comparison = compare_runs(NamedRun("a", with_fps(900, 3)), [NamedRun("b", odd)])
    wanted = condition("fps < -3%")
    text = shown(with_failures(comparison, [wanted], significant=False), wanted)
    assert "not comparable: B is SUSPECT (steal). Run it again, or compare with --force." in text
    assert row(text, "fps")[0].split()[-1] == "-"
    last = text.splitlines()[-1].strip()
    assert last == "failed   fps < -3%: cannot be judged: not comparable: b is SUSPECT (steal)"
    forced = shown(compare_runs(NamedRun("a", with_fps(900, 3)), [NamedRun("b", odd)], force=True))
    assert "compared by force: B is SUSPECT (steal).\n" in forced
    assert row(forced, "fps")[0].split()[-1] == "worse"


def test_verdicts_between_single_runs_say_what_they_know() -> None:
    text = shown(compare_runs(NamedRun("a", with_fps(900, 3)), [NamedRun("b", with_fps(945, 4))]))
    assert "figures  verdicts by within-run noise only" in text
    assert "within-run" not in shown(compare_studies(study("a", 100.0, 102.0), [study("b", 120.0, 122.0)]))


def study(name: str, *speeds: float, points: tuple[str, ...] = ("1", "1")) -> NamedStudy:
    outcomes = tuple(
        Outcome(
            trial=f"{number:04}", point={"-nstreams": point}, repetition=number, started_at="", seconds=1.0,
            exit_code=0, status="VALID", fps=fps, latency_ms={"p99": 1000 / fps},
        )
        for number, (fps, point) in enumerate(zip(speeds, points, strict=True), 1)
    )  # fmt: skip
    plan = Study("0.1.0", "streams", "", (), 0, 2, {"-nstreams": points}, (), Fingerprint({}, {}))
    return NamedStudy(name, plan, outcomes)


def test_studies_have_a_table_for_each_setting_and_say_what_only_one_has() -> None:
    text = shown(compare_studies(study("a", 100.0, 102.0), [study("b", 120.0, 122.0)]))
    assert "-nstreams 1  2 and 2 trials" in text
    assert "means over repetitions" in text
    apart = study("c", 120.0, 122.0, points=("1", "4"))
    assert "only in B: -nstreams 4" in shown(compare_studies(study("a", 100.0, 102.0), [apart]))


def test_a_figure_that_is_not_known_has_its_bound_in_the_table_and_in_the_gate() -> None:
    runs = compare_runs(NamedRun("a", at_rate()), [NamedRun("b", at_rate(None, at_least_ms=12.0, unfinished=50))])
    wanted = condition("p99 > +5%")
    text = shown(with_failures(runs, [wanted], significant=False), wanted)
    assert row(text, "p99_ms")[0].split() == ["p99_ms", "10.00", ">", "12.00", "-", "no", "interval"]
    last = text.splitlines()[-1].strip()
    assert last == "failed   p99 > +5%: cannot be judged: p99_ms is not known, but > 12.0 ms in b"
    assert max(len(line) for line in text.splitlines()[:-1]) <= 80


def test_latency_from_due_and_from_the_start_is_told_as_a_setting_and_has_no_verdict() -> None:
    text = shown(compare_runs(NamedRun("a", report()), [NamedRun("b", at_rate())]))
    assert "  latency from  start  ->  due\n" in text
    assert row(text, "p99_ms")[0].split()[-1] == "-"


def test_a_wait_of_nanoseconds_changes_by_a_time_and_not_by_percent_and_no_name_is_broken() -> None:
    def waiting(ms: float) -> Report:
        found = at_rate()
        return structs.replace(found, wait_ms=structs.replace(latency(2.0), median=ms))

    text = shown(compare_runs(NamedRun("a", waiting(0.000015)), [NamedRun("b", waiting(0.07398))]))
    value, _ = row(text, "wait_median_ms")
    assert value.split()[:5] == ["wait_median_ms", "0.00001500", "0.07398", "+74.0", "us"]
    assert row(text, "service_median_ms")[0].split()[0] == "service_median_ms"
    assert max(map(len, text.splitlines())) <= 80
