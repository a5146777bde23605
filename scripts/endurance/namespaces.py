"""Two network namespaces joined by a pair of virtual cables, which can be cut and healed. Needs root, ip and nft."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from typing import Final

HERE: Final = "10.99.0.1"
"""The address of the first."""

_DROP: Final = """table inet cut {
  chain in { type filter hook input priority 0; policy drop; }
  chain out { type filter hook output priority 0; policy drop; }
}"""


@contextlib.contextmanager
def namespaces() -> Iterator[tuple[str, str]]:
    """Their names, for `ip netns exec`."""
    names = tuple(f"ovbench-{os.getpid()}-{side}" for side in ("here", "far"))
    ends = tuple(f"ov{os.getpid()}{side}" for side in ("h", "f"))
    try:
        for name in names:
            _ip("netns", "add", name)
        _ip("link", "add", ends[0], "netns", names[0], "type", "veth", "peer", "name", ends[1], "netns", names[1])
        for number, (name, end) in enumerate(zip(names, ends, strict=True), 1):
            _ip("-n", name, "address", "add", f"10.99.0.{number}/24", "dev", end)
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "link", "set", end, "up")
        yield names[0], names[1]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _nft(namespace: str, rules: str) -> None:
    subprocess.run(["ip", "netns", "exec", namespace, "nft", "-f", "-"], input=rules, text=True, check=True)


def cut(namespace: str) -> None:
    """Nothing comes into it or leaves it any more."""
    _nft(namespace, _DROP)


def heal(namespace: str) -> None:
    _nft(namespace, "flush ruleset")
