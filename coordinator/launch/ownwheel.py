"""ovbench as it is installed here, as a wheel: for hosts that are to have the same."""

import base64
import hashlib
import importlib.util
import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from ovbench.common.errors import UsageError

_NAME: Final = "ovbench"
_PACKAGES: Final = {
    "ovbench": "*",
    "ovbench.common": "**/*",
    "ovbench.agent": "**/*",
    "ovbench.coordinator": "**/*",
}
"""Each with its files: where it is not installed by a wheel, its packages may lie in different folders."""
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest that a zip file can have: the same files make the same wheel."""
_DIGEST_LETTERS: Final = 12


@dataclass(frozen=True)
class OwnWheel:
    """`versions`: of what it needs, as they are here, for pip. `key`: version and a digest of all of it."""

    file: str
    data: bytes
    versions: tuple[str, ...]
    key: str


def own_wheel() -> OwnWheel:
    """Of the modules that this process would import, however they were installed: by a wheel, or editable.

    Raises UsageError where ovbench runs without being installed, so that nobody knows what it needs.
    """
    try:
        distribution = metadata.distribution(_NAME)
        needs = [need for need in distribution.requires or () if "extra ==" not in need]
        versions = tuple(sorted(f"{name}=={metadata.version(name)}" for name in map(_name_of, needs)))
    except metadata.PackageNotFoundError as error:
        raise UsageError(f"--install: {error.name} is not installed here, only imported; pip install ovbench") from None
    version = distribution.version
    info = f"{_NAME}-{version}.dist-info"
    contents = dict(_modules())
    contents[f"{info}/METADATA"] = _metadata(version, distribution.metadata["Requires-Python"], needs)
    contents[f"{info}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: ovbench\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    contents[f"{info}/entry_points.txt"] = (distribution.read_text("entry_points.txt") or "").encode()
    record = "".join(f"{name},{_record_hash(data)},{len(data)}\n" for name, data in sorted(contents.items()))
    digest = hashlib.sha256("\n".join((record, *versions)).encode()).hexdigest()
    contents[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n".encode()
    return OwnWheel(
        file=f"{_NAME}-{version}-py3-none-any.whl",
        data=_zipped(contents),
        versions=versions,
        key=f"{version}-{digest[:_DIGEST_LETTERS]}",
    )


def _modules() -> Iterator[tuple[str, bytes]]:
    """Their files, and the data beside them, by the names that they have in a wheel."""
    for package, files in _PACKAGES.items():
        found = importlib.util.find_spec(package)
        for folder in (found and found.submodule_search_locations) or ():
            for file in sorted(Path(folder).glob(files)):
                if file.is_file() and file.suffix != ".pyc":
                    yield f"{package.replace('.', '/')}/{file.relative_to(folder).as_posix()}", file.read_bytes()


def _metadata(version: str, python: str, needs: list[str]) -> bytes:
    lines = [f"Metadata-Version: 2.1\nName: {_NAME}\nVersion: {version}\nRequires-Python: {python}"]
    return ("\n".join([*lines, *(f"Requires-Dist: {need}" for need in needs)]) + "\n").encode()


def _name_of(need: str) -> str:
    found = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", need)
    assert found is not None
    return found[0]


def _record_hash(data: bytes) -> str:
    """As RECORD has it (packaging.python.org, recording installed projects)."""
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def _zipped(contents: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as wheel:
        for name, data in sorted(contents.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
    return buffer.getvalue()
