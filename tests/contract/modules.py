"""The product's modules, as their source has them: what they import, define, use and do."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PACKAGES: Final = ("common", "agent", "coordinator", "python")


@dataclass(frozen=True)
class Module:
    """`name` is dotted, without the leading `ovbench`."""

    name: str
    file: Path

    @property
    def tree(self) -> ast.Module:
        return parsed(self.file)

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    def imports(self) -> tuple[str, ...]:
        """Everything imported anywhere in it, dotted; our own without `ovbench`, relative ones made absolute."""
        return tuple(name for _, name in _imports(self))

    def aliases(self) -> Mapping[str, str]:
        """What each name stands for that an import anywhere in it binds."""
        return _aliases(self)

    def bound(self) -> tuple[tuple[str, str], ...]:
        """As `aliases`, each import by itself where several bind one name."""
        return _imports(self)

    def found(self) -> Iterator[tuple[str, str]]:
        home = self.name.split(".") if self.file.name == "__init__.py" else self.name.split(".")[:-1]
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    bound = alias.name if alias.asname else alias.name.partition(".")[0]
                    yield alias.asname or bound, alias.name.removeprefix("ovbench.")
            elif isinstance(node, ast.ImportFrom):
                base = home[: len(home) - node.level + 1] if node.level else []
                source = ".".join([*base, *(node.module or "").split(".")]).strip(".").removeprefix("ovbench.")
                yield from ((alias.asname or alias.name, f"{source}.{alias.name}") for alias in node.names)

    def uses(self, package: str) -> bool:
        return any(name == package or name.startswith(package + ".") for name in self.imports())


@cache
def _imports(module: Module) -> tuple[tuple[str, str], ...]:
    return tuple(module.found())


@cache
def _aliases(module: Module) -> Mapping[str, str]:
    return dict(_imports(module))


@cache
def parsed(file: Path) -> ast.Module:
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
