"""What must be the same where a study is resumed: the models by their content, and the machine."""

import hashlib
import platform
import socket
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

from ovbench.common.errors import UsageError
from ovbench.common.topology import Topology, format_cpu_list

from ..options import Options
from .record import Fingerprint

_WEIGHTS: Final = (".bin", ".pdiparams")
"""Files beside a model of the same name that belong to it: of IR and Paddle."""


def fingerprint(runs: Iterable[Options], topology: Topology) -> Fingerprint:
    """Of all models in `runs`, and this machine. Raises UsageError where a model cannot be read."""
    models = sorted({options.model for options in runs if options.null_service_us is None})
    return Fingerprint(models={model: _digest(model) for model in models}, machine=_machine(topology))


def changes(before: Fingerprint, now: Fingerprint) -> Iterator[str]:
    """What is not as it was, in words."""
    for model in sorted({*before.models, *now.models}):
        if before.models.get(model) != now.models.get(model):
            yield f"the model {model}"
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


def _digest(model: str) -> str:
    """SHA-256 of a model's file and its weights; a built-in one is that of ovbench's and OpenVINO's versions."""
    if model.startswith("builtin:"):
        return f"{model} of ovbench {version('ovbench')}"
    file = Path(model)
    digest = hashlib.sha256()
    for part in [file, *(beside for suffix in _WEIGHTS if (beside := file.with_suffix(suffix)).is_file())]:
        try:
            if part.is_file():
                with part.open("rb") as stream:
                    digest.update(hashlib.file_digest(stream, "sha256").digest())
            else:
                for one in sorted(part.rglob("*")):
                    digest.update(one.read_bytes() if one.is_file() else b"")
        except OSError as error:
            raise UsageError(f"-m {model}: {part} cannot be read: {error.strerror or error}") from None
    return digest.hexdigest()
