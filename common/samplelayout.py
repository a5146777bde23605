"""The row of a sample: which word of it is what. Only the compiled loops and `samples` index rows by these. Pure.

Without numpy, so that what reads a command line can reckon with the size of a row.
"""

from typing import Final

START: Final = 0
END: Final = 1
DUE: Final = 2

CLOSED_WORDS: Final = 2
"""In the row of an inference that is due when it starts."""

OPEN_WORDS: Final = 3
"""In the row of one that is due at an instant of its own."""


def row_words(timed: bool) -> int:
    return OPEN_WORDS if timed else CLOSED_WORDS


def row_bytes(timed: bool) -> int:
    return 8 * row_words(timed)
