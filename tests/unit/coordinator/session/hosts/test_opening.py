"""Where hosts are told to connect."""

import pytest

from ovbench.coordinator.session.hosts.opening import advertised


@pytest.mark.parametrize(
    ("address", "advertise", "endpoint"),
    [
        (("10.0.0.1", 5555), None, "tcp://10.0.0.1:5555"),
        (("fd00::7", 5555), None, "tcp://[fd00::7]:5555"),
        (("10.0.0.1", 5555), "gate.example", "tcp://gate.example:5555"),
        (("10.0.0.1", 5555), "gate.example:80", "tcp://gate.example:80"),
        (("10.0.0.1", 5555), "[fd00::7]", "tcp://[fd00::7]:5555"),
        (("10.0.0.1", 5555), "[fd00::7]:80", "tcp://[fd00::7]:80"),
    ],
)
def test_hosts_connect_to_what_is_advertised_else_to_what_is_bound(
    address: tuple[str, int], advertise: str | None, endpoint: str
) -> None:
    assert advertised(address, advertise) == endpoint
