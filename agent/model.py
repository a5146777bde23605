"""From a model's source to requests that can run: resolve, read, reshape, compile, create, fill. Each step is timed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

from ovbench.common import job as jobs
from ovbench.common.errors import UsageError
from ovbench.common.messages import Port
from ovbench.common.schedule import round_up
from ovbench.common.shape import static_shape

from .builtin import builtin_file
from .capi import CompiledModel, Core, InferRequest, InputOutput, Library, Model, OpenVinoError
from .inputs import UnknownType, random_bytes


@dataclass
class StepTimes:
    """Milliseconds by step, and which step runs now (benchmark_app's numbers)."""

    ms: dict[str, float] = field(default_factory=dict)
    step: int = 0

    @contextmanager
    def measure(self, step: int, name: str) -> Iterator[None]:
        self.step = step
        began = time.perf_counter()
        try:
            yield
        finally:
            self.ms[name] = (time.perf_counter() - began) * 1e3


@dataclass(frozen=True)
class Loaded:
    """A compiled model with its requests, inputs filled and the first one run once."""

    library: Library
    compiled: CompiledModel
    requests: tuple[InferRequest, ...]
    batch: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    name: str
    properties: dict[str, str]
    version: str


def load(job: jobs.Job, times: StepTimes) -> Loaded:
    """Steps 2 to 9 of benchmark_app, in its order. Raises UsageError or OpenVinoError."""
    with times.measure(2, "load_runtime"):
        library = Library()
        core = Core(library)
        _extend(core, job.model)
    with times.measure(4, "read_model"):
        model = _read(core, job.model)
        name = model.name
    with times.measure(5, "reshape"):
        batch = _reshape(model, job.model)
    with times.measure(7, "compile"):
        compiled = _compile(core, model, job)
        model.free()
    times.step = 8
    inputs, outputs = compiled.inputs, compiled.outputs
    properties = compiled.properties()
    with times.measure(9, "create_requests"):
        count = 1 if job.load.compile_only else _request_count(job, properties)
        requests = tuple(compiled.request() for _ in range(count))
        if not job.load.compile_only:
            _fill(requests, inputs, job.data.seed)
    if not job.load.compile_only:
        with times.measure(10, "first_inference"):
            requests[0].infer()
    return Loaded(
        library,
        compiled,
        requests,
        batch,
        tuple(_port(i) for i in inputs),
        tuple(_port(o) for o in outputs),
        name,
        properties,
        library.version(),
    )


def _request_count(job: jobs.Job, properties: dict[str, str]) -> int:
    if job.load.api == "sync":
        return 1
    return job.runtime.requests or int(properties.get("OPTIMAL_NUMBER_OF_INFER_REQUESTS", "1"))


def iterations(job: jobs.Job, requests: int) -> int | None:
    """The agent's share, rounded up to whole rounds of its requests as benchmark_app does for async."""
    return None if job.load.iterations is None else round_up(job.load.iterations, requests)


def _extend(core: Core, spec: jobs.Model) -> None:
    for path in spec.extensions:
        try:
            core.add_extension(path)
        except OpenVinoError as error:
            raise UsageError(f"-extensions {path}: OpenVINO cannot load it: {gist(str(error))}") from None


def _read(core: Core, spec: jobs.Model) -> Model:
    path = str(builtin_file(spec.builtin)) if spec.builtin else spec.source
    try:
        return core.read_model(path)
    except OpenVinoError as error:
        raise UsageError(f"-m {spec.source}: OpenVINO cannot read this model: {gist(str(error))}") from None


def _reshape(model: Model, spec: jobs.Model) -> int:
    """Set the batch where one was asked for; returns the batch that an inference has."""
    inputs = model.inputs
    if spec.batch is not None:
        _set_batch(model, inputs, spec, spec.batch[0])
        inputs = model.inputs
    for port in inputs:
        if not port.is_static:
            raise _dynamic(port, spec)
    batches = {port.shape[place] for port in inputs if (place := _layout_batch_place(port.shape)) is not None}
    if spec.batch is not None:
        return spec.batch[0]
    return batches.pop() if len(batches) == 1 else 1


def _set_batch(model: Model, inputs: list[InputOutput], spec: jobs.Model, batch: int) -> None:
    shapes = {}
    for index, port in enumerate(inputs):
        place = _batch_place(port)
        if place is None or port.dims is None:
            continue
        dims = [*port.dims[:place], batch, *port.dims[place + 1 :]]
        if None in dims:
            raise _dynamic(port, spec)
        shapes[index] = tuple(dim for dim in dims if dim is not None)
    if not shapes:
        raise UsageError(f"-b {batch}: no input of {spec.source} has a batch dimension that can be told")
    try:
        model.reshape(shapes)
    except OpenVinoError as error:
        raise UsageError(f"-b {batch}: {spec.source} cannot be reshaped to it: {gist(str(error))}") from None


def _dynamic(port: InputOutput, spec: jobs.Model) -> UsageError:
    return UsageError(
        f"-m {spec.source}: input '{port.name}' has the dynamic shape {port.shape_text}; "
        "give a batch with -b if that is the only open dimension, or a model with static shapes"
    )


def _layout_batch_place(dims: tuple[int | None, ...]) -> int | None:
    """Where the batch is in what benchmark_app takes for an image (utils.py, get_inputs_info): NCHW or NHWC."""
    if len(dims) != 4:
        return None
    channels_first = dims[1] is not None and dims[1] <= 4 and (dims[3] is None or dims[3] > 4)
    channels_last = dims[3] is not None and dims[3] <= 4 and (dims[1] is None or dims[1] > 4)
    return 0 if channels_first or channels_last else None


def _batch_place(port: InputOutput) -> int | None:
    """benchmark_app's rule: an image's N; else the first dimension, if it is dynamic, 0 or 1."""
    if not port.dims:
        return None
    if _layout_batch_place(port.dims) is not None or port.dims[0] in (None, 0, 1):
        return 0
    return None


def _compile(core: Core, model: Model, job: jobs.Job) -> CompiledModel:
    try:
        return core.compile_model(model, job.runtime.device, job.runtime.properties())
    except OpenVinoError as error:
        raise UsageError(f"-m {job.model.source}: OpenVINO cannot compile this model: {gist(str(error))}") from None


def _fill(requests: tuple[InferRequest, ...], inputs: list[InputOutput], seed: int) -> None:
    for index, port in enumerate(inputs):
        random = np.random.default_rng([seed, index])
        memory = requests[0].input_bytes(index)
        try:
            memory[:] = random_bytes(port.type, memory.size, random)
        except UnknownType:
            raise UsageError(f"input '{port.name}' is of type {port.type}, for which there is no random data") from None
        for request in requests[1:]:
            request.input_bytes(index)[:] = memory


def _port(port: InputOutput) -> Port:
    return Port(name=port.name, type=port.type, shape=static_shape(port.shape) if port.is_static else ())


def gist(message: str) -> str:
    """One line of an OpenVINO message: its last that says something, without the frames of its exceptions."""
    lines = [line.strip() for line in message.splitlines()]
    telling = [line for line in lines if line and not line.startswith(("Exception from", "Check '"))]
    return (telling or lines or [message])[-1][:300]
