"""Files of OpenVINO properties, in benchmark_app's format: {"CPU": {"NUM_STREAMS": "3"}}."""

import json
from collections.abc import Mapping
from pathlib import Path

from ovbench.common.errors import UsageError


def read_config(file: Path) -> dict[str, str]:
    """The CPU's properties in a file. Raises UsageError where it is not of the format, or is for other devices too."""
    try:
        devices = json.loads(file.read_text())
    except OSError as error:
        raise UsageError(f"-load_config {file}: {error.strerror or error}") from None
    except ValueError as error:
        raise UsageError(f"-load_config {file}: this is not JSON: {error}") from None
    if not isinstance(devices, dict) or not all(isinstance(part, dict) for part in devices.values()):
        raise UsageError(f'-load_config {file}: the file must look like {{"CPU": {{"NUM_STREAMS": "3"}}}}')
    others = sorted(set(devices) - {"CPU"})
    if others:
        raise UsageError(f"-load_config {file}: it has properties of {', '.join(others)}; ovbench measures CPUs")
    return {name: _text(file, name, value) for name, value in devices.get("CPU", {}).items()}


def _text(file: Path, name: str, value: object) -> str:
    """As OpenVINO takes it: a number or a truth value may be written as JSON has them."""
    if isinstance(value, bool):
        return "YES" if value else "NO"
    if isinstance(value, str | int | float):
        return str(value)
    raise UsageError(f"-load_config {file}: the value of {name} must be a text or a number")


def config_json(properties: Mapping[str, str]) -> bytes:
    """What `read_config` reads."""
    return json.dumps({"CPU": dict(properties)}, indent=4).encode() + b"\n"
