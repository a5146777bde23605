"""Files that a coordinator sends: kept when they are what was offered, found again, given up with a sentence."""

import errno
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from ovbench.agent.modelcache.cache import ModelCache
from ovbench.common.cacheplace import CachePlace
from ovbench.common.hostmessages import FileChunk, HaveFiles, HostFailed, TookChunk, WantFiles
from ovbench.common.job import Job
from ovbench.coordinator.files.sender import FileSender
from tests.damages import DAMAGES
from tests.filelinks import Exchange, cache_in, content, damaged, job_of, model_in

MIB: Final = 1 << 20


def sent(job: Job, *caches: ModelCache) -> Exchange:
    exchange = Exchange(FileSender([job], len(caches)), caches)
    exchange.run()
    return exchange


def sets_in(cache: Path) -> list[Path]:
    return [found for found in (cache / "sets").iterdir() if not found.name.startswith(".")]


def left_in(cache: Path) -> list[Path]:
    return [found for found in (cache / "sets").iterdir() if found.name.startswith(".")]


def reason(exchange: Exchange) -> str:
    (failed,) = exchange.failed
    return failed[1].message


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return job_of(str(model_in(tmp_path / "model", 2 * MIB + 7)))


def test_what_was_sent_is_there_and_is_not_sent_again(tmp_path: Path, job: Job) -> None:
    first = sent(job, cache_in(tmp_path / "cache"))
    assert first.sender.ready(0)
    assert content(first.sender.job_for(0, job)) == content(job)
    second = sent(job, cache_in(tmp_path / "cache"))
    assert second.sender.ready(0)
    assert second.chunks == [0]
    assert second.sender.bytes_read == 0
    assert left_in(tmp_path / "cache") == []


def test_agents_need_not_read_what_was_verified(tmp_path: Path, job: Job) -> None:
    known = sent(job, cache_in(tmp_path / "cache")).sender.job_for(0, job).known
    files = sorted((tmp_path / "cache").rglob("m.*"))
    assert sorted(one.state.inode for one in known) == sorted(file.stat().st_ino for file in files)
    assert len(files) == 2


