"""A run over several hosts on this machine: a real coordinator, and for each host a supervisor that is started by hand
with its join file, on CPUs of its own where there are enough."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil

from tests import spawned
from tests.process.driver import AGENT, PATIENCE_S, Coordinator, Ran

_ON: Final = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); os.execv(sys.argv[2], sys.argv[2:])"


@dataclass
class Convoy:
    """`hosts`: supervisors by the names of their hosts."""

    coordinator: Coordinator
    folder: Path
    hosts: dict[str, "subprocess.Popen[str]"] = field(default_factory=dict)

    def join(
        self, name: str, *options: str, cpu: int | None = None, ahead_s: int | None = None
    ) -> "subprocess.Popen[str]":
        """Start the supervisor of a host. `cpu`: the only one that it may use. `ahead_s`: by how much its clock is
        ahead of this machine's, None where it has the same."""
        file = self.await_file(name)
        command = [AGENT, "--host", "--join", str(file), *options]
        if cpu is not None:
            command = [sys.executable, "-c", _ON, str(cpu), *command]
        if ahead_s is not None:
            command = [*with_clock(ahead_s), *command]
        self.hosts[name] = spawned.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=self.folder
        )
        return self.hosts[name]

    def await_file(self, name: str) -> Path:
        """The join file of a host."""
        file = self.folder / f"ovbench-join-{name}.json"
        deadline = time.monotonic() + PATIENCE_S
        while not file.exists():
            assert self.coordinator.process.poll() is None, self.coordinator.errors()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        return file

    def finish(self) -> Ran:
        """The run, and the supervisors with it."""
        ran = self.coordinator.finish()
        for supervisor in self.hosts.values():
            supervisor.communicate(timeout=PATIENCE_S)
        return ran

    def descendants(self) -> list[psutil.Process]:
        """Supervisors, and all that they have started."""
        found: list[psutil.Process] = []
        for supervisor in self.hosts.values():
            try:
                process = psutil.Process(supervisor.pid)
                found += [process, *process.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
        return found

    def reap(self) -> None:
        for supervisor in self.hosts.values():
            supervisor.communicate(timeout=PATIENCE_S)


def with_clock(ahead_s: int) -> list[str]:
    """What runs the command behind it with a CLOCK_MONOTONIC that is ahead by so much (time_namespaces(7))."""
    return ["unshare", "--time", f"--monotonic={ahead_s}", "--fork", "--kill-child=TERM", "--"]


def clocks_can_be_planted() -> bool:
    try:
        return subprocess.run([*with_clock(1), "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def convoy(folder: Path, *options: str, hosts: str = "a,b", together: bool = True, **more: Any) -> Convoy:
    """A coordinator that waits for these hosts, and their supervisors; `together` False starts none."""
    words = ("--launcher", "external", "--hosts", hosts, "--bind", "tcp://127.0.0.1:0", "--join-folder", str(folder))
    found = Convoy(Coordinator(folder, *words, *options, **more), folder)
    cpus = sorted(os.sched_getaffinity(0))
    for index, name in enumerate(hosts.split(",") if together else ()):
        found.join(name.partition("=")[0], cpu=cpus[index % len(cpus)])
    return found
