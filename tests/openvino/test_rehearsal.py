"""Inferences that fail where OpenVINO's synchronous call does not report it: with one inference thread."""

import os
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest

from ovbench.agent.host.threads import thread_ids
from ovbench.agent.measure import ReadyLoad, prepare
from ovbench.agent.openvino.model import StepTimes
from ovbench.agent.openvino.objects import InferRequest
from ovbench.common.clock import monotonic_ns
from ovbench.common.errors import UsageError
from ovbench.common.job import Api, Data, InputFiles, Job, Load, Model, Placement, Runtime
from ovbench.common.shape import parse_shape
from tests.openvino.opset_models import reshaped, save, thirds
from tests.openvino.test_models import failing_model
from tests.process.driver import Run, cpus

RANDOM: Final = Data()


def prepared(model: Model, api: Api = "sync", data: Data = RANDOM, **load: Any) -> ReadyLoad:
    job = Job(
        model=model,
        runtime=Runtime(hint="none", streams=1, threads=1, requests=2),
        load=Load(api=api, duration_s=None, iterations=100, warmup_s=0.0, **load),
        placement=Placement(cpus=tuple(range(cpus()))),
        null=None,
        data=data,
        sample_bytes=1 << 20,
    )
    return prepare(job, thread_ids(), StepTimes())


def targets(folder: Path, *shapes: tuple[int, int]) -> Data:
    for number, shape in enumerate(shapes):
        np.save(folder / f"{number}.npy", np.array(shape, np.int64))
    paths = tuple(str(folder / f"{number}.npy") for number in range(len(shapes)))
    return Data(files=(InputFiles(input="target", paths=paths),))


@pytest.mark.parametrize("api", ["sync", "async"])
@pytest.mark.parametrize("shapes", ["[2,4]", "[1,3][2,6][2,4]"])
def test_shapes_for_the_data_that_a_model_cannot_have_are_bad_input(tmp_path: Path, api: Api, shapes: str) -> None:
    wanted = tuple(parse_shape(f"[{part}") for part in shapes.split("[")[1:])
    model = Model(source=str(save(thirds(), tmp_path)), data_shapes={"": wanted})
    with pytest.raises(UsageError, match=r"-data_shape: an inference with data \[2,4\] fails: .*divisible"):
        prepared(model, api)


@pytest.mark.parametrize("api", ["sync", "async"])
def test_an_item_that_an_inference_fails_with_is_bad_input_though_its_shape_is_right(tmp_path: Path, api: Api) -> None:
    model = Model(source=str(save(reshaped(), tmp_path)))
    data = targets(tmp_path, (4, 4), (2, 8), (3, 3))
    with pytest.raises(UsageError, match=r"-i: an inference on the inputs of turn 3 fails: .*reshape"):
        prepared(model, api, data, inference_only=False)


def test_made_up_data_that_an_inference_fails_with_are_said_to_be_made_up(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"-m .*reshaped.xml: an inference on made-up data fails: .*; give .* -i"):
        prepared(Model(source=str(save(reshaped(), tmp_path))))


def test_inputs_that_are_good_are_no_failure_before_or_after(tmp_path: Path) -> None:
    model = Model(source=str(save(reshaped(), tmp_path)))
    good = prepared(model, "sync", targets(tmp_path, (4, 4), (2, 8), (16, 1)), inference_only=False)
    assert not any("tried" in note for note in good.effective.notes)
    assert good.run(monotonic_ns()).error is None
    assert good.recheck() is None


def test_what_is_not_tried_before_is_found_after_the_load(tmp_path: Path) -> None:
    """-no_warmup: the load has the first inference. OpenVINO returns success for all of them, but for releases that
    report the failure at once, as 2024.6 does."""
    bad = prepared(Model(source=str(save(reshaped(), tmp_path))), data=targets(tmp_path, (3, 3)), first_inference=False)
    outcome = bad.run(monotonic_ns())
    assert outcome.completed == (100 if outcome.error is None else 0)
    error = bad.recheck() if outcome.error is None else outcome.error
    assert error is not None
    assert "reshape" in error.lower()


@pytest.mark.parametrize("api", ["sync", "async"])
def test_the_thread_of_the_load_infers_before_any_other_and_so_has_the_models_stream(
    monkeypatch: pytest.MonkeyPatch, api: Api
) -> None:
    calls: list[str] = []

    def recording(name: str) -> Any:
        original = getattr(InferRequest, name)

        def call(request: InferRequest) -> None:
            calls.append(name)
            original(request)

        return call

    for name in ("infer_on_this_thread", "start_async"):
        monkeypatch.setattr(InferRequest, name, recording(name))
    prepared(Model(source="builtin:tiny"), api)
    assert calls[:2] == ["infer_on_this_thread", "start_async"]


def test_a_synchronous_load_keeps_to_its_cpu_though_inputs_were_tried_before(run: Run) -> None:
    last = max(os.sched_getaffinity(0))
    ran = run("-m", "builtin:tiny", "-api", "sync", "--agents", "1", "--cpus", str(last), "-niter", "2000")
    (agent,) = ran.report["agents"]
    assert agent["placement"]["mask"] == [last]


def test_a_state_that_the_load_may_fail_with_is_noted(tmp_path: Path) -> None:
    notes = prepared(Model(source=failing_model(tmp_path, 50))).effective.notes
    assert any("keeps state" in note for note in notes)


def test_a_run_whose_inferences_fail_without_a_report_is_a_failed_one(run: Run, tmp_path: Path) -> None:
    load = ("--agents", "1", "-api", "sync", "-nthreads", "1", "-niter", "200", "-no_warmup")
    ran = run("-m", str(save(reshaped(), tmp_path)), *load)
    assert ran.code == 3
    (agent,) = ran.report["agents"]
    assert agent["state"] == "failed"
    assert "reshape" in agent["reason"].lower()
    assert ran.report["throughput"]["count"] == 0
