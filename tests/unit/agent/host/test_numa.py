"""Memory by NUMA node, from what the kernel's documentation shows, and the policy as the kernel has it."""

import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.agent.host import numa
from ovbench.agent.host.numa import MAPS, Whereabouts, mean_of, parse_maps, read_nodes, read_policy, set_policy
from ovbench.common.errors import UsageError
from ovbench.common.job import MemoryPolicy
from ovbench.common.messages import OnNode

DOCUMENTED = r"""00400000 default file=/usr/local/bin/app mapped=1 active=0 N3=1 kernelpagesize_kB=4
00600000 default file=/usr/local/bin/app anon=1 dirty=1 N3=1 kernelpagesize_kB=4
3206000000 default file=/lib64/ld-2.12.so mapped=26 mapmax=6 N0=24 N3=2 kernelpagesize_kB=4
320621f000 default file=/lib64/ld-2.12.so anon=1 dirty=1 N3=1 kernelpagesize_kB=4
3206220000 default file=/lib64/ld-2.12.so anon=1 dirty=1 N3=1 kernelpagesize_kB=4
3206221000 default anon=1 dirty=1 N3=1 kernelpagesize_kB=4
3206800000 default file=/lib64/libc-2.12.so mapped=59 mapmax=21 active=55 N0=41 N3=18 kernelpagesize_kB=4
320698b000 default file=/lib64/libc-2.12.so
3206b8a000 default file=/lib64/libc-2.12.so anon=2 dirty=2 N3=2 kernelpagesize_kB=4
3206b8e000 default file=/lib64/libc-2.12.so anon=1 dirty=1 N3=1 kernelpagesize_kB=4
3206b8f000 default anon=3 dirty=3 active=1 N3=3 kernelpagesize_kB=4
7f4dc10a2000 default anon=3 dirty=3 N3=3 kernelpagesize_kB=4
7f4dc10b4000 default anon=2 dirty=2 active=1 N3=2 kernelpagesize_kB=4
7f4dc1200000 default file=/anon_hugepage\040(deleted) huge anon=1 dirty=1 N3=1 kernelpagesize_kB=2048
7fff335f0000 default stack anon=3 dirty=3 N3=3 kernelpagesize_kB=4
7fff3369d000 default mapped=1 mapmax=35 active=0 N3=1 kernelpagesize_kB=4
"""
"""From Documentation/filesystems/proc.rst."""


def nodes_of(*lines: str) -> dict[int, tuple[float, float]]:
    """own and total, in pages of 4 KiB."""
    return {part.node: (part.own_mb * 256, part.total_mb * 256) for part in parse_maps(lines, "/usr/bin/app")}


def test_the_documented_process_has_the_pages_that_it_shows() -> None:
    zero, three = parse_maps(DOCUMENTED.splitlines(), "/usr/local/bin/app")
    assert (zero.node, zero.own_mb, zero.total_mb) == (0, 0.0, (24 + 41) * 4 / 1024)
    pages = 1 + 1 + 2 + 1 + 1 + 1 + 18 + 2 + 1 + 3 + 3 + 2 + 3 + 1
    own_pages = 1 + 3 + 3 + 2 + 3
    assert (three.node, three.total_mb) == (3, pages * 4 / 1024 + 2)
    assert three.own_mb == own_pages * 4 / 1024 + 2


@pytest.mark.parametrize(
    ("mapping", "own"),
    [
        ("default anon=9", True),
        ("default heap anon=9 dirty=9", True),
        ("bind:0 stack anon=9", True),
        ("default heap anon=9 mapmax=2", False),
        ("default mapped=9 mapmax=35", False),
        ("default file=/home/me/model.bin mapped=9 mapmax=4", True),
        ("default file=/usr/bin/app mapped=9", False),
        ("default file=/usr/lib/libopenvino.so.2641 mapped=9", False),
        ("default file=/usr/lib/libz.so.1.2.13 anon=9 dirty=9", False),
        (r"default file=/usr/lib/libgone.so.1\040(deleted) mapped=9", False),
        ("default file=/home/me/so.bin mapped=9", True),
        (r"interleave:0-1 file=/anon_hugepage\040(deleted) huge anon=9", True),
    ],
)
def test_what_is_its_own_is_what_it_made_or_read_itself(mapping: str, own: bool) -> None:
    assert nodes_of(f"7f00 {mapping} N2=9 kernelpagesize_kB=4") == {2: (9.0 * own, 9.0)}


def test_pages_are_as_large_as_their_line_says() -> None:
    assert nodes_of("7f00 default huge anon=3 N0=3 kernelpagesize_kB=2048") == {0: (3 * 512, 3 * 512)}


@given(st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 10**6)), max_size=4), max_size=20))
def test_totals_are_sums_over_all_mappings(mappings: list[list[tuple[int, int]]]) -> None:
    lines = [
        "7f00 default anon=1 " + " ".join(f"N{node}={pages}" for node, pages in dict(parts).items())
        for parts in mappings
    ]
    expected: dict[int, int] = {}
    for parts in mappings:
        for node, pages in dict(parts).items():
            expected[node] = expected.get(node, 0) + pages
    assert nodes_of(*lines) == {node: (pages, pages) for node, pages in expected.items()}


