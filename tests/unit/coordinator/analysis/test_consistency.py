"""Outputs of the same inputs, compared: what is the same, what may be rounding, and what cannot be compared."""

from collections.abc import Sequence
from dataclasses import replace
from math import inf, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from ovbench.common.effective import Outputs, Port
from ovbench.common.job import Load
from ovbench.common.shape import static_shape
from ovbench.coordinator.analysis.consistency import Mismatch, consistency_of
from ovbench.coordinator.checks.outputs import find_in_outputs
from ovbench.coordinator.session.record import AgentRecord
from tests.builders import delivered, effective, evidence, finished, job, made, ready

NOTHING = Outputs(repeatable=False, outputs=())


def making(
    id: int,
    before: Outputs | None,
    after: Outputs | None = None,
    *,
    precision: str = "f32",
    element_type: str = "f32",
    threads: int = 1,
) -> AgentRecord:
    """An agent that made this before the load, and after it."""
    ports = (Port(name="output", type=element_type, shape=static_shape((1, 16))),)
    running = structs.replace(effective(), precision=precision, outputs=ports, threads=threads)
    own = (id,)
    load = finished(completed=1000, cpus=own, outputs=after)
    return delivered(id, prepared=ready(running, mask=own, outputs=before), load=load)


def ordered(**load: object) -> AgentRecord:
    """An agent that was to do another load than usual, and made no outputs."""
    order = job()
    asked = {**structs.asdict(order.load), **load}
    return delivered(0, order=structs.replace(order, load=Load(**asked)))


def messages(members: Sequence[AgentRecord]) -> list[str]:
    return [finding.message for finding in find_in_outputs(evidence(members))]


def test_the_same_bits_everywhere_agree_to_the_bit() -> None:
    same = made(1.0, 2.0)
    part = consistency_of([making(0, same, same), making(1, same, same), making(2, same, same)]).part()
    assert (part.checked, part.checked_after, part.agree, part.exact, part.reason) == (3, 3, True, True, "")
    assert part.digests == {"output": same.outputs[0].digest}


@pytest.mark.parametrize(
    ("precision", "element_type", "off", "agree"),
    [
        ("f32", "f32", 0.0009, True),
        ("f32", "f32", 0.0011, False),
        ("f32", "f16", 0.019, True),
        ("bf16", "f32", 0.019, True),
        ("bf16", "f32", 0.021, False),
        ("f16", "f32", 0.019, True),
    ],
)
def test_values_may_be_as_far_apart_as_their_precision_has_it(
    precision: str, element_type: str, off: float, agree: bool
) -> None:
    first, second = made(5.0, 10.0, scale=10.0), made(5.0 + 10 * off, 10.0, scale=10.0)
    members = [making(0, first), making(1, second, precision=precision, element_type=element_type, threads=2)]
    found = consistency_of(members)
    assert (found.part().agree, found.exact) == (agree, False)
    assert len(messages(members)) == (not agree)


def test_agents_that_add_up_alike_should_make_the_same_bits() -> None:
    """As the sketch is but a part of the values, what it does not show is no error, but is told."""
    members = [making(0, made(1.0)), making(1, made(0.9995)), making(2, made(0.9995), threads=2)]
    assert consistency_of(members).part().agree is True
    (finding,) = find_in_outputs(evidence(members))
    assert finding.severity == "warning"
    assert "on agent 1 are not bit-identical to those on agent 0" in finding.message
    assert "0.05 %" in finding.message


def test_a_largest_value_that_no_sketch_shows_counts_too() -> None:
    members = [making(0, made(0.0, scale=0.9)), making(1, made(0.0, bits="another", scale=0.3), threads=2)]
    assert consistency_of(members).mismatches[0].apart == pytest.approx(0.6 / 0.9)


@settings(deadline=None)
@given(st.lists(st.floats(width=32), min_size=1, max_size=8))
def test_values_that_are_no_numbers_are_equal_to_themselves(values: list[float]) -> None:
    between = made(*values, bits="of a value between")
    found = consistency_of([making(0, made(*values)), making(1, between, threads=2)])
    assert (found.mismatches, found.exact) == ((), False)


@pytest.mark.parametrize(("one", "two"), [(1.0, nan), (inf, -inf), (inf, 1.0), (nan, inf)])
def test_a_number_on_one_side_only_is_beyond_any_tolerance(one: float, two: float) -> None:
    found = consistency_of([making(0, made(one)), making(1, made(two))])
    assert found.mismatches == (Mismatch(1, "output", inf, after=False),)


def test_elements_without_a_sketch_have_to_be_the_same_bits() -> None:
    members = [making(i, made(bits=bits), element_type="string") for i, bits in enumerate("ab")]
    assert consistency_of(members).part().agree is False
    assert "beyond comparison" in messages(members)[0]


