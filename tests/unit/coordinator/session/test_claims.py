"""What an agent says must be possible: each rule broken once, in a delivery that is right otherwise."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pytest
from msgspec import structs

from ovbench.common.job import Pace, Schedule, ScheduleAddress
from ovbench.common.lifecycle import State
from ovbench.common.messages import (
    INSTANTS_PER_MESSAGE,
    SAMPLES_PER_MESSAGE,
    AnyNotice,
    Counted,
    Delivered,
    Dropped,
    Finished,
    Graph,
    Layers,
    MaskChange,
    OnCpu,
    Ready,
    Tally,
    Usage,
)
from ovbench.common.samplelayout import DUE as DUE_COLUMN
from ovbench.common.samplememory import most_samples
from ovbench.coordinator.session.claims import MOST_GRAPH_BYTES, MOST_LAYERS, fault
from ovbench.coordinator.session.member import Member
from tests.builders import Int64s, effective, finished, folded, job, layer, pairs, ready, samples, seconds, timed, usage

BEGIN = seconds(100)
NOW = seconds(103)
DONE = np.stack([BEGIN + 1000 * np.arange(2000), BEGIN + 1000 * np.arange(1, 2001)], axis=1)
"""Two milliseconds of inferences of 1 us each."""


def load(**changes: Any) -> Finished:
    readings = (usage(BEGIN, user_s=1.0), usage(BEGIN + 2_000_000, user_s=1.1))
    return structs.replace(finished(BEGIN, BEGIN + 2_000_000, len(DONE), readings=readings), **changes)


def on_cpu(at_ns: int, *cpus: OnCpu) -> Usage:
    return structs.replace(usage(at_ns), cpus=cpus)


def delivery(done: Int64s = DONE) -> list[AnyNotice]:
    """One request: a head, what was folded, and a ring that came in two parts."""
    return [
        samples(done[:500]),
        samples(done[1500:1600], first=1500),
        samples(done[1600:], first=1600),
        folded(done[500:1500], BEGIN),
        Layers(0, (layer("conv", 7),)),
        Graph(b"<net/>"),
    ]


def heard(notices: Sequence[AnyNotice], prepared: Ready | None = None, member: Member | None = None) -> str:
    """What is wrong first, as the fleet takes one after the other."""
    agent = member or Member(0, job((0, 1)), State.RUNNING)
    for notice in (prepared or ready(effective(requests=2)), *notices):
        why = fault(agent, notice, {0, 1}, BEGIN, NOW)
        if why:
            return why
        agent.keep(notice)
    return ""


def replaced(index: int, **changes: Any) -> list[AnyNotice]:
    notices = delivery()
    notices[index] = structs.replace(notices[index], **changes)
    return [load(), *notices, Delivered(len(notices))]


def test_a_load_that_can_have_been_has_no_fault() -> None:
    assert heard([load(), *delivery(), Delivered(6)]) == ""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"start_ns": 5, "stop_ns": 6}, "began at an instant that is not of this run"),
        ({"start_ns": NOW + seconds(5), "stop_ns": NOW + seconds(5)}, "began at an instant that is not of this run"),
        ({"stop_ns": BEGIN - 1}, "stopped at an instant that is not of this run"),
        ({"stop_ns": (1 << 62) - 1}, "stopped at an instant that is not of this run"),
        ({"completed": 1 << 53}, "more than there can be"),
        ({"usage": ()}, "does not report the CPU time"),
        ({"usage": (usage(5), usage(BEGIN))}, "read its CPU time at an instant"),
        ({"usage": (usage(BEGIN), usage(1 << 61))}, "read its CPU time at an instant"),
        ({"usage": (usage(BEGIN), usage(BEGIN - 5), usage(BEGIN))}, "not in order"),
        ({"usage": (usage(BEGIN, user_s=2.0), usage(BEGIN + 5, user_s=1.0))}, "not in order"),
        ({"usage": (usage(BEGIN, system_s=2.0), usage(BEGIN + 5))}, "not in order"),
        ({"usage": (usage(BEGIN, control_s=2.0), usage(BEGIN + 5))}, "not in order"),
        ({"usage": (usage(BEGIN, switches=2), usage(BEGIN + 5))}, "not in order"),
        ({"usage": (on_cpu(BEGIN, OnCpu(0, 1.0, 0.2)), on_cpu(BEGIN + 5, OnCpu(0, 2.0, 0.1)))}, "not in order"),
        ({"usage": (on_cpu(BEGIN, OnCpu(0, 1.0, 0.2)), on_cpu(BEGIN + 5, OnCpu(0, 0.9, 0.2)))}, "not in order"),
        ({"usage": (on_cpu(BEGIN, OnCpu(0, 1.0, 0.2)), on_cpu(BEGIN + 5, OnCpu(1, 1.0, 0.2)))}, "not in order"),
        ({"seen": (0, 7)}, "was on CPUs 7, which do not exist here"),
        ({"mask": (8191,)}, "was on CPUs 8191"),
        ({"mask_changes": (MaskChange(1, False, (0,), (5,)),)}, "was on CPUs 5"),
        ({"usage": (structs.replace(usage(BEGIN), cpus=(OnCpu(9, 0.0, 0.0),)),)}, "was on CPUs 9"),
    ],
)
def test_an_end_that_cannot_have_been_is_a_fault(change: dict[str, Any], says: str) -> None:
    prepared = ready(effective(requests=2, batch=2), mask=(0, 1))
    assert says in heard([load(**change)], prepared)


def test_a_paced_load_may_last_to_where_its_next_inference_would_be_due() -> None:
    late = load(stop_ns=NOW + seconds(8))
    assert "stopped" in heard([late])
    paced = Member(0, job((0,), pace=Pace(frame_period_ns=10e9)), State.RUNNING)
    assert heard([late], member=paced) == ""


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"request": 2}, "results of request 2, and has 2"),
        ({"data": pairs(DONE[:500, 1][::-1], [10] * 500)[::-1].astype("<i8").tobytes()}, "not in the order"),
        ({"data": DONE[:500, ::-1].astype("<i8").tobytes()}, "end before they start"),
        ({"data": (DONE[:500] - [seconds(1), 0]).astype("<i8").tobytes()}, "not of its load"),
        ({"data": (DONE[:500] + seconds(9)).astype("<i8").tobytes()}, "not of its load"),
        ({"data": (DONE[:500] - [(1 << 63) - 11, 0]).astype("<i8").tobytes()}, "not of its load"),
        ({"first": 1}, "not consecutive"),
        ({"data": DONE[:499].astype("<i8").tobytes()}, "not consecutive"),
        ({"data": DONE[500:1000].astype("<i8").tobytes()}, "not of the time between"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_samples_that_cannot_have_been_are_a_fault(change: dict[str, Any], says: str) -> None:
    assert says in heard(replaced(0, **change))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"request": 2}, "results of request 2"),
        ({"request": 1}, "not consecutive"),
        ({"first_end_ns": 5}, "not of its load"),
        ({"last_end_ns": 1 << 61}, "not of its load"),
        ({"last_end_ns": BEGIN + seconds(1)}, "not of the time between"),
        ({"slice_ns": 1 << 50, "slice_indices": b"\1\0\0\0"}, "time slices that are not of its load"),
        ({"most_ns": seconds(4)}, "longer than its load"),
        ({"most_ns": 1500}, "contradict the latencies"),
        ({"least_ns": 0}, "contradict the latencies"),
    ],
    ids=lambda value: "" if isinstance(value, str) else next(iter(value)),
)
def test_what_cannot_have_been_folded_is_a_fault(change: dict[str, Any], says: str) -> None:
    assert says in heard(replaced(3, **change))


def paced() -> Member:
    return Member(0, job((0,), pace=Pace(frame_period_ns=1000.0)), State.RUNNING)


def scheduled(lead_in_s: float = 0.0, timeout_s: float | None = None, count: int = 2000) -> Member:
    """Served by one agent of its own: arrivals in a lead-in and a window of ten seconds."""
    address = ScheduleAddress(pid=1, descriptor=3, count=count, nonce="0" * 32)
    asked = job((0,))
    schedule = Schedule(address, 0, count, shared=False, lead_in_s=lead_in_s)
    order = structs.replace(asked.load, schedule=schedule, timeout_s=timeout_s)
    return Member(0, structs.replace(asked, load=order), State.RUNNING)


def due(data: Int64s, dues: Int64s) -> Int64s:
    return timed(dues, data[:, 0], data[:, 1])


DUE: Final = due(DONE, BEGIN + 900 * np.arange(2000))


def test_a_load_at_a_rate_that_can_have_been_has_no_fault() -> None:
    assert heard([load(), *delivery(DUE), Delivered(6)], member=paced()) == ""
    assert heard([load(), samples(DUE), Delivered(1)], member=scheduled()) == ""


def test_a_request_takes_arrivals_in_the_order_in_which_they_are_due() -> None:
    swapped = DUE.copy()
    swapped[[7, 8], DUE_COLUMN] = swapped[[8, 7], DUE_COLUMN]
    assert "the order in which they were due" in heard([load(), samples(swapped)], member=paced())
    parts = [samples(due(DONE[:9], np.full(9, BEGIN))), samples(due(DONE[9:], np.full(1991, BEGIN - 1)), first=9)]
    whole = load(start_ns=BEGIN - 1)
    assert "the order in which they were due" in heard([whole, *parts, Delivered(2)], member=paced())


def test_samples_are_with_or_without_instants_of_their_own_as_the_load_is() -> None:
    assert "not of the load that it was asked for" in heard([load(), samples(DUE)])
    assert "not of the load that it was asked for" in heard([load(), samples(DONE)], member=paced())
    assert "start before they are due" in heard([load(), samples(due(DONE, DONE[:, 0] + 1))], member=paced())


def test_the_window_of_a_schedule_begins_when_its_lead_in_is_over() -> None:
    """Also where the load was stopped before that, in the future: Ctrl-C in a long lead-in loses nobody."""
    opens = BEGIN + seconds(25)
    early = load(start_ns=opens, stop_ns=opens)
    assert heard([early, samples(DUE), Delivered(1)], member=scheduled(lead_in_s=25)) == ""
    for start_ns in (BEGIN, opens - 1, opens + 1):
        other = load(start_ns=start_ns, stop_ns=opens + 1)
        assert "began at an instant that is not of this run" in heard([other], member=scheduled(lead_in_s=25))
    long = load(start_ns=opens, stop_ns=opens + seconds(2))
    assert "stopped at an instant that is not of this run" in heard([long], member=scheduled(lead_in_s=25))


def test_what_is_due_is_due_between_the_beginning_of_the_lead_in_and_the_end_of_the_window() -> None:
    last = BEGIN + seconds(10)
    for dues, right in ((BEGIN, True), (BEGIN - 1, False), (last - 1, True), (last, False)):
        late = due(DONE[:1] + seconds(10), np.array([dues]))
        why = [fault_of(scheduled(), samples(late), last + seconds(1))]
        assert why == [""] if right else "due at instants that are not of its load" in why[0]


def test_instants_that_are_too_far_apart_for_a_difference_are_found() -> None:
    """Their services and waits are positive in 64 bits."""
    row = np.array([[int(DONE[0, 1]) - (1 << 63) + 11, DONE[0, 1], DONE[0, 1] + seconds(1)]])
    assert (row[:, 1] - row[:, 0] > 0).all()
    for member in (scheduled(), paced()):
        assert "not of its load" in heard([load(), samples(row)], member=member)
    early = due(DONE[:1], np.array([-(1 << 63)]))
    assert "not of its load" in heard([load(), samples(early)], member=paced())


def fault_of(member: Member, notice: AnyNotice, now_ns: int) -> str:
    member.ready, member.finished = ready(effective(requests=2)), load()
    return fault(member, notice, None, BEGIN, now_ns)


def dropping(*instants: int) -> Dropped:
    return Dropped(np.array(instants, "<i8").tobytes())


def dropper(count: int = INSTANTS_PER_MESSAGE + 1) -> Member:
    return scheduled(lead_in_s=1.0, timeout_s=0.1, count=count)


FINISHED: Final = load(start_ns=BEGIN + seconds(1), stop_ns=BEGIN + seconds(1), completed=0)


def test_arrivals_that_are_dropped_are_of_the_load_and_in_order_across_messages() -> None:
    first, last = -seconds(1), seconds(10) - 1
    assert heard([FINISHED, dropping(first, 0), dropping(0, last), Delivered(2)], member=dropper()) == ""
    assert "not in their order" in heard([FINISHED, dropping(5, 4)], member=dropper())
    assert "not in their order" in heard([FINISHED, dropping(5), dropping(4)], member=dropper())
    for instants in ((first - 1, 0), (0, last + 1), (-(1 << 63), (1 << 63) - 1), (0, 1 << 62, 0)):
        assert "dropped arrivals that are not of its load" in heard([FINISHED, dropping(*instants)], member=dropper())


def test_arrivals_are_dropped_where_that_was_asked_for() -> None:
    for member in (scheduled(), paced(), Member(0, job((0,)), State.RUNNING)):
        assert "was not asked to" in heard([dropping(1)], member=member)


def test_no_more_arrivals_are_served_and_dropped_than_there_are() -> None:
    served = samples(due(DONE[:3], DONE[:3, 0]))
    assert heard([FINISHED, served, dropping(1, 2)], member=dropper(5)) == ""
    assert "more arrivals than it had" in heard([FINISHED, served, dropping(1, 2, 3)], member=dropper(5))
    assert "more samples than" in heard([FINISHED, dropping(1, 2, 3), served], member=dropper(5))


def test_arrivals_that_are_dropped_come_in_as_few_messages_as_can_be() -> None:
    many = [dropping(at) for at in range(3)]
    assert "more messages than that takes" in heard([FINISHED, *many], member=dropper())
    assert heard([FINISHED, *many[:2]], member=dropper()) == ""


def test_cells_of_a_load_are_reported_one_after_the_other() -> None:
    tally = Tally(0, 1.0, np.array([7], "<i4").tobytes(), np.array([1], "<i8").tobytes())
    counted = Member(0, job((0,), cells_ns=(1_000, 2_000)), State.RUNNING)
    cells = [structs.replace(tally, cell=cell) for cell in (0, 1, 2)]
    assert heard(cells[:2], member=counted) == ""
    assert "in cell 2 of its load, where that of 2 was next" in heard(cells[2:], member=counted)
    for first in (1, 2):
        other = Member(0, job((0,), cells_ns=(1_000, 2_000)), State.RUNNING)
        assert f"in cell {first} of its load, where that of 0 was next" in heard(cells[first:], member=other)
    assert "in cell 0" in heard(cells, member=Member(0, job((0,)), State.RUNNING))


def counted(*numbers: int, dropped: int = 0) -> Counted:
    """Of so many inferences in each of the first buckets."""
    buckets = np.arange(1, len(numbers) + 1, dtype="<i4")
    return Counted(sum(numbers), dropped, 0.5, buckets.tobytes(), np.array(numbers, "<i8").tobytes())


def counting() -> Member:
    return Member(0, job((0,), counts_s=0.0), State.RUNNING)


def test_what_was_completed_never_becomes_less_and_is_reported_by_those_who_were_asked() -> None:
    assert heard([counted(3, 1), counted(3, 1), counted(2, 5)], member=counting()) == ""
    assert "completed, or dropped, less than before" in heard([counted(3, 1), counted(2, 1)], member=counting())
    assert "less than before" in heard([counted(3, dropped=2), counted(4, dropped=1)], member=counting())
    used = [structs.replace(counted(3), cpu_s=cpu_s) for cpu_s in (1.0, 1.5, 1.4)]
    assert heard(used[:2], member=counting()) == ""
    assert "has used less CPU time than before" in heard(used, member=counting())
    assert "was not asked to" in heard([counted(3)], member=Member(0, job((0,)), State.RUNNING))


def test_nothing_of_a_schedule_is_folded() -> None:
    assert "has memory for all" in heard([load(), *delivery(DUE)], member=scheduled())


def test_as_many_inferences_as_were_said_are_delivered() -> None:
    assert "2000 inferences, and reports that it completed 1999" in heard(
        [load(completed=1999), *delivery(), Delivered(6)]
    )
    assert "only 6 of its 7 messages" in heard([load(), *delivery(), Delivered(7)])
    twice = [load(completed=3000), *delivery(), folded(DONE[500:1500], BEGIN), Delivered(7)]
    assert "delivers the histogram of request 0 twice" in heard(twice)
    assert "do not lie between" in heard([load(), samples(DONE[:1000]), folded(DONE[1000:], BEGIN), Delivered(2)])
    assert "requests that have none" in heard([load(), folded(DONE, BEGIN), Delivered(1)])


def test_the_requests_and_cpus_of_an_agent_have_bounds_before_it_is_given_a_load() -> None:
    assert "it has 1025 requests, more than 1024" in heard([], ready(effective(requests=1025)))
    assert "may use CPUs 2-3" in heard([], ready(mask=(0, 2, 3)))


def test_samples_without_end_are_refused_by_the_memory_that_the_agent_was_given() -> None:
    """Counted, not filled: the same message again and again, as it is not looked for order until it is delivered."""
    one = job((0,))
    full = samples(np.repeat(DONE[:1], SAMPLES_PER_MESSAGE, axis=0))
    agent, prepared = Member(0, one, State.RUNNING), ready(effective(requests=4))
    assert "more samples than the" in heard([load(), *[full] * 1000], prepared, agent)
    assert agent.held["samples"] <= most_samples(one.sample_bytes, 4) + SAMPLES_PER_MESSAGE
    many = Member(0, one, State.RUNNING)
    assert "in more messages than that takes" in heard([load(), *[samples(DONE[:1])] * 1000], prepared, many)
    assert len(many.samples) <= 16


@pytest.mark.parametrize("index", range(6))
def test_asking_about_a_message_changes_nothing(index: int) -> None:
    """It is counted when it is kept."""
    agent = Member(0, job((0, 1)), State.RUNNING, ready=ready(effective(requests=2)), finished=load())
    notice = delivery()[index]
    before = agent.held.copy()
    assert [fault(agent, notice, {0, 1}, BEGIN, NOW) for _ in range(2)] == ["", ""]
    assert agent.held == before


@pytest.mark.parametrize(
    ("notice", "held"),
    [
        (Layers(0, (layer("conv", 7),)), {"layers": MOST_LAYERS - 2}),
        (Graph(bytes(1000)), {"graph": MOST_GRAPH_BYTES - 1256}),
    ],
)
def test_a_message_that_just_fits_does_so_until_it_is_kept(notice: AnyNotice, held: dict[str, int]) -> None:
    agent = Member(0, job((0,)), State.RUNNING, ready=ready(effective(requests=2)), finished=load())
    agent.held.update(held)
    assert [fault(agent, notice, None, BEGIN, NOW) for _ in range(3)] == ["", "", ""]
    agent.keep(notice)
    assert "more than" in fault(agent, notice, None, BEGIN, NOW)


def test_layers_without_end_are_refused() -> None:
    for layers in (Layers(0, (layer("conv", 7),) * 2048), Layers(0, ())):
        agent = Member(0, job((0,)), State.RUNNING, held=Counter(layers=MOST_LAYERS - 2048))
        assert "layers" in heard([load(), *[layers] * 2049], member=agent)


def test_a_graph_without_end_is_refused() -> None:
    assert "graph of more than 256 MiB" in heard([load(), *[Graph(bytes(1 << 20))] * 300])