def test_nobody_else_can_read_what_is_kept(tmp_path: Path, job: Job) -> None:
    former = os.umask(0)
    try:
        sent(job, cache_in(tmp_path / "cache"))
    finally:
        os.umask(former)
    for path in (tmp_path / "cache", *(tmp_path / "cache").rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_users_cache_is_the_default(tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    cache = ModelCache(CachePlace(), allow_extensions=False)
    sent(job, cache)
    assert cache.folder == tmp_path / "xdg" / "ovbench" / "models"
    assert len(sets_in(cache.folder)) == 1


def test_a_cache_that_is_not_used_is_not_made(tmp_path: Path) -> None:
    cache = cache_in(tmp_path / "cache")
    cache.close()
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", ["files/m.xml", "files/m.bin", "contents.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_damaged_is_sent_again(tmp_path: Path, name: str, damage: Callable[[Path], None]) -> None:
    job = job_of(str(model_in(tmp_path / "model", 1000)))
    sent(job, cache_in(tmp_path / "cache"))
    (folder,) = sets_in(tmp_path / "cache")
    damage(folder / name)
    again = sent(job, cache_in(tmp_path / "cache"))
    assert again.failed == []
    assert content(again.sender.job_for(0, job)) == content(job)
    assert sum(again.chunks) > 0 or (damage.__name__ == "writable_by_others" and name == "contents.json")
    assert sum(sent(job, cache_in(tmp_path / "cache")).chunks) == 0


def test_a_copied_cache_is_read_again_and_believed(tmp_path: Path, job: Job) -> None:
    sent(job, cache_in(tmp_path / "cache"))
    for file in (tmp_path / "cache").rglob("m.*"):
        os.utime(file)
    assert sent(job, cache_in(tmp_path / "cache")).chunks == [0]


def test_a_file_that_another_set_has_is_not_sent(tmp_path: Path, job: Job) -> None:
    cache = tmp_path / "cache"
    sent(job, cache_in(cache))
    weights = Path(job.model.source).with_suffix(".bin")
    found = sent(job_of("builtin:tiny", [weights]), cache_in(cache))
    assert found.sender.ready(0)
    assert found.chunks == [0]


def test_a_file_of_another_set_that_was_damaged_is_sent(tmp_path: Path, job: Job) -> None:
    cache = tmp_path / "cache"
    sent(job, cache_in(cache))
    (kept,) = cache.rglob("m.bin")
    data = bytearray(kept.read_bytes())
    data[5] ^= 1
    kept.write_bytes(data)
    weights = Path(job.model.source).with_suffix(".bin")
    other = job_of("builtin:tiny", [weights])
    found = sent(other, cache_in(cache))
    assert found.chunks == [3]
    assert content(found.sender.job_for(0, other)) == content(other)


def test_the_same_file_twice_in_a_set_and_in_two_sets_comes_once(tmp_path: Path, job: Job) -> None:
    weights = Path(job.model.source).with_suffix(".bin")
    (tmp_path / "same.bin").write_bytes(weights.read_bytes())
    job = structs.replace(job, data=job_of("builtin:tiny", [weights, tmp_path / "same.bin"]).data)
    found = sent(job, cache_in(tmp_path / "cache"))
    assert found.chunks == [1 + 3]
    assert content(found.sender.job_for(0, job)) == content(job)


def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "empty.bin").touch()
    job = job_of("builtin:tiny", [tmp_path / "empty.bin"])
    found = sent(job, cache_in(tmp_path / "cache"))
    assert found.chunks == [0]
    assert content(found.sender.job_for(0, job)) == {"0": b""}


def test_a_content_that_differs_is_never_kept(tmp_path: Path, job: Job) -> None:
    cache = cache_in(tmp_path / "cache")
    exchange = Exchange(FileSender([job], 1), [cache])
    while exchange.sender_hears(0) or exchange.host_takes(0):
        exchange.to_host[0] = type(exchange.to_host[0])(
            damaged(order) if isinstance(order, FileChunk) and order.offset == MIB else order
            for order in exchange.to_host[0]
        )
    (failed,) = exchange.failed
    assert failed[1] == HostFailed("usage", "m.bin: what came has another SHA-256 than was offered")
    assert not exchange.sender.ready(0)
    assert sets_in(tmp_path / "cache") == []
    assert list((tmp_path / "cache").rglob("m.bin")) == []


def test_what_a_killed_process_left_is_gone_on_with(tmp_path: Path, job: Job) -> None:
    exchange = Exchange(FileSender([job], 1), [cache_in(tmp_path / "cache")])
    for _ in range(3):  # the offer and two pieces
        assert exchange.host_takes(0)
        assert exchange.sender_hears(0)
    exchange.caches[0].close()
    exchange.rejoin(0, cache_in(tmp_path / "cache"))
    exchange.run()
    assert exchange.sender.ready(0)
    assert exchange.chunks[0] == 4, "the model, and three pieces of its weights, each once"
    assert content(exchange.sender.job_for(0, job)) == content(job)
    assert left_in(tmp_path / "cache") == []


def test_what_was_left_damaged_is_sent_anew(tmp_path: Path, job: Job) -> None:
    exchange = Exchange(FileSender([job], 1), [cache_in(tmp_path / "cache")])
    for _ in range(3):
        exchange.host_takes(0)
        exchange.sender_hears(0)
    exchange.caches[0].close()
    (part,) = (tmp_path / "cache").rglob("m.bin")
    data = bytearray(part.read_bytes())
    data[0] ^= 1
    part.write_bytes(data)
    exchange.rejoin(0, cache_in(tmp_path / "cache"))
    exchange.run()
    assert exchange.failed == []
    assert content(exchange.sender.job_for(0, job)) == content(job)


def test_a_supervisor_that_is_still_there_goes_on_after_a_reconnect(tmp_path: Path, job: Job) -> None:
    cache = cache_in(tmp_path / "cache")
    exchange = Exchange(FileSender([job], 1), [cache])
    for _ in range(3):
        exchange.host_takes(0)
        exchange.sender_hears(0)
    exchange.rejoin(0, cache)
    exchange.run()
    assert exchange.sender.ready(0)
    assert exchange.chunks[0] == 4
    exchange.rejoin(0, cache)
    exchange.run()
    assert exchange.sender.ready(0)
    assert exchange.chunks[0] == 4


def test_two_that_receive_the_same_at_once_share_what_is_whole_first(tmp_path: Path, job: Job) -> None:
    caches = [cache_in(tmp_path / "cache") for _ in range(2)]
    exchange = sent(job, *caches)
    assert exchange.failed == []
    jobs = [exchange.sender.job_for(host, job) for host in range(2)]
    assert jobs[0] == jobs[1]
    assert content(jobs[0]) == content(job)
    assert len(sets_in(tmp_path / "cache")) == 1
    assert left_in(tmp_path / "cache") == []


def test_what_was_not_used_for_the_longest_makes_room(tmp_path: Path) -> None:
    jobs = [job_of(str(model_in(tmp_path / name, MIB))) for name in "abcd"]
    place = tmp_path / "cache"
    for number, one in enumerate(jobs[:3]):
        cache = cache_in(place, 7 * MIB // 2)
        sent(one, cache)
        cache.close()
        for folder in sets_in(place):  # none was used in the same tick as another
            found = (folder / "contents.json").stat()
            os.utime(folder / "contents.json", ns=(found.st_atime_ns, found.st_mtime_ns - (number + 1) * 10**9))
    again = cache_in(place, 7 * MIB // 2)
    assert sent(jobs[0], again).chunks == [0]
    again.close()
    sent(jobs[3], cache_in(place, 7 * MIB // 2))
    there = [sum(sent(one, cache_in(place)).chunks) == 0 for one in (jobs[0], jobs[2], jobs[3], jobs[1])]
    assert there == [True, True, True, False]


def test_what_another_process_uses_is_not_thrown_away(tmp_path: Path) -> None:
    jobs = [job_of(str(model_in(tmp_path / name, MIB))) for name in "ab"]
    using = cache_in(tmp_path / "cache", 3 * MIB // 2)
    sent(jobs[0], using)
    other = sent(jobs[1], cache_in(tmp_path / "cache", 3 * MIB // 2))
    assert "has room for 0.5 MB; let it have more with --model-cache DIR:SIZE" in reason(other)
    assert "m.xml and 1 more need 1.0 MB" in reason(other)
    using.close()
    assert sent(jobs[1], cache_in(tmp_path / "cache", 3 * MIB // 2)).sender.ready(0)


def test_a_set_too_large_for_the_disk_is_refused_before_it_comes(
    tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": MIB})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    found = sent(job, cache_in(tmp_path / "cache"))
    assert "m.xml and 1 more need 2.1 MB, and the disk of the model cache" in reason(found)
    assert left_in(tmp_path / "cache") == []


def test_a_disk_that_fills_up_meanwhile_is_given_its_room_back(
    tmp_path: Path, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: bytes, at: int) -> int:
        if at >= MIB:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data, at)

    write = os.pwrite
    monkeypatch.setattr("os.pwrite", full)
    found = sent(job, cache_in(tmp_path / "cache"))
    assert reason(found).startswith("m.bin cannot be kept in the model cache: ")
    assert "No space left on device; make room there" in reason(found)
    assert left_in(tmp_path / "cache") == []


@pytest.mark.parametrize("in_the_way", ["cache", "cache/sets"])
def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path, job: Job, in_the_way: str) -> None:
    (tmp_path / in_the_way).parent.mkdir(exist_ok=True)
    (tmp_path / in_the_way).write_text("a file")
    found = sent(job, cache_in(tmp_path / "cache"))
    assert reason(found).startswith(
        f"m.xml cannot be kept in the model cache: {tmp_path / in_the_way}: Not a directory"
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"name": "../m.xml"}, "it leads out of its folder"),
        ({"name": "/etc/m.xml"}, "it leads out of its folder"),
        ({"name": "a//m.xml"}, "it leads out of its folder"),
        ({"name": "a\x1b[2J.xml"}, "it has control characters"),
        ({"name": "a/" * 16 + "m.xml"}, "more than 16 folders deep"),
        ({"name": "m" * 256}, "it is too long"),
        ({"name": "m.bin"}, "two files are offered under the name 'm.bin'"),
        ({"name": "m.bin/x"}, "two files are offered under the name 'm.bin'"),
        ({"size": 7}, "the digest of the set"),
        ({"size": 0}, "a digest that cannot be theirs"),
        ({"sha256": "0" * 64}, "the digest of the set"),
    ],
)
def test_an_offer_that_no_honest_coordinator_makes_is_refused(
    tmp_path: Path, job: Job, change: dict[str, object], sentence: str
) -> None:
    (offer,) = FileSender([job], 1).offers(0)
    bad = structs.replace(offer, files=(structs.replace(offer.files[0], **change), offer.files[1]))
    (failed,) = cache_in(tmp_path / "cache").heard(bad)
    assert isinstance(failed, HostFailed)
    assert sentence in failed.message
    assert "\x1b" not in failed.message
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("allowed", [True, False])
def test_libraries_are_taken_only_where_that_is_allowed(tmp_path: Path, allowed: bool) -> None:
    (tmp_path / "lib.so").write_bytes(b"code")
    job = job_of("builtin:tiny", extensions=[tmp_path / "lib.so"])
    sender = FileSender([job], 1, allow_extensions=True)
    exchange = Exchange(sender, [cache_in(tmp_path / "cache", allow_extensions=allowed)])
    exchange.run()
    assert sender.ready(0) is allowed
    assert allowed or "only with --allow-extensions" in reason(exchange)


def test_more_than_was_offered_is_refused(tmp_path: Path, job: Job) -> None:
    cache = cache_in(tmp_path / "cache")
    (offer,) = FileSender([job], 1).offers(0)
    cache.heard(offer)
    (failed,) = cache.heard(FileChunk(offer.files[0].sha256, 0, bytes(100)))
    assert failed == HostFailed("usage", "m.xml: more of it came than was offered")


def test_a_file_that_changes_while_it_is_sent_is_named(tmp_path: Path, job: Job) -> None:
    sender = FileSender([job], 1)
    exchange = Exchange(sender, [cache_in(tmp_path / "cache")])
    weights = Path(job.model.source).with_suffix(".bin")
    weights.write_bytes(bytes(weights.stat().st_size))
    with pytest.raises(Exception, match=r"-m .*m\.bin: the file was changed since it was read"):
        exchange.run()


def test_a_notice_that_makes_no_sense_changes_nothing(tmp_path: Path, job: Job) -> None:
    sender = FileSender([job], 1)
    (offer,) = sender.offers(0)
    sha256 = offer.files[1].sha256
    for notice in (
        WantFiles(set_sha256="0" * 64, wanted={sha256: 0}),
        WantFiles(set_sha256=offer.set_sha256, wanted={"0" * 64: 0, sha256: 1 << 61}),
        TookChunk(sha256="0" * 64, until=5),
        TookChunk(sha256=sha256, until=1 << 61),
        HaveFiles(set_sha256="0" * 64, folder="/x"),
        HaveFiles(set_sha256=offer.set_sha256, folder="relative"),
        HaveFiles(set_sha256=offer.set_sha256, folder="/a\nb"),
    ):
        sender.heard(0, notice, 0)
    assert sender.orders(10**12) == []
    assert not sender.ready(0)
    assert sender.took_bytes(0) == 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_lost_repeated_damaged_or_killed_what_is_kept_is_whole(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Three hosts, two of which share a cache. In the end each has the files, or has said that one differs."""
    folder = tmp_path_factory.mktemp("run")
    sizes = st.sampled_from([1, 1000, MIB, MIB + 1, 3 * MIB])
    (folder / "in.npy").write_bytes(os.urandom(data.draw(sizes)))
    job = job_of(str(model_in(folder / "model", data.draw(sizes))), [folder / "in.npy"])
    places = [folder / "x", folder / "x", folder / "y"]
    sender = FileSender([job], 3)
    exchange = Exchange(sender, [cache_in(place) for place in places])
    spoilt = False
    for _ in range(data.draw(st.integers(0, 40))):
        host = data.draw(st.integers(0, 2))
        queue = exchange.to_host[host]
        match data.draw(st.sampled_from(["take", "hear", "take", "hear", "wait", "rejoin", "repeat", "damage"])):
            case "take":
                exchange.host_takes(host)
            case "hear":
                exchange.sender_hears(host)
            case "wait":
                exchange.tick(data.draw(st.integers(1, 3)) * 10**9)
            case "rejoin":
                if data.draw(st.booleans()):
                    exchange.caches[host].close()
                    exchange.rejoin(host, cache_in(places[host]))
                else:
                    exchange.rejoin(host, exchange.caches[host])
            case "repeat" if queue:
                queue.append(queue[0])
            case "damage" if queue and isinstance(queue[0], FileChunk):
                queue[0] = damaged(queue[0])
                spoilt = True
    exchange.run()
    exchange.tick(10**10)
    exchange.run()
    for host in range(3):
        if sender.ready(host):
            assert content(sender.job_for(host, job)) == content(job)
        else:
            assert spoilt
            assert any(number == host and "another SHA-256" in failed.message for number, failed in exchange.failed)
    if not spoilt:
        assert exchange.failed == []
