"""What the calls raise. The text of each is one sentence, as on the command line."""

from typing import Any

from ovbench.common.errors import Unwritable as Unwritable
from ovbench.common.errors import UsageError as UsageError


class NotKept(Unwritable):
    """What was measured, or a file beside it, could not be written. `result`: the Report or the Study itself."""

    def __init__(self, text: str, result: Any) -> None:
        super().__init__(text)
        self.result = result


class Interrupted(KeyboardInterrupt):
    """Ctrl-C. `result`: the Report of what was measured until then, None where that is nothing; of a study that had
    begun the Study, with the trials that had ended."""

    def __init__(self, result: Any = None) -> None:
        super().__init__("interrupted" if result is None else "interrupted; its result is what was measured until then")
        self.result = result


class ListenerWarning(RuntimeWarning):
    """`on_event` raised, and was not called again. `result`: the Report or the Study itself, for whoever has warnings
    raised as errors."""

    def __init__(self, failure: str, result: Any) -> None:
        super().__init__(f"on_event was not called again after {failure}")
        self.result = result
