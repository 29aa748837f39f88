"""Walks through a TOML document and names the key at which it goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from services.reconciliation.domain.deb.layout import LayoutError

E = TypeVar("E", bound=StrEnum)
_NAMES = {
    str: "a text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}
_MISSING: Any = object()


class Table:
    """One table of the document; every key that is asked for is one that it may have."""

    def __init__(self, data: Mapping[str, Any], path: str = "") -> None:
        self._data = data
        self._path = path
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def key(self, key: str) -> str:
        """Return the full name of a key of this table."""
        return f"{self._path}.{key}" if self._path else key

    def error(self, key: str, words: str) -> LayoutError:
        """Return an error about a key."""
        return LayoutError(f"{self.key(key)}: {words}")

    def text(self, key: str, default: str = _MISSING) -> str:
        """Return a text.

        Raises:
            LayoutError: it is missing and has no default, or is something else.
        """
        value: str = self._get(key, str, default)
        return value

    def number(self, key: str) -> int:
        """Return a whole number."""
        value: int = self._get(key, int, _MISSING)
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        value: bool = self._get(key, bool, default)
        return value

    def texts(self, key: str, default: tuple[str, ...] = _MISSING) -> tuple[str, ...]:
        """Return a list of texts; one text stands for a list of one."""
        self._asked.add(key)
        value = self._data.get(key, default)
        if value is _MISSING:
            raise self.error(key, "is missing")
        given = (value,) if isinstance(value, str) else value
        if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
            raise self.error(key, "must be a text or a list of texts")
        if any(one == "" for one in given):
            raise self.error(key, "has an empty text")
        return tuple(given)

    def one_of(self, key: str, choices: type[E], default: E = _MISSING) -> E:
        """Return one of the words of an enumeration."""
        given = self.text(key, default)
        try:
            return choices(given)
        except ValueError as error:
            raise self.error(key, f"{given!r} is none of {', '.join(choices)}") from error

    def table(self, key: str) -> Table:
        """Return a table; one that is left out is empty."""
        return Table(self._get(key, dict, {}), self.key(key))

    def tables(self, key: str) -> Iterator[Table]:
        """Yield the tables of a list; their names in errors count from 1."""
        given: list[Any] = self._get(key, list, _MISSING)
        for number, one in enumerate(given, 1):
            path = f"{self.key(key)}[{number}]"
            if not isinstance(one, dict):
                raise LayoutError(f"{path}: must be a table")
            name = one.get("name")
            yield Table(one, f"{path} ({name})" if isinstance(name, str) else path)

    def pairs(self) -> Mapping[str, str]:
        """Return the whole table as texts by text."""
        for key in self._data:
            self.text(key)
        return self._data

    def keys_there(self) -> list[str]:
        """Return the keys that are there."""
        return list(self._data)

    def done(self) -> None:
        """Refuse keys that nobody asked for: they are misspelt, or mean nothing here.

        Raises:
            LayoutError: there is one.
        """
        for key in self._data:
            if key not in self._asked:
                raise self.error(key, f"is no key here; keys are {', '.join(sorted(self._asked))}")

    def _get(self, key: str, kind: type, default: Any) -> Any:
        self._asked.add(key)
        value = self._data.get(key, default)
        if value is _MISSING:
            raise self.error(key, "is missing")
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise self.error(key, f"must be {_NAMES[kind]}")
        return value
