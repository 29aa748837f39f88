"""Writes the generated files, or says which of the committed ones are stale."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from shared.contracts.generate.files import REPOSITORY, differences, write


def main(arguments: list[str] | None = None, *, root: Path = REPOSITORY) -> int:
    """Run the command; return its exit status (1: something committed is stale)."""
    parser = argparse.ArgumentParser(prog="python -m shared.contracts.generate")
    parser.add_argument("--check", action="store_true", help="write nothing, report what is stale")
    if not parser.parse_args(arguments).check:
        for path in write(root):
            sys.stdout.write(f"written: {path}\n")
        return 0
    problems = differences(root)
    for problem in problems:
        sys.stdout.write(f"{problem}\n")
    if problems:
        sys.stdout.write(f"{len(problems)} stale; run: python -m shared.contracts.generate\n")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
