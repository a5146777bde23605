"""What an agent reports of the model that it has made ready: ports, inputs, effective settings, files, outputs."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from .bounded import MOST_PORTS, Batch, Milliseconds, Name, Names, Text
from .job import NotNegative, Positive, Requests, Sha256
from .shape import Shape

MOST_GROUPS = 65_536
"""Groups of shapes in one `Effective`."""

MOST_DIGESTS = 256
"""Files in one `Effective`."""

SKETCH_VALUES = 64
"""Values in the sketch of an output."""

_MOST_NOTES = 4_096


class Port(Struct, frozen=True, forbid_unknown_fields=True):
    """An input or output of a model.

    `name` is what it goes by, `names` all names of its tensor, `node` that of the node that makes it; `layout` as
    OpenVINO prints it (`[N,C,H,W]`, `[...]` where none is known). `shape` is None where not even the rank is known.
    """

    name: Name
    type: Name
    shape: Shape | None
    names: Names = ()
    node: Name = ""
    layout: Name = "[...]"


Ports = Annotated[tuple[Port, ...], Meta(max_length=MOST_PORTS)]


class Filling(Struct, frozen=True, forbid_unknown_fields=True):
    """What an input is filled with, in words; `tensors` of them are used in turn where inputs are set in the loop."""

    input: Name
    text: Text
    tensors: Positive


class ShapeGroup(Struct, frozen=True, forbid_unknown_fields=True):
    """Shapes that inputs have together in one inference, and how many frames that is."""

    shapes: Annotated[
        tuple[Annotated[tuple[NotNegative, ...], Meta(max_length=MOST_PORTS)], ...], Meta(max_length=MOST_PORTS)
    ]
    batch: Batch


FileKind = Literal["model", "extension", "input"]


class FileDigest(Struct, frozen=True, forbid_unknown_fields=True):
    """A file that the agent read, or all of a kind where there are many: what it is for, its path, and its content.

    A built-in model's files are named by it (`builtin:tiny.xml`).
    """

    kind: FileKind
    name: Name
    sha256: Sha256
    size: NotNegative


class Lack(Struct, frozen=True, forbid_unknown_fields=True):
    """Something that a build of OpenVINO cannot do, the function it would need, and what follows, in a sentence."""

    capability: Name
    needs: Name
    effect: Text


_MOST_LACKS = 64


class Build(Struct, frozen=True, forbid_unknown_fields=True):
    """The OpenVINO that an agent loaded. `tested`: whether ovbench is tested with its release. `instead`: functions
    that it does not have, and what does the same there."""

    version: Name
    tested: bool
    lacks: Annotated[tuple[Lack, ...], Meta(max_length=_MOST_LACKS)] = ()
    instead: Annotated[dict[Name, Name], Meta(max_length=_MOST_LACKS)] = {}


class Effective(Struct, frozen=True, forbid_unknown_fields=True):
    """What the compiled model says of itself, beside what was requested; `requests` and `iterations` as run.

    `inputs` and `outputs` are as compiled, the original ones as read. With more than one of `groups`, inference k of
    request r has those of index (r + k) modulo their number. `notes` are for the user, a sentence each. `files`: what
    was read, the model's first; none with the null device. `capabilities`: what the device says that it is optimized
    for, such as BF16. `isa`: the widest instructions of the host's CPUs (see `agent.host.isa`), empty where not known.
    `build`: None with the null device.
    """

    backend: Name
    model: Name
    device: Name
    hint: Name
    precision: Name
    streams: Annotated[int, Meta(ge=0, lt=1 << 31)]
    threads: Annotated[int, Meta(ge=0, lt=1 << 31)]
    requests: Requests
    iterations: NotNegative | None
    batch: Batch
    inputs: Ports
    outputs: Ports
    properties: Annotated[dict[Name, Text], Meta(max_length=MOST_PORTS)]
    original_inputs: Ports = ()
    original_outputs: Ports = ()
    fillings: Annotated[tuple[Filling, ...], Meta(max_length=MOST_PORTS)] = ()
    groups: Annotated[tuple[ShapeGroup, ...], Meta(max_length=MOST_GROUPS)] = ()
    inference_only: bool = True
    notes: Annotated[tuple[Text, ...], Meta(max_length=_MOST_NOTES)] = ()
    files: Annotated[tuple[FileDigest, ...], Meta(max_length=MOST_DIGESTS)] = ()
    capabilities: Names = ()
    isa: Name = ""
    build: Build | None = None


class Phases(Struct, frozen=True, forbid_unknown_fields=True):
    """How long each part of the preparation took, 0 for what was not done: after `Again` that is all but the
    requests and the first inference. The first inference is one on the first request. `import_ms` is for models that
    were compiled before, in place of reading and compiling."""

    load_runtime_ms: Milliseconds
    read_model_ms: Milliseconds
    reshape_ms: Milliseconds
    compile_ms: Milliseconds
    create_requests_ms: Milliseconds
    first_inference_ms: Milliseconds
    import_ms: Milliseconds = 0.0


class OutputDigest(Struct, frozen=True, forbid_unknown_fields=True):
    """One output of the inference on the first inputs.

    `digest`: BLAKE2b of its bytes, 128 bits in hex. `sketch`: up to `SKETCH_VALUES` of its values at even distances,
    the first and the last among them, float32 little endian; empty for elements that are no numbers. `scale`: the
    largest finite magnitude of all of them.
    """

    name: Name
    digest: Annotated[str, Meta(pattern=r"\A[0-9a-f]{32}\Z")]
    sketch: Annotated[bytes, Meta(max_length=4 * SKETCH_VALUES)]
    scale: Annotated[float, Meta(ge=0, le=1e300)]

    def __post_init__(self) -> None:
        if len(self.sketch) % 4:
            raise ValueError("a sketch is float32 values")


class Outputs(Struct, frozen=True, forbid_unknown_fields=True):
    """What request 0 made of the first inputs. `repeatable`: a second inference on them gave the same bytes;
    not where the model keeps state, of which there are no outputs."""

    repeatable: bool
    outputs: Annotated[tuple[OutputDigest, ...], Meta(max_length=MOST_PORTS)]
