"""The command line of ovbench-agent: two uses, and what contradicts itself."""

import os
from pathlib import Path

import pytest

from ovbench.agent.options import OneAgent, WholeHost, parse_options
from ovbench.agent.trust import Caps, Trust, decode_trust, encode_trust
from ovbench.common.cacheplace import CachePlace
from ovbench.common.errors import UsageError


def test_one_agent_connects_to_a_socket(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    found = parse_options(["--connect", f"ipc://{tmp_path}/bus", "--agent", "3", "--wait", "5"])
    assert found == OneAgent(f"ipc://{tmp_path}/bus", 3, 5.0, Trust())


def test_a_whole_host_joins_by_a_file_or_by_standard_input(tmp_path: Path) -> None:
    assert parse_options(["--host", "--join", "-"]) == WholeHost("-", (), CachePlace(), 60.0, Trust())
    found = parse_options(
        ["--host", "--join", "b.join", "--root", str(tmp_path), "--root", "/", "--allow-extensions", "--agent-python",
         "/opt/python", "--max-memory", "100", "--max-requests", "8", "--max-duration", "60",
         "--model-cache", "/var/models:2G"]
    )  # fmt: skip
    trust = Trust((str(tmp_path), "/"), extensions=True, caps=Caps(100, 8, 60))
    assert found == WholeHost("b.join", ("/opt/python",), CachePlace("/var/models", 2 * 10**9), 60.0, trust)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], "--connect ENDPOINT for one agent, or --host --join FILE for a whole host"),
        (["--host"], "--host needs --join"),
        (["--host", "--join", "-", "--connect", "ipc:///x/y"], "--connect is for one agent"),
        (["--host", "--join", "-", "--agent", "0"], "--agent is for one agent"),
        (["--connect", "ipc:///x/y", "--join", "-"], "--join goes with --host"),
        (["--connect", "ipc:///x/y", "--agent-python", "p"], "--agent-python goes with --host"),
        (["--connect", "ipc:///x/y", "--model-cache", "m"], "--model-cache goes with --host"),
        (["--host", "--join", "-", "--model-cache", "m:3Q"], "'3Q' is not a size"),
        (["--connect", "ipc://relative/y"], "--connect ipc://relative/y"),
        (["--host", "--join", "-", "--root", "/there/is/none"], "--root /there/is/none: there is no such folder"),
    ],
)
def test_what_contradicts_itself_is_refused_in_a_sentence(argv: list[str], words: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_options(argv)
    assert words in str(refused.value)


@pytest.mark.parametrize("argv", [["--max-memory", "0"], ["--max-requests", "x"], ["--wait", "nan"], ["--agent", "-1"]])
def test_a_number_that_is_none_ends_it_with_the_code_of_wrong_usage(
    argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_options(["--host", "--join", "-", *argv])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--conect", "ipc:///x/y"], "--conect: ovbench-agent has no such flag; did you mean --connect?"),
        (["--host", "--joint=-"], "--joint=-: ovbench-agent has no such flag; did you mean --join?"),
        (["--connect", "ipc:///x/y", "--zzz"], "--zzz: ovbench-agent has no such flag (see --help)"),
        (["ipc:///x/y"], "'ipc:///x/y' is neither a flag nor the value of one (see --help)"),
        (["--wait", "soon"], "--wait: 'soon' is not a number of seconds from 0 to 1000000 (see --help)"),
    ],
)
def test_a_word_that_is_not_known_is_named_with_what_was_probably_meant(
    argv: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        parse_options(argv)
    assert ended.value.code == 2
    assert capsys.readouterr().err == f"ovbench-agent: {said}\n"


def test_the_help_has_both_uses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_options(["--help"])
    text = capsys.readouterr().out
    assert "ovbench-agent --connect ENDPOINT" in text
    assert "ovbench-agent --host --join -|FILE" in text


def test_a_fork_server_is_told_the_same_trust() -> None:
    trust = Trust(("/models", "/a 'b'"), "/cache", True, Caps(1, 2, 3))
    assert decode_trust(encode_trust(trust)) == trust


def test_a_root_whose_name_is_no_text_is_refused(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path) + b"/\xff"
    os.mkdir(folder)
    with pytest.raises(UsageError, match="bytes that are no text"):
        parse_options(["--host", "--join", "-", "--root", os.fsdecode(folder)])
