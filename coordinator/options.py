"""A run as requested: argv becomes typed values once, here; what is contradictory is refused, also here."""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

from ovbench.common import builtin
from ovbench.common.errors import UsageError
from ovbench.common.job import Api, Hint

from .config import read_config
from .flags import DEFAULT_MODEL, DEFAULT_SECONDS, HINTS, export_parser, gnu, run_parser


@dataclass(frozen=True)
class Options:
    """A run as requested; None where the user left the choice to ovbench or OpenVINO."""

    model: str
    device: str
    api: Api
    hint: Hint
    streams: int | None
    threads: int | None
    requests: int | None
    batch: int | None
    duration_s: float | None
    iterations: int | None
    warmup_s: float
    agents: int | None
    null_service_us: float | None
    seed: int
    launcher: str
    bind: str | None
    join_timeout_s: float
    report_folder: Path | None
    save_samples: bool
    sample_memory_mb: int
    json: bool
    dry_run: bool
    precision: str | None = None
    pinning: Literal["YES", "NO"] | None = None
    cache_dir: Path | None = None
    extensions: tuple[Path, ...] = ()
    config: Mapping[str, str] = field(default_factory=dict)
    dump_config: Path | None = None

    def requested(self) -> dict[str, str | int | float | bool | None]:
        """For the report, by the names of the command line."""
        return {
            "model": self.model,
            "device": self.device,
            "api": self.api,
            "hint": self.hint,
            "nstreams": self.streams,
            "nthreads": self.threads,
            "nireq": self.requests,
            "batch": self.batch,
            "time_s": self.duration_s,
            "niter": self.iterations,
            "warmup_s": self.warmup_s,
            "agents": self.agents,
            "infer_precision": self.precision,
            "pin": self.pinning,
            "cache_dir": None if self.cache_dir is None else str(self.cache_dir),
            "extensions": ",".join(map(str, self.extensions)) or None,
            "load_config": ",".join(f"{name}={value}" for name, value in self.config.items()) or None,
            "backend": "openvino" if self.null_service_us is None else f"null:{self.null_service_us:g}",
            "seed": self.seed,
            "launcher": self.launcher,
            "sample_memory_mb": self.sample_memory_mb,
        }


@dataclass(frozen=True)
class ExportModel:
    """The request `export-model builtin:NAME FILE.xml`."""

    name: str
    file: Path


def parse(argv: Sequence[str]) -> Options | ExportModel:
    """Raises UsageError, one sentence, for whatever is wrong with `argv`. `--help` and `--version` end the process."""
    if argv and argv[0] == "export-model":
        return _parse_export(argv[1:])
    if argv and not argv[0].startswith("-"):
        raise UsageError(f"unknown command '{argv[0]}'; the commands are export-model, or none to run a benchmark")
    return _checked(run_parser().parse_args([gnu(word) for word in argv]))


def _parse_export(argv: Sequence[str]) -> ExportModel:
    options = export_parser().parse_args(list(argv))
    _check_builtin(options.model if options.model.startswith(builtin.PREFIX) else builtin.PREFIX + options.model)
    file: Path = options.file.absolute()
    if file.suffix != ".xml":
        raise UsageError(f"{options.file}: the file must end in .xml (its weights go beside it in .bin)")
    if not file.parent.is_dir():
        raise UsageError(f"{options.file}: the folder {file.parent} does not exist")
    return ExportModel(options.model.removeprefix(builtin.PREFIX), file)


def _checked(raw: argparse.Namespace) -> Options:
    config = read_config(raw.load_config) if raw.load_config is not None else {}
    api, hint = _api_and_hint(raw, config)
    return Options(
        model=_model(raw.model) if raw.backend is None else raw.model,
        device=_device(raw.device),
        api=api,
        hint=hint,
        streams=raw.streams,
        threads=raw.threads,
        requests=raw.requests,
        batch=raw.batch,
        duration_s=raw.time if raw.time is not None or raw.iterations is not None else DEFAULT_SECONDS,
        iterations=_iterations(raw),
        warmup_s=raw.warmup,
        agents=raw.agents,
        null_service_us=raw.backend,
        seed=raw.seed,
        launcher=raw.launcher,
        bind=_bind(raw),
        join_timeout_s=raw.join_timeout or (3.5 if raw.launcher == "local" else 20.0),
        report_folder=raw.report_folder,
        save_samples=raw.save_samples,
        sample_memory_mb=raw.sample_memory,
        json=raw.json,
        dry_run=raw.dry_run,
        precision=raw.precision,
        pinning=raw.pinning,
        cache_dir=raw.cache_dir.expanduser().absolute() if raw.cache_dir is not None else None,
        extensions=_extensions(raw.extensions),
        config=config,
        dump_config=_writable(raw.dump_config),
    )


