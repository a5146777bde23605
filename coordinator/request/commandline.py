"""A run as requested: its argv becomes typed values once, here; what is contradictory is refused first."""

import argparse
import os
from collections.abc import Sequence
from typing import Final

from ovbench.common.arrivals import Arrivals
from ovbench.common.endpoint import checked
from ovbench.common.errors import UsageError
from ovbench.common.job import Data, Load, Model, Preprocessing, Runtime
from ovbench.common.samplelayout import row_bytes
from ovbench.common.samplememory import MOST_REQUESTS

from ..result.figures import BY_NAME
from . import defaults, notation, paths
from .arrivals import RateFlags, arrivals_of
from .config import read_config
from .contradictions import refuse_contradictions
from .flags import given
from .inputfiles import input_files
from .launchers import LAUNCHERS
from .parser import parse_flags
from .policy import Policy
from .release import environment_python
from .remotehosts import recorded, remote_of
from .request import Criteria, Launch, Output, Request
from .requirement import Requirement, parse_requirement
from .scenario import refuse_contradictions as refuse_beside_a_scenario
from .thresholds import thresholds_of
from .values import refuse_undecodable
from .watchers import watchers_of

_VIRTUAL_DEVICES: Final = ("AUTO", "MULTI", "HETERO")
_ARRIVAL_BYTES: Final = 8 + row_bytes(True)
"""In memory for samples: when it is due, and its sample. At a --rate all are kept exactly."""


def parse_run(argv: Sequence[str]) -> Request:
    """Raises UsageError, one sentence, for whatever is wrong with `argv`. `--help` and `--version` end the process."""
    request = _request(_flags(argv))
    refuse_undecodable([*argv, *map(str, request.requested().values())])
    return request


def placement_of(argv: Sequence[str]) -> Policy:
    """What the flags of a run say of CPUs; the others are understood, not checked. Raises UsageError."""
    return _placement(_flags(argv))


def _flags(argv: Sequence[str]) -> argparse.Namespace:
    """As they were given, and as their scenario wants them where they were left out."""
    raw = parse_flags(argv)
    if raw.scenario is not None:
        refuse_beside_a_scenario(raw.scenario, given(raw))
    return defaults.of_hosts(defaults.of_scenario(raw))


def _request(raw: argparse.Namespace) -> Request:
    refuse_contradictions(raw)
    arrivals = _arrivals(raw)
    at_rate = arrivals is not None or raw.max_irate > 0
    if raw.sysfs:
        paths.check_planned(raw.sysfs[0], raw.dry_run)
    return Request(
        model=_model(raw),
        runtime=_runtime(raw),
        data=Data(files=input_files(raw.inputs), seed=raw.seed),
        preprocessing=_preprocessing(raw),
        load=Load(
            api=defaults.api_of(raw),
            duration_s=defaults.duration_s(raw) if arrivals is None else arrivals.duration_s,
            iterations=raw.iterations if arrivals is None else None,
            warmup_s=defaults.warmup_s(raw),
            inference_only=raw.inference_only,
            first_inference=not raw.no_warmup,
            drain_s=defaults.drain_s(raw) if at_rate else 0.0,
            timeout_s=None if raw.timeout_ms is None else raw.timeout_ms / 1e3,
            spin_s=defaults.spin_us(raw) / 1e6 if at_rate else 0.0,
        ),
        scenario=raw.scenario,
        max_irate=raw.max_irate,
        arrivals=arrivals,
        dispatch=raw.dispatch or defaults.dispatch(raw),
        until=raw.until,
        placement=_placement(raw),
        backend=raw.backend,
        launch=_launch(raw),
        criteria=Criteria(
            check_outputs=raw.check_outputs,
            strict=raw.strict,
            thresholds=thresholds_of(raw),
            requirements=_requirements(raw, at_rate),
            objectives=raw.slo_ms,
        ),
        output=_output(raw),
        sysfs=recorded(raw),
        dry_run=raw.dry_run,
    )


