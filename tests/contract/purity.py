"""What a definition does to the world outside, and all that it uses, read from the source itself.

A module that is not pure has parts that are: types, constants, arithmetic. A pure module may use those.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from tests.contract.modules import BY_NAME, PACKAGES, Module

MAY: Final = frozenset(
    {
        "abc", "argparse", "base64", "bisect", "collections", "contextlib", "copy", "dataclasses", "decimal", "difflib",
        "enum", "errno", "fractions", "functools", "hashlib", "heapq", "html", "ipaddress", "itertools", "json", "math",
        "msgspec", "numbers", "numpy", "operator", "re", "shlex", "statistics", "string", "struct", "textwrap", "types",
        "typing", "zlib",
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
    """What it takes from libraries and calls itself that has an effect."""
    imported = {name for name in _taken(module) if name.split(".")[0] not in MAY.union(PACKAGES)}
    return imported | calls(module.tree)


def effects(module: Module) -> set[str]:
    """As `does`, and what it takes from other modules that have an effect, with the way there."""
    return does(module) | {f"{name}: {effect}" for name in _taken(module) for effect in effects_of(name)}


def _taken(module: Module) -> set[str]:
    """Imports of which more is used than a name in annotations or a seeded generator; and those that are not used."""
    mentioned = {part.id for part in ast.walk(module.tree) if isinstance(part, ast.Name)}
    used = _names(module.tree, module.aliases())
    return {name for bound, name in module.bound() if bound in used or bound not in mentioned}


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


@cache
def _own_effects(symbol: Symbol) -> set[str]:
    module, node = BY_NAME[symbol.module], _definitions(symbol.module).get(symbol.name)
    if node is None:
        return set()
    aliases = module.aliases()
    used = {aliases[name] for name in _names(node, aliases) if name in aliases}
    return {f"{symbol.name}: {name}" for name in used if name.split(".")[0] not in MAY.union(PACKAGES)} | {
        f"{symbol.name}: {name}" for name in calls(node)
    }


@cache
def _used(symbol: Symbol) -> set[Symbol]:
    module, node = BY_NAME[symbol.module], _definitions(symbol.module).get(symbol.name)
    aliases = module.aliases()
    if node is None:  # handed on from where it is imported
        found = _symbol(aliases.get(symbol.name, ""))
        return {found} if found is not None else set()
    names = _names(node, aliases)
    used = {Symbol(symbol.module, name) for name in names if name in _definitions(symbol.module)}
    used |= {one for name in names if (one := _symbol(aliases.get(name, ""))) is not None}
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


def _names(node: ast.AST, aliases: Mapping[str, str]) -> set[str]:
    """Names that are used in it, but for those that only say of what type something is or make a seeded generator."""
    parts = list(_without_types(node))
    harmless = {id(part.func) for part in parts if isinstance(part, ast.Call) and _is_seeded_random(part, aliases)}
    harmless |= {id(part.value) for part in parts if isinstance(part, ast.Attribute) and id(part) in harmless}
    return {part.id for part in parts if isinstance(part, ast.Name) and id(part) not in harmless}


def _is_seeded_random(call: ast.Call, aliases: Mapping[str, str]) -> bool:
    function = call.func
    if isinstance(function, ast.Attribute):
        owner = function.value
        is_random = function.attr == "Random" and isinstance(owner, ast.Name) and aliases.get(owner.id) == "random"
    else:
        is_random = isinstance(function, ast.Name) and aliases.get(function.id) == "random.Random"
    return is_random and _is_seeded(call)


def _called(call: ast.Call) -> str:
    """The last name of what is called."""
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _is_seeded(call: ast.Call) -> bool:
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return any(not (isinstance(value, ast.Constant) and value.value is None) for value in given)


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
        elif isinstance(part, ast.Call) and _called(part) == "default_rng" and not _is_seeded(part):
            found.add(".default_rng() without a seed")
    return found
