"""Files of OpenVINO properties, in benchmark_app's format: {"CPU": {"NUM_STREAMS": "3"}}."""

import json
from collections.abc import Mapping
from pathlib import Path

from ovbench.common.errors import UsageError
from ovbench.common.nearbyfiles import did_you_mean_file


def read_config(file: Path) -> dict[str, str]:
    """The CPU's properties in a file, whatever it has for other devices beside them.

    Raises UsageError where it is not of the format, or is for other devices only.
    """
    try:
        devices = json.loads(file.read_text())
    except OSError as error:
        raise UsageError(f"-load_config {file}: {error.strerror or error}{did_you_mean_file(str(file))}") from None
    except ValueError as error:
        raise UsageError(f"-load_config {file}: this is not JSON: {error}") from None
    except RecursionError:
        raise UsageError(f"-load_config {file}: its brackets are nested too deeply for a list of properties") from None
    if not isinstance(devices, dict) or not all(isinstance(part, dict) for part in devices.values()):
        raise UsageError(f'-load_config {file}: the file must look like {{"CPU": {{"NUM_STREAMS": "3"}}}}')
    if devices and "CPU" not in devices:
        others = ", ".join(sorted(devices))
        raise UsageError(f"-load_config {file}: it has properties of {others} and none of the CPU; add a CPU section")
    return {name: _text(file, name, value) for name, value in devices.get("CPU", {}).items()}


def _text(file: Path, name: str, value: object) -> str:
    """As OpenVINO takes it: a number or truth value may be written as JSON has it, or as benchmark_app dumps it."""
    if isinstance(value, bool) or value in ("True", "False"):
        return "YES" if value in (True, "True") else "NO"
    if isinstance(value, str | int | float):
        return str(value)
    raise UsageError(f"-load_config {file}: the value of {name} must be a text or a number")


def config_json(properties: Mapping[str, str]) -> bytes:
    """What `read_config` reads."""
    return json.dumps({"CPU": dict(properties)}, indent=4).encode() + b"\n"
