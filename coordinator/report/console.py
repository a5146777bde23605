"""The console that all is shown on: of what is printed, only what is ours is an order to the terminal, and what that
cannot show has something else in its place. Files and JSON have everything as it is."""

import atexit
import contextlib
import os
import sys
from collections.abc import Iterable
from typing import Any, Final, TextIO, cast

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from ovbench.common.printable import one_line, printable

from .outlet import Outlet

# As wide as what they stand for, as tables are laid out before.
_FALL_BACKS: Final = {
    **str.maketrans(dict.fromkeys("█▉▊▋▌▍▎▏▓", "#")),
    **str.maketrans(dict.fromkeys("▁▂▃", ".") | dict.fromkeys("▄▅", "+") | dict.fromkeys("▆▇", "#")),
    **str.maketrans(dict.fromkeys("─━╸╺–—", "-") | dict.fromkeys("│┃", "|") | dict.fromkeys("┤├└┘┌┐┬┴┼", "+")),
    **str.maketrans({"▒": "%", "░": ":", "·": ".", "±": "~", "…": "~", "→": ">", "µ": "u", "×": "x"}),
    **{code: "*" if code > 0x2800 else " " for code in range(0x2800, 0x2900)},  # Braille
}


class SafeConsole(Console):
    """What is shown is safe, whoever chose it."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        charset = self.encoding
        for segment in super().render(renderable, options):
            if segment.control:
                yield segment
            else:
                yield Segment(_shown(segment.text, charset), segment.style)

    def on_broken_pipe(self) -> None:
        """Nobody reads any more, as in `| head`: the rest is not shown, the exit code stays what it is."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


def renews(console: Console) -> bool:
    """Whether what stands on it can be drawn anew, as on a terminal, if it is not as dumb as TERM=dumb says."""
    return console.is_terminal and not console.is_dumb_terminal


class SteadyConsole(SafeConsole):
    """Goes on in silence when nobody reads any more, as in `| head`, or a disk is full: no run is lost for that."""

    _outlet: Outlet | None = None

    @property
    def behind(self) -> bool:
        """Whether something still waits to be shown; only while it is detached."""
        return self._outlet is not None and self._outlet.behind

    def detach(self) -> None:
        """From now on printing never waits for whoever reads, so whoever prints can be relied on meanwhile."""
        if self._outlet is None:
            stream = self.file
            self._outlet = Outlet(cast(TextIO, stream), self._failed)
            self.file = cast(TextIO, self._outlet)
            atexit.register(self.attach)

    def attach(self) -> None:
        """Wait until all that was printed has been written; from now on printing waits."""
        if self._outlet is not None:
            self._outlet.settle()
            self.file = self._outlet.stream
            self._outlet = None
            atexit.unregister(self.attach)

    def print(self, *objects: Any, **how: Any) -> None:
        try:
            super().print(*objects, **how)
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        self.on_broken_pipe()
        if not isinstance(error, BrokenPipeError):
            print_aside(f"what it prints cannot be written: {error.strerror}")


def print_aside(text: str) -> None:
    """On stderr, whatever has become of what prints to a console."""
    with contextlib.suppress(OSError):  # of a terminal that has gone there is no other end
        print(f"ovbench-coord: {one_line(text)}", file=sys.stderr)


def _shown(text: str, charset: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    safe = printable(text)
    if charset.startswith("utf"):
        return safe
    if not _fits(safe, charset):
        safe = "".join(one if _fits(one, charset) else one.translate(_FALL_BACKS) for one in safe)
    return safe.encode(charset, "backslashreplace").decode(charset)


def _fits(text: str, charset: str) -> bool:
    try:
        text.encode(charset)
    except UnicodeEncodeError:
        return False
    return True
