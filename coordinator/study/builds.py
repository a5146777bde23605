"""Builds of OpenVINO as a study compares them: releases, or Pythons that have them. Pure."""

from collections.abc import Sequence
from typing import Final

from ovbench.common.errors import UsageError

from ..request.release import FLAG
from ..result.study import Study
from .axes import Axes

RELEASE: Final = FLAG
PYTHON: Final = "--agent-python"


def flag_of_builds(axes: Axes) -> str:
    """The flag that says what agents run on. Raises UsageError where both do."""
    given = [flag for flag in (RELEASE, PYTHON) if axes.given(flag)]
    if len(given) > 1:
        raise UsageError(f"{RELEASE} and {PYTHON} contradict each other: either names the builds; leave one out")
    return given[0] if given else RELEASE


def names_of(builds: Sequence[str]) -> dict[str, str]:
    """What each is called in sentences: a release, or as much of a Python's path as tells it from the others."""
    paths = {build: build.split("/") for build in builds}
    if len({len(words) for words in paths.values()}) > 1:
        return {build: build for build in builds}
    same = _same_end(list(paths.values()))
    short = {build: words[-1 - same] for build, words in paths.items()}
    return short if len(set(short.values())) == len(builds) else {build: build for build in builds}


def builds_of(study: Study) -> tuple[str, ...]:
    """What those of a study are called, in order; none where it compares something else."""
    builds = study.axes.get(PYTHON) or study.axes.get(RELEASE, ())
    return tuple(names_of(builds).values())


def _same_end(paths: Sequence[Sequence[str]]) -> int:
    """How many parts at their end are the same in all, as `bin/python` is."""
    count = 0
    if len(paths) > 1:
        while all(len(path) > count + 1 and path[-1 - count] == paths[0][-1 - count] for path in paths):
            count += 1
    return count
