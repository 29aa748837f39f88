"""The table of docs/performance.md says what the kept results say."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from bench import report
from bench.__main__ import BENCHMARKS, main
from bench.results import Machine, Result, read_all, result, write

MACHINE = Machine(cpus=2, python="3.11.7", postgres="18.6")


def a_result(**changes: Any) -> Result:
    """Return an invented result."""
    values: dict[str, Any] = {
        "name": "import",
        "what": "import of files",
        "machine": MACHINE,
        "repeats": 3,
        "seconds": 20.0,
        "floor_seconds": 0.5,
        "ratio": 0.025,
        "rss_mib": 120,
        "target": None,
        "met": None,
        "date": date(2026, 3, 2),
    }
    return Result(**values | changes)


def test_a_result_is_a_line_of_the_table() -> None:
    line = report.table([a_result()]).splitlines()[-1]
    assert line == (
        "| `import` | import of files | 3 | 20.00 | 0.5000 | 0.025 | 120 | - | - |"
        " 2026-03-02, 2 CPUs, Python 3.11.7, PostgreSQL 18.6 |"
    )


def test_a_target_that_was_missed_stands_out() -> None:
    missed = a_result(target="ratio of at least 0.8", met=False)
    assert "| ratio of at least 0.8 | **no** |" in report.table([missed])
    assert "| **no** |" not in report.table([a_result(target="x", met=True)])


def test_only_what_is_between_the_marks_is_written_anew() -> None:
    page = f"Before.\n{report.BEGIN}\nold\n{report.END}\nAfter.\n"
    once = report.rendered(page, [a_result()])
    assert once.startswith("Before.\n")
    assert once.endswith("After.\n")
    assert "old" not in once
    assert report.rendered(once, [a_result()]) == once


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        report.rendered("nothing", [])


def test_a_kept_result_is_read_back_as_it_was(tmp_path: Path) -> None:
    results = [a_result(name="a"), a_result(name="b", target="x", met=True, rss_mib=None)]
    for one in results:
        write(one, tmp_path)
    assert read_all(tmp_path) == results


def test_medians_make_the_ratio_and_every_aim_must_be_reached() -> None:
    def found(rss_mib: int, ratio_min: float) -> Result:
        return result(
            "n",
            "w",
            machine=MACHINE,
            seconds=[4, 1, 2],
            floor_seconds=[9, 1, 0.5],
            rss_mib=rss_mib,
            ratio_min=ratio_min,
            rss_mib_max=300,
        )

    assert (found(100, 0.5).ratio, found(100, 0.5).repeats) == (0.5, 3)
    assert found(100, 0.5).met
    assert not found(100, 0.51).met
    assert not found(300, 0.5).met
    assert result("n", "w", machine=MACHINE, seconds=[1], floor_seconds=[1]).met is None


def test_the_page_agrees_with_the_kept_results() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    results = read_all()
    assert {one.name for one in results} >= set(BENCHMARKS)
    assert report.rendered(page, results) == page, "say python -m bench.report"


def test_kept_results_name_no_machine_and_add_up() -> None:
    for path in sorted((report.PAGE.parents[1] / "bench/results").glob("*.json")):
        kept = json.loads(path.read_text(encoding="utf-8"))
        assert path.stem == kept["name"]
        assert set(kept["machine"]) == {"cpus", "python", "postgres"}
        assert kept["ratio"] == pytest.approx(kept["floor_seconds"] / kept["seconds"], abs=0.002)
        assert (kept["target"] is None) == (kept["met"] is None)


def test_an_unknown_benchmark_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("nothing") == 2
    assert "import, prepare, listing, acquit, book" in capsys.readouterr().out
