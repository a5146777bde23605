"""Key pairs of a run: made in memory when it begins, written nowhere but into what a host is given to join."""

from dataclasses import dataclass
from typing import Final

import zmq
from zmq.utils import z85

_KEY_BYTES: Final = 32


@dataclass(frozen=True)
class Keys:
    """A CURVE key pair (rfc.zeromq.org/spec/26) as Z85 text of 40 characters each."""

    public: str
    secret: str

    def __repr__(self) -> str:
        """Without the secret: this may end in a message."""
        return f"Keys({self.public!r})"


def new_keys() -> Keys:
    public, secret = zmq.curve_keypair()
    return Keys(public.decode(), secret.decode())


def belong_together(keys: Keys) -> bool:
    """Whether both are keys, and of one pair."""
    try:
        return zmq.curve_public(keys.secret.encode()) == keys.public.encode()
    except (ValueError, zmq.ZMQError):
        return False


def is_key(text: str) -> bool:
    try:
        return len(z85.decode(text)) == _KEY_BYTES
    except (ValueError, KeyError):
        return False


def key_text(raw: bytes) -> str:
    """The Z85 text of a key's 32 bytes."""
    return z85.encode(raw).decode()
