"""How ovbench ends: the exit codes of its contract and the errors that carry one sentence for the user."""

from enum import IntEnum


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
