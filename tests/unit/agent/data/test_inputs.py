"""From files, sizes of images or random data to the tensors of every input."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ovbench.agent.data.frames import tensors
from ovbench.agent.data.inputs import Filled, gather
from ovbench.agent.data.signature import InputInfo
from ovbench.common.errors import UsageError
from ovbench.common.job import Data, InputFiles
from ovbench.common.shape import parse_shape


def info(shape: str, element_type: str = "f32", layout: str = "", name: str = "data", **more: Any) -> InputInfo:
    return InputInfo(name, f"{name}_node", element_type, parse_shape(shape), layout, **more)


def data(*paths: Path, seed: int = 0) -> Data:
    return Data((InputFiles("data", tuple(str(path) for path in paths)),) if paths else (), seed)


def filled(one: InputInfo, *paths: Path) -> Filled:
    return gather([one], data(*paths)).inputs[0]


def refusal(inputs: Sequence[InputInfo], *paths: Path) -> str:
    with pytest.raises(UsageError) as caught:
        gather(inputs, data(*paths))
    return str(caught.value)


def npy(path: Path, content: Any) -> Path:
    np.save(path, content)
    return path


def raw(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def picture(path: Path, height: int, width: int, seed: int = 0) -> tuple[Path, Any]:
    """The file, and its pixels as [height, width, (blue, green, red)]."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path, pixels[..., ::-1]


def test_an_input_of_fixed_shape_gets_one_random_tensor() -> None:
    found = gather([info("[2,3]", "u8")], data(seed=7))
    assert found.notes == ()
    assert found.inputs[0].text == "random u8 in 0..255, seed 7"
    (tensor,) = found.inputs[0].tensors
    assert tensor.shape == tensor.data.shape == (2, 3)


def test_an_input_of_open_shape_gets_a_random_tensor_for_each_of_its_shapes() -> None:
    found = filled(info("[?,4]", data_shapes=((1, 4), (3, 4))))
    assert [tensor.shape for tensor in found.tensors] == [(1, 4), (3, 4)]


def test_each_input_has_random_numbers_of_its_own_and_the_same_again() -> None:
    inputs = [info("[9]", name="a"), info("[9]", name="b")]
    first, again = gather(inputs, data(seed=3)), gather(inputs, data(seed=3))
    a, b = (one.tensors[0].data for one in first.inputs)
    assert not np.array_equal(a, b)
    assert np.array_equal(b, again.inputs[1].tensors[0].data)


def test_an_input_of_open_shape_without_shapes_and_files_is_refused() -> None:
    assert refusal([info("[?,16]", name="x")]) == (
        "input 'x' has the open shape [?,16]; give shapes with -data_shape, or files with -i"
    )


def test_tensors_beyond_all_memory_are_refused() -> None:
    assert "there is no memory for its tensors of f32 [1000000,1000000,1000000]" in refusal(
        [info("[1000000,1000000,1000000]")]
    )


def test_a_type_that_is_not_known_is_refused() -> None:
    assert refusal([info("[1]", "dynamic")]) == "input 'data' is of type dynamic, for which no data can be made"


def test_an_input_that_is_given_no_files_while_others_are_is_said_to_be_random(tmp_path: Path) -> None:
    found = gather([info("[2]"), info("[2]", name="mask")], data(npy(tmp_path / "a.npy", np.ones(2, np.float32))))
    assert found.notes == ("Input 'mask' is given no files; it is filled with random values.",)
    assert found.inputs[1].text == "random f32 in 0..1, seed 0"


def test_each_npy_file_makes_a_tensor(tmp_path: Path) -> None:
    arrays = [np.full((2, 3), number, np.float32) for number in range(3)]
    found = filled(info("[2,3]"), *(npy(tmp_path / f"{i}.npy", array) for i, array in enumerate(arrays)))
    assert found.text == "3 .npy files"
    assert [tensor.data.tolist() for tensor in found.tensors] == [array.tolist() for array in arrays]


