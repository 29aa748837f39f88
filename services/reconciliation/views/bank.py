"""Reads the three-way match: what DEB rows announce, what the books booked, what the bank shows.

Nothing of the match is stored: it is computed from the three sides each time, so that a row that is
decided late, a file that is undone and a statement that comes later are all told as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

_MATCH = """
    WITH practices AS (SELECT unnest(CAST(:practice_ids AS uuid[])) AS practice_id),
    entry AS (
      SELECT b.*, d.decision, d.payout_token AS decided_token
      FROM bank_entry b LEFT JOIN bank_entry_decision d USING (entry_id)
      WHERE b.account_id = :account_id AND NOT b.superseded
    ),
    token AS (
      SELECT DISTINCT r.payout_token AS token
      FROM deb_row r JOIN practices USING (practice_id)
      WHERE r.payout_reference IS NOT NULL AND r.event_date >= :first_day
      UNION
      SELECT DISTINCT one FROM entry, unnest(tokens) AS one WHERE value_on >= :first_day
    ),
    paid_row AS (
      SELECT r.practice_id, r.deb_file_id, r.line, r.payout_token AS token
      FROM token JOIN practices ON true
      JOIN deb_row r ON r.practice_id = practices.practice_id AND r.payout_token = token.token
    ),
    booked AS (
      SELECT paid_row.token, sum(p.amount_rappen) AS rappen
      FROM paid_row
      JOIN journal_entry e ON e.practice_id = paid_row.practice_id
        AND e.deb_file_id = paid_row.deb_file_id AND e.deb_line = paid_row.line
      JOIN posting p ON p.practice_id = e.practice_id AND p.entry_id = e.entry_id
        AND p.role = 'bank'
      GROUP BY paid_row.token
    ),
    announced AS (
      SELECT token.token, min(payout_reference) AS payout_reference, min(paid_on) AS paid_on,
        sum(amount_rappen) AS rappen,
        count(*) FILTER (WHERE status IN ('parked', 'staged')) AS waiting_rows,
        count(DISTINCT invoice_id) AS invoices, count(DISTINCT r.practice_id) AS practices
      FROM token JOIN practices ON true
      JOIN payout_row r ON r.practice_id = practices.practice_id AND r.payout_token = token.token
      GROUP BY token.token
    ),
    meant AS (
      SELECT e.entry_id, min(a.token) AS token
      FROM entry e JOIN announced a
        ON (e.decided_token IS NULL AND a.token = ANY (e.tokens)) OR a.token = e.decided_token
      WHERE e.decision IS DISTINCT FROM 'leave'
      GROUP BY e.entry_id HAVING count(*) = 1
    ),
    received AS (
      SELECT m.token, sum(e.amount_rappen) AS rappen, max(e.value_on) AS value_on,
        count(*) AS entries
      FROM meant m JOIN entry e USING (entry_id) GROUP BY m.token
    ),
    payout AS (
      SELECT a.token, a.payout_reference, a.paid_on, a.invoices, a.practices, a.waiting_rows,
        coalesce(a.rappen, 0)::bigint AS announced_rappen,
        coalesce(b.rappen, 0)::bigint AS booked_rappen,
        coalesce(r.rappen, 0)::bigint AS received_rappen,
        coalesce(r.entries, 0) AS entries, r.value_on,
        CASE
          WHEN coalesce(a.rappen, 0) <> coalesce(b.rappen, 0) THEN 'rows-not-booked'
          WHEN r.entries IS NULL THEN 'waiting-for-bank'
          WHEN r.rappen <> a.rappen THEN 'amount-differs'
          ELSE 'agreed' END AS state
      FROM announced a LEFT JOIN booked b USING (token) LEFT JOIN received r USING (token)
    )
"""

PAYOUTS = f"""{_MATCH}
    SELECT * FROM payout WHERE (CAST(:states AS text[]) IS NULL OR state = ANY (:states))
"""  # noqa: S608 - constants of ours
_PAYOUTS_PAGE = text(
    f"""{PAYOUTS} AND (paid_on, token) > (CAST(:after_on AS date), CAST(:after_token AS text))
    ORDER BY paid_on, token LIMIT :limit
    """
)
_PARTS = text(
    """
    SELECT r.practice_id, r.invoice_id, p.invoice_number, r.deb_file_id, r.line, r.kind,
      r.status, r.reason_code, r.amount_rappen
    FROM payout_row r LEFT JOIN invoice_position p USING (practice_id, invoice_id)
    WHERE r.practice_id = ANY (CAST(:practice_ids AS uuid[]))
      AND r.payout_token = :token
    ORDER BY r.practice_id, p.invoice_number, r.deb_file_id, r.line LIMIT :limit
    """
)
UNEXPLAINED = f"""{_MATCH}
    SELECT e.entry_id, e.arrival, e.booked_on, e.value_on, e.amount_rappen, e.tokens,
      e.from_factor, e.is_reversal,
      ARRAY(SELECT p.payout_reference FROM payout p
            WHERE p.state = 'waiting-for-bank' AND p.announced_rappen = e.amount_rappen
            ORDER BY abs(p.paid_on - e.value_on) LIMIT 5) AS suggestions
    FROM entry e
    WHERE e.decision IS NULL AND e.value_on >= :first_day
      AND NOT EXISTS (SELECT FROM meant m WHERE m.entry_id = e.entry_id)
      AND (e.from_factor OR EXISTS (
        SELECT FROM payout p
        WHERE p.state = 'waiting-for-bank' AND p.announced_rappen = e.amount_rappen)
        OR EXISTS (SELECT FROM announced a WHERE a.token = ANY (e.tokens)))
