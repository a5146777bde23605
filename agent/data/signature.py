"""What goes into a model: names, element types, layouts and shapes of its inputs, as asked for and as it has them.

The rules are benchmark_app's (openvino/tools/benchmark/utils/utils.py, get_inputs_info). Pure.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from ovbench.common.effective import MOST_GROUPS, Port, ShapeGroup
from ovbench.common.errors import UsageError
from ovbench.common.job import EVERY_INPUT, Model, Preprocessing
from ovbench.common.shape import OPEN, Shape, fits, format_dimension, format_shape, is_static, lengths

IMAGE_LAYOUTS: Final = ("NCHW", "NHWC", "CHW", "HWC")


@dataclass(frozen=True)
class InputInfo:
    """One input of the model, as its tensors are to be.

    `layout` is a word with a letter per dimension (`NCHW`), dots for any number of them (`N...`), empty for none known.
    `data_shapes`: those that an input of open shape is given in turn; without them the data decide.
    `rows`: how many values it may take as an index into a table in the model; None where it is no index.
    """

    name: str
    node: str
    type: str
    shape: Shape
    layout: str = ""
    data_shapes: tuple[tuple[int, ...], ...] = ()
    mean: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    rows: int | None = None
    names: tuple[str, ...] = ()

    @property
    def is_static(self) -> bool:
        return is_static(self.shape)

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Of its tensors, in turn; empty where the data decide."""
        return (lengths(self.shape),) if self.is_static else self.data_shapes

    @property
    def is_image(self) -> bool:
        """Three channels in a layout of images: benchmark_app feeds such inputs as u8."""
        place = self.place("C")
        return self.layout in IMAGE_LAYOUTS and place is not None and self.shape[place] == (3, 3)

    @property
    def is_image_info(self) -> bool:
        """Two dimensions, N and C, with two or more values: the sizes of images, where another input is one."""
        return self.layout == "NC" and (self.shape[1][0] >= 2 or self.shape[1][1] == OPEN or self.shape[1][1] >= 2)

    def place(self, letter: str) -> int | None:
        """The dimension that `letter` of the layout names."""
        left, _, right = self.layout.partition("...")
        if letter in left:
            place = left.index(letter)
        elif letter in right:  # counted from the end
            place = len(self.shape) - len(right) + right.index(letter)
        else:
            return None
        return place if 0 <= place < len(self.shape) else None

    def is_called(self, name: str) -> bool:
        return name in (self.name, self.node, *self.names)


@dataclass(frozen=True)
class Signature:
    """A model's inputs as they are to be, before its data are known.

    `reshaped`: whether shapes were asked for that the model does not have; `notes` are for the user.
    """

    inputs: tuple[InputInfo, ...]
    reshaped: bool
    notes: tuple[str, ...]


def sign(ports: Sequence[Port], model: Model, preprocessing: Preprocessing) -> Signature:
    """Apply what was asked for to the inputs of a model as it was read. Raises UsageError."""
    _check_names(ports, model, preprocessing)
    notes: list[str] = []
    bare = [_bare(port, model) for port in ports]
    inputs = [_batched(info, model, notes) for info in bare]
    if model.batch is not None and not model.data_shapes and all(_batch_place(info) is None for info in bare):
        raise UsageError(
            f"-b {format_dimension(model.batch)}: no input has a recognizable batch dimension; "
            "name it with -layout, as in -layout [N?]"
        )
    inputs = [_with_data_shapes(index, info, inputs, model, notes) for index, info in enumerate(inputs)]
    for flag, values in (("--mean_values", preprocessing.mean), ("--scale_values", preprocessing.scale)):
        if EVERY_INPUT in values and not any(info.is_image for info in inputs):
            raise UsageError(f"{flag}: no input is an image of three channels; name the input, as in data[1,2,3]")
    inputs = [_with_arithmetic(info, preprocessing) for info in inputs]
    reshaped = any(info.shape != port.shape for info, port in zip(inputs, ports, strict=True))
    return Signature(tuple(inputs), reshaped, tuple(notes))


def input_types(inputs: Sequence[InputInfo], preprocessing: Preprocessing) -> dict[int, str]:
    """Types that tensors are to have and the model's inputs have not, by index: as asked for, or u8 for images."""
    wanted = {}
    for index, info in enumerate(inputs):
        named = [kind for name, kind in preprocessing.types.items() if info.is_called(name)]
        default = preprocessing.input_type or ("u8" if info.is_image else info.type)
        kind = named[0] if named else default
        if kind != info.type:
            wanted[index] = kind
    return wanted


