"""Tells whether a contract changed in a way that its version does not allow.

Within a version only optional fields are added. Everything else breaks somebody: topics are kept
for ever, so new consumers read old events, and consumers are not all rolled at the same moment, so
old consumers read new events. Words for people (title, description, examples) may change freely.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

JsonObject = dict[str, Any]
_WORDS = frozenset({"title", "description", "examples", "$schema", "$defs", "$comment"})
_OWN_MEANING = {
    "x-topic": "topic",
    "x-subject": "subject (aggregate id)",
    "x-producer": "producer",
    "$id": "dataschema",
}
_LOWER_BOUNDS = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems"})
_UPPER_BOUNDS = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems"})


def breaking_changes(old: JsonObject, new: JsonObject) -> list[str]:
    """Return what in `new` breaks the contract `old`, one sentence per fact; empty: nothing.

    Both are JSON Schemas as shared.contracts.generate writes them.
    """
    changes = [
        f"{meaning} changed from {old[key]!r} to {new.get(key)!r}"
        for key, meaning in _OWN_MEANING.items()
        if key in old and old[key] != new.get(key)
    ]
    changes += _compare(_unfolded(old, old), _unfolded(new, new), "")
    return changes


def _unfolded(node: Any, root: JsonObject) -> Any:
    """Replace references by what they name, and drop words for people; wire types do not recur."""
    if isinstance(node, list):
        return [_unfolded(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[-1]
        siblings = {key: value for key, value in node.items() if key != "$ref"}
        return _unfolded(root["$defs"][name] | siblings, root)
    return {key: _unfold_member(key, value, root) for key, value in node.items() if _counts(key)}


def _unfold_member(key: str, value: Any, root: JsonObject) -> Any:
    if key == "properties":
        return {name: _unfolded(rule, root) for name, rule in value.items()}
    return _unfolded(value, root)


def _counts(key: str) -> bool:
    return key not in _WORDS and key not in _OWN_MEANING


def _compare(old: JsonObject, new: JsonObject, path: str) -> list[str]:
    changes = list(_compare_fields(old, new, path))
    for key in sorted({*old, *new} - {"properties", "required"}):
        if _same(old.get(key), new.get(key)):
            continue
        if key == "items" and key in old and key in new:
            changes += _compare(old[key], new[key], f"{path}[]")
        elif key == "anyOf" and key in old and key in new:
            changes += _compare_choices(old[key], new[key], path)
        else:
            changes.append(_rule_change(key, old.get(key), new.get(key), path))
    return changes


def _compare_fields(old: JsonObject, new: JsonObject, path: str) -> Iterator[str]:
    old_fields, new_fields = old.get("properties", {}), new.get("properties", {})
    old_required, new_required = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(old_fields):
        field = f"{path}.{name}" if path else name
        if name not in new_fields:
            yield f"{field}: removed"
            continue
        if name in new_required - old_required:
            yield f"{field}: became required; retained events may lack it"
        if name in old_required - new_required:
            yield f"{field}: became optional; older consumers rely on it"
        yield from _compare(old_fields[name], new_fields[name], field)
    for name in sorted(set(new_fields) - set(old_fields)):
        if name in new_required:
            field = f"{path}.{name}" if path else name
            yield f"{field}: new and required; retained events lack it"


def _compare_choices(old: list[JsonObject], new: list[JsonObject], path: str) -> list[str]:
    """Compare the branches of "this or null" by their kind, so that a deep change is named."""
    if len(old) == len(new) and [_kind(c) for c in old] == [_kind(c) for c in new]:
        return [
            change
            for old_choice, new_choice in zip(old, new, strict=True)
            for change in _compare(old_choice, new_choice, path)
        ]
    removed = [_kind(choice) for choice in old if choice not in new]
    added = [_kind(choice) for choice in new if choice not in old]
    if removed and not added:
        return [f"{_at(path)}: narrowed, no longer {', '.join(removed)}"]
    if added and not removed:
        return [f"{_at(path)}: widened by {', '.join(added)}; older consumers refuse it"]
    return [f"{_at(path)}: type changed from {', '.join(removed)} to {', '.join(added)}"]


def _same(old: Any, new: Any) -> bool:
    """Whether two rules say the same; the order of a list of choices says nothing."""
    if isinstance(old, list) and isinstance(new, list):
        return all(item in new for item in old) and all(item in old for item in new)
    return bool(old == new)


def _kind(choice: JsonObject) -> str:
    return str(choice.get("type", choice.get("const", "object")))


def _rule_change(key: str, old: Any, new: Any, path: str) -> str:
    where = _at(path)
    if key == "default":
        return f"{where}: an absent field now means {new!r} instead of {old!r}"
    if key == "enum" and isinstance(old, list) and isinstance(new, list):
        removed, added = [v for v in old if v not in new], [v for v in new if v not in old]
        parts = [f"no longer {removed}"] if removed else []
        parts += [f"widened by {added}; older consumers refuse it"] if added else []
        return f"{where}: values changed: {'; '.join(parts)}"
    return f"{where}: {key} {_direction(key, old, new)} from {old!r} to {new!r}"


def _direction(key: str, old: Any, new: Any) -> str:
    """Say "narrowed", "widened" or, where the two cannot be ordered, "changed"."""
    if old is None:
        return "narrowed"
    if new is None:
        return "widened"
    if key in _LOWER_BOUNDS:
        return "narrowed" if new > old else "widened"
    if key in _UPPER_BOUNDS:
        return "narrowed" if new < old else "widened"
    return "changed"


def _at(path: str) -> str:
    return path or "the whole"
