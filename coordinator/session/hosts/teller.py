"""What is waited for, told several times a second, however often the one who waits looks. Pure."""

from collections.abc import Callable, Sequence
from typing import Final

from ovbench.common.clock import NS_PER_S
from ovbench.common.endpoint import tcp_endpoint

from ..events import Event, FilesUnderWay, HostsAwaited, Sink
from .host import Host
from .supply import Supply

_APART_NS: Final = NS_PER_S // 5


def teller(sink: Sink | None) -> Callable[[Event], None]:
    """Hands a sink those events that are far enough apart, and the one after which nothing is missing."""
    last_ns: int | None = None

    def tell(event: Event) -> None:
        nonlocal last_ns
        over = isinstance(event, HostsAwaited | FilesUnderWay) and not event.missing
        if sink is not None and (over or last_ns is None or event.at_ns - last_ns >= _APART_NS):
            last_ns = event.at_ns
            sink.handle(event)

    return tell


def hosts_awaited(hosts: Sequence[Host], now_ns: int) -> HostsAwaited:
    return HostsAwaited(now_ns, len(hosts), tuple(host.name for host in hosts if host.present is None))


def files_under_way(hosts: Sequence[Host], supply: Supply, now_ns: int) -> FilesUnderWay:
    missing = tuple(host.name for host in hosts if not supply.has_files(host.index))
    return FilesUnderWay(now_ns, len(hosts), missing, sum(supply.took_bytes(host.index) for host in hosts))


def not_joined(host: Host, timeout_s: float, address: tuple[str, int]) -> str:
    """What is wrong with one that did not come to that address, and what to try."""
    return (
        f"host {host.name}: its supervisor did not join within {timeout_s:g} s; see that it can reach "
        f"{tcp_endpoint(*address)}, or give it longer with --join-timeout"
    )
