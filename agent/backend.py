"""What the load loops drive: OpenVINO, or the null device. Both are requests by address and a function to call."""

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ovbench.common.job import Job
from ovbench.common.messages import Effective, Phases

from . import loops, null
from .capi import Library, OpenVinoError, libc_addresses, set_callback_address
from .model import Loaded, StepTimes, iterations, load

Int64s = npt.NDArray[np.int64]


class Backend(Protocol):
    """Ready to be loaded; made by `open_backend` in a thread that is already pinned."""

    effective: Effective
    version: str

    def call(self, asynchronous: bool) -> int:
        """Address of int32 infer(request) or start_async(request)."""

    def handles(self) -> list[int]:
        """The requests."""

    def connect(self, control: Int64s, slots: Int64s) -> None:
        """Send each request's completions to its slot."""

    def settle(self, statuses: Iterable[int]) -> str | None:
        """After the load: wait for what is in flight; the message of the first request that failed, if any did."""


def open_backend(job: Job, times: StepTimes) -> Backend:
    return NullBackend(job) if job.null is not None else OpenVinoBackend(job, load(job, times))


def phases(times: StepTimes) -> Phases:
    ms = times.ms
    return Phases(
        load_runtime_ms=ms.get("load_runtime", 0.0),
        read_model_ms=ms.get("read_model", 0.0),
        reshape_ms=ms.get("reshape", 0.0),
        compile_ms=ms.get("compile", 0.0),
        create_requests_ms=ms.get("create_requests", 0.0),
        first_inference_ms=ms.get("first_inference", 0.0),
    )


def _install(slot: Int64s) -> None:
    """Lay a std::function that calls `on_complete` with the slot's address: state, state, manager, invoker."""
    function = slot[loops.S_FUNCTION : loops.S_FUNCTION + 4]
    function[:] = (slot.ctypes.data, 0, loops.entry(loops.manage_function), loops.entry(loops.on_complete))


class OpenVinoBackend:
    def __init__(self, job: Job, loaded: Loaded) -> None:
        self._library: Library = loaded.library
        self._requests = loaded.requests
        self._asynchronous = job.load.api == "async"
        self._compiled = loaded.compiled  # kept: its requests need it
        self.version = loaded.version
        properties = loaded.properties
        self.effective = Effective(
            backend="openvino",
            model=loaded.name,
            device=properties.get("EXECUTION_DEVICES", job.runtime.device),
            hint=properties.get("PERFORMANCE_HINT", ""),
            precision=properties.get("INFERENCE_PRECISION_HINT", ""),
            streams=int(properties.get("NUM_STREAMS", "0")),
            threads=int(properties.get("INFERENCE_NUM_THREADS", "0")),
            requests=len(loaded.requests),
            iterations=iterations(job, len(loaded.requests)),
            batch=loaded.batch,
            inputs=loaded.inputs,
            outputs=loaded.outputs,
            properties=properties,
        )

    def call(self, asynchronous: bool) -> int:
        return self._library.start_async if asynchronous else self._library.infer

    def handles(self) -> list[int]:
        return [request.address for request in self._requests]

    def connect(self, control: Int64s, slots: Int64s) -> None:
        control[loops.C_REARM] = set_callback_address()
        for request, slot in zip(self._requests, slots, strict=True):
            _install(slot)
            slot[loops.S_OBJECT] = request.object_address
            loops.rearm(slot.ctypes.data)

    def settle(self, statuses: Iterable[int]) -> str | None:
        if not self._asynchronous:
            return self._library.last_error() if any(statuses) else None
        first: str | None = None
        for request, status in zip(self._requests, statuses, strict=True):
            message = self._library.last_error() if status else None
            try:
                request.wait()
            except OpenVinoError as error:
                message = str(error)
            first = first or message
        return first


class NullBackend:
    def __init__(self, job: Job) -> None:
        assert job.null is not None
        asynchronous = job.load.api == "async"
        streams = (job.runtime.streams or 1) if asynchronous else 1
        requests = (job.runtime.requests or streams) if asynchronous else 1
        self._device = null.NullDevice(job.null.service_ns, streams, requests, *libc_addresses())
        if asynchronous:
            self._device.start()
        self._count = requests
        self.version = ""
        self.effective = Effective(
            backend=f"null:{job.null.service_ns / 1000:g}",
            model="null",
            device="null",
            hint="",
            precision="",
            streams=streams,
            threads=streams,
            requests=requests,
            iterations=iterations(job, requests),
            batch=job.model.batch[0] if job.model.batch else 1,
            inputs=(),
            outputs=(),
            properties={},
        )

    def call(self, asynchronous: bool) -> int:
        return loops.entry(null.start_async if asynchronous else null.infer)

    def handles(self) -> list[int]:
        return [self._device.request(index) for index in range(self._count)]

    def connect(self, control: Int64s, slots: Int64s) -> None:
        for index, slot in enumerate(slots):
            _install(slot)
            self._device.connect(index, slot)

    def settle(self, statuses: Iterable[int]) -> str | None:
        return None
