"""Hosts as the command line and files name them: `a,b=4,user@c:2222,[fd00::7]:2222`. Pure."""

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ovbench.common.bounded import MOST_AGENTS_OF_HOST, MOST_HOSTS
from ovbench.common.errors import UsageError

_NAME: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})")
_USER: Final = re.compile(r"[A-Za-z0-9_.](?:[A-Za-z0-9_.@+$\\-]{0,254}[A-Za-z0-9_.$-])?")
"""ssh's own rule is wider (`valid_ruser` in ssh.c); what a shell could take for more than a name is not needed."""

_EXAMPLE: Final = "write HOST, USER@HOST:PORT or HOST=AGENTS, as in node1,node2=4,me@node3:2222"
_SHOWN: Final = 60
"""Characters of what is not understood that a message shows."""


@dataclass(frozen=True)
class HostSpec:
    """A host as it was asked for.

    * `name`: what reports and messages call it: its address, with the port where one was given.
    * `address`: a name, also one that only ~/.ssh/config knows, or an IP address, without brackets.
    * `user`, `port`: None leaves them to ssh and its configuration.
    * `agents`: how many it is to have; None is as many as every host.
    """

    name: str
    address: str
    user: str | None = None
    port: int | None = None
    agents: int | None = None


def parse_hosts(flag: str, text: str) -> tuple[HostSpec, ...]:
    """One or more, in their order. Raises UsageError, one sentence that begins with `flag`."""
    return _checked(flag, ((flag, entry) for entry in text.split(",")))


def parse_hosts_file(flag: str, text: str) -> tuple[HostSpec, ...]:
    """As `parse_hosts`, a line at a time; `#` begins a comment. `flag`: with the file's name."""
    return _checked(flag, _entries(flag, text))


def format_hosts(hosts: tuple[HostSpec, ...]) -> str:
    """The inverse of `parse_hosts`."""
    return ",".join(map(_format, hosts))


def _entries(flag: str, text: str) -> Iterator[tuple[str, str]]:
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].strip()
        if words:
            yield from ((f"{flag}: line {number}", entry) for entry in words.removesuffix(",").split(","))


def _checked(flag: str, entries: Iterator[tuple[str, str]]) -> tuple[HostSpec, ...]:
    hosts: list[HostSpec] = []
    names: set[str] = set()
    for where, entry in entries:
        host = _host(where, entry.strip())
        if host.name.casefold() in names:
            raise UsageError(
                f"{where}: '{host.name}' is there twice; name each host once, with more agents as in {host.name}=8"
            )
        names.add(host.name.casefold())
        hosts.append(host)
    if not hosts:
        raise UsageError(f"{flag}: it names no host; {_EXAMPLE}")
    if len(hosts) > MOST_HOSTS:
        raise UsageError(f"{flag}: these are {len(hosts)} hosts; a run may have {MOST_HOSTS}")
    return tuple(hosts)


def _host(where: str, entry: str) -> HostSpec:
    if not entry:
        raise UsageError(f"{where}: a host is empty, as between two commas; {_EXAMPLE}")
    if mpi := re.fullmatch(r"(\S+)\s+(?:slots|max_slots)\s*=\s*(\d+).*", entry):
        raise UsageError(f"{where}: '{_cut(entry)}' is how MPI writes it; write {mpi[1]}={mpi[2]} for {mpi[2]} agents")
    rest, equals, agents = entry.partition("=")
    user, at, place = rest.strip().rpartition("@")
    address, port = _place(where, entry, place)
    if at and not _USER.fullmatch(user):
        raise UsageError(f"{where}: '{_cut(entry)}': '{_cut(user)}' is not the name of a user; {_EXAMPLE}")
    return HostSpec(
        name=address if port is None else f"{_bracketed(address)}:{port}",
        address=address,
        user=user if at else None,
        port=port,
        agents=_number(where, entry, "a number of agents", agents, MOST_AGENTS_OF_HOST) if equals else None,
    )


def _place(where: str, entry: str, place: str) -> tuple[str, int | None]:
    """Address and port. An IPv6 address has colons itself, so that with a port it stands in brackets."""
    if place.startswith("["):
        address, closed, after = place[1:].partition("]")
        colon, port = after[:1], after[1:]
        known = bool(closed) and colon in ("", ":") and _is_ipv6(address)
    elif place.count(":") > 1:
        address, colon, port = place, "", ""
        known = _is_ipv6(address)
    else:
        address, colon, port = place.partition(":")
        known = _NAME.fullmatch(address) is not None
    if not known:
        raise UsageError(f"{where}: '{_cut(entry)}' is not a host; {_EXAMPLE}")
    return address, _number(where, entry, "a port", port, 65_535) if colon else None


def _is_ipv6(text: str) -> bool:
    """With its zone, as in fe80::1%eth0."""
    address, percent, zone = text.partition("%")
    if percent and not re.fullmatch(r"[A-Za-z0-9._-]{1,32}", zone):
        return False
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        return False
    return True


def _number(where: str, entry: str, what: str, text: str, most: int) -> int:
    if not re.fullmatch(r"\s*[0-9]{1,9}\s*", text) or not 1 <= int(text) <= most:
        raise UsageError(f"{where}: '{_cut(entry)}': '{_cut(text)}' is not {what} from 1 to {most}")
    return int(text)


def _format(host: HostSpec) -> str:
    user = "" if host.user is None else f"{host.user}@"
    return f"{user}{host.name}" + ("" if host.agents is None else f"={host.agents}")


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
