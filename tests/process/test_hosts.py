"""Runs over several hosts: real coordinators, supervisors and agents, the hosts being CPUs of this machine."""

import json
import os
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from ovbench.common.join import read_join_file
from tests import spawned
from tests.process.byhand import Convoy, convoy
from tests.process.driver import COORDINATOR, ENDLESS, PATIENCE_S, gone

NULL: Final = ("--backend", "null:2000", "-api", "sync", "--agents", "1", "--warmup", "0.1")
COUNT: Final = 400


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, object], dict[str, np.ndarray], str]:
    """A run of a known number of inferences on two hosts, of which the second has two agents. A stranger called."""
    folder = tmp_path_factory.mktemp("counted")
    found = convoy(folder, *NULL, "-niter", str(COUNT), "--save-samples", hosts="a,b=2", together=False)
    endpoint = read_join_file(str(found.await_file("a"))).endpoint
    address, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    with socket.create_connection((address, int(port))) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with suppress(ConnectionResetError):
            while stranger.recv(4096):  # until it is cut off
                pass
    for name, cpu in (("a", 0), ("b", -1)):
        found.join(name, cpu=sorted(os.sched_getaffinity(0))[cpu])
    ran = found.finish()
    assert ran.code in (0, 4), ran.err
    with np.load(ran.folder / "samples.npz") as arrays:
        return ran.report, dict(arrays), ran.out


def test_every_inference_of_every_host_is_counted_once(
    counted: tuple[dict[str, object], dict[str, np.ndarray], str],
) -> None:
    report, arrays, _ = counted
    ends = [arrays[f"agent_{agent}_end_ns"] for agent in range(3)]
    assert report["throughput"]["completed"] == COUNT  # type: ignore[index]
    assert sum(map(len, ends)) == report["throughput"]["count"]  # type: ignore[index]
    assert [agent["host"] for agent in report["agents"]] == ["a", "b", "b"]  # type: ignore[attr-defined]


def test_connections_that_were_refused_are_told(counted: tuple[dict[str, object], dict[str, np.ndarray], str]) -> None:
    assert counted[0]["refused_connections"] == 1


def test_samples_of_all_hosts_are_by_one_clock_and_services_are_those_of_the_host(
    counted: tuple[dict[str, object], dict[str, np.ndarray], str],
) -> None:
    _, arrays, _ = counted
    for agent in range(3):
        starts, ends = arrays[f"agent_{agent}_start_ns"], arrays[f"agent_{agent}_end_ns"]
        assert (np.diff(ends) > 0).all()
        # The null device takes 2 ms at least, however instants were mapped: give or take the drift of clocks.
        assert (ends - starts).min() >= 2_000_000 * (1 - 1e-3)


def test_each_host_has_a_row_in_the_report_and_in_the_text(
    counted: tuple[dict[str, object], dict[str, np.ndarray], str],
) -> None:
    report, _, out = counted
    hosts = report["hosts"]
    assert isinstance(hosts, list)
    assert [host["name"] for host in hosts] == ["a", "b"]
    for host in hosts:
        assert host["clock"]["round_trips"] >= 64
        # Both hosts are this machine: the true offset is 0, and has to be within the bound that was told.
        assert abs(host["clock"]["offset_us"]) <= host["clock"]["offset_error_us"]
    assert sum(host["throughput"]["count"] for host in hosts) == report["throughput"]["count"]  # type: ignore[index]
    assert "2 hosts · 3 agents" in out


def test_nothing_is_left_of_a_run_that_ended(tmp_path: Path) -> None:
    found = convoy(tmp_path, *NULL, "-niter", "50")
    found.coordinator.wait_for("Measuring performance")
    family = found.descendants()
    assert family
    found.finish()
    assert gone(family)
    assert list(tmp_path.glob("ovbench-join-*")) == []


def test_ctrl_c_yields_what_all_hosts_have_measured(tmp_path: Path) -> None:
    found = convoy(tmp_path, *NULL, *ENDLESS)
    found.coordinator.wait_for("so far about")
    ran = found.coordinator.interrupt()
    found.reap()
    assert ran.code == 130
    assert all(host["throughput"]["count"] > 0 for host in ran.report["hosts"])


@pytest.mark.parametrize("ended", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "ended"])
def test_a_host_that_is_lost_makes_the_run_partial_by_its_name_and_the_rest_is_kept(
    tmp_path: Path, ended: signal.Signals
) -> None:
    found = convoy(tmp_path, *NULL, "-t", "4")
    found.coordinator.wait_for("so far about")
    family = found.descendants()
    found.hosts["b"].send_signal(ended)
    ran = found.finish()
    assert ran.code == 3, ran.out
    assert ran.report["validity"]["status"] == "PARTIAL"
    first, second = ran.report["hosts"]
    assert first["throughput"]["count"] > 500
    assert second["state"] != "ok"
    assert any("host b" in finding["message"].lower() for finding in ran.report["validity"]["findings"])
    assert gone(family)


