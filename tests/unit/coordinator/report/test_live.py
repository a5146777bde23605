"""What is shown while a run goes on: in words, then in lines for whatever is no terminal."""

import io
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from rich.console import Console

from ovbench.common.effective import Filling, Phases, Port, ShapeGroup
from ovbench.common.job import Runtime
from ovbench.common.messages import PROTOCOL_VERSION, Hello, Progress, Ready
from ovbench.common.shape import static_shape
from ovbench.coordinator.report import live
from ovbench.coordinator.report.live import Courses, Screen, load_summary, load_view
from ovbench.coordinator.report.steps import STEPS, Step, arriving_lines, load_lines, preparation, waiting_line
from ovbench.coordinator.request.request import Request
from ovbench.coordinator.session.events import AgentLoad, AgentLost, AgentsReady, FilesUnderWay, Snapshot, Stopping
from ovbench.coordinator.session.fleet import Fleet
from ovbench.coordinator.session.member import Member
from ovbench.coordinator.session.rules import Rules
from ovbench.coordinator.session.snapshot import awaited, ready_agents
from tests.builders import effective, job, phases, ready, request, seconds


def fleet(agents: int = 3, joined: int = 3) -> Fleet:
    new = Fleet([job((i,)) for i in range(agents)], Rules(), 0)
    for agent in range(joined):
        new.heard(
            b"%d" % agent,
            Hello(PROTOCOL_VERSION, agent + 1, "box", agent, nonce=f"{agent:032x}"),
            0,
        )
    return new


def snapshot(
    elapsed_s: float = 4.0,
    left_s: float | None = 6.0,
    fps: float | None = 400.0,
    p99_ms: float | None = 12.0,
    agents: int = 2,
    backlog: int | None = None,
) -> Snapshot:
    share = None if left_s is None else elapsed_s / (elapsed_s + left_s)
    each = tuple(AgentLoad(i, (i,), None if fps is None else fps / agents, 800) for i in range(agents))
    return Snapshot(0, elapsed_s, left_s, share, fps, 1600, p99_ms, 75.0, each, backlog)


def screen(wanted: Request | None = None) -> tuple[Screen, io.StringIO]:
    """Off a terminal."""
    written = io.StringIO()
    return Screen(Console(file=written, width=80, force_terminal=False), wanted or request()), written


def delivered(id: int, prepared: Ready | None = None) -> Member:
    return Member(id, job((id,)), pid=1000 + id, host="box", ready=prepared or ready(mask=(id,)))


def steps(*members: Member, wanted: Request | None = None) -> dict[int, Step]:
    return {step.number: step for step in preparation(ready_agents(members), wanted or request())}


def line_of(fleet: Fleet) -> str:
    """What is shown while this fleet is awaited."""
    return waiting_line(awaited(fleet, 0))


def test_who_has_not_come_is_named() -> None:
    line = line_of(fleet(agents=4, joined=2))
    assert "2 of 4" in line
    assert line.endswith("2, 3")


def test_of_very_many_that_have_not_come_some_are_named() -> None:
    line = line_of(fleet(agents=500, joined=1))
    assert "1, 2, 3" in line
    assert len(line) < 80


def test_over_hosts_agents_are_named_with_their_host() -> None:
    hosts = {0: "a", 1: "a", 2: "b"}
    assert waiting_line(awaited(fleet(joined=1), 0, hosts)) == (
        "1 of 3 agents have joined; missing: 1, 2 on hosts a, b"
    )
    waiting = fleet()
    for agent in range(2):
        waiting.heard(b"%d" % agent, ready(), 0)
    waiting.heard(b"2", Progress(step=7, completed=0), 0)
    assert waiting_line(awaited(waiting, 0, hosts)).startswith("2 of 3 agents are ready; agent 2 on b: ")
    slow = delivered(2, replace(ready(), phases=replace(phases(), compile_ms=900.0), openvino="2025.4.1"))
    found = {one.number: one for one in preparation(ready_agents([delivered(0), slow], hosts), request())}
    assert found[7].note == "900 ms (slowest: agent 2 on b)"
    assert found[2].lines == ["OpenVINO 2026.4.0 and 2025.4.1"]


def test_hosts_that_lack_files_are_named_with_how_much_was_sent() -> None:
    event = FilesUnderWay(0, 4, ("b", "c"), 120_000_000)
    assert waiting_line(event) == "2 of 4 hosts have the files, 120 MB sent; under way: b, c"


