"""Small models built with OpenVINO's own operations, each with what it computes beside it in numpy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import openvino as ov

from tests.openvino.opsets import opset15 as ops

Array = npt.NDArray[Any]

ROWS: Final = 10
WIDTH: Final = 4
TABLE: Final[Array] = np.arange(ROWS * WIDTH, dtype=np.float32).reshape(ROWS, WIDTH) - 7
TOKENS: Final = 6


def save(model: ov.Model, folder: Path) -> Path:
    """As IR, with weights of the precision that they have."""
    file = folder / f"{model.get_friendly_name()}.xml"
    ov.save_model(model, file, compress_to_fp16=False)
    return file


def parameter(shape: list[int] | str, kind: Any, name: str) -> Any:
    """A parameter whose tensor has its name; a shape as text may be open, as in `[?,1..8]`."""
    node = ops.parameter(ov.PartialShape(shape), kind, name=name)
    node.output(0).set_names({name})
    return node


def result(node: Any, name: str) -> Any:
    node.output(0).set_names({name})
    return ops.result(node)


def several() -> ov.Model:
    """An f32 image, i64 ids into a table of 10 rows, a boolean mask over them, and a scalar f32.

    pooled [1,3] is the mean of each channel; chosen [1,6,4] the rows of the ids, scaled where the mask is not set.
    """
    image = parameter([1, 3, 8, 8], ov.Type.f32, "image")
    ids = parameter([1, TOKENS], ov.Type.i64, "ids")
    mask = parameter([1, TOKENS], ov.Type.boolean, "mask")
    scale = parameter([], ov.Type.f32, "scale")
    looked_up = ops.gather(ops.constant(TABLE), ids, ops.constant(np.int64(0)))
    chosen = ops.select(ops.unsqueeze(mask, ops.constant(np.int64(2))), looked_up, ops.multiply(looked_up, scale))
    pooled = ops.reduce_mean(image, ops.constant(np.array([2, 3], np.int64)), False)
    return ov.Model([result(pooled, "pooled"), result(chosen, "chosen")], [image, ids, mask, scale], "several")


def several_expected(inputs: Mapping[str, Array]) -> tuple[Array, Array]:
    rows = TABLE[inputs["ids"]]
    chosen = np.where(inputs["mask"][:, :, None], rows, rows * inputs["scale"])
    return inputs["image"].mean(axis=(2, 3), dtype=np.float32), chosen.astype(np.float32)


def several_data() -> dict[str, Array]:
    return {
        "image": (np.arange(192, dtype=np.float32) % 32).reshape(1, 3, 8, 8),
        "ids": np.array([[0, 9, 3, 3, 1, 8]], np.int64),
        "mask": np.array([[True, False, True, False, False, True]]),
        "scale": np.array(0.5, np.float32),
    }


def lengths() -> ov.Model:
    """How many bytes of UTF-8 each of two strings has, i32 [2]."""
    words = parameter([2], ov.Type.string, "words")
    parts = ops.string_tensor_unpack(words)
    return ov.Model([result(ops.subtract(parts.output(1), parts.output(0)), "lengths")], [words], "lengths")


def open_shape(shape: str = "[?,16]") -> ov.Model:
    """Twice an input of open shape."""
    data = parameter(shape, ov.Type.f32, "data")
    return ov.Model([result(ops.add(data, data), "twice")], [data], "open")


def open_pair() -> ov.Model:
    """Two inputs of open batch that must agree: [?,16] plus the sum over the second dimension of [1..8,?]."""
    data = parameter("[?,16]", ov.Type.f32, "data")
    more = parameter("[1..8,?]", ov.Type.f32, "more")
    total = ops.reduce_sum(more, ops.constant(np.array([1], np.int64)), True)
    return ov.Model([result(ops.add(data, total), "sum")], [data, more], "pair")


def thirds() -> ov.Model:
    """The first and the last third of each row [?,?] added; a row that has no thirds fails when it is inferred."""
    data = parameter("[?,?]", ov.Type.f32, "data")
    parts = ops.split(data, ops.constant(np.int64(1)), 3)
    return ov.Model([result(ops.add(parts.output(0), parts.output(2)), "sum")], [data], "thirds")


def reshaped() -> ov.Model:
    """f32 [1,16] in the shape that another input i64 [2] names; fails when it is inferred where that has not 16."""
    data = parameter([1, 16], ov.Type.f32, "data")
    target = parameter([2], ov.Type.i64, "target")
    return ov.Model([result(ops.reshape(data, target, False), "out")], [data, target], "reshaped")


def running_sum() -> ov.Model:
    """Stateful: the sum of the inputs of all inferences of a request so far, f32 [1, 4]."""
    data = parameter([1, 4], ov.Type.f32, "data")
    nothing = ops.constant(np.zeros((1, 4), np.float32))
    before: Any = ops.read_value(nothing, "sum", ov.Type.f32, ov.PartialShape([1, 4]))
    total = ops.add(before, data)
    return ov.Model([result(total, "sum")], [ops.assign(total, "sum")], [data], "running")


def image(layout: str, *, told: bool = True, size: int = 16) -> ov.Model:
    """The mean of each of three channels, [1, 3], of an image in `layout` (NCHW or NHWC), which it may tell."""
    dims = {"N": 1, "C": 3, "H": size, "W": size}
    data = parameter([dims[letter] for letter in layout], ov.Type.f32, "image")
    if told:
        data.set_layout(ov.Layout(layout))
    places = np.array([layout.index("H"), layout.index("W")], np.int64)
    pooled = ops.reduce_mean(data, ops.constant(places), False)
    return ov.Model([result(pooled, "pooled")], [data], f"image_{layout.lower()}")


def nameless() -> ov.Model:
    """Twice its input; neither input nor output has a name of its own, only their nodes do."""
    data = ops.parameter([1, 16], np.float32, name="data_node")
    twice = ops.add(data, data, name="twice_node")
    return ov.Model([ops.result(twice)], [data], "nameless")


def overlay() -> ov.Model:
    """An image and its size, as detectors take them: benchmark_app fills in the size (a 2D input `NC`) itself."""
    picture = parameter([1, 3, 16, 24], ov.Type.f32, "picture")
    picture.set_layout(ov.Layout("NCHW"))
    info = parameter([1, 3], ov.Type.f32, "info")
    info.set_layout(ov.Layout("NC"))
    pooled = ops.reduce_mean(picture, ops.constant(np.array([2, 3], np.int64)), False)
    return ov.Model([result(ops.add(pooled, info), "sum")], [picture, info], "overlay")
