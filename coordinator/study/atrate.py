"""Whether a run is at a rate by its flags, so that its throughput is what was offered, not what it could do. Pure."""

from collections.abc import Sequence
from typing import Final

_FLAGS: Final = ("--rate", "--stages", "--arrivals", "-max_irate")
"""Of scenarios `server` alone is at a rate, and needs --rate."""


def rate_flag(argv: Sequence[str]) -> str:
    """That by which it is; empty where it is not. `argv`: flags by their names, as a trial has them."""
    return next((flag for flag in _FLAGS if flag in argv), "")
