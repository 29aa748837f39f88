"""Read-only SQL for the HTTP API: transmissions, DEB files, credentials, portals."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

Cursor = tuple[datetime, UUID]

TRANSMISSIONS = """
    SELECT * FROM transmission
    WHERE practice_id = :practice_id
      AND (CAST(:states AS text[]) IS NULL OR state = ANY (:states))
"""
_TRANSMISSIONS_PAGE = text(
    f"""{TRANSMISSIONS}
      AND (CAST(:after_at AS timestamptz) IS NULL
           OR (prepared_at, order_id) < (:after_at, CAST(:after_id AS uuid)))
    ORDER BY prepared_at DESC, order_id DESC LIMIT :limit
    """
)
_TRANSMISSION = text(
    "SELECT * FROM transmission WHERE practice_id = :practice_id AND order_id = :order_id"
)
_STANDING = text(
    """
    SELECT state, attempts, held, reason_code, portal_reference, next_action_at FROM transmission
    WHERE practice_id = :practice_id AND order_id = :order_id FOR UPDATE
    """
)
_ATTEMPTS = text(
    "SELECT * FROM send_attempt WHERE order_id = :order_id ORDER BY number DESC LIMIT :limit"
)
_POLLS = text(
    "SELECT * FROM arrival_poll WHERE order_id = :order_id ORDER BY number DESC LIMIT :limit"
)
DEB_FILES = """
    SELECT deb_file.*,
      (SELECT array_agg(portal_file_id ORDER BY position) FROM deb_listing
       WHERE deb_listing.deb_file_id = deb_file.deb_file_id) AS portal_file_ids
    FROM deb_file
    WHERE practice_id = :practice_id
      AND (CAST(:contract_id AS uuid) IS NULL OR contract_id = :contract_id)
"""
_DEB_FILES_PAGE = text(
    f"""{DEB_FILES}
      AND (CAST(:deb_file_id AS uuid) IS NULL OR deb_file_id = :deb_file_id)
      AND (CAST(:after_at AS timestamptz) IS NULL
           OR (fetched_at, deb_file_id) < (:after_at, CAST(:after_id AS uuid)))
    ORDER BY fetched_at DESC, deb_file_id DESC LIMIT :limit
    """
)
_DEB_PROBLEMS = text(
    """
    SELECT contract_id, problem, next_poll_at FROM deb_cursor
    WHERE practice_id = :practice_id AND problem IS NOT NULL ORDER BY contract_id LIMIT 500
    """
)
_CREDENTIALS = text(
    "SELECT client_id, changed_at FROM portal_credentials WHERE practice_id = :practice_id"
)
_PORTALS = text(
    """
    WITH used AS (
      SELECT DISTINCT adapter, CASE adapter
        WHEN 'sftp' THEN (SELECT lower(host) || ':' || port FROM portal_sftp_credentials
                          WHERE practice_id = :practice_id)
        ELSE CAST(:http_address AS text) END AS address
      FROM contract_terms WHERE practice_id = :practice_id AND adapter <> 'manual'
    )
    SELECT used.adapter, used.address, 'portal' AS scope, failures, reason_code, failing_since,
      outage_id, next_probe_at
    FROM used LEFT JOIN portal_circuit ON portal_circuit.adapter = used.adapter
      AND portal_circuit.address IN (used.address, '')
    UNION ALL
    SELECT used.adapter, used.address, 'account', failures, reason_code, failing_since,
      outage_id, next_probe_at
    FROM used LEFT JOIN account_circuit
      ON account_circuit.adapter = used.adapter AND practice_id = :practice_id
      AND account_circuit.address IN (used.address, '')
    ORDER BY adapter, scope DESC
    """
)
MISSING = """
    SELECT * FROM deb_gap
    WHERE practice_id = :practice_id
      AND (CAST(:resolved AS boolean) IS NULL OR (resolved_at IS NOT NULL) = :resolved)
      AND (CAST(:contract_id AS uuid) IS NULL OR contract_id = :contract_id)
"""
_MISSING_PAGE = text(
    f"""{MISSING}
      AND (CAST(:after_at AS timestamptz) IS NULL
           OR (noticed_at, gap_id) < (:after_at, CAST(:after_id AS uuid)))
    ORDER BY noticed_at DESC, gap_id DESC LIMIT :limit
    """
)
_FIGURES = text(
    """
    SELECT
      (SELECT count(*) FROM portal_circuit WHERE outage_id IS NOT NULL) AS portals_unreachable,
      (SELECT count(*) FROM account_circuit
       WHERE outage_id IS NOT NULL) AS portal_accounts_unreachable,
      (SELECT count(*) FROM transmission WHERE waits_for_portal) AS orders_waiting_for_portal,
      (SELECT count(*) FROM deb_gap WHERE resolved_at IS NULL) AS deb_gaps_open
    """
)

_SFTP_CREDENTIALS = text(
    "SELECT host, port, user_name, host_key, sign_in, changed_at FROM portal_sftp_credentials"
    " WHERE practice_id = :practice_id"
)

TASKS = """
    SELECT transmission.*, contract_terms.account_number,
      CASE WHEN state = 'sent' THEN sent_at + arrival_check_after ELSE prepared_at END AS due_at
    FROM transmission JOIN contract_terms USING (practice_id, contract_id)
    WHERE practice_id = :practice_id AND adapter = 'manual'
      AND state IN ('intended', 'unknown', 'sent')
