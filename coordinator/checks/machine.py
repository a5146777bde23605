"""What took time or speed from the load: others, the hypervisor, ovbench itself, clocks, heat, quotas. Pure."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ovbench.common.topology import format_cpu_list

from ..analysis.interference import TICKS_PER_S, Surroundings, sampling_error_percent, tick_error_percent
from ..result.cpu import CpuUse, Neighbour
from ..result.findings import Code
from ..result.report import Finding
from .evidence import Evidence

_MOST_NAMED: Final = 5
_LEAST_NAMED_PERCENT: Final = 1.0
_LEAST_LOADED_PERCENT: Final = 50.0
_LEAST_READINGS: Final = 3
_DYNAMIC: Final = ("intel_pstate", "amd-pstate-epp", "amd_pstate_epp")
"""Drivers whose `powersave` is no fixed clock: the processor chooses it by the load
(Documentation/admin-guide/pm/intel_pstate.rst and amd-pstate.rst, active mode)."""


def find_in_machine(evidence: Evidence) -> Iterator[Finding]:
    around = evidence.surroundings
    limits = evidence.run.request.criteria.thresholds
    yield from _find_in_others(around, limits.max_others_percent)
    yield from _find_beside(around, limits.max_others_percent)
    yield from _find_above(
        around, Code.STEAL, lambda use: use.steal, limits.max_steal_percent,
        "The hypervisor took time from", "Use a machine of your own, or one whose CPUs are not shared.",
    )  # fmt: skip
    yield from _find_above(
        around, Code.HARNESS_LOAD, lambda use: use.harness, limits.max_harness_percent,
        "ovbench itself took time from", "Leave it a CPU with --housekeeping, or use fewer --agents.",
    )  # fmt: skip
    yield from _find_in_clocks(around, limits.max_frequency_drop_percent)
    yield from _find_in_governors(around)
    yield from _find_in_heat(around)
    yield from _find_in_quota(evidence)


def _find_in_others(around: Surroundings, limit: float) -> Iterator[Finding]:
    """What is beyond the limit by no more than ticks may be wrong by is not held against anybody."""
    taken = {
        cpu: use.others
        for cpu, use in around.use.items()
        if use.others > limit + 2 * tick_error_percent(use, around.window_s)
    }
    if not taken:
        return
    message = f"Other processes took time from {_cpus(taken)}. {_who(around, taken)}"
    advice = "Stop them, keep them off with cpusets, or measure other --cpus."
    yield Finding(Code.OTHER_LOAD, "warning", message, advice)


def _find_beside(around: Surroundings, limit: float) -> Iterator[Finding]:
    """A core's other CPU takes no time from the measured one, but half of what the core can do."""
    taken = {
        cpu: busy
        for cpu, busy in around.beside.items()
        if busy > limit + 2 * sampling_error_percent(busy, around.window_s)
    }
    if taken:
        message = f"Other processes used SMT siblings of measured CPUs: {_cpus(taken)}. They share cores with the load."
        advice = "Stop them, keep them off with cpusets, or measure --cpus of other cores."
        yield Finding(Code.OTHER_LOAD, "warning", message, advice)


def _who(around: Surroundings, taken: Mapping[int, float]) -> str:
    """Names, and whether they account for what was taken."""
    shares = [(one, {cpu: one.cpus[str(cpu)] for cpu in taken if str(cpu) in one.cpus}) for one in around.neighbours]
    named = [(one, cpus) for one, cpus in shares if max(cpus.values(), default=0.0) >= _LEAST_NAMED_PERCENT]
    named.sort(key=lambda pair: -sum(pair[1].values()))
    words = [_name(one, cpus) for one, cpus in named[:_MOST_NAMED]]
    if len(named) > _MOST_NAMED:
        words.append(f"{len(named) - _MOST_NAMED} more")
    names = f"{', '.join(words)}." if words else ""
    missing = sum(taken.values()) - sum(sum(cpus.values()) for _, cpus in named)
    if missing <= sum(taken.values()) / 2:
        return names
    whose = "The rest went to" if words else "It went to"
    hidden = "what cannot be seen from here: other containers, short-lived processes, or interrupts."
    return f"{names} {whose} {hidden}".strip()


