"""What a run changes in the process of somebody else, it puts back."""

import os
import resource
import signal
import threading
from collections.abc import Callable

import pytest

from ovbench.common.errors import UsageError
from ovbench.errors import Interrupted
from ovbench.guest import GuestInterrupts, guest


def nothing() -> None:
    """There is nobody to kill."""


def test_the_first_ctrl_c_asks_for_an_end_and_wakes_who_waits() -> None:
    with guest() as interrupts:
        interrupts.attend(nothing)
        signal.raise_signal(signal.SIGINT)
        assert interrupts.asked
        assert os.read(interrupts.fd, 10) == b"\0"


def test_the_second_ctrl_c_ends_the_agents_and_the_run_but_not_the_process() -> None:
    killed: list[str] = []

    def run() -> None:
        with guest() as interrupts:
            interrupts.attend(lambda: killed.append("all"))
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(Interrupted):
        run()
    assert killed == ["all"]


def test_ctrl_c_before_there_is_anything_to_lose_is_the_programs_own() -> None:
    with pytest.raises(Interrupted) as ended, guest():
        signal.raise_signal(signal.SIGINT)
    assert ended.value.result is None
    assert isinstance(ended.value, KeyboardInterrupt)


def test_no_handler_is_left_and_other_signals_are_not_touched() -> None:
    heard = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def mine(number: int, frame: object) -> None:
        """A handler of the program."""

    before = signal.signal(signal.SIGINT, mine)
    try:
        handlers = [signal.getsignal(number) for number in heard]
        with guest() as interrupts:
            interrupts.attend(nothing)
            interrupts.attend(nothing)  # as a study does for further hosts
            assert signal.getsignal(signal.SIGINT) != mine
            assert [signal.getsignal(number) for number in heard[1:]] == handlers[1:]
        assert [signal.getsignal(number) for number in heard] == handlers
        assert signal.set_wakeup_fd(-1) == -1
    finally:
        signal.signal(signal.SIGINT, before)


def test_ctrl_c_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with guest() as interrupts:
            interrupts.attend(nothing)
            signal.raise_signal(signal.SIGINT)
            assert not interrupts.asked
    finally:
        signal.signal(signal.SIGINT, before)


def test_descriptors_and_limits_are_as_before() -> None:
    files, limits = os.listdir("/proc/self/fd"), resource.getrlimit(resource.RLIMIT_NOFILE)
    with guest() as interrupts:
        interrupts.attend(nothing)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limits[0] - 1, limits[1]))
    assert os.listdir("/proc/self/fd") == files
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == limits


def in_a_thread(do: Callable[[], None]) -> None:
    thread = threading.Thread(target=do)
    thread.start()
    thread.join()


def test_a_run_outside_of_the_main_thread_leaves_ctrl_c_to_that() -> None:
    handler, asked = signal.getsignal(signal.SIGINT), []

    def run() -> None:
        with guest() as interrupts:
            interrupts.attend(nothing)
            asked.append(signal.getsignal(signal.SIGINT) == handler and interrupts.fd >= 0)

    in_a_thread(run)
    assert asked == [True]


def test_every_thread_has_its_cpus_back() -> None:
    allowed = os.sched_getaffinity(0)
    go_on, moved = threading.Event(), threading.Event()
    seen: list[set[int]] = []

    def other() -> None:
        moved.wait(10)
        go_on.wait(10)
        seen.append(os.sched_getaffinity(0))

    thread = threading.Thread(target=other)
    thread.start()
    with guest():
        for task in os.listdir("/proc/self/task"):
            os.sched_setaffinity(int(task), {min(allowed)})
        moved.set()
    go_on.set()
    thread.join()
    assert (os.sched_getaffinity(0), seen) == (allowed, [allowed])


def test_two_runs_at_once_are_refused() -> None:
    with guest():
        with pytest.raises(UsageError, match="under way in this process"), guest():
            pass
        problems: list[str] = []

        def second() -> None:
            try:
                with guest():
                    pass
            except UsageError as error:
                problems.append(str(error))

        in_a_thread(second)
        assert len(problems) == 1
    with guest():
        pass


def test_ctrl_c_in_the_clean_up_leaves_no_step_of_it_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = os.sched_getaffinity(0)

    def run() -> None:
        with guest():
            resource.setrlimit(resource.RLIMIT_NOFILE, (limits[0] - 1, limits[1]))
            os.sched_setaffinity(0, {min(allowed)})

    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(GuestInterrupts, "close", interrupted)
        with pytest.raises(Interrupted):
            run()
    assert (resource.getrlimit(resource.RLIMIT_NOFILE), os.sched_getaffinity(0)) == (limits, allowed)
    for step in ("_masks", "_restore"):
        with monkeypatch.context() as patched:
            patched.setattr(f"ovbench.guest.{step}", interrupted)
            with pytest.raises(Interrupted), guest():
                pass
    with guest():
        pass  # the lock is free
