"""From a model's source to requests that can run: read, reshape, preprocess, compile, create, fill. Steps are timed."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from xml.etree.ElementTree import ParseError

from msgspec import structs

from ovbench.common import job as jobs
from ovbench.common.bounded import as_name, as_text
from ovbench.common.digests import digests, model_files, states, unchanged
from ovbench.common.effective import FileDigest, Filling, Phases, Port, ShapeGroup
from ovbench.common.errors import UsageError
from ovbench.common.job import FileState
from ovbench.common.shape import format_dimension
from ovbench.common.shares import round_up

from ..data.inputs import Gathered, gather
from ..data.signature import InputInfo, check_types, groups, input_types, output_types, sign
from ..host.usage import peak_mb
from .blame import check_properties, compilation, failed_inference, gist, preprocessing_flags
from .build import notes, probe, refuse
from .builtin import builtin_file
from .capi import Library
from .cxx import Cxx
from .feed import Feed
from .graph import index_rows
from .objects import CompiledModel, Core, InferRequest, ModelHandle
from .package import OpenVinoError
from .preprocess import preprocess
from .rehearsal import Rehearsal, TurnFailed, is_silent, turns

_MOST_TRIED: Final = 64

_INTEGERS: Final = ("i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64")
"""Types that an index into a table may have."""


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

    def phases(self) -> Phases:
        ms = self.ms
        return Phases(
            load_runtime_ms=ms.get("load_runtime", 0.0),
            read_model_ms=ms.get("read_model", 0.0),
            reshape_ms=ms.get("reshape", 0.0),
            compile_ms=ms.get("compile", 0.0),
            create_requests_ms=ms.get("create_requests", 0.0),
            first_inference_ms=ms.get("first_inference", 0.0),
            import_ms=ms.get("import", 0.0),
        )


@dataclass(frozen=True)
class Compiled:
    """A compiled model and what it was made from. `inputs` are as its tensors are to be, data not yet known.

    The ports are those of the model as read, and as it was handed over to be compiled.
    """

    model: CompiledModel
    name: str
    inputs: tuple[InputInfo, ...]
    original: tuple[tuple[Port, ...], tuple[Port, ...]]
    ports: tuple[tuple[Port, ...], tuple[Port, ...]]
    notes: tuple[str, ...]
    peaks_mb: tuple[float, float]
    reshaped: bool = False
    files: tuple[FileDigest, ...] = ()
    states: Mapping[str, FileState] = field(default_factory=dict)
    """Of the files, as they were when they were read."""


@dataclass(frozen=True)
class Loaded:
    """A compiled model with its requests, inputs filled and, unless it was not wanted, the first one run once.

    `feed` is None where inputs stay as they are during the load.
    """

    openvino: Library
    core: Core
    compiled: Compiled
    requests: tuple[InferRequest, ...]
    properties: dict[str, str]
    groups: tuple[ShapeGroup, ...]
    fillings: tuple[Filling, ...]
    notes: tuple[str, ...]
    feed: Feed | None
    files: tuple[FileDigest, ...]
    rehearsal: Rehearsal | None = None


def load(job: jobs.Job, times: StepTimes) -> Loaded:
    """Steps 2 to 9 of benchmark_app, in its order. Raises UsageError or OpenVinoError."""
    with times.measure(2, "load_runtime"):
        library = Library()
        refuse(probe(library), job)
        core = Core(library)
        _extend(core, job.model)
    model, extensions = states(model_files(_path(job.model))), states(job.model.extensions)
    made = _compiled(library, core, job, times)
    times.step = 8
    files = (*_model_digests(job, model), *digests("extension", extensions, job.known, "-extensions"))
    made = replace(made, files=files, states={**model, **extensions})
    return _with_requests(library, core, made, made.model.properties(), job, times)


def reload(job: jobs.Job, former: Loaded, times: StepTimes) -> Loaded:
    """The same compiled model with other requests, as for `Job.same_but_load`. Those of `former` are freed, and its
    inputs. Raises UsageError where the model's files have changed: OpenVINO may have them mapped, so what it would run
    is not known."""
    for path, state in former.compiled.states.items():
        unchanged("-m", path, state)
    for request in former.requests:
        request.free()
    if former.feed is not None:
        former.feed.free()
    return _with_requests(former.openvino, former.core, former.compiled, former.properties, job, times)


def _with_requests(
    library: Library, core: Core, made: Compiled, properties: dict[str, str], job: jobs.Job, times: StepTimes
) -> Loaded:
    if job.load.compile_only:
        return _loaded(library, core, made, (made.model.request(),), properties)
    with times.measure(9, "create_requests"):
        requests = tuple(made.model.request() for _ in range(_request_count(job, properties)))
        made = _with_rows(library, core, made, job)
        loaded, feed = _filled(library, core, made, requests, properties, job)
    if job.load.first_inference:
        loaded = _rehearsed(loaded, feed, job, times)
    if loaded.feed is None:
        feed.free()
    return loaded


def _rehearsed(loaded: Loaded, feed: Feed, job: jobs.Job, times: StepTimes) -> Loaded:
    """Raises UsageError where the inputs are such that an inference fails.

    The first inference is one on this thread, which is to have the model's stream, and on a request of its own: of one
    that keeps state, no more than one is to change it.
    """
    rehearsal = loaded.rehearsal
    assert rehearsal is not None
    first = loaded.compiled.model.request()
    feed.put(first, 0)
    try:
        with times.measure(10, "first_inference"):
            rehearsal.first(first.infer_on_this_thread)
        first.free()
        rehearsal.before(least=min(len(loaded.groups), _MOST_TRIED))
    except TurnFailed as failed:
        raise UsageError(failed_inference(loaded.compiled.inputs, loaded.groups, job, failed)) from None
    if not is_silent(job.load.api, loaded.properties):
        return loaded
    stateful = loaded.openvino.cxx.has_state(loaded.requests[0].object_address)
    return replace(loaded, notes=(*loaded.notes, *rehearsal.unseen(stateful)))


def iterations(job: jobs.Job, requests: int, turns: int) -> int | None:
    """The agent's share, rounded up for async as benchmark_app does: to whole rounds of the requests, or of the shapes
    where those are more, and then so that all shapes come equally often."""
    if job.load.iterations is None or job.load.api == "sync":
        return job.load.iterations
    whole = round_up(job.load.iterations, max(requests, turns))
    return round_up(whole, turns) if turns > 1 else whole


def _request_count(job: jobs.Job, properties: dict[str, str]) -> int:
    if job.load.api == "sync":
        return 1
    return job.runtime.requests or int(properties.get("OPTIMAL_NUMBER_OF_INFER_REQUESTS", "1"))


def _loaded(
    library: Library, core: Core, made: Compiled, requests: tuple[InferRequest, ...], properties: dict[str, str]
) -> Loaded:
    said = (*notes(library.build), *made.notes)
    return Loaded(library, core, made, requests, properties, (), (), said, None, made.files)


def _filled(
    library: Library,
    core: Core,
    made: Compiled,
    requests: tuple[InferRequest, ...],
    properties: dict[str, str],
    job: jobs.Job,
) -> tuple[Loaded, Feed]:
    given = states([path for part in job.data.files for path in part.paths])
    gathered = gather(made.inputs, job.data)
    shapes = [[tensor.shape for tensor in found.tensors] for found in gathered.inputs]
    together = groups(made.inputs, shapes)
    inputs = tuple(_of_data(info, own) for info, own in zip(made.inputs, shapes, strict=True))
    fed = _is_fed(job, made.inputs, len(together))
    feed = Feed(library, inputs, gathered, None if fed else len(requests))
    feed.fill(requests)
    loaded = _loaded(library, core, made, requests, properties)
    loaded = replace(
        loaded,
        groups=together,
        fillings=_fillings(made.inputs, gathered),
        notes=(*loaded.notes, *gathered.notes),
        feed=feed if fed else None,
        files=(*made.files, *digests("input", given, job.known, "-i")),
        rehearsal=Rehearsal(
            requests[0],
            lambda turn: feed.put(requests[0], turn),
            turns([len(found.tensors) for found in gathered.inputs], len(requests), fed),
        ),
    )
    return loaded, feed


def _of_data(info: InputInfo, shapes: Sequence[tuple[int, ...]]) -> InputInfo:
    return info if info.is_static else replace(info, data_shapes=tuple(shapes))


def _fillings(inputs: Sequence[InputInfo], gathered: Gathered) -> tuple[Filling, ...]:
    return tuple(
        Filling(input=as_name(info.name), text=as_text(found.text), tensors=len(found.tensors))
        for info, found in zip(inputs, gathered.inputs, strict=True)
    )


def _is_fed(job: jobs.Job, inputs: Sequence[InputInfo], turns: int) -> bool:
    """Whether inputs are set before each inference: as asked, else where a shape is open."""
    if job.load.inference_only and turns > 1:
        raise UsageError(
            f"-inference_only: the inputs have {turns} shapes in turn, which are set in the measured loop; leave it out"
        )
    if job.load.inference_only is None:
        return not all(info.is_static for info in inputs)
    return not job.load.inference_only


def _extend(core: Core, spec: jobs.Model) -> None:
    for path in spec.extensions:
        try:
            core.add_extension(path)
        except OpenVinoError as error:
            raise UsageError(f"-extensions {path}: OpenVINO cannot load it: {gist(str(error))}") from None


def _compiled(library: Library, core: Core, job: jobs.Job, times: StepTimes) -> Compiled:
    """By the way that the model's file and the options say."""
    path = _path(job.model)
    if job.model.compiled:
        return _ready_made(core, job, times, "import", lambda *wanted: core.import_model(path, *wanted))
    if job.model.whole_file:
        return _ready_made(core, job, times, "compile", lambda *wanted: core.compile_file(path, *wanted))
    with times.measure(4, "read_model"):
        model = _read(core, job.model, path)
        name = model.name
        original = _ports(model)
    check_types(*original, job.preprocessing)
    signature = sign(original[0], job.model, job.preprocessing)
    if signature.reshaped:
        with times.measure(5, "reshape"):
            _reshape(model, signature.inputs, job.model)
    times.step = 6
    model, inputs = _preprocessed(library, model, signature.inputs, original[1], job)
    ports = _ports(model)
    before = peak_mb()
    with times.measure(7, "compile"):
        made = _make(core, job, "compile", lambda *wanted: core.compile_model(model, *wanted))
        after = peak_mb()
        model.free()
    return Compiled(made, name, inputs, original, ports, signature.notes, (before, after), signature.reshaped)


