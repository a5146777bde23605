"""Flags of a run that make no sense together. What is wrong with one flag alone is refused where it is read. Pure."""

import argparse
from collections.abc import Sequence

from ovbench.common.errors import UsageError
from ovbench.common.job import COMPILED_SUFFIX

from .defaults import api_of, fine_tuning, remote, reports_layers
from .launchers import LAUNCHERS, by_hand, engines


def refuse_contradictions(raw: argparse.Namespace) -> None:
    """Raises UsageError, one sentence that names both flags."""
    _refuse_kernels(raw)
    _refuse_uncounted_layers(raw)
    _refuse_changes_to_the_model(raw)
    _refuse_tuning_beside_a_hint(raw)
    _refuse_too_few_iterations(raw)
    _refuse_two_rates(raw)
    _refuse_what_needs_a_rate(raw)
    _refuse_two_ends(raw)
    _refuse_flags_of_another_launcher(raw)
    refuse_two_on_stdout(raw)


def refuse_two_on_stdout(raw: argparse.Namespace) -> None:
    """Also of a command that has only some of these flags."""
    live, markdown = (str(vars(raw).get(name)) for name in ("live", "markdown"))
    asked = {"--json": raw.json, "--markdown -": markdown == "-", "--live jsonl:-": live == "-"}
    refuse_beyond_one([flag for flag, given in asked.items() if given])


def refuse_beyond_one(on_stdout: Sequence[str]) -> None:
    """Of what is asked for on stdout, as on the command line."""
    if len(on_stdout) > 1:
        first, second, *_ = on_stdout
        raise UsageError(f"{first} and {second} are both for stdout; give {second.split()[0]} a file, or leave one out")


def _refuse_kernels(raw: argparse.Namespace) -> None:
    if raw.kernels is not None:
        raise UsageError(f"-c {raw.kernels}: these are kernels for GPUs, and ovbench measures CPUs; leave it out")


def _refuse_uncounted_layers(raw: argparse.Namespace) -> None:
    if raw.perf_counts is False and (raw.pcsort or reports_layers(raw)):
        other = f"-pcsort {raw.pcsort}" if raw.pcsort else f"-report_type {raw.report_type}"
        raise UsageError(f"-pc no and {other} contradict each other: it is the time of layers that is reported")


def _refuse_changes_to_the_model(raw: argparse.Namespace) -> None:
    """They need a model that has been read; benchmark_app refuses some where there is none, and ignores others."""
    asked = {
        "-b": raw.batch,
        "-shape": raw.shape,
        "-ip": raw.input_type,
        "-op": raw.output_type,
        "-iop": raw.types,
        "--mean_values": raw.mean,
        "--scale_values": raw.scale,
    }
    changes = [flag for flag, value in asked.items() if value]
    if changes and str(raw.model).endswith(COMPILED_SUFFIX):
        raise UsageError(f"{changes[0]} cannot be applied to {raw.model}: it is compiled already; compile it with that")
    if changes and raw.whole_file:
        raise UsageError(f"{changes[0]} and -lfile contradict each other: the model is compiled from the file as it is")


def _refuse_tuning_beside_a_hint(raw: argparse.Namespace) -> None:
    tuned = fine_tuning(raw)
    if tuned and raw.hint not in (None, "none"):
        raise UsageError(f"{tuned[0]} and -hint {raw.hint} contradict each other; use -hint none, or leave one out")


def _refuse_too_few_iterations(raw: argparse.Namespace) -> None:
    count = raw.iterations
    if count and raw.time is None and api_of(raw) == "sync" and (raw.requests or 0) > count:
        raise UsageError(f"-nireq {raw.requests} is more than -niter {count}, with -api sync; use {count} or fewer")
    if count and isinstance(raw.agents, int) and count < raw.agents:
        raise UsageError(f"-niter {count} gives some of {raw.agents} agents nothing to do; use {raw.agents} or more")


def _refuse_two_rates(raw: argparse.Namespace) -> None:
    asked = {"--rate": raw.rate, "--stages": raw.stages, "--arrivals": raw.arrivals}
    given = next((flag for flag, value in asked.items() if value is not None), None)
    if raw.max_irate and given is not None:
        raise UsageError(
            f"-max_irate {raw.max_irate:g} and {given} contradict each other: either limits the rate; leave one out"
        )


def _refuse_what_needs_a_rate(raw: argparse.Namespace) -> None:
    scheduled = not (raw.rate is None and raw.stages is None and raw.arrivals is None)
    for flag, value in (("--dispatch", raw.dispatch), ("--timeout-ms", raw.timeout_ms)):
        if value is not None and not scheduled:
            raise UsageError(f"{flag} is for arrivals; add --rate, --stages or a trace, or leave it out")
    for flag, value in (("--drain", raw.drain), ("--spin", raw.spin_us)):
        if value is not None and not scheduled and not raw.max_irate:
            raise UsageError(f"{flag} is for a load at a rate; add --rate, or leave it out")


