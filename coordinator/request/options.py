"""A run as requested: argv becomes typed values once, here; what is contradictory is refused, also here."""

import argparse
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, cast

from ovbench.common import builtin
from ovbench.common.endpoint import checked
from ovbench.common.errors import UsageError
from ovbench.common.job import COMPILED_SUFFIX, Api, Data, Hint, InputFiles, MemoryPolicy, Preprocessing
from ovbench.common.samplememory import MOST_REQUESTS
from ovbench.common.shape import Dimension, Shape, format_dimension, format_shape

from ..commands.saved import SavedRequest, parse_compare, parse_export, parse_show
from ..machine.machinetree import check_planned, check_tree
from ..study.request import StudyRequest, parse_study
from . import notation
from .config import read_config
from .flags import (
    DEFAULT_MODEL,
    DEFAULT_SECONDS,
    DEFAULT_WARMUP_SECONDS,
    HINTS,
    PcSort,
    PlotFormat,
    ReportType,
    export_parser,
    gnu,
    run_parser,
    topology_parser,
)
from .inputfiles import input_files
from .nullbackend import Faults, NullSpec
from .policy import Policy
from .requirement import Requirement, parse_requirement
from .spelling import did_you_mean
from .thresholds import Thresholds, thresholds_of

_VIRTUAL_DEVICES: Final = ("AUTO", "MULTI", "HETERO")


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
    batch: Dimension | None
    duration_s: float | None
    iterations: int | None
    warmup_s: float
    policy: Policy
    null_service_us: float | None
    seed: int
    launcher: str
    bind: str | None
    join_timeout_s: float
    prepare_timeout_s: float
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
    perf_counts: bool = False
    pcsort: PcSort | None = None
    pcseq: bool = False
    report_type: ReportType | None = None
    json_stats: bool = False
    latency_percentile: int = 50
    max_irate: float = 0.0
    exec_graph_path: Path | None = None
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    data_shapes: Mapping[str, tuple[Shape, ...]] = field(default_factory=dict)
    layouts: Mapping[str, str] = field(default_factory=dict)
    whole_file: bool = False
    preprocessing: Preprocessing = field(default_factory=Preprocessing)
    files: tuple[InputFiles, ...] = ()
    inference_only: bool | None = None
    first_inference: bool = True
    count_layers: bool | None = None
    sysfs: Path | None = None
    memory: MemoryPolicy | None = None
    null_faults: Faults = field(default_factory=Faults)
    check_outputs: bool = True
    strict: bool = False
    thresholds: Thresholds = field(default_factory=Thresholds)
    requirements: tuple[Requirement, ...] = ()
    html: bool = False
    plots: PlotFormat | None = None
    agent_python: str | None = None

    @property
    def data(self) -> Data:
        return Data(files=self.files, seed=self.seed)

    def requested(self) -> dict[str, str | int | float | bool | None]:
        """For the report, by the names of the command line."""
        return {**self._requested_load(), **self._requested_settings(), **self._requested_inputs()}

    def _requested_load(self) -> dict[str, str | int | float | bool | None]:
        return {
            "model": self.model,
            "device": self.device,
            "api": self.api,
            "hint": self.hint,
            "time_s": self.duration_s,
            "niter": self.iterations,
            "max_irate": self.max_irate,
            "warmup_s": self.warmup_s,
            "no_warmup": not self.first_inference,
            "inference_only": self.inference_only,
            **self.policy.requested(),
            "memory": None if self.memory is None else self.memory.asked,
            "backend": "openvino"
            if self.null_service_us is None
            else f"null:{self.null_service_us:g}{self.null_faults}",
            "seed": self.seed,
            "launcher": self.launcher,
            "agent_python": self.agent_python,
            "sample_memory_mb": self.sample_memory_mb,
            "check_outputs": self.check_outputs,
            "strict": self.strict,
            "require": "; ".join(requirement.text for requirement in self.requirements) or None,
        }

    def _requested_settings(self) -> dict[str, str | int | float | bool | None]:
        return {
            "nstreams": self.streams,
            "nthreads": self.threads,
            "nireq": self.requests,
            "infer_precision": self.precision,
            "pin": self.pinning,
            "cache_dir": _text(self.cache_dir),
            "extensions": ",".join(map(str, self.extensions)) or None,
            "load_config": ",".join(f"{name}={value}" for name, value in self.config.items()) or None,
            "load_from_file": self.whole_file,
            "pc": self.perf_counts,
            "pcsort": self.pcsort,
            "pcseq": self.pcseq,
            "report_type": self.report_type,
            "json_stats": self.json_stats,
            "latency_percentile": self.latency_percentile,
            "exec_graph_path": _text(self.exec_graph_path),
            "dump_config": _text(self.dump_config),
        }

    def _requested_inputs(self) -> dict[str, str | int | float | bool | None]:
        changes = self.preprocessing
        files = (f"{part.input}:" * (part.input is not None) + ",".join(part.paths) for part in self.files)
        return {
            "paths_to_input": ",".join(files) or None,
            "batch": None if self.batch is None else format_dimension(self.batch),
            "shape": notation.by_input(self.shapes, format_shape),
            "data_shape": notation.by_input(self.data_shapes, notation.form_shapes),
            "layout": notation.by_input(self.layouts, "[{}]".format),
            "input_precision": changes.input_type,
            "output_precision": changes.output_type,
            "input_output_precision": notation.by_input(changes.types, ":{}".format),
            "mean_values": notation.by_input(changes.mean, notation.form_numbers),
            "scale_values": notation.by_input(changes.scale, notation.form_numbers),
        }


