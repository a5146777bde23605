"""Small models in every file format that OpenVINO reads, written without the frameworks they belong to.

All but the compiled blob compute `dense(data)`: relu(data @ WEIGHTS + BIAS) of f32 [1, 16], which is exact in f32 for
data in eighths, in whatever order it is summed. Protobuf and FlatBuffers are written field by field; the numbers are
those of the formats' published schemas, named beside each function.
"""

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import openvino as ov

from tests.openvino.opsets import opset13 as ops

Floats = npt.NDArray[np.float32]

ROWS: Final = 16
COLUMNS: Final = 8
WEIGHTS: Final[Floats] = np.array(
    [[((3 * row + 5 * column) % 7 - 3) / 8 for column in range(COLUMNS)] for row in range(ROWS)], np.float32
)
BIAS: Final[Floats] = np.array([(column - 4) / 4 for column in range(COLUMNS)], np.float32)


def dense(data: Floats) -> Floats:
    """What each of these models gives for `data` of [n, 16]: [n, 8]."""
    sums: Floats = data @ WEIGHTS + BIAS
    return np.maximum(sums, 0)


def exact_data(rows: int = 1) -> Floats:
    """[rows, 16] of eighths from -1 to 1, some outputs of which are above zero and some are not."""
    return ((np.arange(rows * ROWS) * 5 % 17 - 8) / 8).astype(np.float32).reshape(rows, ROWS)


# Protobuf: a message is its fields one after another, in any order; one that repeats is there several times.


def varint(value: int) -> bytes:
    """Seven bits a byte, the least first; a negative number as its 64 bits."""
    value &= (1 << 64) - 1
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def number(field: int, value: int) -> bytes:
    """An integer, bool or enum."""
    return varint(field << 3) + varint(value)


def block(field: int, value: bytes | str) -> bytes:
    """A string, bytes or a message within."""
    content = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(content)) + content


def blocks(field: int, values: list[str]) -> bytes:
    return b"".join(block(field, value) for value in values)


def mapping(field: int, entries: Mapping[str, bytes]) -> bytes:
    """A map from strings to messages: messages with a key and a value."""
    return b"".join(block(field, block(1, key) + block(2, value)) for key, value in entries.items())


def onnx_file(folder: Path, name: str = "model.onnx") -> Path:
    """Opset 13 (onnx/onnx.proto: ModelProto, GraphProto, NodeProto, TensorProto, ValueInfoProto)."""
    f32, opset = 1, 13

    def node(op: str, inputs: list[str], output: str) -> bytes:
        return block(1, blocks(1, inputs) + block(2, output) + block(3, op.lower()) + block(4, op))

    def initializer(called: str, values: Floats) -> bytes:
        dims = b"".join(number(1, dim) for dim in values.shape)
        return block(5, dims + number(2, f32) + block(8, called) + block(9, values.tobytes()))

    def value_info(field: int, called: str, dims: tuple[int, ...]) -> bytes:
        shape = b"".join(block(1, number(1, dim)) for dim in dims)
        return block(field, block(1, called) + block(2, block(1, number(1, f32) + block(2, shape))))

    graph = node("MatMul", ["data", "weights"], "product") + node("Add", ["product", "bias"], "sum")
    graph += node("Relu", ["sum"], "out") + block(2, "dense")
    graph += initializer("weights", WEIGHTS) + initializer("bias", BIAS)
    graph += value_info(11, "data", (1, ROWS)) + value_info(12, "out", (1, COLUMNS))
    return _written(folder / name, number(1, 8) + block(7, graph) + block(8, block(1, "") + number(2, opset)))


def _graph_def() -> bytes:
    """tensorflow/core/framework: GraphDef, NodeDef, AttrValue, TensorProto, TensorShapeProto."""
    dtype = number(6, 1)  # DT_FLOAT

    def node(name: str, op: str, inputs: list[str], attributes: Mapping[str, bytes]) -> bytes:
        return block(1, block(1, name) + block(2, op) + blocks(3, inputs) + mapping(5, attributes))

    def shape(dims: tuple[int, ...]) -> bytes:
        return b"".join(block(2, number(1, dim)) for dim in dims)

    def constant(name: str, values: Floats) -> bytes:
        tensor = number(1, 1) + block(2, shape(values.shape)) + block(4, values.tobytes())
        return node(name, "Const", [], {"dtype": dtype, "value": block(8, tensor)})

    graph = node("data", "Placeholder", [], {"dtype": dtype, "shape": block(7, shape((1, ROWS)))})
    graph += constant("weights", WEIGHTS) + constant("bias", BIAS)
    no = number(5, 0)
    graph += node("product", "MatMul", ["data", "weights"], {"T": dtype, "transpose_a": no, "transpose_b": no})
    graph += node("sum", "BiasAdd", ["product", "bias"], {"T": dtype})
    graph += node("out", "Relu", ["sum"], {"T": dtype})
    return graph + block(4, number(1, 1087))


