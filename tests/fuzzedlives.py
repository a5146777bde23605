"""Whole lives of an agent in which some values are not what they should be, from hello to the report in all its forms.

Beside it lives an agent that is right. Whatever the first says, a report must come of it, with the second in it.
"""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import jsonschema  # type: ignore[import-untyped]
import msgspec
import numpy as np
from msgspec import structs
from rich.console import Console

from ovbench.common.effective import Filling
from ovbench.common.histogram import FINE
from ovbench.common.job import Job, Pace, Schedule, ScheduleAddress
from ovbench.common.lifecycle import State
from ovbench.common.messages import (
    PROTOCOL_VERSION,
    AnyNotice,
    Counted,
    Delivered,
    Dropped,
    Graph,
    Hello,
    Layers,
    MaskChange,
    OnCpu,
    OnNode,
    Progress,
    Tally,
    Usage,
    Warmed,
)
from ovbench.common.samples import Int64s
from ovbench.common.wire import BadMessage, decode, encode
from ovbench.coordinator.report.live import Screen
from ovbench.coordinator.report.text import print_report
from ovbench.coordinator.request.request import Request
from ovbench.coordinator.result.report import from_json, json_schema, to_json
from ovbench.coordinator.session.actions import AboutToBegin, Action, Tallied
from ovbench.coordinator.session.counting import Counting
from ovbench.coordinator.session.events import AgentsReady, Counts
from ovbench.coordinator.session.fleet import Fleet
from ovbench.coordinator.session.phase import Phase
from ovbench.coordinator.session.record import RunRecord
from ovbench.coordinator.session.rules import Rules
from ovbench.coordinator.session.snapshot import Tracker, awaited, ready_agents
from ovbench.coordinator.session.watch import Watch
from ovbench.coordinator.stats.sequential import Grid
from tests.builders import (
    cpu_totals,
    effective,
    finished,
    folded,
    job,
    layer,
    made,
    ms,
    ready,
    report,
    request,
    run,
    samples,
    steady,
    usage,
)
from tests.builders import seconds as s

KINDS: Final = 60
"""Lives that differ in what is right: folded or not, paced, with a schedule, in queries, counted, of several groups of
shapes, until a figure is known."""

_BEGIN: Final = s(100)
_LENGTH_NS: Final = s(2)
_GRID: Final = Grid.of(_LENGTH_NS)
_LEAD_IN_S: Final = 0.5
"""Of the length, with a schedule."""
_RULES: Final = Rules()
_RIGHT: Final = 0
_SCHEMA: Final = jsonschema.Draft202012Validator(json_schema())

WHOLES: Final = (
    0, 1, 2, 3, 7, 50, 150, 255, 2303, 2304, 8191, 10**7, 2**31 - 1, 2**32, 2**53, 2**62 - 1, 2**63 - 1, 2**64 - 1, -1,
    _BEGIN, _BEGIN - 1, _BEGIN + 1, _BEGIN + s(1), _BEGIN + _LENGTH_NS, _BEGIN + s(3), -_BEGIN, -(2**63),
)  # fmt: skip
REALS: Final = (0.0, -0.0, 5e-324, 1e-300, 0.5, 3.0, 1e7, 1e12, 1e15, 1e300, -1e300, 1.7e308)
TEXTS: Final = (
    "", " ", "\x1b[31m\x1b]0;title\x07", "[/red]", "[bold]", "a\nb\r\tc", "\x00", "\u202eabc", "\U0001f600" * 50,
    "ü" * 4096, "x" * 20_000, "/etc/passwd", "%s {0}", "\x9b2J", "</script>", "nan",
)  # fmt: skip
BYTES: Final = (b"", b"\0" * 16, b"\xff" * 16, b"\xff" * 8, b"\x7f" * 256, b"<net/>", bytes(range(32)))


@dataclass(frozen=True)
class Change:
    """One thing about a life: which message, which place in it, and by what that is replaced; picked by number.

    Where `whole` is set, it is the message that is left out, said twice, or said after all others.
    """

    message: int
    place: int
    value: int
    whole: bool = False


