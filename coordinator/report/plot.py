"""A small plot in text: curves in braille dots, measured points on top, an axis on each side."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from rich.text import Text

_BLANK: Final = 0x2800
_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Bits of a braille character by row and column (Unicode 15.0, section 21.1)."""

_ACROSS: Final = 2
_DOWN: Final = 4


@dataclass
class Plot:
    """From 0 to `most_x` and 0 to `most_y`, both > 0, in `width` x `height` characters without the axes."""

    width: int
    height: int
    most_x: float
    most_y: float
    _bits: dict[tuple[int, int], int] = field(default_factory=dict)
    _marks: dict[tuple[int, int], str] = field(default_factory=dict)
    _styles: dict[tuple[int, int], str] = field(default_factory=dict)

    def curve(self, of: Callable[[float], float], style: str, *, from_x: float, to_x: float, every: int = 1) -> None:
        """A dot in every so many columns of dots; what is above the plot is not drawn."""
        columns, rows = self.width * _ACROSS, self.height * _DOWN
        for column in range(0, columns, every):
            x = column / (columns - 1) * self.most_x
            if from_x <= x <= to_x:
                row = rows - 1 - round(of(x) / self.most_y * (rows - 1))
                if 0 <= row < rows:
                    cell = (column // _ACROSS, row // _DOWN)
                    self._bits[cell] = self._bits.get(cell, 0) | _DOTS[row % _DOWN][column % _ACROSS]
                    self._styles[cell] = style

    def mark(self, x: float, y: float, sign: str, style: str) -> None:
        cell = (
            min(self.width - 1, round(x / self.most_x * (self.width * _ACROSS - 1)) // _ACROSS),
            self.height - 1 - min(self.height - 1, round(y / self.most_y * (self.height * _DOWN - 1)) // _DOWN),
        )
        self._marks[cell] = sign
        self._styles[cell] = style

    def lines(self, y_labels: Callable[[float], str], x_labels: Sequence[float]) -> list[Text]:
        """Labels of y at its top, middle and bottom; of x where asked for, as far as there is room."""
        labels = {
            0: y_labels(self.most_y),
            self.height // 2: y_labels(self.most_y * (1 - (self.height // 2) / (self.height - 1))),
            self.height - 1: y_labels(0.0),
        }
        margin = max(len(label) for label in labels.values())
        lines = []
        for row in range(self.height):
            line = Text(f"{labels.get(row, ''):>{margin}} {'┤' if row in labels else '│'}", "dim")
            for column in range(self.width):
                cell = (column, row)
                sign = self._marks.get(cell) or chr(_BLANK + self._bits.get(cell, 0))
                line.append(sign if cell in self._styles else " ", self._styles.get(cell, ""))
            lines.append(line)
        lines.append(Text(f"{'':>{margin}} └{'─' * self.width}", "dim"))
        lines.append(Text(f"{'':>{margin}}  {self._x_axis(x_labels)}", "dim"))
        return lines

    def _x_axis(self, labels: Sequence[float]) -> str:
        """The last label first, as the others may not take its place."""
        axis = [" "] * (self.width + 1)
        for value in (*labels[-1:], *labels[:-1]):
            text = f"{value:g}"
            middle = round(value / self.most_x * (self.width - 1))
            start = max(0, min(self.width - len(text), middle - (len(text) - 1) // 2))
            if not "".join(axis[max(0, start - 1) : start + len(text) + 1]).strip():
                axis[start : start + len(text)] = list(text)
        return "".join(axis).rstrip()
