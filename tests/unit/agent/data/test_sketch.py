"""Digests and sketches of outputs, against other ways to compute them."""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.agent.data.sketch import Content, describe, look_twice
from ovbench.agent.data.tensors import NUMPY, bf16_bits
from ovbench.common.effective import SKETCH_VALUES


def content(values: npt.NDArray[Any], element_type: str) -> Content:
    return Content("output", element_type, np.ascontiguousarray(values).reshape(-1).view(np.uint8))


def sketch(of: Content) -> npt.NDArray[np.float32]:
    return np.frombuffer(describe(of).sketch, "<f4")


def test_the_digest_is_that_of_another_program() -> None:
    """`printf abc | b2sum -l 128`, of GNU coreutils."""
    assert describe(content(np.frombuffer(b"abc", np.uint8), "u4")).digest == "cf4ab791c62b8d2b2109c90275287816"


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_the_digest_is_blake2b_of_all_bytes(data: bytes) -> None:
    found = describe(content(np.frombuffer(data, np.uint8), "u8"))
    assert found.digest == hashlib.blake2b(data, digest_size=16).hexdigest()


@settings(deadline=None)
@given(st.integers(0, 1000))
def test_a_sketch_has_values_at_even_distances_with_the_first_and_the_last(count: int) -> None:
    values = np.arange(count, dtype=np.float32)
    found = sketch(content(values, "f32"))
    assert len(found) == min(count, SKETCH_VALUES)
    if count:
        assert (found[0], found[-1]) == (0, count - 1)
    if count > 1:
        assert np.abs(np.diff(found) - (count - 1) / (len(found) - 1)).max() <= 1


@pytest.mark.parametrize("element_type", sorted(NUMPY))
def test_every_type_that_numpy_has_gives_its_values(element_type: str) -> None:
    values = np.array([0, 1, 1, 0, 1]) if element_type == "boolean" else np.array([0, 1, 2, 100, 3])
    of = content(values.astype(NUMPY[element_type]), element_type)
    assert sketch(of).tolist() == values.tolist()
    assert describe(of).scale == values.max()


def test_a_bf16_gives_its_value() -> None:
    of = content(bf16_bits(np.array([1.5, -3.0, 1e-3])), "bf16")
    assert sketch(of).tolist() == pytest.approx([1.5, -3.0, 1e-3], rel=2**-8)
    assert describe(of).scale == 3.0


def test_the_scale_is_the_largest_finite_magnitude_wherever_it_is() -> None:
    values = np.zeros(1_000_000, np.float32)
    values[700_001], values[3], values[4] = -7.5, np.nan, np.inf
    of = content(values, "f32")
    assert -7.5 not in sketch(of)
    assert describe(of).scale == 7.5


def test_an_integer_whose_magnitude_no_integer_holds_has_a_scale() -> None:
    assert describe(content(np.array([-(1 << 63)], np.int64), "i64")).scale == 2.0**63


def test_a_number_that_is_too_large_for_a_message_is_cut() -> None:
    found = describe(content(np.array([1e308]), "f64"))
    assert (found.scale, np.frombuffer(found.sketch, "<f4")[0]) == (1e300, np.inf)


@pytest.mark.parametrize("element_type", ["u4", "i4", "nf4", "f8e4m3", "string", "type 99"])
def test_elements_that_are_no_numbers_here_have_a_digest_only(element_type: str) -> None:
    found = describe(content(np.array([7, 8, 9], np.uint8), element_type))
    assert (found.sketch, found.scale) == (b"", 0.0)


class Device:
    """Writes the next of its numbers into the one place there is, as a request does."""

    def __init__(self, *numbers: float) -> None:
        self._numbers = iter(numbers)
        self._memory = np.zeros(1, np.float32)

    def infer(self) -> Iterator[Content]:
        self._memory[0] = next(self._numbers)
        yield content(self._memory, "f32")


@pytest.mark.parametrize(("second", "repeatable"), [(1.0, True), (2.0, False), (np.nan, False)])
def test_the_first_of_two_inferences_is_reported_and_whether_the_second_was_the_same(
    second: float, repeatable: bool
) -> None:
    found = look_twice(Device(1.0, second).infer)
    assert found.repeatable is repeatable
    assert np.frombuffer(found.outputs[0].sketch, "<f4").tolist() == [1.0]
