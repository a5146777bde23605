"""A cache that works while the supervisor does something else."""

import select
import threading
from pathlib import Path

import pytest

from ovbench.agent.modelcache.thread import CacheThread
from ovbench.common.hostmessages import (
    AnyHostNotice,
    FileChunk,
    HaveFiles,
    HostFailed,
    OfferFiles,
    TookChunk,
    WantFiles,
)
from ovbench.coordinator.files.sender import FileSender
from tests.filelinks import cache_in, job_of, model_in

PATIENCE_S = 30.0


def answers(thread: CacheThread, count: int) -> list[AnyHostNotice]:
    found: list[AnyHostNotice] = []
    while len(found) < count:
        assert select.select([thread.fd], [], [], PATIENCE_S)[0], f"only {found} came"
        found += thread.notices()
    return found


def test_what_is_heard_is_answered_in_its_order_and_the_descriptor_says_when(tmp_path: Path) -> None:
    sender = FileSender([job_of(str(model_in(tmp_path / "model", 3 << 20)))], 1)
    thread = CacheThread(cache_in(tmp_path / "cache"))
    (offer,) = sender.offers(0)
    thread.heard(offer)
    (want,) = answers(thread, 1)
    assert isinstance(want, WantFiles)
    sender.heard(0, want, 0)
    chunks = [chunk for _, chunk in sender.orders(0)]
    for chunk in chunks:
        thread.heard(chunk)
    *took, have = answers(thread, len(chunks) + 1)
    assert [type(one) for one in took] == [TookChunk] * len(chunks)
    assert isinstance(have, HaveFiles)
    assert thread.notices() == []
    assert select.select([thread.fd], [], [], 0)[0] == []
    thread.close()
    thread.close()


def test_one_that_was_never_used_has_no_thread(tmp_path: Path) -> None:
    before = threading.active_count()
    CacheThread(cache_in(tmp_path / "cache")).close()
    assert threading.active_count() == before


def test_a_fault_of_our_own_is_reported_and_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(order: OfferFiles | FileChunk) -> list[AnyHostNotice]:
        raise ZeroDivisionError

    cache = cache_in(tmp_path / "cache")
    monkeypatch.setattr(cache, "heard", broken)
    thread = CacheThread(cache)
    thread.heard(FileChunk("a" * 64, 0, b"x"))
    (failed,) = answers(thread, 1)
    assert failed == HostFailed("runtime", "the model cache failed: ZeroDivisionError()")
    thread.close()
