"""--install: has every host make an environment with the same ovbench as here, over ssh, or use one that it has."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from ovbench.common.errors import UsageError

from ..request.hosts import HostSpec
from .couriers import Couriers, Ended
from .ownwheel import OwnWheel, own_wheel
from .sshcommand import Ssh
from .sshfailure import how_ended
from .supervisorline import REACHED, script_bytes, script_line

_SILENCE_S: Final = 600.0
"""Without a word from any host for so long it is given up: pip prints nothing while it downloads or unpacks."""


def install(hosts: Sequence[HostSpec], ssh: Ssh, python: str | None, say: Callable[[str], None]) -> Mapping[str, str]:
    """The Pythons of the environments, by the names of hosts; steps on the way are lines to `say`.

    `python`: --remote-python, which environments are made of; None is the first on the PATH there that is new enough.
    Takes minutes where there is much to download. Raises UsageError that names the host: the first where it failed, at
    which it ends on the others.
    """
    wheel = own_wheel()
    data = script_bytes(_source(), _head(wheel), wheel.data)
    couriers = Couriers()
    ready: dict[str, str] = {}
    by_name = {host.name: host for host in hosts}
    try:
        for host in hosts:
            couriers.add(host.name, ssh.command(host, script_line(python)), data, REACHED)
        heard_s = time.monotonic()
        while not couriers.idle:
            if time.monotonic() - heard_s > _SILENCE_S:
                raise UsageError(f"--install: {_list(couriers.running)} said nothing for {_SILENCE_S:g} s; try again")
            for name, news in couriers.turn(1.0):
                heard_s = time.monotonic()
                if isinstance(news, Ended):
                    _check(by_name[name], news, ready, ssh, python)
                else:
                    _hear(name, news, ready, say)
    finally:
        couriers.close(0.0)
    return ready


def _hear(name: str, line: str, ready: dict[str, str], say: Callable[[str], None]) -> None:
    kind, _, text = line.partition(" ")
    if kind == "ready":
        ready[name] = text
        say(f"{name}: ready: {text}")
    elif kind == "step":
        say(f"{name}: {text}")


def _check(host: HostSpec, ended: Ended, ready: Mapping[str, str], ssh: Ssh, python: str | None) -> None:
    if host.name in ready:
        return
    kind, _, text = ended.last().partition(" ")
    how = text if kind == "failed" else how_ended(ended, host, ssh, python).replace("its supervisor", "the installer")
    raise UsageError(f"--install: {host.name}: {how}")


def _source() -> str:
    return Path(__file__).with_name("installer.py").read_text()


def _head(wheel: OwnWheel) -> bytes:
    head = {
        "key": wheel.key,
        "file": wheel.file,
        "size": len(wheel.data),
        "sha256": hashlib.sha256(wheel.data).hexdigest(),
        "versions": wheel.versions,
    }
    return json.dumps(head).encode() + b"\n"


def _list(names: Mapping[str, object]) -> str:
    return ", ".join(names)