def test_how_many_have_joined_and_delivered_is_shown() -> None:
    assert "412 of 500 agents have joined" in line_of(fleet(agents=500, joined=412))
    ending = fleet(agents=3, joined=3)
    ending.begin_ns = 1
    assert line_of(ending) == "0 of 3 agents have delivered their results"


def test_the_slowest_agent_is_named_with_what_it_does() -> None:
    waiting = fleet()
    waiting.heard(b"0", ready(), 0)
    waiting.heard(b"1", Progress(step=7, completed=0), 0)
    waiting.heard(b"2", Progress(step=4, completed=0), 0)
    line = line_of(waiting)
    assert "1 of 3" in line
    assert "agent 2" in line
    assert STEPS[4 - 1].lower() in line


def test_an_agent_that_has_said_nothing_yet_loads_openvino() -> None:
    assert STEPS[2 - 1].lower() in line_of(fleet(agents=1, joined=1))


def test_when_all_are_ready_or_warm_up_that_is_said() -> None:
    waiting = fleet(agents=1, joined=1)
    waiting.heard(b"0", ready(), 0)
    assert line_of(waiting) == "all agents are ready"
    waiting.begin(0)
    assert line_of(waiting) == "warming up"


def test_the_steps_of_the_preparation_are_benchmark_app_s_with_the_slowest_agent() -> None:
    members = [
        delivered(0, prepared=ready(times=phases(compile_ms=10.0))),
        delivered(1, prepared=ready(times=phases(compile_ms=90.0))),
    ]
    found = steps(*members)
    assert list(found) == list(range(2, 10))
    assert found[7].note == "90.0 ms (slowest: agent 1)"


def test_one_agent_is_not_called_the_slowest() -> None:
    assert all("slowest" not in step.note for step in steps(delivered(0)).values())


def test_settings_that_differ_between_agents_are_shown_as_a_range() -> None:
    members = [delivered(i, prepared=ready(effective(streams=1 + i, requests=4))) for i in range(2)]
    (line,) = steps(*members)[8].lines
    assert "1 to 2 streams" in line
    assert "4 infer requests" in line


def test_a_single_stream_is_not_many() -> None:
    assert "1 stream," in steps(delivered(0))[8].lines[0]


def test_what_openvino_was_asked_for_is_shown() -> None:
    member = delivered(0)
    member.job = replace(member.job, runtime=Runtime(hint="none", streams=2, precision="f32"))
    assert steps(member)[3].lines == ["CPU: no performance hint, NUM_STREAMS 2, INFERENCE_PRECISION_HINT f32"]


def test_compiling_only_makes_no_requests() -> None:
    assert list(steps(delivered(0), wanted=request("-niter", "0")))[-1] == 8


def test_nobody_ready_has_nothing_prepared() -> None:
    assert steps() == {}


DATA = Port(
    name="data",
    type="u8",
    shape=static_shape((1, 3, 227, 227)),
    names=("data", "image"),
    node="input",
    layout="[N,C,H,W]",
)
MASK = Port(name="mask", type="boolean", shape=((1, 1), (0, -1), (2, 8)), names=("mask",), node="mask")
UNNAMED = Port(name="", type="f32", shape=None)


def prepared(times: Phases | None = None, **fields: Any) -> Ready:
    return ready(replace(effective(), inputs=(DATA, MASK), outputs=(UNNAMED,), **fields), times)


PORTS = [
    "Model inputs:",
    "    data , image (node: input) : u8 / [N,C,H,W] / [1,3,227,227]",
    "    mask (node: mask) : boolean / [...] / [1,?,2..8]",
    "Model outputs:",
    "    ***NO_NAME*** (node: ***NO_NAME***) : f32 / [...] / [...]",
]


def test_inputs_and_outputs_are_printed_as_benchmark_app_does() -> None:
    found = steps(delivered(0, prepared=prepared(original_inputs=(MASK,), original_outputs=(UNNAMED,))))
    assert found[6].lines == PORTS
    assert found[4].lines == ["tiny", "Original model I/O parameters:", PORTS[0], *PORTS[2:]]


