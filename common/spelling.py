"""What a word that nothing is called was probably meant to be. Pure."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Final

DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
"""That look like the hyphen of a flag, as in a page that was copied from."""

_LIKENESS: Final = 0.55
"""The least, as `difflib.SequenceMatcher.ratio` has it: `seed` is meant to be `order_seed`, `-q` is not to be `-t`."""


def did_you_mean(word: str, known: Iterable[str], *, most: int = 1, full: Callable[[str], str] = str) -> str:
    """The end of a sentence about `word`, `; did you mean X or Y?`, the nearest first; empty where nothing is near.

    `full`: what one of the names of the same thing is called.
    """
    near = get_close_matches(word, list(known), n=most, cutoff=_LIKENESS)
    names = dict.fromkeys(map(full, near))
    return f"; did you mean {' or '.join(names)}?" if names else ""
