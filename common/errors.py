"""How ovbench ends: the exit codes of its contract and the errors that carry one sentence for the user."""

import errno
from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    VALID = 0
    INTERNAL = 1
    USAGE = 2
    PARTIAL = 3
    INVALID = 4
    UNWRITABLE = 5
    INTERRUPTED = 130


class UsageError(Exception):
    """Wrong usage or bad input. The text is one sentence: what is wrong, which option or file, what to try."""


NO_ROOM: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
"""What the system says of a file that cannot be written though its path is right."""


class Unwritable(Exception):
    """What was made cannot be kept where it was to be; the text is one sentence. `no_room`: the path is right."""

    def __init__(self, text: str, no_room: bool = False) -> None:
        super().__init__(text)
        self.no_room = no_room
