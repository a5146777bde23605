"""Indices in models that OpenVINO has written, and what an index past its table does there."""

from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import pytest

from ovbench.agent.openvino.capi import Library
from ovbench.agent.openvino.cxx import Cxx
from ovbench.agent.openvino.graph import index_rows
from ovbench.agent.openvino.model import Loaded, StepTimes, load
from ovbench.agent.openvino.objects import Core
from ovbench.common.job import Data, Job, Load, Model, Placement, Runtime
from tests.openvino.opsets import opset13 as ops

FIRST = np.int64(0)


def table(rows: int, width: int = 4) -> Any:
    return ops.constant(np.arange(rows * width, dtype=np.float32).reshape(rows, width))


def indices(name: str, shape: list[int], kind: ov.Type = ov.Type.i64) -> Any:
    made = ops.parameter(ov.PartialShape(shape), kind, name=name)
    made.output(0).set_names({name + "/tensor"})
    return made


def text_model() -> ov.Model:
    """Token, position and segment ids, by three paths; a mask; and float ids as TensorFlow has them."""
    tokens, positions = indices("tokens", [1, 8]), indices("positions", [-1, -1], ov.Type.i32)
    segments, mask = indices("segments", [8], ov.Type.f32), indices("mask", [1, 8])
    row = ops.unsqueeze(ops.convert(segments, "i32"), ops.constant(FIRST))
    words = ops.gather(table(300), tokens, ops.constant(FIRST))
    places = ops.gather(table(50), ops.convert(positions, "i64"), ops.constant(FIRST))
    kinds = ops.gather(table(2), row, ops.constant(FIRST))
    seen = ops.convert(ops.unsqueeze(mask, ops.constant(np.int64(2))), "f32")
    result = ops.multiply(ops.add(ops.add(words, places), kinds), seen)
    return ov.Model([ops.result(result)], [tokens, positions, segments, mask], "text")


def save(model: ov.Model, folder: Path) -> Path:
    file = folder / "model.xml"
    ov.save_model(model, file, compress_to_fp16=False)
    return file


def cached_model() -> ov.Model:
    """As language models keep their past: a cache of a row for each of the batch, which beam_idx puts in order."""
    data = ops.parameter(ov.PartialShape([-1, 4]), ov.Type.f32, name="data")
    beams = indices("beam_idx", [-1], ov.Type.i32)
    past: Any = ops.read_value(data, "past", ov.Type.f32, ov.PartialShape([-1, 4]))
    kept = ops.gather(past, beams, ops.constant(FIRST))
    return ov.Model([ops.result(kept)], [ops.assign(ops.add(kept, data), "past")], [data, beams], "cached")


def test_beams_are_chosen_from_the_batch_which_is_one_at_least(tmp_path: Path) -> None:
    assert index_rows(save(cached_model(), tmp_path)) == {"beam_idx": 1}


def test_the_ids_of_a_text_model_have_their_tables(tmp_path: Path) -> None:
    assert index_rows(save(text_model(), tmp_path)) == {"tokens": 300, "positions": 50, "segments": 2}


def test_a_graph_without_weights_shows_the_same(tmp_path: Path) -> None:
    """As it is for models that are no IR: the shapes tell the axis."""
    model = Core(Library()).read_model(str(save(text_model(), tmp_path)))
    Cxx.load().serialize(model.handle, tmp_path / "graph.xml")
    assert index_rows(tmp_path / "graph.xml") == {"tokens": 300, "positions": 50, "segments": 2}


def test_one_hot_bags_and_updates_are_as_openvino_writes_them(tmp_path: Path) -> None:
    ids, bag, offsets = indices("ids", [1, 8]), indices("bag", [9]), indices("offsets", [3])
    columns = indices("columns", [2])
    on, off = ops.constant(np.float32(1)), ops.constant(np.float32(0))
    results = [
        ops.one_hot(ids, ops.constant(np.int64(7)), on, off, -1),
        ops.embedding_bag_offsets_sum(table(30), bag, offsets),
        ops.scatter_update(table(30), columns, table(30, 2), ops.constant(np.int64(1))),
    ]
    model = ov.Model([ops.result(result) for result in results], [ids, bag, offsets, columns], "several")
    assert index_rows(save(model, tmp_path)) == {"ids": 7, "bag": 30, "offsets": 1, "columns": 4}