def test_a_kernel_without_nodes_reports_nothing(tmp_path: Path) -> None:
    assert read_nodes(tmp_path / "numa_maps") == ()


def test_some_looks_are_reported_by_their_mean() -> None:
    first, second = (OnNode(0, 10.0, 20.0),), (OnNode(0, 4.0, 10.0), OnNode(1, 6.0, 8.0))
    assert mean_of([first, second]) == (OnNode(0, 7.0, 15.0), OnNode(1, 3.0, 4.0))
    assert mean_of([()]) == ()


def test_a_machine_of_several_nodes_is_looked_at_while_the_load_runs(tmp_path: Path) -> None:
    maps = tmp_path / "numa_maps"
    for several, mb in ((True, 1.5), (False, 1.0)):
        maps.write_text("7f00 default anon=512 N1=512 kernelpagesize_kB=4\n")
        whereabouts = Whereabouts(several, maps)
        whereabouts.start(0)
        whereabouts.look(10**15)
        maps.write_text("7f00 default anon=256 N1=256 kernelpagesize_kB=4\n")
        assert whereabouts.end() == (OnNode(1, mb, mb),)


def test_a_look_is_not_due_before_the_last_one_is_paid_for(tmp_path: Path) -> None:
    maps = tmp_path / "numa_maps"
    maps.write_text("7f00 default anon=512 N1=512 kernelpagesize_kB=4\n" * 1000)
    whereabouts = Whereabouts(True, maps)
    whereabouts.start(0)
    whereabouts.look(1)
    maps.write_text("7f00 default anon=256 N1=256 kernelpagesize_kB=4\n")
    assert whereabouts.end() == (OnNode(1, 1.0, 1.0),)


def aside(work: Callable[[], str]) -> str:
    """In a thread of its own, whose policy ends with it."""
    made: list[str] = []
    errors: list[UsageError] = []

    def run() -> None:
        try:
            made.append(work())
        except UsageError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return made[0]


def test_a_look_while_the_mean_is_made_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the thread that looks is another than the one that ends it."""
    maps = tmp_path / "numa_maps"
    maps.write_text("7f00 default anon=256 N0=256 kernelpagesize_kB=4\n")
    whereabouts = Whereabouts(several_nodes=True, maps=maps)
    counts: list[int] = []

    def mean(looks: Sequence[tuple[OnNode, ...]]) -> tuple[OnNode, ...]:
        whereabouts.look(1 << 62)
        counts.append(len(looks))
        return mean_of(looks)

    monkeypatch.setattr(numa, "mean_of", mean)
    whereabouts.end()
    assert counts == [1]


NODES = sorted(int(path.name[4:]) for path in Path("/sys/devices/system/node").glob("node[0-9]*"))
needs_numa = pytest.mark.skipif(not NODES or not MAPS.exists(), reason="a kernel without NUMA")


@needs_numa
@pytest.mark.parametrize("policy", [MemoryPolicy("local"), *(MemoryPolicy(m, (0,)) for m in ("bind", "interleave"))])
def test_a_policy_is_read_back_as_it_was_set(policy: MemoryPolicy) -> None:
    assert aside(lambda: set_policy(policy)) == policy.text


@needs_numa
def test_the_kernel_itself_shows_the_policy_of_the_thread() -> None:
    """In numa_maps, which shows the policy of the thread that is asked for where a mapping has none."""

    def work() -> str:
        set_policy(MemoryPolicy("interleave", (0,)))
        maps = Path(f"/proc/self/task/{threading.get_native_id()}/numa_maps")
        text = maps.read_text() if maps.exists() else Path("/proc/thread-self/numa_maps").read_text()
        return text.split()[1]

    assert aside(work) == "interleave:0"


@needs_numa
def test_a_policy_is_inherited_by_the_threads_that_are_started() -> None:
    def work() -> str:
        set_policy(MemoryPolicy("bind", (0,)))
        return aside(read_policy)

    assert aside(work) == "bind:0"
    assert read_policy() == "default"


@needs_numa
@pytest.mark.parametrize("node", [NODES[-1] + 1 if NODES else 1, 3000, 5000])
def test_a_node_without_memory_is_refused_in_one_sentence_that_names_the_option(node: int) -> None:
    with pytest.raises(UsageError) as caught:
        aside(lambda: set_policy(MemoryPolicy("bind", (node,))))
    assert str(caught.value).startswith(f"--memory {node}: ")
    assert str(node) in str(caught.value)
    assert os.linesep not in str(caught.value)


@needs_numa
def test_our_own_memory_is_on_nodes_that_there_are_and_adds_up_to_what_is_resident() -> None:
    nodes = read_nodes()
    assert {part.node for part in nodes} <= set(NODES)
    resident_mb = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20
    assert sum(part.total_mb for part in nodes) == pytest.approx(resident_mb, rel=0.05)
    assert all(part.own_mb <= part.total_mb for part in nodes)
