"""Metrics by the events that they are made of, and as they are served: parsed by the library's own parser."""

import socket
import urllib.request
from collections.abc import Iterator

import numpy as np
import pytest
from msgspec import structs
from prometheus_client import openmetrics, parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from ovbench.common.errors import UsageError
from ovbench.coordinator.report import exporter
from ovbench.coordinator.report.exporter import Exporter
from ovbench.coordinator.report.metrics import Metrics
from ovbench.coordinator.request.watchers import Address
from ovbench.coordinator.result.study import Outcome, Trial
from ovbench.coordinator.session.counting import BOUNDS_S
from ovbench.coordinator.session.events import (
    AgentCounts,
    AgentLoad,
    AgentLost,
    AgentsReady,
    Counts,
    Delivering,
    Event,
    Joining,
    Preparing,
    RunEnded,
    RunPlanned,
    Snapshot,
    Standing,
)
from ovbench.coordinator.session.member import Member
from ovbench.coordinator.session.snapshot import ready_agents
from ovbench.coordinator.study.events import StudyPlanned, TrialBegins, TrialEnded
from tests.builders import job, ready

LATENCIES_S = np.array([0.0009, 0.001, 0.0011, 0.2, 150.0])
AGENT = AgentCounts(
    id=0,
    inferences=5,
    frames=20.0,
    latency_sum_s=float(LATENCIES_S.sum()),
    latency_counts=tuple(int((bound >= LATENCIES_S).sum()) for bound in BOUNDS_S),
    dropped=2,
    cpu_s=1.5,
)
COUNTS = Counts(3, BOUNDS_S, (AGENT, structs.replace(AGENT, id=1, host='b"\n', inferences=5)), 1.0, 2.0)
READY = AgentsReady(2, ready_agents([Member(0, job((0,)), ready=ready())]))
SNAPSHOT = Snapshot(
    3, 2.0, 8.0, 0.2, 400.0, 10, 1.0, 75.0, (AgentLoad(0, (0,), 400.0, 10),), backlog=7, others_percent=5.0
)
RUN = RunPlanned(1, "1.0", ("ovbench-coord",), "2026-01-01T00:00:00Z", "m.xml", 2, (), 1.0, 10.0)


def after(*events: Event) -> Metrics:
    metrics = Metrics("1.0")
    for event in events:
        metrics.handle(event)
    return metrics


@pytest.fixture
def served() -> Iterator[list[Exporter]]:
    found: list[Exporter] = []
    yield found
    for one in found:
        one.close()


