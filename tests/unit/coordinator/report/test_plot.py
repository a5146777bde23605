"""The plot in text: where dots, marks and labels are."""

from collections.abc import Callable, Iterator, Sequence

from ovbench.coordinator.report.plot import Plot

WIDTH, HEIGHT = 20, 6


def drawn(plot: Plot, x_labels: Sequence[float] = ()) -> list[str]:
    return [line.plain for line in plot.lines(lambda value: f"{value:.0f}", x_labels)]


def dots(lines: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Columns from the left and rows from the bottom of all braille dots, the axis left out."""
    bits = {0x01: (0, 0), 0x02: (0, 1), 0x04: (0, 2), 0x40: (0, 3), 0x08: (1, 0), 0x10: (1, 1), 0x20: (1, 2),
            0x80: (1, 3)}  # fmt: skip
    for row, line in enumerate(lines[:HEIGHT]):
        for column, sign in enumerate(line[-WIDTH:]):
            if 0x2800 <= ord(sign) <= 0x28FF:
                for bit, (x, y) in bits.items():
                    if (ord(sign) - 0x2800) & bit:
                        yield 2 * column + x, 4 * HEIGHT - 1 - (4 * row + y)


def plotted(of: Callable[[float], float]) -> list[tuple[int, int]]:
    plot = Plot(WIDTH, HEIGHT, most_x=39.0, most_y=23.0)
    plot.curve(of, "", from_x=0, to_x=39)
    return sorted(dots(drawn(plot)))


def test_a_curve_has_a_dot_in_every_column_at_its_height() -> None:
    """39 x 23 in 40 x 24 dots: each is one unit."""
    assert plotted(lambda x: 0.55 * x) == [(x, round(0.55 * x)) for x in range(40)]


def test_what_is_above_the_plot_is_not_drawn() -> None:
    assert plotted(lambda x: x) == [(x, x) for x in range(24)]


def test_a_mark_is_at_its_place_and_over_the_curve() -> None:
    plot = Plot(WIDTH, HEIGHT, most_x=39.0, most_y=23.0)
    plot.curve(lambda x: 0.0, "", from_x=0, to_x=39)
    plot.mark(0, 0, "A", "")
    plot.mark(39, 23, "B", "")
    plot.mark(20, 11, "C", "")
    lines = [line[-WIDTH:] for line in drawn(plot)[:HEIGHT]]
    assert [(row, line.index(sign)) for sign in "ABC" for row, line in enumerate(lines) if sign in line] == [
        (5, 0), (0, 19), (3, 10)
    ]  # fmt: skip


def test_the_axes_are_labelled_as_far_as_there_is_room() -> None:
    lines = drawn(Plot(WIDTH, HEIGHT, most_x=100, most_y=50), [1, 2, 50, 99, 100])
    assert lines[0].startswith("50 ┤")
    assert lines[HEIGHT - 1].startswith(" 0 ┤")
    assert lines[-1].split() == ["1", "50", "100"]
    assert max(map(len, lines)) <= WIDTH + 4