def output_types(ports: Sequence[Port], preprocessing: Preprocessing) -> dict[int, str]:
    wanted = {}
    for index, port in enumerate(ports):
        named = [kind for name, kind in preprocessing.types.items() if name in (port.name, port.node, *port.names)]
        kind = named[0] if named else preprocessing.output_type or port.type
        if kind != port.type:
            wanted[index] = kind
    return wanted


def check_types(inputs: Sequence[Port], outputs: Sequence[Port], preprocessing: Preprocessing) -> None:
    """Raises UsageError where -iop names what the model has not."""
    ports = (*inputs, *outputs)
    for name in preprocessing.types:
        if not any(name in (port.name, port.node, *port.names) for port in ports):
            raise UsageError(f"-iop: the model has no input or output '{name}'; it has {_listed(ports)}")


def groups(inputs: Sequence[InputInfo], shapes: Sequence[Sequence[tuple[int, ...]]]) -> tuple[ShapeGroup, ...]:
    """What inferences have in turn; `shapes` are those of each input's tensors, which it takes round and round.

    After as many inferences as the least common multiple of their numbers it begins anew. Raises UsageError where that
    is more than can be listed, and where inputs have batches that differ, which benchmark_app refuses as well.
    """
    distinct = [(own[0],) if len(set(own)) == 1 else tuple(own) for own in shapes]
    count = math.lcm(*(len(own) for own in distinct))
    if count > MOST_GROUPS:
        counts = ", ".join(str(len(own)) for own in distinct if len(own) > 1)
        raise UsageError(
            f"-i or -data_shape: the inputs have {counts} shapes in turn, which is {count} together, more than "
            f"{MOST_GROUPS}; give each input as many as the others"
        )
    found = []
    for turn in range(count):
        together = tuple(own[turn % len(own)] for own in distinct)
        found.append(ShapeGroup(shapes=together, batch=_batch(inputs, together)))
    return tuple(found)


def _batch(inputs: Sequence[InputInfo], shapes: Sequence[tuple[int, ...]]) -> int:
    """1 where no input has one, and of an empty one."""
    batches = {
        info.name or info.node: shape[place]
        for info, shape in zip(inputs, shapes, strict=True)
        if (place := info.place("N")) is not None
    }
    if len(set(batches.values())) > 1:
        listed = ", ".join(f"'{name}' {batch}" for name, batch in batches.items())
        raise UsageError(
            f"-layout: the batches (N) of the inputs differ: {listed}; so how many frames has an inference? Give them "
            "the same (-b, -shape, -data_shape), or a -layout with ? in place of N"
        )
    return max([1, *batches.values()])


def _listed(ports: Sequence[Port]) -> str:
    return ", ".join(f"'{port.name or port.node}'" for port in ports) or "none"


def _check_names(ports: Sequence[Port], model: Model, preprocessing: Preprocessing) -> None:
    asked: tuple[tuple[str, Iterable[str]], ...] = (
        ("-shape", model.shapes),
        ("-data_shape", model.data_shapes),
        ("-layout", model.layouts),
        ("--mean_values", preprocessing.mean),
        ("--scale_values", preprocessing.scale),
    )
    for flag, names in asked:
        for name in names:
            if name != EVERY_INPUT and not any(name in (port.name, port.node, *port.names) for port in ports):
                raise UsageError(f"{flag}: the model has no input '{name}'; it has {_listed(ports)}")


_Value = TypeVar("_Value")


def _asked(info: InputInfo | Port, values: Mapping[str, _Value]) -> _Value | None:
    """What was asked for an input by any of its names, else for every input."""
    for name in (info.name, info.node, *info.names):
        if name in values and name != EVERY_INPUT:
            return values[name]
    return values.get(EVERY_INPUT)


def _bare(port: Port, model: Model) -> InputInfo:
    name = port.name or port.node
    shape = _asked(port, model.shapes)
    if shape is None:
        shape = port.shape
    if shape is None:
        raise UsageError(
            f"-m {model.source}: input '{name}' may have any number of dimensions; give it one with -shape"
        )
    if port.shape is not None and len(shape) != len(port.shape):
        raise UsageError(
            f"-shape {format_shape(shape)}: input '{name}' has {len(port.shape)} dimensions, {format_shape(port.shape)}"
        )
    layout = _asked(port, model.layouts)
    if layout is None:
        layout = _word(port.layout) or _guess(shape)
    elif len(layout.replace("...", "")) > len(shape) or ("..." not in layout and len(layout) != len(shape)):
        raise UsageError(f"-layout {layout}: input '{name}' has {len(shape)} dimensions, {format_shape(shape)}")
    return InputInfo(name=name, node=port.node, type=port.type, shape=shape, layout=layout, names=port.names)


