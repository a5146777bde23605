"""What an agent computes is what OpenVINO's Python API computes for the same inputs, to the last bit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino.tools.benchmark.utils.utils import get_inputs_info, pre_post_processing

from ovbench.agent.openvino.model import Loaded, StepTimes, load
from ovbench.common.job import Data, Job, Load, Model, Placement, Preprocessing, Runtime
from ovbench.common.shape import parse_shape
from tests.openvino.opsets import opset13 as ops
from tests.process.driver import cpus


@dataclass(frozen=True)
class Case:
    """What is asked for, and the same in benchmark_app's words for its own preprocessing."""

    shape: str = "[1,3,16,16]"
    layout: str = "NCHW"
    model: dict[str, object] = field(default_factory=dict)
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    runtime: Runtime = field(default_factory=lambda: Runtime(hint="latency"))
    said: Mapping[str, str] = field(default_factory=dict)


CASES = {
    "as it is": Case(shape="[1,16]", layout=""),
    "an image as bytes": Case(),
    "an image of another layout": Case(shape="[1,16,16,3]", layout="NHWC"),
    "a batch": Case(model={"batch": (4, 4)}, said={"batch": "4"}),
    "another shape": Case(model={"shapes": {"data": parse_shape("[2,3,8,16]")}}, said={"shape": "data[2,3,8,16]"}),
    "mean": Case(preprocessing=Preprocessing(mean={"": (123.7, 116.3, 103.5)}), said={"mean": "[123.7,116.3,103.5]"}),
    "scale": Case(
        preprocessing=Preprocessing(scale={"data": (58.4, 57.1, 57.4)}), said={"scale": "data[58.4,57.1,57.4]"}
    ),
    "mean and scale": Case(
        preprocessing=Preprocessing(mean={"": (10.0, 20.0, 30.0)}, scale={"": (2.0, 4.0, 8.0)}),
        said={"mean": "[10,20,30]", "scale": "[2,4,8]"},
    ),
    "input type": Case(preprocessing=Preprocessing(input_type="f16"), said={"ip": "f16"}),
    "output type": Case(preprocessing=Preprocessing(output_type="f16"), said={"op": "f16"}),
    "types by name": Case(
        preprocessing=Preprocessing(types={"data": "i8", "out": "i32"}), said={"iop": "data:i8,out:i32"}
    ),
    "a type goes before the general one": Case(
        preprocessing=Preprocessing(input_type="f16", types={"data": "i16"}), said={"ip": "f16", "iop": "data:i16"}
    ),
    "f32 inference": Case(runtime=Runtime(hint="latency", precision="f32")),
    "bf16 inference": Case(runtime=Runtime(hint="latency", precision="bf16")),
    "threads and streams": Case(runtime=Runtime(hint="none", streams=1, threads=1)),
}


def build(case: Case, folder: Path) -> Path:
    shape = ov.PartialShape(case.shape)
    data = ops.parameter(shape, np.float32, name="data")
    data.output(0).set_names({"data"})
    if case.layout:
        data.set_layout(ov.Layout(case.layout))
    random = np.random.default_rng(5)
    width = shape[len(shape) - 1].get_length()
    weights = ops.constant(random.standard_normal((width, 7)).astype(np.float32))
    out = ops.relu(ops.matmul(data, weights, False, False))
    out.output(0).set_names({"out"})
    file = folder / "model.xml"
    ov.save_model(ov.Model([out], [data], "m"), file, compress_to_fp16=False)
    return file


def agent(case: Case, file: Path) -> Loaded:
    job = Job(
        model=Model(source=str(file), **case.model),  # type: ignore[arg-type]
        runtime=case.runtime,
        load=Load(api="sync", duration_s=1.0, iterations=None, warmup_s=0.0),
        placement=Placement(cpus=tuple(range(cpus()))),
        null=None,
        data=Data(seed=3),
        sample_bytes=1 << 20,
        preprocessing=case.preprocessing,
    )
    return load(job, StepTimes())


def reference(case: Case, file: Path, given: bytes) -> bytes:
    """Read, reshaped, preprocessed, compiled and run by the Python API and benchmark_app's own functions."""
    core = ov.Core()
    model = core.read_model(file)
    said = case.said
    infos, reshape = get_inputs_info(
        said.get("shape", ""), "", "", said.get("batch", ""), said.get("scale", ""), said.get("mean", ""), model.inputs
    )
    if reshape:
        model.reshape({info.name: info.partial_shape for info in infos})
    pre_post_processing(model, infos, said.get("ip", ""), said.get("op", ""), said.get("iop", ""))
    compiled = core.compile_model(model, "CPU", case.runtime.properties())
    port = compiled.input(0)
    tensor = ov.Tensor(port.element_type, port.shape)
    np.frombuffer(tensor.data, np.uint8)[:] = np.frombuffer(given, np.uint8)
    request = compiled.create_infer_request()
    request.infer([tensor])
    result: bytes = request.get_output_tensor(0).data.tobytes()
    return result


@pytest.mark.parametrize("name", CASES)
def test_an_agent_computes_what_the_python_api_does(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    file = build(case, tmp_path)
    loaded = agent(case, file)
    (request,) = loaded.requests
    given = request.input_bytes(0).tobytes()
    assert any(given), "inputs are filled"
    assert request.output_bytes(0).tobytes() == reference(case, file, given)
    request.infer()
    assert request.output_bytes(0).tobytes() == reference(case, file, given)
