"""The commands that read saved results, from argv to requests."""

from pathlib import Path

import pytest

from ovbench.common.errors import UsageError
from ovbench.coordinator.commands.saved import CompareResults, ExportResult, ShowResult
from ovbench.coordinator.request.options import parse
from ovbench.coordinator.request.requirement import parse_requirement
from tests.builders import request


def test_each_command_becomes_its_request() -> None:
    assert parse(["show", "a", "--json"]) == ShowResult("a", True)
    assert parse(["export", "a", "--csv", "a.csv"]) == ExportResult("a", Path("a.csv"), None)
    assert parse(["export", "a", "--hlog", "a.hlog"]) == ExportResult("a", None, Path("a.hlog"))
    wanted = ("p99 > +5%", "fps < 900")
    conditions = tuple(parse_requirement("--fail-if", text, relative=True) for text in wanted)
    argv = ["compare", "a", "b", "c", "--significant", *(word for text in wanted for word in ("--fail-if", text))]
    assert parse(argv) == CompareResults(("a", "b", "c"), conditions, True, False)


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ("show", "RESULT"),
        ("show a b", "b"),
        ("compare", "RESULT"),
        ("compare a", "nothing to compare it with"),
        ("compare a b --significant", "--significant is about --fail-if"),
        ("compare a b --within-run", "--within-run is about --significant"),
        ("compare a b --fail-if p99", "--fail-if 'p99'"),
        ("export a", "nothing to write"),
        ("export --csv a.csv", "RESULT"),
        ("shwo a", "did you mean show?"),
        (
            "benchmark",
            "the commands are compare, export, export-model, show, study, topology, or none to run a benchmark",
        ),
    ],
)
def test_a_wrong_command_is_told(argv: str, says: str) -> None:
    with pytest.raises(UsageError) as told:
        parse(argv.split())
    assert says in str(told.value)


def test_requirements_of_a_run_are_parsed_before_it_and_reported() -> None:
    found = request("--require", "fps >= 900", "--require", "p99 < 5")
    assert [requirement.figure for requirement in found.criteria.requirements] == ["fps", "p99_ms"]
    assert found.requested()["require"] == "fps >= 900; p99 < 5"
    assert request().requested()["require"] is None
    with pytest.raises(UsageError, match="--require 'fps > 5%'"):
        request("--require", "fps > 5%")
