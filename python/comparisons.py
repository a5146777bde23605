"""What a comparison returns: what differs between results, and each figure with its change."""

from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from ovbench.coordinator.compare import comparison as record
from ovbench.coordinator.compare.change import Change
from ovbench.coordinator.compare.verdict import Condition

from .frames import frame_of


class Comparison(record.Comparison, frozen=True, dict=True):
    """Results against the first one, with the keys of `ovbench-coord compare --json`: `others`, each with `settings`,
    `environment` and `contents` that differ, and `matched` with `changes` of every figure; `failures` has what of
    `fail_if` came true."""

    @property
    def failed(self) -> bool:
        """Whether anything of `fail_if` came true or cannot be judged: exit code 4 on the command line."""
        return bool(self.failures)

    def to_frame(self) -> Any:
        """As a pandas DataFrame: a row for each result, setting and figure. Values are in the figure's unit, with which
        its name ends; `change_percent` and its 95 % interval, `change_ci95_low_percent` and `change_ci95_high_percent`,
        are in percent of the first result.

        Raises UsageError where pandas is not installed.
        """
        return frame_of([row for pair in self.others for row in _rows(pair)])

    def to_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(self))
        return found

    def to_markdown(self) -> str:
        """For a comment on a pull request, as --markdown writes it."""
        from ovbench.coordinator.report.markdown.comparison import comparison_markdown

        return comparison_markdown(self, self._conditions)

    @property
    def _conditions(self) -> tuple[Condition, ...]:
        found: tuple[Condition, ...] = self.__dict__.get("conditions", ())
        return found

    def __str__(self) -> str:
        from ovbench.coordinator.report.comparison import print_comparison
        from ovbench.coordinator.report.plaintext import plain_text

        return plain_text(lambda console: print_comparison(console, self, self._conditions))

    def __repr__(self) -> str:
        names = ", ".join(pair.other.name for pair in self.others)
        return f"<ovbench.Comparison of {names} against {self.first.name}, {len(self.failures)} failures>"

    def _repr_html_(self) -> str:
        from ovbench.coordinator.report.html.head import comparison_head

        return comparison_head(self)


def _rows(pair: record.Pair) -> list[dict[str, object]]:
    return [
        {
            "result": pair.other.name,
            **{f"set_{flag.lstrip('-').replace('-', '_')}": value for flag, value in matched.point.items()},
            "figure": change.figure,
            "first": None if change.first is None else change.first.value,
            "other": None if change.other is None else change.other.value,
            "change_percent": change.change_percent,
            "change_ci95_low_percent": _percent(change, "low"),
            "change_ci95_high_percent": _percent(change, "high"),
            "verdict": change.verdict,
        }
        for matched in pair.matched
        for change in matched.changes
    ]


def _percent(change: Change, end: Literal["low", "high"]) -> float | None:
    """Of the interval of the difference, an end in percent of the first."""
    interval, first = change.difference_ci95, change.first
    bound: float | None = None if interval is None else getattr(interval, end)
    return None if bound is None or first is None or not first.value else 100 * bound / first.value


def comparison_of(found: record.Comparison, conditions: Sequence[Condition]) -> Comparison:
    comparison = Comparison(**{name: getattr(found, name) for name in record.Comparison.__struct_fields__})
    comparison.__dict__["conditions"] = tuple(conditions)
    return comparison
