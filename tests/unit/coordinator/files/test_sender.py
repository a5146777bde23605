"""What hosts are offered and sent, who is ready, and what they say in the user's words."""

from pathlib import Path

import pytest
from msgspec import structs

from ovbench.common.effective import FileDigest
from ovbench.common.errors import UsageError
from ovbench.common.hostmessages import CHUNK_BYTES, HaveFiles, TookChunk, WantFiles
from ovbench.common.messages import Failed, Ready, Warmed
from ovbench.coordinator.files.preparing import Preparing
from ovbench.coordinator.files.sender import MOST_UNDER_WAY_BYTES, FileSender
from tests.contract.test_messages import NOTICES
from tests.filelinks import Exchange, cache_in, content, job_of, model_in

READY = next(notice for notice in NOTICES if isinstance(notice, Ready))
PATIENCE_S = 30.0


def test_four_hosts_of_unlike_pace_are_served_by_one_read(tmp_path: Path) -> None:
    job = job_of(str(model_in(tmp_path / "model", 9 * CHUNK_BYTES + 5)))
    exchange = Exchange(FileSender([job], 4), [cache_in(tmp_path / name) for name in "abcd"])
    while sum(exchange.host_takes(host) | exchange.sender_hears(host) for host in range(4) for _ in range(host + 1)):
        pass
    assert exchange.sender.bytes_read == 9 * CHUNK_BYTES + 5 + len("<net/>")
    assert all(content(exchange.sender.job_for(host, job)) == content(job) for host in range(4))


def test_many_small_files_go_as_well(tmp_path: Path) -> None:
    inputs = [tmp_path / f"{number}.npy" for number in range(100)]
    for number, file in enumerate(inputs):
        file.write_bytes(b"%d" % number)
    job = job_of("builtin:tiny", inputs)
    exchange = Exchange(FileSender([job], 1), [cache_in(tmp_path / "cache")])
    exchange.run()
    assert content(exchange.sender.job_for(0, job)) == content(job)
    again = Exchange(FileSender([job], 1), [cache_in(tmp_path / "cache")])
    again.run()
    assert again.chunks == [0]


def test_nobody_is_waited_for_who_was_offered_nothing(tmp_path: Path) -> None:
    sender = FileSender([job_of(str(model_in(tmp_path, 10)))], 2)
    (offer,) = sender.offers(0)
    sender.heard(0, WantFiles(offer.set_sha256, {offer.files[0].sha256: 0}), 0)
    assert [host for host, _ in sender.orders(0)] == [0]


def test_what_is_under_way_to_all_hosts_together_is_bounded(tmp_path: Path) -> None:
    hosts = MOST_UNDER_WAY_BYTES // CHUNK_BYTES // 2
    sender = FileSender([job_of(str(model_in(tmp_path, 5 * CHUNK_BYTES)))], hosts)
    for host in range(hosts):
        sender.offers(host)
    (offer,) = sender.offers(0)
    for host in range(hosts):
        sender.heard(host, WantFiles(offer.set_sha256, {offer.files[1].sha256: 0}, 1 << 28), 0)
    sent = sender.orders(0)
    assert len(sent) == 2 * hosts
    assert sum(len(chunk.data) for _, chunk in sent) <= MOST_UNDER_WAY_BYTES


def test_a_host_that_gets_on_is_not_idle(tmp_path: Path) -> None:
    sender = FileSender([job_of(str(model_in(tmp_path, 10)))], 1)
    (offer,) = sender.offers(0)
    assert sender.idle_ns(0, 100) == 0
    assert sender.idle_ns(0, 300) == 200
    sender.heard(0, TookChunk(offer.files[1].sha256, 4), 350)
    assert sender.idle_ns(0, 400) == 0
    sender.heard(0, TookChunk(offer.files[1].sha256, 4), 450)
    assert sender.idle_ns(0, 500) == 100
    sender.heard(0, HaveFiles(offer.set_sha256, "/cache"), 550)
    assert sender.idle_ns(0, 600) == 0
    assert sender.ready(0)


def test_agents_speak_of_the_users_files(tmp_path: Path) -> None:
    job = job_of(str(model_in(tmp_path, 10)))
    sender = FileSender([job], 1)
    (offer,) = sender.offers(0)
    sender.heard(0, HaveFiles(offer.set_sha256, "/cache/files"), 0)
    failed = sender.local(0, Failed("usage", "-m /cache/files/m.xml: no model; see /cache/files/m.bin"))
    assert failed == Failed("usage", f"-m {tmp_path}/m.xml: no model; see {tmp_path}/m.bin")
    files = (FileDigest("model", "/cache/files/m.xml", "a" * 64, 6), FileDigest("model", "/elsewhere", "b" * 64, 6))
    ready = structs.replace(READY, effective=structs.replace(READY.effective, files=files))
    told = sender.local(0, ready)
    assert isinstance(told, Ready)
    assert [one.name for one in told.effective.files] == [str(tmp_path / "m.xml"), "/elsewhere"]
    assert sender.local(0, Warmed(1)) == Warmed(1)


def test_a_sender_is_made_while_something_else_goes_on(tmp_path: Path) -> None:
    job = job_of(str(model_in(tmp_path, 10)))
    preparing = Preparing([job], 1, allow_extensions=False)
    assert preparing.done(PATIENCE_S)
    assert len(preparing.sender().offers(0)) == 1


def test_why_one_cannot_be_made_is_raised_where_it_is_asked_for(tmp_path: Path) -> None:
    preparing = Preparing([job_of(str(tmp_path / "gone.xml"))], 1, allow_extensions=False)
    assert preparing.done(PATIENCE_S)
    with pytest.raises(UsageError, match=r"-m .*gone\.xml: No such file"):
        preparing.sender()
