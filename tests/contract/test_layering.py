"""The import rules of the design, read from the source itself."""

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.contract import purity
from tests.contract.modules import BY_NAME, MODULES, PACKAGES, ROOT, Module, parsed, users_of


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


def test_nobody_imports_the_calls_that_programs_make() -> None:
    assert [m.name for m in MODULES if m.package != "python" and m.uses("python")] == []


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
        and name in _needed(module)
        and _level(name, level) > _level(module.name, level)
    }
    assert up == set()


def _level(name: str, level: Mapping[str, int]) -> int:
    return level.get(name.split(".")[1], len(level))


def test_only_the_session_sees_the_fleet() -> None:
    """Who watches a run sees events, what comes after it sees frozen records."""
    users = users_of("coordinator.session.fleet") | users_of("coordinator.session.member")
    assert {name for name in users if not name.startswith("coordinator.session.")} == set()


LOOPS: Final = (
    "agent.loop.native",
    "agent.loop.recording",
    "agent.loop.pacing",
    "agent.loop.requests",
    "agent.loop.queries",
    "agent.loop.loops",
    "agent.loop.serving",
)


@pytest.mark.parametrize(
    ("package", "owners"),
    [
        ("zmq", {"common.wire", "common.hostbus", "common.hostlink", "common.hostsocket", "common.keys"}),
        ("openvino", {"agent.openvino.zoo"}),
        ("numba", {*LOOPS, "agent.loop.compiling"}),
        ("llvmlite", {"agent.loop.native", "agent.loop.compiling"}),
        (
            "ctypes",
            {
                "agent.openvino.capi",
                "agent.openvino.cxx",
                "agent.openvino.elementtypes",
                "agent.openvino.libstdcxx",
                "agent.openvino.objects",
                "agent.openvino.package",
                "agent.openvino.preprocess",
                "agent.host.libc",
                "agent.host.numa",
                "agent.host.process",
                "agent.loop.machinecode",
            },
        ),
        ("psutil", {"agent.host.usage"}),
        ("PIL", {"agent.data.images"}),
        ("vl_convert", {"coordinator.report.html.vega"}),
        ("ray", {"coordinator.launch.raydriver"}),
        ("prometheus_client", {"coordinator.report.exporter"}),
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


LOOPS_MAY: Final = (
    *LOOPS,
    "numba",
    "llvmlite",
    "typing",
    "common.histogram",
    "common.samplelayout",
    "agent.loop.layout",
    "agent.loop.nullrow",
    "math",
)


@pytest.mark.parametrize("name", LOOPS)
def test_the_loops_know_no_messages_no_options_and_no_logging(name: str) -> None:
    strange = [found for found in BY_NAME[name].imports() if not found.startswith(LOOPS_MAY)]
    assert strange == []


KNOW_OFFSETS: Final = frozenset(
    f"agent/loop/{name}.py" for name in ("layout", "recording", "pacing", "requests", "queries", "loops")
)


def test_only_the_layout_and_the_loops_know_where_words_lie() -> None:
    """Whoever else indexes a row by a word's offset, or by a number, does not notice when the word moves."""
    offsets = {name for name in _constants(BY_NAME["agent.loop.layout"]) if re.match("[CFPS]_", name)}
    assert len(offsets) > 40
    others = [file for file in sources() if str(file.relative_to(ROOT)) not in KNOW_OFFSETS]
    assert [str(file.relative_to(ROOT)) for file in others if _uses_one_of(offsets, file)] == []
    assert [str(file.relative_to(ROOT)) for file in others if _indexes_a_row(file)] == []


def _constants(module: Module) -> set[str]:
    assigned = (node.target for node in module.tree.body if isinstance(node, ast.AnnAssign))
    return {target.id for target in assigned if isinstance(target, ast.Name)}


def _uses_one_of(names: set[str], file: Path) -> bool:
    """As a name, an attribute or an import. What is nowhere in its text need not be looked for in what that means."""
    if names.isdisjoint(re.findall(r"\w+", file.read_text())):
        return False
    return any(
        (isinstance(node, ast.Name) and node.id in names)
        or (isinstance(node, ast.Attribute) and node.attr in names)
        or (isinstance(node, ast.alias) and node.name in names)
        for node in ast.walk(parsed(file))
    )


def _indexes_a_row(file: Path) -> bool:
    """A subscript of `row.words`, or one with a column of `slots.rows` or `table.rows`."""
    if not re.search(r"\.\s*(words|rows)[\s)]*\[", file.read_text()):
        return False
    subscripts = [node for node in ast.walk(parsed(file)) if isinstance(node, ast.Subscript)]
    return any(isinstance(node.value, ast.Attribute) and node.value.attr in ("words", "rows") for node in subscripts)


IMPURE: Final = frozenset(
    {
        "agent.backend",
        "agent.cli",
        "agent.data.files",
        "agent.data.frames",
        "agent.data.images",
        "agent.data.inputs",
        "agent.forkserver",
        "agent.host.affinity",
        "agent.host.isa",
        "agent.host.libc",
        "agent.host.numa",
        "agent.host.process",
        "agent.host.threads",
        "agent.host.usage",
        "agent.loop.cache",
        "agent.loop.compiling",
        "agent.loop.loops",
        "agent.loop.machinecode",
        "agent.loop.native",
        "agent.loop.null",
        "agent.loop.pacing",
        "agent.loop.queries",
        "agent.loop.recording",
        "agent.loop.recorder",
        "agent.loop.requests",
        "agent.loop.serving",
        "agent.measure",
        "agent.modelcache.cache",
        "agent.modelcache.making",
        "agent.modelcache.room",
        "agent.modelcache.shelf",
        "agent.modelcache.thread",
        "agent.openvino.backend",
        "agent.openvino.build",
        "agent.openvino.builtin",
        "agent.openvino.capi",
        "agent.openvino.cxx",
        "agent.openvino.elementtypes",
        "agent.openvino.feed",
        "agent.openvino.graph",
        "agent.openvino.model",
        "agent.openvino.libstdcxx",
        "agent.openvino.numbering",
        "agent.openvino.objects",
        "agent.openvino.package",
        "agent.openvino.preprocess",
        "agent.openvino.proof",
        "agent.openvino.rehearsal",
        "agent.openvino.zoo",
        "agent.options",
        "agent.service",
        "agent.supervisor.arrivals",
        "agent.supervisor.crew",
        "agent.supervisor.launcherpipe",
        "agent.supervisor.outlook",
        "agent.supervisor.presence",
        "agent.supervisor.service",
        "agent.trust",
        "common.cache",
        "common.cgroup",
        "common.clock",
        "common.corekind",
        "common.cpulist",
        "common.digests",
        "common.endpoint",
        "common.forkprocess",
        "common.forks",
        "common.gate",
        "common.hostbus",
        "common.hostlink",
        "common.hostsocket",
        "common.join",
        "common.keys",
        "common.passage",
        "common.nearbyfiles",
        "common.neighbours",
        "common.printable",
        "common.sensors",
        "common.survey",
        "common.runfolder",
        "common.schedulememory",
        "common.topology",
        "common.utilization",
        "common.wire",
        "coordinator.commands.calibrate",
        "coordinator.commands.calibration",
        "coordinator.commands.calibrating",
        "coordinator.commands.completion",
        "coordinator.commands.help",
        "coordinator.commands.manpage",
        "coordinator.commands.compare",
        "coordinator.commands.comparing",
        "coordinator.commands.conduct",
        "coordinator.commands.export",
        "coordinator.commands.export_model",
        "coordinator.commands.dryrun",
        "coordinator.commands.launching",
        "coordinator.commands.manifest",
        "coordinator.commands.markdown",
        "coordinator.commands.pythonoptions",
        "coordinator.commands.reference",
        "coordinator.commands.remote",
        "coordinator.commands.run",
        "coordinator.commands.show",
        "coordinator.commands.sites",
        "coordinator.commands.stdout",
        "coordinator.commands.study",
        "coordinator.commands.studying",
        "coordinator.commands.terminal",
        "coordinator.commands.topology",
        "coordinator.commands.watching",
        "coordinator.compare.comparison",
        "coordinator.compare.exports",
        "coordinator.compare.table",
        "coordinator.entry",
        "coordinator.files.preparing",
        "coordinator.files.sender",
        "coordinator.files.sets",
        "coordinator.launch.builtin",
        "coordinator.launch.couriers",
        "coordinator.launch.installer",
        "coordinator.launch.environments",
        "coordinator.launch.interpreter",
        "coordinator.launch.joinfiles",
        "coordinator.launch.kubernetes",
        "coordinator.launch.local",
        "coordinator.launch.ownwheel",
        "coordinator.launch.ray",
        "coordinator.launch.raydriver",
        "coordinator.launch.registry",
        "coordinator.launch.slurm",
        "coordinator.launch.runkeys",
        "coordinator.launch.ssh",
        "coordinator.launch.sshinstall",
        "coordinator.launch.tether",
        "coordinator.machine.identity",
        "coordinator.machine.inspection",
        "coordinator.machine.limits",
        "coordinator.machine.probing",
        "coordinator.machine.sysfs",
        "coordinator.report.agenttable",
        "coordinator.report.arrivals",
        "coordinator.report.benchmark_app",
        "coordinator.report.calibration",
        "coordinator.report.comparison",
        "coordinator.report.console",
        "coordinator.report.cputable",
        "coordinator.report.html.document",
        "coordinator.report.html.head",
        "coordinator.report.html.runpage",
        "coordinator.report.html.studypage",
        "coordinator.report.html.studycharts",
        "coordinator.report.html.vega",
        "coordinator.report.latencytable",
        "coordinator.report.metrics",
        "coordinator.report.lines",
        "coordinator.report.live",
        "coordinator.report.markdown.run",
        "coordinator.report.markdown.study",
        "coordinator.report.outlet",
        "coordinator.report.exporter",
        "coordinator.report.jsonlines",
        "coordinator.report.plaintext",
        "coordinator.report.plot",
        "coordinator.report.ratiotable",
        "coordinator.report.study",
        "coordinator.report.studylive",
        "coordinator.report.gate",
        "coordinator.report.hosttable",
        "coordinator.report.joining",
        "coordinator.report.table",
        "coordinator.report.summary",
        "coordinator.report.text",
        "coordinator.report.topology",
        "coordinator.request.arrivals",
        "coordinator.request.byflag",
        "coordinator.request.commandline",
        "coordinator.request.config",
        "coordinator.request.firstword",
        "coordinator.request.flags",
        "coordinator.request.helptext",
        "coordinator.request.hostsfile",
        "coordinator.request.inputfiles",
        "coordinator.request.keywords",
        "coordinator.request.parser",
        "coordinator.request.paths",
        "coordinator.request.release",
        "coordinator.request.remotehosts",
        "coordinator.request.tracefile",
        "coordinator.request.values",
        "coordinator.request.versions",
        "coordinator.run.measure",
        "coordinator.run.noise",
        "coordinator.run.site",
        "coordinator.run.schedule",
        "coordinator.session.hosts.agents",
        "coordinator.session.hosts.hosts",
        "coordinator.session.hosts.opening",
        "coordinator.session.hosts.supply",
        "coordinator.session.interrupts",
        "coordinator.session.session",
        "coordinator.store.calibrations",
        "coordinator.store.files",
        "coordinator.store.last",
        "coordinator.store.reportfolder",
        "coordinator.store.saved",
        "coordinator.study.axes",
        "coordinator.study.cuts",
        "coordinator.study.design",
        "coordinator.study.fingerprint",
        "coordinator.study.folder",
        "coordinator.study.kinds.ab",
        "coordinator.study.kinds.capacity",
        "coordinator.study.kinds.partition",
        "coordinator.study.kinds.registry",
        "coordinator.study.kinds.scaling",
        "coordinator.study.kinds.streams",
        "coordinator.study.planflags",
        "coordinator.study.request",
        "coordinator.study.runner",
        "python",
        "python.__main__",
        "python.audience",
        "python.calibrations",
        "python.calls",
        "python.comparisons",
        "python.frames",
        "python.guest",
        "python.options",
        "python.pytest_plugin",
        "python.reports",
        "python.studies",
    }
)
"""Modules that read, write, wait or take files' names, or use what does. A new one is pure until it is listed here."""


def test_a_pure_module_has_no_input_no_output_no_clock_and_no_chance() -> None:
    """Neither itself nor by what it takes from modules that are not pure: types, constants, arithmetic."""
    found = {name: sorted(purity.effects(BY_NAME[name])) for name in sorted(set(BY_NAME) - IMPURE)}
    assert {name: effects for name, effects in found.items() if effects} == {}, "take this elsewhere, or list them"


def test_a_module_that_is_listed_as_impure_is() -> None:
    assert IMPURE - set(BY_NAME) == set(), "there is no such module"
    pure = [name for name in sorted(IMPURE) if not purity.effects(BY_NAME[name])]
    assert pure == [], "these have become pure: take them off the list"


@pytest.mark.parametrize(
    ("text", "effects"),
    [
        ("from os import path", {"os.path"}),
        ("def now():\n    from datetime import datetime\n    return datetime.now()", {"datetime.datetime", ".now"}),
        ("def keep(where):\n    where.write_text('')", {".write_text"}),
        ("import ovbench.common.shape\nimport numpy as np\nfrom collections.abc import Iterator", set()),
        ("import importlib\ntime = importlib.import_module('time')", {"importlib"}),
        ("def read(file):\n    return open(file)", {"open()"}),
        ("import numpy as np\nchance, seeded = np.random.default_rng(), np.random.default_rng(1)",
         {".default_rng() without a seed"}),
        ("from numpy.random import default_rng\nchance, seeded = default_rng(None), default_rng(seed=1)",
         {".default_rng() without a seed"}),
        ("from pathlib import Path\nfile: Path\ndef name(of: list[Path], at: Path | None = None) -> Path: ...", set()),
        ("from pathlib import Path\ndef file(name: Path) -> Path:\n    return Path(name)", {"pathlib.Path"}),
        ("import random\nfrom random import Random\ndef draws(seed: int, one: Random) -> list[random.Random]:\n"
         "    return [random.Random(seed), Random(seed), one]", set()),
        ("import random\ndraw = random.Random()", {"random"}),
        ("from random import Random as Draw\ndraw = Draw(None)", {"random.Random"}),
        ("import random\ndraw, chance = random.Random(1), random.random()", {"random"}),
        ("from random import Random\nLaw = Random", {"random.Random"}),
    ],
)  # fmt: skip
def test_an_effect_is_seen(tmp_path: Path, text: str, effects: set[str]) -> None:
    """Guards the guard."""
    (tmp_path / "module.py").write_text(text)
    assert purity.does(Module("common.module", tmp_path / "module.py")) == effects


def test_a_part_of_a_module_that_is_not_pure_may_be() -> None:
    clock, topology = ({name: purity.effects_of(f"common.{module}.{name}") for name in names} for module, names in (
        ("clock", ("NS_PER_S", "Clock", "to_ns", "monotonic_ns")),
        ("topology", ("Topology", "format_cpu_list", "read_topology")),
    ))  # fmt: skip
    assert {name for name, effects in (clock | topology).items() if effects} == {"monotonic_ns", "read_topology"}
    assert any(effect.startswith("read_text: ") for effect in topology["read_topology"]), "what it uses is seen"


def test_nobody_imports_only_for_the_types() -> None:
    """A cycle under TYPE_CHECKING is a cycle."""
    assert [m.name for m in MODULES if "typing.TYPE_CHECKING" in set(m.imports())] == []


def test_there_is_no_cycle_of_imports() -> None:
    needs = {module.name: _needed(module) - {module.name} for module in MODULES}
    done: set[str] = set()
    while ready := {name for name, others in needs.items() if name not in done and others <= done}:
        done |= ready
    assert done == set(needs), f"a cycle among {sorted(set(needs) - done)}"


@cache
def _needed(module: Module) -> frozenset[str]:
    """Our modules that it imports; of a package only what its own __init__ has counts as the package."""
    found: set[str] = set()
    for imported in set(module.imports()):
        parts = imported.split(".")
        above = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
        found |= {name for name in above if name in BY_NAME and not _is_package(name)}
        if imported not in BY_NAME and len(above) > 1 and above[-2] in BY_NAME and _is_package(above[-2]):
            found.add(above[-2])
    return frozenset(found)


def _is_package(name: str) -> bool:
    return BY_NAME[name].file.name == "__init__.py"


def test_importing_a_module_does_no_work() -> None:
    """At the top there are imports, definitions, constants and words; `python -m` has its one place."""
    work = [(module, node) for module in MODULES for node in module.tree.body if _is_work(node)]
    assert [f"{module.name}:{node.lineno}: {ast.unparse(node)}" for module, node in work] == []


def _is_work(node: ast.stmt) -> bool:
    definitions = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef, ast.Assign, ast.AnnAssign)
    words = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    main = isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)
    return not (isinstance(node, definitions) or words or main)


def sources() -> list[Path]:
    return [file for part in (*PACKAGES, "tests", "scripts") for file in sorted((ROOT / part).rglob("*.py"))]


def test_no_module_has_a_name_that_says_nothing() -> None:
    names = {"utils", "util", "helpers", "helper", "misc", "manager", "base", "core", "stuff"}
    assert [str(file.relative_to(ROOT)) for file in sources() if file.stem in names] == []


def test_no_file_waits_empty_for_later() -> None:
    assert [str(file.relative_to(ROOT)) for file in sources() if not file.read_text().strip()] == []


MOST_LINES: Final = 400
TABLES: Final = frozenset(
    {
        "coordinator.result.report",  # the types of report.json
        "python.options",  # written from the tables of flags
    }
)


def test_no_module_is_long_but_tables() -> None:
    """Whoever has to read 400 lines to change one has two modules in one file."""
    long = {module.name for module in MODULES if len(module.file.read_text().splitlines()) > MOST_LINES}
    assert long - TABLES == set(), f"more than {MOST_LINES} lines: divide them"
    assert set(BY_NAME) >= TABLES


def test_every_product_module_says_what_it_is() -> None:
    assert [module.name for module in MODULES if not ast.get_docstring(module.tree)] == []
