import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.shares import round_up, share

quick = settings(max_examples=100, deadline=None)


@quick
@given(total=st.integers(0, 10**12), parts=st.integers(1, 500))
def test_shares_add_up_and_differ_by_one_at_most(total: int, parts: int) -> None:
    shares = [share(total, parts, index) for index in range(parts)]
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1


def test_earlier_parts_take_the_remainder() -> None:
    assert [share(11, 4, index) for index in range(4)] == [3, 3, 3, 2]


@pytest.mark.parametrize("index", [-1, 4])
def test_a_part_that_does_not_exist_has_no_share(index: int) -> None:
    with pytest.raises(ValueError, match="of 4"):
        share(11, 4, index)


@quick
@given(count=st.integers(0, 10**12), multiple=st.integers(1, 10**6))
def test_rounding_up_gives_the_nearest_multiple_that_is_not_below(count: int, multiple: int) -> None:
    rounded = round_up(count, multiple)
    assert rounded % multiple == 0
    assert count <= rounded < count + multiple
