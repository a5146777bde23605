"""Lists of CPUs, read and written."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ovbench.common.cpulist import format_cpu_list, parse_cpu_list, read_cpu_list


@pytest.mark.parametrize(
    ("text", "cpus"),
    [
        ("0-3,8,10-11\n", (0, 1, 2, 3, 8, 10, 11)),
        ("", ()),
        ("\n", ()),
        ("7", (7,)),
        ("3,1-2", (1, 2, 3)),
        ("1,1-2,2", (1, 2)),
    ],
)
def test_a_cpu_list_is_read_as_the_kernel_writes_it(text: str, cpus: tuple[int, ...]) -> None:
    assert parse_cpu_list(text) == cpus


@pytest.mark.parametrize("text", ["a", "1-", "-1", "1-2-3", "0x1", "1;2"])
def test_what_is_no_cpu_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        parse_cpu_list(text)


def test_a_list_that_no_machine_has_is_refused_before_it_fills_the_memory() -> None:
    with pytest.raises(ValueError, match="more than a machine has"):
        parse_cpu_list("0-99999999999")


@pytest.mark.parametrize("text", [None, "", "-1", "none"])
def test_a_file_that_is_missing_or_has_no_list_has_no_cpus(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "online").write_text(text)
    assert read_cpu_list(tmp_path / "online") == ()


@settings(max_examples=100, deadline=None)
@given(cpus=st.sets(st.integers(0, 300)))
def test_a_cpu_list_comes_back_as_it_was_written(cpus: set[int]) -> None:
    text = format_cpu_list(tuple(cpus))
    assert parse_cpu_list(text) == tuple(sorted(cpus))


def test_a_cpu_list_is_written_in_the_fewest_spans() -> None:
    assert format_cpu_list((11, 0, 1, 2, 3, 8, 10)) == "0-3,8,10-11"
    assert format_cpu_list(()) == ""