def scraped(exporters: list[Exporter], metrics: Metrics, accept: str = "") -> dict[tuple[str, ...], float]:
    """Values by name and labels, as `a=b`."""
    exporters.append(Exporter(Address("127.0.0.1", 0), metrics))
    asked = urllib.request.Request(exporters[-1].url, headers={"Accept": accept} if accept else {})
    text = urllib.request.urlopen(asked).read().decode()
    parse = openmetrics_parser.text_string_to_metric_families if accept else parser.text_string_to_metric_families
    return {
        (sample.name, *(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in parse(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
def test_what_is_served_is_what_the_events_say(served: list[Exporter], accept: str) -> None:
    assert openmetrics is not None
    found = scraped(served, after(RUN, READY, SNAPSHOT, COUNTS, AgentLost(4, 1, "agent 1", "it was killed")), accept)
    first = ("agent=0", "host=")
    assert found["ovbench_inferences_total", *first] == 5
    assert found["ovbench_frames_total", *first] == 20
    assert found["ovbench_arrivals_dropped_total", *first] == 2
    assert found["ovbench_agent_cpu_seconds_total", *first] == 1.5
    assert found["ovbench_latency_seconds_sum", *first] == pytest.approx(LATENCIES_S.sum())
    assert found["ovbench_latency_seconds_count", *first] == found["ovbench_latency_seconds_bucket", *first, "le=+Inf"]
    buckets = {key[-1]: value for key, value in found.items() if key[0].endswith("_bucket") and key[1] == "agent=0"}
    assert {bound: buckets[f"le={bound}"] for bound in ("0.0008", "0.001", "0.00125", "100.0", "+Inf")} == {
        "0.0008": 0, "0.001": 2, "0.00125": 3, "100.0": 4, "+Inf": 5,
    }  # fmt: skip
    assert found["ovbench_inferences_total", "agent=1", 'host=b"\n'] == 5
    assert found["ovbench_cpu_busy_ratio",] == 0.75
    assert found["ovbench_backlog_arrivals",] == 7
    assert found["ovbench_others_busy_ratio",] == 0.05
    assert found["ovbench_load_remaining_seconds",] == 8
    assert found["ovbench_agents_lost_total",] == 1
    assert found["ovbench_phase", "ovbench_phase=running"] == 1
    assert found["ovbench_phase", "ovbench_phase=ended"] == 0
    assert any(key[0] == "ovbench_run_info" and "model=m.xml" in key for key in found)


def test_before_anything_was_completed_there_are_no_counters_of_agents(served: list[Exporter]) -> None:
    found = scraped(served, after(RUN, Joining(1, 2, (0, 1))))
    assert not any(name.startswith(("ovbench_inferences", "ovbench_latency")) for name, *_ in found)
    assert found["ovbench_phase", "ovbench_phase=joining"] == 1
    assert found["ovbench_verdict", "ovbench_verdict=VALID"] == 1


def test_the_verdict_is_the_one_that_is_known_with_what_it_is_due_to(served: list[Exporter]) -> None:
    found = scraped(served, after(Standing(1, "PARTIAL", ("agent_lost",)), Standing(2, "SUSPECT", ("trend",))))
    assert found["ovbench_verdict", "ovbench_verdict=SUSPECT"] == 1
    assert found["ovbench_verdict", "ovbench_verdict=PARTIAL"] == 0
    assert [key for key in found if key[0] == "ovbench_finding"] == [("ovbench_finding", "code=trend")]


def test_counters_go_on_over_the_trials_of_a_study(served: list[Exporter]) -> None:
    trial = Trial("0002", {"-nireq": "2"}, 0, ("-nireq", "2"))
    found = scraped(
        served,
        after(
            StudyPlanned(1, "1.0", (), "sweep", "results", 9, 9), READY, COUNTS, COUNTS,
            TrialEnded(4, Outcome("0001", {}, 0, "2026-01-01T00:00:00Z", 3.0, 0, "VALID", fps=100.0), 1, 9),
            TrialBegins(5, trial, 2, 9, None), READY, COUNTS,
        ),
    )  # fmt: skip
    assert found["ovbench_inferences_total", "agent=0", "host="] == 10
    assert found["ovbench_latency_seconds_bucket", "agent=0", "host=", "le=0.001"] == 4
    assert found["ovbench_trials_total", "status=VALID"] == 1
    assert found["ovbench_trials_planned",] == 9
    assert found["ovbench_trial_info", "setting=-nireq 2", "trial=0002"] == 1


GAUGES = (
    "ovbench_agents", "ovbench_load_elapsed_seconds", "ovbench_load_remaining_seconds", "ovbench_cpu_busy_ratio",
    "ovbench_others_busy_ratio", "ovbench_backlog_arrivals",
)  # fmt: skip


@pytest.mark.parametrize(
    "event", [RunEnded(4, False, ()), Joining(4, 2, (0, 1)), Preparing(4, 2, 0, 0, 6), Delivering(4, 2, 1)]
)
def test_when_a_load_is_over_there_are_no_gauges_of_it(event: Event) -> None:
    def names(metrics: Metrics) -> set[str]:
        return {family.name for family in metrics.families()}

    running = after(RUN, READY, SNAPSHOT, COUNTS)
    assert names(running) >= set(GAUGES)
    running.handle(event)
    assert not names(running) & set(GAUGES)
    assert "ovbench_inferences" in names(running)
    running.handle(SNAPSHOT)
    assert names(running) >= set(GAUGES)


def test_a_trial_that_has_ended_is_not_the_one_that_runs() -> None:
    trials = [Trial(name, {}, 0, ()) for name in ("0001", "0002")]
    first, second = (TrialBegins(1, trial, number, 2, None) for number, trial in enumerate(trials, 1))
    ended = TrialEnded(3, Outcome("0001", {}, 0, "2026-01-01T00:00:00Z", 3.0, 0, "VALID", fps=100.0), 1, 2)

    def running(*events: Event) -> list[str]:
        families = (family for family in after(*events).families() if family.name == "ovbench_trial")
        return [labels[0] for family in families for labels in family.values]

    assert running(first) == ["0001"]
    assert running(first, ended) == []
    assert running(first, ended, second) == ["0002"]


def test_between_two_trials_counters_stay_where_they_are(served: list[Exporter]) -> None:
    found = scraped(served, after(READY, COUNTS, READY))
    assert found["ovbench_inferences_total", "agent=0", "host="] == 5
    assert found["ovbench_latency_seconds_count", "agent=0", "host="] == 5


def test_a_port_in_use_is_named(served: list[Exporter]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"^--metrics 127.0.0.1:{port}: .*Address already in use.* another port"):
            Exporter(Address("127.0.0.1", port), Metrics("1.0"))


@pytest.mark.parametrize("host", ["a..b", 64 * "a" + ".example"])
def test_a_name_that_no_host_can_have_is_named(host: str) -> None:
    with pytest.raises(UsageError, match=f"^--metrics {host}:0: '{host}' is no name of a host; give its address"):
        Exporter(Address(host, 0), Metrics("1.0"))


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "prometheus_client", None)
    with pytest.raises(UsageError, match=r"pip install 'ovbench\[metrics\]'"):
        exporter.client_package()
