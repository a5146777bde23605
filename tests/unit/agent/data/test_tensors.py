"""Sizes of tensors, and bf16 out of other numbers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.agent.data.tensors import bf16_bits, byte_size


@pytest.mark.parametrize(
    ("element_type", "sizes"),
    [
        ("u1", [1, 1, 1, 1, 1, 1, 1, 2]),
        ("u2", [1, 1, 1, 1, 2, 2, 2, 3]),
        ("u3", [3, 3, 3, 3, 3, 3, 3, 6]),
        ("u6", [3, 3, 3, 3, 6, 6, 6, 9]),
        ("i4", [1, 1, 2, 2, 3, 4, 4, 5]),
        ("bf16", [2, 4, 6, 8, 10, 14, 16, 18]),
    ],
)
def test_tensors_have_the_sizes_that_openvino_gives_them(element_type: str, sizes: list[int]) -> None:
    assert [byte_size(element_type, [length]) for length in (1, 2, 3, 4, 5, 7, 8, 9)] == sizes


@given(st.floats(-(2.0**99), 2.0**99, width=32))
def test_bf16_is_the_nearest_one(value: float) -> None:
    bits = int(bf16_bits(np.array([value], np.float32))[0])
    around = np.array([bits - 1 if bits & 0x7FFF else bits, bits, bits + 1], np.uint32) << 16
    distances = np.abs(around.view(np.float32).astype(np.float64) - value)
    assert distances[1] == distances.min()


def test_every_byte_is_exact_in_bf16() -> None:
    every = np.arange(256, dtype=np.uint8)
    assert np.array_equal((bf16_bits(every).astype(np.uint32) << 16).view(np.float32), every)
