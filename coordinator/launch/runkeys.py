"""Keys of a run that is described before it begins, as for Kubernetes: the coordinator's, and who its hosts are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from ovbench.common.bounded import MOST_HOSTS, Name
from ovbench.common.errors import UsageError
from ovbench.common.join import Key, read_secret_file
from ovbench.common.keys import Keys, belong_together, is_key, new_keys

_FORMAT: Final = 1
_MOST_BYTES: Final = 1 << 20


@dataclass(frozen=True)
class RunKeys:
    """`own`: the coordinator's pair; `hosts`: the public keys of hosts by name, in their order."""

    own: Keys
    hosts: Mapping[str, str]


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    public_key: Key
    secret_key: Key
    hosts: Annotated[dict[Name, Key], Meta(min_length=1, max_length=MOST_HOSTS)]
    format: int = _FORMAT


def make_run_keys(names: Sequence[str]) -> tuple[RunKeys, Mapping[str, Keys]]:
    """New ones, and the pairs of the hosts by name: a host is given its own, and the coordinator none of them."""
    pairs = {name: new_keys() for name in names}
    return RunKeys(new_keys(), {name: pair.public for name, pair in pairs.items()}), pairs


def run_keys_bytes(keys: RunKeys) -> bytes:
    """For a file; a secret. One line, with its end."""
    return msgspec.json.encode(_File(keys.own.public, keys.own.secret, dict(keys.hosts))) + b"\n"


def read_run_keys(path: str) -> RunKeys:
    """Raises UsageError where it cannot be read, where others can read it, and for anything but keys."""
    data = read_secret_file("--run-keys", path, "a file that ovbench-coord manifest has written", _MOST_BYTES)
    try:
        file = msgspec.json.decode(data, type=_File)
    except (ValueError, RecursionError):
        raise UsageError(
            f"--run-keys {path}: it has no keys of a run; use a file that ovbench-coord manifest has written"
        ) from None
    if file.format != _FORMAT:
        raise UsageError(f"--run-keys {path}: it is of another version of ovbench; write the manifest anew")
    own = Keys(file.public_key, file.secret_key)
    if not belong_together(own) or not all(map(is_key, file.hosts.values())):
        raise UsageError(f"--run-keys {path}: a key in it is damaged; write the manifest anew")
    return RunKeys(own, file.hosts)
