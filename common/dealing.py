"""Which arrivals are whose: a schedule dealt to agents beforehand. Pure."""

import numpy as np

from .arrivals import Dispatch
from .offsets import Int64s, seeded


def deal(count: int, dispatch: Dispatch, agents: int, seed: int) -> tuple[Int64s, ...]:
    """The numbers of `count` arrivals by agent, ascending: each is in one array, and all are.

    Under "shared" there is one array, of the queue that all take from. "round-robin" and "partition" deal in turn,
    "random" to any agent with the same chance, by `seed`.
    """
    numbers = np.arange(count, dtype=np.int64)
    if dispatch == "shared":
        return (numbers,)
    if dispatch == "random":
        whose = seeded(seed, b"dealing").integers(agents, size=count, dtype=np.uint16)
        # A stable order keeps each one's ascending; of 16 bits it takes linear time.
        by_agent = np.argsort(whose, kind="stable")
        return tuple(np.split(by_agent, np.cumsum(np.bincount(whose, minlength=agents))[:-1]))
    return tuple(numbers[agent::agents] for agent in range(agents))
