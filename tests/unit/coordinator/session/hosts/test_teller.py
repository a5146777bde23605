"""How often what is waited for is told."""

from dataclasses import dataclass, field

from ovbench.coordinator.session.events import Event, HostsAwaited
from ovbench.coordinator.session.hosts.teller import teller
from tests.builders import ms


@dataclass
class Kept:
    events: list[Event] = field(default_factory=list)

    def handle(self, event: Event) -> None:
        self.events.append(event)


def test_a_sink_is_told_five_times_a_second_and_at_once_when_nothing_is_missing() -> None:
    kept = Kept()
    tell = teller(kept)
    for at in range(0, 1000, 10):
        tell(HostsAwaited(ms(at), 2, ("b",)))
    tell(HostsAwaited(ms(1000.5), 2, ()))
    assert [event.at_ns for event in kept.events] == [ms(at) for at in (0, 200, 400, 600, 800, 1000.5)]


def test_where_nobody_listens_nothing_is_told() -> None:
    teller(None)(HostsAwaited(0, 2, ("b",)))
