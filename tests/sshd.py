"""A real sshd on a loopback port, with keys and configuration of its own, for a test."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from ovbench.coordinator.launch.sshcommand import Ssh
from ovbench.coordinator.request.hosts import HostSpec
from tests.leftovers import MARK

_PATIENCE_S: Final = 10.0
_PRIVILEGE_SEPARATION: Final = Path("/run/sshd")
"""Where sshd, run by root, wants an empty folder; the unit that Debian starts it by makes it."""


def _sshd() -> str | None:
    return shutil.which("sshd", path=os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin")))


needs_sshd: Final = pytest.mark.skipif(
    _sshd() is None or shutil.which("ssh") is None,
    reason="needs sshd and ssh (Debian: apt-get install openssh-server openssh-client)",
)


@dataclass(frozen=True)
class Sshd:
    """`folder` has `config` for ssh -F, `user` (its key), `known_hosts`, `authorized_keys` and `log`."""

    folder: Path
    port: int
    pid: int

    @property
    def config(self) -> str:
        return str(self.folder / "config")

    @property
    def ssh(self) -> Ssh:
        return Ssh(self.config)

    def host(self, address: str = "127.0.0.1", user: str | None = None) -> HostSpec:
        return HostSpec(f"{address}:{self.port}", address, user, self.port)

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def sessions(self) -> list[int]:
        """Processes of sshd that serve connections, those furthest down first."""
        return _sessions(self.pid)


def start_sshd(folder: Path, environment: dict[str, str], cpu: int | None = None) -> Iterator[Sshd]:
    """`environment`: of what it runs. `cpu`: the only one for that. Yields one, and ends it with its connections."""
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    port = _free_port()
    names = ",".join(f"[{address}]:{port}" for address in ("127.0.0.1", "127.0.0.2", "127.0.0.3", "localhost"))
    (folder / "known_hosts").write_text(f"{names} {(folder / 'host.pub').read_text()}")
    (folder / "authorized_keys").write_text((folder / "user.pub").read_text())
    (folder / "config").write_text(_client(folder))
    (folder / "sshd_config").write_text(_server(folder, port, environment))
    if os.geteuid() == 0:
        _PRIVILEGE_SEPARATION.mkdir(mode=0o755, exist_ok=True)
    command = [_sshd() or "sshd", "-D", "-f", str(folder / "sshd_config"), "-E", str(folder / "log")]
    if cpu is not None:
        command = ["taskset", "-c", str(cpu), *command]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    try:
        _await_port(port, process)
        yield Sshd(folder, port, process.pid)
    finally:
        for session in _sessions(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(session, signal.SIGKILL)
        process.kill()
        process.wait()


def _client(folder: Path) -> str:
    return (
        f"Host *\n  UserKnownHostsFile {folder}/known_hosts\n  GlobalKnownHostsFile none\n"
        f"  IdentityFile {folder}/user\n  IdentitiesOnly yes\n  IdentityAgent none\n"
    )


def _server(folder: Path, port: int, environment: dict[str, str]) -> str:
    variables = " ".join(f'"{name}={value}"' for name, value in environment.items())
    return (
        f"ListenAddress 127.0.0.1:{port}\nListenAddress 127.0.0.2:{port}\nListenAddress 127.0.0.3:{port}\n"
        f"HostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\nPidFile none\n"
        "PermitRootLogin prohibit-password\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n"
        f"MaxStartups 100\nSetEnv {variables}\n"
    )


def sshd_environment(**more: str) -> dict[str, str]:
    """With the mark by which what a test leaves running is found."""
    return {MARK: os.environ[MARK], **more}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError("sshd does not listen; its log says why")


def _sessions(pid: int) -> list[int]:
    """What they have started is not theirs to be ended with."""
    found = []
    for child in _children(pid):
        with contextlib.suppress(OSError):
            if Path(f"/proc/{child}/comm").read_text().strip().startswith("sshd"):
                found += [*_sessions(child), child]
    return found


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []
