"""Names and messages that others chose, as a terminal may show them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.printable import one_line, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("модель.xml", "модель.xml"),
        ("\x1b[2J\x1b]0;title\x07", r"\x1b[2J\x1b]0;title\x07"),
        ("\x9b31m", r"\x9b31m"),
        ("a\rb\x08\x7f", r"a\x0db\x08\x7f"),
        ("exe\u202egnp.xml", r"exe\u202egnp.xml"),
        ("\u2066a\u2069", r"\u2066a\u2069"),
        ("\udcff.bin", r"\udcff.bin"),
        ("a\tb\nc", "a\tb\nc"),
        ("семья 👩‍👧", "семья 👩‍👧"),
    ],
)
def test_orders_to_a_terminal_are_shown_and_not_given(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert one_line(text) == shown.replace("\n", r"\n")


@given(st.text())
def test_nothing_that_is_left_is_an_order(text: str) -> None:
    shown = printable(text)
    assert [one for one in shown if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") and one not in "\t\n"] == []
    assert [one for one in shown if unicodedata.bidirectional(one) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI")] == []
    assert printable(shown) == shown
