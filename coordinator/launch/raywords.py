"""What the process that talks to Ray says to the launcher, as lines of its standard output, and in words for the user.
Pure."""

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from .couriers import Ended
from .supervisorfailure import cut, how_there

_MARK: Final = "ovbench-ray "
_MOST_CHARACTERS: Final = 240
_MOST_LINES: Final = 4
"""As many of as many characters, of four bytes each, are within the bound of a courier's line."""
_ADVICE: Final = "or install it into the Python that Ray runs in there"


class Taken(Struct, frozen=True, tag="taken"):
    """A host whose CPUs are ours; an empty name when there are no more."""

    host: str


class Say(Struct, frozen=True, tag="say"):
    text: str


class Refused(Struct, frozen=True, tag="refused"):
    """It cannot be done, in one sentence."""

    sentence: str


class Lost(Struct, frozen=True, tag="lost"):
    """Ray has an error for a host, or, without one, for the whole cluster; `error` is Ray's."""

    host: str
    error: str


class Over(Struct, frozen=True, tag="over"):
    """The supervisor of a host has ended, as `Ended` has it."""

    host: str
    status: int
    reached: bool
    lines: tuple[str, ...]
    killed_by: str


Word = Taken | Say | Refused | Lost | Over


def spoken(word: Word) -> str:
    """As a line."""
    match word:
        case Lost(host, error):
            word = Lost(host, _short(" ".join(error.split())))
        case Over(lines=lines):
            word = msgspec.structs.replace(word, lines=tuple(line[:_MOST_CHARACTERS] for line in lines[-_MOST_LINES:]))
    return _MARK + msgspec.json.encode(word).decode()


def heard(line: str) -> Word | None:
    """None for what Ray itself has printed."""
    if not line.startswith(_MARK):
        return None
    word: Word = msgspec.json.decode(line.removeprefix(_MARK), type=Word)
    return word


def how_over(over: Over, python: str | None) -> str:
    ended = Ended(over.status, over.reached, over.lines, over.killed_by)
    return how_there(ended, python, _ADVICE) or f"its supervisor was killed there by {over.killed_by or 'somebody'}"


_LOSSES: Final[Sequence[tuple[str, str]]] = (
    (r"node has died|NodeDiedError|node was terminated", "Ray says that its node has died; see: ray list nodes"),
    (r"OutOfMemory|memory on the node|memory usage threshold", "Ray ended it for lack of memory; start fewer agents"),
    (r"owner has exited|job has finished", "the process that talks to Ray has ended"),
    (r"ray\.kill", "it was ended from here"),
    (r"connection error code|unexpectedly|WorkerCrashed", "its Ray actor was killed there"),
)


def how_lost(error: str) -> str:
    for pattern, words in _LOSSES:
        if re.search(pattern, error):
            return words
    return f"Ray has lost it: {cut(error)}"


_REFUSALS: Final[Sequence[tuple[str, str]]] = (
    (
        r"Could not find any running Ray instance",
        "there is no Ray cluster on this host; begin one with: ray start --head, or name one with --ray-address",
    ),
    (
        r"[Vv]ersion mismatch",
        "the Ray cluster has another version of Ray or Python than this one; install the same on both sides ({})",
    ),
    (
        r"cannot find this IP|Can't find a `node_ip_address|not find.*raylet",
        "this host is no node of the Ray cluster; run this on one of its nodes ({})",
    ),
    (
        r"Invalid address format|ValueError",
        "this is no address of a Ray cluster; write HOST:PORT, as in head:6379 ({})",
    ),
)


def how_refused(error: str, address: str) -> str:
    """Why there is no connection to a cluster; `error` is Ray's."""
    for pattern, words in _REFUSALS:
        if re.search(pattern, error):
            return f"--ray-address {address}: {words.format(cut(error))}"
    return f"--ray-address {address}: Ray cannot connect to its cluster: {cut(error)}"


def _short(text: str) -> str:
    """The beginning and the end, between which Ray has the names of classes and actors."""
    half = 2 * _MOST_CHARACTERS
    return text if len(text) <= 2 * half else f"{text[:half]} ... {text[-half:]}"
