"""Images to the bit as OpenCV makes them: the numbers here are what cv2.resize and cv2.cvtColor gave."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from ovbench.agent.data.images import read_image
from ovbench.agent.data.pixels import Pixels
from ovbench.common.errors import UsageError

LOSSLESS = ["bmp", "dib", "jp2", "png", "ppm", "tiff", "tif", "webp", "gif"]
LOSSY = ["jpeg", "jpg", "jpe"]
SIZE = (20, 30)


def colours(height: int = SIZE[0], width: int = SIZE[1], seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


def few_colours() -> Pixels:
    """So few that a palette holds them."""
    return np.kron(colours(2, 3), np.ones((10, 10, 1), np.uint8))


def saved(folder: Path, image: Image.Image, suffix: str, **how: Any) -> str:
    path = folder / f"image.{suffix}"
    image.save(path, **how)
    return str(path)


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_an_image_is_read_as_blue_green_red(suffix: str, tmp_path: Path) -> None:
    rgb = few_colours()
    how = {"lossless": True} if suffix == "webp" else {}
    assert np.array_equal(read_image(saved(tmp_path, Image.fromarray(rgb), suffix, **how)), rgb[..., ::-1])


@pytest.mark.parametrize("suffix", LOSSY)
def test_a_jpeg_is_read_as_blue_green_red(suffix: str, tmp_path: Path) -> None:
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 250
    pixels = read_image(saved(tmp_path, Image.fromarray(red), suffix))
    assert pixels.shape == (16, 16, 3)
    assert np.abs(pixels.astype(int) - [0, 0, 250]).max() <= 3


@pytest.mark.parametrize(("mode", "suffix"), [("L", "pgm"), ("L", "png"), ("1", "pbm"), ("1", "png"), ("P", "png")])
def test_grey_and_palettes_become_three_colours(mode: str, suffix: str, tmp_path: Path) -> None:
    image = Image.fromarray(few_colours()).convert(mode)
    pixels = read_image(saved(tmp_path, image, suffix))
    assert np.array_equal(pixels, np.asarray(image.convert("RGB"))[..., ::-1])


def test_transparency_is_left_out(tmp_path: Path) -> None:
    image = Image.fromarray(colours())
    image.putalpha(Image.fromarray(colours(seed=1)[..., 0]))
    assert np.array_equal(read_image(saved(tmp_path, image, "png")), colours()[..., ::-1])


@pytest.mark.parametrize(
    ("tag", "pixel"),
    [
        pytest.param(2, [4, 39, 78], id="multiplied as it is read, as by cv2.imread"),
        pytest.param(1, [10, 100, 200], id="multiplied in the file and left so"),
        pytest.param(0, [10, 100, 200], id="no alpha"),
    ],
)
def test_alpha_of_a_tiff_darkens_its_colours(tag: int, pixel: list[int], tmp_path: Path) -> None:
    path = Path(saved(tmp_path, Image.new("RGBA", (4, 4), (200, 100, 10, 100)), "tiff"))
    unassociated, wanted = (struct.pack("<HHIHH", 338, 3, 1, value, 0) for value in (2, tag))
    assert path.read_bytes().count(unassociated) == 1
    path.write_bytes(path.read_bytes().replace(unassociated, wanted))
    assert read_image(str(path))[0, 0].tolist() == pixel


def test_grey_that_a_tiff_has_multiplied_with_alpha_is_read(tmp_path: Path) -> None:
    path = saved(tmp_path, Image.new("LA", (4, 4), (90, 100)), "tiff", tiffinfo={338: 1})
    assert read_image(path)[0, 0].tolist() == [90, 90, 90]


def test_a_tiff_of_16_bits_whose_zero_is_white_is_turned(tmp_path: Path) -> None:
    deep = Image.fromarray(np.full((4, 4), 41436, np.uint16))
    path = saved(tmp_path, deep, "tiff", tiffinfo={262: 0})
    assert read_image(path)[0, 0].tolist() == [94] * 3


@pytest.mark.parametrize(("suffix", "pixel"), [("tiff", [9, 18, 23]), ("jpg", [10, 19, 24])])
def test_printers_inks_become_the_colours_that_cv2_makes_of_them(suffix: str, pixel: list[int], tmp_path: Path) -> None:
    inks = Image.new("CMYK", (16, 16), (95, 130, 194, 217))
    read = read_image(saved(tmp_path, inks, suffix, quality=100))[0, 0].astype(int)
    assert np.abs(read - pixel).max() <= (1 if suffix == "jpg" else 0)


@pytest.mark.parametrize("suffix", ["png", "tiff", "pgm"])
def test_of_16_bits_the_upper_8_are_taken(suffix: str, tmp_path: Path) -> None:
    deep = np.random.default_rng(0).integers(0, 1 << 16, SIZE, np.uint16)
    pixels = read_image(saved(tmp_path, Image.fromarray(deep), suffix))
    assert np.array_equal(pixels, np.repeat((deep >> 8).astype(np.uint8)[..., None], 3, axis=2))


def test_a_photo_that_was_turned_is_read_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: the top is at the right
    pixels = read_image(saved(tmp_path, Image.fromarray(colours()), "png", exif=exif))
    assert np.array_equal(pixels, np.rot90(colours()[..., ::-1], -1))


def refusal(path: Path) -> str:
    with pytest.raises(UsageError) as caught:
        read_image(str(path))
    text = str(caught.value)
    assert text.startswith(f"-i {path}: ")
    assert "\n" not in text
    return text.removeprefix(f"-i {path}: ")


def test_what_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_text("no image")
    assert refusal(tmp_path / "x.jpg") == "this is not an image that Pillow can read"


def test_a_file_that_would_start_other_programs_is_no_image(tmp_path: Path) -> None:
    Image.fromarray(colours()).save(tmp_path / "x.eps")
    (tmp_path / "x.eps").rename(tmp_path / "x.jpg")
    assert refusal(tmp_path / "x.jpg") == "this is not an image that Pillow can read"


def test_an_image_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path / "x.png") == "the image cannot be read: No such file or directory"


def test_an_image_of_too_many_pixels_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(colours(40, 40)).save(tmp_path / "x.png")
    for most in (1000, 500):  # Pillow warns, and fails at twice as many
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
        assert refusal(tmp_path / "x.png") == "the image has more than 0 million pixels; make it smaller"


@settings(deadline=None)
@given(st.sampled_from(["png", "jpeg", "bmp", "tiff", "webp", "gif", "ppm", "jpeg2000"]), st.data())
def test_a_damaged_image_is_read_or_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, kind: str, data: st.DataObject
) -> None:
    memory = io.BytesIO()
    Image.fromarray(few_colours()).save(memory, kind)
    content = bytearray(memory.getvalue())
    for place, value in data.draw(st.lists(st.tuples(st.integers(0, len(content) - 1), st.integers(0, 255)))):
        content[place] = value
    end = data.draw(st.integers(0, len(content)))
    file = tmp_path_factory.getbasetemp() / f"damaged.{kind}"
    file.write_bytes(content[:end])
    try:
        outcome = read_image(str(file)).ndim
    except UsageError as error:
        outcome = str(error).startswith(f"-i {file}: ")
    assert outcome in (3, True)
