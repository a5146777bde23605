"""A real run over two hosts while its port is under every attack at once: it ends with both, and nobody else got in."""

import random
import threading
from pathlib import Path
from typing import Final

from ovbench.common.endpoint import host_and_port
from ovbench.common.join import read_join_file
from ovbench.common.keys import Keys
from tests.process.byhand import Convoy, convoy

from .hostends import Coordinator, Supervisor
from .strangers import ATTACKS, OF_HOSTS

RUNS = 20
_COUNT: Final = 4_000
_LOAD: Final = ("--backend", "null:2000", "-api", "sync", "--agents", "1", "-niter", str(_COUNT))


def attempt(number: int, folder: Path) -> str:
    run = convoy(folder, *_LOAD)
    here = _port_of(run)
    run.coordinator.wait_for("Measuring performance")  # hosts have joined: a key is for who comes first
    stolen = Supervisor(here.join("early"), [1])
    problems: list[str] = []
    besiegers = [
        threading.Thread(target=lambda attack=attack: problems.append(attack(here, random.Random(number), _nothing)))
        for attack in ATTACKS
        if attack not in OF_HOSTS
    ]
    for besieger in (*besiegers, stolen):
        besieger.start()
    ran = run.finish()
    for besieger in besiegers:
        besieger.join()
    stolen.leave()
    if ran.code not in (0, 4):
        problems.append(f"exit code {ran.code}: {ran.err[-300:]}")
    elif ran.report["throughput"]["completed"] != _COUNT or len(ran.report["hosts"]) != 2:
        problems.append(f"throughput {ran.report['throughput']}")
    if not stolen.refused:
        problems.append("who had a stolen key was not refused")
    return ", ".join(one for one in problems if one)


def _nothing() -> None:
    pass


def _port_of(run: Convoy) -> Coordinator:
    """As one sees it who has read the join file of a host."""
    join = read_join_file(str(run.folder / "ovbench-join-a.json"))
    keys = dict.fromkeys(("early", "hostile"), Keys(join.public_key, join.secret_key))
    return Coordinator(Keys(join.coordinator_key, ""), keys, host_and_port(join.endpoint), run.coordinator.process)