def _refuse_two_ends(raw: argparse.Namespace) -> None:
    if raw.until is not None and raw.iterations is not None:
        raise UsageError(
            f"-niter {raw.iterations} and --until '{raw.until}' contradict each other: either the number of inferences "
            "is fixed or the width of the interval; leave one out"
        )
    if raw.until is not None and raw.stages is not None:
        raise UsageError(
            f"--until '{raw.until}' and --stages contradict each other: stages are to be run to their end; use --rate, "
            "or leave --until out"
        )
    if raw.until is not None and raw.until.figure != "fps" and raw.timeout_ms is not None:
        raise UsageError(
            f"--timeout-ms {raw.timeout_ms:g} and --until '{raw.until}' contradict each other: what is dropped counts "
            "as the longest, and --until sees what completes; leave one out"
        )


def _refuse_flags_of_another_launcher(raw: argparse.Namespace) -> None:
    chosen = f"--launcher {raw.launcher}"
    if remote(raw):
        _refuse_beside_hosts(raw)
        return
    for flag in _OF_HOSTS:
        if getattr(raw, flag) not in (None, False, "", "auto"):
            name = f"--{flag.replace('_', '-')}"
            raise UsageError(f"{name} is for other hosts; add --hosts, or --launcher {engines()}")
    if raw.openvino is not None and raw.agent_python is not None:
        raise UsageError(
            f"--openvino {raw.openvino} and --agent-python contradict each other: either says what agents run on; "
            "leave one out"
        )
    if LAUNCHERS[raw.launcher].by_hand:
        if raw.openvino is not None:
            raise UsageError(f"--openvino is for agents that are started here; leave it out, or {chosen}")
        if raw.agent_python is not None:
            raise UsageError(f"--agent-python is for agents that are started here; leave it out, or {chosen}")
        if raw.bind is None:
            raise UsageError(f"{chosen} needs --bind ENDPOINT, as in --bind ipc://$XDG_RUNTIME_DIR/ovbench")
        if not isinstance(raw.agents, int):
            raise UsageError(f"{chosen} needs --agents N, a number: how many to wait for")
    elif raw.bind is not None:
        raise UsageError(f"--bind is for agents that are started by hand; add {by_hand()}")


_OF_HOSTS = (
    "advertise", "remote_python", "install", "ssh_config", "slurm_options", "ray_address", "model_cache",
    "allow_extensions", "join_folder", "run_keys",
)  # fmt: skip


def _refuse_beside_pods(raw: argparse.Namespace) -> None:
    """The manifest has said which hosts there are, and what they connect to."""
    for flag in ("hosts", "hosts_file", "advertise"):
        if getattr(raw, flag) is not None:
            name = f"--{flag.replace('_', '-')}"
            raise UsageError(
                f"{name} and --launcher kubernetes contradict each other: its manifest has it; leave it out"
            )
    if raw.run_keys is None:
        raise UsageError("--launcher kubernetes needs --run-keys FILE, which ovbench-coord manifest kubernetes writes")


def _refuse_beside_hosts(raw: argparse.Namespace) -> None:
    chosen = f"--launcher {raw.launcher}"
    if raw.hosts is not None and raw.hosts_file is not None:
        raise UsageError("--hosts and --hosts-file contradict each other: either names the hosts; leave one out")
    if raw.launcher in ("slurm", "ray") and (raw.hosts is not None or raw.hosts_file is not None):
        whose = "the job" if raw.launcher == "slurm" else "the cluster"
        raise UsageError(f"--hosts and {chosen} contradict each other: {whose} has its own; leave one out")
    if raw.launcher == "ssh" and raw.hosts is None and raw.hosts_file is None:
        raise UsageError(f"{chosen} needs --hosts, as in --hosts node1,node2")
    if raw.launcher == "kubernetes":
        _refuse_beside_pods(raw)
    if not raw.sysfs and (raw.bind is None or not raw.bind.startswith("tcp://")):
        raise UsageError(
            "other hosts need --bind tcp://ADDRESS:0: an address of this host that they reach; --advertise where they "
            "reach it by another"
        )
    if raw.dispatch == "shared":
        raise UsageError(
            "--dispatch shared is for agents on one host, which share memory; use round-robin, random or partition"
        )
    if raw.agent_python is not None:
        raise UsageError("--agent-python is for agents of this host; use --remote-python")
    if raw.openvino is not None:
        raise UsageError("--openvino is for agents of this host; use --remote-python")
    if raw.cache_dir is not None and raw.launcher != "external":
        raise UsageError("-cdir is for hosts that join by hand, whose owners allow it with --root; leave it out")
    for flag, launcher in (
        ("install", "ssh"),
        ("ssh_config", "ssh"),
        ("slurm_options", "slurm"),
        ("run_keys", "kubernetes"),
    ):
        if getattr(raw, flag) and raw.launcher != launcher:
            raise UsageError(f"--{flag.replace('_', '-')} is for --launcher {launcher}; leave it out")