"""
_TASKS_PAGE = text(
    f"""{TASKS}
      AND (CAST(:after_at AS timestamptz) IS NULL
           OR (prepared_at, order_id) > (:after_at, CAST(:after_id AS uuid)))
    ORDER BY prepared_at, order_id LIMIT :limit
    """
)
_WITH_ADAPTER = text(
    """
    SELECT transmission.*, contract_terms.adapter
    FROM transmission JOIN contract_terms USING (practice_id, contract_id)
    WHERE practice_id = :practice_id AND order_id = :order_id
    """
)
_REPORTS = text("SELECT * FROM hand_report WHERE order_id = :order_id ORDER BY recorded_at, kind")


async def transmissions(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    states: list[str] | None,
    after: Cursor | None,
    limit: int,
) -> list[RowMapping]:
    """Return transmissions in one of these states, or in whichever, the newest first."""
    values = {"practice_id": practice_id, "states": states, "limit": limit, **_place(after)}
    return await _rows(connection, _TRANSMISSIONS_PAGE, values)


async def transmission(
    connection: AsyncConnection, practice_id: UUID, order_id: UUID
) -> RowMapping | None:
    """Return one transmission, or None."""
    values = {"practice_id": practice_id, "order_id": order_id}
    rows = await _rows(connection, _TRANSMISSION, values)
    return rows[0] if rows else None


async def transmission_standing(
    connection: AsyncConnection, practice_id: UUID, order_id: UUID
) -> RowMapping | None:
    """Return how a transmission stands, for a move: others wait until the transaction ends."""
    rows = await _rows(connection, _STANDING, {"practice_id": practice_id, "order_id": order_id})
    return rows[0] if rows else None


async def attempts(connection: AsyncConnection, order_id: UUID, *, limit: int) -> list[RowMapping]:
    """Return the latest attempts to send, the newest first."""
    return await _rows(connection, _ATTEMPTS, {"order_id": order_id, "limit": limit})


async def polls(connection: AsyncConnection, order_id: UUID, *, limit: int) -> list[RowMapping]:
    """Return the latest asks, the newest first."""
    return await _rows(connection, _POLLS, {"order_id": order_id, "limit": limit})


async def deb_files(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    contract_id: UUID | None,
    after: Cursor | None,
    limit: int,
) -> list[RowMapping]:
    """Return fetched DEB files, the newest first, with every id the portal offered them under."""
    values = {
        "practice_id": practice_id,
        "contract_id": contract_id,
        "deb_file_id": None,
        "limit": limit,
        **_place(after),
    }
    return await _rows(connection, _DEB_FILES_PAGE, values)


async def deb_problems(connection: AsyncConnection, practice_id: UUID) -> list[RowMapping]:
    """Return contracts whose last look for DEB files did not end well."""
    return await _rows(connection, _DEB_PROBLEMS, {"practice_id": practice_id})


async def credentials(connection: AsyncConnection, practice_id: UUID) -> RowMapping | None:
    """Return the client id and the time of the last change, never the secret."""
    rows = await _rows(connection, _CREDENTIALS, {"practice_id": practice_id})
    return rows[0] if rows else None


async def portals(
    connection: AsyncConnection, practice_id: UUID, *, http_address: str
) -> list[RowMapping]:
    """Return each way to a portal that the practice uses: the portal, then its account there."""
    values = {"practice_id": practice_id, "http_address": http_address}
    return await _rows(connection, _PORTALS, values)


async def missing_deb_files(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    resolved: bool | None,
    contract_id: UUID | None,
    after: Cursor | None,
    limit: int,
) -> list[RowMapping]:
    """Return what is or was missing, the newest first."""
    values = {
        "practice_id": practice_id,
        "resolved": resolved,
        "contract_id": contract_id,
        "limit": limit,
        **_place(after),
    }
    return await _rows(connection, _MISSING_PAGE, values)


async def figures(connection: AsyncConnection) -> dict[str, float]:
    """Return the gateway's figures for everything in scope, by name."""
    row = (await connection.execute(_FIGURES)).mappings().one()
    return {name: float(value) for name, value in row.items()}


async def sftp_credentials(connection: AsyncConnection, practice_id: UUID) -> RowMapping | None:
    """Return where and how the practice signs in, never the secret."""
    rows = await _rows(connection, _SFTP_CREDENTIALS, {"practice_id": practice_id})
    return rows[0] if rows else None


async def manual_tasks(
    connection: AsyncConnection, practice_id: UUID, *, after: Cursor | None, limit: int
) -> list[RowMapping]:
    """Return the orders of manual contracts that wait for a person, the oldest first."""
    values = {"practice_id": practice_id, "limit": limit, **_place(after)}
    return await _rows(connection, _TASKS_PAGE, values)


async def with_adapter(
    connection: AsyncConnection, practice_id: UUID, order_id: UUID
) -> RowMapping | None:
    """Return a transmission with its contract's adapter, or None."""
    values = {"practice_id": practice_id, "order_id": order_id}
    rows = await _rows(connection, _WITH_ADAPTER, values)
    return rows[0] if rows else None


async def reports(connection: AsyncConnection, order_id: UUID) -> list[RowMapping]:
    """Return what persons reported of an order, in order."""
    return await _rows(connection, _REPORTS, {"order_id": order_id})


async def deb_file(
    connection: AsyncConnection, practice_id: UUID, deb_file_id: UUID
) -> RowMapping | None:
    """Return one DEB file with every id under which the portal offered it, or None."""
    values = {
        "practice_id": practice_id,
        "contract_id": None,
        "deb_file_id": deb_file_id,
        "limit": 1,
        **_place(None),
    }
    rows = await _rows(connection, _DEB_FILES_PAGE, values)
    return rows[0] if rows else None


def _place(after: Cursor | None) -> dict[str, Any]:
    at, identity = after or (None, None)
    return {"after_at": at, "after_id": identity}


async def _rows(
    connection: AsyncConnection, query: TextClause, values: dict[str, Any]
) -> list[RowMapping]:
    return list((await connection.execute(query, values)).mappings())
