"""Agents that can still be reached when a session has ended: to be let go, or to do another run. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Contact:
    """Who an agent is, and how it is reached."""

    peer: bytes
    pid: int | None
    host: str
    nonce: str


@dataclass(frozen=True)
class Crew:
    """`contacts` are in the order of their places. `whole`: all agents of the run have delivered, so that they can go
    on with another run in the same places."""

    contacts: tuple[Contact, ...] = ()
    whole: bool = False
