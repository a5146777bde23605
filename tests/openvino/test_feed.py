"""Inputs that the load loop sets: which inference gets which, shown by a model that adds up what it was given."""

import ctypes as c
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from ovbench.agent.host.threads import thread_ids
from ovbench.agent.loop.layout import FEED_WORDS, FedInput, Slot
from ovbench.agent.measure import ReadyLoad, prepare
from ovbench.agent.openvino.feed import MOST_COPIED_BYTES
from ovbench.agent.openvino.model import StepTimes
from ovbench.common.clock import monotonic_ns
from ovbench.common.job import Api, Data, InputFiles, Job, Load, Model, Placement, Runtime
from ovbench.common.shape import parse_shape
from tests.openvino.infer_requests import requests_of
from tests.openvino.opsets import opset13 as ops
from tests.process.driver import cpus

ITEMS = 3


def adding_model(folder: Path, width: int, open_shape: bool = False) -> Path:
    """State and output: the sum, over all inferences so far, of the first element of the input."""
    shape = ov.PartialShape([-1, width]) if open_shape else ov.PartialShape([1, width])
    data = ops.parameter(shape, np.float32, name="data")
    data.output(0).set_names({"data"})
    zero, one = (ops.constant(np.array([n], np.int64)) for n in (0, 1))
    first = ops.reshape(ops.slice(ops.reshape(data, ops.constant(np.array([-1], np.int64)), False), zero, one, one),
                        ops.constant(np.array([1], np.int64)), False)  # fmt: skip
    total: Any = ops.read_value(ops.constant(np.zeros(1, np.float32)), "total", ov.Type.f32, ov.PartialShape([1]))
    more = ops.add(total, first)
    keep = ops.assign(more, "total")
    file = folder / "adding.xml"
    ov.save_model(ov.Model([ops.result(more)], [keep], [data], "adding"), file, compress_to_fp16=False)
    return file


def arrays(folder: Path, width: int, rows: int = 1) -> tuple[str, ...]:
    """Files whose first elements are 1, 10, 100, so that sums tell how often each was used."""
    files = []
    for index in range(ITEMS):
        file = folder / f"{index}.npy"
        np.save(file, np.full((rows + index if rows > 1 else 1, width), 10.0**index, np.float32))
        files.append(str(file))
    return tuple(files)


def run(file: Path, files: tuple[str, ...], count: int, api: Api, requests: int, **model: Any) -> ReadyLoad:
    job = Job(
        model=Model(source=str(file), **model),
        runtime=Runtime(hint="none", streams=1, threads=1, requests=requests, precision="f32"),
        load=Load(
            api=api, duration_s=None, iterations=count, warmup_s=0.0, inference_only=False, first_inference=False
        ),
        placement=Placement(cpus=tuple(range(cpus()))),
        null=None,
        data=Data(files=(InputFiles(input="data", paths=files),)),
        sample_bytes=1 << 20,
    )
    return prepare(job, thread_ids(), StepTimes())


def totals(load: ReadyLoad) -> list[float]:
    return [float(request.output_bytes(0).view(np.float32)[0]) for request in requests_of(load.backend)]


def expected(count: int, first: int) -> float:
    return sum(10.0 ** ((first + k) % ITEMS) for k in range(count))


@pytest.mark.parametrize("width", [16, MOST_COPIED_BYTES], ids=["copied", "set"])
def test_a_synchronous_request_takes_the_items_in_turn(tmp_path: Path, width: int) -> None:
    load = run(adding_model(tmp_path, width), arrays(tmp_path, width), 100, "sync", 1)
    assert load.run(monotonic_ns()).completed == 100
    assert totals(load) == [expected(100, 0)]


@pytest.mark.parametrize("width", [16, MOST_COPIED_BYTES], ids=["copied", "set"])
def test_each_asynchronous_request_begins_with_the_item_of_its_own_number(tmp_path: Path, width: int) -> None:
    load = run(adding_model(tmp_path, width), arrays(tmp_path, width), 999, "async", 2)
    recorder = load.recorder
    # The check of the callback has run some, each with the request's first item.
    before = [recorder.count(request) * 10.0**request for request in range(2)]
    assert load.run(monotonic_ns()).completed == 1000  # rounded up to whole rounds
    counts = [recorder.count(request) for request in range(2)]
    assert all(counts)
    assert totals(load) == [had + expected(n, r) for r, (had, n) in enumerate(zip(before, counts, strict=True))]


def test_items_of_different_shapes_are_groups_in_the_order_of_the_turns(tmp_path: Path) -> None:
    file = adding_model(tmp_path, 16, open_shape=True)
    load = run(file, arrays(tmp_path, 16, rows=2), 30, "sync", 1, layouts={"data": "NC"})
    assert [group.shapes for group in load.effective.groups] == [((2, 16),), ((3, 16),), ((4, 16),)]
    assert [group.batch for group in load.effective.groups] == [2, 3, 4]
    assert not load.effective.inference_only
    assert load.run(monotonic_ns()).completed == 30
    assert totals(load) == [expected(30, 0)]


def test_shapes_given_for_the_data_are_used_in_turn(tmp_path: Path) -> None:
    file = adding_model(tmp_path, 16, open_shape=True)
    job = Job(
        model=Model(source=str(file), data_shapes={"": (parse_shape("[1,16]"), parse_shape("[5,16]"))}),
        runtime=Runtime(hint="latency"),
        load=Load(api="sync", duration_s=None, iterations=10, warmup_s=0.0),
        placement=Placement(cpus=tuple(range(cpus()))),
        null=None,
        data=Data(),
        sample_bytes=1 << 20,
    )
    load = prepare(job, thread_ids(), StepTimes())
    effective = load.effective
    assert [group.shapes for group in effective.groups] == [((1, 16),), ((5, 16),)]
    assert load.run(monotonic_ns()).error is None


def test_requests_share_one_list_of_items(tmp_path: Path) -> None:
    """Made anew for each of many requests, that of 50,000 files takes a minute."""
    load = run(adding_model(tmp_path, 16), arrays(tmp_path, 16), 3, "async", 2)
    first, second = (first_input(slot) for slot in load.recorder.slots)
    assert first.items == second.items
    assert first.target != second.target
    assert load.run(monotonic_ns()).completed == 4


def first_input(slot: Slot) -> FedInput:
    """As the loop reads it."""
    return FedInput(np.ctypeslib.as_array((c.c_int64 * FEED_WORDS).from_address(slot.feed)))
