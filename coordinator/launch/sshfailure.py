"""Why there is no supervisor under ssh, in words for the user, from what ssh and the host said last. Pure.

The texts are those of OpenSSH 7.6 to 10 (ssh.c, sshconnect.c, sshconnect2.c, packet.c, clientloop.c) and of Python.
"""

import re
from collections.abc import Callable, Sequence
from typing import Final

from ..request.hosts import HostSpec
from .couriers import Ended
from .sshcommand import ALIVE_S, Ssh
from .supervisorfailure import NO_WORD, cut, how_there, last_words

_NO_PROGRAM: Final = 127
_INSTALL: Final = "or give --install, which puts it there"


def how_ended(ended: Ended, host: HostSpec, ssh: Ssh, python: str | None) -> str:
    """One sentence that does not name the host: what happened, and what to try where that is known."""
    said = "\n".join(ended.lines)
    if ended.killed_by:
        return f"its ssh was killed by {ended.killed_by}"
    if not ended.reached:
        return _unreached(ended, said, python, host, ssh)
    return how_there(ended, python, _INSTALL) or _lost(ended, said)


def _unreached(ended: Ended, said: str, python: str | None, host: HostSpec, ssh: Ssh) -> str:
    for pattern, words in _SSHS_REASONS:
        if found := re.search(pattern, said, re.IGNORECASE):
            return words(found, host, ssh)
    if re.search("(?:no such|too old a) Python: ", said):
        return how_there(ended, python, _INSTALL)
    if ended.status == _NO_PROGRAM and "ssh: No such file" in said:
        return NO_SSH
    if ended.status == NO_WORD:
        return f"ssh could not connect: {last_words(ended) or 'it gave no reason'}"
    last = last_words(ended) or "it gave no reason"
    return f"its shell could not be used: {last}; try: {ssh.by_hand(host, 'true')}"


NO_SSH: Final = "there is no ssh here; install OpenSSH's client (Debian: apt-get install openssh-client)"


def _unknown_host(found: re.Match[str], host: HostSpec, ssh: Ssh) -> str:
    return f"there is no such host: {cut(found[1])}; check its name, or describe it in ~/.ssh/config"


def _refused(found: re.Match[str], host: HostSpec, ssh: Ssh) -> str:
    return f"connection refused at port {found[1]}: no sshd listens there; give its port, as in {host.address}:2222"


def _unreachable(found: re.Match[str], host: HostSpec, ssh: Ssh) -> str:
    return f"it cannot be reached at port {found[1]}: {cut(found[2])}; is it up, and does its firewall let ssh in?"


def _changed(found: re.Match[str], host: HostSpec, ssh: Ssh) -> str:
    removal = re.search(r"remove with:\s*\n\s*(ssh-keygen .*)", found.string)
    run = cut(removal[1]) if removal else f"ssh-keygen -R {host.address}"
    return (
        "its host key is not the one that is known: somebody else may be answering; if it was really changed, run: "
        f"{run}"
    )


def _unknown_key(found: re.Match[str], host: HostSpec, ssh: Ssh) -> str:
    strict = "you have requested strict checking" in found.string
    options = ("-o", "StrictHostKeyChecking=ask") if strict else ()
    run = ssh.by_hand(host, "true", options=options)
    return f"its host key is not known here; run: {run}, and compare the fingerprint before you say yes"


def _denied(found: re.Match[str], host: HostSpec, ssh: Ssh) -> str:
    way = ssh.by_hand(host, "true")
    return (
        f"permission denied ({cut(found[2])}) for {cut(found[1])}: a key has to let you in without a question; "
        f"run ssh-copy-id or ssh-add, then try: {way}"
    )


def _too_many_keys(found: re.Match[str], host: HostSpec, ssh: Ssh) -> str:
    return (
        "it saw too many keys before the right one; give the host IdentityFile and IdentitiesOnly yes in ~/.ssh/config"
    )


def _dropped(found: re.Match[str], host: HostSpec, ssh: Ssh) -> str:
    return (
        f"it closed the connection before any login ({cut(found[0])}); it may allow few at once (MaxStartups) or "
        f"not this address; try: {ssh.by_hand(host, 'true')}"
    )


def _configuration(found: re.Match[str], host: HostSpec, ssh: Ssh) -> str:
    return f"ssh does not take its configuration: {cut(found[1])}"


_Words = Callable[[re.Match[str], HostSpec, Ssh], str]

_SSHS_REASONS: Final[Sequence[tuple[str, _Words]]] = (
    (r"Could not resolve hostname [^:\n]*: (.*)", _unknown_host),
    (r"connect to host .* port (\d+): Connection refused", _refused),
    (r"connect to host .* port (\d+): (.*)", _unreachable),
    (r"REMOTE HOST IDENTIFICATION HAS CHANGED", _changed),
    (r"Host key verification failed", _unknown_key),
    (r"Too many authentication failures", _too_many_keys),
    (r"(\S+@\S+): Permission denied \(([^)\n]*)\)", _denied),
    (r"(Can't open user config file .*|.*Bad configuration option: .*|Bad owner or permissions on .*)", _configuration),
    (r"(?<=kex_exchange_identification: ).*|Connection (?:closed|reset) by .* port \d+", _dropped),
)


def _lost(ended: Ended, said: str) -> str:
    if re.search(r"Timeout, server .* not responding", said):
        return f"its connection is dead: ssh has heard nothing for {ALIVE_S} s"
    if found := re.search(r".*(?:closed by remote host|Broken pipe|Connection reset|Connection to .* closed).*", said):
        return f"its connection was lost: {cut(found[0])}"
    last = last_words(ended)
    return "its supervisor was killed there" + (f"; the last words from there: {last}" if last else "")
