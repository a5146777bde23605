"""What a process has used, against psutil's own account of it."""

import psutil
import pytest

from ovbench.agent.placement import thread_ids
from ovbench.agent.usage import memory, usage


def test_cpu_time_agrees_with_psutil_to_its_ticks() -> None:
    before, ours = psutil.Process().cpu_times(), usage(frozenset())
    while psutil.Process().cpu_times().user < before.user + 0.1:
        sum(range(10_000))
    after, later = psutil.Process().cpu_times(), usage(frozenset())
    spent = after.user + after.system - before.user - before.system
    assert later.user_s + later.system_s - ours.user_s - ours.system_s == pytest.approx(spent, abs=0.03)


def test_control_time_is_that_of_the_threads_named() -> None:
    everything = usage(thread_ids())
    assert everything.control_s == pytest.approx(everything.user_s + everything.system_s, rel=0.5)
    assert usage(frozenset()).control_s == 0


def test_memory_agrees_with_psutil() -> None:
    ours, theirs = memory(), psutil.Process().memory_full_info()
    assert ours.rss_mb == pytest.approx(theirs.rss / 2**20, rel=0.05)
    assert ours.private_mb == pytest.approx(theirs.uss / 2**20, rel=0.05)
    assert ours.peak_rss_mb >= ours.rss_mb - 1
