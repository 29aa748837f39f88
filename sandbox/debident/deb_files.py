"""The portal's DEB desk: writes down what happened since the last file, and offers the files."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.debident.deb_writer import DebHeader, DebRow, write_deb_file
from sandbox.debident.facts import fact_from_json
from sandbox.debident.hostile import broken, truncated, with_hostile_rows, with_wrong_totals
from sandbox.debident.store import Store
from sandbox.debident.stored_file import StoredFile
from shared.kernel.clock import SWISS_TIME

PAGE_FILES = 100


MENDED_AFTER = timedelta(days=1)
WITHHELD_FOR = timedelta(days=3)

_NUMBERED = (
    "SELECT number AS position, file_id, name, sha256, size, row_count, created_at FROM ("
    "SELECT *, row_number() OVER (ORDER BY position) AS number FROM deb_file"
    " WHERE account_number = ?) WHERE hidden_until IS NULL"
)


@dataclass(frozen=True, slots=True)
class OfferedFile:
    """A DEB file as it is listed."""

    position: int
    file_id: str
    name: str
    sha256: str
    size: int
    row_count: int
    created_at: str

    def to_json(self) -> dict[str, object]:
        """Return the form of `GET /v1/deb-files`."""
        return {
            "position": self.position,
            "file_id": self.file_id,
            "name": self.name,
            "sha256": self.sha256,
            "size": self.size,
            "created_at": self.created_at,
        }


class DebDesk:
    """DEB files of all accounts; every method is about one account only."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def publish(
        self, account: str, *, at: datetime, flaws: frozenset[str] = frozenset()
    ) -> OfferedFile | None:
        """Write a file with every fact up to the day of `at` that no file has told yet.

        `flaws` are names of `FILE_FLAWS`; a file that cannot be read is mended under the same id
        after a while, so that no fact is lost. Returns None, and writes nothing, when there is
        nothing new.
        """
        rows = self._untold(account, at)
        if not rows:
            return None
        previous = self._last_written(account)
        told_before = self._told_in(previous) if previous and "overlapping_deb" in flaws else []
        file_id = f"{account}-{self._count_written(account) + 1:06d}"
        header = DebHeader(
            file_id=file_id, previous_file_id=previous, account_number=account, created_at=at
        )
        all_rows = [*told_before, *rows]
        right = self._right_content(header, all_rows, flaws)
        shown = _broken_content(right, file_id, flaws)
        offered = self._offer(account, file_id, file_id, shown, len(all_rows), at)
        self._store.run(
            "UPDATE deb_file SET flaw = ?, hidden_until = ?, mended_content = ?, mended_at = ?"
            " WHERE file_id = ?",
            " ".join(sorted(flaws)).replace("_", "-"),
            (at + WITHHELD_FOR).isoformat() if "withheld_deb" in flaws else None,
            right if shown != right else None,
            (at + MENDED_AFTER).isoformat() if shown != right else None,
            file_id,
        )
        self._store.run_many(
            "UPDATE fact SET first_file_id = ? WHERE record_id = ?",
            [(file_id, row.record_id) for row in rows],
        )
        if "duplicate_deb" in flaws:
            self._offer(account, f"{file_id}-again", file_id, shown, len(all_rows), at)
        return offered

    def _right_content(self, header: DebHeader, rows: list[DebRow], flaws: frozenset[str]) -> bytes:
        if "hostile_rows_deb" not in flaws:
            return write_deb_file(header, rows)
        foreign = self._store.row(
            "SELECT invoice_number FROM order_line WHERE account_number <> ? AND accepted = 1"
            " ORDER BY invoice_number LIMIT 1",
            header.account_number,
        )
        return with_hostile_rows(
            header, rows, foreign_invoice=foreign["invoice_number"] if foreign else None
        )

    def catch_up(self, now: datetime) -> None:
        """Offer what was withheld long enough, and mend what was broken long enough."""
        at = now.isoformat()
        self._store.run("UPDATE deb_file SET hidden_until = NULL WHERE hidden_until <= ?", at)
        due = self._store.rows(
            "SELECT file_id, mended_content FROM deb_file WHERE mended_at <= ?", at
        )
        for row in due:
            content = row["mended_content"]
            self._store.run(
                "UPDATE deb_file SET content = ?, sha256 = ?, size = ?, mended_content = NULL,"
                " mended_at = NULL WHERE file_id = ?",
                content,
                hashlib.sha256(content).hexdigest(),
                len(content),
                row["file_id"],
            )

    def has_news(self, account: str, at: datetime) -> bool:
        """Whether there is anything that no file has told yet."""
        return bool(self._untold(account, at))

    def newest(self, account: str, *, limit: int, offset: int) -> list[OfferedFile]:
        """Return the account's files, the newest first."""
        rows = self._store.rows(
            f"{_NUMBERED} ORDER BY number DESC LIMIT ? OFFSET ?",
            account,
            limit,
            offset,
        )
        return [OfferedFile(**dict(row)) for row in rows]

    def _untold(self, account: str, at: datetime) -> list[DebRow]:
        rows = self._store.rows(
            "SELECT row FROM fact WHERE account_number = ? AND first_file_id IS NULL"
            " AND event_date <= ? ORDER BY event_date, place",
            account,
            at.astimezone(SWISS_TIME).date().isoformat(),
        )
        return [fact_from_json(row["row"]) for row in rows]

    def _told_in(self, file_id: str) -> list[DebRow]:
        rows = self._store.rows(
            "SELECT row FROM fact WHERE first_file_id = ? ORDER BY event_date, place", file_id
        )
        return [fact_from_json(row["row"]) for row in rows]

    def _last_written(self, account: str) -> str | None:
        row = self._store.row(
            "SELECT file_id FROM deb_file WHERE account_number = ? AND file_id = header_file_id"
            " ORDER BY position DESC LIMIT 1",
            account,
        )
        return None if row is None else str(row["file_id"])

    def _count_written(self, account: str) -> int:
        row = self._store.row(
            "SELECT count(*) AS files FROM deb_file"
            " WHERE account_number = ? AND file_id = header_file_id",
            account,
        )
        return 0 if row is None else int(row["files"])

    def _offer(
        self,
        account: str,
        file_id: str,
        header_file_id: str,
        content: bytes,
        row_count: int,
        at: datetime,
    ) -> OfferedFile:
        self._store.run(
            "INSERT INTO deb_file (file_id, header_file_id, account_number, name, sha256, size,"
            " row_count, content, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            file_id,
            header_file_id,
            account,
            f"{file_id}.deb",
            hashlib.sha256(content).hexdigest(),
            len(content),
            row_count,
            content,
            at.isoformat(),
        )
        return next(f for f in self.newest(account, limit=1, offset=0) if f.file_id == file_id)

    def list_files(self, account: str, *, after: int, limit: int = PAGE_FILES) -> list[OfferedFile]:
        """Return the account's files behind a position, in the order of publication."""
        rows = self._store.rows(
            f"{_NUMBERED} AND number > ? ORDER BY number LIMIT ?",
            account,
            after,
            limit,
        )
        return [OfferedFile(**dict(row)) for row in rows]

    def find(self, account: str, file_id: str) -> StoredFile | None:
        """Return a file to be read, or None where the account has no such file."""
        row = self._store.row(
            "SELECT position AS place, sha256, length(content) AS size FROM deb_file"
            " WHERE account_number = ? AND file_id = ? AND hidden_until IS NULL",
            account,
            file_id,
        )
        return None if row is None else StoredFile(self._store, **dict(row))

    def overview(self) -> list[dict[str, object]]:
        """Return all files, newest first, for the clerk's page and for checks."""
        rows = self._store.rows(
            "SELECT account_number, position, file_id, name, sha256, size, row_count, created_at,"
            " flaw, hidden_until, mended_at FROM deb_file ORDER BY position DESC LIMIT 1000"
        )
        return [dict(row) for row in rows]


def _broken_content(right: bytes, file_id: str, flaws: frozenset[str]) -> bytes:
    chance = random.Random(file_id)  # noqa: S311 - no secret
    if "truncated_deb" in flaws:
        return truncated(right, chance=chance)
    if "wrong_totals_deb" in flaws:
        return with_wrong_totals(right)
    return broken(right, chance=chance) if "hostile_file_deb" in flaws else right
