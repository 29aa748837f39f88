"""Every known pitfall has a test that prevents it, or a reason why it cannot happen here."""

from __future__ import annotations

import re

from tests.architecture.sources import REPOSITORY
from tests.architecture.test_documents import NAMED_TEST, unknown_tests

PITFALLS = 34
ROW = re.compile(r"^\| P(\d+) \| (.*) \| (.*) \|$", re.MULTILINE)
CODE = re.compile(r"`[^`]*`")
REASON = re.compile(r"does not apply: \S+ \S+")


def faults(page: str) -> list[str]:
    """Return what a page lacks: numbers, words, tests that exist, or reasons."""
    rows = ROW.findall(page)
    numbers = [int(number) for number, _, _ in rows]
    found = [] if numbers == list(range(1, PITFALLS + 1)) else [f"the numbers are {numbers}"]
    for number, pitfall, answer in rows:
        spans = CODE.findall(answer)
        if not pitfall.strip():
            found.append(f"P{number} says nothing")
        if not spans and not REASON.match(answer):
            found.append(f"P{number} has neither a test nor a reason")
        found += [f"P{number}: {span} is no test" for span in spans if not NAMED_TEST.match(span)]
    return found + unknown_tests(page, REPOSITORY)


def test_every_pitfall_has_a_test_that_exists_or_a_reason() -> None:
    page = (REPOSITORY / "docs/pitfalls.md").read_text(encoding="utf-8")
    assert not faults(page), "\n".join(faults(page))


def test_a_gap_in_the_page_is_noticed() -> None:
    here = "tests/architecture/test_pitfalls.py"
    right = f"| P{{}} | wrong | `{here}::test_a_gap_in_the_page_is_noticed` |"
    rows = [right.format(number) for number in range(1, PITFALLS + 1)]
    assert faults("\n".join(rows)) == []
    rows[0] = "| P1 | wrong | does not apply: nobody does it |"
    assert faults("\n".join(rows)) == []
    assert faults("\n".join(rows[:-1])) == [f"the numbers are {list(range(1, PITFALLS))}"]
    for answer, fault in (
        ("", "P1 has neither a test nor a reason"),
        ("does not apply: ", "P1 has neither a test nor a reason"),
        (f"`{here}`", f"P1: `{here}` is no test"),
        (f"`{here}::test_gone`", f"{here}::test_gone"),
    ):
        assert faults("\n".join([f"| P1 | wrong | {answer} |", *rows[1:]])) == [fault]
