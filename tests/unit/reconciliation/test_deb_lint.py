"""`quittance deb lint` explains a file by line and column; the guide shows what it really says."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path

import pytest

from services.reconciliation.adapters.layouts import layout_in
from services.reconciliation.entrypoints.deb_cli import lint_main
from tests.support.deb_builder import DebFile, Row

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs/deb/bring-your-own.md").read_text(encoding="utf-8")
EXAMPLES = ROOT / "docs/deb/examples"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


def linted(file: Path, layout: str, *more: str) -> tuple[int, str]:
    out = io.StringIO()
    return lint_main([str(file), "--layout", layout, *more], out), out.getvalue()


def blocks(kind: str) -> list[str]:
    return [text for name, text in BLOCK.findall(GUIDE) if name == kind]


def test_the_layout_that_the_guide_writes_step_by_step_is_the_one_in_the_examples() -> None:
    written = "\n".join(blocks("toml"))
    assert written == (EXAMPLES / "zahnkasse.toml").read_text(encoding="utf-8")
    assert layout_in(EXAMPLES / "zahnkasse.toml").name == "zahnkasse"


@pytest.mark.parametrize("name", ["zahnkasse.csv", "zahnkasse-mistakes.csv"])
def test_the_sample_files_in_the_guide_are_those_in_the_examples(name: str) -> None:
    assert (EXAMPLES / name).read_text(encoding="utf-8") in blocks("csv")


def test_what_the_guide_shows_of_lint_is_what_lint_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    sessions = [text for text in blocks("console") if "quittance deb lint" in text]
    assert len(sessions) == 3
    for session in sessions:
        command, said = session.split("\n", 1)
        arguments = shlex.split(command.removeprefix("$ bin/quittance deb lint "))
        assert linted(Path(arguments[0]), *arguments[2:])[1] == said


def test_a_file_that_fits_ends_with_0_and_its_sums_per_kind(tmp_path: Path) -> None:
    file = tmp_path / "file.deb"
    file.write_bytes(DebFile((Row("R-1", "payout", rappen=11500), Row("R-2", "sent"))).data())
    status, said = linted(file, "quittance-v1")
    assert status == 0
    assert re.search(r"payout +1 +115\.00\n", said)
    assert "2 rows: 2 fit, 0 do not" in said


def test_a_bad_field_is_shown_with_its_place_in_a_long_line(tmp_path: Path) -> None:
    file = tmp_path / "file.deb"
    row = Row("R-1", "payout", amount_text="+0000000010.5", beneficiary="X")
    file.write_bytes(DebFile((row,), total=0, sums=(("payout", 1, 0),)).data())
    status, said = linted(file, "quittance-v1")
    assert status == 1
    assert "line 2, column 165: amount [bad-amount]" in said
    assert "expected digits only, at most 15; found 0000000010.5" in said
    assert "line 2, column 200: beneficiary" in said
    line, pointer = said.split("found 0000000010.5\n")[1].split("\n")[:2]
    assert line[pointer.index("^") :].startswith("0000000010.5CHF")
    assert pointer.count("^") == len("0000000010.5")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file as a whole: the file cannot be booked [wrong-layout]"),
        (DebFile((Row(),), total=1).data(), "line 4: the file cannot be booked [trailer-sum-mis"),
        (DebFile().data()[:-1], "line 2, column 241: the file cannot be booked [truncated]"),
    ],
)
def test_a_file_that_cannot_be_booked_ends_with_1_and_the_reason(
    tmp_path: Path, data: bytes, words: str
) -> None:
    file = tmp_path / "file.deb"
    file.write_bytes(data)
    status, said = linted(file, "quittance-v1")
    assert status == 1
    assert words in said


def test_many_problems_are_counted_and_shown_only_when_asked(tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    file.write_text("2026-03-10,sent,R,1,x,\n" * 30)
    _, few = linted(file, "quittance-minimal")
    _, everything = linted(file, "quittance-minimal", "--all")
    assert "... and 10 more problems" in few
    assert (few.count("[bad-amount]"), everything.count("[bad-amount]")) == (20, 30)


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ("crediflow", "no layout crediflow is shipped; there are quittance-de-fr"),
        ("bad.toml", "bad.toml: encoding: is missing"),
        ("none.toml", "none.toml: No such file or directory"),
    ],
)
def test_a_layout_that_cannot_be_used_ends_with_2_and_the_reason(
    tmp_path: Path, layout: str, words: str
) -> None:
    (tmp_path / "bad.toml").write_text('name = "bad"')
    given = str(tmp_path / layout) if layout.endswith(".toml") else layout
    status, said = linted(tmp_path / "file", given)
    assert status == 2
    assert words in said


def test_a_file_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    assert linted(tmp_path / "none", "quittance-v1")[0] == 2


def test_what_a_terminal_would_obey_is_not_printed(tmp_path: Path) -> None:
    file = tmp_path / "file.csv"
    file.write_text("2026-03-10,sent,R,1,\x1b[31mred,\n")
    status, said = linted(file, "quittance-minimal")
    assert status == 1
    assert "\x1b" not in said
