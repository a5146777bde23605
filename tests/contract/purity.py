"""What a definition does to the world outside, and all that it uses, read from the source itself.

A module that is not pure has parts that are: types, constants, arithmetic. A pure module may use those.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from tests.contract.modules import BY_NAME, PACKAGES, Module

MAY: Final = frozenset(
    {
        "abc", "argparse", "base64", "bisect", "collections", "contextlib", "copy", "dataclasses", "decimal", "difflib",
        "enum", "errno", "fractions", "functools", "hashlib", "heapq", "html", "itertools", "json", "math", "msgspec",
        "numbers", "numpy", "operator", "re", "shlex", "statistics", "string", "struct", "textwrap", "types", "typing",
        "zlib",
    }
)  # fmt: skip
"""All that is imported, beside our own, where there is no input, no output, no clock and no chance."""

CALLS: Final = frozenset({"__import__", "breakpoint", "eval", "exec", "input", "open", "print"})
METHODS: Final = frozenset(
    {
        "absolute", "chmod", "cwd", "exists", "expanduser", "fromfile", "fsync", "glob", "is_dir",
        "is_file", "iterdir", "loadtxt", "memmap", "mkdir", "now", "open", "parse_args", "print_help", "read_bytes",
        "read_text", "resolve", "rglob", "rmdir", "savez", "stat", "symlink_to", "today", "tofile", "touch", "unlink",
        "utcnow", "write_bytes", "write_text",
    }
)  # fmt: skip
"""What does such things by an object that somebody else has imported: a path, a date, a stream, an array."""


@dataclass(frozen=True)
class Symbol:
    """A definition at the top of one of our modules."""

    module: str
    name: str


def does(module: Module) -> set[str]:
    """What it imports and calls itself that has an effect."""
    imported = {name for name in module.imports() if name.split(".")[0] not in MAY.union(PACKAGES)}
    return imported | calls(module.tree)


def effects(module: Module) -> set[str]:
    """As `does`, and what it takes from other modules that have an effect, with the way there."""
    return does(module) | {f"{name}: {effect}" for name in module.imports() for effect in effects_of(name)}


def effects_of(dotted: str) -> frozenset[str]:
    """Of one definition; of what is not ours none, as those who import it answer for that."""
    symbol = _symbol(dotted)
    return _effects(symbol) if symbol is not None else frozenset()


def _symbol(dotted: str) -> Symbol | None:
    """None for what is not ours, and for one of our modules as a whole: what is used of it is seen where it is used."""
    module, _, name = dotted.rpartition(".")
    return Symbol(module, name) if module in BY_NAME and dotted not in BY_NAME else None


@cache
def _effects(symbol: Symbol) -> frozenset[str]:
    """Of a definition and all that it uses."""
    found: set[str] = set()
    todo, seen = [symbol], {symbol}
    while todo:
        current = todo.pop()
        found |= _own_effects(current)
        new = _used(current) - seen
        todo += new
        seen |= new
    return frozenset(found)


def _own_effects(symbol: Symbol) -> set[str]:
    module, node = BY_NAME[symbol.module], _definitions(symbol.module).get(symbol.name)
    if node is None:
        return set()
    used = {module.aliases()[name] for name in _names(node) if name in module.aliases()}
    return {f"{symbol.name}: {name}" for name in used if name.split(".")[0] not in MAY.union(PACKAGES)} | {
        f"{symbol.name}: {name}" for name in calls(node)
    }


def _used(symbol: Symbol) -> set[Symbol]:
    module, node = BY_NAME[symbol.module], _definitions(symbol.module).get(symbol.name)
    aliases = module.aliases()
    if node is None:  # handed on from where it is imported
        found = _symbol(aliases.get(symbol.name, ""))
        return {found} if found is not None else set()
    used = {Symbol(symbol.module, name) for name in _names(node) if name in _definitions(symbol.module)}
    used |= {one for name in _names(node) if (one := _symbol(aliases.get(name, ""))) is not None}
    for part in ast.walk(node):  # of a module that is imported as a whole
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            whole = aliases.get(part.value.id, "")
            used |= {Symbol(whole, part.attr)} if whole in BY_NAME else set()
    return used


@cache
def _definitions(name: str) -> dict[str, ast.AST]:
    found: dict[str, ast.AST] = {}
    for node in BY_NAME[name].tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {target.id: node.value for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            found[node.target.id] = node.value
    return found


def _names(node: ast.AST) -> set[str]:
    """Names that are used in it, but for those that only say of what type something is."""
    return {part.id for part in _without_types(node) if isinstance(part, ast.Name)}


def _without_types(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for field, value in ast.iter_fields(node):
        if field not in ("annotation", "returns"):
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST):
                    yield from _without_types(part)


def calls(node: ast.AST) -> set[str]:
    found: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in CALLS:
            found.add(f"{part.func.id}()")
        elif isinstance(part, ast.Attribute) and part.attr in METHODS:
            found.add(f".{part.attr}")
        elif isinstance(part, ast.Call) and ast.unparse(part).endswith("default_rng()"):
            found.add(".default_rng() without a seed")
    return found
