"""Figures of real runs, against the closed forms of a device with a fixed service time and against the samples file.

A machine that is busy with other things makes services late, never early: the shortest are compared closely, sums are
bounds, and what Little's law says holds however late they are.
"""

import math
from typing import Any

import numpy as np
import pytest

from tests.attempts import undisturbed
from tests.process.driver import Ran, Run

NULL_MS = 2.0
NULL = ("--backend", f"null:{NULL_MS * 1000:g}", "--warmup", "0.2")


def samples_of(ran: Ran) -> dict[str, Any]:
    with np.load(ran.folder / "samples.npz") as file:
        return {name: file[name] for name in file.files}


def merged(samples: dict[str, Any]) -> Any:
    """Latencies of all agents, sorted, in ns, of what is counted."""
    agents = sorted({name.split("_")[1] for name in samples if name.startswith("agent_")})
    return np.sort(np.concatenate([samples[f"agent_{a}_end_ns"] - samples[f"agent_{a}_start_ns"] for a in agents]))


def done_in(samples: dict[str, Any], low: int, high: int) -> float:
    """Inferences, each by the share of its time in the window."""
    done = 0.0
    for name in samples:
        if name.endswith("_start_ns"):
            start, end = samples[name], samples[name.replace("_start_ns", "_end_ns")]
            done += float((np.maximum(np.minimum(end, high) - np.maximum(start, low), 0) / (end - start)).sum())
    return done


def test_one_synchronous_agent_has_the_service_time_as_latency_and_its_inverse_as_rate(run: Run) -> None:
    ran = run(*NULL, "--agents", "1", "-api", "sync", "-t", "1")
    report = ran.report
    assert ran.code == 0
    assert report["latency_ms"]["median"] >= report["latency_ms"]["min"] >= NULL_MS
    assert report["latency_ms"]["min"] == pytest.approx(NULL_MS, rel=0.02)
    assert report["throughput"]["fps"] * report["latency_ms"]["mean"] / 1e3 == pytest.approx(1, rel=0.02)


@pytest.mark.alone
@undisturbed("a service that others make late is a longer wait for all that queue behind it")
def test_requests_queue_for_streams_as_the_closed_form_has_it(run: Run) -> None:
    ran = run(*NULL, "--agents", "1", "-api", "async", "-nstreams", "2", "-nireq", "8", "-t", "1")
    report = ran.report
    assert report["effective"]["streams"] == 2
    assert report["effective"]["nireq"] == 8
    # R = 8 requests on K = 2 streams of service time S: latency (R/K) S, rate K/S.
    assert report["latency_ms"]["median"] == pytest.approx(4 * NULL_MS, rel=0.02)
    rate = report["throughput"]["inferences_per_s"]
    assert 0 < rate < 2.05 / NULL_MS * 1e3
    assert rate * report["latency_ms"]["mean"] / 1e3 == pytest.approx(8, rel=0.05)


def test_agents_add_up(run: Run) -> None:
    ran = run(*NULL, "--agents", "3", "-api", "sync", "-t", "1", "-b", "4")
    report = ran.report
    agents = report["agents"]
    assert sum(agent["throughput"]["count"] for agent in agents) == report["throughput"]["count"]
    assert sum(agent["throughput"]["fps"] for agent in agents) == pytest.approx(report["throughput"]["fps"])
    assert report["throughput"]["fps"] == pytest.approx(4 * report["throughput"]["inferences_per_s"])
    assert 0 < report["throughput"]["inferences_per_s"] <= 3 / NULL_MS * 1e3