def test_a_model_that_is_reshaped_is_shown_with_its_batch_and_shapes() -> None:
    found = steps(delivered(0, prepared=prepared(batch=4)))[5]
    assert found.note == "500 us"
    assert found.lines == ["Model batch size: 4", "Reshaping model: 'data': [1,3,227,227], 'mask': [1,?,2..8]"]


def test_a_model_of_several_batches_in_turn_has_an_open_one() -> None:
    groups = (ShapeGroup(((1, 3, 8, 8), (1, 4)), 1), ShapeGroup(((3, 3, 8, 8), (3, 4)), 3))
    assert steps(delivered(0, prepared=prepared(groups=groups)))[5].lines[0] == "Model batch size: ?"
    assert steps(delivered(0, prepared=prepared(groups=groups[1:])))[5].lines[0] == "Model batch size: 3"


def test_a_model_that_keeps_its_shapes_is_not_reshaped() -> None:
    found = steps(delivered(0, prepared=prepared(replace(phases(), reshape_ms=0.0))))[5]
    assert found.note == ""
    assert found.lines == ["Model batch size: 1"]


def test_a_compiled_model_is_imported_and_the_steps_before_are_skipped() -> None:
    times = replace(phases(), read_model_ms=0.0, reshape_ms=0.0, compile_ms=0.0, import_ms=7.0)
    found = steps(delivered(0, prepared=prepared(times)))
    assert [found[number].lines for number in (4, 5, 6)] == [["Skipping the step for compiled model"]] * 3
    assert found[7].note == "7.00 ms"
    assert "imported" in found[7].lines[0]


def test_a_model_that_is_compiled_from_its_file_skips_the_steps_before() -> None:
    found = steps(delivered(0, prepared=prepared(replace(phases(), read_model_ms=0.0, reshape_ms=0.0))))
    assert [found[number].lines for number in (4, 5, 6)] == [["Skipping the step for loading model from file"]] * 3
    assert found[7].note == "40.0 ms"


def test_the_memory_that_compiling_takes_is_that_of_the_agent_that_took_most() -> None:
    members = [
        delivered(agent, prepared=replace(prepared(), peak_before_mb=100.0, peak_after_mb=after))
        for agent, after in enumerate((150.0, 1100.0))
    ]
    assert steps(*members)[7].lines == ["peak memory: 100 MB before, 1,100 MB after, 1,000 MB more (most: agent 1)"]


def test_memory_that_no_agent_reported_is_left_out() -> None:
    unknown = replace(prepared(), peak_before_mb=0.0, peak_after_mb=0.0)
    assert steps(delivered(0, prepared=unknown))[7].lines == []


def test_what_the_inputs_are_filled_with_is_shown_for_each() -> None:
    fillings = (Filling("data", "12 images from photos/", 12), Filling("mask", "random boolean, seed 7", 1))
    assert steps(delivered(0, prepared=prepared(fillings=fillings)))[9].lines == [
        "data: 12 images from photos/ (12 tensors in turn)",
        "mask: random boolean, seed 7",
        "first inference 1.00 ms",
    ]


def test_several_shapes_are_listed_as_tensor_groups() -> None:
    groups = (ShapeGroup(((1, 3, 8, 8), (1, 4)), 1), ShapeGroup(((1, 3, 9, 9), (1, 4)), 1))
    lines = steps(delivered(0, prepared=prepared(groups=groups)))[9].lines
    start = lines.index("Defined 2 tensor groups:")
    assert lines[start + 1 : start + 3] == ["     data: [1,3,8,8] mask: [1,4]", "     data: [1,3,9,9] mask: [1,4]"]
    assert not any("groups" in line for line in steps(delivered(0, prepared=prepared(groups=groups[:1])))[9].lines)


def test_a_first_inference_that_is_left_out_has_no_time() -> None:
    found = steps(delivered(0, prepared=prepared(phases(first_inference_ms=0.0))))[9]
    assert found.lines[-1] == "no first inference"


def test_notes_of_the_agents_are_shown_once() -> None:
    members = [delivered(i, prepared=prepared(notes=("the batch is set", f"about agent {i}"))) for i in range(2)]
    assert steps(*members)[9].warnings == ["the batch is set", "about agent 0", "about agent 1"]


