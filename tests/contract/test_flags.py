"""The tables of flags: what must hold for every row, and the page that is written from them."""

import ast
import re
from pathlib import Path
from typing import Final

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.commands.reference import FLAGS_OF, page
from ovbench.coordinator.entry import VERBS as WORDS
from ovbench.coordinator.entry import parse
from ovbench.coordinator.request.flag import Flag
from ovbench.coordinator.request.flags import BY_SPELLING, FLAGS, flag_of
from ovbench.coordinator.request.parser import parse_flags
from ovbench.coordinator.request.verbs import VERBS
from ovbench.coordinator.study import planflags

ROOT: Final = Path(__file__).parents[2]
ROWS: Final = [(verb, flag) for verb, groups in FLAGS_OF.items() for group in groups for flag in group.flags]


def test_the_page_of_flags_is_what_scripts_flags_writes() -> None:
    assert (ROOT / "docs" / "flags.md").read_text() == page()


def test_the_page_has_every_verb() -> None:
    assert set(FLAGS_OF) == set(WORDS)


def test_the_table_of_verbs_has_each_that_is_carried_out_once() -> None:
    assert sorted(row.word for row in VERBS) == sorted(WORDS)


@pytest.mark.parametrize("verb", FLAGS_OF)
def test_the_help_of_a_verb_has_every_flag_of_its_table(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse([*verb.split(), "--help"])
    named = set(re.findall(r"(?<![\w-])--?[a-z][\w-]*", capsys.readouterr().out))
    assert {
        spelling for group in FLAGS_OF[verb] for flag in group.flags for spelling in flag.spellings
    } - named == set()


@pytest.mark.parametrize("verb", FLAGS_OF)
def test_no_two_flags_of_a_verb_share_a_spelling_or_a_name(verb: str) -> None:
    flags = [flag for group in FLAGS_OF[verb] for flag in group.flags]
    spellings = [spelling for flag in flags for spelling in flag.spellings]
    assert len(spellings) == len(set(spellings))
    assert len(flags) == len({flag.dest for flag in flags})


@pytest.mark.parametrize(("verb", "flag"), ROWS, ids=lambda value: value.name if isinstance(value, Flag) else "")
def test_a_row_is_complete(verb: str, flag: Flag) -> None:
    """A long name, a sentence, and a value that can be named and parsed."""
    assert flag.long
    assert flag.help
    assert not flag.help.endswith(".")
    assert (flag.takes == "nothing") is (flag.value == "")
    for choice in flag.choices:
        assert flag.parse(choice) == choice
    assert not flag.default or not flag.choices or flag.default in flag.choices
    assert not (flag.repeatable and flag.several != "again")


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.name)
def test_a_flag_of_a_run_is_found_by_every_spelling(flag: Flag) -> None:
    for spelling in flag.spellings:
        assert BY_SPELLING[spelling] is flag
        assert flag_of(spelling) is flag


def test_flags_that_are_left_out_have_their_defaults() -> None:
    raw = vars(parse_flags([]))
    for flag in FLAGS:
        if flag.takes == "nothing":
            assert not raw.get(flag.dest)
        else:
            assert raw[flag.dest] == ([] if flag.repeatable else flag.default), flag.name


@pytest.mark.parametrize("flag", [flag for flag in FLAGS if flag.refused], ids=lambda flag: flag.name)
def test_a_study_says_why_it_refuses_a_flag(flag: Flag) -> None:
    if flag.dest in {one.dest for one in planflags.FLAGS} | {"help"}:
        return
    with pytest.raises(UsageError, match=re.escape(flag.refused)):
        parse(["study", flag.name, *([] if flag.takes == "nothing" else ["1"])])


@pytest.mark.parametrize(
    ("room", "known"),
    [("request/*.py", {flag.dest for flag in FLAGS}), ("study/request.py", {flag.dest for flag in planflags.FLAGS})],
)
def test_every_value_that_is_read_of_parsed_words_is_of_a_flag_in_the_table(room: str, known: set[str]) -> None:
    """argparse.Namespace has no types, so a name that is misspelt would be found only by who uses that flag."""
    read = {
        node.attr
        for file in (ROOT / "coordinator").glob(room)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "raw"
    }
    assert read
    assert read - known == set()