def _model_digests(job: jobs.Job, before: Mapping[str, FileState]) -> Iterator[FileDigest]:
    """Files of a built-in model have the names of nothing that a user knows, and others in another cache."""
    for one in digests("model", before, job.known, "-m"):
        built_in = job.model.builtin and f"{job.model.source}{Path(one.name).suffix}"
        yield structs.replace(one, name=built_in or one.name)


def _path(spec: jobs.Model) -> str:
    return str(builtin_file(spec.builtin)) if spec.builtin else spec.source


def _ready_made(
    core: Core, job: jobs.Job, times: StepTimes, verb: str, make: Callable[[str, dict[str, str]], CompiledModel]
) -> Compiled:
    """Straight from the file: its inputs are what they are."""
    before = peak_mb()
    with times.measure(7, verb):
        made = _make(core, job, verb, make)
    after = peak_mb()
    ports = (tuple(made.inputs), tuple(made.outputs))
    signature = sign(ports[0], job.model, job.preprocessing)
    if signature.reshaped:
        raise UsageError(f"-m {job.model.source}: a model that is not read cannot be reshaped; leave out -b and -shape")
    name = Path(job.model.source).stem
    return Compiled(made, name, signature.inputs, ports, ports, signature.notes, (before, after))


def _make(core: Core, job: jobs.Job, verb: str, make: Callable[[str, dict[str, str]], CompiledModel]) -> CompiledModel:
    try:
        return make(job.runtime.device, job.runtime.properties())
    except OpenVinoError as error:
        check_properties(core, job)
        blamed = compilation(core, job, _path(job.model))
        raise UsageError(f"{blamed}: OpenVINO cannot {verb} this model: {gist(str(error))}") from None