def survived(changes: Sequence[Change], kind: int) -> str:
    """Lives such a life; what is wrong with the report, empty if nothing is. What raises anything is wrong, too."""
    now_ns = _BEGIN - _RULES.margin_ns - 2 * _RULES.margin_per_agent_ns
    fleet = Fleet([_job(kind, cpu) for cpu in (0, 1)], _RULES, now_ns, cpus_of=lambda agent: {0, 1})
    tracker, counting = Tracker(2.0), Counting()
    readings = [cpu_totals(99.0 + at, [40 + 0.8 * at] * 2, 0.01 * at) for at in range(6)]
    wanted = _request(kind)
    watch = None if wanted.until is None else Watch(wanted.until, _GRID, 2)
    screen = Screen(Console(file=io.StringIO(), force_terminal=kind % 2 == 1, width=80), wanted)
    said = _changed(_life(kind, _BEGIN), changes)
    _live_rightly(fleet, kind, now_ns, watch)
    for data in said:
        if fleet.begin_ns is not None:
            now_ns = max(now_ns, fleet.begin_ns + _LENGTH_NS) + 1
        if fleet.phase is Phase.RUNNING:
            screen.handle(tracker.snapshot(fleet, 40.0, now_ns))
            _check_counts(counting.event(fleet.members, now_ns))
        _hear(fleet, b"fuzzed", data, now_ns, watch)
        _live_rightly(fleet, kind, now_ns, watch)
        screen.handle(awaited(fleet, now_ns))
    screen.handle(AgentsReady(now_ns, ready_agents(fleet.living())))
    while not fleet.over and now_ns < _BEGIN + s(600):
        now_ns += ms(900)
        _live_rightly(fleet, kind, now_ns, watch)
        _go_on(fleet, fleet.tick(now_ns), now_ns, watch)
    screen.close()
    looks = () if watch is None else tuple(watch.looks)
    record = run(fleet.records(), wanted=wanted, readings=readings)
    return _wrong(fleet, replace(record, looks=looks, schedule_ns=_schedule_ns(kind)), kind)


def _wrong(fleet: Fleet, record: RunRecord, kind: int) -> str:
    """The JSON Schema is slow to check; the types that it is made from always are."""
    if not fleet.over:
        return "the run does not end"
    facts = report(record)
    written = to_json(facts)
    print_report(Console(file=io.StringIO(), force_terminal=len(written) % 2 == 1, width=80), from_json(written))
    data = json.loads(written, parse_constant=_refuse)
    problem = next(_SCHEMA.iter_errors(data), None) if kind % 4 == 0 else None
    if problem is not None:
        return f"the report does not keep to its schema: {problem.message[:200]} at {list(problem.path)}"
    right = next(agent for agent in data["agents"] if agent["id"] == _RIGHT)
    return "" if right["state"] == "ok" else f"the other agent is {right['state']}: {right['reason']}"


def _refuse(name: str) -> None:
    raise ValueError(f"{name} in the report")


def _hear(fleet: Fleet, peer: bytes, data: bytes, now_ns: int, watch: Watch | None) -> None:
    """As the session does, of what came over the bus."""
    try:
        notice: AnyNotice = decode(data, AnyNotice)
    except BadMessage as bad:
        _go_on(fleet, fleet.garbled(peer, str(bad), now_ns), now_ns, watch)
        return
    _go_on(fleet, fleet.heard(peer, notice, now_ns), now_ns, watch)


def _go_on(fleet: Fleet, actions: Sequence[Action], now_ns: int, watch: Watch | None) -> None:
    """As the session does when the fleet is about to begin, and when an agent has counted."""
    for action in actions:
        match action:
            case AboutToBegin():
                _go_on(fleet, fleet.begin(now_ns), now_ns, watch)
            case Tallied(agent, tally) if watch is not None:
                if watch.add(agent, fleet.members[agent].batches, tally):
                    _go_on(fleet, fleet.end(now_ns), now_ns, watch)


def _live_rightly(fleet: Fleet, kind: int, now_ns: int, watch: Watch | None) -> None:
    """The other agent goes on as far as it can."""
    member = fleet.members[_RIGHT]
    hello, prepared, warmed, *rest = _life(kind, fleet.begin_ns or _BEGIN, _RIGHT)
    match member.state:
        case State.EXPECTED:
            notices = [hello]
        case State.PREPARING:
            notices = [prepared]
        case State.WARMING:
            notices = [warmed]
        case State.RUNNING if fleet.begin_ns is not None and now_ns >= fleet.begin_ns + _LENGTH_NS:
            notices = rest
        case _:
            notices = [Progress(11, 0)]
    for notice in notices:
        _hear(fleet, b"right", encode(notice), now_ns, watch)


def _check_counts(counts: Counts | None) -> None:
    for agent in () if counts is None else counts.agents:
        within = (0, *agent.latency_counts, agent.inferences)
        assert list(within) == sorted(within)
        assert agent.inferences >= 0


def _until(kind: int) -> tuple[str, ...]:
    return ("--until", f"{('p99', 'fps', 'mean')[kind % 3]} +-3%") if kind % 5 == 2 else ()


def _counts(kind: int) -> bool:
    return kind % 7 in (1, 4)


def _in_queries(kind: int) -> bool:
    return kind % 6 == 2


