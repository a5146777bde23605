"""Releases as they are written: which builds they stand for, and in which order they came."""

from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.request.commandline import parse_run
from ovbench.coordinator.request.release import between, environment_python, is_release, newest_of, parse_release
from tests.builders import request

KNOWN = ("2025.4.0", "2025.4.1", "2025.10.0", "2026.0.0", "2026.1.0")


@pytest.mark.parametrize("text", ["2026.4", "2026.4.1", "2025.4.1.1", "2024.6"])
def test_a_release_is_a_year_and_numbers(text: str) -> None:
    assert parse_release(text) == text
    assert is_release(text)


@pytest.mark.parametrize("text", ["", "2026", "26.4", "2026.4-dev", "latest", "2026.4.", "/opt/python", "2026.4 --pre"])
def test_what_is_none_is_refused(text: str) -> None:
    assert not is_release(text)
    with pytest.raises(UsageError) as refused:
        parse_run(["--openvino", text])
    assert f"'{text}' is not a release of OpenVINO" in str(refused.value)


@pytest.mark.parametrize("text", ["2024.5", "2023.3.0"])
def test_a_release_that_agents_cannot_run_on_is_refused_before_it_is_installed(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_run(["--openvino", text])
    assert f"OpenVINO {text} is too old; agents run on 2024.6 and every release after it" in str(refused.value)


def test_two_numbers_stand_for_the_newest_of_their_kind() -> None:
    assert newest_of("2025.4", KNOWN) == "2025.4.1"
    assert newest_of("2025.4.0", KNOWN) == "2025.4.0"
    assert newest_of("2025.1", KNOWN) is None


def test_releases_are_in_the_order_of_their_numbers() -> None:
    assert between("2025.4.1", "2026.0.0", KNOWN) == ["2025.4.1", "2025.10.0", "2026.0.0"]


def test_agents_on_a_release_run_in_the_python_of_its_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    environment_python.cache_clear()
    launch = request("--openvino", "2025.4").launch
    environment_python.cache_clear()
    assert launch.openvino == "2025.4"
    assert launch.agent_python is not None
    assert launch.agent_python.startswith(f"{tmp_path}/ovbench/environments/openvino-2025.4-")
    assert launch.requested()["agent_python"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--agent-python", "/usr/bin/python3"), "--openvino 2026.4 and --agent-python contradict each other"),
        (("--launcher", "external", "--bind", "ipc:///run/bus", "--agents", "2"), "--openvino is for agents that are"),
        (
            ("--hosts", "a,b", "--launcher", "ssh", "--bind", "tcp://10.0.0.1:0"),
            "--openvino is for agents of this",
        ),
    ],
)
def test_only_agents_that_are_started_here_run_on_a_release(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_run(["--openvino", "2026.4", *words])
    assert str(refused.value).startswith(said)