@pytest.mark.parametrize("load", [("-api", "sync"), ("-api", "async", "-nstreams", "2", "-nireq", "2")])
def test_every_figure_can_be_computed_again_from_the_samples_file(run: Run, load: tuple[str, ...]) -> None:
    ran = run(*NULL, "--agents", "2", *load, "-t", "1.5", "--save-samples")
    report, samples = ran.report, samples_of(ran)
    latencies = merged(samples)
    count = len(latencies)
    window_ns = report["window"]["stop_ns"] - report["window"]["start_ns"]
    assert all(array.dtype == np.int64 for array in samples.values())
    assert report["throughput"]["count"] == count
    assert report["window"]["duration_s"] == pytest.approx(window_ns / 1e9)
    assert samples["window_ns"].tolist() == [report["window"]["start_ns"], report["window"]["stop_ns"]]
    done = done_in(samples, *samples["window_ns"].tolist())
    assert report["throughput"]["fps"] == pytest.approx(done / (window_ns / 1e9))
    assert abs(done - count) <= sum(agent["nireq"] for agent in report["agents"])
    assert latencies[0] >= NULL_MS * 1e6  # a service is never shorter than it says
    figures = report["latency_ms"]
    assert figures["exact"] is True
    for name, p in (("median", 50), ("p90", 90), ("p95", 95), ("p99", 99), ("p99_9", 99.9)):
        assert figures[name] == latencies[math.ceil(round(count * p / 100, 9)) - 1] / 1e6
    assert figures["min"] == latencies[0] / 1e6
    assert figures["max"] == latencies[-1] / 1e6
    assert figures["mean"] == pytest.approx(latencies.mean() / 1e6)
    assert figures["stddev"] == pytest.approx(latencies.std() / 1e6)
    for agent in report["agents"]:
        ends = samples[f"agent_{agent['id']}_end_ns"]
        assert agent["throughput"]["count"] == len(ends)
        assert ends.min() >= report["window"]["start_ns"]
        assert ends.max() <= report["window"]["stop_ns"]


def test_the_timeline_adds_up_to_the_total(run: Run) -> None:
    ran = run(*NULL, "--agents", "2", "-api", "sync", "-t", "2.3")
    report = ran.report
    edges = [0.0, *(part["t_s"] for part in report["timeline"])]
    lengths = np.diff(edges)
    assert edges[-1] == pytest.approx(report["window"]["duration_s"])
    total = sum(part["fps"] * length for part, length in zip(report["timeline"], lengths, strict=True))
    assert total == pytest.approx(report["throughput"]["fps"] * report["window"]["duration_s"])
    assert abs(total - report["throughput"]["count"]) < 2


def test_one_agent_does_and_counts_exactly_the_iterations_asked_for(run: Run) -> None:
    ran = run(*NULL, "--agents", "1", "-api", "async", "-nstreams", "1", "-nireq", "4", "-niter", "98")
    report = ran.report
    assert report["effective"]["iterations"] == 100  # whole rounds of four requests
    assert report["throughput"]["count"] == report["throughput"]["completed"] == 100


def test_iterations_are_shared_out_over_the_agents(run: Run) -> None:
    ran = run(*NULL, "--agents", "3", "-api", "sync", "-niter", "200")
    report = ran.report
    assert sorted(agent["throughput"]["completed"] for agent in report["agents"]) == [66, 67, 67]
    assert report["throughput"]["completed"] == 200
    assert report["throughput"]["count"] <= 200


@undisturbed("an agent that others keep waiting begins late, and its window is the shorter for it")
def test_with_a_time_and_a_number_the_run_goes_on_until_both_are_met(run: Run) -> None:
    by_time = run(*NULL, "--agents", "1", "-api", "sync", "-niter", "10", "-t", "0.5").report
    assert by_time["throughput"]["completed"] > 10
    assert by_time["window"]["duration_s"] >= 0.5


def test_a_run_that_outgrows_its_memory_goes_on_with_histograms(run: Run) -> None:
    """300,000 inferences of 5 us do not fit into 1 MB of samples; the closed form still holds within 0.1 %."""
    load = ("--backend", "null:5", "--agents", "1", "-api", "sync", "-niter", "300000", "--warmup", "0")
    ran = run(*load, "--sample-memory", "1", "--save-samples")
    report = ran.report
    assert ran.code == 0
    assert report["latency_ms"]["exact"] is False
    assert report["throughput"]["count"] == report["throughput"]["completed"] == 300_000
    assert report["latency_ms"]["min"] >= 0.005
    assert report["latency_ms"]["median"] == pytest.approx(0.005, rel=0.1)
    lengths = np.diff([0.0, *(part["t_s"] for part in report["timeline"])])
    total = sum(part["fps"] * length for part, length in zip(report["timeline"], lengths, strict=True))
    assert total == pytest.approx(report["throughput"]["count"])
    assert not (ran.folder / "samples.npz").exists()
    assert "samples_not_saved" in {finding["code"] for finding in report["validity"]["findings"]}


