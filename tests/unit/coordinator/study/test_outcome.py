"""Which trials were the same run, whatever was asked for."""

import pytest
from msgspec import structs

from ovbench.common.effective import Effective
from ovbench.coordinator.result.arrivals import GoodputPart, ObjectivePart
from ovbench.coordinator.result.effective import InEffect, text_of
from ovbench.coordinator.result.report import Report
from ovbench.coordinator.result.study import Trial
from ovbench.coordinator.study.outcome import in_effect, outcome_of
from tests.builders import delivered, effective, ready, report, request, run


def reported(*argv: str, made: Effective | None = None, cpus: tuple[int, ...] = (0,), agents: int = 1) -> Report:
    made = made or effective()
    members = [delivered(id, cpus=cpus, prepared=ready(made, mask=cpus)) for id in range(agents)]
    return report(run(members, wanted=request("--agents", str(agents), *argv)))


def run_of(*argv: str, made: Effective | None = None, cpus: tuple[int, ...] = (0,)) -> str:
    found = in_effect(reported(*argv, made=made, cpus=cpus))
    assert found is not None
    return found.run


@pytest.mark.parametrize(
    "argv",
    [
        ("-nstreams", "2", "-hint", "none"), ("-nthreads", "2"), ("-nireq", "4"), ("-hint", "latency"), ("-b", "1"),
        ("-infer_precision", "f32"), ("-pin", "YES"), ("--smt", "use"), ("--cpus", "0"), ("-latency_percentile", "99"),
        ("-shape", "data[1,16]"), ("--strict",), ("--require", "fps>1"),
    ],
)  # fmt: skip
def test_flags_of_which_the_same_came_are_the_same_run(argv: tuple[str, ...]) -> None:
    """The report is of a model that was compiled with one stream for one CPU, whatever the flags say."""
    assert run_of(*argv, "-api", "async") == run_of("-api", "async")


@pytest.mark.parametrize(
    "argv",
    [
        ("-t", "5"), ("-max_irate", "10"), ("--seed", "7"), ("--warmup", "3"), ("-api", "sync"), ("-m", "builtin:mlp"),
        ("-no_warmup",), ("-layout", "data[NC]"), ("--sample-memory", "64"),
        ("--rate", "10"), ("--stages", "5s:10,5s:20"), ("--rate", "10", "--arrivals", "constant"),
    ],
)  # fmt: skip
def test_what_nothing_reports_back_keeps_runs_apart(argv: tuple[str, ...]) -> None:
    assert run_of(*argv) != run_of("-api", "async")


@pytest.mark.parametrize(
    "argv",
    [
        ("--rate", "20"), ("--arrivals", "gamma:2"), ("--arrival-seed", "1"), ("--dispatch", "random"),
        ("--drain", "9"), ("--timeout-ms", "5"), ("--spin", "7"),
    ],
)  # fmt: skip
def test_how_the_load_arrives_keeps_runs_apart(argv: tuple[str, ...]) -> None:
    rate = () if "--rate" in argv else ("--rate", "10")
    assert run_of(*rate, *argv) != run_of("--rate", "10")


def test_a_limit_of_the_latency_changes_what_is_said_of_a_run_and_not_the_run() -> None:
    assert run_of("--rate", "10", "--slo-ms", "20") == run_of("--rate", "10")


def test_an_outcome_has_what_became_of_each_limit() -> None:
    limit = ObjectivePart(20.0, 99.5, 0.996, 99.6, True, latency_ms=18.0)
    found = structs.replace(reported(), goodput=GoodputPart(20.0, 99.6, 0.996, (limit,)))
    trial = Trial("0001", {}, 0, ())
    assert outcome_of(trial, found, 1.0, 0).objectives == (limit,)
    assert outcome_of(trial, reported(), 1.0, 0).objectives == ()


def with_property(name: str, value: str) -> Effective:
    return structs.replace(effective(), properties={**effective().properties, name: value})


@pytest.mark.parametrize(
    "made",
    [
        effective(streams=2), effective(threads=2), effective(requests=2), effective(batch=2),
        structs.replace(effective(), hint="LATENCY"), structs.replace(effective(), precision="bf16"),
        structs.replace(effective(), inference_only=False), with_property("ENABLE_CPU_PINNING", "NO"),
    ],
)  # fmt: skip
def test_what_was_in_effect_keeps_runs_apart(made: Effective) -> None:
    assert run_of(made=made) != run_of()


def test_other_cpus_are_another_run() -> None:
    assert run_of(cpus=(1,)) != run_of(cpus=(0,))


def test_a_proposal_of_the_compiled_model_keeps_nothing_apart() -> None:
    assert run_of(made=with_property("PERFORMANCE_HINT_NUM_REQUESTS", "4")) == run_of()


def test_numbers_of_inferences_that_were_rounded_up_to_the_same_are_the_same_run() -> None:
    rounded = effective(requests=4, iterations=12)
    assert run_of("-niter", "10", made=rounded) == run_of("-niter", "12", made=rounded)
    assert run_of("-niter", "10", made=rounded) != run_of("-niter", "13", made=effective(requests=4, iterations=16))


def test_an_agent_that_did_not_become_ready_leaves_it_unknown() -> None:
    gone = structs.replace(reported().agents[0], streams=None, threads=None, nireq=None)
    assert in_effect(structs.replace(reported(), agents=(gone,))) is None
    assert in_effect(structs.replace(reported(), effective=None)) is None


def test_it_is_shown_in_a_line() -> None:
    found = in_effect(reported("-api", "sync", agents=2))
    assert found is not None
    assert text_of(found) == "2 agents of 1 CPU; 1 stream, 1 thread, 1 request each; throughput, f32, batch 1, sync"
    uneven = InEffect("", "async", 1, None, 2, None, 4, "", "", 8)
    assert text_of(uneven) == "1 agent of unequal CPUs; 2 streams, unequal threads, 4 requests; batch 8, async"
