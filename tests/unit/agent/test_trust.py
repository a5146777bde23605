"""What an agent that was started by hand refuses to do."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from ovbench.agent.trust import Caps, Trust
from ovbench.common.errors import UsageError
from ovbench.common.job import Data, InputFiles, Job, Load, Model, NullService, Runtime
from tests.builders import job


def asking(**changes: Any) -> Job:
    return structs.replace(job(), **changes)


def refused(trust: Trust, **changes: Any) -> str:
    with pytest.raises(UsageError) as caught:
        trust.check(asking(**changes))
    return str(caught.value)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a model, beside another that is nobody's business."""
    for name in (
        "mine/model.xml",
        "mine/model.bin",
        "mine/a.npy",
        "other/model.xml",
        "other/secret.npy",
        "other/lib.so",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path / "mine"


FILES = [
    {"model": Model("/mine/model.xml")},
    {"model": Model("builtin:tiny", extensions=("/mine/lib.so",))},
    {"data": Data((InputFiles("data", ("/mine/a.npy",)),))},
    {"runtime": Runtime(cache_dir="/mine/cache")},
    {"runtime": Runtime(config={"CACHE_DIR": "cache"})},
    {"runtime": Runtime(config={"WEIGHTS_PATH": "model.bin"})},
    {"runtime": Runtime(config={"ANYTHING": "/mine/lib.so"})},
    {"runtime": Runtime(device="/mine/plugin.so")},
    {"model": Model("builtin:../../mine/model.xml")},
]
KINDS = pytest.mark.parametrize("change", FILES, ids=lambda change: next(iter(change)))


@KINDS
def test_without_a_root_no_job_that_names_a_file_is_taken(change: dict[str, Any]) -> None:
    assert "start it with --root DIR" in refused(Trust(), **change)


@KINDS
def test_with_a_root_no_file_outside_of_it_is_touched(change: dict[str, Any], root: Path) -> None:
    assert f"is not in the agent's --root {root}" in refused(Trust((str(root),), extensions=True), **change)


def test_what_needs_no_file_is_taken() -> None:
    Trust().check(job())
    Trust().check(asking(null=NullService(1000), model=Model("/not/read/by/the/null/device.xml")))
    Trust().check(asking(runtime=Runtime(config={"NUM_STREAMS": "2", "PERFORMANCE_HINT": "LATENCY", "CACHE_DIR": ""})))


def test_files_in_the_root_are_taken(root: Path) -> None:
    trust = Trust((str(root),))
    trust.check(asking(model=Model(str(root / "model.xml")), runtime=Runtime(cache_dir=str(root / "new" / "cache"))))
    trust.check(asking(data=Data((InputFiles(None, (str(root / "a.npy"),)),))))
    trust.check(asking(model=Model(str(root))))


def test_links_and_dots_do_not_lead_out_of_the_root(root: Path) -> None:
    trust = Trust((str(root),))
    outside = root.parent / "other"
    (root / "link.npy").symlink_to(outside / "secret.npy")
    (root / "folder").symlink_to(outside)
    for path in (root / ".." / "other" / "secret.npy", root / "link.npy", root / "folder" / "secret.npy", root.parent):
        assert "is not in" in refused(trust, data=Data((InputFiles(None, (str(path),)),)))
    (root.parent / "mine-too").mkdir()
    assert "is not in" in refused(trust, runtime=Runtime(cache_dir=f"{root}-too"))


def test_weights_beside_a_model_and_files_in_a_folder_do_not_lead_out_of_it_either(root: Path) -> None:
    (root / "model.bin").unlink()
    (root / "model.bin").symlink_to(root.parent / "other" / "secret.npy")
    assert f"by {root / 'model.bin'}" in refused(Trust((str(root),)), model=Model(str(root / "model.xml")))
    assert f"by {root / 'model.bin'}" in refused(Trust((str(root),)), model=Model(str(root)))


def test_a_root_may_be_a_link_and_may_be_everything(root: Path) -> None:
    (root.parent / "models").symlink_to("mine")
    Trust((str(root.parent / "models"),)).check(asking(model=Model(str(root / "model.xml"))))
    Trust(("/",)).check(asking(model=Model(str(root.parent / "other" / "model.xml"))))


def test_libraries_are_asked_for_apart(root: Path) -> None:
    (root / "lib.so").touch()
    with_library = {"model": Model("builtin:tiny", extensions=(str(root / "lib.so"),))}
    assert "--allow-extensions" in refused(Trust((str(root),)), **with_library)
    Trust((str(root),), extensions=True).check(asking(**with_library))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sample_bytes": 101 << 20}, "--max-memory 101"),
        ({"runtime": Runtime(requests=9)}, "-nireq: 9 are more than this agent gives, 8"),
        ({"runtime": Runtime(streams=9)}, "-nstreams"),
        ({"runtime": Runtime(threads=9)}, "-nthreads"),
        ({"load": Load("async", 60.0, None, 1.5)}, "--max-duration 62"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_job_that_asks_for_more_than_the_owner_gives_is_refused(change: dict[str, Any], words: str) -> None:
    assert words in refused(Trust(caps=Caps(memory_mb=100, requests=8, duration_s=61)), **change)


def test_a_job_within_the_caps_is_taken() -> None:
    within = {"sample_bytes": 100 << 20, "runtime": Runtime(requests=8), "load": Load("async", 59.0, None, 2.0)}
    Trust(caps=Caps(memory_mb=100, requests=8, duration_s=61)).check(asking(**within))


def test_what_was_sent_may_be_opened_and_nothing_else(root: Path) -> None:
    sent = Trust(cache=str(root))
    sent.check(asking(model=Model(str(root / "model.xml"))))
    other = Model(str(root.parent / "other" / "model.xml"))
    assert "no file that was sent to this host for that" in refused(sent, model=other)
    assert f"--root {root}" in refused(Trust((str(root),), cache="/cache"), model=other)
    Trust((str(root.parent / "other"),), cache=str(root)).check(asking(model=other))


def test_what_was_sent_serves_as_model_and_input_and_as_what_runs_code_only_where_that_is_allowed(root: Path) -> None:
    """And nothing is written among it."""
    file = str(root / "model.bin")
    sent, allowed = Trust(cache=str(root)), Trust(cache=str(root), extensions=True)
    for changes in (
        {"runtime": Runtime(config={"SOME_PATH": file})},
        {"model": Model("builtin:tiny", extensions=(file,))},
    ):
        refused(sent, **changes)
        allowed.check(asking(**changes))
    for runtime in (Runtime(cache_dir=str(root)), Runtime(device=file)):
        assert "start its supervisor with --root DIR" in refused(allowed, runtime=runtime)


@pytest.mark.parametrize("where", ["../other/secret.npy", "/etc/hostname", f"{'./' * 70}../other/secret.npy"])
def test_data_that_an_onnx_model_wants_from_elsewhere_do_not_lead_out_of_it_either(root: Path, where: str) -> None:
    name = where.encode()
    length = bytes([len(name)]) if len(name) < 128 else bytes([len(name) & 0x7F | 0x80, len(name) >> 7])
    (root / "m.onnx").write_bytes(b"\n\x08location\x12" + length + name)
    assert "is not in" in refused(Trust((str(root),)), model=Model(str(root / "m.onnx")))
