"""Every instant of every message is mapped where it passes between two clocks, and nothing else is.

A new field that may hold an instant fails here until it is in one of the tables, and what maps it in
`coordinator/session/hosttime.py` and `placed.py`.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np
import pytest
from msgspec import inspect

from ovbench.common.hostclock import RoundTrip
from ovbench.common.hostmessages import (
    AnyHostNotice,
    AnyHostOrder,
    CpuReading,
    CutLoad,
    HostOrder,
    NeighbourTime,
    ObserveLoad,
    Ping,
    Pong,
    SensorsAt,
)
from ovbench.common.messages import AnyNotice, AnyOrder, Samples, tag
from ovbench.common.samples import SampleArray, instants_of
from ovbench.coordinator.session.hosttime import HostTime
from ovbench.coordinator.session.pinger import Pinger
from tests.contract.test_messages import NOTICES, ORDERS

INSTANTS: Final = {
    "WarmUp.at_ns",
    "Start.at_ns",
    "End.at_ns",
    "Usage.at_ns",
    "Finished.start_ns",
    "Finished.stop_ns",
    "Folded.first_end_ns",
    "Folded.last_end_ns",
    "ObserveLoad.begin_ns",
    "ObserveLoad.window_ns",
    "CutLoad.end_ns",
    "CpuReading.host_ns",
    "SensorsAt.host_ns",
}

INSTANTS_IN_BYTES: Final = {"Samples.data", "NeighbourTime.host_ns"}

KEPT: Final = {
    # Times, and times since the window's start, by the clock of whoever measures them.
    *(f"{kind}.{name}" for kind in ("Folded", "FoldedTimes") for name in ("least_ns", "most_ns", "pivot_ns")),
    *(f"{kind}.total_deviation_ns" for kind in ("Folded", "FoldedTimes")),
    "Folded.slice_ns",
    "Load.cells_ns",
    "Pace.frame_period_ns",
    "NullService.service_ns",
    # Of files, by whatever clock their file system has.
    "FileState.modified_ns",
    "FileState.changed_ns",
    # Of which the estimate is made.
    "Ping.sent_ns",
    "Pong.sent_ns",
    "Pong.host_ns",
}

KEPT_BYTES: Final = {
    "Dropped.data",  # since the window's start
    "SchedulePart.data",  # the same
    *(f"{kind}.{name}" for kind in ("Tally", "Counted") for name in ("buckets", "counts")),
    *(f"{kind}.fine_{name}" for kind in ("Folded", "FoldedTimes") for name in ("buckets", "counts")),
    *(f"Folded.slice_{name}" for name in ("indices", "buckets", "counts")),
    "OutputDigest.sketch",
    "Graph.data",
    "ToAgent.peer",
    "ToAgent.order",
    "FromAgent.peer",
    "FromAgent.notice",
    "CpuReading.totals",
    "NeighbourTime.seconds",
    "FileChunk.data",
}
AHEAD_NS: Final = 1_000_000_000
"""By so much the coordinator's clock is ahead of the host's."""


def fields_of(kind: inspect.Type, path: str, known: set[type]) -> Iterator[tuple[str, inspect.Type]]:
    """Every number and every run of bytes in a type, by the field that it is in."""
    match kind:
        case inspect.StructType(cls=cls, fields=fields):
            if cls not in known:
                known.add(cls)
                for field in fields:
                    yield from fields_of(field.type, f"{cls.__name__}.{field.name}", known)
        case inspect.UnionType(types=kinds) | inspect.TupleType(item_types=kinds):
            for one in kinds:
                yield from fields_of(one, path, known)
        case inspect.VarTupleType(item_type=one):
            yield from fields_of(one, path, known)
        case inspect.DictType(key_type=key, value_type=value):
            yield from fields_of(key, path, known)
            yield from fields_of(value, path, known)
        case inspect.IntType() | inspect.FloatType() | inspect.BytesType():
            yield path, kind


def found(union: Any) -> dict[str, inspect.Type]:
    return dict(fields_of(inspect.type_info(union), "", set()))


def may_hold_an_instant(path: str, kind: inspect.Type) -> bool:
    """By its name, or as what is annotated `Nanoseconds`."""
    is_nanoseconds = isinstance(kind, inspect.IntType) and (kind.ge, kind.lt) == (0, 1 << 62)
    return not isinstance(kind, inspect.BytesType) and (is_nanoseconds or path.endswith("_ns"))


UNIONS: Final = [AnyOrder, AnyNotice, AnyHostOrder, AnyHostNotice]


def test_every_number_that_may_be_an_instant_is_mapped_or_kept_on_purpose() -> None:
    numbers = {path for union in UNIONS for path, kind in found(union).items() if may_hold_an_instant(path, kind)}
    assert numbers - (INSTANTS | KEPT) == set(), "are these instants? map them, and add them to a table here"
    assert (INSTANTS | KEPT) - numbers == set(), "there are no such fields any more"


def test_all_bytes_that_may_hold_instants_are_mapped_or_kept_on_purpose() -> None:
    data = {path for union in UNIONS for path, kind in found(union).items() if isinstance(kind, inspect.BytesType)}
    assert data - (INSTANTS_IN_BYTES | KEPT_BYTES) == set(), "do these hold instants? map them, and add them here"
    assert (INSTANTS_IN_BYTES | KEPT_BYTES) - data == set(), "there are no such fields any more"


HOST_ORDERS: Final[tuple[HostOrder, ...]] = (
    ObserveLoad(epoch=1, begin_ns=5_000_000_000, window_ns=6_000_000_000, duration_s=10.0),
    CutLoad(epoch=1, end_ns=7_000_000_000),
    Ping(number=1, sent_ns=5_000_000_000),
)
HOST_NOTICES: Final[tuple[AnyHostNotice, ...]] = (
    CpuReading(epoch=1, host_ns=5_000_000_000, cpus=(0,), totals=bytes(40), own_s=1.0, own_cpu=0),
    NeighbourTime(
        epoch=1,
        pid=7,
        started_ticks=9,
        name="sh",
        cpu=0,
        host_ns=np.asarray([5_000_000_000, 6_000_000_000], "<i8").tobytes(),
        seconds=bytes(16),
    ),
    SensorsAt(epoch=1, host_ns=5_000_000_000, mhz={0: 1e3}, throttles={}, energy_j={}),
    Pong(number=1, sent_ns=5_000_000_000, host_ns=4_000_000_000),
)


def border() -> HostTime:
    time = HostTime(Pinger(heartbeat_ns=1_000_000_000))
    time.clock.add(RoundTrip(10**15, 10**15 - AHEAD_NS, 10**15))
    return time


def differences(before: Any, after: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Fields that are not the same, in structs within structs."""
    if isinstance(before, msgspec.Struct):
        for name in before.__struct_fields__:
            owner = type(before).__name__
            yield from differences(getattr(before, name), getattr(after, name), f"{owner}.{name}")
    elif isinstance(before, tuple) and before and isinstance(before[0], msgspec.Struct):
        for one, other in zip(before, after, strict=True):
            yield from differences(one, other, path)
    elif before != after:
        yield path, before, after


