"""Whether a run is at a rate, by its flags, as it is by the request that they make."""

import pytest

from ovbench.coordinator.request.commandline import parse_run
from ovbench.coordinator.study.atrate import rate_flag


@pytest.mark.parametrize(
    ("words", "flag"),
    [
        ("--rate 100", "--rate"),
        ("-max_irate 100", "-max_irate"),
        ("--stages 1s:100", "--stages"),
        ("--arrivals poisson --rate 5", "--rate"),
        ("--scenario server --rate 100 --slo-ms 15", "--rate"),
        ("--scenario offline", ""),
        ("-nstreams 2", ""),
    ],
)
def test_a_run_is_at_a_rate_by_the_flag_that_makes_it_so(words: str, flag: str) -> None:
    argv = ["-m", "builtin:tiny", *words.split()]
    assert rate_flag(argv) == flag
    assert parse_run(argv).at_rate is bool(flag)
