"""What the C++ functions tell is compared with what OpenVINO's Python API tells of the same model."""

import ctypes as c
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import openvino as ov
import pytest

from ovbench.agent.openvino.capi import Library
from ovbench.agent.openvino.cxx import Cxx
from ovbench.agent.openvino.objects import Core
from ovbench.agent.openvino.package import OpenVinoError
from tests.openvino.opsets import opset13 as ops

LONG = "a_name_that_is_much_too_long_to_be_kept_inside_of_the_string_itself/with:parts"


@pytest.fixture(scope="module")
def library() -> Library:
    return Library()


@pytest.fixture(scope="module")
def core(library: Library) -> Core:
    return Core(library)


@pytest.fixture(scope="module")
def cxx() -> Cxx:
    return Cxx.load()


def plain() -> ov.Model:
    data = ops.parameter([1, 3, 8, 8], np.float32, name="data")
    return ov.Model([ops.result(ops.relu(data, name="positive"))], [data], "plain")


def named() -> ov.Model:
    """Several inputs and outputs with one name, many, long ones and none; the names of a set come in no order."""
    first = ops.parameter([1, 3, 8, 8], np.float32, name="first")
    second = ops.parameter([1, 3, 8, 8], np.float32, name=LONG)
    flag = ops.parameter([], ov.Type.boolean, name="flag")
    first.output(0).set_names({"first", "x", LONG, *(f"alias_{index}" for index in range(40))})
    second.output(0).set_names({"exactly15chars_", "exactly16chars__", "größe"})
    total = ops.add(first, second, name="total")
    chosen = ops.select(flag, total, first, name=LONG + "/select")
    total.output(0).set_names({"sum"})
    return ov.Model([ops.result(total), ops.result(chosen)], [first, second, flag], "named")


LAYOUTS = ("NCHW", "N...", "...C", "N?HW", "[N,C,Height,Width]", "[batch,...,some_very_long_dimension_name,C]")


def laid_out(layout: str) -> ov.Model:
    model = named()
    model.inputs[1].node.layout = ov.Layout(layout)
    model.outputs[0].node.layout = ov.Layout(layout)
    model.inputs[2].node.layout = ov.Layout("**SCALAR**")
    return model


def split() -> ov.Model:
    """The outputs of one node that has several."""
    data = ops.parameter([4, 6], np.float32, name="data")
    parts = ops.split(data, ops.constant(np.int64(1)), 3, name="parts")
    return ov.Model([ops.result(output) for output in parts.outputs()], [data], "split")


MODELS = {"plain": plain(), "named": named(), "split": split()} | {layout: laid_out(layout) for layout in LAYOUTS}


@pytest.fixture(params=MODELS, name="model")
def _model(request: pytest.FixtureRequest) -> ov.Model:
    return MODELS[request.param]


def save(model: ov.Model, folder: Path) -> Path:
    file = folder / "model.xml"
    ov.serialize(model, file)
    return file


def ports(library: Library, handle: c.c_void_p, count: str, get: str) -> Iterator[c.c_void_p]:
    for index in range(library.size(count, handle)):
        port = library.handle(get, handle, c.c_size_t(index))
        yield port
        library.function("ov_output_const_port_free")(port)


INPUTS = ("ov_model_inputs_size", "ov_model_const_input_by_index")
OUTPUTS = ("ov_model_outputs_size", "ov_model_const_output_by_index")
COMPILED_INPUTS = ("ov_compiled_model_inputs_size", "ov_compiled_model_input_by_index")
COMPILED_OUTPUTS = ("ov_compiled_model_outputs_size", "ov_compiled_model_output_by_index")


def told(cxx: Cxx, port: c.c_void_p) -> tuple[tuple[str, ...], str, str]:
    return cxx.names(port), cxx.node_name(port), cxx.layout(port)


def expected(port: Any, node: Any) -> tuple[tuple[str, ...], str, str]:
    return tuple(sorted(port.get_names())), node.get_friendly_name(), str(port.node.layout)


def of_inputs(model: Any) -> list[tuple[tuple[str, ...], str, str]]:
    return [expected(port, port.node) for port in model.inputs]


def of_outputs(model: Any) -> list[tuple[tuple[str, ...], str, str]]:
    """The node is the one that benchmark_app's table names."""
    return [expected(port, port.node.input(0).get_source_output().get_node()) for port in model.outputs]


def test_ports_are_as_the_python_api_has_them(
    model: ov.Model, library: Library, core: Core, cxx: Cxx, tmp_path: Path
) -> None:
    file = save(model, tmp_path)
    handle = core.read_model(str(file)).handle
    reference = ov.Core().read_model(file)
    assert [told(cxx, port) for port in ports(library, handle, *INPUTS)] == of_inputs(reference)
    assert [told(cxx, port) for port in ports(library, handle, *OUTPUTS)] == of_outputs(reference)


def test_ports_of_a_compiled_model_are_as_the_python_api_has_them(
    model: ov.Model, library: Library, core: Core, cxx: Cxx, tmp_path: Path
) -> None:
    file = save(model, tmp_path)
    handle = core.compile_model(core.read_model(str(file)), "CPU", {}).handle
    reference = ov.Core().compile_model(file, "CPU")
    assert [told(cxx, port) for port in ports(library, handle, *COMPILED_INPUTS)] == of_inputs(reference)
    assert [told(cxx, port) for port in ports(library, handle, *COMPILED_OUTPUTS)] == of_outputs(reference)


