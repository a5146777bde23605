"""Load after load on one compiled model: nothing of the former ones stays."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import psutil
import pytest
from openvino import opset13 as ops

from ovbench.agent.capi import Tensor
from ovbench.agent.measure import Measurement
from ovbench.agent.threads import thread_ids
from ovbench.common.clock import monotonic_ns
from ovbench.common.job import Data, Job, Load, Model, Placement, Runtime
from tests.process.driver import cpus

RENEWALS = 20
INPUT_BYTES = 16 << 20


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
    create, free = Tensor.create, Tensor.free

    def counted_create(*arguments: Any) -> Tensor:
        counts["live"] += 1
        return create(*arguments)

    def counted_free(tensor: Tensor) -> None:
        counts["live"] -= 1
        free(tensor)

    monkeypatch.setattr(Tensor, "create", counted_create)
    monkeypatch.setattr(Tensor, "free", counted_free)
    measurement: Measurement | None = None
    resident: list[int] = []
    live: list[int] = []
    for _ in range(RENEWALS):
        measurement = Measurement(job, thread_ids(), measurement)
        measurement.prepare()
        assert measurement.run(monotonic_ns()).completed == 4
        resident.append(psutil.Process().memory_info().rss)
        live.append(counts["live"])
    assert set(live) == ({0} if inference_only else {live[0]})
    assert resident[-1] - resident[2] < 3 * INPUT_BYTES
