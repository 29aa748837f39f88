"""The command `quittance`: words lead to commands, unknown words to the list."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from quittance.__main__ import COMMANDS, USAGE_STATUS, main

_ROOT = Path(__file__).resolve().parents[3]


def _said(*arguments: str) -> tuple[int, str, str]:
    out, errors = io.StringIO(), io.StringIO()
    return main(arguments, out, errors), out.getvalue(), errors.getvalue()


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("help",)])
def test_without_a_command_the_list_of_all_commands_is_printed(arguments: tuple[str, ...]) -> None:
    status, out, errors = _said(*arguments)
    assert (status, errors) == (0, "")
    assert all(f"{thing} {verb}" in out for thing, verb in COMMANDS)


@pytest.mark.parametrize("arguments", [("orders",), ("orders", "fly"), ("fly", "orders")])
def test_unknown_words_are_named_and_the_list_follows(arguments: tuple[str, ...]) -> None:
    status, out, errors = _said(*arguments)
    assert (status, out) == (USAGE_STATUS, "")
    assert f"no such command: {' '.join(arguments)}" in errors
    assert "orders verify" in errors


@pytest.mark.parametrize("words", list(COMMANDS))
def test_each_command_tells_its_own_full_name_in_its_help(words: tuple[str, str]) -> None:
    done = _run([sys.executable, "-m", "quittance", *words, "--help"], _ROOT)
    assert done.returncode == 0
    assert f"usage: quittance {' '.join(words)} " in done.stdout


def test_a_commands_exit_status_is_the_commands(tmp_path: Path) -> None:
    absent = tmp_path / "absent.zip"
    done = _run([sys.executable, "-m", "quittance", "orders", "verify", str(absent)], _ROOT)
    assert done.returncode == 2
    assert done.stdout == f"{absent}: cannot be read: No such file or directory\n"


def test_the_script_runs_from_any_folder(tmp_path: Path) -> None:
    (tmp_path / "quittance.py").write_text("raise SystemExit('another one')")
    script = _ROOT / "bin" / "quittance"
    done = _run([str(script), "orders", "verify", "absent.zip"], tmp_path)
    assert (done.returncode, done.stderr) == (2, "")


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - the test's own command
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
