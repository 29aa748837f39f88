"""The portal's DEB desk: writes down what happened since the last file, and offers the files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sandbox.debident.deb_writer import DebHeader, DebRow, write_deb_file
from sandbox.debident.orders import fact_from_json
from sandbox.debident.store import Store
from shared.kernel.clock import SWISS_TIME

PAGE_FILES = 100


class Extra(StrEnum):
    """How a publication may misbehave."""

    OVERLAP = "overlap"
    DUPLICATE = "duplicate"


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
        self, account: str, *, at: datetime, extras: frozenset[Extra] = frozenset()
    ) -> OfferedFile | None:
        """Write a file with every fact up to the day of `at` that no file has told yet.

        Returns None, and writes nothing, when there is nothing new.
        """
        rows = self._untold(account, at)
        if not rows:
            return None
        previous = self._last_written(account)
        told_before = self._told_in(previous) if previous and Extra.OVERLAP in extras else []
        file_id = f"{account}-{self._count_written(account) + 1:06d}"
        header = DebHeader(
            file_id=file_id, previous_file_id=previous, account_number=account, created_at=at
        )
        all_rows = [*told_before, *rows]
        content = write_deb_file(header, all_rows)
        offered = self._offer(account, file_id, file_id, content, len(all_rows), at)
        self._store.run_many(
            "UPDATE fact SET first_file_id = ? WHERE record_id = ?",
            [(file_id, row.record_id) for row in rows],
        )
        if Extra.DUPLICATE in extras:
            self._offer(account, f"{file_id}-again", file_id, content, len(all_rows), at)
        return offered

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
        files = self.list_files(account, after=self._position_of(file_id) - 1)
        return files[0]

    def _position_of(self, file_id: str) -> int:
        row = self._store.row(
            "SELECT count(*) AS position FROM deb_file AS earlier JOIN deb_file AS this"
            " ON earlier.account_number = this.account_number AND earlier.position <= this.position"
            " WHERE this.file_id = ?",
            file_id,
        )
        assert row is not None, file_id  # noqa: S101 - inserted in this very transaction
        return int(row["position"])

    def list_files(self, account: str, *, after: int, limit: int = PAGE_FILES) -> list[OfferedFile]:
        """Return the account's files behind a position, in the order of publication."""
        rows = self._store.rows(
            "SELECT * FROM (SELECT row_number() OVER (ORDER BY position) AS position, file_id,"
            " name, sha256, size, row_count, created_at FROM deb_file WHERE account_number = ?)"
            " WHERE position > ? ORDER BY position LIMIT ?",
            account,
            after,
            limit,
        )
        return [OfferedFile(**dict(row)) for row in rows]

    def content(self, account: str, file_id: str) -> bytes | None:
        """Return a file's bytes, or None where the account has no such file."""
        row = self._store.row(
            "SELECT content FROM deb_file WHERE account_number = ? AND file_id = ?",
            account,
            file_id,
        )
        return None if row is None else bytes(row["content"])

    def overview(self) -> list[dict[str, object]]:
        """Return all files, newest first, for the clerk's page and for checks."""
        rows = self._store.rows(
            "SELECT account_number, position, file_id, name, sha256, size, row_count, created_at"
            " FROM deb_file ORDER BY position DESC LIMIT 1000"
        )
        return [dict(row) for row in rows]
