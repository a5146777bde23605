"""What is printed on a terminal, as text without colours."""

import io
from collections.abc import Callable
from typing import Final

from rich.console import Console

from .console import SafeConsole

WIDTH: Final = 80


def plain_text(show: Callable[[Console], None], width: int = WIDTH) -> str:
    """What `show` prints to a console of that width, without spaces at the ends of lines."""
    stream = io.StringIO()
    show(SafeConsole(file=stream, width=width, color_system=None, force_terminal=False, force_jupyter=False))
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines())
