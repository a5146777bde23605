"""Random inputs: of every type, seeded, and harmless to any model."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.agent.data.noise import KNOWN, description, random_tensor
from ovbench.agent.data.tensors import STRING, byte_size

FLOATS = ["f64", "f32", "f16", "bf16"]
WIDE = ["i64", "i32", "i16", "u64", "u32", "u16", "boolean"]
SHAPE = (40, 100)


def values(element_type: str, rows: int | None = None, shape: tuple[int, ...] = SHAPE, seed: int = 0) -> Any:
    data = random_tensor(element_type, shape, rows, np.random.default_rng(seed)).data
    return (data.astype(np.uint32) << 16).view(np.float32) if element_type == "bf16" else data


@pytest.mark.parametrize("element_type", KNOWN)
def test_the_same_seed_gives_the_same_elements_and_another_seed_others(element_type: str) -> None:
    first, again, other = (values(element_type, seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("element_type", KNOWN)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (5,), (2, 3, 1)])
def test_a_tensor_has_its_shape_and_exactly_its_bytes(element_type: str, shape: tuple[int, ...]) -> None:
    tensor = random_tensor(element_type, shape, None, np.random.default_rng(0))
    assert tensor.shape == shape
    assert tensor.data.flags.c_contiguous
    assert element_type == STRING or tensor.data.nbytes == byte_size(element_type, shape)


@pytest.mark.parametrize("element_type", FLOATS)
def test_floating_point_is_spread_over_0_to_1(element_type: str) -> None:
    found = values(element_type).astype(np.float64)
    assert np.isfinite(found).all()
    assert found.min() >= 0
    assert found.max() <= 1
    assert 0.4 < found.mean() < 0.6
    assert len(np.unique(found)) > 100


@pytest.mark.parametrize("element_type", WIDE)
def test_integers_and_booleans_are_0_and_1(element_type: str) -> None:
    assert set(values(element_type).ravel().tolist()) == {0, 1}


@pytest.mark.parametrize(("element_type", "low", "high"), [("u8", 0, 255), ("i8", -128, 127)])
def test_quantized_data_take_every_value(element_type: str, low: int, high: int) -> None:
    assert set(values(element_type).ravel().tolist()) == set(range(low, high + 1))


@pytest.mark.parametrize("element_type", [*FLOATS, *WIDE, "u8", "i8"])
@given(rows=st.integers(0, 1 << 40), seed=st.integers(0, 9))
def test_an_index_stays_inside_its_table(element_type: str, rows: int, seed: int) -> None:
    found = values(element_type, rows, seed=seed)
    assert found.min() >= 0
    assert int(found.max()) < max(rows, 1)
    assert np.array_equal(found, np.floor(found))


def test_an_index_reaches_the_ends_of_its_table() -> None:
    assert set(values("i64", rows=7).ravel().tolist()) == set(range(7))


@pytest.mark.parametrize(("element_type", "one"), [("f8e4m3", 0x38), ("f8e5m2", 0x3C), ("f8e8m0", 127)])
def test_floating_point_of_8_bits_is_neither_above_1_nor_negative(element_type: str, one: int) -> None:
    assert values(element_type).max() == one


def test_strings_are_words() -> None:
    texts = values(STRING, shape=(30,)).tolist()
    assert all(isinstance(text, str) and text.replace(" ", "").isalpha() for text in texts)
    assert len(set(texts)) == 30
    assert any(" " in text for text in texts)


@pytest.mark.parametrize(
    ("element_type", "rows", "text"),
    [
        ("u8", None, "random u8 in 0..255"),
        ("i8", None, "random i8 in -128..127"),
        ("i64", None, "random i64 in 0..1"),
        ("i64", 30522, "random i64 in 0..30521"),
        ("u8", 1000, "random u8 in 0..255"),
        ("f32", None, "random f32 in 0..1"),
        ("f16", 1 << 20, "random f16 in 0..2048"),
        ("boolean", None, "random boolean in 0..1"),
        ("f8e4m3", None, "random f8e4m3 in 0..1"),
        ("u4", None, "random u4 of any value"),
        ("string", None, "random words"),
    ],
)
def test_what_is_made_is_said_in_words(element_type: str, rows: int | None, text: str) -> None:
    assert description(element_type, rows) == text
