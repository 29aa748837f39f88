"""Reads the committed schemas of earlier commits, where git and its history are there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SCHEMAS = "shared/contracts/schemas"
_MAIN = ("origin/main", "main")


class NoHistoryError(Exception):
    """The history cannot be read; the message names what is missing."""


@dataclass(frozen=True)
class CommittedSchemas:
    """The schemas of one commit, by file name."""

    commit: str
    schemas: dict[str, dict[str, Any]] = field(default_factory=dict)


def commits_to_compare_with(repository: Path) -> list[str]:
    """Return the commits whose contracts must still hold.

    On a branch: where it left main. On main: the last commit and the one before it, so that both
    an uncommitted change and the newest commit are looked at.

    Raises:
        NoHistoryError: git or the repository is missing.
    """
    head = _resolve(repository, "HEAD")
    if head is None:
        raise NoHistoryError("the repository has no commit yet")
    mains = [main for main in _MAIN if _resolve(repository, main)]
    base = _git(repository, "merge-base", "HEAD", mains[0]).strip() if mains else head
    if base != head:
        return [base]
    before = _resolve(repository, "HEAD^")
    return [head] if before is None else [head, before]


def schemas_at(repository: Path, commit: str) -> CommittedSchemas:
    """Return the schema files of a commit; none when the commit has no such folder."""
    listing = _git(repository, "ls-tree", "--name-only", commit, f"{SCHEMAS}/").split()
    return CommittedSchemas(
        commit,
        {
            Path(path).name: json.loads(_git(repository, "show", f"{commit}:{path}"))
            for path in listing
            if path.endswith(".json")
        },
    )


def environment_without_git() -> dict[str, str]:
    """Return the environment without git's own variables, which a hook would redirect us by."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}


def _resolve(repository: Path, name: str) -> str | None:
    try:
        return _git(repository, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}").strip()
    except subprocess.CalledProcessError:
        return None


def _git(repository: Path, *arguments: str) -> str:
    git = shutil.which("git")
    if git is None:
        raise NoHistoryError("git is not installed")
    if not (repository / ".git").exists():
        raise NoHistoryError("this copy is not a git repository")
    finished = subprocess.run(  # noqa: S603 - fixed programme, arguments from this file
        [git, "-C", str(repository), *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=30,
        env=environment_without_git(),
    )
    return finished.stdout
