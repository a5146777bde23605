"""What is shown while a run goes on: in words, then in lines for whatever is no terminal."""

import io

import pytest
from msgspec.structs import replace
from rich.console import Console

from ovbench.common.job import Runtime
from ovbench.common.messages import PROTOCOL_VERSION, Hello, Progress
from ovbench.coordinator.fleet import Fleet, Rules
from ovbench.coordinator.options import Options
from ovbench.coordinator.report.live import (
    STEPS,
    Screen,
    load_line,
    load_summary,
    load_view,
    preparation,
    waiting_line,
)
from ovbench.coordinator.snapshot import AgentNow, Snapshot
from tests.builders import delivered, effective, job, options, phases, ready, seconds


def fleet(agents: int = 3, joined: int = 3) -> Fleet:
    new = Fleet([job((i,)) for i in range(agents)], Rules(), 0)
    for agent in range(joined):
        new.heard(b"%d" % agent, Hello(version=PROTOCOL_VERSION, pid=agent + 1, host="box", agent=agent), 0)
    return new


def snapshot(
    elapsed_s: float = 4.0,
    left_s: float | None = 6.0,
    fps: float | None = 400.0,
    p99_ms: float | None = 12.0,
    agents: int = 2,
) -> Snapshot:
    share = None if left_s is None else elapsed_s / (elapsed_s + left_s)
    each = tuple(AgentNow(i, (i,), None if fps is None else fps / agents, 800) for i in range(agents))
    return Snapshot(elapsed_s, left_s, share, fps, 1600, p99_ms, 75.0, each)


def screen(wanted: Options | None = None) -> tuple[Screen, io.StringIO]:
    """Off a terminal."""
    written = io.StringIO()
    return Screen(Console(file=written, width=80, force_terminal=False), wanted or options()), written


def test_who_has_not_come_is_named() -> None:
    line = waiting_line(fleet(agents=4, joined=2))
    assert "2 of 4" in line
    assert line.endswith("2, 3")


def test_of_very_many_that_have_not_come_some_are_named() -> None:
    line = waiting_line(fleet(agents=500, joined=1))
    assert "1, 2, 3" in line
    assert len(line) < 80


def test_the_slowest_agent_is_named_with_what_it_does() -> None:
    waiting = fleet()
    waiting.heard(b"0", ready(), 0)
    waiting.heard(b"1", Progress(step=7, completed=0), 0)
    waiting.heard(b"2", Progress(step=4, completed=0), 0)
    line = waiting_line(waiting)
    assert "1 of 3" in line
    assert "agent 2" in line
    assert STEPS[4 - 1].lower() in line


def test_an_agent_that_has_said_nothing_yet_loads_openvino() -> None:
    assert STEPS[2 - 1].lower() in waiting_line(fleet(agents=1, joined=1))


def test_when_all_are_ready_or_warm_up_that_is_said() -> None:
    waiting = fleet(agents=1, joined=1)
    waiting.heard(b"0", ready(), 0)
    assert waiting_line(waiting) == "warming up"


def test_the_steps_of_the_preparation_are_benchmark_app_s_with_the_slowest_agent() -> None:
    members = [
        delivered(0, prepared=ready(times=phases(compile_ms=10.0))),
        delivered(1, prepared=ready(times=phases(compile_ms=90.0))),
    ]
    steps = list(preparation(members, options()))
    assert [number for number, _, _ in steps] == list(range(2, 10))
    notes = {number: note for number, note, _ in steps}
    assert notes[7].startswith("90.0 ms")
    assert "agent 1" in notes[7]


def test_one_agent_is_not_called_the_slowest() -> None:
    assert all("slowest" not in note for _, note, _ in preparation([delivered(0)], options()))


def test_settings_that_differ_between_agents_are_shown_as_a_range() -> None:
    members = [delivered(i, prepared=ready(effective(streams=1 + i, requests=4))) for i in range(2)]
    texts = {number: text for number, _, text in preparation(members, options())}
    assert "1 to 2 streams" in texts[8]
    assert "4 infer requests" in texts[8]


