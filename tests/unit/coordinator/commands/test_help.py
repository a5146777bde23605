"""The help in its parts, the man page, and the completion of words."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.commands.completion import SHELLS, script
from ovbench.coordinator.commands.manpage import man_page, roff
from ovbench.coordinator.commands.reference import FLAGS_OF
from ovbench.coordinator.entry import execute, parse
from ovbench.coordinator.request.flags import FLAGS, GROUPS
from ovbench.coordinator.request.helptext import NOTES, TOPICS
from ovbench.coordinator.request.thresholds import limit_flags
from ovbench.coordinator.request.verbs import VERBS


def printed(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as ended:
        execute(argv)
    out, err = capsys.readouterr()
    assert (ended.value.code, err) == (0, "")
    return str(out)


def spellings(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", text))


@pytest.mark.parametrize("argv", [("-h",), ("help",), ("study", "-h"), ("study", "scaling", "-hint", "none", "-h")])
def test_the_short_help_is_at_most_thirty_lines_of_80_columns(
    argv: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    lines = printed(capsys, *argv).splitlines()
    assert len(lines) <= 30
    assert max(map(len, lines)) <= 80


def test_the_short_help_has_every_command_five_examples_and_where_the_rest_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(capsys, "-h")
    assert [row.word for row in VERBS if f"\n  {row.word} " not in text] == []
    assert len(re.findall(r"^  ovbench-coord (?!--help|help)", text, re.MULTILINE)) == 5
    assert "ovbench-coord --help" in text
    assert [topic for topic in TOPICS if topic not in text] == []


def test_every_topic_is_a_part_of_the_whole_help(capsys: pytest.CaptureFixture[str]) -> None:
    whole = printed(capsys, "--help")
    assert printed(capsys, "help", "all") == printed(capsys, "help", "run") == whole
    for group in GROUPS:
        text = printed(capsys, "help", group.topic)
        assert text.startswith(f"{group.title}:\n")
        assert spellings(text) >= {spelling for flag in group.flags for spelling in flag.spellings}
    for topic, text in NOTES.items():
        assert printed(capsys, "help", topic) == text


def test_thresholds_are_a_topic_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    names = {flag.name for flag in limit_flags()}
    assert spellings(printed(capsys, "help", "thresholds")) == names
    assert spellings(printed(capsys, "help", "validity")).isdisjoint(names)


@pytest.mark.parametrize("word", ["-nstreams", "nstreams", "--number-streams", "number_streams"])
def test_a_flag_is_explained_alone_by_any_of_its_names(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "help", word).startswith("  -nstreams, --number-streams N\n")


@pytest.mark.parametrize("verb", [row.word for row in VERBS])
def test_the_help_of_a_command_is_its_own(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "help", verb) == printed(capsys, verb, "--help")


def test_a_man_page_with_a_topic_is_refused() -> None:
    with pytest.raises(UsageError, match="the man page has everything"):
        parse(["help", "agents", "--man"])


def test_the_version_is_shown_with_what_figures_depend_on(capsys: pytest.CaptureFixture[str]) -> None:
    python = ".".join(map(str, sys.version_info[:3]))
    assert (
        printed(capsys, "--version")
        == f"ovbench {version('ovbench')}, OpenVINO {version('openvino')}, Python {python}\n"
    )


def test_the_man_page_has_every_command_and_flag() -> None:
    page = man_page()
    assert page.startswith('.TH OVBENCH\\-COORD 1 "" "ovbench ')
    for row in VERBS:
        assert f"\n\\fB{roff(row.word)}\\fR" in page
        for group in FLAGS_OF[row.word]:
            for flag in group.flags:
                assert all(f"\\fB{roff(spelling)}\\fR" in page for spelling in flag.spellings)
    macros = {line.split()[0] for line in page.splitlines() if line.startswith(".")}
    assert macros == {".TH", ".SH", ".SS", ".TP", ".B", ".I", ".br", ".nf", ".fi"}
    assert not any(line.startswith("'") for line in page.splitlines())


@pytest.mark.skipif(shutil.which("mandoc") is None, reason="mandoc is not installed")
def test_mandoc_has_nothing_to_say_of_the_man_page(tmp_path: Path) -> None:
    (tmp_path / "ovbench-coord.1").write_text(man_page())
    words = ["mandoc", "-T", "lint", "-W", "warning", str(tmp_path / "ovbench-coord.1")]
    checked = subprocess.run(words, capture_output=True, text=True)
    assert [line for line in checked.stdout.splitlines() if "missing date" not in line] == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_completion_is_what_the_shell_can_read(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    text = script("zsh" if shell == "zsh" else "bash")
    (tmp_path / "script").write_text(text)
    assert subprocess.run([shell, "-n", str(tmp_path / "script")]).returncode == 0
    assert [flag.name for flag in FLAGS if flag.name not in text] == []


TRY = """
source ./completion.sh
COMP_WORDS=(ovbench-coord "$@"); COMP_CWORD=$#; COMP_LINE="${COMP_WORDS[*]}"; COMP_WORDBREAKS=" "
_ovbench_whole_words 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""

