"""What a study returns: its plan, its trials and the answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ovbench.coordinator.compare.table import rows_of_study
from ovbench.coordinator.result.study import Outcome
from ovbench.coordinator.result.study import Study as Plan
from ovbench.coordinator.store.saved import SavedStudy
from ovbench.coordinator.study.answer import Answer
from ovbench.coordinator.study.kinds.registry import kind_of

from .frames import frame_of_study, long_frame
from .reports import Report, report_of


@dataclass(frozen=True, repr=False)
class Study:
    """A study that has ended, or a saved one.

    `plan`: what study.json has. `trials`: what trials.jsonl has, every attempt in the order in which they ended;
    figures are in frames per second and ms. `answer`: what answer.json has: `headline`, `choices`, `settings` with
    means and 95 % intervals, of A against B `comparisons`. `folder`: where it is kept. `left`: why it ended before its
    plan did, and how to go on; empty where it did not.
    """

    plan: Plan
    trials: tuple[Outcome, ...]
    answer: Answer
    folder: Path
    left: str = ""

    @property
    def standing(self) -> tuple[Outcome, ...]:
        """Of each trial the attempt that counts."""
        return kind_of(self.plan).standing(self.plan, self.trials)

    def reports(self) -> dict[str, Report]:
        """Of the trials that count and have one, by trial."""
        saved = self._saved()
        runs = {outcome.trial: saved.trial(outcome) for outcome in self.standing}
        return {trial: report_of(run.report, run.folder) for trial, run in runs.items() if run is not None}

    def to_frame(self, *, long: bool = False) -> Any:
        """As a pandas DataFrame: a row for each trial that counts, a column `set_...` for each setting that is varied
        and one for each figure. `long`: a row for each trial and figure with its 95 % interval, as
        `ovbench-coord export --csv` has it, with those that only the trials' reports have.

        Raises UsageError where pandas is not installed.
        """
        if long:
            return long_frame(rows_of_study(self.plan, self.trials, dict(self.reports())))
        return frame_of_study(self.plan, self.standing)

    def to_dict(self) -> dict[str, Any]:
        """As `ovbench-coord show --json` prints it, and the answer."""
        parts = {"study": self.plan, "trials": self.trials, "answer": self.answer}
        found: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(parts))
        return found

    def to_markdown(self) -> str:
        """For a comment on a pull request, as --markdown writes it."""
        from ovbench.coordinator.report.markdown.study import study_markdown

        return study_markdown(self.plan, self.answer)

    def _saved(self) -> SavedStudy:
        return SavedStudy(str(self.folder), self.folder, self.plan, self.trials)

    def __str__(self) -> str:
        from ovbench.coordinator.report.plaintext import plain_text
        from ovbench.coordinator.report.study import print_answer

        return plain_text(lambda console: print_answer(console, self.plan, self.answer))

    def __repr__(self) -> str:
        done = len({outcome.trial for outcome in self.trials})
        return (
            f"<ovbench.Study {self.plan.kind}, {done} of {len(self.plan.trials)} trials: {self.answer.headline} "
            f"in {self.folder}>"
        )

    def _repr_html_(self) -> str:
        from ovbench.coordinator.report.html.head import study_head

        return study_head(self.plan, self.trials, self.answer)


def study_of(plan: Plan, trials: tuple[Outcome, ...], folder: Path) -> Study:
    return Study(plan, trials, kind_of(plan).conclude(plan, trials), folder)