@pytest.mark.alone
@undisturbed("an agent whose CPU others hold begins when it gets it")
def test_agents_start_together(run: Run) -> None:
    window = run(*NULL, "--agents", "2", "-api", "sync", "-t", "0.5").report["window"]
    # Generous: it only has to tell a common instant from "when the message came".
    assert window["start_skew_us"] < 5_000


def test_an_agent_stays_where_it_was_put(run: Run) -> None:
    report = run("--backend", "null:50", "--agents", "2", "-api", "sync", "-t", "1").report
    for agent in report["agents"]:
        where = agent["placement"]
        assert where["requested"] == where["mask"] == where["seen"] == agent["cpus"]
        assert (where["collisions"], where["changes"]) == ([], [])


def faulty(fault: str) -> tuple[str, ...]:
    return "--backend", f"null:{NULL_MS * 1000:g},{fault}", "--warmup", "0.2"


def within(seconds: float, drift: float) -> float:
    """How many inferences a synchronous agent does in a time: each takes `drift` per second of load longer."""
    return math.log(1 + drift * seconds) / math.log(1 + drift * NULL_MS / 1e3)


@pytest.mark.alone
@undisturbed("others make most services late, so that hardly any is as long as it says")
def test_a_device_that_drifts_has_the_latency_of_the_time_that_has_passed(run: Run) -> None:
    """Of the measured load alone: after a warm-up of 0.2 s it begins with the service time."""
    ran = run(*faulty("drift=100"), "--agents", "1", "-api", "sync", "-t", "1", "--save-samples")
    samples, report = samples_of(ran), ran.report
    starts, ends = samples["agent_0_start_ns"], samples["agent_0_end_ns"]
    expected_ms = NULL_MS * (1 + (starts - starts[0]) / 1e9)
    ratios = (ends - starts) / 1e6 / expected_ms
    assert ratios.min() > 0.999
    assert np.quantile(ratios, 0.1) == pytest.approx(1, abs=0.02)
    assert 0.2 * within(1, 1.0) <= report["throughput"]["completed"] <= within(1, 1.0) + 1
    assert report["latency_ms"]["max"] >= 1.9 * NULL_MS


def test_streams_that_drift_do_as_many_as_the_closed_form_has_it(run: Run) -> None:
    report = run(
        *faulty("drift=200"), "--agents", "1", "-api", "async", "-nstreams", "2", "-nireq", "4", "-t", "1"
    ).report
    # The streams go on with what is queued when the time is over: four requests.
    assert 0.2 * 2 * within(1, 2.0) <= report["throughput"]["completed"] <= 2 * within(1, 2.0) + 4


@pytest.mark.alone
@pytest.mark.parametrize("load", [("-api", "sync"), ("-api", "async", "-nstreams", "1", "-nireq", "1")])
@undisturbed("others can hold the agent up for longer than the stall, or in the middle of it")
def test_a_device_that_stalls_serves_nothing_meanwhile(run: Run, load: tuple[str, ...]) -> None:
    ran = run(*faulty("stall=0.4@0.3"), "--agents", "1", *load, "-t", "1", "--save-samples")
    samples, report = samples_of(ran), ran.report
    since_s = (np.sort(samples["agent_0_end_ns"]) - samples["agent_0_start_ns"][0]) / 1e9
    between_s = np.diff(since_s, prepend=0.0)
    last = between_s.argmax() - 1
    # The device's time begins with the instant that was set for the load, and an agent may begin a little later.
    assert 0.2 < since_s[last] <= 0.3 + NULL_MS / 1e3
    assert between_s[last + 1] >= 0.4
    assert 400 <= report["latency_ms"]["max"] < 600
    assert 0.2 * 600 / NULL_MS <= report["throughput"]["completed"] <= 600 / NULL_MS + 2


def test_the_last_agent_alone_is_slow(run: Run) -> None:
    agents = run(*faulty("slow=50"), "--agents", "2", "-api", "sync", "-t", "1").report["agents"]
    shortest = [agent["latency_ms"]["min"] for agent in agents]
    assert shortest == pytest.approx([NULL_MS, 1.5 * NULL_MS], rel=0.02)


