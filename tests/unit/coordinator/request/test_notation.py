"""Values by input, in benchmark_app's notation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.errors import UsageError
from ovbench.common.job import EVERY_INPUT
from ovbench.common.shape import OPEN, Shape, format_shape
from ovbench.coordinator.request import notation

names = st.text(st.characters(exclude_characters="[],", exclude_categories=("Cs", "Z", "C")), min_size=1, max_size=8)
lengths = st.integers(0, 999_999_999)
dimensions = (
    lengths.map(lambda n: (n, n))
    | lengths.map(lambda n: (n, OPEN))
    | st.tuples(lengths, lengths).map(lambda both: (min(both), max(both)))
)
shapes = st.lists(dimensions, max_size=5).map(tuple)
static_shapes = st.lists(lengths.map(lambda n: (n, n)), max_size=5).map(tuple)


@given(asked=st.dictionaries(names, shapes))
def test_shapes_are_read_as_they_are_written(asked: dict[str, Shape]) -> None:
    text = notation.by_input(asked, format_shape)
    assert notation.shapes("-shape", text or "") == asked


@given(asked=st.dictionaries(names, st.lists(static_shapes, min_size=1, max_size=3).map(tuple)))
def test_several_shapes_are_read_as_they_are_written(asked: dict[str, tuple[Shape, ...]]) -> None:
    text = notation.by_input(asked, notation.form_shapes)
    assert notation.data_shapes("-data_shape", text or "") == asked


@given(
    asked=st.dictionaries(
        names | st.just(EVERY_INPUT),
        st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1).map(tuple),
    )
)
def test_numbers_are_read_as_they_are_written(asked: dict[str, tuple[float, ...]]) -> None:
    text = notation.by_input(asked, notation.form_numbers)
    assert notation.means("--mean_values", text or "") == asked


@given(text=st.text("ab0123 .,:?-[]", max_size=20))
def test_any_text_is_understood_or_refused_in_one_sentence(text: str) -> None:
    for parse in (notation.shapes, notation.data_shapes, notation.layouts, notation.scales, notation.element_types):
        said = "-flag "
        try:
            parse("-flag", text)
        except UsageError as refused:
            said = str(refused)
        assert said.startswith("-flag ")


def test_a_shape_without_a_name_is_for_every_input() -> None:
    assert notation.shapes("-shape", "[1,3,?,2..4]") == {EVERY_INPUT: ((1, 1), (3, 3), (0, OPEN), (2, 4))}


def test_spaces_and_a_comma_at_the_end_do_not_matter() -> None:
    assert notation.shapes("-shape", " a[ 1, 2 ] , b[3],") == {"a": ((1, 1), (2, 2)), "b": ((3, 3),)}


def test_names_may_have_colons_and_slashes() -> None:
    assert notation.shapes("-shape", "net/input:0[1]") == {"net/input:0": ((1, 1),)}
    assert notation.element_types("-iop", "net/input:0:f16") == {"net/input:0": "f16"}


def test_empty_brackets_are_a_scalar() -> None:
    assert notation.shapes("-shape", "step[]") == {"step": ()}


@pytest.mark.parametrize("text", ["NCHW", "[NCHW]", "[N,C,H,W]", "N,C,H,W", "[nchw]", "[ N, C, H, W ]"])
def test_a_layout_is_one_however_it_is_written(text: str) -> None:
    assert notation.layouts("-layout", text) == {EVERY_INPUT: "NCHW"}


@pytest.mark.parametrize(
    ("text", "layout"),
    [("N...", "N..."), ("[N,...]", "N..."), ("[N...C]", "N...C"), ("[N?HW]", "N?HW"), ("[?,?]", "??"), ("C", "C")],
)
def test_a_layout_may_leave_dimensions_unnamed(text: str, layout: str) -> None:
    assert notation.layouts("-layout", text) == {EVERY_INPUT: layout}


def test_layouts_are_by_input_too() -> None:
    assert notation.layouts("-layout", "data[NCHW],info[N,C]") == {"data": "NCHW", "info": "NC"}


def test_numbers_for_images_may_stand_beside_those_of_one_input() -> None:
    assert notation.means("--mean_values", "[1,2,3],info[4]") == {EVERY_INPUT: (1.0, 2.0, 3.0), "info": (4.0,)}


def test_what_is_wrong_is_named_with_the_flag_and_the_whole_text() -> None:
    with pytest.raises(UsageError, match=r"^-shape a\[1\],b\[x\]: 'x' is not a dimension"):
        notation.shapes("-shape", "a[1],b[x]")
