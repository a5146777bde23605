"""The hosts of a run on its page: a table of what each did, and what each is."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from ovbench.common.topology import format_cpu_list

from ...result.environment import AgentPython, Environment
from ...result.hosts import HostPart
from ...result.numbers import microseconds, percent, rate
from ..latencytable import latency_figure
from .document import Html, folded, join, pairs, section, table, tag

_MOST_HOSTS: Final = 16
_MOST_CALLED: Final = 4


def hosts_section(hosts: Sequence[HostPart]) -> Html:
    columns = ("host", "class", "agents", "FPS", "median", "p99", "CPU", "clock ahead", "known to", "drift", "state")
    shown = table(columns, [_row(host) for host in hosts], names=1)
    note = (
        "Hosts of one class have the same CPUs and the same OpenVINO. A host's clock was ahead of the coordinator's by "
        "so much in the window, and that is known to within a bound; latencies are by one clock each."
    )
    return section(
        "Hosts",
        shown if len(hosts) <= _MOST_HOSTS else folded(f"all {len(hosts)}", shown),
        tag("p", note, class_="note"),
    )


def _row(host: HostPart) -> list[str]:
    clock = host.clock
    return [
        host.name,
        str(host.kind),
        str(len(host.agents)),
        rate(host.throughput.fps) if host.throughput else "-",
        latency_figure(host.latency_ms, "median"),
        latency_figure(host.latency_ms, "p99"),
        percent(host.cpu.busy_percent) if host.cpu else "-",
        "-" if clock is None else f"{clock.offset_us / 1000:+,.3f} ms",
        "-" if clock is None else microseconds(clock.offset_error_us),
        "-" if clock is None else f"{clock.drift_ppm:+.2f} ppm",
        f"{host.state}: {host.reason}" if host.reason else host.state,
    ]


def environments(hosts: Sequence[HostPart]) -> Html:
    """What each is; those of which only the name differs together."""
    return join(*_environments(hosts))


def _environments(hosts: Sequence[HostPart]) -> Iterator[Html]:
    facts = [({**environment_of(host.environment), **_more(host)}, host) for host in hosts]
    plain = [({name: fact for name, fact in some.items() if name != "host"}, host) for some, host in facts]
    ordered = sorted(plain, key=lambda pair: (pair[1].kind, list(pair[0].values())))
    for _, group in groupby(ordered, key=lambda pair: list(pair[0].items())):
        alike = list(group)
        names = [_called(host) for _, host in alike] if len(alike) <= _MOST_CALLED else [host.name for _, host in alike]
        yield folded(", ".join(names), pairs(alike[0][0]))


def _called(host: HostPart) -> str:
    return host.name if host.hostname == host.name else f"{host.name} ({host.hostname})"


def _more(host: HostPart) -> dict[str, str]:
    known = {
        "precision": host.precision,
        "instructions": host.isa,
        "device optimized for": ", ".join(host.capabilities),
    }
    return {name: fact for name, fact in known.items() if fact}


def environment_of(env: Environment) -> dict[str, str]:
    """What a reader needs to compare it with another."""
    return {
        "host": env.hostname,
        "CPU": env.cpu_model,
        "sockets, NUMA nodes": f"{env.sockets}, {env.nodes}",
        "cores, logical CPUs": f"{env.physical_cores}, {env.logical_cpus}",
        "CPUs allowed": format_cpu_list(env.allowed_cpus),
        "governor": env.governor or "not reported by the kernel",
        "kernel": env.kernel,
        "OpenVINO": env.openvino,
        "Python": env.python,
        "libraries": ", ".join(f"{name} {number}" for name, number in env.libraries.items()),
        **({} if env.agent_python is None else _agent_python(env.agent_python)),
    }


def _agent_python(agents: AgentPython) -> dict[str, str]:
    libraries = ", ".join(f"{name} {number}" for name, number in agents.libraries.items())
    return {
        "agents' Python": f"{agents.python}, {agents.path}",
        "agents' libraries": f"ovbench {agents.ovbench}, {libraries}",
    }
