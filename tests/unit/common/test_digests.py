"""What is in the files that a run depends on, each read once, and none that changed meanwhile."""

import hashlib
import os
from pathlib import Path

import pytest

from ovbench.common.digests import digests, known, model_files, sha256, state_of, states, unchanged
from ovbench.common.errors import UsageError
from ovbench.common.job import Known


def written(folder: Path, **contents: bytes) -> None:
    for name, content in contents.items():
        (folder / name.replace("_", ".")).write_bytes(content)


def location(name: str) -> bytes:
    """As an ONNX model names the file that a tensor's data are in."""
    length = bytes([len(name)]) if len(name) < 128 else bytes([len(name) & 0x7F | 0x80, len(name) >> 7])
    return b"\n\x08location\x12" + length + name.encode()


@pytest.mark.parametrize(
    ("model", "there", "found"),
    [
        ("m.xml", ["m.xml", "m.bin", "n.bin"], ["m.xml", "m.bin"]),
        ("m.xml", ["m.xml"], ["m.xml"]),
        ("m.pdmodel", ["m.pdmodel", "m.pdiparams"], ["m.pdmodel", "m.pdiparams"]),
        ("m.blob", ["m.blob", "m.bin"], ["m.blob"]),
        ("m[1].meta", ["m[1].meta", "m[1].index", "m[1].data-00000-of-00001", "m1.data-00000-of-00001"],
         ["m[1].meta", "m[1].index", "m[1].data-00000-of-00001"]),
    ],
)  # fmt: skip
def test_the_files_of_a_model_are_its_own(tmp_path: Path, model: str, there: list[str], found: list[str]) -> None:
    for name in there:
        (tmp_path / name).touch()
    assert [Path(file).name for file in model_files(str(tmp_path / model))] == found


def test_the_files_of_a_folder_are_all_that_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    written(tmp_path, saved_model=b"1")
    written(tmp_path / "variables", v_index=b"2")
    assert model_files(str(tmp_path)) == (str(tmp_path / "saved.model"), str(tmp_path / "variables" / "v.index"))


def test_data_that_an_onnx_model_has_elsewhere_are_of_it(tmp_path: Path) -> None:
    names = ["weights.data", "gone.data", "../beyond", "weights.data", "./" * 100 + "more.data"]
    (tmp_path / "m.onnx").write_bytes(b"\x08\x07".join(map(location, names)) + location("/etc/hostname"))
    written(tmp_path, weights_data=b"1", more_data=b"2")
    assert [Path(file).name for file in model_files(str(tmp_path / "m.onnx"))] == [
        "m.onnx",
        "more.data",
        "weights.data",
    ]
    (tmp_path / "empty.onnx").touch()
    assert len(model_files(str(tmp_path / "empty.onnx"))) == 1


def test_a_digest_is_sha_256_of_the_content(tmp_path: Path) -> None:
    written(tmp_path, a_bin=b"abc")
    (found,) = digests("model", states([str(tmp_path / "a.bin")]), (), "-m")
    assert (found.kind, found.name, found.size) == ("model", str(tmp_path / "a.bin"), 3)
    assert found.sha256 == hashlib.sha256(b"abc").hexdigest()


def test_what_the_coordinator_has_read_is_not_read_again(tmp_path: Path) -> None:
    """It is believed for a file in the very state, and for no other."""
    written(tmp_path, a_bin=b"abc", b_bin=b"abc")
    one, two = str(tmp_path / "a.bin"), str(tmp_path / "b.bin")
    told = Known(state_of(one), "f" * 64)
    found = digests("model", states([one, two]), (told,), "-m")
    assert [digest.sha256 for digest in found] == ["f" * 64, hashlib.sha256(b"abc").hexdigest()]


def test_a_file_that_changed_since_it_was_read_is_said(tmp_path: Path) -> None:
    """Same size, same second: the inode's time of change tells."""
    written(tmp_path, a_bin=b"abc")
    path = str(tmp_path / "a.bin")
    before = states([path])
    (tmp_path / "a.bin").write_bytes(b"abd")
    os.utime(path, ns=(before[path].modified_ns + 1, before[path].modified_ns + 1))
    with pytest.raises(UsageError, match=r"-m .*a\.bin: the file was changed since it was read"):
        digests("model", before, (), "-m")
    (tmp_path / "a.bin").unlink()
    with pytest.raises(UsageError, match="was changed"):
        unchanged("-m", path, before[path])


def test_what_is_not_there_is_left_to_whoever_needs_it(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone.xml")
    assert (states([gone]), known([gone])) == ({}, ())
    assert model_files(gone) == (gone,)


def test_of_very_many_files_there_is_one_digest(tmp_path: Path) -> None:
    paths = [str(tmp_path / f"{number:03}.npy") for number in range(65)]
    for path in paths:
        Path(path).write_bytes(path[-7:].encode())
    (one,) = digests("input", states(paths), (), "-i")
    assert (one.name, one.size) == (f"{paths[0]} and 64 more", 65 * 7)
    (turned,) = digests("input", states(paths[::-1]), (), "-i")
    assert turned.sha256 != one.sha256, "their order is a part of what was run"
    assert len(digests("input", states(paths[:64]), (), "-i")) == 64


def test_a_file_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        sha256(str(tmp_path), state_of(tmp_path))
