"""The generated files: what they must say, which committed ones do not, and writing them."""

from __future__ import annotations

import difflib
from pathlib import Path

from shared.contracts.generate.asyncapi import asyncapi_document
from shared.contracts.generate.events_page import events_page
from shared.contracts.generate.schemas import WIRE_TYPES, as_json, schema_file_name, schema_of

REPOSITORY = Path(__file__).resolve().parents[3]
_CONTRACTS = Path("shared/contracts")
_SCHEMAS = _CONTRACTS / "schemas"


def generated_files() -> dict[Path, str]:
    """Return every generated file, path relative to the repository → text."""
    files = {_SCHEMAS / schema_file_name(model): as_json(schema_of(model)) for model in WIRE_TYPES}
    files[_CONTRACTS / "asyncapi.json"] = as_json(asyncapi_document())
    files[Path("docs/events.md")] = events_page()
    return files


def differences(root: Path) -> list[str]:
    """Return one readable entry per file under `root` that does not say what the models say."""
    wanted = generated_files()
    problems = [
        _difference(root / path, path, text)
        for path, text in sorted(wanted.items())
        if _read(root / path) != text
    ]
    known = {root / path for path in wanted}
    problems += [
        f"{path.relative_to(root)}: no model has this schema; remove it"
        for path in sorted((root / _SCHEMAS).glob("*.json"))
        if path not in known
    ]
    return problems


def write(root: Path) -> list[Path]:
    """Write what differs under `root`, remove schemas without a model; return what was touched."""
    touched = []
    wanted = generated_files()
    for path, text in wanted.items():
        target = root / path
        if _read(target) != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
            touched.append(path)
    for orphan in sorted((root / _SCHEMAS).glob("*.json")):
        if orphan.relative_to(root) not in wanted:
            orphan.unlink()
            touched.append(orphan.relative_to(root))
    return touched


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _difference(target: Path, name: Path, text: str) -> str:
    committed = _read(target)
    if committed is None:
        return f"{name}: missing"
    lines = difflib.unified_diff(
        committed.splitlines(), text.splitlines(), "committed", "generated", lineterm="", n=1
    )
    return f"{name}: stale\n" + "\n".join(f"    {line}" for line in lines)
