"""The import rules of the design, read from the source itself."""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("common", "agent", "coordinator")


@dataclass(frozen=True)
class Module:
    """`name` is dotted, without the leading `ovbench`."""

    name: str
    file: Path

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.file)

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    def imports(self) -> tuple[str, ...]:
        """Everything imported anywhere in it, dotted; our own without `ovbench`, relative ones made absolute."""
        return _imports(self)

    def found(self) -> Iterator[str]:
        home = self.name.split(".") if self.file.name == "__init__.py" else self.name.split(".")[:-1]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name.removeprefix("ovbench.") for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = home[: len(home) - node.level + 1] if node.level else []
                source = ".".join([*base, *(node.module or "").split(".")]).strip(".").removeprefix("ovbench.")
                yield from (f"{source}.{alias.name}" for alias in node.names)

    def uses(self, package: str) -> bool:
        return any(name == package or name.startswith(package + ".") for name in self.imports())


@cache
def _imports(module: Module) -> tuple[str, ...]:
    return tuple(module.found())


@cache
def _parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), str(file))


def _name_of(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES: Final = [
    Module(_name_of(file), file) for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py"))
]
BY_NAME: Final = {module.name: module for module in MODULES}


def users_of(package: str) -> set[str]:
    return {module.name for module in MODULES if module.uses(package)}


def test_the_walk_sees_the_imports_that_are_known_to_be_there() -> None:
    """Guards the guard: a rule that nothing can break proves nothing."""
    assert len(MODULES) > 30
    assert BY_NAME["coordinator.report.text"].uses("coordinator.result.report")
    assert BY_NAME["agent.service"].uses("common.wire")
    assert BY_NAME["agent.service"].uses("agent.measure")
    assert BY_NAME["common.messages"].uses("common.job")
    assert not BY_NAME["common.messages"].uses("common.wire")


def test_common_imports_neither_sibling() -> None:
    assert [m.name for m in MODULES if m.package == "common" and (m.uses("agent") or m.uses("coordinator"))] == []


def test_agent_and_coordinator_do_not_import_each_other() -> None:
    assert [m.name for m in MODULES if m.package == "agent" and m.uses("coordinator")] == []
    assert [m.name for m in MODULES if m.package == "coordinator" and m.uses("agent")] == []


def test_nothing_imports_across_packages_by_a_relative_path() -> None:
    """Or by the plain names of the folders, which exist only in a checkout."""
    for module in MODULES:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert (node.module or "").split(".")[0] not in PACKAGES, f"{module.name}: {node.module}"
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level <= len(module.name.split(".")) - (module.file.name != "__init__.py")


def rooms_of(package: str) -> list[str]:
    """The rooms of a package from the ground up, as ARCHITECTURE.md lists them."""
    text = (ROOT / "ARCHITECTURE.md").read_text()
    table = re.search(rf"^`{package}/`.*?:\n\n\| room \|.*?\n\n", text, re.MULTILINE | re.DOTALL)
    assert table is not None, f"ARCHITECTURE.md has no table of the rooms of {package}/"
    return re.findall(r"^\| `(\w+)/` \|", table[0], re.MULTILINE)


@pytest.mark.parametrize("package", ["agent", "coordinator"])
def test_the_map_has_every_room(package: str) -> None:
    assert set(rooms_of(package)) == {file.parent.name for file in (ROOT / package).glob("*/__init__.py")}


@pytest.mark.parametrize("package", ["agent", "coordinator"])
def test_no_import_runs_up_the_list_of_rooms(package: str) -> None:
    """What lies beside the rooms, as the ways in do, may import from all of them, and no room from it."""
    level = {room: number for number, room in enumerate(rooms_of(package))}
    up = {
        (module.name, name)
        for module in MODULES
        for name in BY_NAME
        if module.package == package
        and name.startswith(f"{package}.")
        and _needs(module, name)
        and _level(name, level) > _level(module.name, level)
    }
    assert up == set()


def _level(name: str, level: Mapping[str, int]) -> int:
    return level.get(name.split(".")[1], len(level))


def test_only_the_session_sees_the_fleet() -> None:
    """Who watches a run sees events, what comes after it sees frozen records."""
    users = users_of("coordinator.session.fleet") | users_of("coordinator.session.member")
    assert {name for name in users if not name.startswith("coordinator.session.")} == set()


@pytest.mark.parametrize(
    ("package", "owners"),
    [
        ("zmq", {"common.wire"}),
        ("openvino", {"agent.openvino.zoo"}),
        ("numba", {"agent.loop.loops", "agent.loop.null", "agent.loop.cache"}),
        ("llvmlite", {"agent.loop.loops"}),
        (
            "ctypes",
            {
                "agent.openvino.capi",
                "agent.openvino.cxx",
                "agent.openvino.preprocess",
                "agent.host.numa",
                "agent.host.process",
            },
        ),
        ("psutil", {"agent.host.usage"}),
        ("PIL", {"agent.data.images"}),
        ("vl_convert", {"coordinator.report.html.vega"}),
        ("multiprocessing", set()),
        ("asyncio", set()),
        ("logging", set()),
    ],
)
def test_a_library_has_its_owners(package: str, owners: set[str]) -> None:
    assert users_of(package) <= owners


@pytest.mark.parametrize(
    ("package", "owners"),
    [
        ("subprocess", ("coordinator.launch",)),
        ("rich", ("coordinator.report",)),
    ],
)
def test_a_library_stays_in_its_part(package: str, owners: tuple[str, ...]) -> None:
    assert [name for name in users_of(package) if not name.startswith(owners)] == []


@pytest.mark.parametrize("package", ["zmq", "openvino", "numba", "llvmlite", "subprocess", "rich"])
def test_an_owner_still_uses_what_it_owns(package: str) -> None:
    assert users_of(package)


LOOPS: Final = ("agent.loop.loops",)
LOOPS_MAY: Final = ("numba", "llvmlite", "typing", "common.histogram", "agent.loop.layout")


@pytest.mark.parametrize("name", LOOPS)
def test_the_loops_know_no_messages_no_options_and_no_logging(name: str) -> None:
    strange = [found for found in BY_NAME[name].imports() if not found.startswith(LOOPS_MAY)]
    assert strange == []


KNOW_OFFSETS: Final = frozenset({"agent/loop/layout.py", "agent/loop/loops.py"})


def test_only_the_layout_and_the_loops_know_where_words_lie() -> None:
    """Whoever else indexes a row by a word's offset, or by a number, does not notice when the word moves."""
    offsets = {name for name in _constants(BY_NAME["agent.loop.layout"]) if re.match("[CSF]_", name)}
    assert len(offsets) > 40
    others = [file for file in sources() if str(file.relative_to(ROOT)) not in KNOW_OFFSETS]
    assert [str(file.relative_to(ROOT)) for file in others if _names(file) & offsets] == []
    assert [str(file.relative_to(ROOT)) for file in others if _indexes_a_row(file)] == []


def _constants(module: Module) -> set[str]:
    assigned = (node.target for node in module.tree.body if isinstance(node, ast.AnnAssign))
    return {target.id for target in assigned if isinstance(target, ast.Name)}


def _names(file: Path) -> set[str]:
    """Every name that is used or imported in it."""
    found: set[str] = set()
    for node in ast.walk(_parsed(file)):
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.alias):
            found.add(node.name)
    return found


