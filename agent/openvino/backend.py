"""OpenVINO as what the load loops drive: its requests, completions, inputs, outputs and findings."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from msgspec import structs

from ovbench.common.bounded import as_name, as_text
from ovbench.common.effective import Build, Effective, Outputs, Port
from ovbench.common.job import Job
from ovbench.common.messages import GRAPH_BYTES_PER_MESSAGE, LAYERS_PER_MESSAGE, Graph, Layers

from ..data.sketch import MOST_OUTPUTS, Content, look_twice
from ..data.tensors import STRING
from ..host.isa import read_isa
from ..host.libc import memcpy_address
from ..loop.cache import load_loops
from ..loop.layout import ControlRow, Slots
from .blame import gist
from .capi import Library
from .model import Loaded, StepTimes, iterations, reload
from .objects import Core
from .package import OpenVinoError
from .rehearsal import TurnFailed, is_silent


def _listed(ports: Iterable[Port]) -> tuple[Port, ...]:
    """With names as a message may have them."""
    return tuple(
        structs.replace(port, name=as_name(port.name), names=tuple(map(as_name, port.names)), node=as_name(port.node))
        for port in ports
    )


def _listable(build: Build) -> Build:
    return structs.replace(build, version=as_name(build.version))


def _capabilities(core: Core, device: str) -> tuple[str, ...]:
    """None where the device does not say."""
    with suppress(OpenVinoError):
        return tuple(as_name(word) for word in core.get(device, "OPTIMIZATION_CAPABILITIES").split())
    return ()


class OpenVinoBackend:
    """See `agent.backend.Backend`."""

    def __init__(self, job: Job, loaded: Loaded) -> None:
        self._loaded = loaded
        self._library: Library = loaded.openvino
        self._requests = loaded.requests
        self._asynchronous = job.load.api == "async"
        self.version = loaded.openvino.build.version
        self._job = job
        self._feed = loaded.feed
        self._connected = False
        made, properties = loaded.compiled, loaded.properties
        self._compiled = made.model  # kept: its requests need it
        self.peaks_mb = made.peaks_mb
        self.effective = Effective(
            backend="openvino",
            model=as_name(made.name),
            device=properties.get("EXECUTION_DEVICES", job.runtime.device),
            hint=properties.get("PERFORMANCE_HINT", ""),
            precision=properties.get("INFERENCE_PRECISION_HINT", ""),
            streams=int(properties.get("NUM_STREAMS", "0")),
            threads=int(properties.get("INFERENCE_NUM_THREADS", "0")),
            requests=len(loaded.requests),
            iterations=iterations(job, len(loaded.requests), len(loaded.groups)),
            batch=loaded.groups[0].batch if loaded.groups else 1,
            inputs=_listed(made.ports[0]),
            outputs=_listed(made.ports[1]),
            properties=properties,
            original_inputs=_listed(made.original[0]),
            original_outputs=_listed(made.original[1]),
            fillings=loaded.fillings,
            groups=loaded.groups,
            inference_only=loaded.feed is None,
            notes=tuple(as_text(note) for note in dict.fromkeys(loaded.notes)),
            files=loaded.files,
            capabilities=_capabilities(loaded.core, job.runtime.device),
            isa=read_isa(),
            build=_listable(loaded.openvino.build),
        )

    def renewed(self, job: Job, times: StepTimes) -> "OpenVinoBackend":
        return OpenVinoBackend(job, reload(job, self._loaded, times))

    def call(self, asynchronous: bool) -> int:
        return self._library.start_async if asynchronous else self._library.infer

    def handles(self) -> list[int]:
        return [request.address for request in self._requests]

    def connect(self, control: ControlRow, slots: Slots) -> None:
        self._connected = True
        control.rearm = self._library.set_callback
        for request, slot in zip(self._requests, slots, strict=True):
            load_loops().install(slot)
            slot.object_address = request.object_address
            load_loops().rearm(slot.address)

    def feed(self, control: ControlRow, slots: Slots) -> None:
        if self._feed is None:
            return
        control.inputs = len(self.effective.inputs)
        control.set_input = self._library.set_input
        control.copy = memcpy_address()
        for turn, (slot, table) in enumerate(zip(slots, self._feed.tables(self._requests), strict=True)):
            slot.feed = table.address
            slot.turn = turn

    def begin(self, at_ns: int) -> None:
        """It is all the same to OpenVINO."""

    def recheck(self, completed: int) -> str | None:
        rehearsal = self._loaded.rehearsal
        if rehearsal is None or not is_silent(self._job.load.api, self.effective.properties):
            return None
        last = None if self._feed is None else max(0, completed - 1) % rehearsal.turns
        try:
            rehearsal.after(last)
        except TurnFailed as failed:
            reason = gist(str(failed.__cause__))
            return f"an inference fails after the load, so some that were counted may have failed, too: {reason}"
        return None

    def outputs(self) -> Outputs | None:
        """A model that keeps state would be another afterwards, so it is not asked, and reported as not repeatable.

        Where the loop has set tensors of ours, the inputs are put into the last one of these, which nothing needs then.
        The request's callback goes, so that no inference is recorded and none restarted.
        """
        request = self._requests[0]
        try:
            if self._connected:
                request.clear_callback()
            if self._library.cxx.has_state(request.object_address):
                return Outputs(repeatable=False, outputs=())
            if self._feed is not None:
                self._feed.put(request, 0)
            found = look_twice(self._infer)
            return found if found.outputs else None
        except OpenVinoError:
            return None

    def _infer(self) -> Iterator[Content]:
        """An inference on the first request, and its outputs: not those of strings with a build whose are not known."""
        request, cxx = self._requests[0], self._library.cxx
        request.infer()
        for index, port in enumerate(self.effective.outputs[:MOST_OUTPUTS]):
            if port.type == STRING and not cxx.has_strings:
                continue
            data = request.output_bytes(index)
            if port.type == STRING:
                data = np.frombuffer(cxx.texts(data.ctypes.data, data.size), np.uint8)
            yield Content(port.name or f"output {index}", port.type, data)

    def findings(self) -> Iterator[Layers | Graph]:
        if self.effective.properties.get("PERF_COUNT") in ("YES", "true", "True"):
            yield from self._layers()
        if self._job.wants_graph:
            yield from self._graph()

    def _layers(self) -> Iterator[Layers]:
        for index, request in enumerate(self._requests):
            try:
                layers = request.layers()
            except OpenVinoError:  # it never ran
                continue
            for at in range(0, len(layers), LAYERS_PER_MESSAGE):
                yield Layers(request=index, layers=tuple(layers[at : at + LAYERS_PER_MESSAGE]))

    def _graph(self) -> Iterator[Graph]:
        """Where it cannot be written, nothing: the figures are worth more."""
        try:
            with TemporaryDirectory(prefix="ovbench-graph-") as folder:
                file = Path(folder) / "graph.xml"
                model = self._compiled.runtime_model()
                try:
                    self._library.cxx.serialize(model.handle, file)
                finally:
                    model.free()
                content = file.read_bytes()
        except (OSError, OpenVinoError):
            return
        for at in range(0, len(content), GRAPH_BYTES_PER_MESSAGE):
            yield Graph(data=content[at : at + GRAPH_BYTES_PER_MESSAGE])

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
