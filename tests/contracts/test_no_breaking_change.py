"""No contract changed within its version, compared with main and with the committed files."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.breaking import breaking_changes
from shared.contracts.generate.files import REPOSITORY
from shared.contracts.generate.listeners import LISTENERS
from shared.contracts.generate.schemas import WIRE_TYPES, schema_file_name, schema_of
from tests.contracts.history import (
    SCHEMAS,
    CommittedSchemas,
    NoHistoryError,
    commits_to_compare_with,
    environment_without_git,
    schemas_at,
)


def test_no_contract_breaks_the_committed_files() -> None:
    committed = {
        path.name: json.loads(path.read_text(encoding="utf-8"))
        for path in (REPOSITORY / SCHEMAS).glob("*.json")
    }
    assert committed
    assert broken_contracts(committed, _present()) == []


def test_no_contract_breaks_what_main_promised() -> None:
    try:
        bases = [schemas_at(REPOSITORY, c) for c in commits_to_compare_with(REPOSITORY)]
    except NoHistoryError as missing:
        pytest.skip(f"contracts are compared with the committed files only: {missing}")
    for base in bases:
        assert broken_contracts(base.schemas, _present()) == [], f"compared with {base.commit}"


def test_a_removed_contract_is_named_with_those_who_listen() -> None:
    name = schema_file_name(WIRE_TYPES[0])
    rest = {file: schema for file, schema in _present().items() if file != name}
    (problem,) = broken_contracts(_present(), rest)
    assert problem.startswith(f"{name}: removed")
    assert LISTENERS["practice-registered"][0] in problem


def test_on_a_branch_the_base_is_where_it_left_main(tmp_path: Path) -> None:
    _repository_with_a_branch(tmp_path)
    (base,) = commits_to_compare_with(tmp_path)
    assert schemas_at(tmp_path, base) == CommittedSchemas(base, {"a.v1.json": {"title": "first"}})


def test_on_main_the_last_two_commits_count(tmp_path: Path) -> None:
    _repository_with_a_branch(tmp_path)
    _git(tmp_path, "checkout", "--quiet", "main")
    found = [schemas_at(tmp_path, commit).schemas for commit in commits_to_compare_with(tmp_path)]
    assert found == [{"a.v1.json": {"title": "first"}}, {}]


def test_without_a_repository_the_reason_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoHistoryError, match="not a git repository"):
        commits_to_compare_with(tmp_path)


def broken_contracts(old: dict[str, dict[str, Any]], new: dict[str, dict[str, Any]]) -> list[str]:
    """Return one entry per schema that no longer keeps what it promised, and whom it concerns."""
    problems = []
    for name, schema in sorted(old.items()):
        listeners = LISTENERS.get(name.split(".", maxsplit=1)[0], ())
        concerned = f" (listening: {', '.join(listeners) or 'nobody'})"
        if name not in new:
            problems.append(f"{name}: removed{concerned}")
            continue
        problems += [
            f"{name}: {change}{concerned}" for change in breaking_changes(schema, new[name])
        ]
    return problems


def _present() -> dict[str, dict[str, Any]]:
    return {schema_file_name(model): schema_of(model) for model in WIRE_TYPES}


def _repository_with_a_branch(folder: Path) -> None:
    """Make main (nothing, then a schema) and a branch that changes the schema; check it out."""
    _git(folder, "init", "--quiet", "--initial-branch=main")
    _git(folder, "commit", "--quiet", "--allow-empty", "--message=nothing yet")
    _commit_schema(folder, "first")
    _git(folder, "checkout", "--quiet", "-b", "work")
    _commit_schema(folder, "second")


def _commit_schema(folder: Path, title: str) -> None:
    path = folder / SCHEMAS / "a.v1.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"title": title}))
    _git(folder, "add", ".")
    _git(folder, "commit", "--quiet", f"--message={title}")


def _git(folder: Path, *arguments: str) -> None:
    settings = ("user.name=Test", "user.email=test@example.org", "commit.gpgsign=false")
    options = [part for setting in settings for part in ("-c", setting)]
    command = ["git", "-C", str(folder), *options, *arguments]
    environment = environment_without_git()
    subprocess.run(command, check=True, timeout=30, env=environment)  # noqa: S603 - fixed arguments
