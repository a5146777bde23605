"""What a run is about: one phase after the other, and no way back."""

from enum import Enum, auto


class Phase(Enum):
    JOINING = auto()
    """Not all agents have come, nor are those that have not given up."""
    PREPARING = auto()
    """Until all that are left are ready, and have been given an instant to begin at."""
    WARMING_UP = auto()
    """From when the warm-up is ordered until the load is."""
    RUNNING = auto()
    """From when the load is ordered until no agent's load runs."""
    DELIVERING = auto()
    """From when no load runs any more until all that are left have sent their results."""