@dataclass(frozen=True)
class ExportModel:
    """The request `export-model builtin:NAME FILE.xml`."""

    name: str
    file: Path


@dataclass(frozen=True)
class ShowTopology:
    """The request `topology`: of this machine, or of the tree in `sysfs`; `record`: a folder to write to instead."""

    sysfs: Path | None
    record: Path | None
    json: bool


Request = Options | ExportModel | ShowTopology | SavedRequest | StudyRequest


def parse(argv: Sequence[str]) -> Request:
    """Raises UsageError, one sentence, for whatever is wrong with `argv`. `--help` and `--version` end the process."""
    if argv and not argv[0].startswith("-"):
        command = _commands().get(argv[0])
        if command is None:
            raise UsageError(f"unknown command '{argv[0]}'{_known_commands(argv[0])}")
        _refuse_undecodable(argv)
        return command(argv[1:])
    options = _checked(run_parser().parse_args([gnu(word) for word in argv]))
    _refuse_undecodable([*argv, *map(str, options.requested().values())])
    return options


def _commands() -> dict[str, Callable[[Sequence[str]], Request]]:
    return {
        "compare": parse_compare,
        "export": parse_export,
        "export-model": _parse_export,
        "show": parse_show,
        "study": parse_study,
        "topology": _parse_topology,
    }


def _known_commands(word: str) -> str:
    commands = _commands()
    return did_you_mean(word, commands) or f"; the commands are {', '.join(commands)}, or none to run a benchmark"


