"""Figures of a run and of a trial."""

from msgspec import structs

from ovbench.coordinator.result.estimates import bounds_of_run, estimates_of_run, estimates_of_trial
from ovbench.coordinator.result.figures import FIGURES
from ovbench.coordinator.result.latency import Interval
from ovbench.coordinator.result.report import EfficiencyPart, FairnessPart
from ovbench.coordinator.result.study import Trial
from ovbench.coordinator.session.record import AgentRecord
from ovbench.coordinator.study.outcome import outcome_of
from tests.builders import delivered, job, phases, ready, report, request, run
from tests.ratereports import at_rate


def test_a_run_has_the_figures_of_its_report() -> None:
    found = report()
    latency = found.latency_ms
    assert latency is not None
    estimates = estimates_of_run(found)
    assert list(estimates) == [figure.name for figure in FIGURES if figure.name in estimates]
    expected = {
        "fps": 200.0,
        "median_ms": 10.0,
        "p99_9_ms": latency.p99_9,
        "min_ms": latency.min,
        "max_ms": latency.max,
        "cpu_percent": found.cpu.busy_percent,
        "memory_mb": 80.0,
        "compile_ms": 40.0,
        "reshape_ms": 0.5,
    }
    assert {name: estimates[name].value for name in expected} == expected


def test_intervals_come_from_where_the_report_has_them() -> None:
    found = report()
    latency = found.latency_ms
    assert latency is not None
    found = structs.replace(
        found,
        throughput=structs.replace(found.throughput, fps_ci95=Interval(198.0, 203.0)),
        latency_ms=structs.replace(latency, ci95={"p99": Interval(9.0, None), "chosen": Interval(1.0, 2.0)}),
    )
    intervals = {name: (one.low, one.high) for name, one in estimates_of_run(found).items() if one.low or one.high}
    assert intervals == {"fps": (198.0, 203.0), "p99_ms": (9.0, None)}


def test_what_was_not_done_or_not_measured_is_no_figure() -> None:
    lost = AgentRecord(0, job(), why="it never came")
    assert estimates_of_run(report(run([lost], readings=[]))) == {}
    compiled = estimates_of_run(report(run([delivered()], wanted=request("-niter", "0"))))
    assert "import_model_ms" not in compiled
    assert "energy_per_inference_j" not in compiled
    imported = report(run([delivered(prepared=ready(times=phases(import_ms=3.0)))]))
    assert estimates_of_run(imported)["import_model_ms"].value == 3.0


def test_efficiency_energy_and_fairness_are_figures_where_the_report_has_them() -> None:
    found = structs.replace(
        report(),
        efficiency=EfficiencyPart(cpu_s=2.0, frames_per_cpu_s=1000.0, energy_per_inference_j=0.25),
        fairness=FairnessPart(90.0, 110.0, 20.0, 0, 1),
    )
    estimates = estimates_of_run(found)
    names = ("frames_per_cpu_s", "energy_per_inference_j", "spread_percent")
    assert [estimates[name].value for name in names] == [1000.0, 0.25, 20.0]


def test_a_trial_has_the_same_figures_as_its_report_as_far_as_it_keeps_them() -> None:
    found = report()
    of_run = estimates_of_run(found)
    of_trial = estimates_of_trial(outcome_of(Trial("0001", {}, 1, ()), found, 12.0, 0))
    assert set(of_trial) == {"fps", "cpu_percent", "frames_per_cpu_s"} | {
        f"{name}_ms" for name in ("min", "median", "mean", "p90", "p95", "p99", "p99_9", "max")
    }
    assert of_trial["fps"] == of_run["fps"]
    assert {name: one.value for name, one in of_trial.items()} == {name: of_run[name].value for name in of_trial}


def test_a_run_at_a_rate_has_the_figures_of_its_arrivals() -> None:
    estimates = estimates_of_run(at_rate(10.0, goodput=0.995))
    assert list(estimates) == [figure.name for figure in FIGURES if figure.name in estimates]
    expected = {
        "p99_ms": 10.0,
        "service_p99_ms": 5.0,
        "wait_p99_ms": 5.0,
        "wait_median_ms": 2.5,
        "goodput": 0.995,
        "goodput_per_s": 99.5,
        "offered_per_s": 100.0,
        "delivered_per_s": 100.0,
        "unfinished": 0.0,
        "dropped": 0.0,
        "lateness_median_us": 2.0,
        "lateness_p99_us": 20.0,
        "lateness_max_us": 90.0,
        "service_alone_ms": 2.0,
        "contention_percent": 25.0,
    }
    assert {name: estimates[name].value for name in expected} == expected
    needed = {figure.name for figure in FIGURES if figure.needs is not None}
    assert needed <= set(estimates)
    assert not needed & set(estimates_of_run(report()))


def test_a_figure_that_depends_on_what_never_completed_has_a_bound_and_no_value() -> None:
    found = at_rate(None, at_least_ms=12.0, unfinished=50)
    assert "p99_ms" not in estimates_of_run(found)
    assert estimates_of_run(found)["median_ms"].value == 6.0
    bounds = dict.fromkeys(("p99_ms", "p99_9_ms", "max_ms", "mean_ms"), 12.0)
    assert bounds_of_run(found) == bounds | {f"wait_{name}": 12.0 for name in bounds}
    assert bounds_of_run(at_rate(10.0)) == bounds_of_run(report()) == {}


def test_a_trial_keeps_the_figures_of_its_arrivals_and_what_is_not_known() -> None:
    known, unknown = at_rate(10.0, goodput=0.9), at_rate(None, at_least_ms=12.0, unfinished=50)
    for found in (known, unknown):
        outcome = outcome_of(Trial("0001", {}, 1, ()), found, 12.0, 0)
        of_trial, of_run = estimates_of_trial(outcome), estimates_of_run(found)
        assert {name: of_run[name].value for name in of_trial} == {name: one.value for name, one in of_trial.items()}
        assert {figure.name for figure in FIGURES if figure.needs and figure.name in of_run} <= set(of_trial)
        assert outcome.at_least == bounds_of_run(found)
