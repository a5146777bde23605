"""Runs with a schedule that are computed and not measured: queues that are served one by one, first come first served.

All in plain Python, apart from what is tested. Instants are ns since the window's start, which is at ZERO.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from msgspec import structs

from ovbench.common.arrivals import Dispatch
from ovbench.common.clock import NS_PER_S
from ovbench.common.dealing import deal
from ovbench.common.histogram import Int64s
from ovbench.common.job import Schedule, ScheduleAddress
from ovbench.common.messages import Dropped
from ovbench.coordinator.session.record import AgentRecord, RunRecord
from tests.builders import delivered, effective, finished, ready, request, run, samples, seconds, timed

ZERO: Final = seconds(5)
LENGTH_NS: Final = NS_PER_S
"""Of the window."""


@dataclass(frozen=True)
class Served:
    """What became of an arrival; `agent` is None where nobody came to it."""

    due: int
    what: Literal["done", "dropped", "unfinished"]
    agent: int | None = None
    request: int = 0
    start: int = 0
    end: int = 0


@dataclass(frozen=True)
class Setting:
    """Of a run: so many agents with so many requests each. What has waited for `timeout_ns` is dropped, 0 for never;
    what is due may be started for `drain_ns` after the window. `lost`: an agent that was lost in the end."""

    dispatch: Dispatch = "shared"
    agents: int = 2
    requests: int = 1
    timeout_ns: int = 0
    drain_ns: int = 0
    lost: int | None = None

    @property
    def argv(self) -> tuple[str, ...]:
        timeout = ("--timeout-ms", f"{self.timeout_ns / 1e6}") if self.timeout_ns else ()
        asked = ("--agents", str(self.agents), "--rate", "10", "-t", "1", "--dispatch", self.dispatch)
        return (*asked, "--drain", f"{self.drain_ns / 1e9}", *timeout)


def serve(setting: Setting, dues: Sequence[int], services: Sequence[int]) -> list[Served]:
    """`dues` ascend; each takes its service, whoever serves it."""
    shares = deal(len(dues), setting.dispatch, setting.agents, 0)
    everyone = range(setting.agents)
    outcomes: list[Served] = []
    for number, share in enumerate(shares):
        agents = everyone if setting.dispatch == "shared" else [number]
        free = {(agent, each): -ZERO for each in range(setting.requests) for agent in agents}
        for arrival in share.tolist():
            due, service = dues[arrival], services[arrival]
            server = min(free, key=lambda one: free[one])
            start = max(due, free[server])
            if start >= LENGTH_NS + setting.drain_ns:
                outcomes.append(Served(due, "unfinished"))
            elif setting.timeout_ns and start - due >= setting.timeout_ns:
                outcomes.append(Served(due, "dropped", server[0]))
            else:
                free[server] = start + service
                outcomes.append(Served(due, "done", *server, start, start + service))
    return sorted(outcomes, key=lambda one: (one.due, one.start))


def record_of(setting: Setting, outcomes: Sequence[Served]) -> RunRecord:
    """As agents that did this would have delivered it."""
    wanted = request(*setting.argv)
    agents = [_agent(setting, id, outcomes) for id in range(setting.agents)]
    dues = np.array([one.due for one in outcomes], np.int64)
    return replace(run(agents, wanted=wanted), schedule_ns=dues)


def _agent(setting: Setting, id: int, outcomes: Sequence[Served]) -> AgentRecord:
    mine = [one for one in outcomes if one.agent == id]
    done = [one for one in mine if one.what == "done"]
    dropped = np.array([one.due for one in mine if one.what == "dropped"], np.int64)
    made = delivered(
        id,
        load=finished(start_ns=ZERO, stop_ns=ZERO + LENGTH_NS, completed=len(done), cpus=(id,)),
        prepared=ready(effective(requests=setting.requests), mask=(id,)),
    )
    address = ScheduleAddress(pid=1, descriptor=3, count=max(1, len(outcomes)), nonce="0" * 32)
    schedule = Schedule(address, 0, len(outcomes), setting.dispatch == "shared")
    job = structs.replace(made.job, load=structs.replace(made.job.load, schedule=schedule))
    if id == setting.lost:
        return AgentRecord(id=id, job=job, pid=1, why="was killed by SIGKILL")
    by_request = ([one for one in done if one.request == each] for each in range(setting.requests))
    return replace(
        made,
        job=job,
        samples=tuple(samples(_table(part), each) for each, part in enumerate(by_request) if part),
        dropped=(Dropped(dropped.tobytes()),) if len(dropped) else (),
    )


def _table(part: Sequence[Served]) -> Int64s:
    dues, starts, ends = ZERO + np.array([(one.due, one.start, one.end) for one in part], np.int64).T
    return timed(dues, starts, ends)
