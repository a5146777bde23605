"""Whether the hosts of a run are all there, alike, and on one time. Pure."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ovbench.common.clock import NS_PER_MS
from ovbench.common.topology import format_cpu_list

from ..analysis.hosts import Inference, inference_of
from ..result.environment import Environment
from ..result.findings import Code
from ..result.hosts import named_hosts
from ..result.numbers import milliseconds
from ..result.report import Finding
from ..session.record import AgentRecord
from .evidence import Evidence

MOST_OF_WINDOW: Final = 0.01
"""An edge of the window that is less exact than this part of it makes the throughput wrong by as much."""


def find_on_host(evidence: Evidence, index: int) -> Iterator[Finding]:
    """Of one host, without its name."""
    host = evidence.run.hosts[index]
    if host.why:
        yield Finding(Code.HOST_LOST, "error", f"The host was lost: {host.why}. {_left(evidence.run.on(index).agents)}")
        return
    if not host.surveyed:
        message = "What its CPUs did beside the load is not known in full: it did not send all that it observed."
        advice = "Run again, and see whether its network was gone at the end."
        yield Finding(Code.HOST_UNSEEN, "warning", message, advice)
    limit_ms = evidence.run.request.criteria.thresholds.max_clock_error_ms
    if host.clock is None or (host.clock.error_ns <= limit_ms * NS_PER_MS and not host.clock.contradictions):
        return
    trip = milliseconds(host.clock.least_round_trip_ns / NS_PER_MS)
    window_ns = 0 if evidence.merged is None else evidence.merged.window.stop_ns - evidence.merged.window.start_ns
    coarse = window_ns > 0 and host.clock.error_ns > MOST_OF_WINDOW * window_ns
    message = (
        f"Its clock is known to {milliseconds(host.clock.error_ns / NS_PER_MS)} only, and with it when its load was "
        f"whole{', less exactly than 1 % of the window' if coarse else ''}; the shortest of {host.clock.round_trips:,} "
        f"round trips took {trip}."
    )
    advice = "Measure for longer, -t, over a faster network, or raise --max-clock-error; latencies are not affected."
    if host.clock.contradictions:
        message += f" {host.clock.contradictions:,} of them contradict the rest, as if it had jumped."
        advice = "Run again, and see whether the host is suspended or migrated, or its clock slewed, meanwhile."
    yield Finding(Code.CLOCK_ERROR, "error" if coarse else "warning", message, advice)


def _left(agents: Sequence[AgentRecord]) -> str:
    """What is missing for it."""
    out = [agent.id for agent in agents if not agent.counts]
    if not out:
        return "Its agents had delivered before; what its CPUs did is not known."
    return f"What agent{'s' if len(out) != 1 else ''} {format_cpu_list(out)} did is left out."


def find_among_hosts(evidence: Evidence) -> Iterator[Finding]:
    """What they differ in, of several. A build or a precision of its own makes another thing of the same model."""
    if not evidence.several_hosts:
        return
    found = [
        (host.name, host.environment, inference_of(evidence.run.on(index).agents))
        for index, host in enumerate(evidence.run.hosts)
        if not host.why
    ]
    serious = [
        *_difference("OpenVINO", found, lambda there, how: how.build or there.openvino),
        *_difference("inference precision", found, lambda _, how: how.precision),
    ]
    plain = [
        *_difference("CPU", found, lambda there, _: there.cpu_model),
        *_difference("cores", found, lambda there, _: str(there.physical_cores)),
        *_difference("instructions", found, lambda _, how: how.isa),
    ]
    if serious:
        advice = (
            "Install the same OpenVINO on each, or name a precision, -infer_precision; see each host's own figures."
        )
        yield Finding(Code.UNLIKE_HOSTS, "warning", f"The hosts infer differently: {'; '.join(serious)}.", advice)
    if plain:
        message = f"The hosts are not alike: {'; '.join(plain)}. Agents are compared within each class of hosts."
        yield Finding(Code.UNLIKE_HOSTS, "info", message)


_Host = tuple[str, Environment, Inference]


def _difference(what: str, hosts: Sequence[_Host], value: Callable[[Environment, Inference], str]) -> Iterator[str]:
    """Such as `OpenVINO 2026.4.1 on host a, 2026.3.0 on hosts b, c`; what is not known differs from nothing."""
    names: dict[str, list[str]] = {}
    for name, there, how in hosts:
        names.setdefault(value(there, how), []).append(name)
    known = {text: some for text, some in names.items() if text}
    if len(known) > 1:
        yield f"{what} {', '.join(f'{text} on {named_hosts(some)}' for text, some in known.items())}"
