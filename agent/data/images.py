"""Images as OpenCV would read them, by Pillow (only here). Imported where there are images, as Pillow takes 30 ms.

benchmark_app feeds what `cv2.imread` gives, so the same model must see the same numbers here.
"""

import struct
import warnings
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ImageFile import ImageFile
from PIL.TiffImagePlugin import EXTRASAMPLES, PHOTOMETRIC_INTERPRETATION, ImageFileDirectory_v2, TiffImageFile

from ovbench.common.errors import UsageError

from .pixels import Pixels

_FORMATS: Final = ("BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "SUN", "TIFF", "WEBP")
"""Recognized by their content. Not all that Pillow knows: for some it would start other programs, as for EPS."""

# Values of tags of TIFF 6.0.
_WHITE_IS_ZERO: Final = 0
_UNASSOCIATED_ALPHA: Final = 2


def read_image(path: str) -> Pixels:
    """Its pixels as [height, width, 3], in the order blue, green, red, upright. Raises UsageError.

    As cv2.imread, to the bit where Pillow reads what is in the file (not so for TIFF in YCbCr, Lab or RGB of 16 bits):
    alpha is left out, but has darkened the colours of a TIFF, and of 16 bits the upper 8 are taken.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                tags = image.tag_v2 if isinstance(image, TiffImageFile) else None
                return _bgr(_upright(image), tags)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        most = (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise UsageError(f"-i {path}: the image has more than {most} million pixels; make it smaller") from None
    except UnidentifiedImageError:
        raise UsageError(f"-i {path}: this is not an image that Pillow can read") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"-i {path}: the image cannot be read: {reason}") from None


def _upright(image: ImageFile) -> Image.Image:
    # Colours that a TIFF has multiplied with alpha stay as they are in the file: Pillow would divide them again.
    image.tile = [
        tile._replace(args=tuple("RGBA" if word == "RGBa" else word for word in tile.args))
        if isinstance(tile.args, tuple)
        else tile
        for tile in image.tile
    ]
    return ImageOps.exif_transpose(image)


def _bgr(image: Image.Image, tags: ImageFileDirectory_v2 | None) -> Pixels:
    """`tags`: those of a TIFF."""
    if image.mode.startswith("I") or image.mode == "F":
        deep = np.asarray(image)
        shallow = np.clip(deep if image.mode == "F" else deep >> 8, 0, 255).astype(np.uint8)
        # Pillow sees to it where pixels have 8 bits.
        inverted = image.mode == "I;16" and tags is not None and tags.get(PHOTOMETRIC_INTERPRETATION) == _WHITE_IS_ZERO
        return _three(~shallow if inverted else shallow)
    if image.mode == "La":  # Pillow makes nothing of it
        return _three(np.asarray(image)[..., 0])
    if image.mode == "CMYK":
        return _without_black(255 - np.asarray(image).astype(np.int32), tags is not None)
    if image.mode == "RGBA" and tags is not None and tags.get(EXTRASAMPLES) == (_UNASSOCIATED_ALPHA,):
        # libtiff's RGBA interface (tif_getimage.c), by which OpenCV reads a TIFF, multiplies.
        values = np.asarray(image).astype(np.int32)
        return ((values[..., 2::-1] * values[..., 3:] + 127) // 255).astype(np.uint8)
    return np.asarray(image.convert("RGB"))[..., ::-1]


def _three(pixels: Pixels) -> Pixels:
    return np.repeat(pixels[..., None], 3, axis=2)


def _without_black(inks: npt.NDArray[np.int32], tiff: bool) -> Pixels:
    """Cyan, magenta, yellow and black, 255 where there is no ink, as colours: libtiff's rounding, or OpenCV's own."""
    colours, black = inks[..., 2::-1], inks[..., 3:]
    mixed = colours * black // 255 if tiff else black - ((255 - colours) * black >> 8)
    return mixed.astype(np.uint8)
