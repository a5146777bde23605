"""A run over two hosts by each launcher, ended in each way: what it leaves, how soon, and where its agents were.

By ssh (a real sshd) and by hand. An end is the run's own, Ctrl-C, the coordinator killed, a supervisor killed, or the
engine that started it killed, here or there. No process may be left 4 s later, on either side.
"""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.leftovers import MARK, end, running
from tests.sshd import start_sshd

COORDINATOR: Final = str(Path(sys.executable).with_name("ovbench-coord"))
AGENT: Final = str(Path(sys.executable).with_name("ovbench-agent"))
GONE_WITHIN_S: Final = 4.0
PATIENCE_S: Final = 90.0
_NULL: Final = ("--backend", "null:2000", "-api", "sync", "--agents", "1", "--warmup", "0.1")
_SHORT, _ENDLESS = ("-t", "3"), ("-t", "600")


@dataclass
class Launched:
    """`words`: what the coordinator is told of its hosts. `join`: starts what the launcher does not, given the folder.
    `engine`: whether a command line is of the engine's, for one host; `far`: what the engine has running on a host.
    Each host has a CPU of its own, so that one does not disturb the other's."""

    words: tuple[str, ...]
    environment: dict[str, str]
    join: Callable[[Path], None] = lambda folder: None
    engine: Callable[[str], bool] = lambda words: False
    far: Callable[[], list[int]] = list


@contextmanager
def by_ssh(folder: Path, mark: str) -> Iterator[Launched]:
    environment = {**os.environ, MARK: mark}
    with ExitStack() as both:
        sshds = []
        for name, cpu in zip(("first", "second"), _two_cpus(), strict=True):
            (folder / name).mkdir()
            sshds.append(both.enter_context(contextmanager(start_sshd)(folder / name, {MARK: mark}, cpu)))
        first, second = sshds
        config = folder / "config"
        of_second = Path(second.config).read_text().replace("Host *", "Host 127.0.0.3")
        config.write_text(of_second + Path(first.config).read_text())
        hosts = f"127.0.0.2:{first.port},127.0.0.3:{second.port}"
        words = ("--hosts", hosts, "--ssh-config", str(config), "--remote-python", sys.executable)
        yield Launched(words, environment, engine=_reaches_the_second, far=lambda: second.sessions()[-1:])


def _two_cpus() -> tuple[int, int]:
    first, second, *_ = [*sorted(os.sched_getaffinity(0)) * 2]
    return first, second


def _reaches_the_second(line: str) -> bool:
    return line.startswith("ssh ") and "127.0.0.3" in line


@contextmanager
def by_hand(folder: Path, mark: str) -> Iterator[Launched]:
    environment = {**os.environ, MARK: mark}
    words = ("--launcher", "external", "--hosts", "a,b", "--join-folder", str(folder))
    started: list[subprocess.Popen[bytes]] = []

    def join(folder: Path) -> None:
        for name, cpu in zip(("a", "b"), _two_cpus(), strict=True):
            file = folder / f"ovbench-join-{name}.json"
            _until(file.exists)
            command = ["taskset", "-c", str(cpu), AGENT, "--host", "--join", str(file)]
            started.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))

    try:
        yield Launched(words, environment, join)
    finally:
        for process in started:
            process.kill()
            process.wait()


LAUNCHERS: Final = {"ssh": by_ssh, "by hand": by_hand}
ENDS: Final = ("its own", "Ctrl-C", "coordinator killed", "supervisor killed", "engine killed", "engine killed there")
LOST: Final = ENDS[3:]
"""One host is, and the other goes on."""

COMBINATIONS: Final = [(name, how) for name in LAUNCHERS for how in ENDS if name == "ssh" or "engine" not in how]
RUNS = 10 * len(COMBINATIONS)


def attempt(number: int, folder: Path) -> str:
    name, how = COMBINATIONS[number % len(COMBINATIONS)]
    mark = f"soak-{secrets.token_hex(8)}"
    with LAUNCHERS[name](folder, mark) as launched:
        before = set(running(mark))
        problem = _run(launched, how, folder, mark, before)
        left = set(running(mark)) - before
        end(left)
    return problem and f"{name}, {how}: {problem}"


