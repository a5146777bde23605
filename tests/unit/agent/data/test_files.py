"""Which files feed which input."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.agent.data.files import Files, assign
from ovbench.agent.data.signature import InputInfo
from ovbench.common.errors import UsageError
from ovbench.common.job import InputFiles
from ovbench.common.shape import parse_shape

DATA = InputInfo("data", "data_node", "f32", parse_shape("[1,3,8,8]"), "NCHW", names=("data", "pixels"))
MASK = InputInfo("mask", "mask_node", "i64", parse_shape("[1,8]"))
SIZES = InputInfo("sizes", "sizes_node", "f32", parse_shape("[1,3]"), "NC")


def chosen(
    inputs: Sequence[InputInfo], folder: Path, *given_paths: tuple[str | None, str]
) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Names of files by names of inputs, and the notes; what is given is (input, names separated by spaces)."""
    files = [InputFiles(name, tuple(str(folder / path) for path in paths.split())) for name, paths in given_paths]
    found, notes = assign(inputs, files)
    names = {inputs[index].name: [Path(path).name for path in one.paths] for index, one in found.items()}
    return names, notes


def make(folder: Path, names: str) -> Path:
    for name in names.split():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


@pytest.mark.parametrize("name", ["data", "data_node", "pixels"])
def test_a_file_goes_to_the_input_that_it_names_by_any_of_its_names(name: str, tmp_path: Path) -> None:
    make(tmp_path, "a.npy b.npy")
    names, notes = chosen([MASK, DATA], tmp_path, (name, "a.npy"), ("mask", "b.npy"))
    assert names == {"data": ["a.npy"], "mask": ["b.npy"]}
    assert notes == ()


def test_files_of_an_input_are_sorted_over_all_that_it_is_given(tmp_path: Path) -> None:
    make(tmp_path, "d.npy b.npy c/a.npy")
    names, _ = chosen([DATA], tmp_path, (None, "d.npy"), (None, "b.npy c"))
    assert names == {"data": ["b.npy", "a.npy", "d.npy"]}


def test_files_without_names_go_to_the_inputs_in_turn_but_not_to_one_that_takes_sizes(tmp_path: Path) -> None:
    make(tmp_path, "1.npy 2.npy 3.npy 4.npy 5.npy 6.npy")
    names, notes = chosen([DATA, SIZES, MASK], tmp_path, (None, "1.npy 2.npy 3.npy 4.npy 5.npy 6.npy"))
    assert names == {"data": ["1.npy", "3.npy", "5.npy"], "mask": ["2.npy", "4.npy", "6.npy"]}
    assert notes == ("-i: files go to the inputs in turn; name the inputs to be sure, as in -i data:a.npy,mask:b.npy.",)


def test_files_that_do_not_come_out_even_over_the_inputs_are_left_out(tmp_path: Path) -> None:
    make(tmp_path, "1.npy 2.npy 3.npy")
    names, notes = chosen([DATA, MASK], tmp_path, (None, "1.npy 2.npy 3.npy"))
    assert names == {"data": ["1.npy"], "mask": ["2.npy"]}
    assert "-i: 3 files cannot be dealt evenly to 2 inputs; the last 1 are not used." in notes


def test_fewer_files_than_inputs_are_all_used(tmp_path: Path) -> None:
    names, _ = chosen([DATA, MASK, SIZES], make(tmp_path, "1.npy"), (None, "1.npy"))
    assert names == {"data": ["1.npy"]}


@given(st.integers(1, 30), st.integers(1, 5))
def test_every_input_is_dealt_as_many_files_as_any_other(
    tmp_path_factory: pytest.TempPathFactory, count: int, inputs: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    listed = " ".join(f"{number:02}.npy" for number in range(count))
    make(folder, listed)
    infos = [InputInfo(f"x{index}", "", "f32", parse_shape("[2]")) for index in range(inputs)]
    names, _ = chosen(infos, folder, (None, listed))
    assert sorted(map(len, names.values())) == ([count // inputs] * inputs if count >= inputs else [1] * count)


def test_a_folder_stands_for_the_files_in_it_without_hidden_ones(tmp_path: Path) -> None:
    make(tmp_path, "f/b.PNG f/a.jpeg f/.c.png")
    for name in (None, "data"):
        assert chosen([DATA], tmp_path, (name, "f")) == ({"data": ["a.jpeg", "b.PNG"]}, ())


def test_of_several_kinds_images_go_before_npy_and_npy_before_bin(tmp_path: Path) -> None:
    make(tmp_path, "a.bin b.npy c.png")
    names, notes = chosen([DATA], tmp_path, (None, "a.bin b.npy c.png"))
    assert names == {"data": ["c.png"]}
    assert notes == ("-i: input 'data' is given images and .npy files and .bin files; only the images are used.",)
    assert chosen([DATA], tmp_path, (None, "a.bin b.npy"))[0] == {"data": ["b.npy"]}


def test_files_of_other_kinds_and_deeper_folders_are_ignored_with_a_note(tmp_path: Path) -> None:
    make(tmp_path, "f/a.npy f/b.txt f/deep.npy/x.npy")
    names, notes = chosen([DATA], tmp_path, ("data", "f"))
    assert names == {"data": ["a.npy"]}
    assert notes == ("-i: b.txt, deep.npy are ignored; inputs are fed with images, .npy and .bin files.",)


def test_only_some_of_many_ignored_files_are_named(tmp_path: Path) -> None:
    names, notes = chosen([DATA], make(tmp_path, "1.t 2.t 3.t 4.t 5.t 6.t 7.t"), (None, "."))
    assert names == {}
    assert notes == (
        "-i: 1.t, 2.t, 3.t, 4.t, 5.t and 2 more are ignored; inputs are fed with images, .npy and .bin files.",
    )


def test_an_input_that_the_model_lacks_is_refused_with_those_that_it_has(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        chosen([DATA, MASK], make(tmp_path, "a.npy"), ("foo", "a.npy"))
    assert str(caught.value) == "-i: the model has no input 'foo'; it has 'data', 'mask'"


@pytest.mark.parametrize("name", [None, "data"])
def test_a_file_that_does_not_exist_is_refused(name: str | None, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        chosen([DATA], tmp_path, (name, "a.npy"))
    assert str(caught.value) == f"-i {tmp_path}/a.npy: there is no such file or folder"


def test_files_are_counted_in_words() -> None:
    assert Files("image", ("a",)).counted == "1 image"
    assert Files(".npy file", ("a", "b")).counted == "2 .npy files"
