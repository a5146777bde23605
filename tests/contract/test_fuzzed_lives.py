"""Whatever an agent says, a report comes of the run, and the agents that are right are in it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzzedlives import KINDS, Change, survived

numbers = st.integers(0, 1 << 16)
changes = st.lists(
    st.builds(Change, numbers, numbers, numbers, whole=st.sampled_from([False] * 7 + [True])), max_size=6
)


@pytest.mark.parametrize("kind", sorted({*range(0, KINDS, 7), *range(5, KINDS, 6)}))
def test_a_life_without_changes_is_right(kind: int) -> None:
    assert survived([], kind) == ""


@settings(max_examples=25, deadline=None)
@given(changes=changes, kind=st.integers(0, KINDS - 1))
def test_a_fuzzed_life_costs_its_agent_its_place_at_the_most(changes: list[Change], kind: int) -> None:
    assert survived(changes, kind) == ""
