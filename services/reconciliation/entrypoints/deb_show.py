"""How `quittance deb` shows the answers of a service.

They may have fields that this version does not know, or lack some: both are fine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table

_LIST_NAMES: Final = ("items", "rows")
_CELL_FACTS_MAX: Final = 4
_OF_PAGES: Final = frozenset({"items", "next", "totals"})


def show(body: Mapping[str, Any], console: Console) -> None:
    """Print an answer: its facts, then each of its parts and lists as a table."""
    _show_facts({name: value for name, value in body.items() if not _is_table(value)}, console)
    for name, value in body.items():
        if _is_list(value):
            _show_list(name, value, console)
        elif _is_part(value):
            console.print(f"\n{_words(name)}", style="italic")
            show(value, console)


def show_pages(
    pages: Iterable[Mapping[str, Any]], console: Console, *, rows_max: int | None = None
) -> str | None:
    """Print the facts of a list's first page, and the rows of all of them.

    Args:
        rows_max: no page is asked for beyond so many rows.

    Returns:
        The cursor behind the last page shown, where there is another one; else None.
    """
    shown = 0
    for page in pages:
        if not shown:
            show({name: value for name, value in page.items() if name not in _OF_PAGES}, console)
        items: Any = page.get("items")
        if _is_list(items):
            _show_list("items", [_with_changes(row) for row in items], console)
            shown += len(items)
        if rows_max is not None and shown >= rows_max and page.get("next") is not None:
            return str(page["next"])
    return None


def say(console: Console, words: str) -> None:
    """Print words as they are, in one line."""
    console.print(words, markup=False, highlight=False, soft_wrap=True)


def _show_facts(facts: Mapping[str, Any], console: Console) -> None:
    if not facts:
        return
    table = Table(box=None, show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in facts.items():
        table.add_row(_words(name), _cell(value))
    console.print(table)


def _is_table(value: object) -> bool:
    return _is_list(value) or _is_part(value)


def _is_part(value: Any) -> bool:
    """Whether it is an object of many facts, which no cell can show."""
    return isinstance(value, dict) and len(value) > _CELL_FACTS_MAX and "total" not in value


def _is_list(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _with_changes(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a row with its invoice's position before and after as one change for each fact."""
    if "before" not in row or "after" not in row:
        return row
    before, after = (
        row[name] if isinstance(row[name], dict) else {} for name in ("before", "after")
    )
    changes = {
        name: {"before": before.get(name), "after": after.get(name)}
        for name in dict.fromkeys([*before, *after])
    }
    return {name: one for name, one in row.items() if name not in {"before", "after"}} | changes


def _show_list(name: str, rows: Sequence[Mapping[str, Any]], console: Console) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    filled = [key for key in columns if any(row.get(key) not in {None, ""} for row in _flat(rows))]
    title = None if name in _LIST_NAMES else _words(name)
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    for key in filled:
        table.add_column(_words(key), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(key)) for key in filled))
    console.print(table)


def _flat(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    return [{key: _cell(value) for key, value in row.items()} for row in rows]


def _words(name: str) -> str:
    return _plain(name.replace("_", " "))


def _cell(value: object) -> str:
    """Return a value in words: an amount with its currency, a change with an arrow."""
    if isinstance(value, dict):
        return _object(value)
    if isinstance(value, list):
        return ("\n" if _is_list(value) else ", ").join(_cell(one) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else _plain(str(value))


def _object(value: Mapping[str, Any]) -> str:
    if set(value) == {"amount", "currency"}:
        return _plain(f"{value['currency']} {value['amount']}")
    if "total" in value:
        return _cell(value["total"])
    if set(value) == {"before", "after"}:
        return _change(_cell(value["before"]), _cell(value["after"]))
    if {"account", "role", "amount"} <= set(value):
        return f"{_cell(value['account'])} {_cell(value['amount'])}"
    return ", ".join(f"{_words(key)} {_cell(one)}" for key, one in value.items())


def _change(before: str, after: str) -> str:
    """Return what changes, the currency once; what stays as it was has no arrow."""
    if before == after:
        return before
    currency = f"{before.partition(' ')[0]} "
    return f"{before} → {after.removeprefix(currency)}"


def _plain(cell: str) -> str:
    """The text without what the console would take for markup, or a terminal for a command."""
    printable = "".join(char if char.isprintable() else "�" for char in cell)
    return printable.replace("[", r"\[")
