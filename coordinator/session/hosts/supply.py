"""What hosts are given before a run: the files that its jobs name, and the arrivals that its agents serve."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from msgspec import structs

from ovbench.common.hostmessages import (
    INSTANTS_PER_PART,
    AnyHostOrder,
    FileChunk,
    HaveFiles,
    OfferFiles,
    SchedulePart,
    ShareSchedule,
    TookChunk,
    WantFiles,
)
from ovbench.common.job import Job, ScheduleAddress
from ovbench.common.messages import AnyNotice

from ...files.preparing import Preparing
from ...files.sender import FileSender

Int64s = npt.NDArray[np.int64]


class Supply:
    """Of all hosts, by their indices. `schedules`: what the agents of each are to serve, ns since the window's start;
    none without a rate."""

    def __init__(self) -> None:
        self.schedules: dict[int, Int64s] = {}
        self._files: FileSender | None = None
        self._preparing: Preparing | None = None

    def prepare_files(self, jobs: Sequence[Job], hosts: int, allow_extensions: bool) -> None:
        """Of the jobs to come; those before are forgotten."""
        self.close()
        self._preparing = Preparing(jobs, hosts, allow_extensions)

    def prepared(self, within_s: float) -> bool:
        """Whether all that is to be sent is known. Raises UsageError where a file cannot be sent."""
        if self._preparing is not None and self._preparing.done(within_s):
            self._files, self._preparing = self._preparing.sender(), None
        return self._preparing is None

    def offers(self, host: int) -> list[OfferFiles]:
        return [] if self._files is None else self._files.offers(host)

    def heard(self, host: int, notice: WantFiles | TookChunk | HaveFiles, now_ns: int) -> None:
        if self._files is not None:
            self._files.heard(host, notice, now_ns)

    def chunks(self, now_ns: int) -> list[tuple[int, FileChunk]]:
        """What is to go now, with the host that it is for."""
        return [] if self._files is None else self._files.orders(now_ns)

    def has_files(self, host: int) -> bool:
        return self._files is None or self._files.ready(host)

    def took_bytes(self, host: int) -> int:
        """How much of its files it has written."""
        return 0 if self._files is None else self._files.took_bytes(host)

    def idle_ns(self, host: int, now_ns: int) -> int:
        """For how long one that does not have all its files has not got on with them; 0 for one that has."""
        return 0 if self._files is None or self._files.ready(host) else self._files.idle_ns(host, now_ns)

    def lost(self, host: int) -> None:
        if self._files is not None:
            self._files.lost(host)

    def has_schedule(self, host: int) -> bool:
        """Whether there is one for it."""
        return len(self.schedules.get(host, ())) > 0

    def schedule(self, epoch: int, host: int) -> Iterator[AnyHostOrder]:
        """The orders that give it to the host, if there is one for it."""
        offsets = self.schedules[host]
        yield ShareSchedule(epoch, len(offsets))
        for first in range(0, len(offsets), INSTANTS_PER_PART):
            yield SchedulePart(epoch, first, offsets[first : first + INSTANTS_PER_PART].astype("<i8").tobytes())

    def job_for(self, host: int, schedule: ScheduleAddress | None, job: Job) -> Job:
        """With the paths that its files have there, and where its schedule is."""
        if self._files is not None:
            job = self._files.job_for(host, job)
        mine = job.load.schedule
        if mine is None or schedule is None:
            return job
        return structs.replace(job, load=structs.replace(job.load, schedule=structs.replace(mine, address=schedule)))

    def local(self, host: int, notice: AnyNotice) -> AnyNotice:
        """What an agent said, with the names that its files have here."""
        return notice if self._files is None else self._files.local(host, notice)

    def close(self) -> None:
        if self._files is not None:
            self._files.close()
            self._files = None
