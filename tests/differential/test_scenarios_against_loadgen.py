"""The same null service behind MLPerf's LoadGen and behind ovbench, for each scenario: the same result within 2 %.

LoadGen's service is one thread of Python that sleeps, then spins: with N streams, N samples take as long as one. Its
way through Python takes 0.1 ms a query, which a service of 10 ms makes 1 %.
"""

import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import pytest

from ovbench.coordinator.result.report import Report, from_json
from ovbench.coordinator.result.scenario import ScenarioPart
from tests.attempts import undisturbed
from tests.builders import ms
from tests.differential import loadgen
from tests.differential.test_against_loadgen import figure

SERVICE_NS: Final = ms(10)
SPIN_NS: Final = ms(1)
WITHIN: Final = 0.02

pytestmark = pytest.mark.long
slowed = undisturbed("whoever takes the CPU makes a service longer for one of the two")


def service(streams: int, service_ns: int = SERVICE_NS) -> loadgen.Service:
    def serve(samples: Sequence[Any]) -> Iterable[Any]:
        rounds = -(-len(samples) // streams)
        end = time.monotonic_ns() + rounds * service_ns
        time.sleep(max(0, end - time.monotonic_ns() - SPIN_NS) / 1e9)
        while time.monotonic_ns() < end:
            pass
        return samples

    return serve


def measured(folder: Path, *argv: str, service_ns: int = SERVICE_NS) -> tuple[Report, ScenarioPart]:
    program = Path(sys.executable).with_name("ovbench-coord")
    device = ("--backend", f"null:{service_ns // 1000}", "--warmup", "0", "--agents", "1")
    words = [str(program), *device, *argv, "--report-folder", str(folder / "run"), "--overwrite", "--json"]
    found = subprocess.run(words, capture_output=True, timeout=120)
    assert found.returncode in (0, 4), found.stderr.decode()
    report = from_json(found.stdout)
    assert report.scenario is not None
    return report, report.scenario


@slowed
def test_single_stream_has_the_same_percentile_and_estimate(tmp_path: Path) -> None:
    theirs = loadgen.run("SingleStream", service(1), min_query_count=150, min_duration_ms=0)
    _, ours = measured(tmp_path, "--scenario", "single-stream", "-t", "1.5")
    assert ours.valid
    assert ours.result.value == pytest.approx(figure(theirs, ours.result.name), rel=WITHIN)
    assert ours.early_stopping is not None
    assert ours.early_stopping.estimates_ns["90.0"] == pytest.approx(
        theirs.said("early_stopping_latency_ss"), rel=WITHIN
    )


@slowed
def test_multi_stream_has_the_same_percentile_of_queries(tmp_path: Path) -> None:
    theirs = loadgen.run(
        "MultiStream", service(4), multi_stream_samples_per_query=4, min_query_count=150, min_duration_ms=0
    )
    _, ours = measured(tmp_path, "--scenario", "multi-stream:4", "-nstreams", "4", "-t", "1")
    assert ours.valid
    assert (ours.queries, ours.samples) == (662, 4 * 662)
    assert ours.result.value == pytest.approx(figure(theirs, ours.result.name), rel=WITHIN)


@slowed
def test_a_server_completes_the_same_share_of_what_is_due(tmp_path: Path) -> None:
    """Arrivals are by chance, and the two draw others: so each rate is compared to that at which its queries came."""
    theirs = loadgen.run(
        "Server",
        service(1, ms(5)),
        server_target_qps=100,
        server_target_latency_ns=200_000_000,
        server_target_latency_percentile=0.99,
        min_query_count=100,
        min_duration_ms=5000,
    )
    argv = ("--rate", "100", "--slo-ms", "200", "-api", "sync", "-t", "5")
    report, ours = measured(tmp_path, "--scenario", "server", *argv, service_ns=ms(5))
    assert report.arrivals is not None
    assert ours.valid
    assert theirs.said("result_validity") == "VALID"
    came = (len(theirs.due) - 1) / float(theirs.due[-1]) * 1e9
    share = figure(theirs, ours.result.name) / came
    assert ours.result.value is not None
    assert ours.result.value / report.arrivals.offered_per_s == pytest.approx(share, rel=WITHIN)


@slowed
def test_offline_has_the_same_samples_per_second(tmp_path: Path) -> None:
    theirs = loadgen.run("Offline", service(2), offline_expected_qps=400 / 660, min_duration_ms=600_000)
    _, ours = measured(tmp_path, "--scenario", "offline", "-nstreams", "2", "-nireq", "4", "-t", "2")
    assert ours.valid
    assert ours.result.value == pytest.approx(figure(theirs, ours.result.name), rel=WITHIN)