def test_a_coordinator_that_is_killed_leaves_no_load_on_any_host(tmp_path: Path) -> None:
    found = convoy(tmp_path, *NULL, *ENDLESS)
    found.coordinator.wait_for("so far about")
    family = found.descendants()
    found.coordinator.process.kill()
    assert gone(family)
    found.coordinator.finish()
    found.reap()


def test_arrivals_over_hosts_are_those_of_the_whole_schedule(tmp_path: Path) -> None:
    rate = ("--rate", "200", "--arrivals", "poisson", "--arrival-seed", "5", "-t", "1", "--save-samples")
    ran = convoy(tmp_path, *NULL, *rate).finish()
    assert ran.code in (0, 4), ran.err
    report = ran.report
    assert report["arrivals"]["unfinished"] == 0
    with np.load(ran.folder / "samples.npz") as arrays:
        due = np.sort(np.concatenate([arrays[f"agent_{agent}_due_ns"] for agent in (0, 1)]))
        window = arrays["window_ns"]
    within = due[(due >= window[0]) & (due < window[1])]
    assert len(within) == report["arrivals"]["offered"]


@pytest.mark.long
def test_a_model_goes_to_hosts_that_do_not_have_it_and_is_found_there_the_next_time(tmp_path: Path) -> None:
    spawned.run([COORDINATOR, "export-model", "builtin:tiny", "model.xml"], cwd=tmp_path, check=True)
    words = ("-m", "model.xml", "-api", "sync", "--agents", "1", "-t", "0.5", "--warmup", "0")
    for folder in ("first", "second"):
        found = convoy(tmp_path, *words, together=False)
        for name in ("a", "b"):
            found.join(name, "--model-cache", str(tmp_path / f"cache-{name}"))
        ran = found.finish()
        assert ran.code in (0, 4), ran.err
        assert sum(host["throughput"]["count"] for host in ran.report["hosts"]) > 0
        ran.folder.rename(tmp_path / folder)
    for name in ("a", "b"):
        kept = [path.read_bytes() for path in (tmp_path / f"cache-{name}").rglob("*") if path.is_file()]
        assert (tmp_path / "model.bin").read_bytes() in kept


def test_a_study_joins_its_hosts_once_and_each_trial_runs_on_those_that_it_names(tmp_path: Path) -> None:
    words = ("study", "--hosts", "a", "--hosts", "a,b", "--repetitions", "1", "--retry-suspect", "0")
    more = ("--launcher", "external", "--bind", "tcp://127.0.0.1:0", "--join-folder", str(tmp_path))
    coordinator = convoy_of_study(tmp_path, *words, *more, *NULL, "-niter", "40")
    ran = coordinator.coordinator.finish()
    coordinator.reap()
    assert ran.code in (0, 4), ran.err
    trials = sorted((tmp_path / "report" / "trials").iterdir())
    hosts = [[host["name"] for host in json.loads((trial / "report.json").read_text())["hosts"]] for trial in trials]
    assert sorted(hosts) == [["a"], ["a", "b"]]


@pytest.mark.long
def test_a_study_that_loses_a_host_ends_and_keeps_what_was_run_before(tmp_path: Path) -> None:
    words = ("study", "--hosts", "a,b", "-max_irate", "100,200,300", "--repetitions", "1", "--retry-suspect", "0")
    more = ("--launcher", "external", "--bind", "tcp://127.0.0.1:0", "--join-folder", str(tmp_path))
    found = convoy_of_study(tmp_path, *words, *more, *NULL, "-t", "1.5")
    trials = tmp_path / "report" / "trials"
    until = time.monotonic() + PATIENCE_S
    while not list(trials.glob("*/report.json")) and time.monotonic() < until:
        time.sleep(0.01)
    found.hosts["b"].kill()
    ran = found.coordinator.finish()
    found.reap()
    assert ran.code == 3, ran.out + ran.err
    assert "host b is lost" in ran.out
    assert "goes on with it" in ran.out
    kept = [json.loads(file.read_text())["validity"]["status"] for file in trials.glob("*/report.json")]
    assert 1 <= len(kept) < 3
    assert "PARTIAL" not in kept


def convoy_of_study(folder: Path, *words: str) -> Convoy:
    from tests.process.driver import Coordinator

    found = Convoy(Coordinator(folder, *words), folder)
    cpus = sorted(os.sched_getaffinity(0))
    for index, name in enumerate(("a", "b")):
        found.join(name, cpu=cpus[index % len(cpus)])
    return found


def test_a_host_that_does_not_come_is_one_sentence(tmp_path: Path) -> None:
    found = convoy(tmp_path, *NULL, "-niter", "10", "--join-timeout", "5", together=False)
    found.join("a")
    ran = found.coordinator.finish(PATIENCE_S)
    found.reap()
    assert ran.code == 2
    assert "host b: its supervisor did not join within 5 s" in ran.err
    assert "Traceback" not in ran.err
