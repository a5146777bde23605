"""Images to the bit as OpenCV makes them: the numbers here are what cv2.resize and cv2.cvtColor gave."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.agent.data.pixels import Pixels, grey, resize


def colours(height: int, width: int, seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def slowly_resized(pixels: Pixels, width: int, height: int) -> npt.NDArray[np.float64]:
    """Bilinear by its definition, pixel by pixel, in floating point."""

    def source(place: int, target: int, size: int) -> tuple[int, int, float]:
        centre = min(max((place + 0.5) * size / target - 0.5, 0.0), size - 1.0)
        low = math.floor(centre)
        return low, min(low + 1, size - 1), centre - low

    result = np.empty((height, width, pixels.shape[2]))
    for y in range(height):
        above, below, down = source(y, height, pixels.shape[0])
        for x in range(width):
            left, right, across = source(x, width, pixels.shape[1])
            upper = pixels[above, left] * (1 - across) + pixels[above, right] * across
            lower = pixels[below, left] * (1 - across) + pixels[below, right] * across
            result[y, x] = upper * (1 - down) + lower * down
    return result


sides = st.integers(1, 24)


@settings(deadline=None)
@given(sides, sides, sides, sides, st.integers(0, 99))
def test_resizing_is_bilinear_between_the_nearest_pixels(
    height: int, width: int, new_height: int, new_width: int, seed: int
) -> None:
    pixels = colours(height, width, seed)
    resized = resize(pixels, new_width, new_height)
    assert resized.dtype == np.uint8
    assert resized.shape == (new_height, new_width, 3)
    assert np.abs(resized - slowly_resized(pixels, new_width, new_height)).max() <= 1


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (3, 2, [[62, 160, 173], [159, 66, 164]]),
        (7, 1, [[78, 175, 16, 113, 210, 51, 148]]),
        (
            10,
            3,
            [
                [56, 62, 92, 159, 116, 95, 107, 175, 166, 126],
                [78, 131, 135, 24, 79, 147, 202, 91, 95, 148],
                [185, 192, 179, 127, 131, 109, 66, 134, 164, 170],
            ],
        ),
    ],
)
def test_resizing_gives_opencvs_own_numbers(width: int, height: int, expected: list[list[int]]) -> None:
    ramp = ((np.arange(35).reshape(5, 7) * 97) % 256).astype(np.uint8)
    assert resize(ramp[..., None], width, height)[..., 0].tolist() == expected


def test_grey_gives_opencvs_own_numbers() -> None:
    bgr = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 200, 30], [255, 255, 255], [1, 2, 3]]], np.uint8)
    assert grey(bgr)[..., 0].tolist() == [[29, 150, 76, 128, 255, 2]]
    assert grey(bgr).shape == (1, 6, 1)
