"""One run as the user asked for it, composed of specs; nothing that comes later changes it. Pure.

What belongs to the model, the runtime, the data, the preprocessing and the load is what a `Job` has of them, taken over
whole.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from ovbench.common.arrivals import Arrivals, Dispatch
from ovbench.common.job import Data, Load, Model, Preprocessing, Runtime
from ovbench.common.shape import format_dimension, format_shape

from . import notation
from .arrivals import requested as arrivals_requested
from .nullbackend import NullSpec
from .policy import Policy
from .remote import Remote
from .requirement import Requirement
from .scenario import Rules, Scenario, rules_of
from .slo import Objective, form_objectives
from .thresholds import Thresholds
from .until import Until
from .watchers import NOBODY, Watchers

PcSort = Literal["no_sort", "sort", "simple_sort"]
ReportType = Literal["no_counters", "average_counters", "detailed_counters"]
PlotFormat = Literal["svg", "png"]
Requested = dict[str, str | int | float | bool | None]
"""Values by the names of the command line, None where a choice was left to ovbench or OpenVINO."""

ORDER: Final = (
    "model", "device", "api", "hint", "time_s", "until", "niter", "scenario", "max_irate", "rate", "arrivals",
    "trace_sha256", "stages", "arrival_seed", "dispatch", "drain_s", "timeout_ms", "spin_us", "warmup_s", "no_warmup",
    "inference_only", "agents", "cpus_per_agent", "cpus", "nodes", "sockets", "smt", "core_kind", "spread",
    "cross_node", "housekeeping", "memory", "backend", "seed", "launcher", "hosts", "agent_python", "openvino",
    "sample_memory_mb", "check_outputs", "strict", "require", "slo_ms", "nstreams", "nthreads", "nireq",
    "infer_precision", "pin", "cache_dir", "extensions", "load_config",
    "load_from_file", "pc", "pcsort", "pcseq", "report_type", "json_stats", "latency_percentile", "exec_graph_path",
    "dump_config", "paths_to_input", "batch", "shape", "data_shape", "layout", "input_precision", "output_precision",
    "input_output_precision", "mean_values", "scale_values",
)  # fmt: skip
"""Of the keys of `requested` in report.json, which `compare` shows in this order."""


@dataclass(frozen=True)
class Recorded:
    """A machine that was recorded. `name`: as it is called where there are several, `agents`: how many it is to have,
    where that is its own."""

    name: str
    folder: Path
    agents: int | None = None


@dataclass(frozen=True)
class Launch:
    """How agents are started. `launcher`: a name of `launchers`. `bind`: the endpoint where agents connect that are
    started by hand; `agent_python`: the interpreter that local ones run in, None for the coordinator's own.
    `openvino`: the release that this interpreter has installed for them; its environment may still be to be made.

    Times in seconds; `lease_s`: how long agents outlive a coordinator that is silent.
    """

    launcher: str
    bind: str | None
    join_timeout_s: float
    prepare_timeout_s: float
    lease_s: float
    agent_python: str | None = None
    openvino: str | None = None
    remote: Remote | None = None
    """Other hosts, None where the agents are on this one."""

    def requested(self) -> Requested:
        hosts = None if self.remote is None else self.remote.text
        python = self.agent_python if self.openvino is None else None
        return {"launcher": self.launcher, "agent_python": python, "openvino": self.openvino, "hosts": hosts}


@dataclass(frozen=True)
class Criteria:
    """By what the run is judged. `check_outputs`: the agents' outputs are compared before and after the load.
    `objectives`: limits of the latency, of which the goodput is made."""

    check_outputs: bool = True
    strict: bool = False
    thresholds: Thresholds = field(default_factory=Thresholds)
    requirements: tuple[Requirement, ...] = ()
    objectives: tuple[Objective, ...] = ()

    def requested(self) -> Requested:
        return {
            "check_outputs": self.check_outputs,
            "strict": self.strict,
            "require": "; ".join(requirement.text for requirement in self.requirements) or None,
            "slo_ms": form_objectives(self.objectives),
        }


@dataclass(frozen=True)
class Output:
    """Which figures and files are made of the run, and where they go.

    `report_folder` None: a new one under ovbench-results/. `sample_memory_mb`: memory of all agents together for exact
    samples. `latency_percentile`: the one that is reported as the latency. Of benchmark_app: `report_type`, in CSV or
    with `json_stats` in JSON; `pc` prints the time of each layer, sorted by `pcsort`, `pcseq` the latency by shape.
    """

    report_folder: Path | None
    save_samples: bool
    sample_memory_mb: int
    json: bool
    quiet: bool = False
    overwrite: bool = False
    html: bool = False
    plots: PlotFormat | None = None
    latency_percentile: int = 50
    report_type: ReportType | None = None
    json_stats: bool = False
    pc: bool = False
    pcsort: PcSort | None = None
    pcseq: bool = False
    exec_graph_path: Path | None = None
    dump_config: Path | None = None
    markdown: Path | None = None
    watchers: Watchers = NOBODY

    def requested(self) -> Requested:
        return {
            "sample_memory_mb": self.sample_memory_mb,
            "pc": self.pc,
            "pcsort": self.pcsort,
            "pcseq": self.pcseq,
            "report_type": self.report_type,
            "json_stats": self.json_stats,
            "latency_percentile": self.latency_percentile,
            "exec_graph_path": _text(self.exec_graph_path),
            "dump_config": _text(self.dump_config),
        }


@dataclass(frozen=True)
class Request:
    """`load` is that of all agents together, and `max_irate` limits its frames per second in total, 0 for no limit.
    With `arrivals` inferences are due when these say, dealt to the agents by `dispatch`. A `scenario` is judged by
    `rules`.

    `backend`: the null device that stands in for OpenVINO, None for OpenVINO itself. `sysfs`: recorded machines
    to plan for, none for this one; with `dry_run` the plan is shown and nothing is started.
    """

    model: Model
    runtime: Runtime
    data: Data
    preprocessing: Preprocessing
    load: Load
    placement: Policy
    backend: NullSpec | None
    launch: Launch
    criteria: Criteria
    output: Output
    scenario: Scenario | None = None
    max_irate: float = 0.0
    arrivals: Arrivals | None = None
    dispatch: Dispatch = "shared"
    until: Until | None = None
    """What ends the load before its time, if anything."""
    sysfs: tuple[Recorded, ...] = ()
    dry_run: bool = False

    def requested(self) -> Requested:
        """For the report."""
        values = {
            **_of_model(self.model),
            **_of_runtime(self.runtime),
            **_of_data(self.data),
            **_of_preprocessing(self.preprocessing),
            **_of_load(self.load),
            "scenario": None if self.scenario is None else str(self.scenario),
            "max_irate": self.max_irate,
            **self._of_rate(),
            "until": None if self.until is None else str(self.until),
            **self.placement.requested(),
            "backend": "openvino" if self.backend is None else str(self.backend),
            **self.launch.requested(),
            **self.criteria.requested(),
            **self.output.requested(),
        }
        places = {key: place for place, key in enumerate(ORDER)}
        # One that is not in the list is reported all the same.
        return {key: values[key] for key in sorted(values, key=lambda key: places.get(key, len(places)))}

    @property
    def rules(self) -> Rules | None:
        """LoadGen's, for the scenario, if it has one."""
        if self.scenario is None:
            return None
        return rules_of(self.scenario, self.load.duration_s, next(iter(self.criteria.objectives), None))

    @property
    def at_rate(self) -> bool:
        """Whether inferences are due at instants of their own."""
        return self.arrivals is not None or self.max_irate > 0

    def _of_rate(self) -> Requested:
        load, scheduled = self.load, self.arrivals is not None
        return {
            **arrivals_requested(self.arrivals),
            "dispatch": self.dispatch if scheduled else None,
            "drain_s": load.drain_s if self.at_rate else None,
            "timeout_ms": None if load.timeout_s is None else load.timeout_s * 1e3,
            "spin_us": load.spin_s * 1e6 if self.at_rate else None,
        }


