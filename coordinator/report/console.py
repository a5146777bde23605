"""The console that all is shown on: of what is printed, only what is ours is an order to the terminal, and what that
cannot show has something else in its place. Files and JSON have everything as it is."""

from collections.abc import Iterable
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from ovbench.common.printable import printable

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
