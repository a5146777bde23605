"""A stream behind a thread, so that a terminal or a pipe that takes nothing stops nobody who writes to it."""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final, TextIO

_MOST_CHARACTERS: Final = 1 << 20
"""That wait to be written. What comes beyond is left out: nobody has read for very long."""


class Outlet:
    """Takes text as a stream does, and never waits. Ctrl-S stops a terminal for as long as the user likes, and a reader
    such as a pager may not read: the loop that prints is the one that keeps agents alive."""

    def __init__(self, stream: TextIO, failed: Callable[[OSError], None], most: int = _MOST_CHARACTERS) -> None:
        """`failed` is called, from the thread that writes, at the first error; nothing is written after it. `most`:
        characters that wait."""
        self.stream = stream
        self.refused = 0
        """How many texts were left out, each as a whole, as too many characters waited."""
        self._most = most
        self._failed = failed
        self._waiting: deque[str] = deque()
        self._changed = threading.Condition()
        self._characters = 0
        self._thread: threading.Thread | None = None
        self._broken = False

    @property
    def encoding(self) -> str:
        return self.stream.encoding

    @property
    def errors(self) -> str | None:
        return self.stream.errors

    @property
    def behind(self) -> bool:
        """Whether something still waits to be written."""
        return self._characters > 0

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()

    def write(self, text: str) -> int:
        with self._changed:
            if text and not self._broken and self._characters + len(text) > self._most:
                self.refused += 1
            elif text and not self._broken:
                self._waiting.append(text)
                self._characters += len(text)
                self._begin()
                self._changed.notify_all()
        return len(text)

    def flush(self) -> None:
        """Nothing to do: what is written is flushed."""

    def settle(self, most_s: float | None = None) -> None:
        """Wait until all has been written, or for as long as that."""
        with self._changed:
            self._changed.wait_for(lambda: not self.behind, most_s)

    def _begin(self) -> None:
        if self._thread is None:
            # A daemon: it may be in a write that never ends when the process does.
            self._thread = threading.Thread(target=self._loop, name="outlet", daemon=True)
            self._thread.start()

    def _loop(self) -> None:
        while True:
            with self._changed:
                while not self._waiting:
                    self._changed.wait()
                text = "".join(self._waiting)
                self._waiting.clear()
            try:
                self.stream.write(text)
                self.stream.flush()
            except OSError as error:
                self._give_up(error)
            with self._changed:
                self._characters -= len(text)
                self._changed.notify_all()

    def _give_up(self, error: OSError) -> None:
        with self._changed:
            self._broken = True
            self._characters -= sum(map(len, self._waiting))
            self._waiting.clear()
        self._failed(error)
