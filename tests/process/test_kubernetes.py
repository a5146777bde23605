"""A run with what a manifest has for its pods; processes of this machine stand for them."""

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests import spawned
from tests.process.driver import AGENT, COORDINATOR, PATIENCE_S, Start


def pod(job: Any, join: str, root: Path) -> "subprocess.Popen[bytes]":
    """The command of its container, with the folders of a pod inside `root`; its secret can be read by a group."""
    (root / "run").mkdir(parents=True)
    (root / "given").write_text(join)
    (root / "given").chmod(0o440)
    container = job["spec"]["template"]["spec"]["containers"][0]
    paths = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    words = [
        word.replace(paths["given"], str(root / "given")).replace(paths["own"], str(root / "run"))
        for word in container["command"]
    ]
    environment = {**os.environ, "PATH": f"{Path(AGENT).parent}:{os.environ['PATH']}"}
    return subprocess.Popen(words, cwd=root, env=environment)


def test_a_coordinator_outside_runs_on_the_hosts_of_its_manifest(start: Start, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        endpoint = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
    folder = tmp_path / "night"
    asked = ("--pods", "2", "--cpus", "1", "--image", "ovbench", "--name", "night", "--advertise", endpoint)
    spawned.run([COORDINATOR, "manifest", "kubernetes", str(folder), *asked], check=True, stdout=subprocess.DEVNULL)
    null = ("--backend", "null:2000", "-api", "sync", "--agents", "1", "--warmup", "0.1", "-niter", "100")
    keys = ("--launcher", "kubernetes", "--run-keys", str(folder / "run.keys"), "--bind", endpoint)
    coordinator = start(*keys, *null)
    secret, job = yaml.safe_load_all((folder / "manifest.yaml").read_text())
    pods = [pod(job, join, tmp_path / name) for name, join in secret["stringData"].items()]
    ran = coordinator.finish()
    assert ran.code in (0, 4), ran.err
    assert [host["name"] for host in ran.report["hosts"]] == ["night-0", "night-1"]
    assert [one.wait(PATIENCE_S) for one in pods] == [os.EX_OK, os.EX_OK]
    assert (tmp_path / "host-0" / "run" / "own").stat().st_mode & 0o777 == 0o600