def _indexes_a_row(file: Path) -> bool:
    """A subscript of `row.words`, or one with a column of `slots.rows` or `table.rows`."""
    subscripts = [node for node in ast.walk(_parsed(file)) if isinstance(node, ast.Subscript)]
    return any(isinstance(node.value, ast.Attribute) and node.value.attr in ("words", "rows") for node in subscripts)


IMPURE: Final = frozenset(
    {
        "agent.cli",
        "agent.data.files",
        "agent.data.frames",
        "agent.data.inputs",
        "agent.forkserver",
        "agent.host.affinity",
        "agent.host.numa",
        "agent.host.process",
        "agent.host.threads",
        "agent.host.usage",
        "agent.loop.cache",
        "agent.loop.null",
        "agent.measure",
        "agent.openvino.backend",
        "agent.openvino.builtin",
        "agent.openvino.capi",
        "agent.openvino.cxx",
        "agent.openvino.graph",
        "agent.openvino.model",
        "agent.openvino.preprocess",
        "agent.openvino.rehearsal",
        "agent.openvino.zoo",
        "agent.service",
        "agent.trust",
        "common.cache",
        "common.cgroup",
        "common.clock",
        "common.corekind",
        "common.cpulist",
        "common.digests",
        "common.endpoint",
        "common.gate",
        "common.printable",
        "common.topology",
        "common.wire",
        "coordinator.commands.conduct",
        "coordinator.commands.export",
        "coordinator.commands.export_model",
        "coordinator.commands.run",
        "coordinator.commands.show",
        "coordinator.commands.stdout",
        "coordinator.commands.study",
        "coordinator.commands.topology",
        "coordinator.compare.exports",
        "coordinator.compare.table",
        "coordinator.entry",
        "coordinator.launch",
        "coordinator.launch.builtin",
        "coordinator.launch.external",
        "coordinator.launch.interpreter",
        "coordinator.launch.local",
        "coordinator.machine.inspection",
        "coordinator.machine.limits",
        "coordinator.machine.machinetree",
        "coordinator.machine.neighbours",
        "coordinator.machine.sensors",
        "coordinator.machine.survey",
        "coordinator.machine.utilization",
        "coordinator.report.benchmark_app",
        "coordinator.report.comparison",
        "coordinator.report.console",
        "coordinator.report.html.vega",
        "coordinator.report.lines",
        "coordinator.report.live",
        "coordinator.report.outlet",
        "coordinator.report.plot",
        "coordinator.report.study",
        "coordinator.report.studylive",
        "coordinator.report.text",
        "coordinator.report.topology",
        "coordinator.request.commandline",
        "coordinator.request.config",
        "coordinator.request.parser",
        "coordinator.request.inputfiles",
        "coordinator.request.paths",
        "coordinator.request.request",
        "coordinator.request.values",
        "coordinator.run.measure",
        "coordinator.session.interrupts",
        "coordinator.session.session",
        "coordinator.store.files",
        "coordinator.store.reportfolder",
        "coordinator.store.runfolder",
        "coordinator.store.saved",
        "coordinator.study.design",
        "coordinator.study.fingerprint",
        "coordinator.study.folder",
        "coordinator.study.request",
        "coordinator.study.runner",
    }
)
"""Modules that read, write, wait or take files' names. A new one is pure until it is listed here."""

