"""Texts in Markdown, read back by a parser of it."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ovbench.common.printable import one_line
from ovbench.coordinator.report.markdown.markup import block, bullets, code, document, escaped, folded, table

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
    assert document(["a", "", "b"]) == "a\n\nb\n"
    assert folded("x", "y") == "<details><summary>x</summary>\n\ny\n\n</details>"
