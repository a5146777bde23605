"""How long the coordinator waits for what."""

from dataclasses import dataclass

from ovbench.common.clock import NS_PER_MS


@dataclass(frozen=True)
class Rules:
    """Times in seconds. A heartbeat on a saturated core was seen at most 67 ms late, so 3 s for lost has margin.

    One heartbeat costs an agent about 1.5 ms of CPU beside its load; more often, two agents' control would take 1 % of
    a core (scripts/bench/overhead_cpu.py).
    """

    heartbeat_s: float = 1.0
    lost_s: float = 3.0
    lease_s: float = 3.0
    join_s: float = 3.5
    join_first_s: float = 60.0
    stop_s: float = 4.0
    margin_ns: int = 20 * NS_PER_MS
    margin_per_agent_ns: int = NS_PER_MS // 5
    stall_factor: int = 10
