"""The flags that say where agents run and how they are started. A table."""

from typing import Final

from . import launchers, values
from .flag import Flag
from .nullbackend import SYNTAX
from .release import FLAG, parse_release

AGENTS: Final = (
    Flag(
        "agents",
        ("--agents",),
        "the CPUs to measure are split evenly over N agents; or per-core, per-l3, per-node, per-socket: one agent "
        "for each; default: per-core, or with --cpus-per-agent as many as fit",
        metavar="N",
        parse=values.agents,
        several="ranges",
    ),
    Flag(
        "cpus_per_agent",
        ("--cpus-per-agent",),
        "each agent gets K CPUs; what is left over is not measured",
        metavar="K",
        parse=values.positive,
        several="ranges",
    ),
    Flag(
        "cpus",
        ("--cpus",),
        "measure only these, as in 0-3,8; default: all allowed",
        metavar="LIST",
        parse=values.cpu_list,
    ),
    Flag("nodes", ("--nodes",), "measure only CPUs of these NUMA nodes", metavar="LIST", parse=values.cpu_list),
    Flag("sockets", ("--sockets",), "measure only CPUs of these sockets", metavar="LIST", parse=values.cpu_list),
    Flag(
        "smt",
        ("--smt",),
        "skip, the default: one logical CPU of each core (of those named, the lowest); use: all of them",
        choices=("skip", "use"),
        default="skip",
        several="commas",
    ),
    Flag(
        "core_kind",
        ("--core-kind",),
        "measure only cores of this kind, where there are two; default any",
        choices=("performance", "efficient", "any"),
        default="any",
        several="commas",
    ),
    Flag(
        "spread",
        ("--spread",),
        "compact, the default: agents side by side; scatter: in turn over sockets, nodes and L3 caches",
        choices=("compact", "scatter"),
        default="compact",
        several="commas",
    ),
    Flag(
        "cross_node",
        ("--cross-node",),
        "allow: an agent may have CPUs of several NUMA nodes where agents would else be uneven or not fit; avoid, "
        "the default: only with fewer agents than nodes, or per-socket",
        choices=("avoid", "allow"),
        default="avoid",
        several="commas",
    ),
    Flag(
        "housekeeping",
        ("--housekeeping",),
        "CPUs for control threads and the coordinator, not measured; default: all that no agent has, SMT siblings "
        "of measured ones only where there are no others",
        metavar="LIST",
        parse=values.cpu_list,
    ),
    Flag(
        "memory",
        ("--memory",),
        "where agents take memory from: local, the node that they run on; interleave, in turn from all nodes that "
        "have memory, whatever --nodes says of CPUs; NODES, only from these, as in 0,1; default: the system's policy",
        metavar="local|interleave|NODES",
        parse=values.memory,
    ),
    Flag(
        "launcher",
        ("--launcher",),
        launchers.about_all(),
        choices=launchers.NAMES,
        default=launchers.DEFAULT,
    ),
    Flag(
        "agent_python",
        ("--agent-python",),
        "the Python to run the agents in, as that of a virtual environment with another OpenVINO; ovbench must be "
        "installed there, too; default: the one that runs this",
        metavar="PATH",
        path="file",
    ),
    Flag(
        "openvino",
        (FLAG,),
        "the release of OpenVINO to run the agents on, such as 2025.4, the newest of its kind, or 2025.4.0; it is "
        "installed in your cache when it is first wanted; default: the one that is installed",
        metavar="RELEASE",
        parse=parse_release,
        several="commas",
    ),
    Flag(
        "bind",
        ("--bind",),
        "where agents that are started by hand connect, ipc:///path/to/socket in a folder that only you can write to; "
        "where other hosts do, tcp://ADDRESS:PORT of this host, port 0 for any that is free; encrypted, with keys of "
        "this run",
        metavar="ENDPOINT",
    ),
    Flag(
        "join_timeout",
        ("--join-timeout",),
        "start without agents that have not joined this long after the last one did; default "
        f"{launchers.join_timeouts()}; 0.25 more for each further agent on a CPU",
        metavar="SECONDS",
        parse=values.seconds,
    ),
    Flag(
        "prepare_timeout",
        ("--prepare-timeout",),
        "give up an agent that has neither ended a step of its preparation nor used CPU time for this long, or has "
        "prepared for ten times as long; default 600",
        metavar="SECONDS",
        parse=values.seconds,
    ),
    Flag(
        "dry_run",
        ("--dry-run",),
        "print the plan and start nothing",
        takes="nothing",
        default=False,
        refused="set it on the study itself",
    ),
    Flag(
        "sysfs",
        ("--sysfs",),
        "with --dry-run: plan for the machine that topology --record DIR has recorded, not this one; given again, for "
        "several, by the names of --hosts",
        metavar="DIR",
        parse=values.path,
        repeatable=True,
        path="folder",
        refused="only plans can be made for other machines",
    ),
    Flag(
        "backend",
        ("--backend",),
        f"openvino, the default, or {SYNTAX}: a device that takes exactly that long, or exponential times of that "
        "mean, to test ovbench, with faults to be found: slower and slower, a pause, the last agent slower or with "
        "wrong outputs",
        metavar="NAME",
        parse=values.null_backend,
    ),
)
