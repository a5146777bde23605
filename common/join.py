"""What a host's supervisor is given to join a run: where the coordinator is, and the keys. A secret.

It travels over standard input or in a file that its owner alone can read, never in an argument or the environment.
"""

import os
import stat
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from .bounded import Name
from .errors import UsageError

_MOST_BYTES: Final = 16_384
_FORMAT: Final = 1

Key = Annotated[str, Meta(min_length=40, max_length=40)]
"""A CURVE key as Z85 text (rfc.zeromq.org/spec/32)."""


class Join(Struct, frozen=True, forbid_unknown_fields=True):
    """`endpoint`: as tcp://10.0.0.1:5555. `host`: the name that the coordinator knows the host by. `public_key` and
    `secret_key` are the host's own, `coordinator_key` the only one that it takes orders from."""

    endpoint: Annotated[str, Meta(max_length=300, pattern=r"\Atcp://[^\s/]+:[0-9]{1,5}\Z")]
    host: Name
    coordinator_key: Key
    public_key: Key
    secret_key: Key
    format: int = _FORMAT

    def __repr__(self) -> str:
        """Without the secret: this may end in a message."""
        return f"Join({self.host!r} at {self.endpoint})"


def join_bytes(join: Join) -> bytes:
    """One line, with its end."""
    return msgspec.json.encode(join) + b"\n"


def parse_join(data: bytes, source: str) -> Join:
    """Raises UsageError for anything else; `source` is named in it, nothing of the data is."""
    try:
        join = msgspec.json.decode(data, type=Join)
    except (ValueError, RecursionError):
        raise UsageError(f"{source}: this is no join file; use one that ovbench-coord has written") from None
    if join.format != _FORMAT:
        raise UsageError(f"{source}: it is of another version of ovbench; install the same ovbench on both sides")
    return join


def read_join_file(path: str) -> Join:
    """Raises UsageError where it cannot be read, or others can read it."""
    return parse_join(read_secret_file("--join", path, "a join file, or - for standard input"), f"--join {path}")


def read_secret_file(flag: str, path: str, what: str, most_bytes: int = _MOST_BYTES) -> bytes:
    """A file with keys, which nobody but its owner may be able to read. Raises UsageError, which begins with the flag;
    `what`: that it should be."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise UsageError(f"{flag} {path}: {error.strerror}") from None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise UsageError(f"{flag} {path}: it is not a file; name {what}")
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UsageError(f"{flag} {path}: others can read it, and it holds a key; run: chmod 600 {path}")
        if found.st_uid not in (os.geteuid(), 0):
            raise UsageError(f"{flag} {path}: it belongs to another user; use one of your own")
        return file.read(most_bytes)
