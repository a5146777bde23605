"""Environments for releases of OpenVINO: made by a real pip, from a folder of wheels instead of PyPI."""

import subprocess
import zipfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.launch.environments import is_made, make, published
from ovbench.coordinator.launch.interpreter import examine
from ovbench.coordinator.request.release import environment_python

RELEASES = ("2025.3.0", "2025.4.0", "2025.4.1")


def write_wheel(folder: Path, release: str) -> None:
    """Of an OpenVINO that has nothing in it."""
    info = f"openvino-{release}.dist-info"
    files = {
        "openvino/__init__.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: openvino\nVersion: {release}\nRequires-Dist: nothing\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD"))
    with zipfile.ZipFile(folder / f"openvino-{release}-py3-none-any.whl", "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that pip has wheels from; the cache is empty."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for release in RELEASES:
        write_wheel(folder, release)
    for name, value in {"CONFIG_FILE": "/dev/null", "NO_INDEX": "1", "FIND_LINKS": str(folder)}.items():
        monkeypatch.setenv(f"PIP_{name}", value)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    environment_python.cache_clear()
    yield folder
    environment_python.cache_clear()


def test_a_release_is_installed_once_and_all_else_is_shared(index: Path) -> None:
    said: list[str] = []
    assert not is_made("2025.4")
    make(["2025.4"], said.append)
    assert is_made("2025.4")
    assert said[0].startswith("installing OpenVINO 2025.4 in ")
    python = environment_python("2025.4")
    found = examine(python)
    assert found.openvino == "2025.4.1", "the newest of its kind"
    assert found.ovbench == version("ovbench")
    assert found.libraries["numba"] == version("numba")
    where = subprocess.run(
        [python, "-c", "import openvino, numba; print(openvino.__file__, numba.__file__)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    ours, shared = where.stdout.split()
    assert ours.startswith(str(Path(python).parents[1]))
    assert not shared.startswith(str(Path(python).parents[1]))
    for wheel in index.iterdir():
        wheel.unlink()
    make(["2025.4"], said.append)
    assert len(said) == 1


def test_a_release_that_the_index_lacks_is_refused_with_those_that_there_are(index: Path) -> None:
    with pytest.raises(UsageError) as refused:
        make(["2019.1"], lambda text: None)
    assert str(refused.value).startswith("--openvino 2019.1: there is no such release for Python 3")
    assert str(refused.value).endswith("there are 2025.3, 2025.4")
    assert not is_made("2019.1")
    assert not Path(environment_python("2019.1")).exists()


def test_an_index_with_no_release_at_all_is_reported(index: Path) -> None:
    for wheel in index.iterdir():
        wheel.unlink()
    with pytest.raises(UsageError) as refused:
        make(["2025.4"], lambda text: None)
    assert "--openvino 2025.4: pip could not install it: " in str(refused.value)
    with pytest.raises(UsageError) as refused:
        published()
    assert "pip cannot list the releases" in str(refused.value)


def test_the_releases_that_there_are_are_listed_from_the_oldest(index: Path) -> None:
    write_wheel(index, "2025.10.0")
    assert published() == (*RELEASES, "2025.10.0")


def test_an_installation_that_is_stopped_leaves_nothing_that_seems_whole(index: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        make(["2025.3"], lambda text: None, lambda: True)
    assert not is_made("2025.3")
    make(["2025.3"], lambda text: None)
    assert examine(environment_python("2025.3")).openvino == "2025.3.0"
