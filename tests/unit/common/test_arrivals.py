"""What a load that arrives is: its stages, its mean numbers, how it is written."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ovbench.common.arrivals import Arrivals, Constant, Gamma, Law, Poisson, Stage, Trace
from ovbench.common.offsets import offsets_ns


def trace(*due_ns: int, scale: float = 1.0) -> Trace:
    return Trace("recorded.csv", "0" * 64, struct.pack(f"={len(due_ns)}q", *due_ns), scale)


def test_stages_follow_each_other() -> None:
    arrivals = Arrivals(Poisson(), (Stage(10, 100, 100), Stage(30, 100, 500), Stage(60, 500, 500)))
    assert arrivals.duration_s == 100
    assert arrivals.edges_ns == (0, 10_000_000_000, 40_000_000_000, 100_000_000_000)
    assert arrivals.duration_ns == 100_000_000_000
    assert [int(mean) for mean in arrivals.cumulative] == [0, 1000, 10_000, 40_000]
    assert arrivals.expected == 40_000
    assert arrivals.rate == 400


def test_numbers_are_those_that_were_written_not_the_floats_nearest_to_them() -> None:
    assert 0.07 * 100 > 7
    assert Stage(0.07, 100, 100).expected == 7
    assert Arrivals(Constant(), (Stage(0.1, 1, 1),) * 3).duration_s == 0.3


def test_a_trace_has_a_mean_gap_behind_its_last_arrival() -> None:
    recorded = trace(0, 1_000_000_000, 2_000_000_000)
    assert (recorded.count, recorded.last_s, recorded.length_s) == (3, 2.0, 3.0)


@pytest.mark.parametrize("due_ns", [(0,), (0, 0, 0)])
def test_a_trace_whose_arrivals_are_all_at_once_has_no_length(due_ns: tuple[int, ...]) -> None:
    assert trace(*due_ns).length_s == 0
    assert Arrivals(trace(*due_ns), (Stage(1, 1, 1),)).most(lead_in_s=5) == len(due_ns)


def test_the_number_of_a_traces_arrivals_is_known() -> None:
    arrivals = Arrivals(trace(0, 10, 20), (Stage(10, 0.3, 0.3),))
    assert arrivals.expected == 3
    assert arrivals.rate == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Constant(), "constant"),
        (Poisson(), "poisson"),
        (Gamma(0.25), "gamma:0.25"),
        (trace(0), "trace:recorded.csv"),
        (trace(0, scale=0.5), "trace:recorded.csv@0.5"),
        (Stage(10, 100, 100), "10s:100"),
        (Stage(0.25, 0, 1234567.5), "0.25s:0..1234567.5"),
    ],
)
def test_it_is_shown_as_the_command_line_has_it(value: Law | Stage, text: str) -> None:
    assert str(value) == text


@given(
    law=some.one_of(some.just(Constant()), some.just(Poisson()), some.floats(0.05, 10).map(Gamma)),
    rate=some.floats(0.1, 2000),
    lead_in_s=some.floats(0, 2),
    seed=some.integers(0, 2**61),
)
def test_there_are_never_more_arrivals_than_the_bound(law: Law, rate: float, lead_in_s: float, seed: int) -> None:
    arrivals = Arrivals(law, (Stage(1, rate, rate),), seed)
    assert len(offsets_ns(arrivals, lead_in_s)) <= arrivals.most(lead_in_s)


def test_the_bound_is_close_where_there_are_many() -> None:
    assert Arrivals(Poisson(), (Stage(10, 1e6, 1e6),)).most(0) < 1.003e7
    assert Arrivals(Constant(), (Stage(10, 1e6, 1e6),)).most(1) <= 1.1e7 + 2
