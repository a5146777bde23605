"""What the load loops drive: OpenVINO, or the null device. Both are requests by address and a function to call."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from ovbench.common.effective import Effective, Outputs
from ovbench.common.job import Job, NullService
from ovbench.common.messages import Graph, Layers

from .data.sketch import Content, look_twice
from .host.libc import clock_addresses, semaphore_addresses
from .loop import null
from .loop.cache import load_loops
from .loop.layout import ControlRow, Slots
from .openvino.backend import OpenVinoBackend
from .openvino.model import StepTimes, iterations, load


class Backend(Protocol):
    """Ready to be loaded; made by `open_backend` in a thread that is already pinned."""

    effective: Effective
    version: str
    peaks_mb: tuple[float, float]
    """The most memory resident before and after the model was compiled."""

    def call(self, asynchronous: bool) -> int:
        """Address of int32 infer(request) or start_async(request)."""

    def handles(self) -> list[int]:
        """The requests."""

    def connect(self, control: ControlRow, slots: Slots) -> None:
        """Send each request's completions to its slot."""

    def feed(self, control: ControlRow, slots: Slots) -> None:
        """Have inputs set before each inference, where that was asked for or shapes are open."""

    def settle(self, statuses: Iterable[int]) -> str | None:
        """After the load: wait for what is in flight; the message of the first request that failed, if any did."""

    def begin(self, at_ns: int) -> None:
        """The load that is measured begins at this instant."""

    def recheck(self, completed: int) -> str | None:
        """After a load of so many inferences: the message of one that fails now, where the load would not report it."""

    def outputs(self) -> Outputs | None:
        """What the first request makes of the first inputs, while nothing is in flight; None where an inference fails.

        It infers twice, before `connect` and after the load. Layers count these like the first inference and the
        warm-up: they are inferences on the same model, and what a layer takes is a mean over all.
        """

    def findings(self) -> Iterator[Layers | Graph]:
        """After the load: what it shows beyond times, where that was asked for."""

    def renewed(self, job: Job, times: StepTimes) -> "Backend":
        """For another load on the same model (see `Job.same_but_load`), while nothing is in flight; it takes the place
        of this one."""


def open_backend(job: Job, times: StepTimes) -> Backend:
    return NullBackend(job, job.null) if job.null is not None else OpenVinoBackend(job, load(job, times))


class NullBackend:
    def __init__(self, job: Job, service: NullService) -> None:
        asynchronous = job.load.api == "async"
        streams = max(1, job.runtime.streams or 1) if asynchronous else 1
        requests = (job.runtime.requests or streams) if asynchronous else 1
        self._service = service
        self._begun = False
        self._device = null.NullDevice(
            service.service_ns, streams, requests, *clock_addresses(), semaphore_addresses(), service.exponential_seed
        )
        if asynchronous:
            self._device.start()
        self._count = requests
        self.version = ""
        self.peaks_mb = (0.0, 0.0)
        self.effective = Effective(
            backend=f"null:{service.service_ns / 1000:g}{'' if service.exponential_seed is None else ',exp'}",
            model="null",
            device="null",
            hint="",
            precision="",
            streams=streams,
            threads=streams,
            requests=requests,
            iterations=iterations(job, requests, 1),
            batch=job.model.batch[0] if job.model.batch else 1,
            inputs=(),
            outputs=(),
            properties={},
        )

    def renewed(self, job: Job, times: StepTimes) -> "NullBackend":
        self._device.stop()
        return NullBackend(job, job.null or self._service)

    def call(self, asynchronous: bool) -> int:
        return load_loops().address("start_async" if asynchronous else "infer")

    def handles(self) -> list[int]:
        return [self._device.request(index) for index in range(self._count)]

    def connect(self, control: ControlRow, slots: Slots) -> None:
        for index, slot in enumerate(slots):
            load_loops().install(slot)
            self._device.connect(index, slot)

    def settle(self, statuses: Iterable[int]) -> str | None:
        return None

    def feed(self, control: ControlRow, slots: Slots) -> None:
        """It has no inputs."""

    def begin(self, at_ns: int) -> None:
        self._begun = True
        service = self._service
        self._device.begin(at_ns, service.drift_percent_per_s, service.stall_at_s, service.stall_s)

    def recheck(self, completed: int) -> str | None:
        """None of its inferences fails."""
        return None

    def outputs(self) -> Outputs:
        number = self._service.outputs_after if self._begun else self._service.outputs
        content = Content("number", "i64", np.array([number], np.int64).view(np.uint8))
        return look_twice(lambda: [content])

    def findings(self) -> Iterator[Layers | Graph]:
        return iter(())
