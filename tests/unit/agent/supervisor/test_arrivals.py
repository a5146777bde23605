"""The schedule of a host, part by part as it comes."""

from collections.abc import Iterator

import numpy as np
import pytest

from ovbench.agent.supervisor.arrivals import HostSchedules
from ovbench.common.errors import UsageError
from ovbench.common.hostmessages import ScheduleAt
from ovbench.common.job import ScheduleAddress
from ovbench.common.schedulememory import open_schedule

OFFSETS = np.array([-5, 0, 7, 1 << 60, 3], np.int64)


@pytest.fixture
def schedules() -> Iterator[HostSchedules]:
    made = HostSchedules(1 << 20)
    yield made
    made.close()


def part(first: int, last: int) -> bytes:
    return OFFSETS[first:last].astype("<i8").tobytes()


def given(schedules: HostSchedules, epoch: int) -> ScheduleAt:
    schedules.share(epoch, 5)
    assert schedules.add(epoch, 0, part(0, 2)) is None
    told = schedules.add(epoch, 2, part(2, 5))
    assert told is not None
    return told


def test_agents_find_it_whole_where_it_is_told_to_be(schedules: HostSchedules) -> None:
    told = given(schedules, 3)
    assert (told.epoch, told.count) == (3, 5)
    found = open_schedule(ScheduleAddress(told.pid, told.descriptor, told.count, told.nonce))
    assert np.array_equal(found.offsets_ns, OFFSETS)


def test_that_of_the_next_epoch_takes_its_place(schedules: HostSchedules) -> None:
    first, second = given(schedules, 1), given(schedules, 2)
    assert first.nonce != second.nonce
    with pytest.raises(UsageError, match="of another run"):
        open_schedule(ScheduleAddress(first.pid, first.descriptor, first.count, first.nonce))


@pytest.mark.parametrize(
    ("epoch", "first", "data"),
    [(2, 0, part(0, 2)), (1, 1, part(1, 2)), (1, 0, part(0, 5) + part(0, 1))],
    ids=["of another epoch", "after a gap", "too much"],
)
def test_a_part_that_cannot_come_is_refused(schedules: HostSchedules, epoch: int, first: int, data: bytes) -> None:
    schedules.share(1, 5)
    with pytest.raises(ValueError, match="schedule"):
        schedules.add(epoch, first, data)


def test_more_than_the_host_gives_is_refused_before_there_is_room_for_it(schedules: HostSchedules) -> None:
    with pytest.raises(UsageError, match="--max-memory"):
        schedules.share(1, (1 << 17) + 1)


def test_it_is_kept_for_its_epoch_and_freed_when_the_next_begins(schedules: HostSchedules) -> None:
    told = given(schedules, 1)
    address = ScheduleAddress(told.pid, told.descriptor, told.count, told.nonce)
    schedules.begin(1)
    open_schedule(address)
    schedules.begin(2)
    with pytest.raises(UsageError):
        open_schedule(address)