def _api_and_hint(raw: argparse.Namespace, config: Mapping[str, str]) -> tuple[Api, Hint]:
    """benchmark_app's defaults, with one difference: fine tuning without -hint means -hint none.

    A hint in the configuration file stands where no flag says otherwise; it is not a flag, so it is `none` here.
    """
    fine = (("-nstreams", raw.streams), ("-nthreads", raw.threads), ("-pin", raw.pinning))
    tuned = [name for name, value in fine if value is not None]
    hint = HINTS[raw.hint] if raw.hint is not None else None
    if tuned and hint not in (None, "none"):
        raise UsageError(f"{tuned[0]} and -hint {raw.hint} contradict each other; use -hint none, or leave one out")
    api: Api = raw.api or ("sync" if hint == "latency" else "async")
    if hint is None:
        hint = "none" if tuned or "PERFORMANCE_HINT" in config else "latency" if api == "sync" else "throughput"
    return api, hint


def _writable(file: Path | None) -> Path | None:
    """Said before the run, not after it."""
    if file is not None and not file.absolute().parent.is_dir():
        raise UsageError(f"-dump_config {file}: the folder {file.absolute().parent} does not exist")
    return file


def _extensions(text: str) -> tuple[Path, ...]:
    paths = tuple(Path(part).expanduser().absolute() for part in text.split(",") if part)
    for path in paths:
        if not path.is_file():
            raise UsageError(f"-extensions {path}: there is no such file")
    return paths


def _model(text: str) -> str:
    if text.startswith(builtin.PREFIX):
        return _check_builtin(text)
    try:
        path = Path(text).expanduser().absolute()
        found = path.exists()
    except (OSError, RuntimeError) as error:  # a name too long, a folder that is closed to us, ~ of an unknown user
        raise UsageError(f"-m {text}: the file cannot be found: {getattr(error, 'strerror', None) or error}") from None
    if not found:
        raise UsageError(f"-m {text}: there is no such file; give a model file, or {DEFAULT_MODEL}")
    if path.is_file() and path.stat().st_size == 0:
        raise UsageError(f"-m {text}: the file is empty")
    if not os.access(path, os.R_OK):
        raise UsageError(f"-m {text}: the file cannot be read (its permissions forbid it)")
    return str(path)


def _check_builtin(text: str) -> str:
    if text.removeprefix(builtin.PREFIX) not in builtin.NAMES:
        known = ", ".join(builtin.PREFIX + name for name in builtin.NAMES)
        raise UsageError(f"there is no built-in model '{text}'; there are {known}")
    return text


def _device(text: str) -> str:
    if text.upper() != "CPU":
        raise UsageError(f"-d {text}: ovbench measures CPUs; use -d CPU or leave it out")
    return "CPU"


def _iterations(raw: argparse.Namespace) -> int | None:
    count = cast("int | None", raw.iterations)
    if count and raw.agents and count < raw.agents:
        raise UsageError(f"-niter {count} gives some of {raw.agents} agents nothing to do; use {raw.agents} or more")
    return count


def _bind(raw: argparse.Namespace) -> str | None:
    bind = cast("str | None", raw.bind)
    if raw.launcher == "local":
        if bind is not None:
            raise UsageError("--bind is for agents that are started by hand; add --launcher external")
        return None
    if bind is None:
        raise UsageError("--launcher external needs --bind ENDPOINT, as in --bind ipc:///tmp/ovbench-bus")
    if raw.agents is None:
        raise UsageError("--launcher external needs --agents N: how many to wait for")
    if bind.startswith("ipc:///"):
        return bind
    if bind.startswith(("tcp://127.", "tcp://localhost:", "tcp://[::1]:")):
        return bind
    raise UsageError(f"--bind {bind}: use ipc:///path/to/socket, or tcp://127.0.0.1:PORT for agents on this host")
