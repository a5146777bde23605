"""What is shown while other hosts are awaited: a line that is renewed on a terminal, else a line now and then."""

from typing import Final

from rich.live import Live
from rich.text import Text

from ovbench.common.clock import NS_PER_S
from ovbench.common.printable import one_line

from ..session.events import Event, HostsAwaited
from .console import SteadyConsole, renews
from .steps import joining_line

_PATIENCE_NS: Final = 2 * NS_PER_S
_AGAIN_NS: Final = 5 * NS_PER_S


class JoinScreen:
    """A sink for `HostsAwaited`, and where launchers say what they do."""

    def __init__(self, console: SteadyConsole) -> None:
        self._console = console
        self._live: Live | None = None
        self._next_ns: int | None = None

    def say(self, line: str) -> None:
        self._end_live()
        self._console.print(Text(one_line(line)), highlight=False, soft_wrap=True)

    def handle(self, event: Event) -> None:
        if not isinstance(event, HostsAwaited):
            return
        # The loop that tells of it is the one that hosts rely on: it must not wait for a terminal.
        self._console.detach()
        if not event.missing:
            self.close()
        elif renews(self._console):
            self._renew(joining_line(event))
        elif self._next_ns is None:
            self._next_ns = event.at_ns + _PATIENCE_NS
        elif event.at_ns >= self._next_ns:
            self._next_ns = event.at_ns + _AGAIN_NS
            self.say(joining_line(event))

    def close(self) -> None:
        """Wait until all of it is written."""
        self._end_live()
        self._console.attach()

    def _end_live(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _renew(self, line: str) -> None:
        if self._console.behind:
            return  # a picture that comes late is worth nothing
        if self._live is None:
            self._live = Live(console=self._console, auto_refresh=False, transient=True)
            self._live.start()
        self._live.update(Text(line, "dim", overflow="ellipsis", no_wrap=True), refresh=True)