@pytest.mark.parametrize(("threads", "agree"), [(1, False), (2, True)])
def test_integers_are_the_same_unless_rounding_may_have_made_them_others(threads: int, agree: bool) -> None:
    """As the number of a class does, of two that are equally likely, where threads add up in another order."""
    members = [making(0, made(7.0), element_type="i64"), making(1, made(8.0), element_type="i64", threads=threads)]
    assert consistency_of(members).part().agree is agree


def test_outputs_of_other_names_or_sizes_differ() -> None:
    (output,) = made(1.0).outputs
    other = Outputs(repeatable=True, outputs=(structs.replace(output, name="other"),))
    assert [found.output for found in consistency_of([making(0, made(1.0)), making(1, other)]).mismatches] == ["other"]
    assert consistency_of([making(0, made(1.0)), making(1, made(1.0, 1.0))]).part().agree is False


@pytest.mark.parametrize(
    ("element_type", "off", "severity"),
    [("f32", 0.0009, "warning"), ("f32", 0.0011, "error"), ("f16", 0.019, "warning"), ("i64", 0.0001, "error")],
)
def test_before_and_after_may_be_as_far_apart_as_two_agents(element_type: str, off: float, severity: str) -> None:
    before, after = made(1.0), made(1.0 - off)
    members = [making(i, before, (before, after)[i], element_type=element_type) for i in range(2)]
    (finding,) = find_in_outputs(evidence(members))
    assert finding.severity == severity
    assert "agent 1" in finding.message
    assert "after the load" in finding.message
    assert f"off by {'up to ' if severity == 'warning' else ''}{100 * off:.3g} %" in finding.message
    assert not consistency_of(members).exact


def test_an_agent_that_repeats_itself_no_longer_is_warned_of() -> None:
    members = [making(0, made(1.0), made(1.0)), making(1, made(1.0), made(1.0, repeatable=False))]
    found = consistency_of(members)
    assert (found.unrepeated, found.mismatches, found.exact) == ((1,), (), False)
    (finding,) = find_in_outputs(evidence(members))
    assert finding.severity == "warning"
    assert "two inferences on the same inputs gave different outputs on agent 1" in finding.message


def test_another_number_of_outputs_after_the_load_is_beyond_comparison() -> None:
    members = [making(0, made(1.0), Outputs(repeatable=True, outputs=()))]
    assert consistency_of(members).mismatches == (Mismatch(0, "output", inf, after=True),)
    members = [making(0, made(1.0)), making(1, Outputs(repeatable=True, outputs=()), made(1.0))]
    assert Mismatch(1, "output", inf, after=True) in consistency_of(members).mismatches


def test_the_agents_the_output_and_the_distance_are_named() -> None:
    members = [making(0, made(1.0)), making(1, made(0.75)), making(2, made(1.0)), making(3, made(0.5))]
    assert messages(members) == [
        "The same inputs gave different outputs on agents 1,3 than on agent 0; 'output' of agent 3 is off by 50 % of "
        "its largest value."
    ]


def test_an_agent_that_does_not_repeat_what_others_repeat_is_compared_like_them() -> None:
    steadily, once = made(1.0), made(0.5, repeatable=False)
    assert consistency_of([making(0, once), making(1, steadily), making(2, steadily)]).part().agree is False
    assert consistency_of([making(0, made(1.0, repeatable=False)), making(1, steadily)]).part().exact


def test_one_agent_is_compared_to_itself() -> None:
    part = consistency_of([making(0, made(1.0), made(1.0))]).part()
    assert (part.checked, part.agree, part.exact) == (1, True, True)
    alone = consistency_of([making(0, made(1.0))]).part()
    assert (alone.checked, alone.agree) == (0, None)
    assert "one agent" in alone.reason


def test_an_agent_that_was_lost_is_compared_by_what_it_made_before() -> None:
    part = consistency_of([making(0, made(1.0), made(1.0)), replace(making(1, made(1.0)), finished=None)]).part()
    assert (part.checked, part.checked_after, part.agree) == (2, 1, True)


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ([making(0, made(1.0, repeatable=False)), making(1, made(2.0, repeatable=False))], "random"),
        ([making(0, NOTHING), making(1, NOTHING)], "state"),
        ([making(0, Outputs(repeatable=True, outputs=()))], "no outputs"),
        ([making(0, None), making(1, None)], "too long"),
        ([ordered(iterations=0, duration_s=None)], "no inference before"),
        ([ordered(first_inference=False)], "no inference before"),
        ([delivered(0, order=structs.replace(job(), check_outputs=False))], "not asked"),
        ([replace(delivered(0), ready=None)], "no agent"),
    ],
    ids=["random", "state", "none", "too long", "compile only", "no warm-up", "not asked", "not ready"],
)
def test_what_cannot_be_compared_is_no_finding_and_has_its_reason(members: list[AgentRecord], reason: str) -> None:
    part = consistency_of(members).part()
    assert (part.checked, part.agree, part.digests) == (0, None, {})
    assert reason in part.reason
    assert messages(members) == []