def _has_schedule(kind: int) -> bool:
    return kind % 6 == 5


def _is_server(kind: int) -> bool:
    return kind % 18 == 5


def _is_shared(kind: int) -> bool:
    """Of one with a schedule: whether the agents have one queue."""
    return kind % 12 == 5 or _is_server(kind)


def _drops(kind: int) -> bool:
    return _has_schedule(kind) and not _is_server(kind) and not _until(kind)


def _request(kind: int) -> Request:
    argv = ["--agents", "2", *(("-pcseq",) if kind % 3 == 1 else ()), *_until(kind)]
    if _has_schedule(kind):
        argv += ["-t", "1.5", "--warmup", f"{_LEAD_IN_S}", "--rate", "400"]
        argv += ["--dispatch", "shared" if _is_shared(kind) else "round-robin"]
        argv += ["--timeout-ms", "5"] if _drops(kind) else []
        argv += ["--scenario", "server", "--slo-ms", "9"] if _is_server(kind) else []
    else:
        argv += ["-t", "2"]
    return request(*argv)


def _job(kind: int, cpu: int) -> Job:
    pace = Pace(frame_period_ns=1e7) if kind % 4 == 3 and not _has_schedule(kind) else None
    cells_ns = _GRID.edges_ns[1:] if _until(kind) else ()
    iterations = 200 if kind % 5 == 4 else None
    counts_s = 0.0 if _counts(kind) else None
    plain = job((cpu,), duration_s=2.0, iterations=iterations, pace=pace, cells_ns=cells_ns, counts_s=counts_s)
    if _in_queries(kind):
        return structs.replace(plain, load=structs.replace(plain.load, samples_per_query=2))
    if not _has_schedule(kind):
        return plain
    counts = [len(_dues(kind, agent)) for agent in (0, 1)]
    address = ScheduleAddress(pid=1, descriptor=3, count=sum(counts), nonce="0" * 32)
    mine = (0, sum(counts)) if _is_shared(kind) else (counts[0] * cpu, counts[cpu])
    schedule = Schedule(address, *mine, shared=_is_shared(kind), lead_in_s=_LEAD_IN_S)
    timeout_s = 0.005 if _drops(kind) else None
    order = structs.replace(
        plain.load, warmup_s=0.0, duration_s=1.5, iterations=None, schedule=schedule, timeout_s=timeout_s, drain_s=5.0
    )
    return structs.replace(plain, load=order)


def _schedule_ns(kind: int) -> Int64s | None:
    """Of all agents, ns since the window's start; None where there is no schedule."""
    if not _has_schedule(kind):
        return None
    return np.sort(np.concatenate([_dues(kind, agent) for agent in (0, 1)]))


def _dues(kind: int, agent: int) -> Int64s:
    """What an agent serves, drops or leaves of a schedule, in this order: 200 for each of two requests, 20 and 5."""
    served = ms(10) * np.arange(200)
    served[1:] -= np.arange(1, 200) % 3 * 1_000 + agent
    left = ms(70) * np.arange(1, 26) + agent
    return np.concatenate([served, served, left]) - s(_LEAD_IN_S)


def _sampled(kind: int, begin_ns: int, agent: int) -> Int64s:
    """One of its requests' inferences: back to back, at a rate each a little after it was due."""
    done = steady(begin_ns, ms(10), 200)
    if _has_schedule(kind):
        dues = begin_ns + s(_LEAD_IN_S) + _dues(kind, agent)[:200]
    elif _job(kind, agent).load.at_rate:
        dues = np.maximum(done[:, 0] - np.arange(200) % 3 * 1_000, begin_ns)
    elif _in_queries(kind):
        dues = done[:, 0]
    else:
        return done
    return np.concatenate([done, dues[:, None]], axis=1)


