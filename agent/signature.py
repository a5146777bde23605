"""What goes into a model: names, element types, layouts and shapes of its inputs, as asked for and as it has them.

The rules are benchmark_app's (openvino/tools/benchmark/utils/utils.py, get_inputs_info). Pure.
"""

from dataclasses import dataclass, field

from ovbench.common.shape import OPEN, Shape, is_static, lengths

IMAGE_LAYOUTS = ("NCHW", "NHWC", "CHW", "HWC")


@dataclass(frozen=True)
class InputInfo:
    """One input of the model, as its tensors are to be.

    `layout` is a word with a letter per dimension (`NCHW`), `N...` where only the batch is known, empty where nothing is.
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
    names: tuple[str, ...] = field(default=())

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
        known = self.layout.removesuffix("...")
        return known.index(letter) if letter in known and known.index(letter) < len(self.shape) else None

    def is_called(self, name: str) -> bool:
        return name in (self.name, self.node, *self.names)
