"""Other processes' time by CPU, from trees of stat files that change between readings."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ovbench.common.neighbours import Neighbours, Points, parse_stat
from tests.builders import seconds

COORDINATOR = 500


@dataclass
class Proc:
    """A /proc that a test writes; times are in ticks of 10 ms."""

    root: Path
    threads: dict[int, set[int]] = field(default_factory=dict)

    def set(
        self, pid: int, ticks: int, cpu: int = 0, *, name: str = "job", parent: int = 1, started: int = 100
    ) -> None:
        """A process of one thread, or of those that `thread` added."""
        count = max(1, len(self.threads.get(pid, ())))
        self._write(self.root / f"proc/{pid}", pid, name, parent, ticks, count, started, cpu)

    def thread(self, pid: int, tid: int, ticks: int, cpu: int) -> None:
        self.threads.setdefault(pid, set()).add(tid)
        self._write(self.root / f"proc/{pid}/task/{tid}", tid, "thread", 1, ticks, 1, 100, cpu)

    def end(self, pid: int) -> None:
        shutil.rmtree(self.root / f"proc/{pid}")

    def _write(
        self, folder: Path, pid: int, name: str, parent: int, ticks: int, threads: int, started: int, cpu: int
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "stat").write_bytes(stat_line(pid, name, parent, ticks, threads, started, cpu))


def stat_line(pid: int, name: str, parent: int, ticks: int, threads: int, started: int, cpu: int) -> bytes:
    """As Linux 6 writes it, with 52 fields; the time is one third in the kernel."""
    system = ticks // 3
    middle = f"S {parent} 1 1 0 -1 4194560 100 0 0 0 {ticks - system} {system} 7 9 20 0 {threads} 0 {started} 1000 200"
    rest = "18446744073709551615 1 1 0 0 0 0 0 16781312 0 0 0 0 17"
    return f"{pid} ({name}) {middle} {rest} {cpu} 0 0 0 0 0 0 0 0 0 0 0 0 0\n".encode()


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    made = Proc(tmp_path)
    made.set(COORDINATOR, 0, name="ovbench-coord")
    return made


def reader(proc: Proc, measured: tuple[int, ...] = (0, 1)) -> Neighbours:
    return Neighbours(frozenset(measured), COORDINATOR, proc.root, ticks_per_s=100)


def totals(of: Neighbours) -> dict[tuple[int, str, int], float]:
    """By number, name and CPU, what had come together at the last reading, in seconds."""
    return {(process.pid, process.name, cpu): points[-1][1] for (process, cpu), points in of.cpu_time.items()}


def points(of: Neighbours) -> Points:
    (found,) = of.cpu_time.values()
    return found


@pytest.mark.parametrize("name", ["plain", "two words", "((x) y)", "a) S 1 2 (b", ""])
def test_a_stat_line_is_read_whatever_the_name_is(name: str) -> None:
    stat = parse_stat(stat_line(7, name, 3, 90, 4, 1234, 5))
    assert stat is not None
    assert (stat.name, stat.parent, stat.ticks, stat.threads, stat.started_ticks, stat.cpu) == (name, 3, 90, 4, 1234, 5)


def test_a_stat_line_of_this_very_kernel_is_read_as_it_is() -> None:
    text = Path("/proc/self/stat").read_bytes()
    stat = parse_stat(text)
    assert stat is not None
    assert stat.name == Path("/proc/self/comm").read_text().strip()
    assert stat.cpu < 1 << 16


@pytest.mark.parametrize("text", [b"", b"12 (x) S 1", b"no stat at all"])
def test_what_is_no_stat_line_is_nothing(text: bytes) -> None:
    assert parse_stat(text) is None


def test_time_since_the_first_reading_is_that_of_the_cpu_it_ran_on_last(proc: Proc) -> None:
    neighbours = reader(proc)
    proc.set(10, 1000, cpu=1)
    neighbours.read(seconds(1))
    assert neighbours.cpu_time == {}
    proc.set(10, 1050, cpu=0)
    neighbours.read(seconds(2))
    proc.set(10, 1080, cpu=1)
    neighbours.read(seconds(3))
    assert totals(neighbours) == pytest.approx({(10, "job", 0): 0.5, (10, "job", 1): 0.3})


def test_a_total_is_flat_while_nothing_is_used(proc: Proc) -> None:
    neighbours = reader(proc)
    for at_s, ticks in enumerate((0, 10, 10, 10, 40)):
        proc.set(10, ticks)
        neighbours.read(seconds(at_s))
    assert points(neighbours) == [(0, 0.0), (seconds(1), 0.1), (seconds(3), 0.1), (seconds(4), pytest.approx(0.4))]


def test_threads_are_ascribed_each_to_their_own_cpu(proc: Proc) -> None:
    neighbours = reader(proc)
    proc.thread(10, 10, 50, cpu=0)
    proc.thread(10, 11, 50, cpu=1)
    proc.set(10, 100)
    neighbours.read(seconds(1))
    proc.thread(10, 10, 60, cpu=0)
    proc.thread(10, 11, 80, cpu=1)
    proc.thread(10, 12, 5, cpu=1)
    proc.set(10, 145)
    neighbours.read(seconds(2))
    assert totals(neighbours) == pytest.approx({(10, "job", 0): 0.1, (10, "job", 1): 0.35})


def test_threads_that_ended_count_for_the_cpu_of_the_first(proc: Proc) -> None:
    """The process's own total has them, its threads' have not."""
    neighbours = reader(proc)
    proc.thread(10, 10, 0, cpu=0)
    proc.thread(10, 11, 0, cpu=1)
    proc.set(10, 0)
    neighbours.read(seconds(1))
    proc.thread(10, 11, 20, cpu=1)
    proc.set(10, 100, cpu=0)
    neighbours.read(seconds(2))
    assert totals(neighbours) == pytest.approx({(10, "job", 0): 0.8, (10, "job", 1): 0.2})


def two_threads(proc: Proc, *looks: tuple[int, int, int]) -> Neighbours:
    """A process whose threads had so many ticks each at each look, a second after the one before, and where."""
    neighbours = reader(proc)
    for at_s, (ticks, first, second) in enumerate(looks):
        proc.thread(10, 10, ticks, cpu=first)
        proc.thread(10, 11, ticks, cpu=second)
        proc.set(10, 2 * ticks)
        neighbours.read(seconds(at_s))
    return neighbours


def test_a_cpu_gave_no_more_time_than_passed(proc: Proc) -> None:
    """Two threads of 0.9 s were both last seen on one CPU; the process is known to use the other, too."""
    neighbours = two_threads(proc, (0, 0, 1), (10, 0, 1), (100, 0, 0))
    assert totals(neighbours) == pytest.approx({(10, "job", 0): 0.1 + 1.0, (10, "job", 1): 0.1 + 0.8})


def test_time_beyond_that_is_nowhere_where_no_other_cpu_is_known(proc: Proc) -> None:
    assert totals(two_threads(proc, (0, 0, 0), (90, 0, 0))) == pytest.approx({(10, "job", 0): 1.0})


def test_ticks_that_threads_have_not_filled_are_not_counted_twice(proc: Proc) -> None:
    """Each thread's total is rounded down, so the process's may be a tick ahead for each of them."""
    neighbours = reader(proc)
    proc.thread(10, 10, 0, cpu=1)
    proc.thread(10, 11, 0, cpu=1)
    proc.set(10, 0)
    neighbours.read(seconds(1))
    proc.set(10, 2)
    neighbours.read(seconds(2))
    proc.thread(10, 10, 1, cpu=1)
    proc.thread(10, 11, 1, cpu=1)
    proc.set(10, 3)
    neighbours.read(seconds(3))
    assert totals(neighbours) == pytest.approx({(10, "job", 1): 0.02})


def test_time_on_cpus_that_are_not_measured_is_nobody_s_business(proc: Proc) -> None:
    neighbours = reader(proc, measured=(1,))
    proc.set(10, 0, cpu=0)
    neighbours.read(seconds(1))
    proc.set(10, 100, cpu=0)
    neighbours.read(seconds(2))
    assert neighbours.cpu_time == {}


def test_a_process_that_came_has_all_its_time_and_one_that_went_keeps_its_own(proc: Proc) -> None:
    neighbours = reader(proc)
    proc.set(10, 0)
    neighbours.read(seconds(1))
    proc.set(10, 30)
    proc.set(11, 20, name="new")
    neighbours.read(seconds(2))
    proc.end(10)
    neighbours.read(seconds(3))
    assert totals(neighbours) == pytest.approx({(10, "job", 0): 0.3, (11, "new", 0): 0.2})


def test_a_number_that_is_used_again_is_another_process(proc: Proc) -> None:
    neighbours = reader(proc)
    proc.set(10, 1000, name="old", started=100)
    neighbours.read(seconds(1))
    proc.set(10, 1010, name="old", started=100)
    neighbours.read(seconds(2))
    proc.set(10, 40, name="young", started=999)
    neighbours.read(seconds(3))
    assert totals(neighbours) == pytest.approx({(10, "old", 0): 0.1, (10, "young", 0): 0.4})


def test_a_process_that_takes_another_name_stays_the_same(proc: Proc) -> None:
    neighbours = reader(proc)
    proc.set(10, 0, name="sh")
    neighbours.read(seconds(1))
    for at_s, ticks in ((2, 10), (3, 30)):
        proc.set(10, ticks, name="stress")
        neighbours.read(seconds(at_s))
    assert totals(neighbours) == pytest.approx({(10, "sh", 0): 0.3})


def test_what_descends_from_the_coordinator_is_ours_and_so_are_the_agents(proc: Proc) -> None:
    neighbours = reader(proc)
    ours, agent, child = (501, COORDINATOR), (502, 501), (601, 600)
    for at_s in (1, 2):
        proc.set(COORDINATOR, 100 * at_s)
        for pid, parent in (ours, agent, child, (600, 1)):
            proc.set(pid, 100 * at_s, parent=parent)
        neighbours.read(seconds(at_s), ours=[600])
    assert neighbours.cpu_time == {}


def test_what_was_ours_stays_so_when_its_parent_has_gone(proc: Proc) -> None:
    neighbours = reader(proc)
    for at_s, parent in ((1, COORDINATOR), (2, 1)):
        proc.set(502, 100 * at_s, parent=parent)
        neighbours.read(seconds(at_s))
    assert neighbours.cpu_time == {}


def test_a_process_that_goes_while_it_is_read_is_passed_over(proc: Proc) -> None:
    (proc.root / "proc/77").mkdir()
    (proc.root / "proc/self").mkdir()
    neighbours = reader(proc)
    neighbours.read(seconds(1))
    assert neighbours.cpu_time == {}