def test_everything_that_was_prepared_is_printed() -> None:
    agents = fleet(agents=1, joined=1)
    agents.heard(b"0", prepared(notes=("the batch is set",)), 0)
    view, written = screen()
    view.handle(AgentsReady(0, ready_agents(agents.living())))
    printed = [line.strip() for line in written.getvalue().splitlines()]
    assert {line.strip() for line in PORTS} <= set(printed)
    assert "the batch is set" in printed
    assert printed[-1].startswith("Benchmarking in inference only mode")


@pytest.mark.parametrize(
    ("inference_only", "said"),
    [
        (True, "Benchmarking in inference only mode (inputs filling are not included in measurement loop)."),
        (False, "Benchmarking in full mode (inputs filling are included in measurement loop)."),
    ],
)
def test_whether_inputs_are_set_in_the_loop_is_shown_in_benchmark_app_s_words(inference_only: bool, said: str) -> None:
    member = delivered(0, prepared=prepared(inference_only=inference_only))
    assert list(load_lines(ready_agents([member]), request()))[1:] == [said]


def test_the_null_backend_has_no_inputs_to_set() -> None:
    member = delivered(0, prepared=prepared(backend="null"))
    assert len(list(load_lines(ready_agents([member]), request()))) == 1


def test_a_paced_load_shows_its_limit() -> None:
    line = next(load_lines(ready_agents([delivered(0)]), request("-max_irate", "50")))
    assert "for 10 s, at most 50.00 FPS in total, after" in line


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
def test_the_load_is_shown_in_a_sentence(argv: list[str], said: list[str]) -> None:
    line = next(load_lines(ready_agents([delivered(0)]), request(*argv)))
    assert line.startswith("1 agent infers ")
    assert all(part in line for part in said)


@pytest.mark.parametrize(
    ("argv", "lines"),
    [
        (
            ["--rate", "300", "--arrival-seed", "7", "--drain", "10"],
            [
                "arrivals: 300.0 inferences/s, poisson, seed 7; dispatch shared",
                "what is due may finish up to 10 s after the end",
            ],
        ),
        (
            ["--rate", "300", "--arrivals", "constant", "--drain", "2", "--timeout-ms", "50"],
            [
                "arrivals: 300.0 inferences/s, constant; dispatch shared",
                "what is due may finish up to 2 s after the end; dropped after 50.0 ms of waiting",
            ],
        ),
        (
            ["--stages", "10s:100,30s:100..500", "--arrivals", "constant", "--dispatch", "random", "--drain", "10"],
            [
                "arrivals: 250.0 inferences/s on average, constant, seed 0; dispatch random",
                "stages: 10s:100,30s:100..500",
                "what is due may finish up to 10 s after the end",
            ],
        ),
        (
            ["--rate", "20", "--drain", "0"],
            [
                "arrivals: 20.00 inferences/s, poisson, seed 0; dispatch shared",
                "what is due may finish only until the end",
            ],
        ),
    ],
    ids=["rate", "constant", "stages", "no drain"],
)
def test_how_a_load_arrives_is_shown(argv: list[str], lines: list[str]) -> None:
    member = delivered(0, prepared=prepared(backend="null"))
    load, *arriving = load_lines(ready_agents([member]), request(*argv))
    assert "after 1 s of lead-in" in load
    assert arriving == lines
    assert arriving == list(arriving_lines(request(*argv)))


def test_a_server_that_lasts_longer_than_was_asked_for_says_so() -> None:
    member = delivered(0, prepared=prepared(backend="null"))
    server = ("--scenario", "server", "--slo-ms", "15", "-t", "3")
    load, *_, longer = load_lines(ready_agents([member]), request(*server, "--rate", "1"))
    assert "for 2 min 30 s" in load
    assert longer == "LoadGen wants 100 queries: -t is at least 2 min 30 s at this rate"
    assert len(list(load_lines(ready_agents([member]), request(*server, "--rate", "100")))) == 3


def test_without_a_warm_up_none_is_shown() -> None:
    assert "warm-up" not in next(load_lines(ready_agents([delivered(0), delivered(1)]), request("--warmup", "0")))


def test_a_summary_has_time_speed_latency_and_cpu() -> None:
    line = load_summary(snapshot())
    assert all(part in line for part in ("4 s", "6 s left", "400.0 FPS", "12.0 ms", "75.0 %"))


def test_at_a_rate_a_summary_has_how_many_arrivals_wait() -> None:
    assert load_summary(snapshot(backlog=1234)).endswith("; waiting 1,234")
    assert "waiting" not in load_summary(snapshot())