def tensorflow_frozen(folder: Path) -> Path:
    """A GraphDef whose weights are constants."""
    return _written(folder / "model.pb", _graph_def())


def tensorflow_saved_model(folder: Path) -> Path:
    """A folder with saved_model.pb, no variables (tensorflow/core/protobuf: SavedModel, MetaGraphDef, SignatureDef)."""

    def tensor(name: str, dims: tuple[int, ...]) -> bytes:
        shape = b"".join(block(2, number(1, dim)) for dim in dims)
        return block(1, name) + number(2, 1) + block(3, shape)

    signature = mapping(1, {"data": tensor("data:0", (1, ROWS))}) + mapping(2, {"out": tensor("out:0", (1, COLUMNS))})
    signature += block(3, "tensorflow/serving/predict")
    meta = block(1, block(4, "serve")) + block(2, _graph_def()) + mapping(5, {"serving_default": signature})
    saved = folder / "saved_model"
    saved.mkdir()
    _written(saved / "saved_model.pb", number(1, 1) + block(2, meta))
    return saved


def paddle_files(folder: Path) -> Path:
    """model.pdmodel, and the weights in model.pdiparams (paddle/fluid/framework/framework.proto: ProgramDesc)."""
    f32, tensor, feed, fetch = 5, 7, 9, 10

    def tensor_desc(dims: tuple[int, ...]) -> bytes:
        return number(1, f32) + b"".join(number(2, dim) for dim in dims)

    def variable(name: str, kind: int, dims: tuple[int, ...] = (), kept: bool = False) -> bytes:
        described = block(3, block(1, tensor_desc(dims))) if kind == tensor else b""
        return block(3, block(1, name) + block(2, number(1, kind) + described) + number(3, kept))

    def operator(kind: str, inputs: dict[str, str], output: str, attributes: bytes = b"") -> bytes:
        taken = b"".join(block(1, block(1, key) + block(2, value)) for key, value in inputs.items())
        return block(4, taken + block(2, block(1, "Out") + block(2, output)) + block(3, kind) + attributes)

    column = block(4, block(1, "col") + number(2, 0) + number(3, 0))
    axis = block(4, block(1, "axis") + number(2, 0) + number(3, -1))
    straight = b"".join(block(4, block(1, name) + number(2, 6) + number(10, 0)) for name in ("trans_x", "trans_y"))
    program = number(1, 0) + number(2, -1) + variable("feed", feed, kept=True) + variable("fetch", fetch, kept=True)
    program += variable("bias", tensor, BIAS.shape, kept=True) + variable("weights", tensor, WEIGHTS.shape, kept=True)
    program += variable("data", tensor, (1, ROWS))
    program += b"".join(variable(name, tensor, (1, COLUMNS)) for name in ("product", "sum", "out"))
    program += operator("feed", {"X": "feed"}, "data", column)
    program += operator("matmul_v2", {"X": "data", "Y": "weights"}, "product", straight)
    program += operator("elementwise_add", {"X": "product", "Y": "bias"}, "sum", axis)
    program += operator("relu", {"X": "sum"}, "out") + operator("fetch", {"X": "out"}, "fetch", column)

    def saved(values: Floats) -> bytes:
        """A LoDTensor on disk: version, no levels, version, its description, its elements."""
        description = tensor_desc(values.shape)
        return struct.pack("<IQIi", 0, 0, 0, len(description)) + description + values.tobytes()

    _written(folder / "model.pdiparams", saved(BIAS) + saved(WEIGHTS))  # by name
    return _written(folder / "model.pdmodel", block(1, program) + block(4, number(1, 0)))


class Table:
    """A FlatBuffers table; fields are by their index in the schema: bytes for scalars, else what they refer to."""

    def __init__(self, fields: "Mapping[int, bytes | Table | Vector]") -> None:
        self.fields = fields


class Vector:
    """A FlatBuffers vector of tables, or of `count` scalars whose bytes are given."""

    def __init__(self, items: list[Table] | bytes, count: int | None = None) -> None:
        self.items = items
        self.count = len(items) if count is None else count


def text(value: str) -> Vector:
    """A string: a vector of its bytes with a zero behind them."""
    return Vector(value.encode() + b"\0", len(value.encode()))


def int32s(*values: int) -> Vector:
    return Vector(struct.pack(f"<{len(values)}i", *values), len(values))


