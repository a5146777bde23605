from itertools import product

import pytest

from ovbench.coordinator.stats.queueing import erlang_c
from scripts.bench import theory


@pytest.mark.parametrize(("servers", "load"), [*product((1, 2, 4, 32), (0.1, 0.5, 0.95))])
def test_erlangs_c_is_that_of_its_sum(servers: int, load: float) -> None:
    assert erlang_c(servers, load) == pytest.approx(theory.erlang_c(servers, load), rel=1e-12)


def test_of_many_servers_nothing_overflows() -> None:
    assert 0 < erlang_c(1_000, 0.99) < 1