def test_a_scalar_comes_from_a_file_too(tmp_path: Path) -> None:
    (tensor,) = filled(info("[]"), npy(tmp_path / "a.npy", np.float32(4))).tensors
    assert (tensor.shape, tensor.data.tolist()) == ((), 4.0)


@given(
    files=st.integers(1, 9),
    shapes=st.lists(st.integers(1, 4).map(lambda batch: (batch, 2)), min_size=1, max_size=3),
    has_batch=st.booleans(),
)
def test_frames_follow_benchmark_apps_rules(
    tmp_path_factory: pytest.TempPathFactory, files: int, shapes: list[tuple[int, int]], has_batch: bool
) -> None:
    """inputs_filling.py, get_binary_tensors and verify_objects_to_be_used, with a frame in each .bin."""
    folder = tmp_path_factory.getbasetemp()
    paths = [raw(folder / f"{index}.bin", bytes([index] * 2)) for index in range(files)]
    if not has_batch:
        shapes = [(1, 2)]
    one = info("[?,2]", "u8", "NC" if has_batch else "", data_shapes=tuple(shapes))
    frames = sum(batch for batch, _ in shapes)
    used = files - files % frames if files > frames else files
    expected, first = [], 0
    for turn in range(max(len(shapes), used)):
        batch = shapes[turn % len(shapes)][0]
        expected.append([[(first + place) % used] * 2 for place in range(batch)])
        first += batch
    found = gather([one], data(*paths))
    assert [tensor.data.tolist() for tensor in found.inputs[0].tensors] == expected
    assert len(found.notes) == (used != files or files < frames)


def test_frame_b_of_a_batch_is_frame_b_of_its_npy_file(tmp_path: Path) -> None:
    one = info("[4,1]", "i32", "NC")
    paths = [npy(tmp_path / f"{i}.npy", np.arange(4, dtype=np.int32)[:, None] + 10 * i) for i in range(2)]
    first, second = filled(one, *paths).tensors
    assert first.data.ravel().tolist() == [0, 11, 2, 13]
    assert second is first


def test_a_batch_that_is_not_the_first_dimension_is_filled_along_it(tmp_path: Path) -> None:
    one = info("[3,2]", "u8", "CN")
    paths = [raw(tmp_path / f"{i}.bin", bytes([i, i + 10, i + 20])) for i in range(2)]
    assert filled(one, *paths).tensors[0].data.tolist() == [[0, 1], [10, 11], [20, 21]]


def test_files_that_are_too_few_or_too_many_are_noted(tmp_path: Path) -> None:
    paths = [raw(tmp_path / f"{i}.bin", b"x") for i in range(5)]
    one = info("[3,1]", "u8", "NC")
    assert gather([one], data(*paths)).notes == (
        "Input 'data': 5 .bin files are not a multiple of the 3 frames of its shapes; the last 2 are not used.",
    )
    assert gather([one], data(paths[0])).notes == (
        "Input 'data': 1 .bin file for the 3 frames of its shapes; files are used more than once.",
    )


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (np.zeros((2, 3), np.float32), "its shape is [2,3], but input 'data' needs [1,3]"),
        (
            np.zeros((1, 3)),
            "it is of type float64, but input 'data' needs f32 (save it with .astype('float32'))",
        ),
        (np.zeros((1, 3), ">f4"), "it is of type >f4, but input 'data' needs f32 (save it with .astype('float32'))"),
        (
            np.array([[1, "a", None]], object),
            "it holds Python objects; write it with numpy.save, from numbers or text",
        ),
    ],
)
def test_an_array_that_does_not_fit_is_refused(content: Any, problem: str, tmp_path: Path) -> None:
    path = npy(tmp_path / "x.npy", content)
    assert refusal([info("[1,3]")], path) == f"-i {path}: {problem}"


