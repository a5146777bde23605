"""IRs written by hand, as OpenVINO writes them; tests/openvino/test_graph.py has those that it writes itself."""

import struct
import tempfile
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.agent.openvino.graph import index_rows

Dims = tuple[int, ...]


class Ir:
    """Layers are named by their number; the output of each has the dimensions that are given."""

    def __init__(self) -> None:
        self.net = ElementTree.Element("net", name="model", version="11")
        self.layers = ElementTree.SubElement(self.net, "layers")
        self.edges = ElementTree.SubElement(self.net, "edges")
        self.weights = b""
        self.dims: list[Dims] = []

    def parameter(self, name: str, dims: Dims = (1, 8)) -> int:
        return self.add("Parameter", (), dims, name=name)

    def table(self, *dims: int) -> int:
        """Too large to be written out, and never read."""
        return self.add("Const", (), dims, element_type="f32", offset="0", size="99999")

    def integer(self, value: int, kind: str = "i64") -> int:
        content = struct.pack("<i" if kind == "i32" else "<q", value)
        self.weights += content
        offset = str(len(self.weights) - len(content))
        return self.add("Const", (), (), element_type=kind, offset=offset, size=str(len(content)))

    def add(self, kind: str, inputs: tuple[int, ...], output: Dims, name: str = "", **attributes: str) -> int:
        number = len(self.dims)
        layer = ElementTree.SubElement(
            self.layers, "layer", id=str(number), name=name or f"{kind}_{number}", type=kind, version="opset8"
        )
        ElementTree.SubElement(layer, "data", attributes)
        ends = ElementTree.SubElement(layer, "input")
        for place, source in enumerate(inputs):
            port(ends, place, self.dims[source])
            edge = {"from-layer": str(source), "from-port": "0", "to-layer": str(number), "to-port": str(place)}
            ElementTree.SubElement(self.edges, "edge", edge)
        port(ElementTree.SubElement(layer, "output"), len(inputs), output)
        self.dims.append(output)
        return number

    def rows(self, folder: Path, *, weights: bool = True) -> dict[str, int]:
        file = folder / "model.xml"
        ElementTree.ElementTree(self.net).write(file, xml_declaration=True)
        file.with_suffix(".bin").unlink(missing_ok=True)
        if weights:
            file.with_suffix(".bin").write_bytes(self.weights)
        return index_rows(file)


def port(parent: ElementTree.Element, place: int, dims: Dims) -> None:
    made = ElementTree.SubElement(parent, "port", id=str(place))
    for dim in dims:
        ElementTree.SubElement(made, "dim").text = str(dim)


@pytest.fixture
def ir() -> Ir:
    return Ir()


def embed(ir: Ir, rows: int, indices: int, axis: int = 0) -> int:
    return ir.add("Gather", (ir.table(rows, 4), indices, ir.integer(axis)), (*ir.dims[indices], 4))


def test_an_index_may_be_any_row_of_its_table(ir: Ir, tmp_path: Path) -> None:
    embed(ir, 30, ir.parameter("ids"))
    assert ir.rows(tmp_path) == {"ids": 30}


def test_an_index_is_followed_through_what_hands_it_on(ir: Ir, tmp_path: Path) -> None:
    ids, place = ir.parameter("ids", (8,)), ir.integer(0)
    ids = ir.add("Convert", (ids,), (8,))
    ids = ir.add("Unsqueeze", (ids, place), (1, 8))
    ids = ir.add("Concat", (ir.parameter("more"), ids), (2, 8))
    embed(ir, 30, ids)
    assert ir.rows(tmp_path) == {"ids": 30, "more": 30}


def test_what_is_computed_from_an_input_is_not_the_input(ir: Ir, tmp_path: Path) -> None:
    """A mask that positions are counted from is no index itself."""
    embed(ir, 30, ir.add("CumSum", (ir.parameter("mask"), ir.integer(1)), (1, 8)))
    embed(ir, 30, ir.add("ShapeOf", (ir.parameter("data"),), (2,)))
    assert ir.rows(tmp_path) == {}


def test_the_smaller_of_two_tables_counts(ir: Ir, tmp_path: Path) -> None:
    ids = ir.parameter("ids")
    embed(ir, 30, ids)
    embed(ir, 12, ir.add("Convert", (ids,), (1, 8)))
    embed(ir, 40, ids)
    assert ir.rows(tmp_path) == {"ids": 12}


def test_each_input_has_its_own_table(ir: Ir, tmp_path: Path) -> None:
    embed(ir, 30522, ir.parameter("tokens"))
    embed(ir, 512, ir.parameter("positions"))
    ir.add("ReLU", (ir.parameter("data"),), (1, 8))
    assert ir.rows(tmp_path) == {"tokens": 30522, "positions": 512}


def test_a_table_that_is_looked_up_is_no_index(ir: Ir, tmp_path: Path) -> None:
    ir.add("Gather", (ir.parameter("data", (30, 4)), ir.table(8), ir.integer(0)), (8, 4))
    assert ir.rows(tmp_path) == {}


