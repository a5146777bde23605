"""What both ends of the bus between hosts have: a socket, its context, and a poller that also wakes for descriptors."""

import math
from typing import Any, Final

import zmq

from .hostcodec import MOST_FRAME_BYTES

_HANDSHAKE_MS: Final = 2_000
QUIET_S: Final = 0.05
"""What was taken is acknowledged when nothing has come for so long, if no other frame does it before."""


class HostSocket:
    """A socket, its context, and a poller that also wakes for file descriptors."""

    def __init__(self, kind: int) -> None:
        self._context = zmq.Context()
        self._poller = zmq.Poller()
        self._socket = self._made(kind)

    def _made(self, kind: int) -> "zmq.Socket[bytes]":
        made = self._context.socket(kind)
        # What is under way is bounded by the window of each stream, and at the hub by the gate, byte by byte.
        for option, value in (
            (zmq.LINGER, 0),
            (zmq.MAXMSGSIZE, MOST_FRAME_BYTES),
            (zmq.RCVHWM, 0),
            (zmq.SNDHWM, 0),
            (zmq.HANDSHAKE_IVL, _HANDSHAKE_MS),
        ):
            made.set(option, value)
        self._poller.register(made, zmq.POLLIN)
        return made

    def watch(self, fd: int) -> None:
        """Wake `wait` when `fd` can be read."""
        self._poller.register(fd, zmq.POLLIN)

    def _poll(self, timeout_s: float) -> list[tuple[Any, int]]:
        # Up, as a timeout that is rounded down to nothing makes the caller ask again and again until it is due.
        return self._poller.poll(max(0, math.ceil(timeout_s * 1000)))

    def _end(self, linger_s: float) -> None:
        self._socket.set(zmq.LINGER, max(0, round(linger_s * 1000)))
        self._socket.close()
        self._context.term()
