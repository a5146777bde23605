"""What is known of inferences: when each was due, when it started and when it ended.

A sample is a row of int64, instants in CLOCK_MONOTONIC ns: start and end, and at a rate also when it was due. In a
closed loop an inference is due when it starts, so that is not stored. The compiled loops write rows by their layout
(`samplelayout`); everybody else asks `SampleArray`. Pure.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .samplelayout import DUE, END, OPEN_WORDS, START, row_words

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SampleArray:
    """Inferences, in the order in which they are given. `table`: int64 [n, CLOSED_WORDS] or [n, OPEN_WORDS].

    `measured`, where instants were mapped from another clock: services and latencies as that clock had them, int64
    [n, 2]; None where they are the differences of the instants.
    """

    table: Int64s
    measured: Int64s | None = None

    @classmethod
    def of(cls, starts: Int64s, ends: Int64s, dues: Int64s | None = None) -> "SampleArray":
        columns = (starts, ends) if dues is None else (starts, ends, dues)
        return cls(np.stack(columns, axis=1).astype(np.int64, copy=False))

    @classmethod
    def from_bytes(cls, data: bytes, timed: bool) -> "SampleArray":
        """As a message has them, without copying: little endian. Raises ValueError where one is not whole."""
        return cls(np.frombuffer(data, "<i8").reshape(-1, row_words(timed)))

    @classmethod
    def empty(cls, timed: bool = False) -> "SampleArray":
        return cls(np.empty((0, row_words(timed)), np.int64))

    @classmethod
    def joined(cls, parts: "Sequence[SampleArray]", timed: bool = False) -> "SampleArray":
        """All of them, one after the other; `timed` is what none of them is."""
        if not parts:
            return cls.empty(timed)
        table = np.concatenate([part.table for part in parts])
        if all(part.measured is None for part in parts):
            return cls(table)
        return cls(table, np.concatenate([np.stack([part.services, part.latencies], axis=1) for part in parts]))

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, which: slice | Int64s | npt.NDArray[np.bool_]) -> "SampleArray":
        return SampleArray(self.table[which], None if self.measured is None else self.measured[which])

    def mapped(self, instants: Callable[[Int64s], Int64s]) -> "SampleArray":
        """With other instants, in the same order, while services, latencies and waits stay as they are."""
        table = instants(self.table)
        return SampleArray(table, np.stack([self.services, self.latencies], axis=1))

    @property
    def timed(self) -> bool:
        """Whether each was due at an instant of its own."""
        return bool(self.table.shape[1] == OPEN_WORDS)

    @property
    def starts(self) -> Int64s:
        return self.table[:, START]

    @property
    def ends(self) -> Int64s:
        return self.table[:, END]

    @property
    def dues(self) -> Int64s:
        return self.table[:, DUE if self.timed else START]

    @property
    def latencies(self) -> Int64s:
        """From due to end, ns [n]."""
        values: Int64s = self.ends - self.dues if self.measured is None else self.measured[:, 1]
        return values

    @property
    def services(self) -> Int64s:
        """From start to end, ns [n]."""
        values: Int64s = self.ends - self.starts if self.measured is None else self.measured[:, 0]
        return values

    @property
    def waits(self) -> Int64s:
        """From due to start, ns [n]; 0 in a closed loop."""
        values: Int64s = self.starts - self.dues if self.measured is None else self.latencies - self.services
        return values

    def to_bytes(self) -> bytes:
        """The instants alone, little endian."""
        return self.table.astype("<i8", copy=False).tobytes()


def instants_of(data: bytes) -> Int64s:
    """As a message has them, without copying: little endian, int64 [n]."""
    return np.frombuffer(data, "<i8")
