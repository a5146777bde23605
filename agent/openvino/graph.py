"""What the XML of an IR shows of the inputs' use: how many values an input may take that selects rows of a table.

Random data must not run out of a table: OpenVINO then reads nothing sensible, or refuses. The file is read layer by
layer and not kept, as it may be many MB.
"""

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from operator import eq
from pathlib import Path
from typing import Final, NamedTuple
from xml.etree import ElementTree

Dims = tuple[int, ...]
"""Of a port; -1 where a dimension is dynamic. A port of dynamic rank looks as a scalar does."""

_INTEGERS: Final = {"i64": "<q", "i32": "<i", "u64": "<Q", "u32": "<I", "i8": "<b", "u8": "<B"}

_GRAPHS: Final = {"net", "body", "then_body", "else_body"}

_RESHAPING: Final = {"Convert", "Reshape", "Squeeze", "Unsqueeze"}

# The inputs whose values an operation hands on as they are, by its type; those not listed compute something else.
_HANDED_ON: Final = {
    **dict.fromkeys(
        ("Convert", "ConvertLike", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Broadcast", "Tile", "Slice",
         "StridedSlice", "Split", "VariadicSplit", "Gather", "GatherElements", "GatherND", "ReverseSequence",
         "Identity"),
        (0,),
    ),
    "Select": (1, 2),
    "ScatterUpdate": (0, 2),
    "ScatterElementsUpdate": (0, 2),
    "ScatterNDUpdate": (0, 2),
}  # fmt: skip


class _Place(NamedTuple):
    """An input or output of a layer, by the ids in the file."""

    layer: str
    port: str


class _Limit(NamedTuple):
    """The values of an input, by its position, are to be below `rows`."""

    input: int
    rows: int


@dataclass(frozen=True, slots=True)
class _Layer:
    id: str
    type: str
    """Empty for an operation of somebody's own, whatever its name."""
    name: str
    attributes: dict[str, str]
    ports: tuple[str, ...]
    """The ids of its inputs."""
    inputs: tuple[Dims, ...]
    outputs: tuple[Dims, ...]
    inner: tuple[_Limit, ...]
    """What the graphs inside it demand of its inputs."""

    def number(self, key: str) -> int:
        return int(self.attributes.get(key, "0"))


@dataclass(slots=True)
class _Graph:
    """The model, or a graph inside an operation."""

    weights: Path
    layers: dict[str, _Layer] = field(default_factory=dict)
    sources: dict[_Place, str] = field(default_factory=dict)
    """The layer that feeds an input."""
    bodies: dict[str, dict[str, int]] = field(default_factory=dict)
    """The limits of the graphs inside the layer that is being read, by tag."""

    def source(self, layer: _Layer, place: int) -> _Layer | None:
        if place >= len(layer.ports):
            return None
        return self.layers.get(self.sources.get(_Place(layer.id, layer.ports[place]), ""))

    def parameters(self, layer: _Layer, place: int) -> Iterator[_Layer]:
        """Those whose values reach this input unchanged."""
        waiting, seen = [self.source(layer, place)], set()
        while waiting:
            found = waiting.pop()
            if found is None or found.id in seen:
                continue
            seen.add(found.id)
            if found.type == "Parameter":
                yield found
            handed_on = range(len(found.ports)) if found.type == "Concat" else _HANDED_ON.get(found.type, ())
            waiting += [self.source(found, place) for place in handed_on]

    def constant(self, layer: _Layer, place: int) -> int | None:
        """The first value of the integer constant at this input; None where it is no constant or has no file."""
        found = self.source(layer, place)
        while found is not None and found.type in _RESHAPING:
            found = self.source(found, 0)
        if found is None or found.type != "Const" or found.number("size") == 0:
            return None
        return _read_integer(self.weights, found.number("offset"), found.attributes.get("element_type", ""))

    def limits(self) -> dict[str, int]:
        """The rows of each Parameter that is an index, by its layer's id."""
        rows: dict[str, int] = {}
        for layer in self.layers.values():
            for limit in (*layer.inner, *_limits(self, layer)):
                for parameter in self.parameters(layer, limit.input):
                    rows[parameter.id] = min(limit.rows, rows.get(parameter.id, limit.rows))
        return rows

    def named_limits(self) -> dict[str, int]:
        """The same by the layers' names."""
        return {self.layers[id].name: rows for id, rows in self.limits().items()}


