"""Images as OpenCV would read them, by Pillow (only here). Imported where there are images, as Pillow takes 30 ms.

benchmark_app feeds what `cv2.imread` gives, so the same model must see the same numbers here.
"""

import struct
import warnings
from typing import Final

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ovbench.common.errors import UsageError

from .pixels import Pixels

_FORMATS: Final = ("BMP", "DIB", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "SUN", "TIFF", "WEBP")
"""Told by their content. Not all that Pillow knows: for some it would start other programs, as for EPS."""


def read_image(path: str) -> Pixels:
    """Its pixels as [height, width, 3], in the order blue, green, red, upright. Raises UsageError.

    As cv2.imread: alpha is left out, and of 16 bits the upper 8 are taken.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=_FORMATS) as image:
                return _bgr(ImageOps.exif_transpose(image))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        most = (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise UsageError(f"-i {path}: the image has more than {most} million pixels; make it smaller") from None
    except UnidentifiedImageError:
        raise UsageError(f"-i {path}: this is no image that Pillow can read") from None
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"-i {path}: the image cannot be read: {reason}") from None


def _bgr(image: Image.Image) -> Pixels:
    if image.mode.startswith("I") or image.mode == "F":
        deep = np.asarray(image)
        shallow = deep if image.mode == "F" else deep >> 8
        return np.repeat(np.clip(shallow, 0, 255).astype(np.uint8)[..., None], 3, axis=2)
    return np.asarray(image.convert("RGB"))[..., ::-1]