def _ports(model: ModelHandle) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    return tuple(model.inputs), tuple(model.outputs)


def _read(core: Core, spec: jobs.Model, path: str) -> ModelHandle:
    try:
        return core.read_model(path)
    except OpenVinoError as error:
        raise UsageError(f"-m {spec.source}: OpenVINO cannot read this model: {gist(str(error))}") from None


def _reshape(model: ModelHandle, inputs: Sequence[InputInfo], spec: jobs.Model) -> None:
    try:
        model.reshape({index: info.shape for index, info in enumerate(inputs)})
    except OpenVinoError as error:
        asked = "-shape" if spec.batch is None else f"-b {format_dimension(spec.batch)}"
        raise UsageError(f"{asked}: {spec.source} cannot be reshaped to it: {gist(str(error))}") from None


def _preprocessed(
    library: Library, model: ModelHandle, inputs: tuple[InputInfo, ...], outputs: Sequence[Port], job: jobs.Job
) -> tuple[ModelHandle, tuple[InputInfo, ...]]:
    types = input_types(inputs, job.preprocessing)
    try:
        built = preprocess(library, model, inputs, types, output_types(outputs, job.preprocessing))
    except OpenVinoError as error:
        blamed = " or ".join(preprocessing_flags(job)) or f"-m {job.model.source}"
        raise UsageError(f"{blamed}: OpenVINO cannot prepare the inputs and outputs: {gist(str(error))}") from None
    return built, tuple(replace(info, type=types.get(index, info.type)) for index, info in enumerate(inputs))


