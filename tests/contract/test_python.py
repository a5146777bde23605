"""What `import ovbench` promises: names, types, options, and that it costs nothing."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Final

import ovbench
from ovbench.coordinator.commands.pythonoptions import options_module

PACKAGE: Final = Path(__file__).parents[2] / "python"


def test_the_options_are_those_of_the_tables_of_flags() -> None:
    assert (PACKAGE / "options.py").read_text() == options_module(), "run scripts/flags"


def test_every_name_is_there_and_type_checkers_are_told_the_same() -> None:
    stub = ast.parse((PACKAGE / "__init__.pyi").read_text())
    imported = {alias.asname for node in stub.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert {*imported, "__version__"} == set(ovbench.__all__) == set(dir(ovbench))
    assert [name for name in ovbench.__all__ if not hasattr(ovbench, name)] == []
    assert not hasattr(ovbench, "nothing")


def test_every_call_and_result_is_described() -> None:
    described = [getattr(ovbench, name) for name in ovbench.__all__ if name != "__version__"]
    assert [one for one in described if len(inspect.getdoc(one) or "") < 40] == []


def test_the_package_itself_imports_nothing() -> None:
    """Agents import from it, too, and `--version` is to be quick."""
    code = "import sys; before = set(sys.modules); import ovbench; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["['ovbench']"]


def test_the_module_runs_as_the_command_does() -> None:
    done = subprocess.run([sys.executable, "-m", "ovbench", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"ovbench {ovbench.__version__}")