@pytest.mark.parametrize(("axis", "rows"), [(0, 30), (1, 20), (-1, 10), (-2, 20)])
@pytest.mark.parametrize("kind", ["i64", "i32"])
def test_the_axis_is_read_from_the_weights(ir: Ir, axis: int, rows: int, kind: str, tmp_path: Path) -> None:
    """The shapes do not show it here."""
    inputs = (ir.table(30, 20, 10), ir.parameter("ids", (-1,)), ir.integer(axis, kind))
    ir.add("Gather", inputs, (-1, -1, -1))
    assert ir.rows(tmp_path) == {"ids": rows}


def test_without_weights_the_shapes_show_the_axis(ir: Ir, tmp_path: Path) -> None:
    """Where they fit two, the shorter is legal for both; where none, the shortest of all."""
    axis = ir.integer(0)
    ir.add("Gather", (ir.table(30, 20, 10), ir.parameter("told", (7, 8)), axis), (30, 7, 8, 10))
    ir.add("Gather", (ir.table(30, 20, 10), ir.parameter("open", (-1, -1)), axis), (-1, -1, 20, 10))
    ir.add("Gather", (ir.table(20, 30, 10), ir.parameter("either", (30,)), axis), (30, 30, 10))
    ir.add("Gather", (ir.table(6, 30, 20), ir.parameter("batch", (6, 7)), axis), (6, 30, 7), batch_dims="1")
    ir.add("Gather", (ir.table(30, 20, 10), ir.parameter("none", (-1,)), axis), ())
    rows = {"told": 20, "open": 30, "either": 20, "batch": 20, "none": 10}
    assert ir.rows(tmp_path, weights=False) == rows


def test_weights_that_end_early_show_no_axis(ir: Ir, tmp_path: Path) -> None:
    embed(ir, 30, ir.parameter("ids"))
    ir.weights = ir.weights[:-1]
    assert ir.rows(tmp_path) == {"ids": 30}


dims = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple)


def open_dims(drawn: st.DataObject, closed: Dims) -> Dims:
    """Some of them dynamic."""
    return tuple(drawn.draw(st.sampled_from((-1, dim))) for dim in closed)


@given(st.data(), dims, dims, st.integers(0, 3))
def test_without_weights_no_index_is_given_that_the_true_axis_forbids(
    drawn: st.DataObject, data: Dims, indices: Dims, axis: int
) -> None:
    """Whatever dimensions are dynamic, in the data, the indices and so in the result."""
    axis %= len(data)
    seen, asked = open_dims(drawn, data), open_dims(drawn, indices)
    ir = Ir()
    inputs = (ir.table(*seen), ir.parameter("ids", asked), ir.integer(axis))
    ir.add("Gather", inputs, seen[:axis] + asked + seen[axis + 1 :])
    with tempfile.TemporaryDirectory() as folder:
        rows = ir.rows(Path(folder), weights=False)
    assert rows["ids"] == 1 if seen[axis] == -1 else 1 <= rows["ids"] <= data[axis]


def test_of_a_dynamic_table_only_the_first_row_is_sure_to_be_there(ir: Ir, tmp_path: Path) -> None:
    ir.add("Gather", (ir.parameter("data", (-1, 4)), ir.parameter("ids"), ir.integer(0)), (1, 8, 4))
    ir.add("Gather", (ir.parameter("cache", (-1, 2, -1, 4)), ir.parameter("beam_idx", (-1,)), ir.integer(0)),
           (-1, 2, -1, 4))  # fmt: skip
    assert ir.rows(tmp_path) == ir.rows(tmp_path, weights=False) == {"ids": 1, "beam_idx": 1}


@pytest.mark.parametrize(("axis", "output"), [(2, (1, 8, 7)), (-1, (1, 8, 7)), (0, (7, 1, 8))])
def test_one_hot_has_as_many_values_as_its_result(ir: Ir, axis: int, output: Dims, tmp_path: Path) -> None:
    inputs = (ir.parameter("ids"), ir.integer(7), ir.table(), ir.table())
    ir.add("OneHot", inputs, output, axis=str(axis))
    assert ir.rows(tmp_path, weights=False) == {"ids": 7}


def test_elements_are_gathered_along_their_axis(ir: Ir, tmp_path: Path) -> None:
    ir.add("GatherElements", (ir.table(30, 20), ir.parameter("ids", (5, 20))), (5, 20), axis="0")
    ir.add("GatherElements", (ir.table(30, 20), ir.parameter("last", (30, 5))), (30, 5), axis="-1")
    assert ir.rows(tmp_path) == {"ids": 30, "last": 20}


