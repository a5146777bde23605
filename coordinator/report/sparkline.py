"""The course of a number in one line of a terminal, however long it lasts. Pure."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

_MARKS: Final = "▁▂▃▄▅▆▇█"
_MOST: Final = 40


class Course:
    """Numbers in the order in which they were seen. Of more than fit, two beside each other become one of them: the
    larger, so that no peak is lost, or with `pick` of min the smaller, so that no dip is. Memory is bounded."""

    def __init__(self, pick: Callable[[Iterable[int]], int] = max) -> None:
        self._pick = pick
        self._kept: list[int] = []
        self._each = 1
        self._of_last = 0

    def add(self, number: int) -> None:
        if self._kept and self._of_last < self._each:
            self._kept[-1] = self._pick((self._kept[-1], number))
            self._of_last += 1
            return
        if len(self._kept) == _MOST:
            pairs = zip(self._kept[::2], self._kept[1::2], strict=True)
            self._kept = [self._pick(pair) for pair in pairs]
            self._each *= 2
        self._kept.append(number)
        self._of_last = 1

    def __str__(self) -> str:
        return sparkline(self._kept)


def sparkline(numbers: Sequence[int]) -> str:
    """A mark for each, from 0 to the largest of them."""
    top = max(numbers, default=0)
    return "".join(_MARKS[number * (len(_MARKS) - 1) // top if top else 0] for number in numbers)


def spark(numbers: Sequence[int]) -> str:
    """A mark for each, from 0 to the largest of them; where there is none, there is no mark."""
    top = max(numbers, default=0)
    return "".join(_MARKS[-(-number * len(_MARKS) // top) - 1] if number else " " for number in numbers)
