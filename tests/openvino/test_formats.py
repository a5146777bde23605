"""The models that other tests use compute what they say, in every format; so a wrong figure is not the model's."""

import importlib.util
from pathlib import Path

import numpy as np
import openvino as ov
import pytest

from ovbench.agent.openvino.capi import Library
from ovbench.agent.openvino.objects import CompiledModel, Core
from ovbench.agent.openvino.package import OpenVinoError
from tests.openvino import formats, opset_models

EXACT = {"INFERENCE_PRECISION_HINT": "f32"}


def compiled(model: ov.Model | Path) -> ov.CompiledModel:
    return ov.Core().compile_model(model, "CPU", EXACT)


@pytest.mark.parametrize("name", formats.FORMATS)
def test_a_format_is_read_with_its_shapes_and_computes_the_numbers(name: str, tmp_path: Path) -> None:
    model = ov.Core().read_model(formats.FORMATS[name](tmp_path))
    assert list(model.input().shape) == [1, formats.ROWS]
    assert list(model.output().shape) == [1, formats.COLUMNS]
    data = formats.exact_data()
    expected = formats.dense(data)
    assert (expected > 0).any()
    assert (expected == 0).any()
    np.testing.assert_array_equal(compiled(model)(data)[0], expected)


def through_ovbench(model: CompiledModel) -> formats.Floats:
    """What a request of an agent gives for `exact_data`, flat."""
    request = model.request()
    request.input_bytes(0)[:] = formats.exact_data().view(np.uint8).ravel()
    request.infer()
    return request.output_bytes(0).view(np.float32).copy()


@pytest.mark.parametrize("name", formats.FORMATS)
def test_ovbench_reads_a_format_and_gets_the_same_numbers(name: str, tmp_path: Path) -> None:
    core = Core(Library())
    model = core.compile_model(core.read_model(str(formats.FORMATS[name](tmp_path))), "CPU", EXACT)
    np.testing.assert_array_equal(through_ovbench(model), formats.dense(formats.exact_data())[0])


def test_an_imported_blob_keeps_its_weights(tmp_path: Path) -> None:
    """OpenVINO leaves them in the memory that it is given; they are gone with it, and so then is the process."""
    model = Core(Library()).import_model(str(formats.compiled_blob(tmp_path)), "CPU", EXACT)
    np.testing.assert_array_equal(through_ovbench(model), formats.dense(formats.exact_data())[0])


def test_a_blob_is_imported_without_any_property(tmp_path: Path) -> None:
    model = Core(Library()).import_model(str(formats.compiled_blob(tmp_path)), "CPU", {})
    assert len(through_ovbench(model)) == formats.COLUMNS


def test_an_empty_blob_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "empty.blob"
    file.touch()
    with pytest.raises(OpenVinoError, match="the file is empty"):
        Core(Library()).import_model(str(file), "CPU", EXACT)


def test_a_scalar_stays_one_when_other_inputs_are_reshaped(tmp_path: Path) -> None:
    """The C API takes the shape of a scalar for one of unknown length."""
    model = Core(Library()).read_model(str(opset_models.save(opset_models.several(), tmp_path)))
    three = ((1, 1), (3, 3))
    shapes = [port.shape for port in model.inputs]
    model.reshape({0: shapes[0] or (), 1: three, 2: three, 3: ()})
    assert [port.shape for port in model.inputs] == [shapes[0], three, three, ()]


def test_a_blob_is_imported_and_computes_the_numbers(tmp_path: Path) -> None:
    blob = formats.compiled_blob(tmp_path)
    data = formats.exact_data()
    imported = ov.Core().import_model(blob.read_bytes(), "CPU")
    np.testing.assert_array_equal(imported(data)[0], formats.dense(data))


def test_inputs_of_several_types_give_the_closed_form() -> None:
    inputs = opset_models.several_data()
    given = compiled(opset_models.several())(inputs)
    for output, expected in zip(given.values(), opset_models.several_expected(inputs), strict=True):
        np.testing.assert_array_equal(output, expected)


def test_strings_are_measured_in_bytes() -> None:
    given = compiled(opset_models.lengths())(np.array(["naïve", "ab"]))[0]
    assert given.tolist() == [6, 2]


@pytest.mark.parametrize("rows", [1, 3])
def test_open_shapes_take_what_they_are_given(rows: int) -> None:
    data = formats.exact_data(rows)
    np.testing.assert_array_equal(compiled(opset_models.open_shape())(data)[0], 2 * data)
    more = np.ones((rows, 5), np.float32)
    np.testing.assert_array_equal(compiled(opset_models.open_pair())([data, more])[0], data + 5)


def test_a_range_refuses_what_is_beyond_it() -> None:
    request = compiled(opset_models.open_shape("[1..8,16]")).create_infer_request()
    with pytest.raises(RuntimeError, match="shape"):
        request.infer([formats.exact_data(9)])


def test_a_state_lives_as_long_as_its_request() -> None:
    model = compiled(opset_models.running_sum())
    one, other = model.create_infer_request(), model.create_infer_request()
    data = np.arange(4, dtype=np.float32).reshape(1, 4)
    sums = [one.infer([data])[0].copy() for _ in range(3)]
    np.testing.assert_array_equal(sums, [data, 2 * data, 3 * data])
    np.testing.assert_array_equal(other.infer([data])[0], data)


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_an_image_is_averaged_by_channel_whatever_its_layout(layout: str, told: bool, tmp_path: Path) -> None:
    model = ov.Core().read_model(opset_models.save(opset_models.image(layout, told=told), tmp_path))
    assert model.get_parameters()[0].layout == (ov.Layout(layout) if told else ov.Layout())
    pixels = np.arange(256, dtype=np.float32).reshape(1, 1, 16, 16) + np.array([0, 8, 16]).reshape(1, 3, 1, 1)
    data = pixels if layout == "NCHW" else pixels.transpose(0, 2, 3, 1)
    given = compiled(model)(np.ascontiguousarray(data, np.float32))[0]
    np.testing.assert_array_equal(given, [[127.5, 135.5, 143.5]])


def test_names_that_a_model_lacks_are_those_of_its_nodes_once_it_is_read(tmp_path: Path) -> None:
    model = ov.Core().read_model(opset_models.save(opset_models.nameless(), tmp_path))
    assert model.input().get_names() == {"data_node"}
    # Outputs have had one since some release after 2024.6.
    assert model.output().get_names() <= {model.get_results()[0].get_friendly_name()}
    data = formats.exact_data()
    np.testing.assert_array_equal(compiled(model)(data)[0], 2 * data)


def test_a_size_is_added_to_its_image() -> None:
    picture = np.full((1, 3, 16, 24), 2, np.float32)
    given = compiled(opset_models.overlay())([picture, np.array([[24, 16, 1]], np.float32)])[0]
    np.testing.assert_array_equal(given, [[26, 18, 3]])


def magika() -> Path:
    """The model inside the magika package (Apache-2.0), found without importing it: that needs onnxruntime."""
    found = importlib.util.find_spec("magika")
    if found is None or found.origin is None:
        pytest.skip("magika is not installed")
    return next(Path(found.origin).parent.glob("models/*/model.onnx"))


def test_a_published_model_reads_its_ids() -> None:
    """Bytes of a file as ids from 0 to 256; probabilities of over 200 kinds of file come out."""
    model = compiled(magika())
    ids = np.full((1, model.input().partial_shape[1].get_length()), 256, np.int32)
    given = model(ids)[0]
    assert given.shape[1] > 200
    assert given.sum() == pytest.approx(1, abs=1e-4)