@given(st.binary(max_size=200), st.booleans())
def test_a_damaged_npy_file_is_refused_in_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, has_magic: bool
) -> None:
    head = b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") if has_magic else b""
    path = raw(tmp_path_factory.getbasetemp() / "damaged.npy", head + content)
    problem = refusal([info("[1,3]")], path).removeprefix(f"-i {path}: ")
    begins = has_magic or content.startswith(b"\x93NUMPY")
    assert problem.startswith(("this is no .npy file", "the file is cut short") if begins else "this is no .npy file")


@pytest.mark.parametrize(
    "end",
    [pytest.param(-5, id="in its data"), pytest.param(40, id="in its head"), pytest.param(7, id="before its head")],
)
def test_an_array_cut_short_is_said_to_be(end: int, tmp_path: Path) -> None:
    path = Path(npy(tmp_path / "x.npy", np.zeros((1, 3), np.float32)))
    path.write_bytes(path.read_bytes()[:end])
    size = path.stat().st_size
    problem = f"the file is cut short: {size} bytes are fewer than it begins to describe; copy it again"
    assert refusal([info("[1,3]")], path) == f"-i {path}: {problem}"


def test_text_with_half_a_surrogate_pair_is_refused(tmp_path: Path) -> None:
    path = npy(tmp_path / "x.npy", np.array([["a\ud800b"]]))
    assert refusal([info("[1,1]", "string")], path) == f"-i {path}: its text is not UTF-8; save it with .astype('str')"


@pytest.mark.parametrize("head", ["{'descr': ((", "{'shape': (-1,)}", "[" * 900])
def test_a_head_that_lies_is_refused(head: str, tmp_path: Path) -> None:
    path = raw(tmp_path / "x.npy", b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode())
    assert refusal([info("[1,99]")], path).startswith(f"-i {path}: this is no .npy file")


def test_arrays_in_fortrans_order_are_put_in_ours(tmp_path: Path) -> None:
    content = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    (tensor,) = filled(info("[2,3]"), npy(tmp_path / "a.npy", content)).tensors
    assert tensor.data.flags.c_contiguous
    assert np.array_equal(tensor.data, content)


@pytest.mark.parametrize(
    ("element_type", "content"),
    [
        ("boolean", [True, False]),
        ("bf16", np.array([0x3F80, 0x4000], np.uint16)),
        ("f8e4m3", np.array([1, 2], np.uint8)),
        ("i64", np.array([-5, 5])),
        ("f16", np.array([1, 2], np.float16)),
    ],
)
def test_npy_files_hold_types_that_numpy_has_or_the_bits_of_others(
    element_type: str, content: Any, tmp_path: Path
) -> None:
    (tensor,) = filled(info("[2]", element_type), npy(tmp_path / "a.npy", content)).tensors
    assert tensor.data.tobytes() == np.asarray(content).tobytes()


@pytest.mark.parametrize("content", [np.array(["ä", "bc"]), np.char.encode(np.array(["ä", "bc"]), "utf-8")])
def test_strings_come_from_text_and_from_bytes(content: Any, tmp_path: Path) -> None:
    (tensor,) = filled(info("[2]", "string"), npy(tmp_path / "a.npy", content)).tensors
    assert tensor.data.tolist() == ["ä", "bc"]


def test_bytes_that_are_no_utf_8_are_refused_as_strings(tmp_path: Path) -> None:
    path = npy(tmp_path / "x.npy", np.array([b"\xff"]))
    assert refusal([info("[1]", "string")], path).startswith(f"-i {path}: its text is not UTF-8")


def test_numbers_are_refused_as_strings(tmp_path: Path) -> None:
    path = npy(tmp_path / "x.npy", np.zeros(1))
    assert refusal([info("[1]", "string")], path) == (
        f"-i {path}: it is of type float64, but input 'data' needs string (save it with .astype('str'))"
    )