def test_the_models_have_what_the_comparison_is_about(tmp_path: Path) -> None:
    """Both sides empty would be equal too."""
    reference = ov.Core().read_model(save(laid_out("N?HW"), tmp_path))
    first, second, flag = of_inputs(reference)
    assert len(first[0]) == 43
    assert second == (("exactly15chars_", "exactly16chars__", "größe"), LONG, "[N,?,H,W]")
    assert flag[2] == "**SCALAR**"
    assert of_outputs(reference)[0] == (("sum",), "total", "[N,?,H,W]")
    assert of_outputs(reference)[1][1:] == (LONG + "/select", "[...]")


def test_an_input_without_a_name_has_none(library: Library, core: Core, cxx: Cxx, tmp_path: Path) -> None:
    file = save(plain(), tmp_path)
    file.write_text(re.sub(r' names="[^"]*"', "", file.read_text()))
    port = next(ports(library, core.read_model(str(file)).handle, *INPUTS))
    assert told(cxx, port) == ((), "data", "[...]")


def test_a_build_without_these_functions_goes_without(
    library: Library, core: Core, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    model = core.read_model(str(save(laid_out("NCHW"), tmp_path))).handle
    port = next(ports(library, model, *INPUTS))
    monkeypatch.setattr("ovbench.agent.openvino.cxx.shared_library", lambda pattern: c.CDLL(None))
    without = Cxx.load()
    assert told(without, port) == ((), "", "[...]")
    assert not without.has_state(0)
    assert without.callback_address is None
    with pytest.raises(OpenVinoError, match="does not export ov::serialize"):
        without.serialize(model, tmp_path / "graph.xml")


def test_reading_ports_over_and_over_gives_the_same(library: Library, core: Core, cxx: Cxx, tmp_path: Path) -> None:
    """Memory that C++ has given up would change under it."""
    handle = core.read_model(str(save(laid_out("NCHW"), tmp_path))).handle
    rounds = {tuple(told(cxx, port) for port in ports(library, handle, *INPUTS)) for _ in range(200)}
    assert len(rounds) == 1


def layers(xml: Path) -> list[tuple[str | None, str | None, list[str | None]]]:
    """Names, types and dimensions, in order."""
    found = ElementTree.parse(xml).getroot().iterfind("layers/layer")
    return [(layer.get("name"), layer.get("type"), [dim.text for dim in layer.iter("dim")]) for layer in found]


def without_numbers(xml: Path) -> list[tuple[str, str | None, list[str | None]]]:
    """Names that OpenVINO made up are numbered through the process."""
    return [(re.sub(r"_\d+$", "", name or ""), kind, dims) for name, kind, dims in layers(xml)]


def test_a_graph_file_has_the_layers_that_openvino_itself_writes(
    model: ov.Model, core: Core, cxx: Cxx, tmp_path: Path
) -> None:
    file = save(model, tmp_path)
    graph = tmp_path / "graph.xml"
    cxx.serialize(core.read_model(str(file)).handle, graph)
    assert layers(graph) == layers(file)


def test_a_graph_file_comes_without_weights_and_leaves_nothing_else(core: Core, cxx: Cxx, tmp_path: Path) -> None:
    """Whatever the length of its path, and whether it was there before."""
    source = save(weighted(), tmp_path)
    folder = tmp_path / ("a" * 100) / ("b" * 100)
    folder.mkdir(parents=True)
    graph = folder / "graph.of.layers"
    graph.write_text("old")
    cxx.serialize(core.read_model(str(source)).handle, graph)
    assert list(folder.iterdir()) == [graph]
    assert layers(graph) == layers(source)
    assert graph.stat().st_mode & 0o777 == source.stat().st_mode & 0o777


def weighted() -> ov.Model:
    data = ops.parameter([4, 64], np.float32, name="data")
    weights = ops.constant(np.random.default_rng(1).random((64, 64), np.float32), name="weights")
    return ov.Model([ops.result(ops.matmul(data, weights, False, False))], [data], "weighted")


def test_the_graph_that_is_executed_is_written_with_its_runtime_figures(
    library: Library, core: Core, cxx: Cxx, tmp_path: Path
) -> None:
    file = save(weighted(), tmp_path)
    compiled = core.compile_model(core.read_model(str(file)), "CPU", {})
    cxx.serialize(library.handle("ov_compiled_model_get_runtime_model", compiled.handle), tmp_path / "exec.xml")
    reference = ov.Core().compile_model(file, "CPU", {}).get_runtime_model()
    ov.serialize(reference, tmp_path / "reference.xml")
    assert without_numbers(tmp_path / "exec.xml") == without_numbers(tmp_path / "reference.xml")
    data = ElementTree.parse(tmp_path / "exec.xml").getroot().findall("layers/layer/data")
    assert any("execTimeMcs" in one.attrib for one in data)


def test_a_graph_file_in_a_folder_that_is_missing_is_an_error_of_the_system(
    core: Core, cxx: Cxx, tmp_path: Path
) -> None:
    """Not the end of the process, which an exception of OpenVINO's would be."""
    model = core.read_model(str(save(plain(), tmp_path)))
    with pytest.raises(FileNotFoundError):
        cxx.serialize(model.handle, tmp_path / "missing" / "graph.xml")


def test_a_graph_file_on_a_full_disk_is_an_error_of_the_system(core: Core, cxx: Cxx, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        cxx.serialize(core.read_model(str(save(plain(), tmp_path))).handle, Path("/dev/full"))


def test_a_graph_file_that_is_a_folder_is_an_error_of_the_system(core: Core, cxx: Cxx, tmp_path: Path) -> None:
    model = core.read_model(str(save(plain(), tmp_path)))
    (tmp_path / "taken").mkdir()
    with pytest.raises(IsADirectoryError):
        cxx.serialize(model.handle, tmp_path / "taken")