def _with_rows(library: Library, core: Core, made: Compiled, job: jobs.Job) -> Compiled:
    """Learn how far an index may go, where integers are to be made up for an input that is one."""
    given = {name for files in job.data.files for name in [files.input]}
    wanted = [
        info
        for info in made.inputs
        if info.type in _INTEGERS
        and not info.is_image
        and not (None in given or any(info.is_called(name or "") for name in given))
    ]
    if not wanted:
        return made
    rows = _rows(library.cxx, core, job.model, made)
    return replace(made, inputs=tuple(replace(info, rows=rows.get(info.node)) for info in made.inputs))


def _rows(cxx: Cxx, core: Core, spec: jobs.Model, made: Compiled) -> dict[str, int]:
    """By node. An IR file shows it; for any other format, and of a model in other shapes than its file has, OpenVINO
    writes one, without the weights. Nothing where that cannot be done: data are then 0 and 1."""
    path = Path(_path(spec))
    known: dict[str, int] = {}
    with suppress(OSError, ParseError):  # OpenVINO reads XML that is not quite one
        if path.suffix == ".xml":
            known = index_rows(path)
        if spec.compiled or not cxx.has_graphs or (path.suffix == ".xml" and not made.reshaped):
            return known
        with TemporaryDirectory(prefix="ovbench-graph-") as folder:
            file = Path(folder) / "model.xml"
            model = _read(core, spec, str(path))
            if made.reshaped:
                _reshape(model, made.inputs, spec)
            cxx.serialize(model.handle, file)
            model.free()
            for node, rows in index_rows(file).items():
                known[node] = min(rows, known.get(node, rows))
    return known
