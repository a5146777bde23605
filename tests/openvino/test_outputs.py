"""Outputs that agents compare: real models, against OpenVINO's Python API on the same inputs."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest
from msgspec import structs

from ovbench.agent.host.threads import thread_ids
from ovbench.agent.measure import ReadyLoad, prepare
from ovbench.agent.openvino.backend import OpenVinoBackend
from ovbench.agent.openvino.builtin import builtin_file
from ovbench.agent.openvino.cxx import Cxx
from ovbench.agent.openvino.model import StepTimes, load
from ovbench.agent.openvino.objects import InferRequest
from ovbench.agent.openvino.package import OpenVinoError
from ovbench.common.clock import monotonic_ns
from ovbench.common.effective import Outputs
from ovbench.common.job import Api, Data, InputFiles, Job, Load, Model, Placement, Runtime
from ovbench.common.shape import parse_shape
from tests.openvino.infer_requests import requests_of
from tests.openvino.opset_models import parameter, result, save
from tests.openvino.opsets import opset15 as ops
from tests.openvino.test_feed import adding_model
from tests.process.driver import Run, cpus


def job(source: object, api: Api = "sync", **load: Any) -> Job:
    asked: dict[str, Any] = {"duration_s": None, "iterations": 40, "warmup_s": 0.0, **load}
    return Job(
        model=Model(source=str(source)),
        runtime=Runtime(hint="none", streams=1, threads=1, requests=2),
        load=Load(api=api, **asked),
        placement=Placement(cpus=tuple(range(cpus()))),
        null=None,
        data=Data(seed=3),
        sample_bytes=1 << 20,
    )


def measured(order: Job) -> tuple[ReadyLoad, Outputs | None]:
    load = prepare(order, thread_ids(), StepTimes())
    return load, load.outputs_before


def digests(outputs: Outputs | None) -> list[str]:
    assert outputs is not None
    return [output.digest for output in outputs.outputs]


def several_types() -> ov.Model:
    """The input as numbers of several types: values, and nothing but bytes."""
    data = parameter([1, 130], ov.Type.f32, "data")
    made = {
        "f16": ops.convert(data, ov.Type.f16),
        "i64": ops.convert(ops.multiply(data, ops.constant(np.float32(100))), ov.Type.i64),
        "boolean": ops.greater(data, ops.constant(np.float32(0.5))),
        "u8": ops.convert(data, ov.Type.u8),
    }
    return ov.Model([result(node, name) for name, node in made.items()], [data], "several_types")


def given_bytes(measurement: ReadyLoad) -> bytes:
    return requests_of(measurement.backend)[0].input_bytes(0).tobytes()


def by_python(file: Path, given: bytes) -> list[tuple[str, Any]]:
    """Digest and values of each output; images are given as bytes, as benchmark_app gives them."""
    model = ov.Core().read_model(file)
    if len(model.input(0).shape) == 4:
        steps = ov.preprocess.PrePostProcessor(model)
        steps.input(0).tensor().set_element_type(ov.Type.u8)
        model = steps.build()
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1})
    tensor = ov.Tensor(compiled.input(0).element_type, compiled.input(0).shape)
    np.frombuffer(tensor.data, np.uint8)[:] = np.frombuffer(given, np.uint8)
    request = compiled.create_infer_request()
    request.infer([tensor])
    found = [request.get_output_tensor(index).data for index in range(len(compiled.outputs))]
    return [(hashlib.blake2b(data.tobytes(), digest_size=16).hexdigest(), data.reshape(-1)) for data in found]


@pytest.mark.parametrize("model", ["squeezenet1.1", "several types"])
def test_digests_and_values_are_those_of_the_python_api(tmp_path: Path, model: str) -> None:
    file = builtin_file(model) if model == "squeezenet1.1" else save(several_types(), tmp_path)
    measurement, outputs = measured(job(file))
    assert outputs is not None
    assert outputs.repeatable
    expected = by_python(file, given_bytes(measurement))
    assert digests(outputs) == [digest for digest, _ in expected]
    for output, (_, values) in zip(outputs.outputs, expected, strict=True):
        sketch = np.frombuffer(output.sketch, "<f4")
        assert len(sketch) == min(64, values.size)
        assert (sketch[[0, -1]] == values[[0, -1]].astype(np.float32)).all()
        assert output.scale == pytest.approx(np.abs(values.astype(np.float64)).max())


@pytest.mark.parametrize("api", ["sync", "async"])
@pytest.mark.parametrize("fed", [False, True])
def test_outputs_after_the_load_are_those_before_and_nothing_is_recorded_for_them(api: Api, fed: bool) -> None:
    measurement, before = measured(job("builtin:squeezenet1.1", api, inference_only=not fed))
    outcome = measurement.run(monotonic_ns())
    recorder = measurement.recorder
    slots = recorder.slots.copy()
    assert measurement.outputs() == before
    assert (recorder.completed, outcome.error) == (outcome.completed, None)
    assert (recorder.slots.rows == slots.rows).all(), "no callback was called"


def test_inputs_in_turn_are_put_back_to_the_first(tmp_path: Path) -> None:
    """Set, not copied: they are larger than what is copied."""
    data = parameter([1, 8192], ov.Type.f32, "data")
    file = save(ov.Model([result(ops.relu(data), "out")], [data], "large"), tmp_path)
    for index in range(3):
        np.save(tmp_path / f"{index}.npy", np.full((1, 8192), index + 1.0, np.float32))
    paths = tuple(str(tmp_path / f"{index}.npy") for index in range(3))
    data_files = Data(files=(InputFiles(input="data", paths=paths),))
    measurement, before = measured(structs.replace(job(file, inference_only=False), data=data_files))
    assert before is not None
    assert before.outputs[0].scale == 1.0
    measurement.run(monotonic_ns())
    assert measurement.outputs() == before


def noisy_model(folder: Path) -> Path:
    """The input and random numbers."""
    data = parameter([1, 16], ov.Type.f32, "data")
    zero, one = ops.constant(np.float32(0)), ops.constant(np.float32(1))
    noise = ops.random_uniform(ops.constant(np.array([1, 16], np.int64)), zero, one, "f32")
    return save(ov.Model([result(ops.add(data, noise), "out")], [data], "noisy"), folder)


def test_a_model_that_draws_random_numbers_does_not_repeat_itself(tmp_path: Path) -> None:
    measurement, before = measured(job(noisy_model(tmp_path)))
    assert before is not None
    assert not before.repeatable
    measurement.run(monotonic_ns())
    assert measurement.outputs() is None


def test_a_model_with_state_is_not_asked_and_keeps_its_state(tmp_path: Path) -> None:
    """What it adds up is the first inference's and the load's own, no more."""
    file = adding_model(tmp_path, 16)
    measurement, before = measured(job(file))
    assert before == Outputs(repeatable=False, outputs=())
    first = np.frombuffer(given_bytes(measurement), np.float32)[0]
    measurement.run(monotonic_ns())
    assert measurement.outputs() is None
    (total,) = requests_of(measurement.backend)[0].output_bytes(0).view(np.float32)
    assert total == pytest.approx(41 * first, rel=1e-5)


def test_a_model_of_open_shape_is_compared_in_its_first_shape(tmp_path: Path) -> None:
    data = parameter("[?,16]", ov.Type.f32, "data")
    file = save(ov.Model([result(ops.relu(data), "out")], [data], "open"), tmp_path)
    order = job(file)
    model = Model(source=str(file), data_shapes={"": (parse_shape("[2,16]"), parse_shape("[5,16]"))})
    measurement, before = measured(structs.replace(order, model=model))
    assert before is not None
    assert before.repeatable
    assert len(before.outputs[0].sketch) == 4 * 2 * 16
    measurement.run(monotonic_ns())
    assert measurement.outputs() == before


SAID = (b"a", b"a word that is too long to be kept inside of the string itself")


def model_of_strings(tmp_path: Path, *, more: bool) -> Path:
    """Which says `SAID`; `more`: and has an output of numbers."""
    data = parameter([2], ov.Type.f32, "data")
    nothing = ops.convert(ops.multiply(data, ops.constant(np.float32(0))), ov.Type.i32)  # or it is a constant
    begins, ends = np.array([0, 1], np.int32), np.array([1, 1 + len(SAID[1])], np.int32)
    packed = ops.string_tensor_pack(
        ops.add(nothing, ops.constant(begins)),
        ops.add(nothing, ops.constant(ends)),
        ops.constant(np.frombuffer(b"".join(SAID), np.uint8)),
    )
    results = [result(packed, "words"), *([result(ops.relu(data), "out")] if more else [])]
    return save(ov.Model(results, [data], "words"), tmp_path)


def test_strings_are_compared_by_what_they_say(tmp_path: Path) -> None:
    """Not by their memory, which holds addresses."""
    measurement, before = measured(job(model_of_strings(tmp_path, more=True)))
    assert before is not None
    assert before.repeatable
    whole = b"".join(len(text).to_bytes(8, "little") + text for text in SAID)
    assert before.outputs[0].digest == hashlib.blake2b(whole, digest_size=16).hexdigest()
    assert before.outputs[0].sketch == b""
    measurement.run(monotonic_ns())
    assert measurement.outputs() == before


def test_strings_of_a_build_whose_layout_is_not_known_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cxx, "_find_strings", lambda cxx: None)
    _, before = measured(job(model_of_strings(tmp_path, more=True)))
    assert before is not None
    assert before.repeatable
    assert [output.name for output in before.outputs] == ["out"]
    assert measured(job(model_of_strings(tmp_path, more=False)))[1] is None


@pytest.mark.parametrize(
    "order",
    [
        job("builtin:tiny", iterations=0),
        job("builtin:tiny", first_inference=False),
        structs.replace(job("builtin:tiny"), check_outputs=False),
    ],
    ids=["compile only", "no warm-up", "not asked"],
)
def test_none_are_made_where_nothing_is_to_be_inferred_before_the_load(order: Job) -> None:
    _, before = measured(order)
    assert before is None


def test_none_are_made_where_an_inference_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ovbench.agent.measure._LONGEST_CHECK_MS", 0.0)
    _, before = measured(job("builtin:tiny"))
    assert before is None


def test_an_inference_that_fails_loses_nothing_but_the_outputs(monkeypatch: pytest.MonkeyPatch) -> None:
    measurement, before = measured(job("builtin:tiny"))
    assert before is not None
    outcome = measurement.run(monotonic_ns())
    assert outcome.completed == 40

    def fail(request: InferRequest) -> None:
        raise OpenVinoError("out of memory")

    monkeypatch.setattr(InferRequest, "infer", fail)
    assert measurement.outputs() is None


def test_a_request_shows_whether_it_keeps_state(tmp_path: Path) -> None:
    cxx = Cxx.load()
    for source, keeps in ((adding_model(tmp_path, 16), True), ("builtin:mlp", False)):
        backend = OpenVinoBackend(order := job(source), load(order, StepTimes()))
        assert cxx.has_state(requests_of(backend)[0].object_address) is keeps


@pytest.mark.parametrize("agents", [1, 2])
def test_squeezenet_gives_the_same_outputs_on_every_agent_before_and_after(run: Run, agents: int) -> None:
    ran = run("-m", "builtin:squeezenet1.1", "--agents", str(agents), "-t", "0.3", "--warmup", "0")
    outputs = ran.report["outputs"]
    assert (outputs["checked"], outputs["checked_after"]) == (agents, agents)
    assert (outputs["agree"], outputs["exact"], outputs["reason"]) == (True, True, "")
    assert list(outputs["digests"]) == ["output"]
    assert "outputs_differ" not in {finding["code"] for finding in ran.report["validity"]["findings"]}
    assert "before and after (to the bit)" in ran.out


@pytest.mark.parametrize("kind", ["noisy", "stateful"])
def test_a_model_that_cannot_be_compared_gives_no_finding(run: Run, tmp_path: Path, kind: str) -> None:
    file = noisy_model(tmp_path) if kind == "noisy" else adding_model(tmp_path, 16)
    ran = run("-m", str(file), "--agents", "2", "-t", "0.2", "--warmup", "0.1")
    assert ran.code == 0
    assert ran.report["outputs"]["agree"] is None
    assert ("random" if kind == "noisy" else "state") in ran.report["outputs"]["reason"]
    assert "outputs agree" not in ran.out
