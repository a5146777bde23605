import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.shape import (
    OPEN,
    Shape,
    ShapeError,
    fits,
    format_shape,
    is_static,
    lengths,
    parse_dimension,
    parse_shape,
    static_shape,
)

dimension = st.one_of(
    st.integers(0, 1000).map(lambda n: (n, n)),
    st.integers(0, 1000).map(lambda n: (n, OPEN)),
    st.tuples(st.integers(0, 1000), st.integers(1, 1000)).map(lambda pair: (pair[0], sum(pair))),
)
shapes = st.lists(dimension, max_size=6).map(tuple)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [("7", (7, 7)), ("0", (0, 0)), ("?", (0, OPEN)), ("-1", (0, OPEN)), (" 2..8 ", (2, 8)), ("2..", (2, OPEN)),
     ("..8", (0, 8)), ("4..4", (4, 4))],
)  # fmt: skip
def test_a_dimension_is_a_number_anything_or_a_range(text: str, meaning: tuple[int, int]) -> None:
    assert parse_dimension(text) == meaning


@pytest.mark.parametrize("text", ["", "x", "-2", "1.5", "..", "8..2", "1...2", "1,2"])
def test_what_is_no_dimension_is_refused(text: str) -> None:
    with pytest.raises(ShapeError):
        parse_dimension(text)


@pytest.mark.parametrize("text", ["[1,3,?,2..4]", "1,3,-1,2..4", " [ 1 , 3 , ? , 2 .. 4 ] "])
def test_a_shape_may_have_brackets_and_blanks(text: str) -> None:
    assert parse_shape(text) == ((1, 1), (3, 3), (0, OPEN), (2, 4))


def test_a_scalar_has_no_dimensions() -> None:
    assert parse_shape("[]") == ()
    assert format_shape(()) == "[]"


@given(shapes)
def test_what_is_written_is_read_as_it_was(shape: Shape) -> None:
    assert parse_shape(format_shape(shape)) == shape


@given(st.lists(st.integers(0, 1000), max_size=6))
def test_a_static_shape_is_its_lengths(dims: list[int]) -> None:
    shape = static_shape(dims)
    assert is_static(shape)
    assert lengths(shape) == tuple(dims)


@given(shapes, st.data())
def test_a_shape_within_the_ranges_fits_and_one_beyond_them_does_not(shape: Shape, data: st.DataObject) -> None:
    chosen = [data.draw(st.integers(low, low + 50 if high == OPEN else high)) for low, high in shape]
    assert fits(static_shape(chosen), shape)
    for place, (low, high) in enumerate(shape):
        wrong = [low - 1] if high == OPEN else [low - 1, high + 1]
        for value in wrong:
            assert not fits(static_shape([*chosen[:place], value, *chosen[place + 1 :]]), shape)


@given(shapes)
def test_a_shape_fits_itself_and_nothing_of_another_rank(shape: Shape) -> None:
    assert fits(shape, shape)
    assert not fits((*shape, (1, 1)), shape)


def test_an_open_dimension_fits_only_an_open_one() -> None:
    assert fits(((1, OPEN),), ((0, OPEN),))
    assert not fits(((1, OPEN),), ((1, 8),))
