"""Results against the first of them, whoever asks for it."""

from collections.abc import Sequence

from ovbench.common.errors import UsageError

from ..compare.comparison import Comparison, NamedRun, NamedStudy, compare_runs, compare_studies
from ..compare.conditions import with_failures
from ..compare.verdict import Condition, Verdict
from ..store.saved import Saved, SavedRun, SavedStudy


def compared(
    results: Sequence[Saved],
    conditions: Sequence[Condition] = (),
    *,
    significant: bool = False,
    within_run: bool = False,
    force: bool = False,
) -> Comparison:
    """Two or more. Raises UsageError where they cannot be compared."""
    runs = [NamedRun(one.name, one.report) for one in results if isinstance(one, SavedRun)]
    studies = [NamedStudy(one.name, one.study, one.outcomes) for one in results if isinstance(one, SavedStudy)]
    if runs and studies:
        raise UsageError(
            f"{runs[0].name} is a run and {studies[0].name} a study; compare runs with runs (a study's are in its "
            "folder trials), or studies with studies"
        )
    if runs:
        verdict = next((one.text for one in conditions if isinstance(one, Verdict)), "")
        if (significant or verdict) and not within_run:
            what = f"--fail-if {verdict}" if verdict else "--significant"
            raise UsageError(
                f"{what}: single runs know the noise within each, not what differs from run to run; compare "
                "studies with repetitions (ovbench-coord study ab), or add --within-run to go by what they know"
            )
        comparison = compare_runs(runs[0], runs[1:], force=force)
    else:
        comparison = compare_studies(studies[0], studies[1:], force=force)
    apart = next((pair for pair in comparison.others if not pair.matched), None)
    if studies and apart is not None:
        raise UsageError(
            f"{studies[0].name} and {apart.other.name} have no trial of the same setting; there is nothing to compare"
        )
    return with_failures(comparison, conditions, significant=significant)
