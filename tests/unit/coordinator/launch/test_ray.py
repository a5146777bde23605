import importlib.util
import socket
from collections.abc import Iterator

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.launch.ray import RayLauncher


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray seems to be there."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """Where nobody listens."""
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        yield some.getsockname()[1]


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"needs Ray, which is not installed here; run: pip install 'ovbench\[ray\]'"):
        RayLauncher()


@pytest.mark.usefixtures("installed")
def test_ray_client_is_refused() -> None:
    with pytest.raises(UsageError, match="this is Ray Client's; run this on a node of the cluster"):
        RayLauncher("ray://head:10001")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("by", ["flag", "environment"])
def test_an_address_where_nobody_answers_is_refused_at_once(
    deaf_port: int, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"127.0.0.1:{deaf_port}"
    monkeypatch.setenv("RAY_ADDRESS", address if by == "environment" else "127.0.0.1:1")
    with pytest.raises(UsageError, match=rf"--ray-address {address}: there is no Ray cluster \(Connection refused\)"):
        RayLauncher(address if by == "flag" else "auto")
