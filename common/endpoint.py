"""Addresses of the bus, and who can reach them: on one host a socket in a folder of one's own, between hosts a port.

A coordinator has agents load models and run them, and agents report figures that a coordinator believes. Over ipc://
the file system keeps others out, as long as nobody else can put a socket where ours is looked for; over tcp:// keys do.
"""

import contextlib
import errno
import fcntl
import os
import re
import socket
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from .errors import UsageError

_IPC: Final = "ipc://"
_TCP: Final = "tcp://"
_BACKLOG: Final = 4_096
_LOCK_TRIES: Final = 100
_LOCK_NAP_S: Final = 0.02
_OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def checked(endpoint: str) -> str:
    """An ipc:// endpoint with links resolved, so that it stays what was checked. Raises UsageError with the reason."""
    if not endpoint.startswith(_IPC + "/") or endpoint.endswith("/"):
        over = "; other hosts join by ovbench-agent --host" if endpoint.startswith("tcp://") else ""
        raise UsageError(f"{endpoint}: use ipc:///path/to/socket{over}")
    folder, name = os.path.split(endpoint.removeprefix(_IPC))
    return _IPC + os.path.join(_checked_folder(endpoint, folder), name)


def checked_tcp(endpoint: str) -> str:
    """A tcp:// endpoint to listen at for other hosts: one address, with a port or 0 for any. Raises UsageError."""
    try:
        host, _ = host_and_port(endpoint, least=0)
    except OSError as error:
        raise UsageError(f"{endpoint}: {error.strerror}") from None
    if not endpoint.startswith(_TCP) or not re.fullmatch(r"[0-9A-Za-z.:_%-]+", host) or _is_everywhere(host):
        raise UsageError(f"{endpoint}: use tcp://ADDRESS:PORT with one address of this host, as its hosts reach it")
    return endpoint


def _is_everywhere(host: str) -> bool:
    """All interfaces, in whatever notation the system takes."""
    with contextlib.suppress(OSError):
        return not any(socket.inet_aton(host))
    with contextlib.suppress(OSError):
        return not any(socket.inet_pton(socket.AF_INET6, host.partition("%")[0])[12:])
    return False


def _checked_folder(endpoint: str, folder: str) -> str:
    """Nobody but its owner and root may put anything into it, nor another folder in its place."""
    real = os.path.realpath(folder)
    advice = "use a folder of your own, as one made with: mkdir -m 700"
    try:
        last = os.stat(real)
        if not stat.S_ISDIR(last.st_mode):
            raise UsageError(f"{endpoint}: {folder} is not a folder; {advice}")
        if last.st_uid not in trusted_users():
            raise UsageError(
                f"{endpoint}: {folder} belongs to another user, who could take the socket's place; {advice}"
            )
        if last.st_mode & _OTHERS_WRITE:
            raise UsageError(f"{endpoint}: others may write to {folder} and take the socket's place; {advice}")
        for parent in _parents(real):
            above = os.stat(parent)
            sticky = bool(above.st_mode & stat.S_ISVTX)
            if above.st_uid not in trusted_users() or (above.st_mode & _OTHERS_WRITE and not sticky):
                raise UsageError(f"{endpoint}: others may put another folder in the place of {folder}; {advice}")
    except OSError as error:
        raise UsageError(f"{endpoint}: {folder}: {error.strerror}; {advice}") from None
    return real


def _parents(path: str) -> Iterator[str]:
    while path != "/":
        path = os.path.dirname(path)
        yield path


def trusted_users() -> tuple[int, ...]:
    """Whose word is taken: this user's, and that of root, who can do anything anyway."""
    return (os.geteuid(), 0)


@dataclass(frozen=True)
class Listener:
    """A socket that listens at `path`; `fd` belongs to whoever accepts on it."""

    path: str
    fd: int
    device: int
    inode: int

    def remove(self) -> None:
        """Its name, if that is still this socket's. Before it is closed: then it is anybody's to take."""
        with contextlib.suppress(OSError):
            found = os.lstat(self.path)
            if (found.st_dev, found.st_ino) == (self.device, self.inode):
                os.unlink(self.path)


def host_and_port(endpoint: str, least: int = 1) -> tuple[str, int]:
    """Of a tcp:// endpoint, its port from `least` on. Raises OSError where it is none."""
    host, _, port = endpoint.removeprefix("tcp://").rpartition(":")
    if not port.isdecimal() or not least <= int(port) < 1 << 16:
        raise OSError(errno.EINVAL, f"'{port}' is not a port; use a number from {least} to 65535")
    return host.removeprefix("[").removesuffix("]"), int(port)


def tcp_endpoint(host: str, port: int) -> str:
    """The other way round."""
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def listen(endpoint: str) -> Listener:
    """Listens at an ipc:// endpoint. Raises OSError, its text why the name cannot be had.

    Nothing is removed but a socket of this user's at which nobody listens. Whoever else looks at the same name at the
    same time waits for the lock on the folder meanwhile.
    """
    path = endpoint.removeprefix(_IPC)
    with _locked(os.path.dirname(path)), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as made:
        _make_room(path)
        os.fchmod(made.fileno(), 0o600)  # before it has a name: who may connect is who may write
        try:
            made.bind(path)
        except OSError as error:
            raise OSError(error.errno or errno.EINVAL, error.strerror or str(error)) from None
        made.listen(_BACKLOG)
        made.setblocking(False)
        found = os.lstat(path)
        return Listener(path, made.detach(), found.st_dev, found.st_ino)


def _make_room(path: str) -> None:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise OSError(errno.EEXIST, "there is a file of that name, which is left alone; name another")
    if found.st_uid != os.geteuid():
        raise OSError(errno.EEXIST, "there is a socket of another user's of that name; name another")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except FileNotFoundError:
            return
        except OSError:
            pass  # somebody listens, and has not yet taken those who came before
    raise OSError(
        errno.EADDRINUSE, "another coordinator listens there; name another socket, or wait until it has ended"
    )


@contextlib.contextmanager
def _locked(folder: str) -> Iterator[None]:
    """The folder itself is locked, so that no file for it is left behind."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_LOCK_NAP_S)
        else:
            raise OSError(errno.EAGAIN, "another process has locked its folder")
        yield
    finally:
        os.close(held)
