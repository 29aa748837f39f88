"""The portal's memory: one SQLite file that survives a restart and SIGKILL.

Packages and DEB files lie in it as blobs, so that a row and its bytes are never apart.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS client (
  client_id TEXT PRIMARY KEY,
  secret_sha256 TEXT NOT NULL,
  account_number TEXT NOT NULL UNIQUE,
  payout_term_days INTEGER NOT NULL,
  payout_basis TEXT NOT NULL,
  factor_fee_permille INTEGER NOT NULL,
  reminder_fee_beneficiary TEXT NOT NULL,
  next_file_at TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS portal_order (
  account_number TEXT NOT NULL,
  order_id TEXT NOT NULL,
  reference TEXT NOT NULL UNIQUE,
  sha256 TEXT NOT NULL,
  package BLOB NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('received', 'arrived', 'refused')),
  uploads INTEGER NOT NULL DEFAULT 1,
  received_at TEXT NOT NULL,
  arrives_at TEXT NOT NULL,
  arrived_at TEXT,
  order_number TEXT,
  communication TEXT,
  refusal_code TEXT,
  refusal_text TEXT,
  PRIMARY KEY (account_number, order_id)
) STRICT;
CREATE INDEX IF NOT EXISTS portal_order_due ON portal_order (arrives_at) WHERE state = 'received';
CREATE TABLE IF NOT EXISTS order_line (
  account_number TEXT NOT NULL,
  order_id TEXT NOT NULL,
  place INTEGER NOT NULL,
  invoice_number TEXT NOT NULL,
  debtor_number TEXT NOT NULL,
  amount_rappen INTEGER NOT NULL,
  accepted INTEGER NOT NULL,
  code TEXT,
  PRIMARY KEY (account_number, order_id, place)
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS invoice_taken_over_once
  ON order_line (account_number, invoice_number) WHERE accepted = 1;
CREATE TABLE IF NOT EXISTS order_credit_note (
  account_number TEXT NOT NULL,
  order_id TEXT NOT NULL,
  place INTEGER NOT NULL,
  credit_note_number TEXT NOT NULL,
  invoice_number TEXT NOT NULL,
  amount_rappen INTEGER NOT NULL,
  PRIMARY KEY (account_number, order_id, place)
) STRICT;
CREATE TABLE IF NOT EXISTS refused_drop (
  account_number TEXT NOT NULL,
  order_id TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  code TEXT NOT NULL,
  text TEXT NOT NULL,
  refused_at TEXT NOT NULL,
  PRIMARY KEY (account_number, order_id)
) STRICT;
CREATE TABLE IF NOT EXISTS fact (
  place INTEGER PRIMARY KEY AUTOINCREMENT,
  record_id TEXT NOT NULL UNIQUE,
  account_number TEXT NOT NULL,
  event_date TEXT NOT NULL,
  row TEXT NOT NULL,
  first_file_id TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS fact_untold ON fact (account_number, event_date)
  WHERE first_file_id IS NULL;
CREATE TABLE IF NOT EXISTS deb_file (
  position INTEGER PRIMARY KEY AUTOINCREMENT,
  file_id TEXT NOT NULL UNIQUE,
  header_file_id TEXT NOT NULL,
  account_number TEXT NOT NULL,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  size INTEGER NOT NULL,
  row_count INTEGER NOT NULL,
  content BLOB NOT NULL,
  created_at TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS fate (
  account_number TEXT NOT NULL,
  invoice_number TEXT NOT NULL,
  fate TEXT NOT NULL,
  PRIMARY KEY (account_number, invoice_number)
) STRICT;
CREATE TABLE IF NOT EXISTS mischief (
  place INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  event TEXT NOT NULL,
  number INTEGER NOT NULL,
  name TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS client_key (
  client_id TEXT PRIMARY KEY,
  public_key TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS deb_file_of_account ON deb_file (account_number, position);
"""


_LATER_COLUMNS = (
    ("client", "loss_cover", "INTEGER NOT NULL DEFAULT 0"),
    ("deb_file", "flaw", "TEXT NOT NULL DEFAULT ''"),
    ("deb_file", "hidden_until", "TEXT"),
    ("deb_file", "mended_content", "BLOB"),
    ("deb_file", "mended_at", "TEXT"),
)
"""Columns that a state file from before lacks."""


class Store:
    """Small synchronous transactions on the SQLite file; one connection, one user at a time."""

    def __init__(self, state_dir: Path) -> None:
        state_dir.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(
            state_dir / "debident.sqlite3", isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_SCHEMA)
        for table, column, form in _LATER_COLUMNS:
            known = {row["name"] for row in self.rows(f"PRAGMA table_info({table})")}
            if column not in known:
                self.run(f"ALTER TABLE {table} ADD COLUMN {column} {form}")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything in the block happen wholly or not at all; a nested block joins in."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def run(self, sql: str, *values: object) -> int:
        """Execute one statement and return how many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    def run_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Execute one statement for each row of values."""
        self._connection.executemany(sql, rows)

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> sqlite3.Row | None:
        """Return the first row of a query, or None."""
        row: sqlite3.Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def piece(self, table: str, column: str, place: int, offset: int, size: int) -> bytes:
        """Return some bytes of a blob without reading all of it; fewer, or none, at its end."""
        with self._connection.blobopen(table, column, place, readonly=True) as blob:
            blob.seek(min(offset, len(blob)))
            return blob.read(size)

    def read_note(self, key: str) -> object | None:
        """Return a remembered JSON value, or None."""
        row = self.row("SELECT value FROM meta WHERE key = ?", key)
        return None if row is None else json.loads(row["value"])

    def write_note(self, key: str, value: object) -> None:
        """Remember a JSON value."""
        self.run(
            "INSERT INTO meta (key, value) VALUES (?, ?)"
            " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            key,
            json.dumps(value),
        )
