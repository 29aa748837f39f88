"""Finds the committed examples of a wire type; all of them are invented."""

from __future__ import annotations

import json
from pathlib import Path

from shared.contracts.generate.schemas import JsonObject, WireType, wire_name

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def example_files(model: WireType) -> list[Path]:
    """Return the example files of a type in the order of their names."""
    return sorted((EXAMPLES / wire_name(model) / f"v{model.VERSION}").glob("*.json"))


def examples_of(model: WireType) -> dict[str, JsonObject]:
    """Return the examples of a type by name ("with-deposit"), in the order of their names."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8")) for path in example_files(model)
    }
