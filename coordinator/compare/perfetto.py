"""A run as a trace for Perfetto: each inference as a slice, and beside it what the CPUs did. Pure.

The format is protobuf (protos/perfetto/trace/trace_packet.proto, track_event.proto and track_descriptor.proto of
perfetto.dev). Numbers are varints of a fixed length, which the format allows, so that all packets of a kind are equally
long and made at once, as the rows of an array; a package for it makes one packet at a time. The tests read traces with
Perfetto's own descriptions.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from ovbench.common.clock import NS_PER_S
from ovbench.common.samples import Int64s, SampleArray

from ..result.cpu import CpuTimeline
from ..result.report import AgentPart, Report

Rows = npt.NDArray[np.uint8]

_NAME: Final = "inference"
_BEGIN, _END, _COUNTER = 1, 2, 4
_TRACE_PACKET: Final = 0x0A  # Trace.packet
_SEQUENCE: Final = 1
_INSTANT_BYTES: Final = 9
_TRACK_BYTES: Final = 5
_COUNT_BYTES: Final = 5
_CHUNK: Final = 1 << 18
_MOST_LANE: Final = 1 << 16
"""Tracks of an agent: more than it can have requests."""
_COORDINATOR_PID: Final = 1
_FIRST_PID: Final = 1 << 22
"""Of agents that are told apart by their own numbers: Linux gives no process one as high."""


def trace_of(report: Report, samples: Mapping[int, SampleArray]) -> Iterator[bytes]:
    """In pieces. An agent is a process, with a track for each inference that is in flight beside others; what waits
    and the figures over time are counters."""
    pids = _pids(report)
    hosts = {agent.id: agent.host for agent in report.agents} if report.several_hosts else {}
    for agent, each in sorted(samples.items()):
        process = _Track((agent + 1) * _MOST_LANE)
        where = f" on {hosts[agent]}" if agent in hosts else ""
        cpus = next((",".join(map(str, one.cpus)) for one in report.agents if one.id == agent), "")
        yield process.process(f"agent {agent}{where}, CPU {cpus}", pids.get(agent, _FIRST_PID + agent))
        yield from _inferences(process, each)
        if each.timed:
            yield from _counter(process.child(_MOST_LANE - 1), "waiting", *_waiting(each))
    yield from _figures(report)


def _pids(report: Report) -> dict[int, int]:
    """What Perfetto tells processes apart by: an agent's own pid where it is known and none but its own. On other
    hosts, and in containers, others may have the same."""
    known = Counter([_COORDINATOR_PID, *(agent.pid for agent in report.agents)])

    def pid_of(agent: AgentPart) -> int:
        own = agent.pid if agent.pid and known[agent.pid] == 1 and not report.several_hosts else None
        return own or _FIRST_PID + agent.id

    return {agent.id: pid_of(agent) for agent in report.agents}


def _inferences(process: "_Track", samples: SampleArray) -> Iterator[bytes]:
    order = np.argsort(samples.starts, kind="stable")
    starts, ends = samples.starts[order], samples.ends[order]
    lanes = lanes_of(starts, ends)
    for lane in range(int(lanes.max(initial=-1)) + 1):
        track = process.child(lane + 1)
        yield track.described(f"in flight {lane + 1}")
        mine = lanes == lane
        yield from _slices(track.uuid, starts[mine], ends[mine])


def lanes_of(starts: Int64s, ends: Int64s) -> Int64s:
    """For inferences by their start, tracks on which none overlap, each time the lowest that is free."""
    lanes = np.empty(len(starts), np.int64)
    busy: list[tuple[int, int]] = []
    free: list[int] = []
    for index, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        while busy and busy[0][0] <= start:
            heapq.heappush(free, heapq.heappop(busy)[1])
        lane = heapq.heappop(free) if free else len(busy)
        heapq.heappush(busy, (end, lane))
        lanes[index] = lane
    return lanes


def _waiting(samples: SampleArray) -> tuple[Int64s, Int64s]:
    """How many of those that were served were due and had not started, whenever that changed."""
    instants = np.concatenate([samples.dues, samples.starts])
    changes = np.repeat(np.asarray([1, -1]), len(samples))
    order = np.argsort(instants, kind="stable")
    at, level = instants[order], np.cumsum(changes[order])
    last = np.append(at[1:] != at[:-1], True)
    return at[last], level[last]


def _figures(report: Report) -> Iterator[bytes]:
    """Counters keep their value to the next: each is stamped with the beginning of its slice."""
    place = _Track(1)
    zero_ns = report.window.start_ns
    ends = np.rint(np.asarray([part.t_s for part in report.timeline]) * NS_PER_S).astype(np.int64)
    begins = zero_ns + np.concatenate([np.zeros(min(1, len(ends)), np.int64), ends[:-1]])
    yield place.process("ovbench", _COORDINATOR_PID)
    yield from _counter(place.child(1), "FPS", begins, [part.fps for part in report.timeline])
    known = np.asarray([part.p99_ms is not None for part in report.timeline], np.bool_)
    p99_ms = [part.p99_ms for part in report.timeline if part.p99_ms is not None]
    yield from _counter(place.child(2), "p99 in ms", begins[known], p99_ms)
    number = 3
    timelines = (
        [(f" of {host.name}", host.cpu) for host in report.hosts] if report.several_hosts else [("", report.cpu)]
    )
    for where, cpu in timelines:
        if cpu is not None and cpu.timeline is not None:
            for name, instants, busy in _cpus(cpu.timeline, zero_ns):
                yield from _counter(place.child(number), f"CPU {name}{where} busy %", instants, busy)
                number += 1


def _cpus(timeline: CpuTimeline, zero_ns: int) -> Iterator[tuple[str, Int64s, Sequence[float]]]:
    begins = np.rint(np.asarray([0.0, *timeline.t_s[:-1]]) * NS_PER_S).astype(np.int64)
    for name, busy in timeline.busy_percent.items():
        yield name, zero_ns + begins[: len(busy)], busy


def _slices(track: int, starts: Int64s, ends: Int64s) -> Iterator[bytes]:
    """Each begin before its end, so that what lasts no time is a slice, too."""
    for at in range(0, len(starts), _CHUNK):
        begun, ended = starts[at : at + _CHUNK], ends[at : at + _CHUNK]
        name = _text(23, _NAME)
        first = _events(begun, _BEGIN, track, np.tile(np.frombuffer(name, np.uint8), (len(begun), 1)))
        second = _events(ended, _END, track, np.empty((len(ended), 0), np.uint8))
        yield np.concatenate([first, second], axis=1).tobytes()


def _counter(track: "_Track", name: str, instants: Int64s, values: Iterable[float] | Int64s) -> Iterator[bytes]:
    numbers = np.asarray(list(values) if not isinstance(values, np.ndarray) else values)
    if not len(numbers):
        return
    yield track.described(name, counter=True)
    for at in range(0, len(numbers), _CHUNK):
        part = numbers[at : at + _CHUNK]
        key, value = (30, _padded(part, _COUNT_BYTES)) if part.dtype.kind == "i" else (44, _doubles(part))
        tag = _key(key, 0 if part.dtype.kind == "i" else 1)
        rows = np.concatenate([np.tile(np.frombuffer(tag, np.uint8), (len(part), 1)), value], axis=1)
        yield _events(instants[at : at + _CHUNK], _COUNTER, track.uuid, rows).tobytes()


def _events(instants: Int64s, kind: int, track: int, rest: Rows) -> Rows:
    """A packet with a track event in each row; `rest`: further fields of the event."""
    uuid = _padded(np.asarray([track]), _TRACK_BYTES)[0].tobytes()
    event = _number(9, kind) + _key(11, 0) + uuid
    size = len(event) + rest.shape[1]
    before = _key(8, 0)
    after = _number(10, _SEQUENCE) + _key(11, 2) + _varint(size) + event
    length = len(before) + _INSTANT_BYTES + len(after) + rest.shape[1]
    head = bytes([_TRACE_PACKET]) + _varint(length) + before

    def each(data: bytes) -> Rows:
        return np.tile(np.frombuffer(data, np.uint8), (len(instants), 1))

    return np.concatenate([each(head), _padded(instants, _INSTANT_BYTES), each(after), rest], axis=1)


def _padded(values: Int64s, size: int) -> Rows:
    """Varints of `size` bytes, seven bits in each: [n, size]."""
    shifts = 7 * np.arange(size, dtype=np.int64)
    rows = ((values.astype(np.int64)[:, None] >> shifts) & 0x7F).astype(np.uint8)
    rows[:, :-1] |= 0x80
    return rows


def _doubles(values: npt.NDArray[np.float64]) -> Rows:
    return values.astype("<f8").view(np.uint8).reshape(len(values), 8)


class _Track:
    """The `uuid` of an agent is a multiple of `_MOST_LANE`; its tracks have the numbers after it."""

    def __init__(self, uuid: int, parent: int | None = None) -> None:
        self.uuid = uuid
        self._parent = parent

    def child(self, number: int) -> "_Track":
        return _Track(self.uuid + number, self.uuid)

    def process(self, name: str, pid: int) -> bytes:
        return _descriptor(_number(1, self.uuid) + _bytes(3, _number(1, pid) + _text(6, name)))

    def described(self, name: str, counter: bool = False) -> bytes:
        parent = b"" if self._parent is None else _number(5, self._parent)
        return _descriptor(_number(1, self.uuid) + parent + _text(2, name) + (_bytes(8, b"") if counter else b""))


def _descriptor(fields: bytes) -> bytes:
    packet = _number(10, _SEQUENCE) + _bytes(60, fields)
    return bytes([_TRACE_PACKET]) + _varint(len(packet)) + packet


def _key(field: int, wire: int) -> bytes:
    return _varint(field << 3 | wire)


def _number(field: int, value: int) -> bytes:
    return _key(field, 0) + _varint(value)


def _bytes(field: int, data: bytes) -> bytes:
    return _key(field, 2) + _varint(len(data)) + data


def _text(field: int, text: str) -> bytes:
    return _bytes(field, text.encode(errors="replace"))


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