def test_equal_offsets_are_legal(tmp_path: Path) -> None:
    """The bound that is given for them rests on it."""
    bag, offsets = indices("bag", [9]), indices("offsets", [3])
    model = ov.Model([ops.result(ops.embedding_bag_offsets_sum(table(30), bag, offsets))], [bag, offsets], "bags")
    compiled = ov.Core().compile_model(save(model, tmp_path), "CPU")
    (result,) = compiled([np.full(9, 2, np.int64), np.zeros(3, np.int64)]).values()
    assert result[2].tolist() == [72.0, 81.0, 90.0, 99.0]


def branch(rows: int) -> tuple[ov.Model, Any]:
    inside = indices(f"inside{rows}", [1, 8])
    return ov.Model([ops.result(ops.gather(table(rows), inside, ops.constant(FIRST)))], [inside], "branch"), inside


def test_an_index_inside_the_branches_of_an_if_is_found(tmp_path: Path) -> None:
    condition, ids = ops.parameter([], ov.Type.boolean, name="condition"), indices("ids", [1, 8])
    chosen = ops.if_op(condition.output(0))
    (then, then_ids), (other, other_ids) = branch(30), branch(20)
    chosen.set_then_body(then)
    chosen.set_else_body(other)
    chosen.set_input(ids.output(0), then_ids, other_ids)
    result = chosen.set_output(then.results[0], other.results[0])
    model = ov.Model([ops.result(result)], [condition, ids], "if")
    assert index_rows(save(model, tmp_path)) == {"ids": 20}


def test_an_index_inside_a_loop_is_found(tmp_path: Path) -> None:
    ids, each = indices("ids", [5, 8]), indices("each", [1, 8])
    body = ov.Model([ops.gather(table(30), each, ops.constant(FIRST))], [each], "step")
    loop = ops.tensor_iterator()
    loop.set_function(body)
    loop.set_sliced_input(each, ids.output(0), 0, 1, 1, -1, 0)
    model = ov.Model([loop.get_concatenated_slices(body.results[0].output(0), 0, 1, 1, -1, 0)], [ids], "loop")
    assert index_rows(save(model, tmp_path)) == {"ids": 30}


def load_model(file: Path, **model: Any) -> Loaded:
    job = Job(
        model=Model(source=str(file), **model),
        runtime=Runtime(hint="none", streams=1, threads=1, requests=1, precision="f32"),
        load=Load(api="async", duration_s=None, iterations=1, warmup_s=0.0, first_inference=False),
        placement=Placement(cpus=(0,)),
        null=None,
        data=Data(),
        sample_bytes=1 << 20,
    )
    return load(job, StepTimes())


def rows_of(loaded: Loaded) -> list[str]:
    return [filling.text.partition(",")[0] for filling in loaded.fillings]


@pytest.mark.parametrize("kind", ["u8", "i8", "i32"])
def test_an_index_of_any_integer_type_stays_in_its_table(kind: str, tmp_path: Path) -> None:
    ids = indices("ids", [1, 64], getattr(ov.Type, kind))
    found = ops.gather(table(10), ops.convert(ids, "i32"), ops.constant(FIRST))
    loaded = load_model(save(ov.Model([ops.result(found)], [ids], "bytes"), tmp_path))
    assert rows_of(loaded) == [f"random {kind} in 0..9"]


def test_an_index_stays_in_what_a_reshaped_model_computes(tmp_path: Path) -> None:
    """The file says 64; asked for are 4."""
    data, places = ops.parameter([1, 64, 4], np.float32, name="data"), indices("places", [8], ov.Type.i32)
    found = ops.gather(ops.relu(data), places, ops.constant(np.int64(1)))
    file = save(ov.Model([ops.result(found)], [data, places], "places"), tmp_path)
    assert rows_of(load_model(file)) == ["random f32 in 0..1", "random i32 in 0..63"]
    small = load_model(file, shapes={"data": ((1, 1), (4, 4), (4, 4))})
    assert rows_of(small) == ["random f32 in 0..1", "random i32 in 0..3"]


def test_a_file_that_only_openvino_takes_for_xml_limits_nothing(tmp_path: Path) -> None:
    """A name in Latin-1, as old converters wrote it."""
    file = save(text_model(), tmp_path)
    file.write_bytes(file.read_bytes().replace(b'name="text"', b'name="t\xe9xt"'))
    assert rows_of(load_model(file, data_shapes={"positions": (((1, 1), (8, 8)),)}))[0] == "random i64 in 0..1"
