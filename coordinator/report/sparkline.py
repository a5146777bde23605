"""The course of a number in one line of a terminal, however long it lasts. Pure."""

from collections.abc import Sequence
from typing import Final

_MARKS: Final = "▁▂▃▄▅▆▇█"
_MOST: Final = 40


class Course:
    """Numbers in the order in which they were seen. Of more than fit, two beside each other become the larger of them,
    so that memory is bounded and no peak is lost."""

    def __init__(self) -> None:
        self._highest: list[int] = []
        self._each = 1
        self._of_last = 0

    def add(self, number: int) -> None:
        if self._highest and self._of_last < self._each:
            self._highest[-1] = max(self._highest[-1], number)
            self._of_last += 1
            return
        if len(self._highest) == _MOST:
            pairs = zip(self._highest[::2], self._highest[1::2], strict=True)
            self._highest = [max(pair) for pair in pairs]
            self._each *= 2
        self._highest.append(number)
        self._of_last = 1

    def __str__(self) -> str:
        return sparkline(self._highest)


def sparkline(numbers: Sequence[int]) -> str:
    """A mark for each, from 0 to the largest of them."""
    top = max(numbers, default=0)
    return "".join(_MARKS[number * (len(_MARKS) - 1) // top if top else 0] for number in numbers)


def spark(numbers: Sequence[int]) -> str:
    """A mark for each, from 0 to the largest of them; where there is none, there is no mark."""
    top = max(numbers, default=0)
    return "".join(_MARKS[-(-number * len(_MARKS) // top) - 1] if number else " " for number in numbers)
