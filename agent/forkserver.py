"""Starts agents as copies of one process that has everything loaded but OpenVINO.

An agent that is forked shares numpy and the compiled loops with its siblings: it starts in milliseconds and
its private memory is what its model needs. OpenVINO is left out because it must load after the affinity is set.
The server has one thread until it forks, so a fork copies it whole.

The coordinator writes lines of JSON to standard input, `[TICKET, AGENT, ENDPOINT, LOGFILE]`, and reads from standard
output `ready`, then `started TICKET PID` or `failed TICKET WHY`, and `exited TICKET STATUS` (as from waitpid). It reads
whatever it has still to write, so the server may wait for that. When its input closes, the server ends. Where no agent
can run it ends at once, with a sentence on standard error and exit code 2.
"""

import gc
import json
import os
import select
import signal
import sys
from importlib import import_module
from typing import Final

from ovbench.common.errors import ExitCode, UsageError

from .host.process import be_killed_first, die_with_parent, leave_session
from .loop.cache import load_loops
from .trust import Trust, decode_trust


def main() -> None:
    """Run the server: `python -m ovbench.agent.forkserver PARENT_PID [TRUST]`, what agents may do as JSON; without it
    they trust whoever has started them."""
    die_with_parent(int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the coordinator's to handle
    gc.disable()  # what is imported stays: to look for garbage in it takes a seventh of the time
    try:
        load_loops()
    except UsageError as error:
        print(error, file=sys.stderr)
        sys.exit(ExitCode.USAGE)
    import_module("ovbench.agent.service")  # loads all that agents share

    # Objects made until now are never collected, so the collector does not write to the pages they share.
    gc.collect()
    gc.freeze()
    gc.enable()
    trust = decode_trust(sys.argv[2]) if len(sys.argv) > 2 else None
    say("ready")
    _Server(trust).run()


def say(line: str) -> None:
    os.write(1, line.encode() + b"\n")


_PATIENCE_S: Final = 600.0
"""With more agents than CPUs a coordinator may take long to answer; that it has ended ends its agents at once."""


class _Server:
    def __init__(self, trust: Trust | None) -> None:
        self._trust = trust
        self._tickets: dict[int, int] = {}
        self._died_read, died_write = os.pipe()
        os.set_blocking(died_write, False)
        os.set_blocking(self._died_read, False)
        signal.set_wakeup_fd(died_write, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda signum, frame: None)

    def run(self) -> None:
        pending = b""
        while True:
            readable, _, _ = select.select([0, self._died_read], [], [])
            if self._died_read in readable:
                os.read(self._died_read, 4096)
                self._reap()
            if 0 in readable:
                data = os.read(0, 65536)
                if not data:
                    return
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    self._start(*json.loads(line))

    def _start(self, ticket: int, agent: int, endpoint: str, log: str) -> None:
        server_pid = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            say(f"failed {ticket} {error.strerror}")
            return
        if pid == 0:
            try:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                leave_session()
                be_killed_first()
                die_with_parent(server_pid)
                _become_agent(agent, endpoint, log, self._trust)
            finally:
                os._exit(1)
        self._tickets[pid] = ticket
        say(f"started {ticket} {pid}")

    def _reap(self) -> None:
        while self._tickets:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            say(f"exited {self._tickets.pop(pid)} {status}")


def _become_agent(agent: int, endpoint: str, log: str, trust: Trust | None) -> None:
    from .cli import serve_and_exit

    null = os.open(os.devnull, os.O_RDWR)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for source, target in ((null, 0), (written, 1), (written, 2)):
        os.dup2(source, target)
    serve_and_exit(endpoint, agent, patience_s=_PATIENCE_S, trust=trust)


if __name__ == "__main__":
    main()
