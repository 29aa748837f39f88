"""Checks the imports of a file against the table in import_table.py."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence

from tests.architecture.import_table import IMPORT_TABLE, Room
from tests.architecture.sources import Source

_DYNAMIC = frozenset({"importlib.import_module", "import_module", "__import__"})


def forbidden_imports(source: Source, table: Sequence[Room] = IMPORT_TABLE) -> list[str]:
    """Return one sentence per import that the module's room does not allow."""
    room = room_of(source.module, table)
    if room is None:
        return [f"{source.path}: {source.module} has no row in the import table"]
    allowed = [_of_this_service(name, source.module) for name in room.may_import]
    return [
        f"{source.path}:{line}: {room.name} may not import {target}"
        for line, target in imported_modules(source.tree)
        if not _is_standard_library(target)
        and not any(_is_within(target, name) for name in allowed)
    ]


def room_of(module: str, table: Sequence[Room]) -> Room | None:
    """Return the first row whose room contains the module."""
    return next((room for room in table if _room_contains(room.name, module)), None)


def imported_modules(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted name) of everything imported, wherever in the file it stands.

    `from services import orders` imports services.orders; so the last name is kept where the first
    ones are a package of ours.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                yield node.lineno, f"{module}.{alias.name}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in _DYNAMIC:
            yield from ((node.lineno, name) for name in _texts(node.args[:1]))


def _texts(nodes: Sequence[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _room_contains(room: str, module: str) -> bool:
    steps, names = room.split("."), module.split(".")
    return len(steps) <= len(names) and all(
        step in ("*", name) for step, name in zip(steps, names, strict=False)
    )


def _of_this_service(name: str, module: str) -> str:
    parts = module.split(".")
    return name.replace("services.SELF", ".".join(parts[:2])) if len(parts) > 1 else name


def _is_within(target: str, package: str) -> bool:
    return target == package or target.startswith(f"{package}.")


def _is_standard_library(target: str) -> bool:
    return target.split(".", maxsplit=1)[0] in sys.stdlib_module_names