def index_rows(xml: Path) -> dict[str, int]:
    """Parameters whose values are used as indices, by their friendly name: legal values are 0 up to this less one.

    It is the least over all uses. A Gather's axis is read from the `.bin` beside; without one it is any that explains
    the shapes of its ports, and the shortest of those dimensions counts, which is legal whichever it is. Of a dimension
    that is dynamic in the file, only the first place is sure to be there: the cache of a language model, say, has as
    many rows as its batch, and `beam_idx` chooses from these. What is computed from an input before it is an index is
    not followed.
    Raises OSError, and xml.etree.ElementTree.ParseError for a file that is no XML.
    """
    outer = _Graph(xml.with_suffix(".bin"))
    stack = [outer]
    for event, element in ElementTree.iterparse(xml, ("start", "end")):
        if element.tag not in _GRAPHS:
            if event == "end":
                _add(stack[-1], element)
        elif event == "start":
            stack.append(_Graph(outer.weights))
        else:
            inner = stack.pop()
            stack[-1].bodies[element.tag] = inner.named_limits() if stack[-1] is outer else inner.limits()
            element.clear()
    return outer.bodies.get("net", {})


def _add(graph: _Graph, element: ElementTree.Element) -> None:
    if element.tag == "layer":
        layer = _layer(element, graph.bodies)
        graph.layers[layer.id] = layer
        graph.bodies = {}
        element.clear()
    elif element.tag == "edge" and "to-port" in element.attrib:  # a loop's back edges have no ports
        graph.sources[_Place(element.attrib["to-layer"], element.attrib["to-port"])] = element.attrib["from-layer"]


def _layer(element: ElementTree.Element, bodies: dict[str, dict[str, int]]) -> _Layer:
    data = element.find("data")
    ports = tuple(port.get("id", "") for port in element.iterfind("input/port"))
    return _Layer(
        id=element.get("id", ""),
        type=element.get("type", "") if element.get("version", "").startswith("opset") else "",
        name=element.get("name", ""),
        attributes=dict(data.attrib) if data is not None else {},
        ports=ports,
        inputs=tuple(_dims(port) for port in element.iterfind("input/port")),
        outputs=tuple(_dims(port) for port in element.iterfind("output/port")),
        inner=tuple(_inner(element, ports, bodies)),
    )


def _dims(port: ElementTree.Element) -> Dims:
    return tuple(int(dim.text or "-1") for dim in port.iterfind("dim"))


def _inner(element: ElementTree.Element, ports: tuple[str, ...], bodies: dict[str, dict[str, int]]) -> Iterator[_Limit]:
    """The limits of the Parameters inside a layer, as limits of the inputs that are mapped to them."""
    for tag, rows in bodies.items():
        for mapped in element.iterfind(f"{tag.replace('body', 'port_map')}/input"):
            inside, outside = mapped.get("internal_layer_id", ""), mapped.get("external_port_id", "")
            if inside in rows and outside in ports:
                yield _Limit(ports.index(outside), rows[inside])


def _limits(graph: _Graph, layer: _Layer) -> Iterator[_Limit]:
    """What an operation demands of those of its inputs that are indices."""
    for place, rows in _DEMANDS.get(layer.type, _no_demands)(graph, layer):
        least = min((1 if row < 0 else row for row in rows if row), default=None)
        if least is not None:
            yield _Limit(place, least)


_Demands = Iterator[tuple[int, Iterable[int]]]
"""Inputs by position, and the dimensions that limit them; -1 where one is dynamic."""


def _no_demands(graph: _Graph, layer: _Layer) -> _Demands:
    return iter(())