def test_the_live_view_has_how_many_arrivals_wait_and_their_course_at_a_rate() -> None:
    written = io.StringIO()
    view = Console(file=written, width=80, force_terminal=False)
    went = Courses()
    for _ in range(40):
        went.add(snapshot(backlog=9_999_999))
    view.print(load_view(snapshot(agents=100, backlog=9_999_999), went))
    lines = [line.rstrip() for line in written.getvalue().splitlines()]
    (line,) = (line for line in lines if "waiting" in line)
    assert line.split() == ["waiting", "9,999,999", "█" * 40]
    assert max(map(len, lines)) <= 80
    assert len(lines) < 24


def test_on_a_terminal_the_course_of_the_backlog_is_that_of_all_snapshots() -> None:
    written = io.StringIO()
    view = Screen(Console(file=written, width=80, force_terminal=True, color_system=None), request())
    for backlog in (0, 7, 14):
        view.handle(snapshot(backlog=backlog))
    view.close()
    assert "▁▄█" in written.getvalue()


def lines_of(snapshots: Sequence[Snapshot]) -> list[str]:
    """The last of them as the live view shows it, after the others."""
    went, written = Courses(), io.StringIO()
    for one in snapshots:
        went.add(one)
    Console(file=written, width=80, force_terminal=False).print(load_view(snapshots[-1], went))
    return [line.rstrip() for line in written.getvalue().splitlines()]


def test_the_course_of_the_throughput_shows_where_it_was_low() -> None:
    (line,) = (line for line in lines_of([snapshot(fps=fps) for fps in (800, 100, 800)]) if "throughput" in line)
    assert line.split() == ["throughput", "█▁█"]


def test_the_load_of_others_is_shown_as_it_happens_and_not_where_there_is_none() -> None:
    def at(percent: float | None) -> Snapshot:
        return replace(snapshot(), others_percent=percent)

    assert not any("others" in line for line in lines_of([at(None), at(0.0), at(1.9)]))
    (line,) = (line for line in lines_of([at(0.0), at(30.0), at(60.0), at(0.4)]) if "others" in line)
    assert line.split() == ["others", "0", "%", "▁▄█▁"]
    assert "others 60 %" in load_summary(at(60.0))
    assert "others" not in load_summary(at(1.9))


def test_of_many_agents_the_slowest_by_their_cpus_are_shown_and_how_fast_the_others_are() -> None:
    """Agent 17 has two CPUs and agent 30 has not begun."""
    each = tuple(
        AgentLoad(id, (id, 64) if id == 17 else (id,), None if id == 30 else 150.0 if id == 17 else 100.0 + id, 8)
        for id in range(40)
    )
    lines = lines_of([replace(snapshot(), agents=each)])
    rows = [line.split() for line in lines if line.strip().startswith("agent ")]
    assert [row[1] for row in rows] == ["30", "17", *map(str, range(10))]
    assert rows[0][-1] == "starting"
    assert lines[-1].split() == ["28", "faster", "agents", "110.0", "to", "139.0", "FPS"]


def test_a_dumb_terminal_has_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    written = io.StringIO()
    view = Screen(Console(file=written, width=80, force_terminal=True), request("-t", "10"))
    for second in (1, 2, 3):
        view.handle(snapshot(elapsed_s=float(second), left_s=10.0 - second))
    view.close()
    lines = written.getvalue().splitlines()
    assert "\x1b" not in written.getvalue()
    assert [line.split(" s,")[0].strip() for line in lines] == ["1", "2", "3"]


def test_a_load_of_unknown_length_shows_what_is_done() -> None:
    assert "1,600 done" in load_summary(snapshot(left_s=None))


def test_what_is_not_known_yet_is_left_out() -> None:
    line = load_summary(snapshot(fps=None, p99_ms=None))
    assert "FPS" not in line
    assert "p99" not in line


def test_the_live_view_fits_80_columns_and_shows_some_of_many_agents() -> None:
    written = io.StringIO()
    Console(file=written, width=80, force_terminal=False).print(load_view(snapshot(agents=100), Courses()))
    lines = written.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert any("faster agents" in line for line in lines)
    assert len(lines) < 24


