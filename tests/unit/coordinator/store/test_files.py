"""Results on disk: whole or not there at all."""

import contextlib
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from ovbench.common.errors import Unwritable
from ovbench.coordinator.analysis.merge import merge
from ovbench.coordinator.analysis.recording import sample_arrays, window_of
from ovbench.coordinator.store.files import (
    make_folder,
    write_file,
    write_files,
    write_named,
    write_own_file,
)
from tests.builders import folded, ms, recording, seconds, steady, write_samples

STARTED = "2025-01-02T03:04:05Z"


def test_a_file_that_was_written_is_whole_and_alone(tmp_path: Path) -> None:
    write_file(tmp_path / "report.json", lambda stream: stream.write(b"{}"))
    assert (tmp_path / "report.json").read_bytes() == b"{}"
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_who_may_read_a_file_is_what_the_user_says(tmp_path: Path, umask: int, mode: int) -> None:
    former = os.umask(umask)
    try:
        write_file(tmp_path / "report.json", lambda stream: stream.write(b"{}"))
    finally:
        os.umask(former)
    assert (tmp_path / "report.json").stat().st_mode & 0o777 == mode


def test_a_file_replaces_the_one_before(tmp_path: Path) -> None:
    for content in (b"a longer one", b"short"):
        write_file(tmp_path / "report.json", lambda stream, content=content: stream.write(content))  # type: ignore[misc]
    assert (tmp_path / "report.json").read_bytes() == b"short"


@pytest.mark.parametrize("error", [ValueError("wrong"), KeyboardInterrupt(), MemoryError()], ids=repr)
def test_a_writer_that_fails_leaves_nothing_behind_and_the_old_file_as_it_was(
    tmp_path: Path, error: BaseException
) -> None:
    (tmp_path / "report.json").write_bytes(b"old")

    def fail(stream: IO[bytes]) -> None:
        stream.write(b"half of the n")
        raise error

    with pytest.raises(type(error)):
        write_file(tmp_path / "report.json", fail)
    assert [file.name for file in tmp_path.iterdir()] == ["report.json"]
    assert (tmp_path / "report.json").read_bytes() == b"old"


def test_a_disk_that_is_full_is_reported_in_one_sentence(tmp_path: Path) -> None:
    def fail(stream: IO[bytes]) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(Unwritable, match="No space left on device") as told:
        write_file(tmp_path / "report.json", fail)
    assert str(tmp_path / "report.json") in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_has_gone_is_unwritable(tmp_path: Path) -> None:
    with pytest.raises(Unwritable, match="gone"):
        write_file(tmp_path / "gone" / "report.json", lambda stream: stream.write(b"{}"))


def test_a_folder_that_cannot_be_made_is_unwritable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    for wanted in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(Unwritable, match="file"):
            make_folder(wanted, STARTED, "builtin:tiny")


def test_the_folder_that_was_wanted_is_made_with_all_above_it(tmp_path: Path) -> None:
    wanted = tmp_path / "a" / "b"
    assert make_folder(wanted, STARTED, "builtin:tiny").path == wanted
    assert wanted.is_dir()
    assert make_folder(wanted, STARTED, "builtin:tiny").path == wanted


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("builtin:squeezenet1.1", "squeezenet1.1"),
        ("/models/resnet 50 (int8).xml", "resnet-50-int8-"),
        ("/models/v1.2/bert.onnx", "bert"),
    ],
)
def test_a_folder_of_its_own_has_the_time_and_the_model_for_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert make_folder(None, STARTED, model).path == Path("ovbench-results") / f"20250102T030405Z-{name}"


def test_runs_of_the_same_second_have_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = [make_folder(None, STARTED, "builtin:tiny").path for _ in range(3)]
    assert len(set(folders)) == 3
    assert all(folder.is_dir() for folder in folders)


def test_a_folder_that_was_made_is_taken_back_but_not_one_with_something_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = (make_folder(None, STARTED, "builtin:tiny") for _ in range(2))
    (first.path / "report.json").write_text("{}")
    second.take_back()
    first.take_back()
    assert not second.path.exists()
    assert (first.path / "report.json").exists()


def test_taking_back_leaves_what_was_there_before(tmp_path: Path) -> None:
    before = tmp_path / "before"
    before.mkdir()
    make_folder(before, STARTED, "builtin:tiny").take_back()
    make_folder(before / "a" / "b", STARTED, "builtin:tiny").take_back()
    assert before.is_dir()
    assert list(before.iterdir()) == []


def test_the_folder_of_a_file_that_the_user_named_is_made(tmp_path: Path) -> None:
    write_named(tmp_path / "new" / "one" / "graph.xml", b"<net/>")
    assert (tmp_path / "new" / "one" / "graph.xml").read_bytes() == b"<net/>"
    with pytest.raises(Unwritable, match=r"/dev/null/graph\.xml"):
        write_named(Path("/dev/null/graph.xml"), b"")


def test_files_of_a_run_are_written_by_their_names(tmp_path: Path) -> None:
    contents = {"report.json": b"{}", "benchmark_report.csv": b"a;b"}
    write_files(tmp_path, contents)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == contents


def test_a_file_of_a_run_that_cannot_be_written_is_named_and_those_before_it_stay(tmp_path: Path) -> None:
    (tmp_path / "second").mkdir()
    with pytest.raises(Unwritable, match="second"):
        write_files(tmp_path, {"first": b"1", "second": b"2"})
    assert (tmp_path / "first").read_bytes() == b"1"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["first", "second"]