def test_packed_types_are_refused_from_npy_files(tmp_path: Path) -> None:
    path = npy(tmp_path / "x.npy", np.zeros(1, np.uint8))
    assert refusal([info("[2]", "u4")], path) == f"-i {path}: input 'data' is of type u4, which only a .bin can hold"


def test_arrays_decide_the_shape_of_an_open_input(tmp_path: Path) -> None:
    paths = [npy(tmp_path / f"{length}.npy", np.zeros((1, length), np.float32)) for length in (3, 5)]
    found = filled(info("[?,?]"), *paths)
    assert [tensor.shape for tensor in found.tensors] == [(1, 3), (1, 5)]
    assert found.text == "2 .npy files in their own shapes"


def test_an_array_of_one_dimension_less_is_a_batch_of_one(tmp_path: Path) -> None:
    (tensor,) = filled(info("[?,4]"), npy(tmp_path / "a.npy", np.zeros(4, np.float32))).tensors
    assert tensor.shape == tensor.data.shape == (1, 4)


def test_an_array_that_an_open_shape_does_not_allow_is_refused(tmp_path: Path) -> None:
    path = npy(tmp_path / "x.npy", np.zeros((1, 9), np.float32))
    assert refusal([info("[?,2..8]")], path) == f"-i {path}: its shape is [1,9], but input 'data' needs [?,2..8]"


def test_a_bin_file_is_the_tensors_memory(tmp_path: Path) -> None:
    content = np.arange(6, dtype=np.float32).reshape(2, 3)
    found = filled(info("[2,3]", layout="NC"), raw(tmp_path / "a.bin", content.tobytes()))
    assert np.array_equal(found.tensors[0].data, content)
    assert found.text == "1 .bin file"


def test_bin_files_of_a_frame_each_are_put_together(tmp_path: Path) -> None:
    paths = [raw(tmp_path / f"{i}.bin", np.full(3, i, np.float32).tobytes()) for i in range(2)]
    found = filled(info("[2,3]", layout="NC"), *paths)
    assert [tensor.data.tolist() for tensor in found.tensors] == [[[0, 0, 0], [1, 1, 1]]] * 2
    assert found.text == "2 .bin files, one frame each"


def test_packed_elements_are_read_as_they_are(tmp_path: Path) -> None:
    (tensor,) = filled(info("[3]", "u4"), raw(tmp_path / "a.bin", b"\x21\x03")).tensors
    assert tensor.shape == (3,)
    assert tensor.data.tobytes() == b"\x21\x03"


def test_packed_frames_are_put_together_where_they_end_with_a_byte(tmp_path: Path) -> None:
    frames = [raw(tmp_path / f"{i}.bin", bytes([i, i])) for i in range(2)]
    assert filled(info("[2,4]", "u4", "NC"), *frames).tensors[0].data.tobytes() == b"\x00\x00\x01\x01"
    whole = raw(tmp_path / "whole.bin", b"\x21\x43\x65")
    assert filled(info("[2,3]", "u4", "NC"), whole).tensors[0].data.tobytes() == b"\x21\x43\x65"


@pytest.mark.parametrize(
    ("one", "problem"),
    [
        (info("[1,16]"), "it has 12 bytes, but input 'data' [1,16] f32 needs 64"),
        (info("[4,16]", layout="NC"), "it has 12 bytes, but input 'data' [4,16] f32 needs 256, or 64 for one frame"),
        (info("[3]", "string"), "input 'data' takes strings, which a .bin cannot hold; give a .npy"),
        (
            info("[?,3]"),
            "a .bin does not say its shape, and that of input 'data' is open, [?,3]; give shapes with -data_shape",
        ),
    ],
)
def test_a_bin_file_that_does_not_fit_is_refused(one: InputInfo, problem: str, tmp_path: Path) -> None:
    path = raw(tmp_path / "x.bin", b"123456789012")
    assert refusal([one], path) == f"-i {path}: {problem}"


