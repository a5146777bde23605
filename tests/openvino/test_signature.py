"""What the inputs are to be, by our rules and by benchmark_app's own function, on the same models."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from openvino.tools.benchmark.utils.utils import get_inputs_info, get_network_batch_size

from ovbench.agent.data.signature import Signature, groups, input_types, sign
from ovbench.common.effective import Port
from ovbench.common.errors import UsageError
from ovbench.common.job import EVERY_INPUT, Model, Preprocessing
from ovbench.common.shape import Shape, format_dimension, format_shape, is_static, parse_shape
from tests.openvino.opsets import opset13 as ops

DIMENSIONS = st.sampled_from([(1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (16, 16), (0, -1), (1, 8), (3, -1)])
SHAPES = st.lists(DIMENSIONS, min_size=1, max_size=4).map(tuple)
LAYOUTS = {
    1: ["", "N", "C"],
    2: ["", "NC", "N?", "...C"],
    3: ["", "CHW", "HWC", "NHW", "N...C"],
    4: ["", "NCHW", "NHWC", "?CHW", "...NC", "...HW"],
}
"""Not `C...N`: benchmark_app takes the index of its batch, -1, for none."""


@dataclass(frozen=True)
class Input:
    """As the model has it, and what is asked for it; the layout of either may be empty."""

    shape: Shape
    layout: str
    wanted_shape: Shape | None
    wanted_layout: str
    data_shapes: tuple[Shape, ...]


@st.composite
def inputs(draw: st.DrawFn) -> Input:
    shape = draw(SHAPES)
    rank = len(shape)
    wanted = draw(st.none() | st.lists(DIMENSIONS, min_size=rank, max_size=rank).map(tuple))
    now = shape if wanted is None else wanted
    chosen = tuple((low or 2, low or 2) for low, high in now)
    data = draw(
        st.sampled_from(
            [
                (),
                (chosen,),
                (
                    chosen,
                    tuple((low + (h == -1), low + (h == -1)) for (low, _), (_, h) in zip(chosen, now, strict=True)),
                ),
            ]
        )
    )
    return Input(shape, draw(st.sampled_from(LAYOUTS[rank])), wanted, draw(st.sampled_from(LAYOUTS[rank])), data)


def build(wanted: Sequence[Input]) -> ov.Model:
    parameters = []
    for index, one in enumerate(wanted):
        parameter = ops.parameter(ov.PartialShape(format_shape(one.shape)), np.float32, name=f"node{index}")
        parameter.output(0).set_names({f"in{index}"})
        if one.layout:
            parameter.set_layout(ov.Layout(one.layout))
        parameters.append(parameter)
    return ov.Model([ops.relu(parameter) for parameter in parameters], parameters, "m")


def port(found: Any) -> Port:
    return Port(
        name=found.any_name,
        type=found.element_type.get_type_name(),
        shape=parse_shape(str(found.partial_shape)),
        names=tuple(sorted(found.names)),
        node=found.node.friendly_name,
        layout=str(found.node.layout),
    )


def text_of(parts: dict[str, list[str]]) -> str:
    return ",".join(name + "".join(values) for name, values in parts.items())


def ours(model: ov.Model, spec: Model) -> Signature:
    return sign([port(found) for found in model.inputs], spec, Preprocessing())


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(inputs(), min_size=1, max_size=3), st.none() | st.sampled_from([(1, 1), (4, 4), (0, -1), (2, 8)]))
def test_inputs_are_made_out_as_benchmark_app_does(wanted: list[Input], batch: tuple[int, int] | None) -> None:
    names = [f"in{index}" for index in range(len(wanted))]
    shapes = {n: one.wanted_shape for n, one in zip(names, wanted, strict=True) if one.wanted_shape is not None}
    layouts = {n: one.wanted_layout for n, one in zip(names, wanted, strict=True) if one.wanted_layout}
    data = {n: one.data_shapes for n, one in zip(names, wanted, strict=True) if one.data_shapes}
    model = build(wanted)
    try:
        theirs, reshaped = get_inputs_info(
            text_of({n: [format_shape(shape)] for n, shape in shapes.items()}),
            text_of({n: [format_shape(shape) for shape in given_] for n, given_ in data.items()}),
            text_of({n: [f"[{layout}]"] for n, layout in layouts.items()}),
            "" if batch is None else format_dimension(batch),
            "",
            "",
            model.inputs,
        )
    except Exception:
        theirs = None
    spec = Model(source="m.xml", batch=batch, shapes=shapes, layouts=layouts, data_shapes=data)
    try:
        signature = ours(model, spec)
    except UsageError:
        # benchmark_app looks for a batch only at the last input, so it may go on where nothing has one.
        assert theirs is None or batch is not None
        return
    # The other way round it refuses where an earlier input did have a batch, which was the wanted one already.
    assume(theirs is not None)
    assert theirs is not None
    for mine, other in zip(signature.inputs, theirs, strict=True):
        assert format_shape(mine.shape) == str(other.partial_shape)
        assert ov.Layout(mine.layout) == other.layout
        assert mine.is_image == other.is_image
        assert [list(shape) for shape in mine.shapes] == [list(shape) for shape in other.shapes]
        assert mine.name == other.name
    if reshaped:
        same = all(mine.shape == one.shape for mine, one in zip(signature.inputs, wanted, strict=True))
        assert signature.reshaped or same, "reshaping to what it is already does nothing"


def test_the_strategy_reaches_what_matters() -> None:
    """Guards the guard: of the examples drawn, many are understood by both."""
    spec = Model(source="m.xml", batch=(4, 4))
    model = build([Input(parse_shape("[1,3,16,16]"), "", None, "", ())])
    theirs, _ = get_inputs_info("", "", "", "4", "", "", model.inputs)
    mine = ours(model, spec)
    assert format_shape(mine.inputs[0].shape) == str(theirs[0].partial_shape) == "[4,3,16,16]"
    assert str(get_network_batch_size(theirs)) == "4"


def simple(shape: str, layout: str = "[...]", name: str = "data", type: str = "f32") -> Port:
    return Port(name=name, type=type, shape=parse_shape(shape), names=(name,), node=f"{name}_node", layout=layout)


@pytest.mark.parametrize("name", ["data", "data_node", EVERY_INPUT])
def test_an_input_goes_by_any_of_its_names(name: str) -> None:
    found = sign([simple("[?,16]")], Model(source="m", shapes={name: parse_shape("[2,16]")}), Preprocessing())
    assert format_shape(found.inputs[0].shape) == "[2,16]"


def test_shapes_of_data_without_a_name_are_dealt_to_the_inputs_in_turn() -> None:
    ports = [simple("[?]", name="a"), simple("[?]", name="b")]
    data = {EVERY_INPUT: tuple(parse_shape(f"[{n}]") for n in (1, 2, 3, 4))}
    found = sign(ports, Model(source="m", data_shapes=data), Preprocessing())
    assert [info.data_shapes for info in found.inputs] == [((1,), (3,)), ((2,), (4,))]


def test_images_are_fed_as_bytes_unless_another_type_is_asked_for() -> None:
    ports = [simple("[1,3,16,16]", name="image"), simple("[1,16]", name="rest")]
    infos = sign(ports, Model(source="m"), Preprocessing()).inputs
    assert input_types(infos, Preprocessing()) == {0: "u8"}
    assert input_types(infos, Preprocessing(input_type="f16")) == {0: "f16", 1: "f16"}
    assert input_types(infos, Preprocessing(types={"image": "f32"})) == {}
    assert input_types(infos, Preprocessing(types={"rest_node": "i8"})) == {0: "u8", 1: "i8"}


@pytest.mark.parametrize(
    ("spec", "preprocessing", "says"),
    [
        (Model(source="m", shapes={"foo": parse_shape("[1]")}), {}, r"-shape: .* no input 'foo'; it has 'data'"),
        (Model(source="m", layouts={"foo": "NC"}), {}, r"-layout: .* no input 'foo'"),
        (Model(source="m", data_shapes={"foo": (parse_shape("[1]"),)}), {}, r"-data_shape: .* no input 'foo'"),
        (Model(source="m"), {"mean": {"foo": (1.0,)}}, r"--mean_values: .* no input 'foo'"),
        (Model(source="m"), {"scale": {"foo": (1.0,)}}, r"--scale_values: .* no input 'foo'"),
        (Model(source="m", shapes={"": parse_shape("[1]")}), {}, r"-shape \[1\]: input 'data' has 4 dimensions"),
        (Model(source="m", layouts={"data": "NC"}), {}, r"-layout NC: input 'data' has 4 dimensions"),
        (Model(source="m", layouts={"": "NCHW"}), {"mean": {"": (1.0, 2.0)}}, r"--mean_values: 2 values for input 'da"),
        (Model(source="m"), {"scale": {"": (1.0,)}}, r"--scale_values: no input is an image"),
        (Model(source="m", batch=(2, 2), layouts={"": "?CHW"}), {}, r"-b 2: no input has a recognizable batch"),
        (Model(source="m", data_shapes={"": (parse_shape("[1,3,?,9]"),)}), {}, r"-data_shape .* cannot be open"),
        (Model(source="m", data_shapes={"": (parse_shape("[1,4,9,9]"),)}), {}, r"-data_shape .* does not fit"),
    ],
)
def test_what_does_not_match_the_model_is_said(spec: Model, preprocessing: dict[str, dict[str, tuple[float, ...]]],
                                               says: str) -> None:  # fmt: skip
    means, scales = preprocessing.get("mean", {}), preprocessing.get("scale", {})
    with pytest.raises(UsageError, match=says):
        sign([simple("[1,3,?,?]")], spec, Preprocessing(mean=means, scale=scales))


def test_shapes_of_data_for_a_static_input_are_ignored_and_said_to_be() -> None:
    found = sign([simple("[1,16]")], Model(source="m", data_shapes={"": (parse_shape("[1,4]"),)}), Preprocessing())
    assert found.inputs[0].shapes == ((1, 16),)
    assert is_static(found.inputs[0].shape)
    assert "ignored" in found.notes[0]


def test_inferences_have_the_shapes_of_their_turn_and_begin_anew_when_all_inputs_do() -> None:
    ports = [simple("[?,4]", name="a"), simple("[?,4]", name="b"), simple("[1,4]", name="c")]
    infos = sign(ports, Model(source="m", layouts={"a": "NC"}), Preprocessing()).inputs
    shapes = [[(n, 4) for n in (1, 2)], [(n, 4) for n in (5, 6, 7)], [(1, 4), (1, 4)]]
    found = groups(infos, shapes)
    assert len(found) == 6
    for turn, group in enumerate(found):
        assert group.shapes == (shapes[0][turn % 2], shapes[1][turn % 3], (1, 4))
        assert group.batch == shapes[0][turn % 2][0]


def test_without_open_shapes_there_is_one_group() -> None:
    infos = sign([simple("[4,16]", layout="[N,C]")], Model(source="m"), Preprocessing()).inputs
    (group,) = groups(infos, [[(4, 16)] * 3])
    assert (group.shapes, group.batch) == (((4, 16),), 4)


def test_inputs_that_disagree_about_the_batch_are_refused_and_a_layout_settles_it() -> None:
    """As benchmark_app: of four frames beside two nobody can tell how many an inference has."""
    ports = [simple("[4,16]", layout="[N,C]", name="a"), simple("[2,16]", layout="[N,C]", name="b")]
    infos = sign(ports, Model(source="m"), Preprocessing()).inputs
    with pytest.raises(UsageError, match=r"-layout: the batches .* differ: 'a' 4, 'b' 2; .* same .-b"):
        groups(infos, [[(4, 16)], [(2, 16)]])
    settled = sign(ports, Model(source="m", layouts={"b": "?C"}), Preprocessing()).inputs
    assert groups(settled, [[(4, 16)], [(2, 16)]])[0].batch == 4


def test_a_later_turn_in_which_the_batches_differ_is_refused_too() -> None:
    ports = [simple("[?,16]", layout="[N,C]", name="a"), simple("[?,16]", layout="[N,C]", name="b")]
    infos = sign(ports, Model(source="m"), Preprocessing()).inputs
    with pytest.raises(UsageError, match="'a' 2, 'b' 1"):
        groups(infos, [[(1, 16), (2, 16)], [(1, 16)]])


@pytest.mark.parametrize(
    ("printed", "places"),
    [
        ("[N,...,C]", (0, 3)),
        ("[...,N,?,C]", (1, 3)),
        ("[N,?,C,SOME_LONG_NAME]", (0, 2)),
        ("[...]", (None, None)),
        ("**SCALAR**", (None, None)),
    ],
)
def test_a_dimension_is_found_in_a_layout_with_dots_and_with_long_names(printed: str, places: tuple[int, int]) -> None:
    (info,) = sign([simple("[9,9,9,9]", printed)], Model(source="m"), Preprocessing()).inputs
    assert (info.place("N"), info.place("C")) == places


def test_more_shapes_together_than_can_be_reported_are_refused() -> None:
    infos = sign([simple("[?]", name="a"), simple("[?]", name="b")], Model(source="m"), Preprocessing()).inputs
    shapes = [[(n,) for n in range(1, count + 1)] for count in (1000, 999)]
    with pytest.raises(UsageError, match="the inputs have 1000, 999 shapes in turn, which is 999000 together"):
        groups(infos, shapes)