def _arrivals(raw: argparse.Namespace) -> Arrivals | None:
    length_s = defaults.length_s(raw)
    flags = RateFlags(raw.rate, raw.arrivals, raw.stages, raw.arrival_seed, raw.time, raw.iterations, length_s)
    return arrivals_of(flags, defaults.warmup_s(raw), (raw.sample_memory << 20) // _ARRIVAL_BYTES)


def _model(raw: argparse.Namespace) -> Model:
    return Model(
        # The null device reads no model.
        source=paths.model_source(raw.model) if raw.backend is None else raw.model,
        batch=raw.batch,
        extensions=paths.extension_files(raw.extensions),
        shapes=notation.shapes("-shape", raw.shape),
        data_shapes=notation.data_shapes("-data_shape", raw.data_shape),
        layouts=notation.layouts("-layout", raw.layout),
        whole_file=bool(raw.whole_file),
    )


def _runtime(raw: argparse.Namespace) -> Runtime:
    config = read_config(raw.load_config) if raw.load_config is not None else {}
    return Runtime(
        device=_device(raw.device),
        hint=defaults.hint_of(raw, config),
        streams=raw.streams,
        threads=raw.threads or None,
        requests=_requests(raw.requests),
        precision=raw.precision,
        pinning=raw.pinning,
        cache_dir=paths.cache_folder(raw.cache_dir),
        count_layers=defaults.count_layers(raw, config),
        # As benchmark_app does: a batch that was asked for is not to be made of several inferences.
        auto_batching=None if raw.batch is None else False,
        config=config,
    )


def _preprocessing(raw: argparse.Namespace) -> Preprocessing:
    return Preprocessing(
        input_type=notation.element_type(raw.input_type) if raw.input_type else None,
        output_type=notation.element_type(raw.output_type) if raw.output_type else None,
        types=notation.element_types("-iop", raw.types),
        mean=notation.means("--mean_values", raw.mean),
        scale=notation.scales("--scale_values", raw.scale),
    )


def _placement(raw: argparse.Namespace) -> Policy:
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
        memory=raw.memory,
    )


def _requirements(raw: argparse.Namespace, at_rate: bool) -> tuple[Requirement, ...]:
    """Raises UsageError for a figure that such a run cannot have: it would be known only at its end."""
    found = tuple(parse_requirement("--require", text, relative=False) for text in raw.require)
    lacked = {"rate": not at_rate, "limit": not raw.slo_ms}
    for one in found:
        figure = BY_NAME[one.figure]
        if figure.needs is not None and lacked[figure.needs]:
            raise UsageError(f"--require '{one.text}': {figure.advice}")
    return found


def _launch(raw: argparse.Namespace) -> Launch:
    remote = remote_of(raw)
    python = raw.agent_python if raw.openvino is None else environment_python(raw.openvino)
    return Launch(
        launcher=raw.launcher,
        bind=None if defaults.remote(raw) else _bind(raw),
        remote=remote,
        join_timeout_s=defaults.join_timeout_s(raw),
        prepare_timeout_s=defaults.prepare_timeout_s(raw),
        lease_s=LAUNCHERS[raw.launcher].lease_s,
        # Absolute, but not resolved: the link in a virtual environment is what makes it one.
        agent_python=None if python is None else os.path.abspath(os.path.expanduser(python)),
        openvino=raw.openvino,
    )


def _bind(raw: argparse.Namespace) -> str | None:
    if raw.bind is None:
        return None
    try:
        return checked(raw.bind)
    except UsageError as error:
        raise UsageError(f"--bind {error}") from None


def _output(raw: argparse.Namespace) -> Output:
    return Output(
        report_folder=raw.report_folder,
        save_samples=raw.save_samples,
        sample_memory_mb=raw.sample_memory,
        json=raw.json,
        quiet=raw.quiet,
        overwrite=raw.overwrite,
        html=raw.html,
        plots=raw.plots,
        latency_percentile=raw.latency_percentile,
        report_type=raw.report_type,
        json_stats=raw.json_stats,
        pc=bool(raw.perf_counts),
        pcsort=raw.pcsort,
        pcseq=raw.pcseq,
        exec_graph_path=paths.writable("-exec_graph_path", raw.exec_graph_path),
        dump_config=paths.writable("-dump_config", raw.dump_config),
        markdown=paths.writable_or_stdout("--markdown", raw.markdown),
        watchers=watchers_of(raw),
    )


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