def test_an_agent_whose_first_start_is_due_after_the_end_does_not_shorten_the_window(run: Run) -> None:
    """One start a second over two agents: that of the second agent would be after the half second.

    The service is long, so that it ends in the window however late the second agent comes.
    """
    load = ("--backend", "null:200000", "-api", "async", "-t", "0.5", "--warmup", "0", "-max_irate", "1")
    ran = run(*load, "--agents", "2")
    assert ran.code == 0
    assert ran.report["throughput"]["count"] == 1
    assert 0.2 < ran.report["window"]["duration_s"] <= 0.51


@pytest.mark.parametrize(
    "load",
    [
        ("-api", "sync", "--rate", "300"),
        ("-api", "async", "-nstreams", "1", "-nireq", "2", "--rate", "300", "--dispatch", "random"),
        ("-api", "sync", "--rate", "1500", "--drain", "0.1", "--dispatch", "round-robin"),
        ("-api", "sync", "--rate", "1500", "--timeout-ms", "50"),
        ("-api", "sync", "-max_irate", "300"),
    ],
    ids=["sync", "async", "unfinished", "dropped", "paced"],
)
def test_every_figure_at_a_rate_can_be_computed_again_from_the_samples_file(run: Run, load: tuple[str, ...]) -> None:
    ran = run(*NULL, "--agents", "2", *load, "-t", "1.5", "--save-samples")
    report, samples = ran.report, samples_of(ran)
    start, end, due = (
        np.concatenate([samples[f"agent_{agent['id']}_{what}_ns"] for agent in report["agents"]])
        for what in ("start", "end", "due")
    )
    low, high = samples["window_ns"].tolist()
    assert low <= due.min() <= due.max() < high
    dropped, unfinished = (
        int(((samples[f"{what}_due_ns"] >= low) & (samples[f"{what}_due_ns"] < high)).sum())
        for what in ("dropped", "unfinished")
    )
    arrivals = report["arrivals"]
    assert arrivals["offered"] == len(due) + dropped + unfinished
    assert (arrivals["delivered"], arrivals["dropped"], arrivals["unfinished"]) == (len(due), dropped, unfinished)
    for part, times, missing in (
        ("latency_ms", end - due, dropped + unfinished),
        ("wait_ms", start - due, dropped + unfinished),
        ("service_ms", end - start, 0),
    ):
        figures, ordered = report[part], np.sort(times)
        assert (figures["count"], figures["missing"]) == (len(ordered), missing)
        for name, p in (("median", 50), ("p90", 90), ("p95", 95), ("p99", 99), ("p99_9", 99.9)):
            rank = math.ceil(round((len(ordered) + missing) * p / 100, 9)) - 1
            assert figures[name] == (ordered[rank] / 1e6 if rank < len(ordered) else None)
            assert (name in figures["at_least"]) == (rank >= len(ordered))
        assert figures["mean"] == (None if missing else pytest.approx(times.mean() / 1e6))
        assert figures["max"] == (None if missing else ordered[-1] / 1e6)
    outside = samples["agent_0_outside_end_ns"], samples["agent_1_outside_end_ns"]
    every = np.concatenate([end, *outside])
    assert report["throughput"]["count"] == ((every >= low) & (every <= high)).sum()


@pytest.mark.parametrize("dispatch", ["shared", "round-robin"])
def test_waits_at_a_rate_are_those_of_lindleys_recursion_but_for_what_the_generator_added(
    run: Run, dispatch: str
) -> None:
    """Of one synchronous agent: each waits for the one before it, and is late by exactly the rest."""
    ran = run(
        *NULL, "--agents", "1", "-api", "sync", "--rate", "350", "--dispatch", dispatch, "-t", "1.5", "--save-samples"
    )
    report, samples = ran.report, samples_of(ran)
    start, end, due = (
        np.concatenate([samples[f"agent_0_{part}_ns"] for part in (f"outside_{what}", what)])
        for what in ("start", "end", "due")
    )
    order = np.argsort(due, kind="stable")
    start, end, due = start[order], end[order], due[order]
    ready = np.maximum(due, np.append(0, end[:-1]))
    low, high = samples["window_ns"].tolist()
    late = np.sort((start - ready)[(due >= low) & (due < high)])
    assert late[0] >= 0
    lateness = report["lateness_us"]
    assert lateness["count"] == len(late)
    assert lateness["max"] == late[-1] / 1e3
    assert lateness["p99"] == late[math.ceil(round(len(late) * 0.99, 9)) - 1] / 1e3
    assert lateness["mean"] == pytest.approx(late.mean() / 1e3)
