"""Finds the source files that the rules are about, and names their modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PRODUCT = ("shared", "services", "sandbox", "quittance", "bench")


@dataclass(frozen=True)
class Source:
    """One Python file, path relative to the root that it was found under."""

    path: Path
    text: str

    @property
    def module(self) -> str:
        """Dotted name; a package's `__init__` bears the package's name."""
        parts = self.path.with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text, filename=str(self.path))


def sources(*tops: str, root: Path = REPOSITORY) -> list[Source]:
    """Return all Python files below some top folders, sorted by path."""
    return [
        Source(path.relative_to(root), path.read_text(encoding="utf-8"))
        for top in tops
        for path in sorted((root / top).rglob("*.py"))
    ]


def source(path: str, text: str) -> Source:
    """Return an invented file, for testing a rule itself."""
    return Source(Path(path), text)


def services(root: Path = REPOSITORY) -> list[str]:
    """Return the package names of the services in the tree."""
    return sorted(
        path.name
        for path in (root / "services").iterdir()
        if path.is_dir() and any(path.rglob("*.py"))
    )


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield every function and method of a file, nested ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