@pytest.mark.parametrize("order", ORDERS, ids=tag)
def test_the_instants_of_an_order_are_in_the_hosts_clock_and_all_else_is_as_it_was(order: Any) -> None:
    changed = {path: (old, new) for path, old, new in differences(order, border().order(order))}
    assert set(changed) == {path for path in INSTANTS if path.startswith(f"{type(order).__name__}.")}
    assert {new - old for old, new in changed.values()} <= {-AHEAD_NS}


@pytest.mark.parametrize("notice", NOTICES, ids=tag)
def test_the_instants_of_a_notice_are_in_the_coordinators_clock_and_all_else_is_as_it_was(notice: Any) -> None:
    placed = border().notice(notice)
    assert tag(placed) == tag(notice)
    assert isinstance(placed, type(notice))
    changed = {path: (old, new) for path, old, new in differences(notice, placed)}
    of_kind = {*found(type(notice))} & (INSTANTS | INSTANTS_IN_BYTES)
    assert set(changed) == of_kind
    for path, (old, new) in changed.items():
        if path == "Samples.data":
            assert isinstance(notice, Samples)
            old, new = (SampleArray.from_bytes(data, notice.timed).table for data in (old, new))
        assert np.all(np.asarray(new) - np.asarray(old) == AHEAD_NS)


@pytest.mark.parametrize("order", HOST_ORDERS, ids=lambda order: type(order).__name__)
def test_the_instants_of_an_order_to_a_supervisor_are_in_its_clock(order: Any) -> None:
    changed = {path: (old, new) for path, old, new in differences(order, border().host_order(order))}
    assert set(changed) == {path for path in INSTANTS if path.startswith(f"{type(order).__name__}.")}
    assert {new - old for old, new in changed.values()} <= {-AHEAD_NS}


@pytest.mark.parametrize("notice", HOST_NOTICES, ids=lambda notice: type(notice).__name__)
def test_the_instants_of_a_supervisors_notice_are_in_the_coordinators_clock(notice: Any) -> None:
    changed = {path: (old, new) for path, old, new in differences(notice, border().host_notice(notice))}
    assert set(changed) == {*found(type(notice))} & (INSTANTS | INSTANTS_IN_BYTES)
    for path, (old, new) in changed.items():
        if path in INSTANTS_IN_BYTES:
            old, new = instants_of(old), instants_of(new)
        assert np.all(np.asarray(new) - np.asarray(old) == AHEAD_NS)


def test_there_is_a_message_here_for_every_field_that_is_mapped() -> None:
    examples = (*ORDERS, *NOTICES, *HOST_ORDERS, *HOST_NOTICES)
    seen = {path for example in examples for path in found(type(example))}
    assert seen >= INSTANTS | INSTANTS_IN_BYTES
