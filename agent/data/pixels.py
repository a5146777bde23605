"""Images in memory, resized and made grey to the bit as OpenCV does, which benchmark_app uses. Pure."""

from typing import Final

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""[height, width, channels], colours in the order blue, green, red."""

_GREY_BITS: Final = 15
_GREY: Final = np.array((3735, 19235, 9798), np.int32)
"""Blue, green and red of BT.601, times 2 to the 15th (OpenCV, color_rgb.simd.hpp)."""


def grey(pixels: Pixels) -> Pixels:
    """[height, width, 1] out of three colours, to the bit as cv2.cvtColor with COLOR_BGR2GRAY."""
    sums: npt.NDArray[np.int32] = pixels.astype(np.int32) @ _GREY + (1 << (_GREY_BITS - 1))
    return (sums >> _GREY_BITS).astype(np.uint8)[..., None]


_WEIGHT_BITS: Final = 11


def resize(pixels: Pixels, width: int, height: int) -> Pixels:
    """[height, width, channels], to the bit as cv2.resize with INTER_LINEAR.

    Bilinear between the two nearest pixels on each axis, in OpenCV's fixed point (resize.cpp, HResizeLinear and
    VResizeLinear): where an image shrinks, pixels between are left out.
    """
    if pixels.shape[:2] == (height, width):
        return pixels
    columns, across = _nearest(pixels.shape[1], width)
    across[(columns < 0) | (columns >= pixels.shape[1] - 1)] = 0
    left, right = _inside(columns, pixels.shape[1])
    share_left, share_right = (share[:, None] for share in _weights(across))

    def blend(rows: npt.NDArray[np.intp]) -> npt.NDArray[np.int32]:
        taken = pixels[rows]
        return taken[:, left] * share_left + taken[:, right] * share_right

    rows, down = _nearest(pixels.shape[0], height)
    above, below = _inside(rows, pixels.shape[0])
    share_above, share_below = (share[:, None, None] for share in _weights(down))
    upper = (share_above * (blend(above) >> 4)) >> 16
    lower = (share_below * (blend(below) >> 4)) >> 16
    blended: npt.NDArray[np.int32] = (upper + lower + 2) >> 2
    return np.clip(blended, 0, 255).astype(np.uint8)


def _nearest(source: int, target: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32]]:
    """For each target pixel the source pixel whose centre is at or before its own, and the distance between them."""
    centres = ((np.arange(target) + 0.5) * (source / target) - 0.5).astype(np.float32)
    before = np.floor(centres)
    return before.astype(np.intp), centres - before


def _inside(places: npt.NDArray[np.intp], size: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The places and the next ones, those outside moved to the border."""
    return np.clip(places, 0, size - 1), np.clip(places + 1, 0, size - 1)


def _weights(distance: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Of the nearer end and the farther one, in fixed point."""
    one = np.float32(1 << _WEIGHT_BITS)
    return (
        np.rint((np.float32(1) - distance) * one).astype(np.int32),
        np.rint(distance * one).astype(np.int32),
    )