EFFECTS: Final = (
    "os", "sys", "time", "datetime", "io", "socket", "select", "selectors", "subprocess", "pathlib", "threading",
    "queue", "signal", "tempfile", "shutil", "glob", "random", "secrets", "uuid", "resource", "platform", "ctypes",
    "psutil", "zmq", "rich", "urllib", "http", "common.wire", "common.clock.monotonic_ns", "common.clock.Clock",
)  # fmt: skip
DOING: Final = {"open", "print", "input", "exec", "eval", "__import__"}


@pytest.mark.parametrize("name", sorted(set(BY_NAME) - IMPURE))
def test_a_pure_module_imports_no_input_no_output_and_no_clock(name: str) -> None:
    module = BY_NAME[name]
    assert [package for package in EFFECTS if module.uses(package)] == []


@pytest.mark.parametrize("name", sorted(set(BY_NAME) - IMPURE))
def test_a_pure_module_opens_and_prints_nothing(name: str) -> None:
    assert _calls(BY_NAME[name]) & DOING == set()


def _calls(module: Module) -> set[str]:
    return {
        node.func.id for node in ast.walk(module.tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }


@pytest.mark.parametrize("name", sorted(IMPURE))
def test_a_module_that_is_listed_as_impure_is(name: str) -> None:
    module = BY_NAME[name]
    does = any(module.uses(package) for package in EFFECTS) or _calls(module) & DOING
    assert does, f"{name} has become pure: take it off the list"


def test_nobody_imports_only_for_the_types() -> None:
    """A cycle under TYPE_CHECKING is a cycle."""
    assert [m.name for m in MODULES if "typing.TYPE_CHECKING" in set(m.imports())] == []


def test_there_is_no_cycle_of_imports() -> None:
    needs = {m.name: {n for n in BY_NAME if n != m.name and _needs(m, n)} for m in MODULES}
    done: set[str] = set()
    while ready := {name for name, others in needs.items() if name not in done and others <= done}:
        done |= ready
    assert done == set(needs), f"a cycle among {sorted(set(needs) - done)}"


def _needs(module: Module, name: str) -> bool:
    """Whether it imports that very module; a package counts only by what its own __init__ has."""
    found = set(module.imports())
    if BY_NAME[name].file.name != "__init__.py":
        return any(one == name or one.startswith(name + ".") for one in found)
    return any(
        one.startswith(name + ".") and ".".join(one.split(".")[:-1]) == name and one not in BY_NAME for one in found
    )


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_importing_a_module_does_no_work(module: Module) -> None:
    """At the top there are imports, definitions, constants and words; `python -m` has its one place."""
    definitions = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    for node in module.tree.body:
        words = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        main = isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)
        assert isinstance(node, definitions) or words or main, f"{module.name}:{node.lineno}: {ast.unparse(node)}"


def sources() -> list[Path]:
    return [file for part in (*PACKAGES, "tests", "scripts") for file in sorted((ROOT / part).rglob("*.py"))]


def test_no_module_has_a_name_that_says_nothing() -> None:
    names = {"utils", "util", "helpers", "helper", "misc", "manager", "base", "core", "stuff"}
    assert [str(file.relative_to(ROOT)) for file in sources() if file.stem in names] == []


def test_no_file_waits_empty_for_later() -> None:
    assert [str(file.relative_to(ROOT)) for file in sources() if not file.read_text().strip()] == []


def test_every_product_module_says_what_it_is() -> None:
    assert [module.name for module in MODULES if not ast.get_docstring(module.tree)] == []
