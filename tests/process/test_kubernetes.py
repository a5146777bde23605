"""A run with what a manifest has for its pods; processes of this machine stand for them."""

import os
import socket
import subprocess
from pathlib import Path

import yaml

from tests.process.driver import AGENT, COORDINATOR, PATIENCE_S, Start


def test_a_coordinator_outside_runs_on_the_hosts_of_its_manifest(start: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        endpoint = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    folder = tmp_path / "night"
    asked = ("--pods", "2", "--cpus", "1", "--image", "ovbench", "--name", "night", "--advertise", endpoint)
    subprocess.run([COORDINATOR, "manifest", "kubernetes", str(folder), *asked], check=True, stdout=subprocess.DEVNULL)
    null = ("--backend", "null:2000", "-api", "sync", "--agents", "1", "--warmup", "0.1", "-niter", "100")
    keys = ("--launcher", "kubernetes", "--run-keys", str(folder / "run.keys"), "--bind", endpoint)
    coordinator = start(*keys, *null)
    secret = next(yaml.safe_load_all((folder / "manifest.yaml").read_text()))
    pods = []
    for name, join in secret["stringData"].items():
        file = tmp_path / name
        file.touch(mode=0o600)
        file.write_text(join)
        pods.append(subprocess.Popen([AGENT, "--host", "--join", str(file)], cwd=tmp_path))
    ran = coordinator.finish()
    assert ran.code in (0, 4), ran.err
    assert [host["name"] for host in ran.report["hosts"]] == ["night-0", "night-1"]
    assert [pod.wait(PATIENCE_S) for pod in pods] == [os.EX_OK, os.EX_OK]
