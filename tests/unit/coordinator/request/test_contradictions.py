"""Flags that make no sense together, and those that only seem so."""

from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.common.job import EVERY_INPUT
from ovbench.common.shape import static_shape
from ovbench.coordinator.request.commandline import parse_run
from tests.builders import request


def complaint(*argv: str) -> str:
    with pytest.raises(UsageError) as refused:
        parse_run(argv)
    return str(refused.value)


@pytest.mark.parametrize(
    "flag", ["-ip u8", "-op f32", "-iop a:u8", "--mean_values [1]", "--scale_values [2]", "-b 2", "-shape [2]"]
)
def test_a_model_that_is_compiled_is_not_changed_any_more(flag: str, tmp_path: Path) -> None:
    file = tmp_path / "model.blob"
    file.write_bytes(b"compiled")
    said = complaint("-m", str(file), *flag.split())
    assert said.startswith(flag.split()[0])
    assert "compiled already" in said


def test_a_number_of_inferences_leaves_nothing_to_wait_for() -> None:
    said = complaint("-niter", "100", "--until", "p99±3%")
    assert said.startswith("-niter 100 and --until 'p99 +-3%' contradict each other")


def test_stages_are_not_cut_short() -> None:
    said = complaint("--stages", "10s:100,10s:200", "--until", "p99±3%")
    assert said.startswith("--until 'p99 +-3%' and --stages contradict each other")


def test_a_latency_of_which_some_are_dropped_is_not_waited_for() -> None:
    said = complaint("--rate", "100", "--timeout-ms", "20", "--until", "p99±3%")
    assert said.startswith("--timeout-ms 20 and --until 'p99 +-3%' contradict each other")
    assert request("--rate", "100", "--timeout-ms", "20", "--until", "fps±3%").until is not None


def test_a_model_that_is_compiled_has_layouts_and_data_of_its_own_shapes(tmp_path: Path) -> None:
    file = tmp_path / "model.blob"
    file.write_bytes(b"compiled")
    parsed = request("-m", str(file), "-data_shape", "[1,8]", "-layout", "NC", "-lfile")
    assert parsed.model.data_shapes == {EVERY_INPUT: (static_shape((1, 8)),)}


def test_more_requests_than_iterations_are_no_matter_where_the_time_counts_or_the_load_is_asynchronous() -> None:
    assert request("-api", "sync", "-niter", "2", "-nireq", "4", "-t", "1").runtime.requests == 4
    assert request("-api", "async", "-niter", "2", "-nireq", "4").runtime.requests == 4
    assert request("-api", "sync", "-niter", "0", "-nireq", "4").runtime.requests == 4
