"""What a path that leads nowhere was probably meant to be."""

import os
from itertools import islice
from typing import Final

from .spelling import did_you_mean

_MOST_ENTRIES: Final = 10_000
"""Of a folder that are looked at: a hint is not worth a wait."""


def did_you_mean_file(text: str) -> str:
    """The end of a sentence about a path that does not exist, `; did you mean X?`; empty where nothing is near.

    The first part of it that is not there is compared with what its folder has.
    """
    try:
        path = os.path.expanduser(text)
        head, tail = os.path.split(path.rstrip("/"))
        rest: list[str] = []
        while head and tail and not os.path.isdir(head):
            rest.insert(0, tail)
            head, tail = os.path.split(head)
        names = _entries(head or ".")
    except (OSError, ValueError):  # a folder that is closed to us, a zero byte
        return ""
    if not tail:
        return ""

    def whole(name: str) -> str:
        return os.path.join(head, name, *rest)

    # A part that is not the last is meant only if what the text says of it is there.
    near = [name for name in names if not rest or os.path.exists(whole(name))]
    return did_you_mean(tail, near, full=whole)


def _entries(folder: str) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in islice(entries, _MOST_ENTRIES) if not entry.name.startswith(".")]
