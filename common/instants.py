"""Which instants of an order make sense: one that lies too far away is a mistake, or no coordinator of ours."""

from typing import Final

from .clock import NS_PER_S

MOST_AHEAD_S: Final = 3_600
MOST_BEHIND_S: Final = 600
"""A machine that stood still for minutes, as a paused virtual one, begins late."""


def absurd(at_ns: int, now_ns: int) -> str:
    """Why nobody would order something for this instant; empty where somebody might."""
    ahead_s = (at_ns - now_ns) / NS_PER_S
    if ahead_s > MOST_AHEAD_S:
        return f"an order for an instant {ahead_s:.0f} s away was refused, as it may be {MOST_AHEAD_S} s at the most"
    if ahead_s < -MOST_BEHIND_S:
        return f"an order for an instant {-ahead_s:.0f} s ago was refused, as it may be {MOST_BEHIND_S} s at the most"
    return ""
