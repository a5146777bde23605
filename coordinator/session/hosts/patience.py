"""How long hosts may take over a step of which nothing is seen. Pure."""

from dataclasses import dataclass, field


@dataclass
class Patience:
    """Of one step of all hosts, in ns. A host that gets on has it anew."""

    still_ns: int
    _seen: dict[int, tuple[int, object]] = field(default_factory=dict)
    """By host: since when it is where it is, and where."""

    def ran_out(self, host: int, progress: object, now_ns: int) -> bool:
        """Whether a host has been at the same `progress` for too long; asked again and again."""
        since_ns, before = self._seen.setdefault(host, (now_ns, progress))
        if progress != before:
            self._seen[host] = (now_ns, progress)
            return False
        return now_ns - since_ns > self.still_ns
