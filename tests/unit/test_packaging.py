"""What is made of the sources for others: the distribution, and the container."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import Any, Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PROJECT: Final[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())
FOLDERS: Final[dict[str, str]] = PROJECT["tool"]["setuptools"]["package-dir"]


def test_every_folder_with_modules_is_a_package_and_every_package_is_there() -> None:
    tops = {folder.split("/")[0] for folder in FOLDERS.values()}
    found = {str(file.parent.relative_to(ROOT)) for top in tops for file in (ROOT / top).rglob("*.py")}
    assert found == set(FOLDERS.values())
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == set(FOLDERS)


def test_the_long_description_has_no_link_that_leads_nowhere_in_an_index() -> None:
    text = (ROOT / PROJECT["project"]["readme"]).read_text()
    assert [link for link in re.findall(r"\]\(([^)]*)\)", text) if not link.startswith("https://")] == []


def test_its_classifiers_name_the_pythons_that_it_asks_for() -> None:
    lowest = PROJECT["project"]["requires-python"].removeprefix(">=")
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["project"]["classifiers"]))
    assert named[0] == lowest


@pytest.mark.parametrize("ignored", [".containerignore", ".dockerignore"])
def test_a_container_is_made_of_all_that_the_distribution_needs(ignored: str) -> None:
    lines = (ROOT / "Containerfile").read_text().splitlines()
    copied = {
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    }
    needed = {folder.split("/")[0] for folder in FOLDERS.values()}
    needed |= {"pyproject.toml", PROJECT["project"]["readme"], *PROJECT["project"]["license-files"]}
    assert copied == needed
    assert {line[1:] for line in (ROOT / ignored).read_text().splitlines() if line.startswith("!")} == needed


def test_a_container_runs_as_a_user_without_rights() -> None:
    lines = (ROOT / "Containerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER ")] == ["USER ovbench"]
    assert max(lines.index("USER ovbench"), 0) < next(
        at for at, line in enumerate(lines) if line.startswith("ENTRYPOINT")
    )


@pytest.mark.long
def test_the_wheel_that_is_built_from_the_source_distribution_has_every_module(tmp_path: Path) -> None:
    """As an index would have them: the wheel from the unpacked source distribution."""
    build = f"import setuptools.build_meta as b; print(b.build_sdist({str(tmp_path)!r}))"
    # In a copy, as setuptools writes beside the sources.
    source = tmp_path / "source"
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, check=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path / "unpacked", filter="data")
    (unpacked,) = (tmp_path / "unpacked").iterdir()
    for name in ("docs/README.md", "docs/pictures/sync-async.svg", "tests/conftest.py", "scripts/test", "CHANGELOG.md"):
        assert (unpacked / name).exists(), name
    pip = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(tmp_path), "."]
    subprocess.run(pip, cwd=unpacked, capture_output=True, check=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as packed_wheel:
        names = set(packed_wheel.namelist())
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        told = Parser().parsestr(packed_wheel.read(metadata).decode())
    expected = {
        f"{package.replace('.', '/')}/{file.name}"
        for package, folder in FOLDERS.items()
        for file in (ROOT / folder).iterdir()
        if file.suffix in (".py", ".pyi", ".json", ".css", ".js") or file.name == "py.typed"
    }
    assert expected <= names
    assert told["License-Expression"] == "Apache-2.0"
    assert str(told.get_payload()).startswith("# ovbench\n")
