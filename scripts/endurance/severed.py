"""A whole run over two hosts in network namespaces, between which nothing passes for 1 to 10 s at any moment: every
inference is counted once, or the far host is given up by its name in time and the near one is kept.

Needs root, ip and nft.
"""

import json
import os
import random
import secrets
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from tests.leftovers import MARK, end, running

from .namespaces import HERE, cut, heal, namespaces

RUNS = 30
COORDINATOR: Final = str(Path(sys.executable).with_name("ovbench-coord"))
AGENT: Final = str(Path(sys.executable).with_name("ovbench-agent"))
HEALS_S: Final = 1.5
"""A partition that is shorter must do no harm."""

GIVEN_UP_S: Final = 4.0
PATIENCE_S: Final = 120.0
INFERENCES: Final = 4_000
_LOAD: Final = ("--backend", "null:2000", "-api", "sync", "--agents", "1", "--warmup", "0.1", "-niter", str(INFERENCES))


def attempt(number: int, folder: Path) -> str:
    chance = random.Random(number)
    length_s = chance.choice((chance.uniform(1.0, 2.5), chance.uniform(1.0, 10.0)))
    after_s = chance.uniform(0.0, 3.5)
    mark = f"soak-{secrets.token_hex(8)}"
    with namespaces() as (ours, theirs):
        try:
            problem = _run(folder, mark, (ours, theirs), after_s, length_s)
            left = running(mark)
        finally:
            end(running(mark))
    problem = problem or (f"left: {left}" if left else "")
    return problem and f"a partition of {length_s:.1f} s after {after_s:.1f} s: {problem}"


def _run(folder: Path, mark: str, names: tuple[str, str], after_s: float, length_s: float) -> str:
    environment = {**os.environ, MARK: mark}
    ours, theirs = names
    words = ("--launcher", "external", "--hosts", "near,far", "--bind", f"tcp://{HERE}:0", "--join-folder", str(folder))
    out = folder / "out"
    with out.open("wb") as stream:
        command = ["ip", "netns", "exec", ours, COORDINATOR, *words, *_LOAD, "--report-folder", str(folder / "report")]
        coordinator = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, cwd=folder)
    for name, namespace in (("near", ours), ("far", theirs)):
        file = folder / f"ovbench-join-{name}.json"
        if not _until(file.exists):
            return "there is no join file"
        command = ["ip", "netns", "exec", namespace, AGENT, "--host", "--join", str(file)]
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if not _until(lambda: b"agents infer" in out.read_bytes()):
        return f"it did not begin: {out.read_text()[-400:]}"
    time.sleep(after_s)
    cut(theirs)
    began = time.monotonic()
    given_up_s = None
    while time.monotonic() < began + length_s:
        if given_up_s is None and b"is lost" in out.read_bytes():
            given_up_s = time.monotonic() - began
        time.sleep(0.02)
    heal(theirs)
    if not _until(lambda: coordinator.poll() is not None):
        coordinator.kill()
        return "it did not end"
    if not _until(lambda: not running(mark), GIVEN_UP_S):
        return f"left: {running(mark)}"
    return _wrong(json.loads((folder / "report" / "report.json").read_text()), length_s, given_up_s)


def _wrong(report: dict[str, Any], length_s: float, given_up_s: float | None) -> str:
    status = report["validity"]["status"]
    done = {agent["host"]: agent["throughput"] for agent in report["agents"]}
    if status != "PARTIAL":
        total = sum(part["completed"] for part in done.values())
        return "" if total == INFERENCES else f"{status}, {total} of {INFERENCES} inferences"
    if length_s < HEALS_S:
        return "the host was given up"
    if given_up_s is not None and given_up_s > GIVEN_UP_S:
        return f"the host was given up after {given_up_s:.1f} s"
    near = done["near"]
    if near is None or near["completed"] != INFERENCES // 2:
        return f"the near host has {near}"
    if not any("far" in finding["message"] for finding in report["validity"]["findings"]):
        return "the far host is not named"
    return ""


def _until(done: Callable[[], bool], timeout_s: float = PATIENCE_S) -> bool:
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