def test_an_input_without_elements_takes_an_empty_bin_file(tmp_path: Path) -> None:
    (tensor,) = filled(info("[0,3]", layout="NC"), raw(tmp_path / "a.bin", b"")).tensors
    assert tensor.shape == tensor.data.shape == (0, 3)


@pytest.mark.parametrize(
    ("shape", "layout", "order"),
    [
        ("[1,3,6,8]", "NCHW", (2, 0, 1)),
        ("[1,6,8,3]", "NHWC", (0, 1, 2)),
        ("[3,6,8]", "CHW", (2, 0, 1)),
        ("[6,8,3]", "HWC", (0, 1, 2)),
    ],
)
@pytest.mark.parametrize("element_type", ["u8", "f32"])
def test_an_image_is_laid_out_as_the_layout_says(
    shape: str, layout: str, order: tuple[int, ...], element_type: str, tmp_path: Path
) -> None:
    path, pixels = picture(tmp_path / "a.png", 6, 8)
    found = filled(info(shape, element_type, layout), path)
    assert found.text == "1 image (png)"
    (tensor,) = found.tensors
    assert np.array_equal(tensor.data.reshape([pixels.shape[place] for place in order]), pixels.transpose(order))
    assert tensor.data.dtype == {"u8": np.uint8, "f32": np.float32}[element_type]


def test_images_of_another_size_are_resized_and_put_together(tmp_path: Path) -> None:
    paths = [picture(tmp_path / f"{i}.{suffix}", 20, 30, i)[0] for i, suffix in enumerate(["bmp", "png", "bmp", "bmp"])]
    found = filled(info("[2,3,5,7]", "u8", "NCHW"), *paths)
    assert found.text == "4 images (bmp, png), resized to 7 x 5"
    assert len(found.tensors) == 4
    assert len({id(tensor) for tensor in found.tensors}) == 2
    assert not np.array_equal(found.tensors[0].data[0], found.tensors[0].data[1])


def test_an_input_of_one_channel_gets_grey_images(tmp_path: Path) -> None:
    path, pixels = picture(tmp_path / "a.png", 6, 8)
    weighted = pixels @ np.array([0.114, 0.587, 0.299])
    for shape, layout in (("[1,1,6,8]", "NCHW"), ("[1,6,8,1]", "NHWC"), ("[6,8]", "HW"), ("[1,?,?,1]", "NHWC")):
        found = filled(info(shape, "u8", layout), path).tensors[0].data
        assert np.abs(found.reshape(6, 8) - weighted).max() < 1


def test_images_become_bf16(tmp_path: Path) -> None:
    path, pixels = picture(tmp_path / "a.png", 6, 8)
    bits = filled(info("[6,8,3]", "bf16", "HWC"), path).tensors[0].data
    assert np.array_equal((bits.astype(np.uint32) << 16).view(np.float32), pixels)


def test_images_decide_the_size_of_an_open_input(tmp_path: Path) -> None:
    paths = [picture(tmp_path / f"{height}.png", height, 8)[0] for height in (5, 6)]
    found = filled(info("[?,3,?,?]", "u8", "NCHW"), *paths)
    assert [tensor.shape for tensor in found.tensors] == [(1, 3, 5, 8), (1, 3, 6, 8)]
    assert found.text == "2 images (png) in their own sizes"


@pytest.mark.parametrize(
    ("one", "problem"),
    [
        (info("[1,4,6,8]", "u8", "NCHW"), "an image has 3 colours or 1, but input 'data' has 4 channels"),
        (
            info("[1,16]", "u8", "N..."),
            "as an image it is [6,8,3], but input 'data' needs [16]; "
            "say with -layout which dimension is which, as in -layout [NCHW]",
        ),
        (info("[6,8,3]", "u4", "HWC"), "input 'data' is of type u4, which images cannot be converted to"),
        (info("[6,8,3]", "string", "HWC"), "input 'data' is of type string, which images cannot be converted to"),
        (info("[?,3,?,4]", "u8", "NCHW"), "its shape is [1,3,6,8], but input 'data' needs [?,3,?,4]"),
    ],
)
def test_an_image_that_does_not_fit_is_refused(one: InputInfo, problem: str, tmp_path: Path) -> None:
    path, _ = picture(tmp_path / "x.png", 6, 8)
    assert refusal([one], path) == f"-i {path}: {problem}"