def _run(launched: Launched, how: str, folder: Path, mark: str, before: set[int]) -> str:
    length = _SHORT if how == "its own" else _ENDLESS
    report = folder / "report"
    bind = ("--bind", "tcp://127.0.0.1:0", "--report-folder", str(report))
    words = [COORDINATOR, *launched.words, *bind, *_NULL, *length]
    with open(folder / "out", "wb") as out:
        coordinator = subprocess.Popen(words, env=launched.environment, stdout=out, stderr=out, cwd=folder)
    launched.join(folder)
    if not _until(lambda: b"so far about" in (folder / "out").read_bytes() or coordinator.poll() is not None):
        return "it did not begin"
    if how != "its own" and coordinator.poll() is not None:
        return f"it ended: {(folder / 'out').read_text()[-400:]}"
    problem = _end(how, coordinator, launched, mark)
    if problem:
        return problem
    began = time.monotonic()
    if how != "coordinator killed":
        if how in LOST:
            if not _until(lambda: b"is lost" in (folder / "out").read_bytes(), GONE_WITHIN_S + 2):
                return "the host was not given up"
            coordinator.send_signal(signal.SIGINT)
        if not _until(lambda: coordinator.poll() is not None):
            return "it did not end"
        began = time.monotonic()
    problem = wrong(how, coordinator.poll(), report)
    if problem:
        return f"{problem}: {(folder / 'out').read_text()[-600:]}"
    if how == "its own":
        print(f"  {how}: {verdict(report)}", file=sys.stderr, flush=True)
    if not _until(lambda: not set(running(mark)) - before - {coordinator.pid}, GONE_WITHIN_S):
        return f"left after {time.monotonic() - began:.1f} s: {running(mark)}"
    coordinator.wait()
    return ""


def _end(how: str, coordinator: "subprocess.Popen[bytes]", launched: Launched, mark: str) -> str:
    match how:
        case "Ctrl-C":
            coordinator.send_signal(signal.SIGINT)
        case "coordinator killed":
            coordinator.kill()
            coordinator.wait()
        case "supervisor killed":
            supervisors = [pid for pid, line in running(mark).items() if _supervises(line)]
            if len(supervisors) < 2:
                return f"there are {len(supervisors)} supervisors: {running(mark)}"
            os.kill(max(supervisors), signal.SIGKILL)
        case "engine killed" | "engine killed there":
            here = [pid for pid, line in running(mark).items() if launched.engine(line)]
            engines = here if how == "engine killed" else launched.far()
            if not engines:
                return "there is no such process of the engine"
            for pid in engines:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    return ""


def _supervises(line: str) -> bool:
    return "--host --join" in line and not line.startswith("ssh ")


def wrong(how: str, code: int | None, folder: Path) -> str:
    """With the end of a coordinator, or with its report; empty if nothing is."""
    if how == "coordinator killed":
        return ""
    expected = {"its own": (0,), "Ctrl-C": (130,)}.get(how, (130, 3))
    if code not in expected:
        return f"exit code {code}"
    if not (folder / "report.json").exists():
        return "there is no report"
    report: dict[str, Any] = json.loads((folder / "report.json").read_text())
    if len(report["hosts"]) != 2:
        return f"{len(report['hosts'])} hosts in the report"
    measured = [agent for agent in report["agents"] if agent["state"] == "ok"]
    if len(measured) < (2 if how in ("its own", "Ctrl-C") else 1):
        return f"{len(measured)} agents measured"
    for agent in measured:
        placed = agent["placement"]
        if not placed["mask"] == placed["requested"] == agent["cpus"]:
            return f"agent {agent['id']} was on {placed}"
    return ""


def verdict(folder: Path) -> str:
    """Of a report, in words, for those who look: whether the machine let it be VALID is not what is tried here."""
    validity = json.loads((folder / "report.json").read_text())["validity"]
    codes = sorted({finding["code"] for finding in validity["findings"]})
    return f"{validity['status']} {' '.join(codes)}".strip()


def _until(done: Callable[[], bool], timeout_s: float = PATIENCE_S) -> bool:
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
