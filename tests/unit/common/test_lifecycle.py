"""The table of states, cell by cell: what is not listed here must be refused."""

from itertools import product
from typing import get_args

import pytest

from ovbench.common.lifecycle import TABLE, IllegalMessage, State, advance
from ovbench.common.messages import AnyNotice, AnyOrder

S = State
LEGAL = {
    (S.EXPECTED, "hello"): S.EXPECTED,
    (S.EXPECTED, "prepare"): S.PREPARING,
    (S.PREPARING, "hello"): S.PREPARING,
    (S.PREPARING, "progress"): S.PREPARING,
    (S.PREPARING, "ready"): S.READY,
    (S.PREPARING, "failed"): S.FAILED,
    (S.READY, "progress"): S.READY,
    (S.READY, "warm_up"): S.WARMING,
    (S.READY, "start"): S.RUNNING,
    (S.READY, "failed"): S.FAILED,
    (S.WARMING, "progress"): S.WARMING,
    (S.WARMING, "stop"): S.WARMING,
    (S.WARMING, "warmed"): S.WARMED,
    (S.WARMING, "failed"): S.FAILED,
    (S.WARMED, "progress"): S.WARMED,
    (S.WARMED, "start"): S.RUNNING,
    (S.WARMED, "failed"): S.FAILED,
    (S.RUNNING, "progress"): S.RUNNING,
    (S.RUNNING, "tally"): S.RUNNING,
    (S.RUNNING, "counted"): S.RUNNING,
    (S.RUNNING, "end"): S.RUNNING,
    (S.RUNNING, "stop"): S.RUNNING,
    (S.RUNNING, "finished"): S.DELIVERING,
    (S.RUNNING, "failed"): S.FAILED,
    (S.DELIVERING, "progress"): S.DELIVERING,
    (S.DELIVERING, "end"): S.DELIVERING,
    (S.DELIVERING, "stop"): S.DELIVERING,
    (S.DELIVERING, "samples"): S.DELIVERING,
    (S.DELIVERING, "folded"): S.DELIVERING,
    (S.DELIVERING, "dropped"): S.DELIVERING,
    (S.DELIVERING, "layers"): S.DELIVERING,
    (S.DELIVERING, "graph"): S.DELIVERING,
    (S.DELIVERING, "delivered"): S.DELIVERED,
    (S.DELIVERING, "failed"): S.FAILED,
    (S.DELIVERED, "progress"): S.DELIVERED,
    (S.DELIVERED, "end"): S.DELIVERED,
    (S.DELIVERED, "stop"): S.DELIVERED,
    (S.DELIVERED, "again"): S.PREPARING,
    (S.FAILED, "progress"): S.FAILED,
}
TAGS = sorted(str(message.__struct_config__.tag) for message in (*get_args(AnyOrder), *get_args(AnyNotice)))
EVERY_STEP = list(product(State, TAGS))


@pytest.mark.parametrize(("state", "message"), EVERY_STEP, ids=[f"{s.value}-{m}" for s, m in EVERY_STEP])
def test_a_message_leads_where_the_table_says_or_is_refused(state: State, message: str) -> None:
    if (state, message) in LEGAL:
        assert advance(state, message) is LEGAL[state, message]
    else:
        with pytest.raises(IllegalMessage, match=message):
            advance(state, message)


def test_the_table_speaks_only_of_messages_that_exist() -> None:
    assert {message for row in TABLE.values() for message in row} <= set(TAGS)


def test_every_state_has_a_row() -> None:
    assert set(TABLE) == set(State)


def test_only_the_last_states_have_ended() -> None:
    assert {state for state in State if state.ended} == {S.DELIVERED, S.FAILED, S.LOST}


@pytest.mark.parametrize("state", [state for state in State if state.ended])
def test_nothing_but_another_load_leads_out_of_a_state_that_has_ended(state: State) -> None:
    assert {after for message, after in TABLE[state].items() if message != "again"} <= {state}


@pytest.mark.parametrize("state", [s for s in State if not s.ended and s is not S.EXPECTED])
def test_an_agent_that_works_may_fail_and_may_always_send_heartbeats(state: State) -> None:
    assert advance(state, "failed") is S.FAILED
    assert advance(state, "progress") is state


def test_a_message_that_does_not_exist_is_refused() -> None:
    with pytest.raises(IllegalMessage):
        advance(S.RUNNING, "no such message")
