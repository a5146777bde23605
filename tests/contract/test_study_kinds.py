"""A kind of study is one object: nobody else asks which kind a study is of."""

import ast
from pathlib import Path
from typing import Final, get_args

import pytest

from ovbench.coordinator.report.html.studycharts import DRAWINGS
from ovbench.coordinator.result.study import KindName
from ovbench.coordinator.study.kinds.kind import ChartName
from ovbench.coordinator.study.kinds.registry import KINDS
from tests.studies import answer, outcomes, study

ROOT: Final = Path(__file__).parents[2]
OWNERS: Final = ROOT / "coordinator" / "study" / "kinds"
NAMES: Final = frozenset(get_args(KindName))
FILES: Final = [file for file in sorted((ROOT / "coordinator").rglob("*.py")) if OWNERS not in file.parents]


def switches(tree: ast.AST) -> list[int]:
    """The lines that ask for a kind."""
    return [node.lineno for node in ast.walk(tree) if isinstance(node, ast.expr | ast.Match) and _asks(node)]


def _asks(node: ast.expr | ast.Match) -> bool:
    """A comparison or a match with its name, or a table by it other than KINDS and CARDS."""
    match node:
        case ast.Compare():
            operands = [node.left, *node.comparators]
            return any(map(_is_kind, operands)) and any(_names(operand) & NAMES for operand in operands)
        case ast.Match():
            return _is_kind(node.subject) and any(_names(case.pattern) & NAMES for case in node.cases)
        case ast.Subscript():
            return _is_kind(node.slice) and ast.unparse(node.value) not in ("KINDS", "CARDS")
        case ast.Dict():
            return len(_keys(node) & NAMES) > 2
    return False


def _is_kind(node: ast.AST) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == "kind") or ast.unparse(node) == "kind"


def _names(node: ast.AST) -> set[object]:
    return {one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)}


def _keys(node: ast.Dict) -> set[object]:
    return {key.value for key in node.keys if isinstance(key, ast.Constant)}


@pytest.mark.parametrize(
    "source",
    [
        'study.kind == "ab"',
        '"ab" != kind',
        'study.kind in ("scaling", "batch")',
        '{"sweep": 1, "scaling": 2, "ab": 3}',
        "TITLES[study.kind]",
        'match study.kind:\n    case "ab":\n        pass',
    ],
)
def test_a_switch_is_found(source: str) -> None:
    assert switches(ast.parse(source))


def test_what_is_no_switch_is_not() -> None:
    for source in (
        'cpu.kind == "efficient"',
        "KINDS[study.kind]",
        "CARDS[kind]",
        "one.kind == other.kind",
        'name == "batch"',
    ):
        assert switches(ast.parse(source)) == []


def test_only_kinds_and_their_registry_know_their_names() -> None:
    found = [f"{file.relative_to(ROOT)}:{line}" for file in FILES for line in switches(ast.parse(file.read_text()))]
    assert found == []


def test_there_is_a_kind_for_every_name_that_a_saved_study_may_have() -> None:
    assert set(KINDS) == NAMES
    assert [kind.name for kind in KINDS.values()] == list(KINDS)


def test_every_chart_has_its_drawing_and_some_kind_that_names_it() -> None:
    named = set()
    for name, kind in KINDS.items():
        for sizes in (("1", "2", "4"), ()):
            planned = study({"--agents": sizes}, name)
            named |= set(kind.charts(answer(planned, outcomes(planned, lambda point: 100.0, lambda point: 2.0))))
    assert set(DRAWINGS) == set(get_args(ChartName)) == named