COMPLETED = {
    "sho": {"show"},
    "--agent": {"--agents", "--agent-python"},
    "-nstr": {"-nstreams"},
    "-api a": {"async"},
    "--launcher s": {"ssh", "slurm"},
    "-m mod": {"model.xml"},
    "-m builtin:m": {"builtin:mlp"},
    "run mod": {"model.xml"},
    "study sca": {"scaling"},
    "study scaling --p99": {"--p99-limit-ms"},
    "study -hint lat": {"latency"},
    "show las": {"last", "last~1"},
    "compare last~1 ovbench-results/2": {"ovbench-results/20260101T000000Z-mlp"},
    "help thr": {"thresholds"},
    "completion z": {"zsh"},
}


AT_A_TERMINAL = {
    "-m builtin:sq": "-m builtin:squeezenet1.1",
    "-m bui": "-m builtin:",
    "-m builtin:": "-m builtin:",
    "study -m builtin:m": "study -m builtin:mlp",
    "show ovbench-r": "show ovbench-results/",
    "-m mod": "-m model.xml",
}
"""What is on the line after Tab."""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_at_a_terminal_bash_completes_names_with_a_colon_and_goes_on_into_folders(tmp_path: Path) -> None:
    """Readline itself splits the words: with a pseudo-terminal, each line is given to a function that prints it."""
    (tmp_path / "completion.sh").write_text(script("bash"))
    (tmp_path / "model.xml").touch()
    (tmp_path / "ovbench-results").mkdir()
    setup = "source ./completion.sh; PS1=; ovbench-coord() { printf '<%s>\\n' \"$*\"; }; bind 'set bell-style none'\n"
    typed = setup + "".join(f"ovbench-coord {line}\t\n" for line in AT_A_TERMINAL) + "exit\n"
    leader, follower = os.openpty()
    with subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"], stdin=follower, stdout=follower, stderr=follower, cwd=tmp_path,
        start_new_session=True, env={**os.environ, "TERM": "dumb", "INPUTRC": "/dev/null", "COLUMNS": "200"},
    ):  # fmt: skip
        os.close(follower)
        os.write(leader, typed.encode())
        printed = b""
        with contextlib.suppress(OSError):  # the end of a terminal
            while more := os.read(leader, 1 << 16):
                printed += more
    os.close(leader)
    assert re.findall(r"^<(.*)>\r$", printed.decode(), re.MULTILINE) == list(AT_A_TERMINAL.values())


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_flags_values_files_and_results(tmp_path: Path) -> None:
    (tmp_path / "completion.sh").write_text(script("bash"))
    (tmp_path / "model.xml").touch()
    (tmp_path / "ovbench-results" / "20260101T000000Z-mlp").mkdir(parents=True)
    for line, expected in COMPLETED.items():
        done = subprocess.run(
            ["bash", "--norc", "-c", TRY, "try", *line.split()], capture_output=True, text=True, cwd=tmp_path
        )
        assert set(done.stdout.split()) == expected, line


def test_completion_without_its_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    with pytest.raises(UsageError, match=r"pip install 'ovbench\[completion\]'"):
        script("bash")
