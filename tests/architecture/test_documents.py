"""What the documents name exists: tests, files and decisions."""

from __future__ import annotations

import re
from pathlib import Path

from tests.architecture.source_rules import test_functions as functions_that_test
from tests.architecture.sources import REPOSITORY, Source

NAMED_TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
LINK = re.compile(r"\]\(([^)#:]+)\)")
PAGES = sorted((REPOSITORY / "docs").rglob("*.md"))


def unknown_tests(page: str, root: Path) -> list[str]:
    """Return the tests that a page names and that do not exist."""
    missing = []
    for path, name in NAMED_TEST.findall(page):
        file = root / path
        known = []
        if file.exists():
            source = Source(Path(path), file.read_text(encoding="utf-8"))
            known = [test.name for test in functions_that_test(source)]
        if name not in known:
            missing.append(f"{path}::{name}")
    return missing


def test_every_test_that_a_document_names_exists() -> None:
    missing = [f for p in PAGES for f in unknown_tests(p.read_text(encoding="utf-8"), REPOSITORY)]
    assert not missing, "\n".join(missing)


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(REPOSITORY)}: {target}"
        for page in PAGES
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert not broken, "\n".join(broken)


def test_decisions_are_numbered_without_a_gap_and_say_their_status() -> None:
    decisions = sorted((REPOSITORY / "docs/decisions").glob("*.md"))
    numbers = [int(path.name[:4]) for path in decisions]
    assert numbers == list(range(1, len(numbers) + 1))
    for path in decisions:
        lines = path.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(f"# {path.name[:4]} "), path.name
        assert any(line.startswith("Status: ") for line in lines[:5]), path.name


def test_a_test_that_does_not_exist_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").write_text("def test_it_is_there() -> None: ...\n")
    page = "`tests/test_a.py::test_it_is_there` `tests/test_a.py::test_gone` `tests/b.py::test_x`"
    assert unknown_tests(page, tmp_path) == ["tests/test_a.py::test_gone", "tests/b.py::test_x"]
