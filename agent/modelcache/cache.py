"""The files that a coordinator sends, as it offers them: what is there already is not asked for, what comes is verified
before it is called by its name, and sets that are whole are kept for the next run.

Several processes of a host may use one cache. What one of them uses is locked until it closes its cache.
"""

import errno
import os
from pathlib import Path
from typing import Final

from ovbench.common.bounded import as_name, as_text
from ovbench.common.cache import private_folder, users_folder
from ovbench.common.cacheplace import CachePlace
from ovbench.common.errors import NO_ROOM, UsageError
from ovbench.common.fileset import check_set
from ovbench.common.hostmessages import (
    MOST_STATES_OF_SET,
    AnyHostNotice,
    FileChunk,
    HaveFiles,
    HostFailed,
    OfferFiles,
)

from .making import Making
from .reception import Excess, Reception, Write
from .room import NoRoom, make_room
from .shelf import Kept, Shelf

_MOST_SETS: Final = 256
"""That are being received, or in use."""


class ModelCache:
    """`heard` waits for the disk; `CacheThread` does not."""

    def __init__(self, place: CachePlace, allow_extensions: bool) -> None:
        """Nothing is made or read before something is offered."""
        self._place = place
        self._allow_extensions = allow_extensions
        self._shelf: Shelf | None = None
        self._reception = Reception()
        self._making: dict[str, Making] = {}
        self._kept: dict[str, Kept] = {}

    @property
    def folder(self) -> Path:
        """Where all of it is, made or not. Raises UsageError where there is no such place."""
        try:
            named = self._place.folder
            return users_folder() / "models" if named is None else Path(named).expanduser().absolute()
        except (OSError, RuntimeError) as error:
            raise UsageError(f"--model-cache: there is no folder for it: {error}") from None

    def heard(self, order: OfferFiles | FileChunk) -> list[AnyHostNotice]:
        """What to answer. A set that failed is given up with `HostFailed`; other sets go on."""
        try:
            return self._offered(order) if isinstance(order, OfferFiles) else self._came(order)
        except UsageError as error:
            self._give_up(order, keep=True)
            return [HostFailed(kind="usage", message=as_text(str(error)))]
        except OSError as error:
            name = self._name(order)
            self._give_up(order, keep=error.errno not in NO_ROOM)
            return [HostFailed(kind="usage", message=as_text(self._trouble(name, error)))]

    def close(self) -> None:
        """What is not whole stays, to be gone on with; what is whole may be thrown away by others from now on."""
        for making in self._making.values():
            making.close()
        for kept in self._kept.values():
            kept.close()
        self._making.clear()
        self._kept.clear()

    def _offered(self, offer: OfferFiles) -> list[AnyHostNotice]:
        name = offer.set_sha256
        check_set(offer)
        if offer.role in ("extension", "property") and not self._allow_extensions:
            raise UsageError(
                f"{offer.files[0].name}: libraries and the files of properties are taken only with --allow-extensions"
            )
        if name in self._kept:
            return [_have(name, self._kept[name])]
        if name in self._making:
            return [self._reception.want(name)]
        if len(self._kept) + len(self._making) == _MOST_SETS:
            raise UsageError(f"{offer.files[0].name}: more than {_MOST_SETS} sets of files are offered")
        shelf = self._made()
        kept = shelf.find(offer)
        if kept is not None:
            self._kept[name] = kept
            return [_have(name, kept)]
        self._begin(shelf, offer)
        return [self._put(name) if self._reception.complete(name) else self._reception.want(name)]

    def _begin(self, shelf: Shelf, offer: OfferFiles) -> None:
        making = self._making[offer.set_sha256] = Making(shelf.sets, offer)
        there = making.there()
        wanted_bytes = sum(one.size - there.get(one.sha256, 0) for one in offer.files)
        try:
            needed = wanted_bytes + self._reception.missing_bytes
            make_room(self.folder, shelf.sets, needed, self._place.limit_bytes, offer.set_sha256)
        except NoRoom as problem:
            raise UsageError(self._no_room(offer, wanted_bytes, problem)) from None
        elsewhere = shelf.files()
        for one in offer.files:
            source = elsewhere.get(one.sha256)
            if there.get(one.sha256) != one.size and source is not None and making.take_copy(one.sha256, source):
                there[one.sha256] = one.size
        self._reception.open(offer, there)

    def _came(self, chunk: FileChunk) -> list[AnyHostNotice]:
        try:
            found = self._reception.piece(chunk)
        except Excess as excess:
            raise UsageError(f"{excess}: more of it came than was offered") from None
        if not isinstance(found, Write):
            return [] if found is None else [found]
        making = self._making[found.set_sha256]
        making.write(found.sha256, found.data)
        took = self._reception.wrote(found.sha256, len(found.data))
        return [took, *self._ended(making, found.sha256)] if found.whole else [took]

    def _ended(self, making: Making, sha256: str) -> list[AnyHostNotice]:
        """A file is there to its end."""
        resumed = making.resumed(sha256)
        if not making.finish(sha256):
            if resumed:  # what another process left was not what it seemed
                return [self._reception.anew(sha256)]
            raise UsageError(f"{self._reception.name(sha256)}: what came has another SHA-256 than was offered")
        for name in self._reception.sharing(sha256)[1:]:
            if not self._making[name].take_copy(sha256, making.path(sha256)):
                raise OSError(errno.EIO, os.strerror(errno.EIO))
        return [self._put(name) for name in self._reception.whole(sha256)]

    def _put(self, name: str) -> AnyHostNotice:
        offer, making = self._reception.offer(name), self._making[name]
        assert offer is not None
        kept = self._made().put(making, offer)
        self._kept[name] = kept
        del self._making[name]
        self._reception.close(name)
        return _have(name, kept)

    def _made(self) -> Shelf:
        if self._shelf is None:
            if self._place.folder is None:
                private_folder(users_folder())
            self._shelf = Shelf(private_folder(private_folder(self.folder) / "sets"))
        return self._shelf

    def _name(self, order: OfferFiles | FileChunk) -> str:
        """Of the file that it is about, for a message."""
        return order.files[0].name if isinstance(order, OfferFiles) else self._reception.name(order.sha256)

    def _give_up(self, order: OfferFiles | FileChunk, keep: bool) -> None:
        """The sets that it is about. `keep`: what there is of them, to be gone on with another time."""
        if isinstance(order, OfferFiles):
            names: tuple[str, ...] = (order.set_sha256,)
        else:
            names = self._reception.sharing(order.sha256)
        for name in names:
            if (making := self._making.pop(name, None)) is not None:
                making.close() if keep and making.there_is_any else making.discard()
            if self._reception.offer(name) is not None:
                self._reception.close(name)

    def _trouble(self, name: str, error: OSError) -> str:
        where = error.filename if isinstance(error.filename, str) else self.folder
        return (
            f"{name} cannot be kept in the model cache: {where}: {error.strerror or error}; make room there, or name "
            "another folder with --model-cache DIR"
        )

    def _no_room(self, offer: OfferFiles, wanted_bytes: int, problem: NoRoom) -> str:
        more = len(offer.files) - 1
        what = f"{offer.files[0].name}{f' and {more} more' if more else ''} need {_size(wanted_bytes)}, and the"
        if problem.limit:
            return (
                f"{what} model cache {self.folder} of {_size(self._place.limit_bytes)} has room for "
                f"{_size(problem.room_bytes)}; let it have more with --model-cache DIR:SIZE"
            )
        return (
            f"{what} disk of the model cache {self.folder} has room for {_size(problem.room_bytes)}; make room, or "
            "name another folder with --model-cache DIR"
        )


def _have(name: str, kept: Kept) -> HaveFiles:
    states = kept.states if len(kept.states) <= MOST_STATES_OF_SET else ()
    return HaveFiles(set_sha256=name, folder=as_name(str(kept.folder)), states=states)


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
