"""Random inputs: of every type, seeded, and harmless to any model."""

from typing import Any

import numpy as np
import pytest

from ovbench.agent.inputs import UnknownType, random_bytes

FLOATS = {"f64": np.float64, "f32": np.float32, "f16": np.float16}
INTEGERS = {
    "i64": np.int64, "i32": np.int32, "i16": np.int16, "i8": np.int8,
    "u64": np.uint64, "u32": np.uint32, "u16": np.uint16, "u8": np.uint8, "boolean": np.uint8,
}  # fmt: skip
SIZE = 8 * 500


@pytest.mark.parametrize("element_type", [*FLOATS, *INTEGERS, "bf16"])
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(element_type: str) -> None:
    first, again, other = (random_bytes(element_type, SIZE, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.dtype == np.uint8
    assert first.shape == (SIZE,)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(("element_type", "kind"), FLOATS.items())
def test_floating_point_is_spread_over_0_to_1(element_type: str, kind: Any) -> None:
    values = random_bytes(element_type, SIZE, np.random.default_rng(0)).view(kind).astype(np.float64)
    assert np.isfinite(values).all()
    assert values.min() >= 0
    assert values.max() <= 1
    assert 0.4 < values.mean() < 0.6
    assert len(np.unique(values)) > 100


def test_bf16_is_the_upper_half_of_an_f32_in_0_to_1() -> None:
    halves = random_bytes("bf16", SIZE, np.random.default_rng(0)).view(np.uint16)
    values = (halves.astype(np.uint32) << 16).view(np.float32)
    assert np.isfinite(values).all()
    assert values.min() >= 0
    assert values.max() < 1
    assert 0.4 < values.mean() < 0.6


@pytest.mark.parametrize(("element_type", "kind"), INTEGERS.items())
def test_integers_are_0_and_1(element_type: str, kind: Any) -> None:
    values = random_bytes(element_type, SIZE, np.random.default_rng(0)).view(kind)
    assert set(values.tolist()) == {0, 1}


@pytest.mark.parametrize("element_type", [*FLOATS, *INTEGERS, "bf16"])
def test_an_input_without_elements_is_no_bytes(element_type: str) -> None:
    assert random_bytes(element_type, 0, np.random.default_rng(0)).size == 0


@pytest.mark.parametrize("element_type", ["string", "u4", "nf4", ""])
def test_a_type_without_random_data_is_named(element_type: str) -> None:
    with pytest.raises(UnknownType) as caught:
        random_bytes(element_type, 16, np.random.default_rng(0))
    assert str(caught.value) == element_type
