"""The widest instructions of a CPU, from what the kernel says of it."""

from pathlib import Path

import pytest

from ovbench.agent.host.isa import isa_of, read_isa


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("fpu sse4_1 sse4_2 avx f16c fma avx2", "avx2"),
        ("sse4_1 avx avx2 avx_vnni", "avx2_vnni"),
        ("avx2 avx512f avx512dq avx512cd avx512bw avx512vl", "avx512_core"),
        ("avx2 avx512f avx512dq avx512cd avx512bw avx512vl avx512_vnni", "avx512_core_vnni"),
        ("avx2 avx512f avx512dq avx512bw avx512vl avx512_bf16 avx512_vnni", "avx512_core_bf16"),
        (
            "avx512f avx512dq avx512bw avx512vl avx512_bf16 avx512_vnni avx512_fp16 amx_bf16 amx_tile amx_int8",
            "avx512_core_amx",
        ),
        ("avx512f avx2", "avx2"),
        ("fpu mmx", ""),
    ],
)
def test_the_level_is_the_highest_of_which_a_cpu_has_all(flags: str, name: str) -> None:
    assert isa_of(f"processor\t: 0\nmodel name\t: A CPU\nflags\t\t: {flags}\nvmx flags\t: sve\n") == name


def test_arm_names_its_flags_otherwise() -> None:
    assert isa_of("processor\t: 0\nFeatures\t: fp asimd evtstrm sve\n") == "sve"


def test_of_a_host_that_does_not_say_nothing_is_known(tmp_path: Path) -> None:
    assert (read_isa(tmp_path), isa_of("")) == ("", "")
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/cpuinfo").write_text("flags : avx2\n")
    assert read_isa(tmp_path) == "avx2"