def _word(printed: str) -> str:
    """A layout as OpenVINO prints it, `[N,...,C]`, as a word; a dimension that bears a longer name is not known."""
    if not printed.startswith("["):  # a scalar's
        return ""
    letters = [name if len(name) == 1 or name == "..." else "?" for name in printed.strip("[]").split(",")]
    return "" if letters == ["..."] else "".join(letters)


_MOST_COLOURS: Final = 4


def _guess(shape: Shape) -> str:
    """The layout that benchmark_app takes for an image of few channels; a dimension without limit counts as few."""
    most = [high for _, high in shape]
    for layout in IMAGE_LAYOUTS:
        if len(layout) != len(shape):
            continue
        channel, other = layout.index("C"), (len(shape) - 1 if layout.index("C") < len(shape) - 1 else len(shape) - 3)
        if most[channel] <= _MOST_COLOURS < most[other]:
            return layout
    return ""


def _batch_place(info: InputInfo) -> int | None:
    """benchmark_app's rule: the layout's N; without a layout the first dimension, if it is open, 0 or 1."""
    if info.layout:
        return info.place("N")
    if info.shape and (info.shape[0][0] != info.shape[0][1] or info.shape[0][0] <= 1):
        return 0
    return None


def _batched(info: InputInfo, model: Model, notes: list[str]) -> InputInfo:
    place = _batch_place(info)
    if model.batch is None or place is None:
        return info
    if model.data_shapes and model.batch[0] == model.batch[1]:
        notes.append("-b is ignored: the batch is that of -data_shape.")
        return info
    if not info.layout:
        notes.append(f"The first dimension of input '{info.name}' is taken for the batch; -layout says it for sure.")
    shape = (*info.shape[:place], model.batch, *info.shape[place + 1 :])
    return replace(info, shape=shape, layout=info.layout or "N...")


def _with_data_shapes(
    index: int, info: InputInfo, inputs: Sequence[InputInfo], model: Model, notes: list[str]
) -> InputInfo:
    wanted = _asked(info, {name: shapes for name, shapes in model.data_shapes.items() if name != EVERY_INPUT})
    if wanted is None and EVERY_INPUT in model.data_shapes:
        wanted = _dealt(model.data_shapes[EVERY_INPUT], index, len(inputs))
    if wanted is None:
        return info
    if info.is_static:
        notes.append(
            f"Input '{info.name}' has the static shape {format_shape(info.shape)}; its -data_shape is ignored."
        )
        return info
    for shape in wanted:
        if not is_static(shape):
            raise UsageError(f"-data_shape {format_shape(shape)}: the shape of data cannot be open; give numbers")
        if not fits(shape, info.shape):
            raise UsageError(
                f"-data_shape {format_shape(shape)}: it does not fit input '{info.name}' of shape "
                f"{format_shape(info.shape)}"
            )
    return replace(info, data_shapes=tuple(lengths(shape) for shape in wanted))


def _dealt(shapes: Sequence[Shape], index: int, inputs: int) -> tuple[Shape, ...]:
    """Shapes given without a name go to the inputs in turn; a single one to all."""
    if len(shapes) == 1:
        return tuple(shapes)
    if len(shapes) % inputs:
        raise UsageError(f"-data_shape: {len(shapes)} shapes cannot be dealt to {inputs} inputs; name the inputs")
    return tuple(shapes[index::inputs])


def _with_arithmetic(info: InputInfo, preprocessing: Preprocessing) -> InputInfo:
    found: dict[str, tuple[float, ...]] = {}
    for flag, values in (("mean", preprocessing.mean), ("scale", preprocessing.scale)):
        named = {name: numbers for name, numbers in values.items() if name != EVERY_INPUT or info.is_image}
        found[flag] = _asked(info, named) or ()
        place = info.place("C")
        channels = info.shape[place] if place is not None else None
        if len(found[flag]) > 1 and channels not in (None, (len(found[flag]), len(found[flag]))):
            raise UsageError(
                f"--{flag}_values: {len(found[flag])} values for input '{info.name}' of shape "
                f"{format_shape(info.shape)}; give one per channel"
            )
    return replace(info, mean=found["mean"], scale=found["scale"])
