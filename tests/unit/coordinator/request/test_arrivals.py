"""What the flags of a load at a rate mean together, and which of them contradict each other."""

from pathlib import Path
from typing import Final

import pytest

from ovbench.common.arrivals import Arrivals, Constant, Gamma, Poisson, Stage, Trace
from ovbench.common.errors import UsageError
from ovbench.common.offsets import offsets_ns
from ovbench.coordinator.request.arrivalnotation import TraceFile, stages
from ovbench.coordinator.request.arrivals import RateFlags, arrivals_of, requested

MOST: Final = 1_000_000
STAGES: Final = stages("10s:100,30s:100..500")


@pytest.fixture(autouse=True)
def _in_a_folder_with_a_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("due.csv").write_text("5\n6\n8\n")
    Path("at_once.csv").write_text("5\n5\n")


def asked(flags: RateFlags, lead_in_s: float = 0.0, most: int = MOST) -> Arrivals:
    found = arrivals_of(flags, lead_in_s, most)
    assert found is not None
    return found


def test_without_a_rate_nothing_arrives() -> None:
    assert arrivals_of(RateFlags(time_s=5, iterations=100), 1, MOST) is None


def test_a_rate_alone_is_poisson_for_the_time_that_a_run_takes() -> None:
    assert asked(RateFlags(rate=300)) == Arrivals(Poisson(), (Stage(10, 300, 300),), 0)


def test_a_rate_has_its_law_its_time_and_its_seed() -> None:
    flags = RateFlags(rate=300, law=Gamma(2), time_s=60, seed=7)
    assert asked(flags) == Arrivals(Gamma(2), (Stage(60, 300, 300),), 7)


@pytest.mark.parametrize(("rate", "time_s", "due"), [(300, 4, 1200), (0.7, 10, 7), (1e6, 0.123457, 123_457)])
def test_of_equal_gaps_as_many_are_due_as_rate_times_time(rate: float, time_s: float, due: int) -> None:
    assert len(offsets_ns(asked(RateFlags(rate=rate, law=Constant(), time_s=time_s)))) == due


@pytest.mark.parametrize("time_s", [None, 40.0])
def test_stages_have_their_own_time(time_s: float | None) -> None:
    assert asked(RateFlags(stages=STAGES, law=Constant(), time_s=time_s)) == Arrivals(Constant(), STAGES, 0)


def test_a_trace_lasts_a_mean_gap_longer_than_its_last_arrival() -> None:
    arrivals = asked(RateFlags(law=TraceFile("due.csv", 2.0)))
    assert isinstance(arrivals.law, Trace)
    assert arrivals.law.scale == 2.0
    assert (arrivals.duration_s, arrivals.expected) == (9, 3)


def test_a_trace_may_be_followed_by_silence() -> None:
    assert asked(RateFlags(law=TraceFile("due.csv"), time_s=30)).rate == pytest.approx(0.1)


def test_a_trace_of_one_instant_needs_a_time() -> None:
    assert asked(RateFlags(law=TraceFile("at_once.csv"), time_s=2)).expected == 2


TRACE: Final = TraceFile("due.csv")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (RateFlags(rate=5, stages=STAGES), "--rate 5 and --stages contradict each other"),
        (RateFlags(rate=5, law=TRACE), "--rate 5 and --arrivals trace:due.csv contradict each other: .* @SCALE"),
        (RateFlags(stages=STAGES, law=TRACE), "--stages and --arrivals trace:due.csv contradict each other"),
        (RateFlags(law=Gamma(2)), "--arrivals gamma:2 needs a rate; add --rate R, or --stages"),
        (RateFlags(seed=0), "--arrival-seed 0 is for a load at a rate"),
        (RateFlags(law=TRACE, time_s=3), "longer than -t 3 allows, with an arrival after 3 seconds; leave -t out"),
        (RateFlags(law=TRACE, iterations=3), "-niter and --arrivals trace:due.csv contradict each other"),
        (RateFlags(law=TraceFile("nowhere")), "--arrivals trace:nowhere: the file cannot be read"),
        (RateFlags(law=TraceFile("at_once.csv")), "all its arrivals at one instant, and so no length; give one with"),
        (RateFlags(stages=STAGES, iterations=3), "-niter and --stages contradict each other"),
        (RateFlags(stages=STAGES, time_s=39), "-t 39 and --stages of 40 seconds contradict each other"),
        (RateFlags(stages=stages("1s:0.5")), "--stages: less than one arrival is to be expected"),
        (RateFlags(rate=0.05), "--rate 0.05: less than one arrival is to be expected in 10 seconds; raise it"),
        (RateFlags(rate=5, iterations=0), "-niter 0 only compiles the model"),
        (
            RateFlags(rate=300, iterations=600),
            "-niter 600 and --rate 300 contradict each other: .* use -t 2 instead of",
        ),
        (RateFlags(rate=5, law=Constant(), iterations=9, time_s=1), "-niter 9 and --rate 5 contradict each other"),
    ],
    ids=str,
)
def test_what_makes_no_sense_together_is_refused(flags: RateFlags, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        arrivals_of(flags, 0, MOST)


@pytest.mark.parametrize(
    ("flags", "lower"),
    [
        (RateFlags(rate=100, law=Constant()), "1,0[0-9]+ arrivals .* room for 999; lower --rate or -t, or raise --s"),
        (RateFlags(stages=STAGES), "lower or shorten --stages"),
        (RateFlags(law=TRACE), "replay a part of the trace, or shorten --warmup"),
    ],
    ids=["rate", "stages", "trace"],
)
def test_more_arrivals_than_there_is_memory_for_are_refused(flags: RateFlags, lower: str) -> None:
    most = 2 if flags.law == TRACE else 999
    with pytest.raises(UsageError, match=lower):
        arrivals_of(flags, 0, most)


def test_arrivals_before_the_window_need_memory_too() -> None:
    flags = RateFlags(rate=100, law=Constant())
    assert asked(flags, lead_in_s=1, most=1102).expected == 1000
    with pytest.raises(UsageError, match="room for 1,101"):
        arrivals_of(flags, 1, 1101)


def test_the_report_has_what_was_asked_for() -> None:
    assert requested(asked(RateFlags(rate=300, seed=3))) == {
        "rate": 300,
        "arrivals": "poisson",
        "trace_sha256": None,
        "stages": None,
        "arrival_seed": 3,
    }
    assert requested(asked(RateFlags(stages=STAGES)))["stages"] == "10s:100,30s:100..500"
    assert requested(asked(RateFlags(stages=STAGES)))["rate"] is None


def test_the_report_has_the_file_and_the_digest_of_a_trace() -> None:
    values = requested(asked(RateFlags(law=TraceFile("due.csv", 0.5))))
    assert values["arrivals"] == f"trace:{Path.cwd() / 'due.csv'}@0.5"
    assert len(str(values["trace_sha256"])) == 64
    assert values["rate"] is None
    assert values["stages"] is None


def test_without_a_rate_the_report_has_the_same_keys() -> None:
    assert requested(None).keys() == requested(asked(RateFlags(rate=1))).keys()
    assert set(requested(None).values()) == {None}