class FlatBuffer:
    """References point forward, so each table is laid down before what it refers to.

    Everything begins at a multiple of 16, more than any element needs.
    """

    def __init__(self, root: Table, identifier: bytes) -> None:
        self.data = bytearray(struct.pack("<I", 0) + identifier)
        self._refer(0, root)

    def _refer(self, place: int, value: "Table | Vector") -> None:
        """Lay `value` down and write at `place` how far away it is."""
        target = self._put_table(value) if isinstance(value, Table) else self._put_vector(value)
        self.data[place : place + 4] = struct.pack("<I", target - place)

    def _put_vector(self, vector: Vector) -> int:
        self._align(4)
        start = len(self.data)
        self.data.extend(struct.pack("<I", vector.count))
        if isinstance(vector.items, bytes):
            self.data.extend(vector.items)
        else:
            self.data.extend(bytes(4 * vector.count))
            for index, item in enumerate(vector.items):
                self._refer(start + 4 + 4 * index, item)
        return start

    def _put_table(self, table: Table) -> int:
        """Where each field is (0 for one that is not there), the way back to that, the fields, each in 4 bytes."""
        places = {index: 4 + 4 * place for place, index in enumerate(sorted(table.fields))}
        slots = [places.get(index, 0) for index in range(max(table.fields, default=-1) + 1)]
        size = 4 + 4 * len(places)
        self._align()
        offsets = len(self.data)
        self.data.extend(struct.pack(f"<HH{len(slots)}H", 4 + 2 * len(slots), size, *slots))
        self._align()
        start = len(self.data)
        self.data.extend(struct.pack("<i", start - offsets) + bytes(size - 4))
        for index, value in table.fields.items():
            place = start + places[index]
            if isinstance(value, bytes):
                self.data[place : place + len(value)] = value
            else:
                self._refer(place, value)
        return start

    def _align(self, ahead: int = 0) -> None:
        """So that what comes `ahead` bytes from here is at a multiple of 16."""
        self.data.extend(bytes(-(len(self.data) + ahead) % 16))


def tflite_file(folder: Path) -> Path:
    """One FULLY_CONNECTED with a fused RELU (tensorflow/compiler/mlir/lite/schema/schema.fbs)."""
    fully_connected, options_of_it, relu = 9, 8, 1

    def tensor(name: str, dims: tuple[int, ...], buffer: int) -> Table:
        return Table({0: int32s(*dims), 1: b"\0", 2: struct.pack("<I", buffer), 3: text(name)})

    def buffer(values: Floats) -> Table:
        return Table({0: Vector(values.tobytes())})

    weights = np.ascontiguousarray(WEIGHTS.T)
    tensors = [
        tensor("data", (1, ROWS), 0),
        tensor("weights", weights.shape, 1),
        tensor("bias", BIAS.shape, 2),
        tensor("out", (1, COLUMNS), 0),
    ]
    operator = Table(
        {
            0: struct.pack("<I", 0),
            1: int32s(0, 1, 2),
            2: int32s(3),
            3: bytes([options_of_it]),
            4: Table({0: bytes([relu])}),
        }
    )
    graph = Table({0: Vector(tensors), 1: int32s(0), 2: int32s(3), 3: Vector([operator]), 4: text("dense")})
    code = Table({0: bytes([fully_connected]), 2: struct.pack("<i", 1), 3: struct.pack("<i", fully_connected)})
    model = Table(
        {
            0: struct.pack("<I", 3),
            1: Vector([code]),
            2: Vector([graph]),
            3: text("dense"),
            4: Vector([Table({}), buffer(weights), buffer(BIAS)]),
        }
    )
    return _written(folder / "model.tflite", bytes(FlatBuffer(model, b"TFL3").data))


def dense_model() -> ov.Model:
    data = ops.parameter([1, ROWS], np.float32, name="data")
    total = ops.add(ops.matmul(data, ops.constant(WEIGHTS), False, False), ops.constant(BIAS))
    out = ops.relu(total)
    out.output(0).set_names({"out"})
    data.output(0).set_names({"data"})
    return ov.Model([ops.result(out)], [data], "dense")


def ir_files(folder: Path) -> Path:
    """model.xml, and the weights in model.bin."""
    file = folder / "model.xml"
    ov.save_model(dense_model(), file, compress_to_fp16=False)
    return file


def compiled_blob(folder: Path, model: ov.Model | None = None) -> Path:
    """What a compiled model exports: for this very CPU and build of OpenVINO."""
    compiled = ov.Core().compile_model(model or dense_model(), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    exported = compiled.export_model()
    return _written(folder / "model.blob", exported if isinstance(exported, bytes) else exported.getvalue())


FORMATS: Final[Mapping[str, Callable[[Path], Path]]] = {
    "ir": ir_files,
    "onnx": onnx_file,
    "tensorflow-frozen": tensorflow_frozen,
    "tensorflow-saved-model": tensorflow_saved_model,
    "tflite": tflite_file,
    "paddle": paddle_files,
}
"""Each writes its model into a folder and returns what `-m` takes."""


def _written(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file