"""  # noqa: S608 - constants of ours
_UNEXPLAINED_PAGE = text(
    f"""{UNEXPLAINED}
      AND (e.value_on, e.arrival) > (CAST(:after_on AS date), CAST(:after AS bigint))
    ORDER BY e.value_on, e.arrival LIMIT :limit
    """
)
_ACCOUNT = text("SELECT * FROM bank_account WHERE account_id = :account_id")
ACCOUNTS = "SELECT * FROM bank_account"
_ACCOUNTS_PAGE = text(f"{ACCOUNTS} WHERE iban > CAST(:after AS text) ORDER BY iban LIMIT :limit")
STATEMENTS = """
    SELECT statement_id, message_type, message_id, new_entries, known_entries, imported_by,
      imported_at
    FROM bank_statement WHERE account_id = :account_id
"""
_STATEMENTS_PAGE = text(
    f"""{STATEMENTS} AND (CAST(:after_at AS timestamptz) IS NULL
      OR (imported_at, statement_id) < (:after_at, CAST(:after_id AS uuid)))
    ORDER BY imported_at DESC, statement_id DESC LIMIT :limit
    """
)


async def account(connection: AsyncConnection, account_id: UUID) -> RowMapping | None:
    """Return an account, or None where it is not in scope."""
    result = await connection.execute(_ACCOUNT, {"account_id": account_id})
    return result.mappings().one_or_none()


async def accounts(connection: AsyncConnection, *, after: str, limit: int) -> Sequence[RowMapping]:
    """Return the accounts in scope behind an IBAN, by IBAN."""
    result = await connection.execute(_ACCOUNTS_PAGE, {"after": after, "limit": limit})
    return result.mappings().all()


async def statements(
    connection: AsyncConnection,
    account_id: UUID,
    *,
    after: tuple[datetime, UUID] | None,
    limit: int,
) -> Sequence[RowMapping]:
    """Return the statements of an account, newest first."""
    at, statement_id = after or (None, None)
    values = {"account_id": account_id, "after_at": at, "after_id": statement_id, "limit": limit}
    result = await connection.execute(_STATEMENTS_PAGE, values)
    return result.mappings().all()


async def payouts(
    connection: AsyncConnection,
    account: RowMapping,
    *,
    first_day: date,
    states: list[str] | None,
    after: tuple[date, str] | None,
    limit: int,
) -> Sequence[RowMapping]:
    """Return the payouts that were announced or received since a day, oldest first.

    Args:
        states: one of which a payout must be in; None: whichever.
    """
    after_on, after_token = after or (date.min, "")
    values = {"first_day": first_day, "states": states, "limit": limit}
    behind = {"after_on": after_on, "after_token": after_token}
    result = await connection.execute(_PAYOUTS_PAGE, of_account(account) | values | behind)
    return result.mappings().all()


async def parts(
    connection: AsyncConnection, account: RowMapping, *, token: str, limit: int
) -> Sequence[RowMapping]:
    """Return what a payout is made of, by practice, invoice and row."""
    values = {"practice_ids": account["practice_ids"], "token": token, "limit": limit}
    result = await connection.execute(_PARTS, values)
    return result.mappings().all()


async def unexplained(
    connection: AsyncConnection,
    account: RowMapping,
    *,
    first_day: date,
    after: tuple[date, int] | None,
    limit: int,
) -> Sequence[RowMapping]:
    """Return entries of the factor that no payout explains, with payouts of the same amount."""
    after_on, after_arrival = after or (date.min, 0)
    values = {"first_day": first_day, "limit": limit}
    behind = {"after_on": after_on, "after": after_arrival}
    result = await connection.execute(_UNEXPLAINED_PAGE, of_account(account) | values | behind)
    return result.mappings().all()


def of_account(account: RowMapping) -> dict[str, object]:
    """Return the parameters that name an account and its practices."""
    return {"account_id": account["account_id"], "practice_ids": account["practice_ids"]}
