"""Events as lines of JSON, and what becomes of them where nobody takes them."""

import errno
import io
import json
import os
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TextIO, cast

import pytest

from ovbench.common.clock import monotonic_ns
from ovbench.common.errors import UsageError
from ovbench.coordinator.report import jsonlines
from ovbench.coordinator.report.jsonlines import JsonLines, line_of, open_lines
from ovbench.coordinator.session.events import AgentLost, Delivering, Fanout, SinkFailed, WarmingUp


def lines(text: str) -> list[dict[str, Any]]:
    assert text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_has_the_time_of_day_and_the_event() -> None:
    (line,) = lines(line_of(AgentLost(monotonic_ns(), 1, "agent 1", "it was killed\n")))
    ago = datetime.now(UTC) - datetime.fromisoformat(line.pop("time"))
    assert timedelta(seconds=-1) < ago < timedelta(minutes=1)
    line.pop("at_ns")
    assert line == {"event": "agent_lost", "agent": 1, "name": "agent 1", "why": "it was killed\n"}


def test_events_are_added_to_a_file_and_what_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    file = tmp_path / "new" / "run.jsonl"
    for agents in (1, 2):
        with open_lines(file) as stream:
            sink = JsonLines(stream)
            for at_ns in (1, 2, 3):
                sink.handle(WarmingUp(at_ns, agents))
            sink.handle(Delivering(4, agents, 0))
            sink.close()
    found = [(line["event"], line["agents"]) for line in lines(file.read_text())]
    assert found == [("warming_up", 1), ("delivering", 1), ("warming_up", 2), ("delivering", 2)]


def test_a_pipe_that_somebody_reads_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    with open_lines(pipe) as stream:
        sink = JsonLines(stream)
        sink.handle(WarmingUp(1, 2))
        sink.close()
    text = os.read(reading, 1 << 16).decode()
    os.close(reading)
    assert [line["agents"] for line in lines(text)] == [2]


@pytest.mark.parametrize("kind", ["folder", "pipe"])
def test_what_cannot_be_written_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    place = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(place)
    else:
        place.mkdir()
    with pytest.raises(UsageError, match=f"^--live jsonl:{place}: .*(nobody reads this pipe|Is a directory)$"):
        open_lines(place)


GONE = BrokenPipeError(errno.EPIPE, "Broken pipe")
FULL = OSError(errno.ENOSPC, "No space left on device")


class Failing(io.StringIO):
    """Which cannot be written."""

    def __init__(self, descriptor: int, error: OSError) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._error = error

    def fileno(self) -> int:
        return self._descriptor

    def flush(self) -> None:
        raise self._error


def test_a_reader_that_has_gone_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    class Kept:
        def __init__(self) -> None:
            self.events: list[object] = []

        def handle(self, event: object) -> None:
            self.events.append(event)

    descriptor = os.open(tmp_path / "file", os.O_CREAT | os.O_WRONLY)
    sink, other = JsonLines(cast(TextIO, Failing(descriptor, GONE))), Kept()
    sinks = Fanout(sink, other)
    sinks.handle(WarmingUp(1, 2))
    sink.close()
    sinks.handle(WarmingUp(2, 3))
    os.close(descriptor)
    assert other.events == [WarmingUp(1, 2), WarmingUp(2, 3), SinkFailed(2, "--live", "Broken pipe")]


def test_at_the_end_it_says_why_events_are_missing_also_the_last_ones(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "file", os.O_CREAT | os.O_WRONLY)
    sink = JsonLines(cast(TextIO, Failing(descriptor, FULL)), "run.jsonl")
    sink.handle(WarmingUp(1, 2))
    assert sink.finish() == "--live jsonl:run.jsonl: the events are not all there: No space left on device"
    os.close(descriptor)
    whole = JsonLines(io.StringIO(), "run.jsonl")
    whole.handle(WarmingUp(1, 2))
    assert whole.finish() == ""


def test_lines_that_were_left_out_and_that_no_later_line_tells_of_are_said_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jsonlines, "_MOST_CHARACTERS", 10)
    sink = JsonLines(io.StringIO(), "run.jsonl")
    sink.handle(WarmingUp(1, 2))
    assert sink.finish().endswith("the events are not all there: its reader was too slow for 1 of them")


def test_that_the_reader_of_stdout_has_gone_is_nothing_to_mention(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path / "file", os.O_CREAT | os.O_WRONLY)
    said = []
    for where in ("-", "a pipe"):
        sink = JsonLines(cast(TextIO, Failing(descriptor, GONE)), where)
        sink.handle(WarmingUp(1, 2))
        said.append(sink.finish())
    os.close(descriptor)
    assert said == ["", "--live jsonl:a pipe: the events are not all there: Broken pipe"]


def test_lines_that_nobody_took_for_very_long_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    read, go_on = threading.Event(), threading.Event()

    class Slow(io.StringIO):
        def flush(self) -> None:
            read.set()
            go_on.wait()

    monkeypatch.setattr(jsonlines, "_MOST_CHARACTERS", 200)
    stream = Slow()
    sink = JsonLines(stream)
    sink.handle(WarmingUp(1, 0))
    read.wait()
    for agents in range(1, 5):
        sink.handle(WarmingUp(1, agents))
    go_on.set()
    sink.close()
    sink.handle(WarmingUp(1, 9))
    sink.close()
    found = lines(stream.getvalue())
    skipped = [line["lines"] for line in found if line["event"] == "skipped"]
    assert found[-1]["agents"] == 9
    assert len(found) - len(skipped) + sum(skipped) == 6
    assert sum(skipped) > 0
