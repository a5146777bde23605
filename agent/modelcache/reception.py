"""Which files of which sets are still to come, and what to do with a piece of one. Pure.

A file that several sets have comes once, for the set that was offered first; the others are given it when it is whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ovbench.common.hostmessages import AnyHostNotice, FileChunk, FileOffer, OfferFiles, TookChunk, WantFiles


@dataclass(frozen=True)
class Write:
    """To be appended to the file in the set; `whole`: it is the last of it."""

    set_sha256: str
    sha256: str
    data: bytes
    whole: bool


class Excess(Exception):
    """More of a file came than was offered; the text is its name."""


@dataclass
class _File:
    offer: FileOffer
    written: int
    whole: bool = False
    sets: list[str] = field(default_factory=list)
    asked_at: int | None = None
    """Where a gap began that it was asked for again from."""


class Reception:
    def __init__(self) -> None:
        self._sets: dict[str, OfferFiles] = {}
        self._missing: dict[str, set[str]] = {}
        self._files: dict[str, _File] = {}
        self.dropped = 0
        """Pieces of files that nobody waits for."""

    def offer(self, set_sha256: str) -> OfferFiles | None:
        """Of a set that is not complete."""
        return self._sets.get(set_sha256)

    @property
    def sets(self) -> tuple[str, ...]:
        return tuple(self._sets)

    @property
    def missing_bytes(self) -> int:
        """Of all sets, those included that are given a file when it is whole."""
        return sum(
            (one.size - (self._files[one.sha256].written if self._files[one.sha256].sets[0] == name else 0))
            for name, offer in self._sets.items()
            for one in offer.files
            if one.sha256 in self._missing[name]
        )

    def open(self, offer: OfferFiles, there: Mapping[str, int]) -> None:
        """`there`: how much there is already, by digest; all of a file only where that was verified."""
        name = offer.set_sha256
        self._sets[name] = offer
        for one in offer.files:
            file = self._files.setdefault(one.sha256, _File(one, there.get(one.sha256, 0)))
            if name not in file.sets:
                file.sets.append(name)
            if there.get(one.sha256) == one.size:
                file.written, file.whole = one.size, True
        self._missing[name] = {one.sha256 for one in offer.files if not self._files[one.sha256].whole}

    def want(self, set_sha256: str) -> WantFiles:
        """What is to be sent for a set, now or again."""
        files = ((sha256, self._files[sha256]) for sha256 in self._missing[set_sha256])
        wanted = {sha256: file.written for sha256, file in files if file.sets[0] == set_sha256}
        return WantFiles(set_sha256=set_sha256, wanted=wanted)

    def piece(self, chunk: FileChunk) -> Write | AnyHostNotice | None:
        """What to write, what to answer, or nothing to do. Raises Excess."""
        file = self._files.get(chunk.sha256)
        if file is None or file.whole:
            self.dropped += 1
            return None
        end = chunk.offset + len(chunk.data)
        if end > file.offer.size:
            raise Excess(file.offer.name)
        if end <= file.written:
            return TookChunk(sha256=chunk.sha256, until=file.written)
        if chunk.offset > file.written:
            # What is under way behind a gap would ask for the same over and over.
            if file.asked_at == file.written:
                return None
            file.asked_at = file.written
            return WantFiles(set_sha256=file.sets[0], wanted={chunk.sha256: file.written})
        data = chunk.data[file.written - chunk.offset :]
        return Write(file.sets[0], chunk.sha256, data, end == file.offer.size)

    def wrote(self, sha256: str, count: int) -> TookChunk:
        self._files[sha256].written += count
        return TookChunk(sha256=sha256, until=self._files[sha256].written)

    def whole(self, sha256: str) -> tuple[str, ...]:
        """It is there and verified; the sets that are complete with it."""
        file = self._files[sha256]
        file.whole = True
        for name in file.sets:
            self._missing[name].discard(sha256)
        return tuple(name for name in file.sets if not self._missing[name])

    def sharing(self, sha256: str) -> tuple[str, ...]:
        """The sets that have it, the one that it comes for first."""
        return tuple(self._files[sha256].sets)

    def anew(self, sha256: str) -> WantFiles:
        """What there was of it is no good."""
        file = self._files[sha256]
        file.written, file.asked_at = 0, None
        return WantFiles(set_sha256=file.sets[0], wanted={sha256: 0})

    def complete(self, set_sha256: str) -> bool:
        return not self._missing[set_sha256]

    def close(self, set_sha256: str) -> None:
        """It has been put away, or given up with what there was of it."""
        for one in self._sets.pop(set_sha256).files:
            file = self._files.get(one.sha256)
            if file is None or set_sha256 not in file.sets:
                continue
            if file.sets[0] == set_sha256 and not file.whole:
                file.written = 0
            file.sets.remove(set_sha256)
            if not file.sets:
                del self._files[one.sha256]
        del self._missing[set_sha256]

    def name(self, sha256: str) -> str:
        return self._files[sha256].offer.name
