"""Whether an agent can do another job with the model that it has compiled."""

import pytest
from msgspec import structs

from ovbench.common.job import FileState, Job, Known, Runtime
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