IMAGE = info("[1,3,6,8]", "u8", "NCHW")


def test_an_input_that_takes_sizes_of_images_is_filled_with_width_height_and_ones() -> None:
    found = gather([info("[2,4]", layout="NC", name="sizes"), IMAGE], data()).inputs[0]
    assert found.tensors[0].data.tolist() == [[8, 6, 1, 1]] * 2
    assert found.text == "sizes of images, 8 x 6"


def test_sizes_of_images_go_along_with_the_shapes_of_the_images() -> None:
    image = info("[1,3,?,?]", "u8", "NCHW", data_shapes=((1, 3, 4, 5), (1, 3, 6, 7)))
    found = gather([image, info("[1,2]", layout="NC", name="sizes")], data()).inputs[1]
    assert [tensor.data.tolist() for tensor in found.tensors] == [[[5, 4]], [[7, 6]]]


def test_sizes_of_images_are_those_of_the_files_where_these_decide(tmp_path: Path) -> None:
    image = info("[1,3,?,?]", "u8", "NCHW")
    path, _ = picture(tmp_path / "a.png", 6, 8)
    found = gather([image, info("[1,2]", layout="NC", name="sizes")], data(path))
    assert found.inputs[1].tensors[0].data.tolist() == [[8, 6]]
    assert found.notes == ()


def test_with_two_images_or_none_sizes_are_random() -> None:
    takes_sizes = info("[1,2]", layout="NC", name="sizes")
    for inputs in ([takes_sizes], [takes_sizes, IMAGE, IMAGE]):
        assert gather(inputs, data()).inputs[0].text == "random f32 in 0..1, seed 0"


@given(st.lists(st.integers(1, 3), min_size=1, max_size=3), st.integers(1, 12))
def test_tensors_that_are_equal_are_one_in_memory(
    tmp_path_factory: pytest.TempPathFactory, batches: list[int], files: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    paths = [raw(folder / f"{index}.bin", bytes([index])) for index in range(files)]
    one = info("[?,1]", "u8", "NC", data_shapes=tuple((batch, 1) for batch in batches))
    tensors = filled(one, *paths).tensors
    assert len({id(tensor) for tensor in tensors}) == len({tensor.data.tobytes() for tensor in tensors})


def test_very_many_sizes_of_images_are_reported_in_few_words() -> None:
    sizes = tuple((1, 3, 1, width) for width in range(1, 3001))
    image = info("[1,3,?,?]", "u8", "NCHW", "image", data_shapes=sizes)
    (_, found) = gather([image, info("[1,2]", layout="NC", name="sizes")], Data()).inputs
    assert len(found.tensors) == 3000
    assert found.text.startswith("sizes of images, 1 x 1, 2 x 1, ")
    assert found.text.endswith(" 20 x 1 and 2980 more")


class Counted(list[str]):
    """Files, of which it is known how often one was looked at."""

    looked = 0

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        self.looked += len(found) if isinstance(place, slice) else 1
        return found


def test_a_tensor_looks_only_at_the_files_that_it_takes() -> None:
    files = Counted(str(number) for number in range(500))
    made = tensors(info("[2,1]", layout="NC"), files, lambda path, *_: np.full((1, 1), float(path), np.float32))
    assert [tensor.data.ravel().tolist() for tensor in made[:3]] == [[0, 1], [2, 3], [4, 5]]
    assert len(made) == 500
    assert files.looked <= 2 * len(made)