def _name(one: Neighbour, cpus: Mapping[int, float]) -> str:
    """Where it was seen, as one that may move between CPUs is not followed in between."""
    most = sorted((cpu for cpu in cpus if cpus[cpu] >= _LEAST_NAMED_PERCENT), key=lambda cpu: -cpus[cpu])
    where = ", ".join(f"{cpus[cpu]:.1f} % seen on CPU {cpu}" for cpu in most[:3])
    return f"{one.name} (pid {one.pid}): {where}" + (f" and on {len(most) - 3} more" if len(most) > 3 else "")


def _find_above(
    around: Surroundings, code: Code, share: Callable[[CpuUse], float], limit: float, what: str, advice: str
) -> Iterator[Finding]:
    """Less than a tick in all is not known: in a short window the readings around it include what came before."""
    least = max(limit, 100 / (TICKS_PER_S * around.window_s)) if around.window_s > 0 else limit
    taken = {cpu: share(use) for cpu, use in around.use.items() if share(use) > least}
    if taken:
        yield Finding(code, "warning", f"{what} {_cpus(taken)}.", advice)


def _cpus(taken: Mapping[int, float]) -> str:
    """`CPU 3: 12.0 %`, or where there are several, which ones and the worst of them."""
    worst = max(taken, key=lambda cpu: taken[cpu])
    if len(taken) == 1:
        return f"CPU {worst}: {taken[worst]:.1f} %"
    return f"CPUs {format_cpu_list(taken)}, most from CPU {worst}: {taken[worst]:.1f} %"


def _find_in_clocks(around: Surroundings, limit: float) -> Iterator[Finding]:
    """Of CPUs that had a load: an idle one slows down. Of fewer readings one that is odd would be the median."""
    drops = {
        cpu: 100 * (1 - one.last / one.first)
        for cpu, one in around.frequency.items()
        if one.first > 0
        and cpu in around.use
        and around.use[cpu].agents > _LEAST_LOADED_PERCENT
        and around.readings_behind.get(cpu, 0) >= _LEAST_READINGS
    }
    slower = {cpu: drop for cpu, drop in drops.items() if drop > limit}
    if slower:
        worst = max(slower, key=lambda cpu: slower[cpu])
        clock = around.frequency[worst]
        message = (
            f"The clock of {'CPU' if len(slower) == 1 else 'CPUs'} {format_cpu_list(slower)} fell under the load, that "
            f"of CPU {worst} from {clock.first:,.0f} to {clock.last:,.0f} MHz ({slower[worst]:.1f} %)."
        )
        yield Finding(Code.FREQUENCY_DROP, "warning", message, "Warm up for longer, or fix the clock without turbo.")


def _find_in_governors(around: Surroundings) -> Iterator[Finding]:
    for governor in around.governors:
        if governor.name == "performance":
            continue
        by = f" ({governor.driver})" if governor.driver else ""
        if governor.name == "powersave" and governor.driver not in _DYNAMIC:
            text = "keeps the clock at its lowest"
        else:
            text = "lets the clock follow the load"
        message = f"The frequency governor of measured CPUs is {governor.name}{by}, which {text}."
        advice = "For figures that repeat: cpupower frequency-set -g performance."
        yield Finding(Code.GOVERNOR, "info", message, advice)


def _find_in_heat(around: Surroundings) -> Iterator[Finding]:
    if around.throttles:
        most = sorted(around.throttles.items(), key=lambda item: -item[1])
        text = ", ".join(f"{what} {count} time{'s' if count != 1 else ''}" for what, count in most[:_MOST_NAMED])
        more = f" and {len(most) - _MOST_NAMED} more" if len(most) > _MOST_NAMED else ""
        message = f"The processor was throttled by heat during the run: {text}{more}."
        yield Finding(Code.THERMAL_THROTTLE, "warning", message, "Cool it better, or lower its power limit.")


def _find_in_quota(evidence: Evidence) -> Iterator[Finding]:
    """Agents of one control group all report the same periods."""
    quota = evidence.surroundings.quota
    if quota:
        worst = max(quota, key=lambda id: quota[id])
        periods, seconds = quota[worst]
        message = (
            f"The CPU quota of the control group was used up in {periods:,} period{'s' if periods != 1 else ''}, and "
            f"its threads waited for {seconds:.2f} s in all ({evidence.who(sorted(quota))})."
        )
        advice = "Raise the quota (cpu.max), or measure fewer --cpus."
        yield Finding(Code.CPU_QUOTA, "error", message, advice)
