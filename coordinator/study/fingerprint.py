"""What must be the same where a study is resumed: models and inputs by their content, and the machine."""

import hashlib
import platform
import socket
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from ovbench.common.arrivals import Trace
from ovbench.common.builtin import PREFIX
from ovbench.common.digests import model_files, sha256, state_of
from ovbench.common.errors import UsageError
from ovbench.common.topology import Topology, format_cpu_list

from ..launch.environments import is_made
from ..launch.interpreter import examine
from ..request.request import Request
from ..result.study import AGENTS_IN, Fingerprint

_WEIGHTS: Final = (".bin", ".pdiparams")
"""Files beside a model of the same name that belong to it: of IR and Paddle."""


def fingerprint(runs: Iterable[Request], topology: Topology, hosts: Mapping[str, str] | None = None) -> Fingerprint:
    """Of all models in `runs` and the files that go with them, and this machine, with `hosts` what is known of others.
    Raises UsageError where one cannot be read."""
    all_runs = tuple(runs)
    files = sorted({file for request in all_runs for file in _files(request)})
    parts = sorted({part for file in files if not file.startswith(PREFIX) for part in model_files(file)})
    pythons = sorted({python for request in all_runs if (python := _python(request)) is not None})
    return Fingerprint(
        models={file: _digest(file) for file in files},
        machine={**_machine(topology), **_builds(pythons), **(hosts or {})},
        files={part: _sha256(part) for part in parts if Path(part).is_file()},
    )


def _python(request: Request) -> str | None:
    """Of its agents; None where they are the coordinator's, and where it is still to be made."""
    release = request.launch.openvino
    return request.launch.agent_python if release is None or is_made(release) else None


def _files(request: Request) -> Iterator[str]:
    """The model, libraries with operations, inputs, and a trace of arrivals; of the null device the trace alone. What a
    configuration file says is in the flags' own values."""
    if request.arrivals is not None and isinstance(request.arrivals.law, Trace):
        yield request.arrivals.law.name
    if request.backend is not None:
        return
    yield request.model.source
    yield from request.model.extensions
    for part in request.data.files:
        yield from part.paths


def changes(before: Fingerprint, now: Fingerprint) -> Iterator[str]:
    """What is not as it was, in words."""
    files = sorted({*before.files, *now.files}) if before.files and now.files else []  # an older study has none
    yield from (f"the file {file}" for file in files if before.files.get(file) != now.files.get(file))
    for model in sorted({*before.models, *now.models}):
        in_files = any(file == model or file.startswith(f"{model}/") for file in files)
        if before.models.get(model) != now.models.get(model) and not in_files:
            yield f"the file {model}"
    yield from _changed(before.machine, now.machine)


def _changed(before: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *now}):
        if before.get(name) != now.get(name):
            yield f"{name} (was {before.get(name, 'unknown')}, is {now.get(name, 'unknown')})"


def _machine(topology: Topology) -> dict[str, str]:
    return {
        "hostname": socket.gethostname(),
        "kernel": platform.release(),
        "cpu_model": topology.model or platform.machine(),
        "physical_cores": str(topology.physical_cores),
        "cpus": format_cpu_list(tuple(cpu.id for cpu in topology.cpus)),
        "allowed_cpus": format_cpu_list(tuple(topology.allowed)),
        "openvino": version("openvino"),
        "ovbench": version("ovbench"),
    }


def _builds(pythons: Iterable[str]) -> dict[str, str]:
    """OpenVINO and ovbench of the agents that run in a Python of their own."""
    known = map(examine, pythons)
    return {f"{AGENTS_IN}{one.path}": f"openvino {one.openvino}, ovbench {one.ovbench}" for one in known}


def _digest(model: str) -> str:
    """SHA-256 of a file and, of a model, its weights, or of all files in a folder; a built-in model is ovbench's."""
    if model.startswith(PREFIX):
        return f"{model} of ovbench {version('ovbench')}"
    file = Path(model)
    if file.is_file():
        parts = [file, *(beside for suffix in _WEIGHTS if (beside := file.with_suffix(suffix)).is_file())]
        return hashlib.sha256(b"".join(bytes.fromhex(_sha256(str(part))) for part in parts)).hexdigest()
    digest = hashlib.sha256()
    try:
        for one in sorted(file.rglob("*")):
            digest.update(one.read_bytes() if one.is_file() else b"")
    except OSError as error:
        raise UsageError(f"{model} cannot be read: {error.strerror or error}") from None
    return digest.hexdigest()


def _sha256(path: str) -> str:
    """Raises UsageError where it cannot be read."""
    try:
        return sha256(path, state_of(path))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}") from None
