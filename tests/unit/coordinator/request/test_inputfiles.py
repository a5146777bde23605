"""Which files `-i` means, and for which input."""

from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.common.job import InputFiles
from ovbench.coordinator.request.inputfiles import SUFFIXES, input_files


@pytest.fixture(autouse=True)
def _in_a_folder_with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.npy", "b.npy", "c.bin", "with,comma.npy", "x:y.npy", "notes.txt"):
        Path(name).touch()
    for folder, names in {"photos": ("2.JPG", "1.png", "3.webp", "readme.txt"), "empty": ("readme.txt",)}.items():
        Path(folder).mkdir()
        for name in names:
            (Path(folder) / name).touch()
    Path("photos", "inner.png").mkdir()


def found(*words: str) -> list[tuple[str | None, list[str]]]:
    here = str(Path.cwd()) + "/"
    return [(part.input, [path.removeprefix(here) for path in part.paths]) for part in input_files([words])]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("a.npy", [(None, ["a.npy"])]),
        ("b.npy,a.npy", [(None, ["b.npy", "a.npy"])]),
        ("in:a.npy", [("in", ["a.npy"])]),
        ("in1:a.npy,c.bin,in2:b.npy", [("in1", ["a.npy", "c.bin"]), ("in2", ["b.npy"])]),
        ("in:0:a.npy", [("in:0", ["a.npy"])]),
        ("in:0:a.npy,b.npy,net/in:1:c.bin", [("in:0", ["a.npy", "b.npy"]), ("net/in:1", ["c.bin"])]),
        ("x:y.npy", [(None, ["x:y.npy"])]),
        ("in:x:y.npy", [("in", ["x:y.npy"])]),
        ("with,comma.npy", [(None, ["with,comma.npy"])]),
        ("photos", [(None, ["photos/1.png", "photos/2.JPG", "photos/3.webp"])]),
        ("in:photos/,a.npy", [("in", ["photos/1.png", "photos/2.JPG", "photos/3.webp", "a.npy"])]),
        ("a.npy,", [(None, ["a.npy"])]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_word_is_paths_or_inputs_with_their_paths(word: str, expected: list[tuple[str | None, list[str]]]) -> None:
    assert found(word) == expected


def test_words_for_the_same_input_go_together_in_their_order() -> None:
    assert found("in:b.npy", "c.bin", "in:a.npy", "a.npy") == [("in", ["b.npy", "a.npy"]), (None, ["c.bin", "a.npy"])]


def test_what_stands_after_each_flag_is_apart() -> None:
    assert [part.input for part in input_files([["a.npy"], ["b.npy"]])] == [None, None]


def test_paths_are_absolute() -> None:
    assert input_files([["a.npy"]]) == (InputFiles(None, (str(Path.cwd() / "a.npy"),)),)


def test_the_home_folder_is_known_behind_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(Path.cwd()))
    assert found("in:~/a.npy") == [("in", ["a.npy"])]


def test_what_a_system_hides_beside_an_image_is_left_out() -> None:
    Path("one").mkdir()
    for name in ("x.jpg", "._x.jpg"):
        Path("one", name).touch()
    assert found("one") == [(None, ["one/x.jpg"])]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_known_kind_is_taken_from_a_folder(suffix: str) -> None:
    Path("one").mkdir()
    Path("one", "file" + suffix).touch()
    assert found("one") == [(None, [f"one/file{suffix}"])]


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("nowhere.npy", "-i nowhere.npy: there is no such file or folder"),
        ("a.npy,nowhere.npy", "-i nowhere.npy: there is no such file or folder"),
        ("in:nowhere.npy", "-i in:nowhere.npy: there is no such file or folder"),
        ("in:", "-i in:: there is no such"),
        (":a.npy", "-i :a.npy: there is no such"),
        ("x" * 5000, "there is no such"),
        ("~nobody-of-that-name/a.npy", "there is no such"),
        ("empty", "has no images, .npy or .bin files"),
        ("in:empty", "-i in:empty: the folder"),
        ("notes.txt", "of an unknown kind"),
        ("", "nothing after it"),
        (",", "nothing after it"),
    ],
    ids=lambda value: value[:20],
)
def test_what_cannot_be_an_input_is_refused(word: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        input_files([[word]])
    assert says in str(refused.value)


def test_more_files_than_fit_a_job_are_refused() -> None:
    with pytest.raises(UsageError, match="50001 files"):
        input_files([["a.npy"] * 50_001])
