from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ovbench.common.errors import UsageError
from ovbench.coordinator.request.hosts import HostSpec, format_hosts, parse_hosts, parse_hosts_file
from ovbench.coordinator.request.hostsfile import read_hosts_file

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True)
ADDRESSES = st.one_of(NAMES, st.ip_addresses(v=4).map(str), st.ip_addresses(v=6).map(str))
PORTS = st.none() | st.integers(1, 65_535)


@st.composite
def hosts(draw: st.DrawFn) -> HostSpec:
    address, port = draw(ADDRESSES), draw(PORTS)
    name = address if port is None else f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    user = draw(st.none() | st.from_regex(r"[a-z_][a-z0-9_-]{0,10}[a-z0-9]", fullmatch=True))
    return HostSpec(name, address, user, port, draw(st.none() | st.integers(1, 4096)))


def test_hosts_are_named_by_their_addresses() -> None:
    assert parse_hosts("--hosts", "a, b=4,user@c:2222") == (
        HostSpec("a", "a"),
        HostSpec("b", "b", agents=4),
        HostSpec("c:2222", "c", "user", 2222),
    )


def test_an_ipv6_address_stands_in_brackets_where_it_has_a_port() -> None:
    assert parse_hosts("--hosts", "::1,[fe80::1%eth0],me@[::1]:2222=2") == (
        HostSpec("::1", "::1"),
        HostSpec("fe80::1%eth0", "fe80::1%eth0"),
        HostSpec("[::1]:2222", "::1", "me", 2222, 2),
    )


def test_a_file_has_lines_and_comments() -> None:
    text = "# the first rack\na\n\n  b=4  # has more cores\nuser@c:2222, d\n"
    assert [host.name for host in parse_hosts_file("--hosts-file f", text)] == ["a", "b", "c:2222", "d"]


@given(st.lists(hosts(), min_size=1, max_size=8, unique_by=lambda host: host.name))
def test_what_is_formatted_is_parsed_back(some: list[HostSpec]) -> None:
    assert parse_hosts("--hosts", format_hosts(tuple(some))) == tuple(some)


@given(st.text(max_size=60))
def test_any_text_is_hosts_or_one_sentence(text: str) -> None:
    """And nothing that ssh could take for an option or a shell for more than a word."""
    try:
        found = parse_hosts("--hosts", text)
    except UsageError:
        return
    for host in found:
        assert not host.address.startswith("-")
        assert host.user is None or not host.user.startswith("-")
        assert not set(host.address) & set(" ;&|<>()$`\"'\\\n")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a host is empty, as between two commas"),
        ("a,,b", "a host is empty, as between two commas"),
        ("a,b,A=2", "'A' is there twice; name each host once, with more agents as in A=8"),
        ("a:1,a:1", "'a:1' is there twice"),
        ("-oProxyCommand=x", "'-oProxyCommand=x' is not a host"),
        ("-l@a", "'-l' is not the name of a user"),
        ("@a", "'' is not the name of a user"),
        ("a b", "'a b' is not a host"),
        ("a=0", "'0' is not a number of agents from 1 to 4096"),
        ("a=", "'' is not a number of agents from 1 to 4096"),
        ("a=4=5", "'4=5' is not a number of agents from 1 to 4096"),
        ("a:ssh", "'ssh' is not a port from 1 to 65535"),
        ("a:70000", "'70000' is not a port from 1 to 65535"),
        ("a:", "'' is not a port from 1 to 65535"),
        ("1::2::3", "'1::2::3' is not a host"),
        ("[::1", "'[::1' is not a host"),
        ("[::1]22", "'[::1]22' is not a host"),
        ("[a]", "'[a]' is not a host"),
        ("http://a", "'//a' is not a port"),
        ("a slots=4", "'a slots=4' is how MPI writes it; write a=4 for 4 agents"),
    ],
)
def test_nonsense_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_hosts("--hosts", text)
    assert str(refused.value).startswith("--hosts: ")
    assert sentence in str(refused.value)


def test_a_line_of_a_file_is_named_by_its_number() -> None:
    with pytest.raises(UsageError, match=r"^--hosts-file f: line 3: 'b!' is not a host"):
        parse_hosts_file("--hosts-file f", "a\n# comment\nb!\n")


def test_a_file_without_hosts_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^--hosts-file f: it names no host"):
        parse_hosts_file("--hosts-file f", "# nothing\n\n")


def test_more_hosts_than_a_run_may_have_are_refused() -> None:
    with pytest.raises(UsageError, match="these are 1025 hosts; a run may have 1024"):
        parse_hosts("--hosts", ",".join(f"node{number}" for number in range(1025)))


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--hosts-file /no/such: the file cannot be read: No such file"):
        read_hosts_file("/no/such")
    with pytest.raises(UsageError, match=r"the file cannot be read: Is a directory"):
        read_hosts_file(str(tmp_path))
