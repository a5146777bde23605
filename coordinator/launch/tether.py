"""Commands of others, such as ssh and srun, that end with the coordinator, however that ends."""

import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

_TETHER: Final = """
import ctypes, os, signal, sys
parent, ending, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
ctypes.CDLL(None).prctl(1, ending, 0, 0, 0)  # PR_SET_PDEATHSIG, linux/prctl.h
if os.getppid() != parent:
    os._exit(1)
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)  # which Python has changed, and exec would keep
try:
    os.execvp(command[0], command)
except OSError as error:
    print(f"{command[0]}: {error.strerror}", file=sys.stderr)
    os._exit(127)
"""


def tethered(command: Sequence[str], ending: signal.Signals = signal.SIGKILL) -> list[str]:
    """The command behind 15 ms of Python that has the kernel send it `ending` when this process dies, and then becomes
    it.

    The kernel's word follows the thread that starts it: it must be one that lives as long as the process. Unlike a
    function that is called between fork and exec, this is safe beside other threads. A command that cannot be run ends
    with 127 and its reason as the last line on stderr.
    """
    return [sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()), str(int(ending)), *command]
