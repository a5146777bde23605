"""Names and messages that others chose, as a terminal may show them: nothing in them is an order to it."""

import contextlib
import re
import sys
from typing import Any, Final, cast

# C0 and C1 but tab and line feed, which are layout; marks, embeddings, overrides and isolates that turn the direction
# of what follows; separators of lines and paragraphs, the byte order mark; bytes of a file's name that are no text.
_ORDERS: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def open_streams() -> None:
    """Have Python's own streams never fail for a character that they cannot show."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            cast(Any, stream).reconfigure(errors="backslashreplace")


def printable(text: str) -> str:
    """With escapes as Python writes them in place of what would not be seen, or would change what is."""
    return _ORDERS.sub(_escaped, text)


def one_line(text: str) -> str:
    """Also without line feeds, so that a name cannot add lines of its own to a message."""
    return printable(text).replace("\n", "\\n")


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