def _of_model(model: Model) -> Requested:
    return {
        "model": model.source,
        "extensions": ",".join(model.extensions) or None,
        "load_from_file": model.whole_file,
        "batch": None if model.batch is None else format_dimension(model.batch),
        "shape": notation.by_input(model.shapes, format_shape),
        "data_shape": notation.by_input(model.data_shapes, notation.form_shapes),
        "layout": notation.by_input(model.layouts, "[{}]".format),
    }


def _of_runtime(runtime: Runtime) -> Requested:
    return {
        "device": runtime.device,
        "hint": runtime.hint,
        "nstreams": runtime.streams,
        "nthreads": runtime.threads,
        "nireq": runtime.requests,
        "infer_precision": runtime.precision,
        "pin": runtime.pinning,
        "cache_dir": runtime.cache_dir,
        "load_config": ",".join(f"{name}={value}" for name, value in runtime.config.items()) or None,
    }


def _of_data(data: Data) -> Requested:
    files = (f"{part.input}:" * (part.input is not None) + ",".join(part.paths) for part in data.files)
    return {"seed": data.seed, "paths_to_input": ",".join(files) or None}


def _of_load(load: Load) -> Requested:
    return {
        "api": load.api,
        "time_s": load.duration_s,
        "niter": load.iterations,
        "warmup_s": load.warmup_s,
        "no_warmup": not load.first_inference,
        "inference_only": load.inference_only,
    }


def _of_preprocessing(changes: Preprocessing) -> Requested:
    return {
        "input_precision": changes.input_type,
        "output_precision": changes.output_type,
        "input_output_precision": notation.by_input(changes.types, ":{}".format),
        "mean_values": notation.by_input(changes.mean, notation.form_numbers),
        "scale_values": notation.by_input(changes.scale, notation.form_numbers),
    }


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)
