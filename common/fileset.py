"""Files that go to another host together, and stay together there: the digest of the set, and the names in it.

Who offers a set chooses its names; who takes it makes files of them, so a name is checked on either side. Pure.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from .errors import UsageError
from .hostmessages import FileOffer, OfferFiles
from .printable import one_line

MOST_DEPTH: Final = 16
_MOST_PART_BYTES: Final = 255
_MOST_NAME_BYTES: Final = 2_048
"""With the cache's folder before it, within Linux's limit of 4096 for a path."""

_OF_NOTHING: Final = hashlib.sha256().hexdigest()


def set_sha256(files: Iterable[FileOffer]) -> str:
    """In hex, of what the files are called and what is in them; in whatever order."""
    lines = sorted(f"{one.sha256} {one.size} {one.name}" for one in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def fault_of_name(name: str) -> str | None:
    """Why no file may be called that, as a clause, None where it may: relative, within the set, harmless to show."""
    parts = name.split("/")
    try:
        sizes = [len(part.encode()) for part in parts]
    except UnicodeEncodeError:
        return "it is not UTF-8"
    if one_line(name) != name:
        return "it has control characters"
    if any(part in ("", ".", "..") for part in parts):
        return "it leads out of its folder"
    if len(parts) > MOST_DEPTH:
        return f"it is more than {MOST_DEPTH} folders deep"
    if max(sizes) > _MOST_PART_BYTES or sum(sizes) + len(sizes) > _MOST_NAME_BYTES:
        return "it is too long"
    return None


def check_set(offer: OfferFiles) -> None:
    """Raises UsageError for a set that no honest coordinator offers."""
    names = [one.name for one in offer.files]
    for name in names:
        if (fault := fault_of_name(name)) is not None:
            raise UsageError(f"a file is offered under the name '{one_line(name[:100])}', and {fault}")
    if (twice := _twice(names)) is not None:
        raise UsageError(f"two files are offered under the name '{twice}'")
    sizes: dict[str, int] = {}
    for one in offer.files:
        if sizes.setdefault(one.sha256, one.size) != one.size:
            raise UsageError(f"{one.name} is offered with two sizes")
        if (one.size == 0) != (one.sha256 == _OF_NOTHING):
            raise UsageError(f"{one.name} is offered with {one.size} bytes and a digest that cannot be theirs")
    if set_sha256(offer.files) != offer.set_sha256:
        raise UsageError(f"the digest of the set with {names[0]} is not that of its files")


def _twice(names: Sequence[str]) -> str | None:
    """A name that two files have, or that is a file's and a folder's."""
    files: set[str] = set()
    for name in names:
        if name in files:
            return name
        files.add(name)
    folders = (name[:at] for name in names for at, character in enumerate(name) if character == "/")
    return next((folder for folder in folders if folder in files), None)
