"""What a benchmark found, kept as JSON in bench/results, one file per name."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median
from typing import Any

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it was measured; nothing that names the machine."""

    cpus: int
    python: str
    postgres: str


@dataclass(frozen=True, slots=True)
class Aim:
    """What a result should reach, in words, and whether it did."""

    words: str
    is_reached: bool


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table.

    Attributes:
        what: what was measured, and against which floor.
        repeats: of the measured work; `seconds` and `floor_seconds` are medians.
        ratio: floor / ours; 1 means that ours costs no more than the floor.
        rss_mib: peak resident memory of the measuring process, the largest of all repeats.
        target: the aim in words, or None where none is set.
        met: whether the aim was reached; None without an aim.
        beside: what else was measured in the same run, by its words.
    """

    name: str
    what: str
    machine: Machine
    repeats: int
    seconds: float
    floor_seconds: float
    ratio: float
    rss_mib: int | None
    target: str | None
    met: bool | None
    date: date
    beside: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> str:
        """Write the result; the same result gives the same bytes."""
        return json.dumps(asdict(self), indent=2, default=str, ensure_ascii=False) + "\n"


def this_machine(postgres: str) -> Machine:
    """Return this machine, with the version of the server that was started."""
    return Machine(os.cpu_count() or 0, platform.python_version(), postgres)


def result(
    name: str,
    what: str,
    *,
    machine: Machine,
    seconds: Sequence[float],
    floor_seconds: Sequence[float],
    rss_mib: int | None = None,
    ratio_min: float | None = None,
    rss_mib_max: int | None = None,
    seconds_max: float | None = None,
    aims: Sequence[Aim] = (),
    beside: Mapping[str, float] | None = None,
) -> Result:
    """Sum repeats up: medians, their ratio, and whether the aims were reached."""
    ours, floor = median(seconds), median(floor_seconds)
    ratio = floor / ours
    every = list(aims)
    if seconds_max is not None:
        every.append(Aim(f"at most {seconds_max:g} s", ours <= seconds_max))
    if ratio_min is not None:
        every.append(Aim(f"ratio of at least {ratio_min}", ratio >= ratio_min))
    if rss_mib_max is not None:
        fits = rss_mib is not None and rss_mib < rss_mib_max
        every.append(Aim(f"peak memory under {rss_mib_max} MiB", fits))
    return Result(
        name=name,
        what=what,
        machine=machine,
        repeats=len(seconds),
        seconds=float(f"{ours:.4g}"),
        floor_seconds=float(f"{floor:.4g}"),
        ratio=round(ratio, 3),
        rss_mib=rss_mib,
        target=", ".join(aim.words for aim in every) or None,
        met=all(aim.is_reached for aim in every) if every else None,
        date=datetime.now(UTC).date(),
        beside=beside or {},
    )


def write(found: Result, folder: Path = FOLDER) -> None:
    """Keep a result; it takes the place of an older one of the same name."""
    folder.mkdir(exist_ok=True)
    (folder / f"{found.name}.json").write_text(found.to_json(), encoding="utf-8")


def read_all(folder: Path = FOLDER) -> list[Result]:
    """Return the kept results by name."""
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _read(path: Path) -> Result:
    given: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    machine, day = Machine(**given["machine"]), date.fromisoformat(given["date"])
    return Result(**given | {"machine": machine, "date": day})