def _gather(graph: _Graph, layer: _Layer) -> _Demands:
    """The result's shape was inferred, so that what is dynamic in it is so in the data or the indices as well."""
    data, indices = layer.inputs[:2]
    batch = layer.number("batch_dims")
    batch += len(indices) if batch < 0 else 0
    axis = graph.constant(layer, 2)
    yield 1, _along(data, axis) or _fitting(data[batch:], indices[batch:], layer.outputs[0][batch:], eq)


def _scatter_update(graph: _Graph, layer: _Layer) -> _Demands:
    data, indices, updates = layer.inputs[:3]
    yield 1, _along(data, graph.constant(layer, 3)) or _fitting(data, indices, updates, _agree)


def _along(data: Dims, axis: int | None) -> Dims:
    """The dimension of a known axis, which may be negative; none where it is not known."""
    return () if axis is None else data[axis:][:1]


def _fitting(data: Dims, indices: Dims, selected: Dims, same: Callable[[Dims, Dims], bool]) -> Dims:
    """The dimensions of `data` which, replaced by those of the indices, make the shape of what they select."""
    fitting = [rows for place, rows in enumerate(data) if same(data[:place] + indices + data[place + 1 :], selected)]
    return tuple(fitting) or data


def _agree(one: Dims, other: Dims) -> bool:
    return len(one) == len(other) and all(-1 in pair or pair[0] == pair[1] for pair in zip(one, other, strict=True))


def _gather_elements(graph: _Graph, layer: _Layer) -> _Demands:
    yield 1, _along(layer.inputs[0], layer.number("axis"))


def _scatter_elements_update(graph: _Graph, layer: _Layer) -> _Demands:
    yield 1, _along(layer.inputs[0], graph.constant(layer, 3)) or layer.inputs[0]


def _points(graph: _Graph, layer: _Layer) -> _Demands:
    """The last dimension of the indices is a point in the data: each of its numbers must fit its own dimension."""
    data, indices = layer.inputs[:2]
    batch = layer.number("batch_dims")
    count = indices[-1] if indices and indices[-1] > 0 else len(data)
    yield 1, data[batch : batch + count]


def _bags_by_offsets(graph: _Graph, layer: _Layer) -> _Demands:
    """The offsets, or segments, must ascend, which of random numbers only equal ones do."""
    rows = layer.inputs[0][:1]
    yield 1, rows
    yield 2, (1,)
    default = 4 if layer.type.startswith("EmbeddingSegments") else 3
    if default < len(layer.inputs):
        yield default, rows


def _packed_bags(graph: _Graph, layer: _Layer) -> _Demands:
    yield 1, layer.inputs[0][:1]


def _one_hot(graph: _Graph, layer: _Layer) -> _Demands:
    """Others are legal too, but mark nothing."""
    yield 0, _along(layer.outputs[0], layer.number("axis"))


def _regions(graph: _Graph, layer: _Layer) -> _Demands:
    """Each region of interest names its image in the batch."""
    yield 2, layer.inputs[0][:1]


_DEMANDS: Final[dict[str, Callable[[_Graph, _Layer], _Demands]]] = {
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _points,
    "ScatterUpdate": _scatter_update,
    "ScatterElementsUpdate": _scatter_elements_update,
    "ScatterNDUpdate": _points,
    "EmbeddingBagOffsetsSum": _bags_by_offsets,
    "EmbeddingBagOffsets": _bags_by_offsets,
    "EmbeddingSegmentsSum": _bags_by_offsets,
    "EmbeddingBagPackedSum": _packed_bags,
    "EmbeddingBagPacked": _packed_bags,
    "OneHot": _one_hot,
    "ROIAlign": _regions,
    "ROIAlignRotated": _regions,
}


def _read_integer(file: Path, offset: int, kind: str) -> int | None:
    """None where there is no such file or it ends before; little-endian, as the IR is on every machine it runs on."""
    form = _INTEGERS.get(kind)
    if form is None:
        return None
    try:
        with file.open("rb") as weights:
            weights.seek(offset)
            content = weights.read(struct.calcsize(form))
    except OSError:
        return None
    return int(struct.unpack(form, content)[0]) if len(content) == struct.calcsize(form) else None
