"""A program, loaded once and forked for each command line: as it is, without the time that it loads.

The argument is which: benchmark_app or ovbench-coord. Each line of standard input is a number, a command line, the
folder to run it in, the file that its output goes to, without its suffixes `.out` and `.err`, and what its environment
has more, as JSON; each line of standard output the number and the exit code.

A coordinator's fork server is forked from it, as it would only load the same once more, which takes two fifths of the
CPU time of a short run. One of another Python is started as always.
"""

import ctypes
import json
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, NoReturn


def loaded(program: str) -> Callable[[], int | None]:
    if program == "benchmark_app":
        from openvino.tools.benchmark import main as benchmark_app

        begin: Callable[[], int | None] = benchmark_app.main
        return begin
    from ovbench import coordinator
    from ovbench.agent import forkserver
    from ovbench.agent.loop.cache import load_loops
    from ovbench.common import forkprocess
    from ovbench.coordinator.entry import main

    for module in walk_packages(coordinator.__path__, "ovbench.coordinator."):
        import_module(module.name)
    import_module("ovbench.agent.service")
    load_loops()
    setattr(forkprocess, "_spawn", forking_servers(forkprocess._spawn, forkserver.main))  # noqa: B010
    return main


Spawn = Callable[[list[str], Mapping[str, str], Sequence[tuple[int, int]]], int]


def forking_servers(spawn: Spawn, serve: Callable[[], None]) -> Spawn:
    """In place of `forkprocess._spawn`."""

    def spawn_or_fork(command: list[str], environment: Mapping[str, str], ends: Sequence[tuple[int, int]]) -> int:
        if command[0] != sys.executable:
            return spawn(command, environment, ends)
        sys.stdout.flush()
        sys.stderr.flush()
        return os.fork() or become_server(serve, command, environment, ends)

    return spawn_or_fork


def become_server(
    serve: Callable[[], None], command: list[str], environment: Mapping[str, str], ends: Sequence[tuple[int, int]]
) -> NoReturn:
    """What a process has that was just started: a session, handlers, descriptors and an environment of its own."""
    code: object = 1
    try:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        for end, place in ends:
            os.dup2(end, place)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        sys.stdout, sys.stderr = (open(number, "w", buffering=1, closefd=False) for number in (1, 2))  # noqa: SIM115
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = [command[2], *command[3:]]
        serve()
        code = 0
    except SystemExit as end:
        code = end.code
    finally:
        os._exit(code if isinstance(code, int) else 1)


def become(
    program: str, main: Callable[[], int | None], argv: list[str], folder: str, output: str, environment: dict[str, str]
) -> None:
    for number, file in enumerate((os.devnull, f"{output}.out", f"{output}.err")):
        os.dup2(os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.chdir(folder)
    os.environ.update(environment)
    show(environment)
    sys.argv = [program, *argv]
    sys.exit(main())


def show(environment: Mapping[str, str]) -> None:
    """In /proc/PID/environ, which is what a process was started with, and where a process is known by what is written
    there: in the place of longer values."""
    start, end = map(int, Path("/proc/self/stat").read_text().rpartition(")")[2].split()[47:49])  # proc(5), env_start
    words = ctypes.string_at(start, end - start).split(b"\0")
    for name, value in environment.items():
        key, word = f"{name}=".encode(), f"{name}={value}".encode()
        words = [word.ljust(len(old), b"\0") if old.startswith(key) and len(word) <= len(old) else old for old in words]
    shown = b"\0".join(words)
    ctypes.memmove(start, shown, len(shown))


def serve_socket(number: int) -> None:
    """Fork a command for each order on a socket, and leave it to whoever gave the order as a child: see `spawned`."""
    main = loaded("ovbench-coord")
    from ovbench.agent.cli import main as agent

    orders = socket.socket(fileno=number)
    while True:
        head, descriptors, _, _ = socket.recv_fds(orders, 8, 3)
        if not head:
            return
        order = json.loads(orders.recv(int(head), socket.MSG_WAITALL))
        between = os.fork()
        if between == 0:
            pid = os.fork()
            if pid == 0:
                orders.close()
                become_child(agent if order["command"][0].endswith("-agent") else main, order, descriptors)
            orders.sendall(b"%08d" % pid)
            os._exit(0)
        os.waitpid(between, 0)
        orders.sendall(b"!")
        for descriptor in descriptors:
            os.close(descriptor)


def become_child(main: Callable[[], int | None], order: Mapping[str, Any], descriptors: Sequence[int]) -> NoReturn:
    while os.getppid() != order["parent"]:  # until the process between has ended
        time.sleep(0.0002)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    sys.stdin = open(0, closefd=False)  # noqa: SIM115
    for name, number, errors in (("stdout", 1, "strict"), ("stderr", 2, "backslashreplace")):
        lines = 1 if number == 2 or os.isatty(number) else -1
        setattr(sys, name, open(number, "w", lines, errors=errors, closefd=False))  # noqa: SIM115
    os.chdir(order["folder"])
    environment: Mapping[str, str] = order["environment"]
    hidden = environment.get("PYTHONPATH", "")
    if hidden != os.environ.get("PYTHONPATH", ""):
        sys.path[:0] = hidden.split(os.pathsep)
    os.environ.clear()
    os.environ.update(environment)
    show(environment)
    tempfile.tempdir = None
    sys.argv = order["command"]
    sys.exit(main())


if __name__ == "__main__" and sys.argv[1] == "serve":
    serve_socket(int(sys.argv[2]))
elif __name__ == "__main__":
    main = loaded(sys.argv[1])
    for line in iter(sys.stdin.readline, ""):
        order, *call = json.loads(line)
        child = os.fork()
        if child == 0:
            become(sys.argv[1], main, *call)
        print(order, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
