import pytest

from ovbench.coordinator.launch.couriers import Ended
from ovbench.coordinator.launch.sshcommand import Ssh
from ovbench.coordinator.launch.sshfailure import how_ended
from ovbench.coordinator.request.hosts import HostSpec

CHANGED = """\
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
Offending ED25519 key in /home/me/.ssh/known_hosts:1
remove with:
ssh-keygen -f "/home/me/.ssh/known_hosts" -R "[c]:2222"
Host key for [c]:2222 has changed and you have requested strict checking.
Host key verification failed."""


def how(said: str, status: int = 255, reached: bool = False, python: str | None = None, killed_by: str = "") -> str:
    host = HostSpec("c:2222", "c", "me", 2222)
    return how_ended(Ended(status, reached, tuple(said.split("\n")), killed_by), host, Ssh(), python)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "ssh: Could not resolve hostname c: Name or service not known",
            "there is no such host: Name or service not known; check its name, or describe it in ~/.ssh/config",
        ),
        (
            "ssh: connect to host c port 2222: Connection refused",
            "connection refused at port 2222: no sshd listens there; give its port, as in c:2222",
        ),
        (
            "ssh: connect to host c port 2222: No route to host",
            "it cannot be reached at port 2222: No route to host; is it up, and does its firewall let ssh in?",
        ),
        (
            "ssh: connect to host c port 2222: Connection timed out",
            "it cannot be reached at port 2222: Connection timed out; is it up, and does its firewall let ssh in?",
        ),
        (
            "Host key verification failed.",
            "its host key is not known here; run: ssh -p 2222 -l me c true, and compare the fingerprint before you "
            "say yes",
        ),
        (
            "No ED25519 host key is known for c and you have requested strict checking.\nHost key verification failed.",
            "its host key is not known here; run: ssh -o StrictHostKeyChecking=ask -p 2222 -l me c true, and compare "
            "the fingerprint before you say yes",
        ),
        (
            CHANGED,
            "its host key is not the one that is known: somebody else may be answering; if it was really changed, run: "
            'ssh-keygen -f "/home/me/.ssh/known_hosts" -R "[c]:2222"',
        ),
        (
            "Welcome to c\nme@c: Permission denied (publickey,password).",
            "permission denied (publickey,password) for me@c: a key has to let you in without a question; run "
            "ssh-copy-id or ssh-add, then try: ssh -p 2222 -l me c true",
        ),
        (
            "Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures",
            "it saw too many keys before the right one; give the host IdentityFile and IdentitiesOnly yes in "
            "~/.ssh/config",
        ),
        (
            "kex_exchange_identification: read: Connection reset by peer\nConnection reset by 10.0.0.1 port 22",
            "it closed the connection before any login (read: Connection reset by peer); it may allow few at once "
            "(MaxStartups) or not this address; try: ssh -p 2222 -l me c true",
        ),
        ("something new", "ssh could not connect: something new"),
        ("", "ssh could not connect: it gave no reason"),
    ],
)
def test_what_kept_ssh_from_the_host_is_said_with_what_to_try(said: str, words: str) -> None:
    assert how(said) == words


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ("This account is currently not available.", 1, "its shell could not be used: This account is currently not"),
        ("no such Python: /opt/x", 127, "there is no such Python: /opt/x; name a Python there"),
        ("no such Python: python3", 127, "there is no Python 3.11 or newer on its PATH; install one there"),
        ("too old a Python: /usr/bin/python3", 127, "/usr/bin/python3 is older than Python 3.11; name a newer one"),
        ("ssh: No such file or directory", 127, "there is no ssh here; install OpenSSH's client"),
    ],
)
def test_a_host_that_was_reached_without_a_python_says_so(said: str, status: int, words: str) -> None:
    assert how(said, status).startswith(words)


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ("/usr/bin/python3: No module named 'ovbench'", 1, "the Python there has no ovbench; name one that has it"),
        ("ModuleNotFoundError: No module named 'ovbench.agent'", 1, "the Python there has no ovbench; name one"),
        (
            "ModuleNotFoundError: No module named 'msgspec'",
            1,
            "the ovbench there is not whole, as the Python there has no msgspec; install ovbench again, or give",
        ),
        (
            "ovbench-agent: the following arguments are required: --connect (see --help)",
            2,
            "the ovbench there is older and knows nothing of other hosts; install the same as here, or give --install",
        ),
        ("ovbench-agent: unrecognized arguments: --host (see --help)", 2, "the ovbench there is older"),
        ("ovbench-agent: it speaks protocol 1, this one 2", 2, "it speaks protocol 1, this one 2"),
        ("ovbench-agent: --join -: this is no join file", 2, "--join -: this is no join file"),
        ("MemoryError", 1, "its supervisor ended with exit code 1; its last words: MemoryError"),
        ("", 0, "its supervisor has ended"),
        ("", 255, "its supervisor was killed there"),
        ("Timeout, server c not responding.", 255, "its connection is dead: ssh has heard nothing for 15 s"),
        ("Connection to c closed by remote host.", 255, "its connection was lost: Connection to c closed by remote"),
        ("client_loop: send disconnect: Broken pipe", 255, "its connection was lost: client_loop: send disconnect"),
    ],
)
def test_how_a_supervisor_ended_is_told_from_how_its_connection_did(said: str, status: int, words: str) -> None:
    assert how(said, status, reached=True).startswith(words)


def test_a_python_that_was_named_is_named() -> None:
    assert how("No module named ovbench", 1, True, "~/venv").startswith("~/venv has no ovbench; ")


def test_ssh_itself_may_have_been_killed() -> None:
    assert how("anything", 0, True, killed_by="SIGKILL") == "its ssh was killed by SIGKILL"
