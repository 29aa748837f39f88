"""Writes the table of docs/performance.md from the kept results: `python -m bench.report`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.results import Result, read_all

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN = "<!-- written by python -m bench.report: begin -->"
END = "<!-- written by python -m bench.report: end -->"
_HEAD = (
    "| benchmark | what | repeats | seconds | floor, s | ratio | MiB | target | met | measured |",
    "|---|---|---|---|---|---|---|---|---|---|",
)
_MET = {True: "yes", False: "**no**", None: "-"}


def table(results: Sequence[Result]) -> str:
    """Return the table, one line per result in the order given."""
    return "\n".join([*_HEAD, *(_line(one) for one in results)])


def rendered(page: str, results: Sequence[Result]) -> str:
    """Return the page with the table between its two marks.

    Raises:
        ValueError: the page has no such place.
    """
    before, begun, rest = page.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not begun or not ended:
        raise ValueError("the page has no place for the table")
    return f"{before}{BEGIN}\n{table(results)}\n{END}{after}"


def main() -> None:
    """Write the page anew."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(rendered(page, read_all()), encoding="utf-8")


def _line(one: Result) -> str:
    machine = one.machine
    where = f"{one.date}, {machine.cpus} CPUs, Python {machine.python}, PostgreSQL"
    cells = (
        f"`{one.name}`",
        _what(one),
        str(one.repeats),
        _seconds(one.seconds),
        _seconds(one.floor_seconds),
        f"{one.ratio:.3f}",
        "-" if one.rss_mib is None else str(one.rss_mib),
        one.target or "-",
        _MET[one.met],
        f"{where} {machine.postgres}",
    )
    return f"| {' | '.join(cells)} |"


def _what(one: Result) -> str:
    beside = ", ".join(f"{number:g} {words}" for words, number in one.beside.items())
    return f"{one.what}; beside it: {beside}" if beside else one.what


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value >= 1 else f"{value:.4f}"


if __name__ == "__main__":
    main()