def test_a_point_fits_all_dimensions_that_it_is_in(ir: Ir, tmp_path: Path) -> None:
    ir.add("GatherND", (ir.table(30, 20, 10), ir.parameter("two", (5, 2))), (5, 10))
    ir.add("GatherND", (ir.table(6, 30, 20), ir.parameter("batch", (6, 1))), (6, 20), batch_dims="1")
    ir.add("GatherND", (ir.table(30, 20, 10), ir.parameter("open", (5, -1))), ())
    ir.add("ScatterNDUpdate", (ir.table(30, 20, 10), ir.parameter("to", (5, 1)), ir.table(5, 20, 10)), (30, 20, 10))
    assert ir.rows(tmp_path) == {"two": 20, "batch": 30, "open": 10, "to": 30}


def test_updates_go_to_rows_that_are_there(ir: Ir, tmp_path: Path) -> None:
    data = ir.table(30, 20)
    ir.add("ScatterUpdate", (data, ir.parameter("rows", (5,)), ir.table(5, 20), ir.integer(0)), (30, 20))
    ir.add("ScatterUpdate", (data, ir.parameter("columns", (5,)), ir.table(30, 5), ir.integer(1)), (30, 20))
    ir.add("ScatterElementsUpdate", (data, ir.parameter("one", (5, 5)), ir.table(5, 5), ir.integer(0)), (30, 20))
    assert ir.rows(tmp_path) == {"rows": 30, "columns": 20, "one": 30}
    assert ir.rows(tmp_path, weights=False) == {"rows": 30, "columns": 20, "one": 20}


def test_bags_take_rows_and_ascending_offsets(ir: Ir, tmp_path: Path) -> None:
    ids, offsets, default = ir.parameter("ids", (9,)), ir.parameter("offsets", (3,)), ir.parameter("default", ())
    ir.add("EmbeddingBagOffsetsSum", (ir.table(30, 4), ids, offsets, default), (3, 4))
    assert ir.rows(tmp_path) == {"ids": 30, "offsets": 1, "default": 30}


def test_segments_have_their_count_between(ir: Ir, tmp_path: Path) -> None:
    ids, segments, count = ir.parameter("ids", (9,)), ir.parameter("segments", (9,)), ir.parameter("count", ())
    ir.add("EmbeddingSegmentsSum", (ir.table(30, 4), ids, segments, count, ir.parameter("default", ())), (-1, 4))
    assert ir.rows(tmp_path) == {"ids": 30, "segments": 1, "default": 30}


def test_packed_bags_take_rows(ir: Ir, tmp_path: Path) -> None:
    ir.add("EmbeddingBagPackedSum", (ir.table(30, 4), ir.parameter("ids", (3, 2))), (3, 4))
    assert ir.rows(tmp_path) == {"ids": 30}


def test_regions_name_an_image_of_the_batch(ir: Ir, tmp_path: Path) -> None:
    images = ir.parameter("images", (4, 3, 16, 16))
    ir.add("ROIAlign", (images, ir.table(9, 4), ir.parameter("of", (9,))), (9, 3, 2, 2))
    assert ir.rows(tmp_path) == {"of": 4}


def test_an_operation_of_the_users_own_is_not_taken_for_openvinos(ir: Ir, tmp_path: Path) -> None:
    """Its ports may mean anything."""
    ir.add("OneHot", (ir.parameter("ids"),), (7,))
    ir.add("Gather", (ir.parameter("more"),), (7,))
    for layer in ir.layers.iterfind("layer"):
        if layer.get("type") != "Parameter":
            layer.set("version", "mine")
    assert ir.rows(tmp_path) == {}


def test_an_index_inside_a_branch_is_one_outside(ir: Ir, tmp_path: Path) -> None:
    """The branches are mapped one by one, and have ids of their own."""
    condition, ids, other = ir.parameter("condition", ()), ir.parameter("ids"), ir.parameter("other")
    chosen = ir.add("If", (condition, ids, other), (1, 8, 4))
    layer = ir.layers.findall("layer")[chosen]
    for branch, rows, external in (("then", 30, "1"), ("else", 20, "2")):
        body = Ir()
        embed(body, rows, body.parameter("x"))
        mapped = ElementTree.SubElement(layer, f"{branch}_port_map")
        ElementTree.SubElement(mapped, "input", external_port_id=external, internal_layer_id="0")
        inside = ElementTree.SubElement(layer, f"{branch}_body")
        inside.extend((body.layers, body.edges))
    embed(ir, 10, ir.parameter("last"))
    assert ir.rows(tmp_path, weights=False) == {"ids": 30, "other": 20, "last": 10}


def test_notes_named_as_parts_of_a_graph_are_no_parts(ir: Ir, tmp_path: Path) -> None:
    """Models carry free text in rt_info, under any tag."""
    embed(ir, 30, ir.parameter("ids"))
    notes = ElementTree.SubElement(ir.net, "rt_info")
    for tag in ("body", "net", "layer", "edge"):
        ElementTree.SubElement(notes, tag, value="1")
    assert ir.rows(tmp_path) == {"ids": 30}


def test_a_file_that_is_no_xml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.xml").write_text("no graph")
    with pytest.raises(ElementTree.ParseError):
        index_rows(tmp_path / "model.xml")
