"""Models and inputs of runs over several hosts: whole runs, whose hosts have a cache each."""

import os
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests import spawned
from tests.process.byhand import Convoy, convoy
from tests.process.driver import COORDINATOR, PATIENCE_S, Ran

LOAD: Final = ("-api", "sync", "--agents", "1", "--warmup", "0.1", "-niter", "200")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With an input beside it."""
    file = tmp_path_factory.mktemp("model") / "small.xml"
    export = [COORDINATOR, "export-model", "builtin:tiny", str(file)]
    spawned.run(export, check=True, capture_output=True, timeout=PATIENCE_S)
    np.save(file.with_suffix(".npy"), np.ones((1, 16), np.float32))
    return file


def joined(folder: Path, *options: str) -> Convoy:
    """Two hosts that keep what they are sent in folders of their own."""
    found = convoy(folder, *LOAD, *options, together=False)
    cpus = sorted(os.sched_getaffinity(0))
    for index, name in enumerate("ab"):
        found.join(name, "--model-cache", str(folder.parent / f"cache-{name}"), cpu=cpus[index % len(cpus)])
    return found


def ran(folder: Path, *options: str) -> Ran:
    folder.mkdir()
    return joined(folder, *options).finish()


def kept(folder: Path) -> dict[str, int]:
    """Inodes of the files that the hosts have."""
    files = (file for name in "ab" for file in (folder / f"cache-{name}").glob("sets/*/files/*"))
    return {str(file): file.stat().st_ino for file in files}


def test_hosts_are_sent_the_model_and_the_inputs_once(tmp_path: Path, model: Path) -> None:
    words = ("-m", str(model), "-i", str(model.with_suffix(".npy")))
    first = ran(tmp_path / "first", *words)
    assert first.code in (0, 4), first.err
    there = kept(tmp_path)
    names = sorted(Path(file).name for file in there)
    assert names == ["000000-small.npy"] * 2 + ["small.bin"] * 2 + ["small.xml"] * 2
    files = first.report["effective"]["files"]
    assert {one["name"] for one in files} == {
        str(model), str(model.with_suffix(".bin")), str(model.with_suffix(".npy"))
    }  # fmt: skip
    second = ran(tmp_path / "second", *words)
    assert second.code in (0, 4), second.err
    assert kept(tmp_path) == there
    assert second.report["effective"]["files"] == files


def test_a_host_that_cannot_keep_the_model_is_named_with_the_file(tmp_path: Path, model: Path) -> None:
    (tmp_path / "cache-b").write_text("in the way")
    found = ran(tmp_path / "run", "-m", str(model))
    assert found.code == 2
    assert f"host b: small.xml cannot be kept in the model cache: {tmp_path / 'cache-b'}: Not a directory" in found.err


def test_a_model_that_openvino_refuses_is_told_with_the_users_name(tmp_path: Path, model: Path) -> None:
    bad = tmp_path / "bad.xml"
    bad.write_text("this is no model")
    found = ran(tmp_path / "run", "-m", str(bad))
    assert found.code == 2
    assert str(bad) in found.err
    assert "cache-" not in found.err


def test_libraries_are_not_sent_unasked(tmp_path: Path, model: Path) -> None:
    (tmp_path / "lib.so").write_bytes(b"code")
    found = ran(tmp_path / "run", "-m", str(model), "-extensions", str(tmp_path / "lib.so"))
    assert found.code == 2
    assert f"-extensions {tmp_path / 'lib.so'}: libraries and the files of properties go to other hosts only with" in (
        found.err
    )
    assert kept(tmp_path) == {}