def _refuse_undecodable(texts: Sequence[str]) -> None:
    """Bytes that are no UTF-8, as names of files may have; they fit neither a job nor a report, which are UTF-8."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise UsageError(f"{text!a}: character {error.start + 1} of it is not UTF-8; use another name") from None


def _parse_export(argv: Sequence[str]) -> ExportModel:
    options = export_parser().parse_args(list(argv))
    _check_builtin(options.model if options.model.startswith(builtin.PREFIX) else builtin.PREFIX + options.model)
    file: Path = options.file.absolute()
    if file.suffix != ".xml":
        raise UsageError(f"{options.file}: the file must end in .xml (its weights go beside it in .bin)")
    if not file.parent.is_dir():
        raise UsageError(f"{options.file}: the folder {file.parent} does not exist")
    return ExportModel(options.model.removeprefix(builtin.PREFIX), file)


def _parse_topology(argv: Sequence[str]) -> ShowTopology:
    raw = topology_parser().parse_args(list(argv))
    if raw.record is not None and (raw.sysfs is not None or raw.json):
        other = "--json" if raw.sysfs is None else f"--sysfs {raw.sysfs}"
        raise UsageError(f"--record {raw.record} and {other} contradict each other; record this machine, then read it")
    sysfs = None if raw.sysfs is None else check_tree("--sysfs", _absolute("--sysfs", raw.sysfs))
    record = None if raw.record is None else _absolute("--record", raw.record)
    return ShowTopology(sysfs, record, raw.json)


def _sysfs(raw: argparse.Namespace) -> Path | None:
    if raw.sysfs is None:
        return None
    check_planned(raw.sysfs, raw.dry_run)
    return check_tree("--sysfs", _absolute("--sysfs", raw.sysfs))


def _checked(raw: argparse.Namespace) -> Options:
    _refuse_contradictions(raw)
    config = read_config(raw.load_config) if raw.load_config is not None else {}
    api, hint = _api_and_hint(raw, config)
    null = cast("NullSpec | None", raw.backend)
    return Options(
        model=_model(raw.model) if null is None else raw.model,
        device=_device(raw.device),
        api=api,
        hint=hint,
        streams=raw.streams,
        threads=raw.threads or None,
        requests=_requests(raw.requests),
        batch=raw.batch,
        duration_s=raw.time if raw.time is not None or raw.iterations is not None else DEFAULT_SECONDS,
        iterations=_iterations(raw, api),
        warmup_s=_warmup(raw),
        policy=_policy(raw),
        null_service_us=None if null is None else null.service_us,
        seed=raw.seed,
        launcher=raw.launcher,
        agent_python=_agent_python(raw),
        bind=_bind(raw),
        join_timeout_s=raw.join_timeout or (3.5 if raw.launcher == "local" else 20.0),
        prepare_timeout_s=raw.prepare_timeout or 600.0,
        report_folder=raw.report_folder,
        save_samples=raw.save_samples,
        sample_memory_mb=raw.sample_memory,
        json=raw.json,
        dry_run=raw.dry_run,
        precision=raw.precision,
        pinning=raw.pinning,
        cache_dir=_cache_dir(raw.cache_dir),
        extensions=_extensions(raw.extensions),
        config=config,
        dump_config=_writable("-dump_config", raw.dump_config),
        perf_counts=bool(raw.perf_counts),
        pcsort=raw.pcsort,
        pcseq=raw.pcseq,
        report_type=raw.report_type,
        json_stats=raw.json_stats,
        latency_percentile=raw.latency_percentile,
        max_irate=raw.max_irate,
        exec_graph_path=_writable("-exec_graph_path", raw.exec_graph_path),
        shapes=notation.shapes("-shape", raw.shape),
        data_shapes=notation.data_shapes("-data_shape", raw.data_shape),
        layouts=notation.layouts("-layout", raw.layout),
        whole_file=bool(raw.whole_file),
        preprocessing=_preprocessing(raw),
        files=input_files(raw.inputs),
        inference_only=raw.inference_only,
        first_inference=not raw.no_warmup,
        count_layers=_count_layers(raw, config),
        sysfs=_sysfs(raw),
        memory=raw.memory,
        check_outputs=raw.check_outputs,
        strict=raw.strict,
        null_faults=Faults() if null is None else null.faults,
        thresholds=thresholds_of(raw),
        requirements=tuple(parse_requirement("--require", text, relative=False) for text in raw.require),
        html=raw.html,
        plots=raw.plots,
    )


def _refuse_contradictions(raw: argparse.Namespace) -> None:
    if raw.kernels is not None:
        raise UsageError(f"-c {raw.kernels}: these are kernels for GPUs, and ovbench measures CPUs; leave it out")
    if raw.perf_counts is False and (raw.pcsort or _reports_layers(raw)):
        other = f"-pcsort {raw.pcsort}" if raw.pcsort else f"-report_type {raw.report_type}"
        raise UsageError(f"-pc no and {other} contradict each other: it is the time of layers that is reported")
    changes = _changes_to_the_model(raw)
    if changes and str(raw.model).endswith(COMPILED_SUFFIX):
        raise UsageError(f"{changes[0]} cannot be applied to {raw.model}: it is compiled already; compile it with that")
    if changes and raw.whole_file:
        raise UsageError(f"{changes[0]} and -lfile contradict each other: the model is compiled from the file as it is")


def _changes_to_the_model(raw: argparse.Namespace) -> list[str]:
    """What needs a model that has been read; benchmark_app refuses some of it where there is none, and ignores some."""
    asked = {
        "-b": raw.batch,
        "-shape": raw.shape,
        "-ip": raw.input_type,
        "-op": raw.output_type,
        "-iop": raw.types,
        "--mean_values": raw.mean,
        "--scale_values": raw.scale,
    }
    return [flag for flag, value in asked.items() if value]


def _reports_layers(raw: argparse.Namespace) -> bool:
    return raw.report_type in ("average_counters", "detailed_counters")


def _count_layers(raw: argparse.Namespace, config: Mapping[str, str]) -> bool | None:
    """benchmark_app's rules (main.py, "Set performance counter"); None leaves it to the configuration file."""
    if raw.perf_counts is not None:
        return bool(raw.perf_counts)
    if config.get("PERF_COUNT") == "YES":
        return None
    return _reports_layers(raw) or raw.exec_graph_path is not None or raw.pcsort is not None


