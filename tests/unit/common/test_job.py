"""Whether an agent can do another job with the model that it has compiled; and which loads there can be."""

import pytest
from msgspec import ValidationError, convert, structs, to_builtins

from ovbench.common.job import FileState, Job, Known, Load, Pace, Runtime, Schedule, ScheduleAddress
from tests.builders import job


def on(runtime: Runtime, duration_s: float = 10.0) -> Job:
    return structs.replace(job(duration_s=duration_s), runtime=runtime)


def test_another_load_on_the_same_model_needs_no_other() -> None:
    assert on(Runtime(), duration_s=5.0).same_but_load(on(Runtime(), duration_s=10.0))
    assert not on(Runtime(streams=2)).same_but_load(on(Runtime(streams=1)))


def test_what_the_coordinator_knows_of_the_files_is_no_part_of_the_job() -> None:
    """Whether they have changed under an agent that has them is the agent's to look at."""
    told = structs.replace(on(Runtime()), known=(Known(FileState(1, 2, 3, 4, 5), "ab" * 32),))
    assert told.same_but_load(on(Runtime()))
    assert on(Runtime()).same_but_load(told)


@pytest.mark.parametrize(
    "runtime",
    [Runtime(count_layers=True), Runtime(config={"PERF_COUNT": "YES"})],
    ids=["by option", "by configuration"],
)
def test_a_model_whose_layers_are_counted_is_compiled_for_each_load(runtime: Runtime) -> None:
    """What they took is the mean over everything since then."""
    assert not on(runtime, duration_s=5.0).same_but_load(on(runtime, duration_s=10.0))


def test_a_model_whose_layers_are_not_to_be_counted_is_as_good_as_any() -> None:
    plain = Runtime(count_layers=False)
    assert on(plain, duration_s=5.0).same_but_load(on(plain, duration_s=10.0))


def test_a_load_has_one_kind_of_arrivals_and_drops_only_those_of_a_schedule() -> None:
    """Those of a pace have no number, so there is no room to note which were dropped."""
    pace = Pace(frame_period_ns=1e6)
    schedule = Schedule(ScheduleAddress(pid=1, descriptor=3, count=5, nonce="0" * 32), 0, 5, shared=True)
    span = {"api": "sync", "duration_s": 1.0, "iterations": None, "warmup_s": 0.0}
    convert({**span, "timeout_s": 0.1, "schedule": to_builtins(schedule)}, Load)
    with pytest.raises(ValidationError, match="of a pace are not dropped"):
        convert({**span, "timeout_s": 0.1, "pace": to_builtins(pace)}, Load)
    with pytest.raises(ValidationError, match="of a pace or of a schedule"):
        convert({**span, "schedule": to_builtins(schedule), "pace": to_builtins(pace)}, Load)
