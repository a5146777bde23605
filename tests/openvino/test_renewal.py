"""Load after load on one compiled model: nothing of the former ones stays."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import psutil
import pytest

from ovbench.agent.host.threads import thread_ids
from ovbench.agent.measure import ReadyLoad, prepare
from ovbench.agent.openvino.model import StepTimes
from ovbench.agent.openvino.objects import TensorHandle
from ovbench.common.clock import monotonic_ns
from ovbench.common.errors import UsageError
from ovbench.common.job import Data, InputFiles, Job, Load, Model, Placement, Runtime
from tests.openvino.opsets import opset13 as ops
from tests.process.driver import cpus

RENEWALS = 20
INPUT_BYTES = 8 << 20


def largest_model(folder: Path) -> Path:
    data = ops.parameter(ov.PartialShape([1, INPUT_BYTES // 4]), np.float32, name="data")
    first = ops.reduce_max(data, ops.constant(np.array([1], np.int64)), True)
    file = folder / "largest.xml"
    ov.save_model(ov.Model([ops.result(first)], [data], "largest"), file, compress_to_fp16=False)
    return file


@pytest.mark.parametrize("inference_only", [True, False], ids=["filled once", "fed"])
def test_renewals_keep_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inference_only: bool) -> None:
    job = Job(
        model=Model(source=str(largest_model(tmp_path))),
        runtime=Runtime(hint="none", streams=1, threads=1, requests=2),
        load=Load(api="async", duration_s=None, iterations=4, warmup_s=0.0, inference_only=inference_only),
        placement=Placement(cpus=tuple(range(cpus()))),
        null=None,
        data=Data(),
        sample_bytes=1 << 16,
    )
    counts = Counter[str]()
    create, free = TensorHandle.create, TensorHandle.free

    def counted_create(*arguments: Any) -> TensorHandle:
        counts["live"] += 1
        return create(*arguments)

    def counted_free(tensor: TensorHandle) -> None:
        counts["live"] -= 1
        free(tensor)

    monkeypatch.setattr(TensorHandle, "create", counted_create)
    monkeypatch.setattr(TensorHandle, "free", counted_free)
    load: ReadyLoad | None = None
    resident: list[int] = []
    live: list[int] = []
    for _ in range(RENEWALS):
        load = prepare(job, thread_ids(), StepTimes(), load)
        assert load.run(monotonic_ns()).completed == 4
        resident.append(psutil.Process().memory_info().rss)
        live.append(counts["live"])
    assert set(live) == ({0} if inference_only else {live[0]})
    assert resident[-1] - resident[2] < 3 * INPUT_BYTES


def test_what_was_read_is_listed_and_nothing_else_is_run_in_its_place(tmp_path: Path) -> None:
    """OpenVINO may have the weights mapped: with a file that changed, it is not known what would run."""
    file = largest_model(tmp_path)
    data = tmp_path / "data.npy"
    np.save(data, np.zeros((1, INPUT_BYTES // 4), np.float32))
    job = Job(
        model=Model(source=str(file)),
        runtime=Runtime(hint="none", streams=1, threads=1),
        load=Load(api="sync", duration_s=None, iterations=1, warmup_s=0.0),
        placement=Placement(cpus=tuple(range(cpus()))),
        null=None,
        data=Data(files=(InputFiles(input=None, paths=(str(data),)),)),
        sample_bytes=1 << 16,
    )
    expected = [
        (kind, str(path), hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_size)
        for kind, path in (("model", file), ("model", file.with_suffix(".bin")), ("input", data))
    ]
    first = prepare(job, thread_ids(), StepTimes())
    second = prepare(job, thread_ids(), StepTimes(), first)
    for load in (first, second):
        files = load.effective.files
        assert [(one.kind, one.name, one.sha256, one.size) for one in files] == expected
    with file.with_suffix(".bin").open("ab") as weights:
        weights.write(bytes(1))
    with pytest.raises(UsageError, match=r"-m .*largest\.bin: the file was changed since it was read"):
        prepare(job, thread_ids(), StepTimes(), second)