def _preprocessing(raw: argparse.Namespace) -> Preprocessing:
    return Preprocessing(
        input_type=notation.element_type(raw.input_type) if raw.input_type else None,
        output_type=notation.element_type(raw.output_type) if raw.output_type else None,
        types=notation.element_types("-iop", raw.types),
        mean=notation.means("--mean_values", raw.mean),
        scale=notation.scales("--scale_values", raw.scale),
    )


def _warmup(raw: argparse.Namespace) -> float:
    if raw.warmup is not None:
        return float(raw.warmup)
    return 0.0 if raw.no_warmup else DEFAULT_WARMUP_SECONDS


def _api_and_hint(raw: argparse.Namespace, config: Mapping[str, str]) -> tuple[Api, Hint]:
    """benchmark_app's defaults, with one difference: fine tuning without -hint means -hint none.

    A hint in the configuration file stands where no flag says otherwise; it is not a flag, so it is `none` here.
    """
    fine = (("-nstreams", raw.streams), ("-nthreads", raw.threads or None), ("-pin", raw.pinning))
    tuned = [name for name, value in fine if value is not None]
    hint = HINTS[raw.hint] if raw.hint is not None else None
    if tuned and hint not in (None, "none"):
        raise UsageError(f"{tuned[0]} and -hint {raw.hint} contradict each other; use -hint none, or leave one out")
    api: Api = raw.api or ("sync" if hint == "latency" else "async")
    if hint is None:
        hint = "none" if tuned or "PERFORMANCE_HINT" in config else "latency" if api == "sync" else "throughput"
    return api, hint


def _writable(flag: str, file: Path | None) -> Path | None:
    """Absolute. Said before the run, not after it."""
    if file is None:
        return None
    path = _absolute(flag, file)
    if os.path.isdir(path):  # unlike Path.is_dir, False for a name too long
        raise UsageError(f"{flag} {file}: this is a folder; give a file in it")
    if os.path.exists(path) and (os.path.islink(path) or not os.path.isfile(path)):  # written to, not replaced
        if not os.access(path, os.W_OK):
            raise UsageError(f"{flag} {file}: it cannot be written to (its permissions forbid it)")
        return path
    folder = _nearest_folder(flag, file, path)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{flag} {file}: the folder {folder} cannot be written to (its permissions forbid it)")
    return path


def _nearest_folder(flag: str, file: Path, path: Path) -> Path:
    """The one that the file, and folders that are still to be made, will be in."""
    for parent in path.parents:
        try:
            if stat.S_ISDIR(parent.stat().st_mode):
                return parent
            reason = f"{parent} is no folder"
        except FileNotFoundError:
            continue
        except OSError as error:  # a name too long, a folder that is closed to us
            reason = f"the folder {parent} cannot be made: {error.strerror}"
        raise UsageError(f"{flag} {file}: {reason}")
    return path.parent