def on_hosts(hosts: int, agents: int) -> list[str]:
    each = tuple(
        AgentLoad(host * agents + n, (n,), 100.0, 8, f"node-{host}.cluster.example.org")
        for host in range(hosts)
        for n in range(agents)
    )
    written = io.StringIO()
    picture = load_view(replace(snapshot(), agents=each), Courses())
    Console(file=written, width=80, force_terminal=False).print(picture)
    lines = [line.rstrip() for line in written.getvalue().splitlines()]
    assert max(map(len, lines)) <= 80
    assert len(lines) < 24
    return lines


def test_over_hosts_each_agent_is_shown_with_its_host_and_of_many_each_host() -> None:
    assert [line.split() for line in on_hosts(2, 2)[3:]] == [
        ["agent", str(id), f"node-{id // 2}", "CPU", str(id % 2), "100.0", "FPS"] for id in range(4)
    ]
    many = on_hosts(20, 8)
    assert many[3].split() == ["host", "node-0", "8", "agents", "800.0", "FPS"]
    assert many[-1].split() == ["8", "faster", "hosts", "800.0", "to", "800.0", "FPS"]


def test_off_a_terminal_the_load_is_shown_in_few_lines() -> None:
    view, written = screen(request("-t", "60"))
    for quarter in range(4 * 60):
        view.handle(snapshot(elapsed_s=quarter / 4, left_s=60 - quarter / 4))
    assert 5 <= len(written.getvalue().splitlines()) <= 12


def test_off_a_terminal_waiting_is_shown_only_when_it_takes_long() -> None:
    view, written = screen()
    for quarter in range(8):
        view.handle(awaited(fleet(agents=2, joined=1), seconds(100) + seconds(quarter / 4)))
    assert written.getvalue() == ""
    for quarter in range(8, 60):
        view.handle(awaited(fleet(agents=2, joined=1), seconds(100) + seconds(quarter / 4)))
    assert 1 <= len(written.getvalue().splitlines()) <= 5


def test_all_eleven_steps_are_announced_by_their_number() -> None:
    view, written = screen()
    for number in range(1, len(STEPS) + 1):
        view.step(number)
    lines = written.getvalue().splitlines()
    assert lines == [f"[Step {number}/11] {step}" for number, step in enumerate(STEPS, 1)]


def test_a_lost_agent_is_shown_with_the_reason() -> None:
    view, written = screen()
    view.handle(AgentLost(0, 3, "agent 3 (pid 9)", "it was killed by SIGKILL"))
    view.close()
    assert written.getvalue() == "            agent 3 (pid 9) is lost: it was killed by SIGKILL\n"


def test_agents_that_are_lost_for_one_reason_are_one_line_and_what_comes_next_is_below_it() -> None:
    view, written = screen()
    for agent in (0, 1, 2, 5):
        view.handle(AgentLost(0, agent, f"agent {agent}", "its fork server ended"))
    view.handle(AgentLost(0, 7, "agent 7 (pid 9)", "it was killed by SIGKILL"))
    view.handle(Stopping(0))
    assert [line.strip() for line in written.getvalue().splitlines()] == [
        "4 agents are lost (0-2,5): its fork server ended",
        "agent 7 (pid 9) is lost: it was killed by SIGKILL",
        "stopping; press Ctrl-C again to leave at once",
    ]


def test_a_picture_that_cannot_be_drawn_is_not_drawn_again_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    class Picture:
        def __rich__(self) -> str:
            raise ValueError("no such picture")

    monkeypatch.setattr(live, "load_view", lambda snapshot, courses: Picture())
    written = io.StringIO()
    one = Screen(Console(file=written, width=80, force_terminal=True), request())
    with pytest.raises(ValueError, match="no such picture"):
        one.handle(snapshot())
    one.say("further")
    one.close()
    assert "further" in written.getvalue()


def test_how_well_the_figure_is_known_is_said_with_the_others() -> None:
    known = replace(snapshot(), half_width_percent=4.23)
    assert "known to ±4.2 %" in load_summary(known)
    assert "known to" not in load_summary(snapshot())


def test_what_the_load_waits_for_is_said_before_it() -> None:
    (line, *_) = load_lines(ready_agents([delivered(0)]), request("--until", "p99 +-3%", "-t", "60"))
    assert "for at most 1 min 00 s, until p99 is known to ±3 %" in line
