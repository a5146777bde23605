"""One command line, two programs: what benchmark_app does with it and what one agent of ovbench does."""

import importlib.util
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from openvino.tools.benchmark.parameters import parse_args

from ovbench.coordinator.request.flags import LONG_NAMES
from tests import forked
from tests.attempts import undisturbed
from tests.differential import facts
from tests.differential.commands import COMMANDS, Command
from tests.differential.facts import Facts, Ran

COMMON: Final = ("--agents", "1", "--warmup", "0", "--check-outputs", "no", "--report-folder", ".", "--overwrite")


Finish = Callable[[], Ran]
Program = Callable[[tuple[str, ...], Path], Finish]
"""Starts a program with these arguments in a folder of its own; what is returned waits for its end."""


def new(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt before
    folder.mkdir()
    return folder


def in_new_folders(program: forked.Program) -> Program:
    def start(argv: tuple[str, ...], folder: Path) -> Finish:
        finish = program(argv, new(folder))
        return lambda: Ran(*finish(), folder)

    return start


@pytest.fixture(scope="session")
def benchmark_app() -> Iterator[Program]:
    with forked.forked("benchmark_app") as program:
        yield in_new_folders(program)


@pytest.fixture(scope="session")
def ovbench() -> Iterator[Program]:
    with forked.forked("ovbench-coord", COMMON) as program:
        yield in_new_folders(program)


def run_both(
    benchmark_app: Program, ovbench: Program, command: Command, argv: tuple[str, ...], folder: Path
) -> tuple[Ran, Ran]:
    """At the same time, but one after the other where speeds are compared."""
    theirs = benchmark_app(argv, folder / "benchmark_app")
    if command.fps_within is not None:
        return theirs(), ovbench(argv, folder / "ovbench")()
    ours = ovbench(argv, folder / "ovbench")
    return theirs(), ours()


def differences(theirs: Facts, ours: Facts) -> dict[str, tuple[object, object]]:
    """What benchmark_app tells and ovbench does not, or otherwise. Runs are compared only where both ran."""
    if theirs["outcome"] != ours["outcome"]:
        return {"outcome": (theirs["outcome"], ours["outcome"])}
    return {name: (fact, ours.get(name)) for name, fact in theirs.items() if ours.get(name) != fact}


def available(what: str) -> bool:
    return shutil.which(what) is not None or importlib.util.find_spec(what) is not None


def speed_ratio(theirs: Ran, ours: Ran) -> float:
    """ovbench's frames per second by benchmark_app's."""
    (printed_fps,) = re.findall(r"Throughput: +([\d.]+) FPS", theirs.out)
    report = json.loads((ours.folder / "report.json").read_text())
    return float(report["throughput"]["fps"]) / float(printed_fps)


def cases() -> Iterator[pytest.ParameterSet]:
    for command in COMMANDS:
        measured = undisturbed("the speed of one is compared with that of the other, which runs later")
        yield pytest.param(command, id=command.name, marks=() if command.fps_within is None else measured)


@pytest.mark.parametrize("command", list(cases()))
def test_ovbench_does_with_a_command_line_what_benchmark_app_does(
    benchmark_app: Program, ovbench: Program, command: Command, files: dict[str, str], tmp_path: Path
) -> None:
    if command.needs is not None and not available(command.needs):
        pytest.skip(f"there is no {command.needs}")
    argv = tuple(word.format(**files) for word in command.argv.split())
    theirs, ours = run_both(benchmark_app, ovbench, command, argv, tmp_path)
    found = differences(facts.of_benchmark_app(theirs), facts.of_ovbench(ours))
    assert found.keys() == command.differs.keys(), found
    assert ours.code in (0, 2), ours.err
    if ours.code == 2:
        assert len(ours.err.splitlines()) == 1, ours.err
    if command.fps_within is not None:
        assert 1 / command.fps_within < speed_ratio(theirs, ours) < command.fps_within


def test_every_flag_of_benchmark_app_is_in_the_table() -> None:
    words = {word for command in COMMANDS for word in command.argv.split()}
    flags = [action.option_strings for action in parse_args()._actions if "-h" not in action.option_strings]
    assert len(flags) > 30
    assert [names for names in flags if words.isdisjoint(names)] == []
    assert set(LONG_NAMES) == {
        name[2:].replace("_", "-")
        for action in parse_args()._actions
        for name in action.option_strings
        if name.startswith("--")
    }
    assert len({command.name for command in COMMANDS}) == len(COMMANDS) >= 45


@pytest.mark.parametrize("dumped_by_ovbench", [False, True])
def test_either_loads_the_configuration_that_the_other_has_dumped(
    benchmark_app: Program, ovbench: Program, dumped_by_ovbench: bool, files: dict[str, str], tmp_path: Path
) -> None:
    programs = [(benchmark_app, facts.of_benchmark_app), (ovbench, facts.of_ovbench)]
    (writer, of_writer), (reader, of_reader) = reversed(programs) if dumped_by_ovbench else programs
    model = ("-m", files["dense"], "-niter", "4", "-dump_config", "config.json")
    tuned = ("-hint", "none", "-nstreams", "1", "-infer_precision", "f32")
    wrote = writer((*model, *tuned), tmp_path / "wrote")()
    assert wrote.code == 0, wrote.err
    read = reader((*model, "-hint", "none", "-load_config", "../wrote/config.json"), tmp_path / "read")()
    assert read.code == 0, read.out + read.err
    for name, value in {"NUM_STREAMS": "1", "INFERENCE_PRECISION_HINT": "f32"}.items():
        assert of_writer(wrote)[f"config CPU.{name}"] == value
        assert of_reader(read)[f"property {name}"] == value


def printed(batch: int) -> Ran:
    text = f"[ INFO ] Model inputs:\n[ INFO ]     a (node: a) : f32 / [N,C] / [{batch},4]\n[ INFO ] Model outputs:\n"
    return Ran(0, f"{text}[ INFO ] Model batch size: {batch}\n", "", Path(__file__).parent)


def test_a_difference_is_seen() -> None:
    """Guards the guard: a comparison that nothing can fail proves nothing."""
    one, two = (facts.of_benchmark_app(printed(batch)) for batch in (1, 2))
    assert differences(one, one) == {}
    assert differences(one, two).keys() == {"batch", "as read: Model inputs:"}
    assert differences(one, {"outcome": facts.REFUSED}).keys() == {"outcome"}
