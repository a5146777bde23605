"""`--markdown FILE`: a result that is there already, written as Markdown; `-` is stdout."""

from pathlib import Path
from typing import Final

from ..request.flag import Flag
from ..request.paths import STDOUT
from ..request.values import path
from .stdout import print_bytes

MARKDOWN: Final = Flag(
    "markdown", ("--markdown",), "also write it as Markdown, for a comment on a pull request; - for stdout",
    metavar="FILE", parse=path, path="file",
)  # fmt: skip
"""Of verbs that measure nothing."""


def write_markdown(file: Path, text: str) -> None:
    """Raises Unwritable."""
    from ..store.files import write_named

    if file == STDOUT:
        print_bytes(text.encode())
        return
    write_named(file, text.encode())