def _cache_dir(folder: Path | None) -> Path | None:
    """Absolute; it need not exist. OpenVINO takes a file for it in silence, and keeps nothing."""
    if folder is None:
        return None
    path = _absolute("-cdir", folder)
    if os.path.exists(path) and not os.path.isdir(path):
        raise UsageError(f"-cdir {folder}: this is no folder; give one, which need not exist yet")
    return path


def _absolute(flag: str, path: Path) -> Path:
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:  # ~ of an unknown user
        raise UsageError(f"{flag} {path}: the path cannot be found: {error}") from None


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _extensions(text: str) -> tuple[Path, ...]:
    paths = tuple(_absolute("-extensions", Path(part)) for part in text.split(",") if part)
    for path in paths:
        if not os.path.isfile(path):
            raise UsageError(f"-extensions {path}: there is no such file")
    return paths


def _model(text: str) -> str:
    if text.startswith(builtin.PREFIX):
        return _check_builtin(text)
    if not text:  # it would be the current folder
        raise UsageError(f"-m: there is nothing after it; give a model file, or {DEFAULT_MODEL}")
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
    """Devices that stand for others, `AUTO`, `MULTI:CPU` and so on, are the CPU where they may be nothing else."""
    virtual, _, others = text.upper().partition(":")
    listed = others.split(",") if others else []
    left = {name for name in listed if not name.startswith("-")} or ({"CPU"} if virtual == "AUTO" else set())
    if text.upper() == "CPU" or (virtual in _VIRTUAL_DEVICES and left == {"CPU"} and "-CPU" not in listed):
        return "CPU"
    raise UsageError(f"-d {text}: ovbench measures CPUs; use -d CPU or leave it out")


def _requests(count: int | None) -> int | None:
    if count is not None and count > MOST_REQUESTS:
        raise UsageError(f"-nireq {count} is more than {MOST_REQUESTS:,}, the most that an agent can record; use fewer")
    return count


def _iterations(raw: argparse.Namespace, api: Api) -> int | None:
    count = cast("int | None", raw.iterations)
    if count and raw.time is None and api == "sync" and (raw.requests or 0) > count:
        raise UsageError(f"-nireq {raw.requests} is more than -niter {count}, with -api sync; use {count} or fewer")
    if count and isinstance(raw.agents, int) and count < raw.agents:
        raise UsageError(f"-niter {count} gives some of {raw.agents} agents nothing to do; use {raw.agents} or more")
    return count


def _policy(raw: argparse.Namespace) -> Policy:
    return Policy(
        agents=raw.agents,
        cpus_per_agent=raw.cpus_per_agent,
        cpus=raw.cpus,
        nodes=raw.nodes,
        sockets=raw.sockets,
        smt=raw.smt,
        core_kind=None if raw.core_kind == "any" else raw.core_kind,
        spread=raw.spread,
        cross_node=raw.cross_node == "allow",
        housekeeping=raw.housekeeping,
    )


def placement_of(argv: Sequence[str]) -> Policy:
    """What the flags of a run say of CPUs; the others are understood, not checked. Raises UsageError."""
    return _policy(run_parser().parse_args([gnu(word) for word in argv]))


def _agent_python(raw: argparse.Namespace) -> str | None:
    """Absolute, but not resolved: the link in a virtual environment is what makes it one."""
    path = cast("str | None", raw.agent_python)
    if path is None:
        return None
    if raw.launcher != "local":
        raise UsageError("--agent-python is for agents that are started here; leave it out, or --launcher external")
    return os.path.abspath(os.path.expanduser(path))


def _bind(raw: argparse.Namespace) -> str | None:
    bind = cast("str | None", raw.bind)
    if raw.launcher == "local":
        if bind is not None:
            raise UsageError("--bind is for agents that are started by hand; add --launcher external")
        if raw.insecure:
            raise UsageError("--insecure is for a --bind of agents that are started by hand; add --launcher external")
        return None
    if bind is None:
        raise UsageError("--launcher external needs --bind ENDPOINT, as in --bind ipc://$XDG_RUNTIME_DIR/ovbench")
    if not isinstance(raw.agents, int):
        raise UsageError("--launcher external needs --agents N, a number: how many to wait for")
    try:
        return checked(bind, raw.insecure)
    except UsageError as error:
        raise UsageError(f"--bind {error}") from None
