"""Models of the user's: types, shapes, failures while they run."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from ovbench.agent.openvino.backend import OpenVinoBackend
from ovbench.agent.openvino.capi import Library
from ovbench.agent.openvino.model import StepTimes, load
from ovbench.agent.openvino.objects import Core
from ovbench.common.bounded import MOST_NAME
from ovbench.common.effective import Phases
from ovbench.common.errors import UsageError
from ovbench.common.job import Data, Job, Load, Model, Placement, Preprocessing, Runtime
from ovbench.common.messages import Ready
from ovbench.common.shape import static_shape
from ovbench.common.wire import check
from tests.openvino import opset_models
from tests.openvino.jobs import once
from tests.openvino.opsets import opset13 as ops
from tests.process.driver import Run


def save(model: ov.Model, folder: Path) -> str:
    file = folder / "model.xml"
    ov.save_model(model, file, compress_to_fp16=False)
    return str(file)


@pytest.mark.parametrize(
    "kind", ["f32", "f16", "bf16", "f64", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "boolean"]
)
def test_element_types_are_read_by_their_names(kind: str, tmp_path: Path) -> None:
    """The C API tells types as numbers, whose meaning is a table in ovbench."""
    data = ops.parameter([2, 3], getattr(ov.Type, kind), name="data")
    file = save(ov.Model([ops.result(data)], [data], "types"), tmp_path)
    (port,) = Core(Library()).read_model(file).inputs
    assert port.type == kind
    assert port.shape == static_shape((2, 3))


def test_a_model_with_several_inputs_of_several_types_runs(run: Run, tmp_path: Path) -> None:
    table = ops.constant(np.ones((2, 4), np.float32))
    ids = ops.parameter([1, 8], ov.Type.i64, name="ids")
    mask = ops.parameter([1, 8], ov.Type.boolean, name="mask")
    scale = ops.parameter([], ov.Type.f32, name="scale")
    looked_up = ops.gather(table, ids, ops.constant(np.int64(0)))
    chosen = ops.select(ops.unsqueeze(mask, ops.constant(np.int64(2))), looked_up, ops.multiply(looked_up, scale))
    model = ov.Model([ops.result(chosen)], [ids, mask, scale], "several")
    ran = run("-m", save(model, tmp_path), "--agents", "1", "-niter", "20", "--warmup", "0")
    assert ran.code == 0, ran.err
    assert [port["type"] for port in ran.report["effective"]["inputs"]] == ["i64", "boolean", "f32"]


def test_the_weights_of_a_model_are_mapped_not_read(tmp_path: Path) -> None:
    weights = ops.constant(np.random.default_rng(0).standard_normal((512, 512)).astype(np.float32))
    data = ops.parameter([1, 512], np.float32, name="data")
    file = save(ov.Model([ops.result(ops.matmul(data, weights, False, False))], [data], "mapped"), tmp_path)
    model = Core(Library()).read_model(file)
    mapped = [line for line in Path("/proc/self/maps").read_text().splitlines() if line.endswith("model.bin")]
    model.free()
    assert mapped, "the .bin is in the address space as a file"


def dynamic_model(folder: Path, shape: list[int]) -> str:
    data = ops.parameter(ov.PartialShape(shape), np.float32, name="data")
    return save(ov.Model([ops.relu(data)], [data], "dynamic"), folder)


def test_a_dynamic_shape_without_a_value_gets_one_sentence(run: Run, tmp_path: Path) -> None:
    ran = run("-m", dynamic_model(tmp_path, [-1, 3, -1, -1]), "--agents", "2")
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 1
    assert "open shape [?,3,?,?]" in ran.err
    assert "-data_shape" in ran.err


def test_a_dynamic_batch_takes_its_value_from_b(run: Run, tmp_path: Path) -> None:
    ran = run("-m", dynamic_model(tmp_path, [-1, 16]), "--agents", "1", "-b", "3", "-niter", "20", "--warmup", "0")
    assert ran.code == 0, ran.err
    assert ran.report["effective"]["inputs"][0]["shape"] == [3, 16]
    assert ran.report["throughput"]["batch"] == 3


def test_a_batch_that_a_model_cannot_have_gets_one_sentence(run: Run, tmp_path: Path) -> None:
    data = ops.parameter([1, 16], np.float32, name="data")
    fixed = ops.add(data, ops.reshape(data, ops.constant(np.array([1, 16], np.int64)), False))
    ran = run("-m", save(ov.Model([fixed], [data], "fixed"), tmp_path), "--agents", "1", "-b", "2")
    assert ran.code == 2
    assert len(ran.err.splitlines()) == 1
    assert "-b 2" in ran.err


def failing_model(folder: Path, good: int) -> str:
    """Each request counts its inferences in a state; after `good` of them a reshape no longer fits and throws.

    That one alone: OpenVINO 2026.4 does not look at the shape again. It reports it where it has two threads or more,
    so tests use one agent; for one thread see test_rehearsal.
    """
    data = ops.parameter([1, 4], np.float32, name="data")
    count: Any = ops.read_value(ops.constant(np.zeros(1, np.float32)), "count", ov.Type.f32, ov.PartialShape([1]))
    more = ops.add(count, ops.constant(np.ones(1, np.float32)))
    keep = ops.assign(more, "count")
    over = ops.convert(ops.greater(more, ops.constant(np.array([good], np.float32))), "i32")
    width = ops.add(ops.constant(np.array([4], np.int32)), over)  # 4, and 5 when it is over
    shape = ops.concat([ops.constant(np.array([1], np.int32)), width], 0)
    result = ops.result(ops.reshape(data, shape, False))
    return save(ov.Model([result], [keep], [data], "failing"), folder)


@pytest.mark.parametrize(
    ("load", "good"),
    [(("-api", "sync"), 50), (("-api", "async", "-nstreams", "1", "-nireq", "2"), 50)],
    ids=["sync", "async"],
)
def test_an_inference_that_fails_ends_the_run_with_openvinos_message_and_is_not_counted(
    run: Run, tmp_path: Path, load: tuple[str, ...], good: int
) -> None:
    ran = run("-m", failing_model(tmp_path, good), "--agents", "1", *load, "-t", "30", "--warmup", "0")
    assert ran.code == 3
    assert ran.seconds < 20
    report = ran.report
    (agent,) = report["agents"]
    assert agent["state"] == "failed"
    assert "reshape" in agent["reason"].lower()
    (finding,) = [f for f in report["validity"]["findings"] if f["code"] == "inference_failed"]
    assert agent["reason"] in finding["message"]
    assert report["throughput"]["count"] == 0
    # Of every request's `good` inferences some ran before the load began: the first one, the check of the callback.
    assert report["throughput"]["completed"] <= good * agent["nireq"]
    # The request that fails has done all of its own; on a busy machine the other one may have begun late.
    assert report["throughput"]["completed"] >= good - 4


def test_an_inference_that_fails_during_the_warm_up_is_reported_too(run: Run, tmp_path: Path) -> None:
    ran = run("-m", failing_model(tmp_path, 50), "--agents", "1", "-api", "sync", "-t", "30", "--warmup", "5")
    assert ran.code == 3
    assert {agent["state"] for agent in ran.report["agents"]} == {"failed"}
    assert ran.seconds < 20


def test_a_model_that_fails_at_its_first_inference_gets_said_so(run: Run, tmp_path: Path) -> None:
    ran = run("-m", failing_model(tmp_path, 0), "--agents", "2", "-api", "sync", "-t", "1")
    assert ran.code == 2
    (line,) = ran.err.splitlines()
    assert "model.xml: an inference on made-up data fails" in line
    assert "reshape" in line.lower()


def test_inputs_that_fit_only_together_are_reshaped_together_and_need_no_names(run: Run, tmp_path: Path) -> None:
    left, right = (ops.parameter([1, 16], np.float32) for _ in range(2))
    model = ov.Model([ops.result(ops.concat([left, ops.multiply(left, right)], 1))], [left, right], "pair")
    ran = run("-m", save(model, tmp_path), "--agents", "1", "-b", "3", "-niter", "20", "--warmup", "0")
    assert ran.code == 0, ran.err
    assert [port["shape"] for port in ran.report["effective"]["inputs"]] == [[3, 16], [3, 16]]


def test_figures_are_kept_where_the_executed_graph_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = dynamic_model(tmp_path, [1, 4])
    job = once(file, wants_graph=True)
    backend = OpenVinoBackend(job, load(job, StepTimes()))
    assert len(list(backend.findings())) == 1
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert list(backend.findings()) == []


def test_names_longer_than_a_message_takes_are_cut(tmp_path: Path) -> None:
    data = ops.parameter([1, 4], np.float32, name="n" * 5000)
    result = ops.result(ops.relu(data, name="r" * 6000))
    result.output(0).set_names({"o" * 7000})
    file = save(ov.Model([result], [data], "m" * 8000), tmp_path)
    job = once(file)
    backend = OpenVinoBackend(job, load(job, StepTimes()))
    outputs = backend.outputs()
    assert outputs is not None
    phases = Phases(*[0.0] * 6)
    ready = Ready(effective=backend.effective, phases=phases, mask=(0,), openvino="", outputs=outputs)
    check(ready)
    assert ready.effective.model == "m" * (MOST_NAME - 1) + "…"
    assert outputs.outputs[0].name == "o" * (MOST_NAME - 1) + "…"


def embedding(folder: Path) -> str:
    """Ids and a mask of the same open shape."""
    ids, mask = (ops.parameter(ov.PartialShape([-1, -1]), kind, name=name) for name, kind in
                 (("ids", np.int64), ("mask", np.float32)))  # fmt: skip
    looked_up = ops.gather(ops.constant(np.ones((10, 4), np.float32)), ids, ops.constant(np.int64(0)))
    masked = ops.multiply(looked_up, ops.unsqueeze(mask, ops.constant(np.int64(2))))
    return save(ov.Model([ops.result(masked)], [ids, mask], "embedding"), folder)


@pytest.mark.parametrize("shapes", ["[1,4][1,8]", "ids[1,4][1,8],mask[1,4]"])
def test_shapes_that_do_not_go_together_are_refused_before_the_load(run: Run, tmp_path: Path, shapes: str) -> None:
    ran = run("-m", embedding(tmp_path), "--agents", "1", "-data_shape", shapes)
    assert ran.code == 2
    (line,) = ran.err.splitlines()
    assert line.startswith("ovbench-coord: -data_shape")
    assert "mask [1," in line
    assert "[Step 10/11]" not in ran.out


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("-infer_precision", "foo"), "-infer_precision: OpenVINO does not take INFERENCE_PRECISION_HINT=foo"),
        (("-load_config", "config.json"), "-load_config: OpenVINO does not take NUM_STREAMZ=3"),
    ],
)
def test_a_property_that_the_cpu_does_not_know_is_blamed_and_not_the_model(
    run: Run, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    (tmp_path / "config.json").write_text('{"CPU": {"NUM_STREAMZ": "3"}}')
    flag, value = options
    value = str(tmp_path / value) if value.endswith(".json") else value
    ran = run("-m", "builtin:tiny", "--agents", "1", flag, value)
    assert ran.code == 2
    (line,) = ran.err.splitlines()
    assert says in line


def test_a_type_that_an_input_cannot_have_is_blamed_and_not_the_model(tmp_path: Path) -> None:
    """Words as numbers: OpenVINO prepares that without a word, and cannot compile it."""
    job = Job(
        model=Model(source=str(opset_models.save(opset_models.lengths(), tmp_path))),
        runtime=Runtime(hint="latency"),
        load=Load(api="sync", duration_s=None, iterations=1, warmup_s=0.0),
        placement=Placement(cpus=(0,)),
        null=None,
        data=Data(),
        sample_bytes=1,
        preprocessing=Preprocessing(input_type="f16"),
    )
    with pytest.raises(UsageError, match=r"^-ip: OpenVINO cannot compile this model: "):
        load(job, StepTimes())


def test_preprocessing_that_cannot_be_blames_the_flag_that_asked_for_it(run: Run) -> None:
    ran = run("-m", "builtin:tiny", "--agents", "1", "--mean_values", "data[1,2]")
    assert ran.code == 2
    (line,) = ran.err.splitlines()
    assert line.startswith("ovbench-coord: --mean_values")