def _life(kind: int, begin_ns: int, agent: int = 1 - _RIGHT) -> list[AnyNotice]:
    """What an agent says, from the first word to the last: two requests, one of which folds, layers and a graph."""
    done = _sampled(kind, begin_ns, agent)
    outputs = made(0.5, 1.0)
    running = effective(requests=2, groups=(1, 2) if kind % 3 == 1 else ())
    running = structs.replace(running, notes=("A note.",), fillings=(Filling("data", "random", 1),))
    if kind % 2 and not _has_schedule(kind):
        kept: list[AnyNotice] = [samples(done[:50]), samples(done[150:], first=150), folded(done[50:150], begin_ns)]
    else:
        kept = [samples(done[:120]), samples(done[120:], first=120)]
    dropped = [Dropped(_dues(kind, agent)[400:420].astype("<i8").tobytes())] if _drops(kind) else []
    told = Layers(0, (layer("conv", 7), layer("relu", 3))), Graph(b"<net/>")
    results = [*kept, samples(done, request=1), *dropped, *told]
    opens_ns = begin_ns + (s(_LEAD_IN_S) if _has_schedule(kind) else 0)
    end_ns = begin_ns + _LENGTH_NS
    return [
        Hello(version=PROTOCOL_VERSION, pid=1000 + 500 * agent, host="box", agent=agent, nonce=f"{agent:032x}"),
        ready(running, mask=(agent,), outputs=outputs),
        Warmed(completed=20),
        *(Progress(10, count, buckets=(800, 900), counts=(count, 1)) for count in (10, 50)),
        *(_counted(number) for number in (10, 400) if _counts(kind)),
        *(_tally(cell) for cell in range(len(_job(kind, agent).load.cells_ns))),
        structs.replace(
            finished(opens_ns, end_ns, 400, readings=(_usage(begin_ns, agent, 0.0), _usage(end_ns, agent, 1.9))),
            seen=(agent,),
            mask=(agent,),
            nodes=(OnNode(0, 40.0, 60.0),),
            mask_changes=(MaskChange(7, False, (0, 1), (1,)),),
            outputs=outputs,
        ),
        *results,
        Delivered(len(results)),
    ]


def _counted(number: int) -> Counted:
    counts = FINE.count(ms(10) + np.arange(number) * 10_000)
    (buckets,) = counts.nonzero()
    numbers = counts[buckets].astype("<i8").tobytes()
    return Counted(number, 0, 0.01 * number, buckets.astype("<i4").tobytes(), numbers, 0.001 * number)


def _tally(cell: int) -> Tally:
    """Twelve inferences in one of 32 cells, of latencies that differ."""
    buckets = FINE.buckets(ms(10) + cell % 5 * 1_000 + np.arange(12) * 10_000)
    return Tally(cell, 12.5, buckets.astype("<i4").tobytes(), np.ones(12, "<i8").tobytes())


def _usage(at_ns: int, cpu: int, spent_s: float) -> Usage:
    return structs.replace(usage(at_ns, spent_s, spent_s / 10, spent_s / 20, 5), cpus=(OnCpu(cpu, spent_s, 0.0),))


def _changed(life: Sequence[AnyNotice], changes: Sequence[Change]) -> list[bytes]:
    """As bytes; what no longer can be packed is sent as it was."""
    said: list[Any] = [msgspec.msgpack.decode(encode(notice)) for notice in life]
    for change in changes:
        at = change.message % len(said)
        if change.whole:
            part = said.pop(at)
            said[at:at] = ([], [part, part])[change.value % 2] if change.place % 2 else []
            if not change.place % 2:
                said.append(part)
            continue
        places = list(_places(said[at]))
        place = places[change.place % len(places)]
        said[at] = _put(said[at], place, change.value)
    return [msgspec.msgpack.encode(one) for one in said]


def _places(plain: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All places in a decoded message but its type."""
    if isinstance(plain, dict):
        for key, value in plain.items():
            if (*path, key) != ("type",):
                yield from _places(value, (*path, key))
    elif isinstance(plain, list):
        yield path
        for key, value in enumerate(plain):
            yield from _places(value, (*path, key))
    else:
        yield path


def _put(plain: Any, path: tuple[Any, ...], value: int) -> Any:
    if not path:
        return _other(plain, value)
    key, *rest = path
    copy = dict(plain) if isinstance(plain, dict) else list(plain)
    copy[key] = _put(plain[key], tuple(rest), value)
    return copy


def _other(plain: Any, value: int) -> Any:
    """Something of the same kind, mostly."""
    match plain:
        case bool():
            return not plain
        case int():
            return (WHOLES[value // 4 % len(WHOLES)], (plain + 1) % 2**64, max(0, plain - 1), 2 * plain % 2**64)[
                value % 4
            ]
        case float():
            return (REALS[value // 3 % len(REALS)], plain / 3, plain * 1e3)[value % 3]
        case None:
            return (0, 1.5, "", [])[value % 4]
        case str():
            return TEXTS[value % len(TEXTS)]
        case bytes() if len(plain) >= 16 and value % 4:
            words = np.frombuffer(plain[: len(plain) // 8 * 8], "<i8").copy()
            match value % 4:
                case 1:
                    words[value % len(words)] = (WHOLES[value // 4 % len(WHOLES)] + 2**63) % 2**64 - 2**63
                case 2:
                    words[value % len(words) :] += WHOLES[value % 10]
                case 3:
                    words = np.delete(words, value % len(words))
            return words.tobytes()
        case bytes():
            return BYTES[value % len(BYTES)]
        case list():
            return ([], plain[:1], plain * 2, plain[::-1], plain * 40)[value % 5]
    return plain
