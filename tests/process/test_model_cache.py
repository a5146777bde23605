"""Processes of one host that share a model cache, and one that is killed at any instant."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ovbench.common.hostmessages import FileChunk
from ovbench.common.job import Job
from ovbench.coordinator.files.sender import FileSender
from tests.filehost import HostProcess
from tests.filelinks import Exchange, cache_in, content, job_of, model_in

SIZE = 12 << 20
KILLS = 10


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return job_of(str(model_in(tmp_path / "model", SIZE)))


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[list[HostProcess]]:
    started = [HostProcess(tmp_path / "cache") for _ in range(2)]
    yield started
    for host in started:
        host.kill()


def is_whole(cache: Path, job: Job) -> bool:
    """Whether what is kept is what was sent, and nothing of it is read again for that."""
    found = Exchange(FileSender([job], 1), [cache_in(cache)])
    found.run()
    found.caches[0].close()
    return found.failed == [] and content(found.sender.job_for(0, job)) == content(job)


def test_two_processes_share_a_cache(tmp_path: Path, job: Job, hosts: list[HostProcess]) -> None:
    sender = FileSender([job], 2)
    exchange = Exchange(sender, hosts)
    exchange.run()
    assert exchange.failed == []
    assert sender.bytes_read == SIZE + len("<net/>")
    assert sender.job_for(0, job) == sender.job_for(1, job)
    assert content(sender.job_for(0, job)) == content(job)
    assert [found.name[0] for found in (tmp_path / "cache" / "sets").iterdir()].count(".") == 0


@pytest.mark.parametrize("seed", range(KILLS))
def test_one_that_is_killed_in_the_middle_leaves_nothing_broken(tmp_path: Path, job: Job, seed: int) -> None:
    """At a random instant while it writes, verifies or puts away; then another goes on."""
    chance = random.Random(seed)
    victim = HostProcess(tmp_path / "cache")
    exchange = Exchange(FileSender([job], 1), [victim])
    for _ in range(chance.randint(1, 14)):
        exchange.host_takes(0)
        exchange.sender_hears(0)
    for order in exchange.to_host[0]:
        if isinstance(order, FileChunk):
            victim.tell(order)
    time.sleep(chance.uniform(0, 0.05))  # the instant is the test
    victim.kill()
    for file in (tmp_path / "cache").rglob("contents.json"):
        if not file.parent.name.startswith("."):
            assert (file.parent / "files" / "m.bin").read_bytes() == content(job)["m.bin"]
    assert is_whole(tmp_path / "cache", job)
    assert [found.name[0] for found in (tmp_path / "cache" / "sets").iterdir()].count(".") == 0


def test_who_needs_room_throws_away_what_no_living_process_uses_or_makes(
    tmp_path: Path, job: Job, hosts: list[HostProcess]
) -> None:
    using, making = hosts
    jobs = [job_of(str(model_in(tmp_path / name, SIZE))) for name in ("unused", "coming", "new")]
    Exchange(FileSender([job], 1), [using]).run()
    assert is_whole(tmp_path / "cache", jobs[0])
    (offer,) = FileSender([jobs[1]], 1).offers(0)
    making.heard(offer)
    making.heard(FileChunk(offer.files[0].sha256, 0, b"<net/>"))
    cache = cache_in(tmp_path / "cache", 5 * SIZE // 2)
    exchange = Exchange(FileSender([jobs[2]], 1), [cache])
    exchange.run()
    assert exchange.failed == []
    kept = sorted(found.name[:5] for found in (tmp_path / "cache" / "sets").iterdir())
    sets = [FileSender([one], 1).offers(0)[0].set_sha256[:5] for one in (job, jobs[2])]
    assert kept == sorted([".maki", *sets])


def test_a_host_that_is_short_of_room_says_what_it_would_take(
    tmp_path: Path, job: Job, hosts: list[HostProcess]
) -> None:
    Exchange(FileSender([job], 1), [hosts[0]]).run()
    cache = cache_in(tmp_path / "cache", 3 * SIZE // 2)
    exchange = Exchange(FileSender([job_of(str(model_in(tmp_path / "new", SIZE)))], 1), [cache])
    exchange.run()
    ((_, failed),) = exchange.failed
    assert "m.xml and 1 more need 12.6 MB, and the model cache" in failed.message
