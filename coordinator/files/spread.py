"""Which piece of which file goes to which host next, so that each is read once for all hosts that want it. Pure.

A piece is kept until every host that keeps up has been sent it. The memory for that is bounded, so whoever is ahead
waits for the slowest, but not for ever: a host that has held up others for `patience_ns` in all is left behind, and its
pieces are read again, for it and for others at the same place. One that has caught up is among the others again.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ovbench.common.hostmessages import CHUNK_BYTES

_MOST_UNDER_WAY: Final = 64
"""Pieces to a host, as small files have small ones."""


class Piece(NamedTuple):
    """From `offset`, a multiple of `Limits.chunk_bytes`, to the next one or the end. Files are numbered in the order
    in which they are sent."""

    file: int
    offset: int


@dataclass(frozen=True)
class Send:
    host: int
    piece: Piece
    data: bytes


@dataclass(frozen=True)
class Limits:
    """`memory_bytes`: of pieces that some host is still to be sent; `again_bytes`: of those that were read again;
    `gather_ns`: how long the hosts that have answered wait for the answers of the others, before anything is read."""

    memory_bytes: int = 64 << 20
    again_bytes: int = 16 << 20
    patience_ns: int = 2_000_000_000
    gather_ns: int = 2_000_000_000
    chunk_bytes: int = CHUNK_BYTES


@dataclass
class _Held:
    data: bytes
    pins: set[int]
    """Hosts that keep up and are still to be sent it."""


@dataclass
class _Taker:
    host: int
    credit_bytes: int = 0
    files: deque[int] = field(default_factory=deque)
    """Those that it has not been sent whole, ascending."""
    positions: dict[int, int] = field(default_factory=dict)
    """Of these, from where on."""
    under_way: deque[Piece] = field(default_factory=deque)
    under_way_bytes: int = 0
    behind: bool = False
    held_up_ns: int = 0
    """For how long it has kept others waiting."""

    @property
    def next(self) -> Piece | None:
        return Piece(self.files[0], self.positions[self.files[0]]) if self.files else None

    def needs(self, piece: Piece) -> bool:
        position = self.positions.get(piece.file)
        return position is not None and position <= piece.offset

    def may_get(self, length: int) -> bool:
        """One piece always: a credit below its size would be no credit at all."""
        fits = self.under_way_bytes + length <= self.credit_bytes and len(self.under_way) < _MOST_UNDER_WAY
        return fits or not self.under_way


class Spread:
    """Of files of `sizes` bytes, by number, to hosts by number. After each event, `sends` and `read_next` in turn until
    neither has anything; while `waits`, also as time passes."""

    def __init__(self, sizes: Sequence[int], limits: Limits) -> None:
        self._sizes = sizes
        self._limits = limits
        self._takers: dict[int, _Taker] = {}
        self._awaited: dict[int, int] = {}
        self._gather_until_ns: int | None = None
        self._memory: dict[Piece, _Held] = {}
        self._pinned_bytes = 0
        self._again: deque[Piece] = deque()
        self._again_bytes = 0
        self._was_read: set[Piece] = set()
        self._blocked_ns: int | None = None
        self.bytes_read = 0

    def expect(self, host: int, answers: int) -> None:
        """It has been offered so many sets, or will be."""
        self._awaited[host] = answers

    def answered(self, host: int) -> None:
        left = self._awaited.pop(host, 0) - 1
        if left > 0:
            self._awaited[host] = left

    def want(self, host: int, wanted: Mapping[int, int], credit_bytes: int, now_ns: int) -> None:
        """The host wants these files from an offset on, wherever it was in them before."""
        if self._gather_until_ns is None:
            self._gather_until_ns = now_ns + self._limits.gather_ns
        taker = self._takers.setdefault(host, _Taker(host))
        taker.credit_bytes = credit_bytes
        self._unpin(taker)
        for file, offset in wanted.items():
            if offset < self._sizes[file]:
                taker.positions[file] = offset - offset % self._limits.chunk_bytes
            else:
                taker.positions.pop(file, None)
        taker.files = deque(sorted(taker.positions))
        self._landed(taker, [piece for piece in taker.under_way if piece.file in wanted])
        if not taker.behind:
            self._pin(taker)

    def took(self, host: int, file: int, until: int) -> None:
        """All before `until` has been written there."""
        taker = self._takers.get(host)
        if taker is not None:
            ends = ((piece, piece.offset + self.length(piece)) for piece in taker.under_way if piece.file == file)
            self._landed(taker, [piece for piece, end in ends if end <= until])

    def lost(self, host: int) -> None:
        self._awaited.pop(host, None)
        taker = self._takers.pop(host, None)
        if taker is not None:
            self._unpin(taker)

    def length(self, piece: Piece) -> int:
        return min(self._limits.chunk_bytes, self._sizes[piece.file] - piece.offset)

    @property
    def waits(self) -> bool:
        """Whether something is put off that time alone may set free."""
        return self._blocked_ns is not None or (self._gather_until_ns is not None and bool(self._awaited))

    @property
    def memory_bytes(self) -> int:
        return self._pinned_bytes + self._again_bytes

    def sends(self, now_ns: int) -> list[Send]:
        """What is in memory for hosts that have credit for it; it is under way then."""
        if self._gathers(now_ns):
            return []
        found = []
        for host, taker in self._takers.items():
            while (piece := taker.next) is not None:
                held = self._memory.get(piece)
                if held is None or not taker.may_get(len(held.data)):
                    break
                if taker.behind and held.pins:
                    self._rejoin(taker)
                found.append(Send(host, piece, held.data))
                self._sent(taker, piece, held)
        if not any(taker.files for taker in self._takers.values()):
            self._forget_again(0)
        return found

    def read_next(self, now_ns: int) -> Piece | None:
        """What to read for a host that has credit for it, to be handed to `have`; the one that is furthest back first.

        What keeps that one from being served is its own credit alone, so all goes on as long as anybody takes anything.
        """
        while not self._gathers(now_ns):
            keeping_up = (taker.next for taker in self._takers.values() if not taker.behind)
            lowest = min((piece for piece in keeping_up if piece is not None), default=None)
            blocked = False
            for piece, taker in self._hungry():
                again = piece in self._was_read
                if again and not taker.behind:  # it came late
                    self._leave_behind(taker)
                fits = self._pinned_bytes + self.length(piece) <= self._limits.memory_bytes
                if again or fits or piece == lowest:
                    if taker.behind and not again:
                        self._rejoin(taker)
                    return piece
                blocked = True
            if not blocked:
                self._blocked_ns = None
                return None
            if not self._waited(now_ns):
                return None
        return None

    def have(self, piece: Piece, data: bytes) -> None:
        self.bytes_read += len(data)
        takers = () if piece in self._was_read else self._takers.values()
        pins = {taker.host for taker in takers if not taker.behind and taker.needs(piece)}
        self._was_read.add(piece)
        self._memory[piece] = _Held(data, pins)
        if pins:
            self._pinned_bytes += len(data)
        else:
            self._keep_again(piece, data)

    def _gathers(self, now_ns: int) -> bool:
        return self._gather_until_ns is None or (bool(self._awaited) and now_ns < self._gather_until_ns)

    def _hungry(self) -> list[tuple[Piece, _Taker]]:
        """Those with credit for a piece that is not in memory, the furthest back first."""
        found = [
            (piece, taker)
            for taker in self._takers.values()
            if (piece := taker.next) is not None and piece not in self._memory and taker.may_get(self.length(piece))
        ]
        return sorted(found, key=lambda one: one[0])

    def _waited(self, now_ns: int) -> bool:
        """Whether somebody was left behind, as others have waited for him for long enough."""
        elapsed_ns = 0 if self._blocked_ns is None else max(0, now_ns - self._blocked_ns)
        self._blocked_ns = now_ns
        lowest = min((piece for piece, held in self._memory.items() if held.pins), default=None)
        left = False
        for host in () if lowest is None else tuple(self._memory[lowest].pins):
            taker = self._takers[host]
            taker.held_up_ns += elapsed_ns
            if taker.held_up_ns >= self._limits.patience_ns:
                self._leave_behind(taker)
                left = True
        return left

    def _leave_behind(self, taker: _Taker) -> None:
        self._unpin(taker)
        taker.behind = True

    def _rejoin(self, taker: _Taker) -> None:
        taker.behind = False
        self._pin(taker)

    def _pin(self, taker: _Taker) -> None:
        """What is kept for others is kept for it, too."""
        for piece, held in self._memory.items():
            if held.pins and taker.needs(piece):
                held.pins.add(taker.host)

    def _unpin(self, taker: _Taker) -> None:
        for piece in [piece for piece, held in self._memory.items() if taker.host in held.pins]:
            self._release(piece, taker)

    def _release(self, piece: Piece, taker: _Taker) -> None:
        held = self._memory[piece]
        if taker.host in held.pins:
            held.pins.remove(taker.host)
            if not held.pins:
                self._pinned_bytes -= len(held.data)
                self._keep_again(piece, held.data)

    def _keep_again(self, piece: Piece, data: bytes) -> None:
        """For those behind; what was kept for the longest gives way."""
        self._forget_again(max(0, self._limits.again_bytes - len(data)))
        self._again.append(piece)
        self._again_bytes += len(data)

    def _forget_again(self, most_bytes: int) -> None:
        while self._again_bytes > most_bytes:
            piece = self._again.popleft()
            self._again_bytes -= len(self._memory.pop(piece).data)

    def _sent(self, taker: _Taker, piece: Piece, held: _Held) -> None:
        taker.under_way.append(piece)
        taker.under_way_bytes += len(held.data)
        self._release(piece, taker)
        end = piece.offset + len(held.data)
        if end < self._sizes[piece.file]:
            taker.positions[piece.file] = end
        else:
            del taker.positions[piece.file]
            taker.files.popleft()

    def _landed(self, taker: _Taker, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            taker.under_way.remove(piece)
            taker.under_way_bytes -= self.length(piece)