def test_a_single_stream_is_not_many() -> None:
    texts = {number: text for number, _, text in preparation([delivered(0)], options())}
    assert "1 stream," in texts[8]


def test_what_openvino_was_asked_for_is_shown() -> None:
    member = delivered(0)
    member.job = replace(member.job, runtime=Runtime(hint="none", streams=2, precision="f32"))
    texts = {number: text for number, _, text in preparation([member], options())}
    assert texts[3] == "CPU: no performance hint, NUM_STREAMS 2, INFERENCE_PRECISION_HINT f32"


def test_compiling_only_makes_no_requests() -> None:
    assert [number for number, _, _ in preparation([delivered(0)], options("-niter", "0"))][-1] == 8


def test_nobody_ready_has_nothing_prepared() -> None:
    assert list(preparation([], options())) == []


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], ["asynchronously", "10 s", "after 1 s of warm-up"]),
        (["-api", "sync", "-t", "90"], ["synchronously", "1 min 30 s"]),
        (["-niter", "5000"], ["5,000 inferences in total"]),
        (["-niter", "5000", "-t", "3"], ["3 s and 5,000 inferences"]),
    ],
    ids=lambda value: " ".join(value) or "no options",
)
def test_the_load_is_told_in_a_sentence(argv: list[str], said: list[str]) -> None:
    line = load_line([delivered(0)], options(*argv))
    assert line.startswith("1 agent infer")
    assert all(part in line for part in said)


def test_without_a_warm_up_none_is_told() -> None:
    assert "warm-up" not in load_line([delivered(0), delivered(1)], options("--warmup", "0"))


def test_a_summary_has_time_speed_latency_and_cpu() -> None:
    line = load_summary(snapshot())
    assert all(part in line for part in ("4 s", "6 s left", "400.0 FPS", "12.0 ms", "75.0 %"))


def test_a_load_of_unknown_length_tells_what_is_done() -> None:
    assert "1,600 done" in load_summary(snapshot(left_s=None))


def test_what_is_not_known_yet_is_left_out() -> None:
    line = load_summary(snapshot(fps=None, p99_ms=None))
    assert "FPS" not in line
    assert "p99" not in line


def test_the_live_view_fits_80_columns_and_shows_some_of_many_agents() -> None:
    written = io.StringIO()
    Console(file=written, width=80, force_terminal=False).print(load_view(snapshot(agents=100)))
    lines = written.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert any("more" in line for line in lines)
    assert len(lines) < 24


def test_off_a_terminal_the_load_is_told_in_few_lines() -> None:
    view, written = screen(options("-t", "60"))
    for quarter in range(4 * 60):
        view.measuring(snapshot(elapsed_s=quarter / 4, left_s=60 - quarter / 4))
    assert 5 <= len(written.getvalue().splitlines()) <= 12


def test_off_a_terminal_waiting_is_told_only_when_it_takes_long() -> None:
    view, written = screen()
    for quarter in range(8):
        view.waiting(fleet(agents=2, joined=1), seconds(100) + seconds(quarter / 4))
    assert written.getvalue() == ""
    for quarter in range(8, 60):
        view.waiting(fleet(agents=2, joined=1), seconds(100) + seconds(quarter / 4))
    assert 1 <= len(written.getvalue().splitlines()) <= 5


def test_all_eleven_steps_are_announced_by_their_number() -> None:
    view, written = screen()
    for number in range(1, len(STEPS) + 1):
        view.step(number)
    lines = written.getvalue().splitlines()
    assert lines == [f"[Step {number}/11] {step}" for number, step in enumerate(STEPS, 1)]


def test_a_lost_agent_is_told_with_the_reason() -> None:
    view, written = screen()
    view.lost("agent 3 (pid 9)", "it was killed by SIGKILL")
    assert "agent 3 (pid 9)" in written.getvalue()
    assert "killed by SIGKILL" in written.getvalue()
