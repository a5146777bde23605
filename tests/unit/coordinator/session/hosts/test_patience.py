"""Who gets on has time anew."""

from ovbench.coordinator.session.hosts.patience import Patience


def test_a_host_that_gets_on_is_waited_for_and_one_that_does_not_is_not() -> None:
    patience = Patience(still_ns=10)
    assert [patience.ran_out(0, at // 8, at) for at in range(100)] == [False] * 100
    assert [patience.ran_out(1, "the same", at) for at in (0, 10, 11)] == [False, False, True]
    assert not patience.ran_out(1, "further", 12)
    assert not patience.ran_out(1, "further", 22)
    assert patience.ran_out(1, "further", 23)
