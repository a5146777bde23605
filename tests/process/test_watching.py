"""Runs that are watched: by a file of events, by whoever scrapes metrics, and by a real Prometheus."""

import json
import math
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
from prometheus_client.openmetrics import parser

from tests.process.byhand import convoy
from tests.process.driver import PATIENCE_S, Run, Start

NULL: Final = ("--backend", "null:1000", "--agents", "2", "-api", "sync", "--warmup", "0.2")
DASHBOARD: Final = Path(__file__).parents[2] / "docs" / "examples" / "grafana-ovbench.json"


def events(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_file_of_events_tells_the_run_from_its_plan_to_its_verdict_with_complete_counts(
    run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "run.jsonl"
    ran = run(*NULL, "-t", "2.5", "--live", f"jsonl:{file}", "--save-samples")
    told = events(file)
    kinds = [one["event"] for one in told]
    # The verdict stands last, unless it was known as it is already: as where others use these CPUs.
    concluded = told[kinds.index("concluded")]
    assert kinds[0] == "run"
    assert kinds[kinds.index("concluded") :] in (["concluded"], ["concluded", "standing"])
    assert "snapshot" in kinds
    assert kinds.count("counts") >= 2
    assert concluded["status"] == ran.report["validity"]["status"]
    assert concluded["fps"] == ran.report["throughput"]["fps"]
    last = [one for one in told if one["event"] == "counts"][-1]
    completed = {agent["id"]: agent["inferences"] for agent in last["agents"]}
    for agent in ran.report["agents"]:
        # The window ends with the first request that is not started again; at most one inference of each is beyond it.
        assert 0 <= completed[agent["id"]] - agent["throughput"]["count"] <= 2
    with np.load(ran.folder / "samples.npz") as arrays:
        spans = [arrays[f"agent_{agent}_end_ns"] - arrays[f"agent_{agent}_start_ns"] for agent in range(2)]
    latencies_ms = np.sort(np.concatenate(spans)) / 1e6
    # Beyond the window there are at most four more, so the percentile is at most four places away.
    place = math.ceil(0.99 * len(latencies_ms)) - 1
    near = latencies_ms[[place - 4, min(place + 4, len(latencies_ms) - 1)]]
    assert 0.95 * near[0] <= last["p99_ms"] <= 1.05 * near[1]


def test_events_on_stdout_are_alone_there(run: Run) -> None:
    ran = run(*NULL, "-t", "0.5", "--live", "jsonl:-")
    assert {json.loads(line)["event"] for line in ran.out.splitlines()} >= {"run", "ended", "concluded"}
    assert "FPS" in ran.err


@pytest.mark.parametrize("verb", [(), ("study", "-nireq", "1,2", "--repetitions", "1", "--retry-suspect", "0")])
def test_a_file_of_events_that_breaks_ends_with_5_and_what_was_measured(run: Run, verb: tuple[str, ...]) -> None:
    ran = run(*verb, *NULL, "-t", "0.3", "--live", "jsonl:/dev/full")
    assert ran.code == 5
    assert "--live jsonl:/dev/full: the events are not all there: No space left on device" in ran.err + ran.out
    assert "FPS" in ran.out


def scraped(url: str) -> dict[tuple[str, ...], float]:
    asked = urllib.request.Request(url, headers={"Accept": "application/openmetrics-text"})
    text = urllib.request.urlopen(asked).read().decode()
    parse: Any = parser.text_string_to_metric_families
    return {
        (sample.name, *sorted(sample.labels.values())): float(sample.value)
        for family in parse(text)
        for sample in family.samples
    }


def test_metrics_of_a_run_count_every_inference(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    coordinator = start(*NULL, "-t", "600", "--metrics", str(port))
    coordinator.wait_for(f"metrics at http://127.0.0.1:{port}/metrics")
    found: dict[tuple[str, ...], float] = {}
    before = -1.0
    until = time.monotonic() + PATIENCE_S
    while found.get(("ovbench_inferences_total", "", "0"), 0.0) < 1_500 and time.monotonic() < until:
        found = scraped(f"http://127.0.0.1:{port}/metrics")
        now = found.get(("ovbench_inferences_total", "", "0"), 0.0)
        assert now >= before
        before = now
        time.sleep(0.1)
    assert found["ovbench_latency_seconds_count", "", "0"] == before
    assert found["ovbench_latency_seconds_bucket", "", "+Inf", "0"] == before
    assert found["ovbench_latency_seconds_bucket", "", "0", "0.0008"] == 0  # each takes a millisecond
    assert found["ovbench_phase", "running"] == 1
    ran = coordinator.interrupt()
    assert ran.report["agents"][0]["throughput"]["count"] >= before - 2


def test_counts_over_hosts_are_complete_and_have_their_hosts(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    flags = ("--backend", "null:2000", "-api", "sync", "--agents", "1", "--warmup", "0.1", "-niter", "400")
    found = convoy(tmp_path, *flags, "--live", f"jsonl:{file}", hosts="a,b=2", together=False)
    for name, cpu in (("a", 0), ("b", -1)):
        found.join(name, cpu=sorted(os.sched_getaffinity(0))[cpu])
    ran = found.finish()
    assert ran.code in (0, 4), ran.err
    last = [one for one in events(file) if one["event"] == "counts"][-1]
    assert [agent["host"] for agent in last["agents"]] == ["a", "b", "b"]
    assert sum(agent["inferences"] for agent in last["agents"]) == 400


def test_a_port_in_use_is_said_before_anything_is_measured(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = run(*NULL, "-t", "1", "--metrics", str(taken.getsockname()[1]))
    assert ran.code == 2
    assert "Address already in use" in ran.err
    assert "give another port" in ran.err


def expressions() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"].replace("$__rate_interval", "5s") for panel in panels for target in panel["targets"]]


@pytest.mark.long
@pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed (Debian: prometheus)")
def test_prometheus_scrapes_a_run_and_answers_what_the_dashboard_asks(start: Start, tmp_path: Path) -> None:
    ports = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as free:
            ports.append(free.getsockname()[1])
    metrics, api = ports
    (tmp_path / "prometheus.yml").write_text(
        "scrape_configs:\n  - job_name: ovbench\n    scrape_interval: 1s\n    static_configs:\n"
        f"      - targets: ['127.0.0.1:{metrics}']\n"
    )

    def asked(expression: str) -> list[Any]:
        query = urllib.parse.urlencode({"query": expression})
        with urllib.request.urlopen(f"http://127.0.0.1:{api}/api/v1/query?{query}") as answer:
            decoded = json.load(answer)
        assert decoded["status"] == "success", expression
        found: list[Any] = decoded["data"]["result"]
        return found

    arguments = [
        "prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address=127.0.0.1:{api}",
    ]  # fmt: skip
    load = ("--backend", "null:1000", "--agents", "2", "--rate", "500", "-t", "600", "--metrics", str(metrics))
    coordinator = start(*load)
    with subprocess.Popen(arguments, stderr=subprocess.DEVNULL) as prometheus:
        try:
            until = time.monotonic() + PATIENCE_S
            rate = 0.0
            while not rate and time.monotonic() < until:
                time.sleep(1.0)
                try:
                    result = asked("sum(rate(ovbench_inferences_total[5s]))")
                except OSError:
                    continue
                rate = float(result[0]["value"][1]) if result else 0.0
            time.sleep(6.0)
            answers = {expression: asked(expression) for expression in expressions()}
            rate = float(asked("sum(rate(ovbench_inferences_total[5s]))")[0]["value"][1])
            assert rate == pytest.approx(500, rel=0.3)
            assert [expression for expression, answer in answers.items() if not answer] == []
            completed = float(asked("sum(ovbench_inferences_total)")[0]["value"][1])
            assert float(asked("sum(ovbench_latency_seconds_count)")[0]["value"][1]) >= completed
        finally:
            prometheus.terminate()
    ran = coordinator.interrupt()
    assert ran.report["throughput"]["count"] >= completed - 4
