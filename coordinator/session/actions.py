"""What the fleet decides, for the session to carry out. Pure."""

from dataclasses import dataclass

from ovbench.common.messages import AnyOrder, Tally


@dataclass(frozen=True)
class Send:
    peer: bytes
    order: AnyOrder


@dataclass(frozen=True)
class Kill:
    """End an agent that does not answer, if it is ours to end."""

    agent: int


@dataclass(frozen=True)
class Lost:
    agent: int
    why: str


@dataclass(frozen=True)
class AllReady:
    """Every agent that is left has prepared."""


@dataclass(frozen=True)
class AboutToBegin:
    """All that are left wait for the instant at which the warm-up, or the load, is to begin. Prepare for it, however
    long that takes, then have it set by `Fleet.begin`. Repeated until that is done."""


@dataclass(frozen=True)
class Begins:
    """The measured load begins at this instant."""

    at_ns: int


@dataclass(frozen=True)
class Tallied:
    """An agent has reported what it did in a cell of time."""

    agent: int
    tally: Tally


@dataclass(frozen=True)
class Ends:
    """The load was ordered to end at this instant."""

    at_ns: int


@dataclass(frozen=True)
class LoadEnded:
    """An agent has ended its load; `last`: none runs any more."""

    agent: int
    last: bool


@dataclass(frozen=True)
class Refused:
    """An agent finds that the job itself is wrong, and so it is for all of them."""

    message: str


Action = Send | Kill | Lost | AllReady | AboutToBegin | Begins | Tallied | Ends | LoadEnded | Refused
