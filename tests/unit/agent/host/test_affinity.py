"""Where threads ran and whether somebody moved them: of threads that are made up, and of our own."""

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.agent.host import threads
from ovbench.agent.host.affinity import Sightings, mask, pin_all, pin_exactly
from ovbench.agent.host.threads import last_cpu, mask_of, migrations, run_ns, thread_ids
from ovbench.common.clock import NS_PER_S
from ovbench.common.errors import UsageError
from ovbench.common.messages import MaskChange


@dataclass
class Thread:
    run_ns: int = 0
    mask: frozenset[int] = frozenset({0, 1})
    cpu: int = 0
    migrations: int | None = 0


@dataclass
class FakeThreads:
    """A process of made-up threads, by number."""

    all: dict[int, Thread] = field(default_factory=dict)
    ending: set[int] = field(default_factory=set)
    """Those that end just after their number was read."""

    def thread_ids(self) -> frozenset[int]:
        return frozenset(self.all)

    def run_ns(self, thread_id: int) -> int:
        return 0 if thread_id in self.ending else self.all[thread_id].run_ns

    def mask_of(self, thread_id: int) -> frozenset[int]:
        return self.all[thread_id].mask

    def last_cpu(self, thread_id: int) -> int | None:
        return self.all[thread_id].cpu

    def migrations(self, thread_id: int) -> int | None:
        return self.all[thread_id].migrations


CONTROL = 1
"""The number of the thread that does not infer."""


def process(*some: Thread) -> tuple[FakeThreads, Sightings]:
    """Threads 1, 2, ... that have been looked at for the first time."""
    fake = FakeThreads(dict(enumerate(some, 1)))
    sightings = Sightings(frozenset({CONTROL}), fake)
    sightings.start()
    return fake, sightings


def changes(sightings: Sightings) -> tuple[MaskChange, ...]:
    return sightings.changes((0, 1), lambda: None)


masks = st.frozensets(st.integers(0, 3), min_size=1)
steps = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 10**9), masks, st.integers(0, 3)), max_size=30)


@given(steps, st.integers(1, 5))
def test_time_by_cpu_adds_up_to_that_of_the_threads(
    ran: list[tuple[int, int, frozenset[int], int]], every: int
) -> None:
    fake, sightings = process(*(Thread(run_ns=1000 * n) for n in range(4)))
    for index, (thread_id, spent_ns, allowed, cpu) in enumerate(ran):
        thread = fake.all[thread_id]
        thread.run_ns, thread.mask, thread.cpu = thread.run_ns + spent_ns, allowed, cpu
        if index % every == 0:
            sightings.look()
    sightings.look()
    load_ns = sum(spent for thread_id, spent, _, _ in ran if thread_id != CONTROL)
    control_ns = sum(spent for thread_id, spent, _, _ in ran if thread_id == CONTROL)
    assert sum(cpu.load_s for cpu in sightings.cpus) == pytest.approx(load_ns / NS_PER_S)
    assert sum(cpu.control_s for cpu in sightings.cpus) == pytest.approx(control_ns / NS_PER_S)
    assert sightings.control_ns == control_ns
    assert [cpu.cpu for cpu in sightings.cpus] == sorted({cpu.cpu for cpu in sightings.cpus})
    assert set(sightings.seen) == {cpu.cpu for cpu in sightings.cpus if cpu.load_s > 0}


def test_time_is_that_of_the_one_cpu_of_a_mask_and_else_of_the_last_one() -> None:
    fake, sightings = process(Thread(), Thread(mask=frozenset({3}), cpu=5), Thread(cpu=1))
    fake.all[2].run_ns, fake.all[3].run_ns = 2 * NS_PER_S, NS_PER_S
    sightings.look()
    assert [(cpu.cpu, cpu.load_s) for cpu in sightings.cpus] == [(1, 1.0), (3, 2.0)]


def test_what_ran_before_the_start_and_what_did_not_run_is_seen_nowhere() -> None:
    _, sightings = process(Thread(run_ns=5), Thread(run_ns=7))
    sightings.look()
    assert (sightings.cpus, sightings.seen) == ((), ())


def test_a_thread_that_came_under_way_counts_from_its_first_moment() -> None:
    fake, sightings = process(Thread())
    fake.all[2] = Thread(run_ns=NS_PER_S)
    sightings.look()
    assert [(cpu.cpu, cpu.load_s) for cpu in sightings.cpus] == [(0, 1.0)]


def test_a_thread_with_the_number_of_one_that_ended_is_another() -> None:
    fake, sightings = process(Thread(), Thread(run_ns=5 * NS_PER_S))
    fake.all[2] = Thread(run_ns=NS_PER_S)
    sightings.look()
    assert [cpu.load_s for cpu in sightings.cpus] == [1.0]


def test_migrations_are_of_threads_that_infer_also_of_those_that_ended() -> None:
    fake, sightings = process(Thread(migrations=100), Thread(migrations=3), Thread(migrations=4))
    del fake.all[3]
    fake.all[2].run_ns, fake.all[2].migrations = 1, 5
    sightings.look()
    assert sightings.migrations == 9


def test_a_thread_that_ends_while_it_is_looked_at_is_no_new_one() -> None:
    fake, sightings = process(Thread(run_ns=7), Thread(run_ns=5, migrations=3))
    fake.ending = {1, 2}
    sightings.look()
    assert (sightings.cpus, sightings.migrations, sightings.control_ns) == ((), 3, 7)


