"""What stands in for a supervisor, and for a coordinator that only launches: real processes with nothing inside.

`python -m tests.standins slurm OPTIONS PYTHON` (or `ray ADDRESS PYTHON`) launches. It prints `hosts A B`, `up` when all
have been asked for, `end HOST HOW` for each that ends, `closed SECONDS`; it reads `end HOST` and `close`.
"""

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ovbench.common.errors import UsageError
from ovbench.coordinator.launch import HostLauncher, Seat
from ovbench.coordinator.launch.ray import RayLauncher
from ovbench.coordinator.launch.slurm import SlurmLauncher

_SUPERVISOR = """
import ctypes, json, os, subprocess, sys
if "-c" in sys.argv:
    os.execv({python!r}, [{python!r}, *sys.argv[1:]])
join = sys.stdin.buffer.readline().decode()
agent = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL, start_new_session=True,
                         preexec_fn=lambda: ctypes.CDLL(None).prctl(1, 9, 0, 0, 0))
host = json.loads(join)["host"]
told = dict(pid=os.getpid(), agent=agent.pid, cpus=sorted(os.sched_getaffinity(0)), join=join, argv=sys.argv[1:],
            environment=dict(os.environ))
with open({folder!r} + "/" + host + ".part", "w") as file:
    json.dump(told, file)
os.rename(file.name, {folder!r} + "/" + host + ".json")
{script}
sys.stdin.buffer.read()
agent.kill()
"""


def supervisor(folder: Path, script: str = "") -> str:
    """A program to be named as a host's Python, which writes what it was given to `folder`/HOST.json, has one agent,
    and ends with its input. `script`: what it does before it waits for that."""
    path = folder / "supervisor"
    path.write_text(
        f"#!{sys.executable} -IS{_SUPERVISOR.format(python=sys.executable, folder=str(folder), script=script)}"
    )
    path.chmod(0o755)
    return str(path)


def told(folder: Path) -> Mapping[str, dict[str, Any]]:
    """What supervisors have written, by hosts."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}


def placed(report: Path) -> dict[str, list[list[int]]]:
    """By hosts, the CPUs that each agent of a run was really on, which its plan had for it. Raises AssertionError."""
    found: dict[str, list[list[int]]] = {}
    for agent in json.loads((report / "report.json").read_text())["agents"]:
        assert agent["state"] == "ok", agent
        mask = agent["placement"]["mask"]
        assert mask == agent["placement"]["requested"] == agent["cpus"], agent
        found.setdefault(agent["host"], []).append(mask)
    return found


def seat(host: str) -> Seat:
    return Seat(host, json.dumps({"host": host, "secret": f"the secret of {host}"}).encode() + b"\n")


class Launching:
    """A coordinator of `main` that was started as a process with pipes."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process

    def expect(self, *beginnings: str) -> str:
        """The next line that begins with one of these, without it."""
        assert self.process.stdout is not None
        passed = []
        for line in self.process.stdout:
            passed.append(line)
            for beginning in beginnings:
                if line.startswith(f"{beginning} ") or line == f"{beginning}\n":
                    return line.removeprefix(beginning).strip()
        raise AssertionError(f"it ended without '{beginnings}': {passed}")

    def say(self, words: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{words}\n")
        self.process.stdin.flush()

    def close(self) -> float:
        """Have it closed; how long that took, in seconds."""
        self.say("close")
        return float(self.expect("closed"))


def main(engine: str, place: str, python: str) -> int:
    try:
        launcher = _launcher(engine, place, python)
    except UsageError as error:
        print(f"refused {error}", flush=True)
        return 2
    except KeyboardInterrupt:
        print("interrupted", flush=True)
        return 130
    print("hosts", *launcher.hosts, flush=True)
    launcher.start([seat(host) for host in launcher.hosts])
    print("up", flush=True)
    _attend(launcher)
    began = time.monotonic()
    launcher.close()
    print(f"closed {time.monotonic() - began:.2f}", flush=True)
    return 0


def _launcher(engine: str, place: str, python: str) -> HostLauncher:
    def say(line: str) -> None:
        print("said", line, flush=True)

    if engine == "ray":
        return RayLauncher(place, python, say=say)
    return SlurmLauncher(place or None, python, say=say)


def _attend(launcher: HostLauncher) -> None:
    assert launcher.fd is not None
    poll = select.poll()
    for fd in (0, launcher.fd):
        poll.register(fd, select.POLLIN)
    while True:
        for fd, _ in poll.poll():
            if fd == launcher.fd:
                for end in launcher.ends():
                    print("end", end.host, end.how, flush=True)
            elif not (words := os.read(0, 4096).decode().split()) or words == ["close"]:
                return
            else:
                launcher.end(words[1])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
