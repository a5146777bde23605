"""The instants at which a host's agents are to infer, in memory that they share with its supervisor."""

import numpy as np

from ovbench.common.errors import UsageError
from ovbench.common.hostmessages import ScheduleAt
from ovbench.common.schedulememory import SharedSchedule


class HostSchedules:
    """One at a time: that of an epoch, which comes before it begins."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._epoch = 0
        self._written = 0
        self._shared: SharedSchedule | None = None

    def share(self, epoch: int, count: int) -> None:
        self.close()
        if 8 * count > self._most_bytes:
            raise UsageError(
                f"a schedule of {count:,} arrivals needs more memory than this host gives, {self._most_bytes >> 20} "
                "MB; lower the rate, measure for a shorter time, or start its supervisor with a larger --max-memory"
            )
        self._epoch, self._written = epoch, 0
        self._shared = SharedSchedule(count)

    def add(self, epoch: int, first: int, data: bytes) -> ScheduleAt | None:
        if self._shared is None or epoch != self._epoch or first != self._written:
            raise ValueError("a part of a schedule came out of turn")
        instants, room = np.frombuffer(data, "<i8"), self._shared.offsets_ns[first:]
        if len(instants) > len(room):
            raise ValueError("a schedule is longer than it was to be")
        room[: len(instants)] = instants
        self._written += len(instants)
        if len(instants) < len(room):
            return None
        at = self._shared.address
        return ScheduleAt(epoch, at.pid, at.descriptor, at.count, at.nonce)

    def begin(self, epoch: int) -> None:
        if epoch != self._epoch:
            self.close()

    def close(self) -> None:
        if self._shared is not None:
            self._shared.close()
            self._shared = None
