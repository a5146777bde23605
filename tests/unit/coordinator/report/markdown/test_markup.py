"""Texts in Markdown, read back by a parser of it."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ovbench.common.printable import one_line
from ovbench.coordinator.report.markdown.markup import MOST, block, bullets, code, document, escaped, folded, table

PARSER = MarkdownIt("commonmark").enable("table")
WORDS = st.text(st.sampled_from("ab1 |`*_[]<>&#@~\\!-:.("), max_size=20)


def seen(markdown: str) -> str:
    """What a reader sees of it."""
    drawn = re.sub(r"<!--.*?-->", "", PARSER.render(markdown))
    return html.unescape(re.sub(r"<[^>]*>", "", drawn)).strip()


@given(WORDS)
def test_a_text_is_seen_as_it_is_in_a_list(text: str) -> None:
    assert " ".join(seen(bullets([f"x {escaped(text)}"])).split()) == f"x {' '.join(text.split())}".strip()


@given(WORDS)
def test_a_text_is_seen_as_it_is_in_a_table(text: str) -> None:
    drawn = PARSER.render(table(("a", "b"), [(f"x {escaped(text)}", "y")]))
    (first, second) = re.findall(r"<td[^>]*>(.*?)</td>", drawn)
    assert " ".join(html.unescape(re.sub(r"<[^>]*>", "", first)).split()) == f"x {' '.join(text.split())}".strip()
    assert second == "y"


@given(WORDS.filter(lambda text: text.strip() == text != "" and "\\|" not in text))
def test_code_is_seen_as_it_is(text: str) -> None:
    drawn = PARSER.render(table(("a", "b"), [(f"x {code(text)}", "y")]))
    found = re.search(r"x <code>(.*?)</code></td>", drawn)
    assert found is not None
    assert html.unescape(found[1]) == text


def test_nobody_is_notified_and_no_issue_is_linked() -> None:
    assert escaped("me@host and @team, #12") == "me@<!-- -->host and @<!-- -->team, #<!-- -->12"


def test_orders_to_a_terminal_are_escaped() -> None:
    assert "\x1b" not in escaped("\x1b[31mred")
    assert seen(escaped("a\x1bb")) == one_line("a\x1bb")


@pytest.mark.parametrize("text", ["a", "a\n```\nb", "a ```` b"])
def test_a_block_holds_any_text(text: str) -> None:
    assert html.unescape(PARSER.render(block(text, "sh"))) == f'<pre><code class="language-sh">{text}\n</code></pre>\n'


def test_a_table_has_numbers_flush_right_and_words_flush_left() -> None:
    assert table(("a", "b", "c"), [("1", "2", "3")], words=1) == "| a | b | c |\n| :-- | --: | :-- |\n| 1 | 2 | 3 |"


def test_what_is_empty_leaves_no_gap() -> None:
    assert document(["a", "", "b"], "x") == "a\n\nb\n"
    assert folded("x", "y") == "<details><summary>x</summary>\n\ny\n\n</details>"


NOTE = "**Cut to the length of a comment**; more in `answer.json`"


def test_what_is_as_long_as_a_comment_may_be_is_whole() -> None:
    parts = ["a" * 100, folded("x", "b" * (MOST - 200))]
    parts.append("c" * (MOST - len(document([*parts, "c"], "x")) + 1))
    assert len(document(parts, "x")) == MOST
    assert document(parts, "x") == "\n\n".join(parts) + "\n"
    parts[0] += "a"
    assert document(parts, "`answer.json`") == f"{parts[0]}\n\n{parts[2]}\n\n{NOTE}\n"


def test_the_longest_folded_part_is_cut_first_and_whole() -> None:
    short, long = folded("short", "s" * 20_000), folded("long", "l" * 40_000)
    shown = table(("a", "b"), [("r" * 98, "1")] * 200)
    text = document(["### Title", short, shown, long, "end"], "`answer.json`")
    assert text == "\n\n".join(["### Title", short, shown, "end", NOTE]) + "\n"


def test_then_the_last_rows_of_tables_are_cut() -> None:
    first = table(("a", "b"), [(f"first {number} {'x' * 90}", "1") for number in range(300)])
    last = table(("a", "b"), [(f"last {number} {'x' * 90}", "1") for number in range(600)])
    listed = bullets(["y" * 90] * 100)
    text = document(["### Title", first, last, listed, folded("x", "z")], "`answer.json`")
    assert MOST - 120 < len(text) <= MOST
    assert first in text
    assert listed in text
    rows = [line for line in text.splitlines() if line.startswith("| last")]
    assert rows == last.splitlines()[2 : 2 + len(rows)]
    assert text.endswith(f"{NOTE}\n")


def test_a_table_without_rows_is_left_out() -> None:
    text = document(["### Title", table(("a", "b"), [("x" * MOST, "1")]), "end"], "`answer.json`")
    assert text == f"### Title\n\nend\n\n{NOTE}\n"


@given(
    st.lists(
        st.builds(
            lambda kind, lines, width: kind(["w" * width] * lines),
            st.sampled_from(
                [
                    bullets,
                    "".join,
                    lambda lines: table(("a",), [[line] for line in lines]),
                    lambda lines: folded("x", lines[0]),
                ]
            ),
            st.integers(1, 300),
            st.integers(1, 40_000),
        ),
        max_size=8,
    )
)
def test_it_is_never_longer_whatever_is_in_it(parts: list[str]) -> None:
    text = document(parts, "`answer.json`")
    assert len(text) <= MOST
    assert text.endswith(f"{NOTE}\n") == (len("\n\n".join(parts)) + 1 > MOST)
