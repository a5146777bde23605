"""The built-in models: the published topology, finite outputs, and the same numbers through ovbench's own path."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from ovbench.agent.openvino import zoo
from ovbench.agent.openvino.builtin import builtin_file
from ovbench.agent.openvino.capi import Library
from ovbench.agent.openvino.objects import Core
from ovbench.common import builtin
from ovbench.coordinator.launch.builtin import write_builtin

INPUTS = {"squeezenet1.1": (1, 3, 227, 227), "mlp": (1, 256), "tiny": (1, 16)}
OUTPUTS = {"squeezenet1.1": (1, 1000), "mlp": (1, 256), "tiny": (1, 16)}


def parameters(model: ov.Model) -> int:
    """How many floating point weights a model has."""
    constants = [op for op in model.get_ops() if op.get_type_name() == "Constant"]
    return sum(op.data.size for op in constants if op.get_element_type() == ov.Type.f32)


def test_every_built_in_model_that_is_named_exists() -> None:
    assert set(zoo.MODELS) == set(builtin.NAMES)


@pytest.mark.parametrize("name", builtin.NAMES)
def test_a_built_in_model_has_the_shapes_it_is_published_with(name: str) -> None:
    model = zoo.MODELS[name]()
    assert tuple(model.input().shape) == INPUTS[name]
    assert tuple(model.output().shape) == OUTPUTS[name]
    assert model.input().element_type == ov.Type.f32
    assert model.get_friendly_name() == name


def test_squeezenet_has_the_published_number_of_parameters() -> None:
    assert parameters(zoo.squeezenet()) == 1_235_496


@pytest.mark.parametrize("name", builtin.NAMES)
def test_outputs_are_finite_and_differ_with_the_inputs(name: str) -> None:
    compiled = ov.Core().compile_model(zoo.MODELS[name](), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    random = np.random.default_rng(1)
    first, second = (compiled(random.random(INPUTS[name], np.float32))[0] for _ in range(2))
    assert np.isfinite(first).all()
    assert np.isfinite(second).all()
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("name", builtin.NAMES)
def test_the_same_weights_are_made_every_time(name: str) -> None:
    def constants() -> list[Any]:
        return [op.data for op in zoo.MODELS[name]().get_ordered_ops() if op.get_type_name() == "Constant"]

    for a, b in zip(constants(), constants(), strict=True):
        assert np.array_equal(a, b)


@pytest.mark.parametrize("name", builtin.NAMES)
def test_a_written_model_is_the_model(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.xml"
    write_builtin(name, file)
    assert sorted(f.name for f in tmp_path.iterdir()) == [f"{name}.bin", f"{name}.xml"]
    read = ov.Core().read_model(file)
    assert parameters(read) == parameters(zoo.MODELS[name]())
    assert tuple(read.input().shape) == INPUTS[name]


@pytest.mark.parametrize("name", builtin.NAMES)
def test_a_written_model_is_the_same_whichever_build_wrote_it(name: str, tmp_path: Path) -> None:
    """Or two builds of OpenVINO could not be compared on it."""
    file = tmp_path / f"{name}.xml"
    write_builtin(name, file)
    assert ov.get_version() not in file.read_text()


@pytest.mark.parametrize("name", builtin.NAMES)
def test_the_c_api_gives_the_python_apis_output_to_the_last_bit(name: str) -> None:
    file = str(builtin_file(name))
    data = np.random.default_rng(2).random(INPUTS[name], np.float32)
    expected = ov.Core().compile_model(file, "CPU", {"NUM_STREAMS": "1"})(data)[0]

    library = Library()
    core = Core(library)
    request = core.compile_model(core.read_model(file), "CPU", {"NUM_STREAMS": "1"}).request()
    request.input_bytes(0)[:] = data.view(np.uint8).ravel()
    request.infer()
    output = request.output_bytes(0).view(np.float32).reshape(OUTPUTS[name])
    assert np.array_equal(output, expected)
    request.output_bytes(0)[:] = 0
    request.start_async()
    request.wait()
    assert np.array_equal(request.output_bytes(0).view(np.float32).reshape(OUTPUTS[name]), expected)
