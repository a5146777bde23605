"""The states of an agent as one table, read by both sides; it does not know which side it serves.

States change on messages alone. `advance` is called by the coordinator for what it sends and receives, and by the agent
for the same messages seen from the other end, so the two cannot disagree about what may come next.
"""

from enum import StrEnum


class State(StrEnum):
    EXPECTED = "expected"
    PREPARING = "preparing"
    READY = "ready"
    WARMING = "warming"
    WARMED = "warmed"
    RUNNING = "running"
    DELIVERING = "delivering"
    DELIVERED = "delivered"
    FAILED = "failed"
    LOST = "lost"

    @property
    def ended(self) -> bool:
        """Nothing more is expected of such an agent."""
        return self in (State.DELIVERED, State.FAILED, State.LOST)


class IllegalMessage(Exception):
    """A message that the table does not allow in this state."""


_S = State
TABLE: dict[State, dict[str, State]] = {
    _S.EXPECTED: {"hello": _S.EXPECTED, "prepare": _S.PREPARING},
    _S.PREPARING: {"hello": _S.PREPARING, "progress": _S.PREPARING, "ready": _S.READY, "failed": _S.FAILED},
    _S.READY: {"progress": _S.READY, "warm_up": _S.WARMING, "start": _S.RUNNING, "failed": _S.FAILED},
    _S.WARMING: {"progress": _S.WARMING, "stop": _S.WARMING, "warmed": _S.WARMED, "failed": _S.FAILED},
    _S.WARMED: {"progress": _S.WARMED, "start": _S.RUNNING, "failed": _S.FAILED},
    _S.RUNNING: {
        "progress": _S.RUNNING,
        "tally": _S.RUNNING,
        "counted": _S.RUNNING,
        "end": _S.RUNNING,
        "stop": _S.RUNNING,
        "finished": _S.DELIVERING,
        "failed": _S.FAILED,
    },
    _S.DELIVERING: {
        "progress": _S.DELIVERING,
        "end": _S.DELIVERING,
        "stop": _S.DELIVERING,
        "samples": _S.DELIVERING,
        "folded": _S.DELIVERING,
        "dropped": _S.DELIVERING,
        "layers": _S.DELIVERING,
        "graph": _S.DELIVERING,
        "delivered": _S.DELIVERED,
        "failed": _S.FAILED,
    },
    _S.DELIVERED: {"progress": _S.DELIVERED, "end": _S.DELIVERED, "stop": _S.DELIVERED, "again": _S.PREPARING},
    _S.FAILED: {"progress": _S.FAILED},
    _S.LOST: {},
}


def advance(state: State, message: str) -> State:
    """The state after `message` (its tag). Raises IllegalMessage where the table has no such step."""
    try:
        return TABLE[state][message]
    except KeyError:
        raise IllegalMessage(f"'{message}' cannot come while an agent is {state.value}") from None