def test_samples_hold_exactly_the_inferences_that_count(tmp_path: Path) -> None:
    loads = [
        recording(0, seconds(1), seconds(2), steady(seconds(1), ms(10), 60), steady(seconds(1.6), ms(10), 80)),
        recording(3, seconds(1.1), seconds(2.2), steady(seconds(1.1), ms(20), 55)),
    ]
    merged = merge(loads)
    write_samples(tmp_path / "samples.npz", loads, merged.window)
    with np.load(tmp_path / "samples.npz") as saved:
        names = {
            f"agent_{agent}{part}_{edge}_ns"
            for agent in (0, 3)
            for part in ("", "_outside")
            for edge in ("start", "end")
        }
        assert set(saved) == {"window_ns", *names}
        assert saved["window_ns"].tolist() == [merged.window.start_ns, merged.window.stop_ns]
        for load in loads:
            others = saved[f"agent_{load.agent}_outside_end_ns"]
            assert len(others) + merged.agent_counts[load.agent] == load.completed
            assert not ((others >= merged.window.start_ns) & (others <= merged.window.stop_ns)).any()
        for agent, latency_ms in ((0, 10), (3, 20)):
            starts, ends = saved[f"agent_{agent}_start_ns"], saved[f"agent_{agent}_end_ns"]
            assert starts.dtype == ends.dtype == np.int64
            assert len(starts) == len(ends) == merged.agent_counts[agent] > 0
            assert ends.min() >= merged.window.start_ns
            assert ends.max() <= merged.window.stop_ns
            assert set((ends - starts).tolist()) == {ms(latency_ms)}


def test_an_agent_without_samples_is_there_with_none(tmp_path: Path) -> None:
    loads = [recording(0, 0, seconds(1))]
    write_samples(tmp_path / "samples.npz", loads, window_of(loads))
    with np.load(tmp_path / "samples.npz") as saved:
        assert saved["agent_0_start_ns"].shape == saved["agent_0_end_ns"].shape == (0,)


def test_samples_that_are_known_only_as_a_histogram_are_not_written() -> None:
    loads = [recording(0, 0, seconds(1), rest=(folded(steady(0, ms(10), 50), 0),))]
    assert sample_arrays(loads, window_of(loads)) is None


@pytest.mark.parametrize("wanted", ["x" * 300, "x" * 300 + "/below"])
def test_a_folder_whose_name_is_too_long_is_unwritable(tmp_path: Path, wanted: str) -> None:
    with pytest.raises(Unwritable, match="File name too long"):
        make_folder(tmp_path / wanted, STARTED, "builtin:tiny")


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    """As a device is: root may replace /dev/null."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_file(pipe, lambda stream: stream.write(b"{}"))
        assert os.read(reader, 10) == b"{}"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert [file.name for file in tmp_path.iterdir()] == ["pipe"]


@pytest.mark.parametrize("write", [write_file, write_own_file])
@pytest.mark.parametrize("names", ["file", "nowhere", "/dev/null"])
def test_a_link_is_never_followed(write: Callable[..., None], tmp_path: Path, names: str) -> None:
    (tmp_path / "file").write_bytes(b"another user's")
    (tmp_path / "link").symlink_to(names)
    write(tmp_path / "link", lambda stream: stream.write(b"new"))
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "link").read_bytes() == b"new"
    assert (tmp_path / "file").read_bytes() == b"another user's"
    assert not (tmp_path / "nowhere").exists()


def test_a_link_is_there_still_where_what_replaces_it_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"another user's")
    (tmp_path / "link").symlink_to("file")
    with limited(1000), pytest.raises(Unwritable, match="File too large") as told:
        write_own_file(tmp_path / "link", lambda stream: stream.write(bytes(5000)))
    assert told.value.no_room
    assert (tmp_path / "link").read_bytes() == b"another user's"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "link"]


def test_a_file_of_ours_replaces_a_pipe_that_is_in_its_place(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "report.json")
    write_files(tmp_path, {"report.json": b"{}"})
    assert (tmp_path / "report.json").read_bytes() == b"{}"


def test_a_pipe_that_nobody_reads_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unwritable, match="No such device or address"):
        write_file(tmp_path / "pipe", lambda stream: stream.write(b"{}"))


def test_a_descriptor_is_written_to_where_it_stands(tmp_path: Path) -> None:
    with (tmp_path / "out").open("w+b") as out:
        out.write(b"before ")
        out.flush()
        write_file(Path(f"/dev/fd/{out.fileno()}"), lambda stream: stream.write(b"table "))
        out.seek(0, os.SEEK_CUR)
        os.write(out.fileno(), b"after")
    assert (tmp_path / "out").read_bytes() == b"before table after"


def test_a_disk_that_is_full_is_not_a_wrong_path() -> None:
    with pytest.raises(Unwritable, match="No space left") as told:
        write_file(Path("/dev/full"), lambda stream: stream.write(b"{}"))
    assert told.value.no_room
    with pytest.raises(Unwritable, match="No such file") as told:
        write_file(Path("/nowhere/report.json"), lambda stream: stream.write(b"{}"))
    assert not told.value.no_room


@contextlib.contextmanager
def limited(size: int) -> Iterator[None]:
    """No file can be larger: as on a disk that is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