def test_migrations_of_a_thread_whose_number_came_back_count() -> None:
    fake, sightings = process(Thread(), Thread(run_ns=5, migrations=3))
    fake.all[2] = Thread(run_ns=1, migrations=1)
    sightings.look()
    assert sightings.migrations == 4


def test_the_time_of_control_threads_that_have_ended_stays() -> None:
    fake, sightings = process(Thread(run_ns=7), Thread())
    del fake.all[CONTROL]
    sightings.look()
    assert sightings.control_ns == 7


def test_a_start_forgets_those_that_ended_before() -> None:
    fake, sightings = process(Thread(run_ns=7), Thread(migrations=3))
    fake.all.clear()
    sightings.look()
    sightings.start()
    assert (sightings.migrations, sightings.control_ns) == (0, 0)


def test_migrations_are_unknown_where_the_kernel_does_not_count_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_TASKS", str(tmp_path))
    for thread_id, text in ((7, "se.load.weight : 1\n"), (8, "se.nr_migrations    :    12\n")):
        (tmp_path / str(thread_id)).mkdir()
        (tmp_path / str(thread_id) / "sched").write_text(text)
    assert (migrations(7), migrations(8)) == (None, 12)


def test_migrations_are_unknown_where_those_of_a_thread_are() -> None:
    _, sightings = process(Thread(), Thread(migrations=3), Thread(migrations=None))
    assert sightings.migrations is None


def test_a_thread_that_was_moved_is_reported_with_its_masks() -> None:
    fake, sightings = process(Thread(), Thread(), Thread())
    fake.all[3].mask = frozenset({1})
    assert changes(sightings) == (MaskChange(thread=3, control=False, before=(0, 1), after=(1,)),)


def test_a_control_thread_that_was_moved_is_reported_as_such() -> None:
    fake, sightings = process(Thread(mask=frozenset({4})), Thread())
    fake.all[CONTROL].mask = frozenset({0, 1})
    assert changes(sightings) == (MaskChange(thread=1, control=True, before=(4,), after=(0, 1)),)


@pytest.mark.parametrize("later", [3, 300], ids=["at once", "on a busy machine"])
def test_a_thread_that_openvino_lets_go_of_a_little_later_was_not_moved(later: int) -> None:
    fake, sightings = process(Thread(), Thread())
    fake.all[2].mask = frozenset({1})
    waits = iter(range(1000))

    def wait() -> None:
        if next(waits) == later:
            fake.all[2].mask = frozenset({0, 1})

    assert sightings.changes((0, 1), wait) == ()


def test_a_thread_that_openvino_had_pinned_at_the_start_was_not_moved() -> None:
    fake, sightings = process(Thread(), Thread(mask=frozenset({1})))
    fake.all[2].mask = frozenset({0, 1})
    assert changes(sightings) == ()


def test_a_thread_that_has_ended_was_not_moved() -> None:
    fake, sightings = process(Thread(), Thread())
    del fake.all[2]
    sightings.look()
    assert changes(sightings) == ()


@pytest.fixture
def home() -> frozenset[int]:
    return frozenset(os.sched_getaffinity(0))


def aside(work: Callable[[], object]) -> None:
    """In a thread of its own: what it pins is not to be the tests' own."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_a_thread_is_pinned_to_what_was_asked_for(home: frozenset[int]) -> None:
    cpu = min(home)
    masks: list[frozenset[int]] = []

    def work() -> None:
        pin_exactly((cpu,))
        masks.append(mask_of(0))

    aside(work)
    assert masks == [{cpu}]


@pytest.mark.parametrize("also", [True, False], ids=["some", "none"])
def test_cpus_that_cannot_be_had_are_an_error_that_names_them(home: frozenset[int], also: bool) -> None:
    """No machine has CPU 1000: the kernel leaves it out of a mask without a word, as it does what a cpuset forbids."""
    errors: list[str] = []

    def work() -> None:
        try:
            pin_exactly((*([min(home)] if also else []), 1000))
        except UsageError as error:
            errors.append(str(error))

    aside(work)
    (error,) = errors
    assert "1000 were asked for" in error
    assert (f"only {min(home)} of them" if also else "none of them") in error


def test_what_was_refused_to_a_thread_is_reported(home: frozenset[int]) -> None:
    refused: list[frozenset[int]] = []

    def work() -> None:
        mine = [threading.get_native_id()]
        refused.extend([pin_all(mine, (min(home),)), pin_all(mine, (min(home), 1000)), pin_all(mine, (1000,))])

    aside(work)
    assert refused == [frozenset(), {1000}, {1000}]


def test_our_own_thread_is_read_as_the_kernel_has_it(home: frozenset[int]) -> None:
    mine = threading.get_native_id()
    assert mine in thread_ids()
    assert mask_of(mine) == home
    assert last_cpu(mine) in home
    assert run_ns(mine) > 0
    assert (migrations(mine) or 0) >= 0


def test_a_thread_that_has_ended_has_nothing() -> None:
    thread_id = (1 << 22) + 1  # more than Linux has (PID_MAX_LIMIT)
    assert (run_ns(thread_id), last_cpu(thread_id), mask_of(thread_id)) == (0, None, frozenset())
    assert migrations(thread_id) == 0
    assert mask([thread_id]) == ()
