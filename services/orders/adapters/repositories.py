"""Practices, contracts and invoices in PostgreSQL, in set-based SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.adapters.rows import (
    broken_constraint,
    candidate_of,
    content_values,
    contract_of,
    invoice_of,
)
from services.orders.domain.credit_note import CANCELLED
from services.orders.domain.model import Contract, Invoice, Practice, StoredContent
from services.orders.domain.selection import Candidate, Reason
from shared.kernel.errors import PermanentError
from shared.kernel.ids import ContractId, InvoiceId, PracticeId
from shared.kernel.money import Money

_NUMBER = "invoice_number_once_per_practice"

_ADD_PRACTICE = text(
    """
    INSERT INTO practice AS known (practice_id, gln, canton)
    VALUES (:practice_id, :gln, :canton)
    ON CONFLICT (practice_id) DO UPDATE SET canton = excluded.canton
      WHERE known.canton IS NULL AND known.gln = excluded.gln
    """
)
_PRACTICE = text("SELECT practice_id, gln, canton FROM practice WHERE practice_id = :practice_id")
_KEEP_CONTRACT = text(
    """
    INSERT INTO contract AS known
      (practice_id, contract_id, version, active, factor, account_number, invoice_format,
       arrival_deadline_working_days)
    VALUES (:practice_id, :contract_id, :version, :active, :factor, :account_number,
      :invoice_format, :arrival_deadline_working_days)
    ON CONFLICT (practice_id, contract_id) DO UPDATE
      SET version = excluded.version, active = excluded.active, factor = excluded.factor,
          account_number = excluded.account_number, invoice_format = excluded.invoice_format,
          arrival_deadline_working_days = excluded.arrival_deadline_working_days
      WHERE known.version < excluded.version
    """
)
_CONTRACT = text(
    """
    SELECT * FROM contract
    WHERE practice_id = :practice_id AND contract_id = :contract_id
    """
)
_ACTIVE = text(
    """
    SELECT * FROM contract
    WHERE active ORDER BY practice_id, contract_id
    """
)
_ADD_INVOICE = text(
    """
    INSERT INTO invoice (practice_id, invoice_id, contract_id, invoice_number, debtor_number,
      issued_on, due_on, total_rappen, balance_rappen, document_key, document_sha256,
      document_size_bytes, document_media_type, unfit_codes,
      document_number, document_format)
    VALUES (:practice_id, :invoice_id, :contract_id, :invoice_number, :debtor_number,
      :issued_on, :due_on, :total_rappen, :balance_rappen, :document_key, :document_sha256,
      :document_size_bytes, :document_media_type, :unfit_codes,
      :document_number, :document_format)
    ON CONFLICT (practice_id, invoice_id) DO NOTHING
    """
)
_INVOICE_EXISTS = text(
    """
    SELECT EXISTS (SELECT 1 FROM invoice
                   WHERE practice_id = :practice_id AND invoice_id = :invoice_id)
    """
)
_SET_BALANCE = text(
    """
    UPDATE invoice SET balance_rappen = :balance, balance_changed_at = :changed_at
    WHERE practice_id = :practice_id AND invoice_id = :invoice_id
      AND (balance_changed_at IS NULL OR balance_changed_at <= :changed_at)
      AND (balance_rappen, balance_changed_at) IS DISTINCT FROM (:balance, :changed_at)
    """
)
_SET_DOCUMENT = text(
    """
    UPDATE invoice SET document_key = :document_key, document_sha256 = :document_sha256,
      document_size_bytes = :document_size_bytes, document_media_type = :document_media_type,
      document_format = :document_format
    WHERE practice_id = :practice_id AND invoice_id = :invoice_id
      AND (document_sha256, document_format)
        IS DISTINCT FROM (:document_sha256, :document_format)
    """
)
_CANDIDATES = """
    SELECT invoice.*, orders.order_number AS live_order_number,
      CASE WHEN order_line.set_aside THEN 'confirmed' ELSE orders.state END AS live_order_state,
      EXISTS (SELECT FROM order_line AS former
              WHERE former.invoice_id = invoice.invoice_id AND former.given_back) AS given_back
    FROM invoice
    LEFT JOIN order_line ON order_line.invoice_id = invoice.invoice_id AND order_line.live
    LEFT JOIN orders ON orders.order_id = order_line.order_id
    WHERE invoice.practice_id = :practice_id
"""
_CHOSEN = text(f"{_CANDIDATES} AND invoice.invoice_id = ANY (CAST(:invoice_ids AS uuid[]))")
_NOT_IN_LIVE_ORDER = text(
    f"{_CANDIDATES} AND invoice.contract_id = :contract_id AND order_line.order_id IS NULL"
)
_HOLD = text(
    """
    SELECT * FROM invoice
    WHERE practice_id = :practice_id AND invoice_id = ANY (CAST(:invoice_ids AS uuid[]))
    ORDER BY invoice_id FOR SHARE
    """
)
# The reason, as domain.selection.why_not finds it, of those that are counted unless asked for.
_QUIET = f"""
    CASE WHEN order_line.order_id IS NOT NULL THEN NULL
      WHEN invoice.balance_rappen = 0 THEN '{Reason.ZERO_BALANCE}'
      WHEN NOT '{CANCELLED}' = ANY (invoice.unfit_codes) THEN NULL
      WHEN invoice.balance_rappen < 0 THEN '{Reason.CREDIT_BALANCE}'
      ELSE '{Reason.UNFIT}' END
"""
_NOT_ACQUITTED = text(
    f"""{_CANDIDATES} AND invoice.contract_id = :contract_id
      AND (order_line.order_id IS NULL OR order_line.set_aside
        OR orders.state NOT IN ('acquitted', 'closed'))
      AND ({_QUIET} IS NULL OR {_QUIET} = ANY (CAST(:told AS text[])))
    """
)
_COUNTED_ONLY = text(
    f"""
    SELECT reason, count(*) AS count FROM (
      SELECT {_QUIET} AS reason FROM invoice
      LEFT JOIN order_line ON order_line.invoice_id = invoice.invoice_id AND order_line.live
      WHERE invoice.practice_id = :practice_id AND invoice.contract_id = :contract_id
    ) AS quiet
    WHERE reason IS NOT NULL AND NOT reason = ANY (CAST(:told AS text[])) GROUP BY reason
    """  # noqa: S608 - put together from constants
)


class SqlPracticeRepository:
    """The known practices."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, practice: Practice) -> bool:
        """Store a practice, or a canton that was not known; return False if nothing was new."""
        values = {
            "practice_id": practice.practice_id,
            "gln": practice.gln,
            "canton": practice.canton,
        }
        return (await self._connection.execute(_ADD_PRACTICE, values)).rowcount == 1

    async def get(self, practice_id: PracticeId) -> Practice | None:
        """Return the practice, or None."""
        rows = await self._connection.execute(_PRACTICE, {"practice_id": practice_id})
        row = rows.one_or_none()
        return None if row is None else Practice(PracticeId(row.practice_id), row.gln, row.canton)


class SqlContractRepository:
    """The factoring contracts, each in its newest version."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def keep_newest(self, contract: Contract) -> bool:
        """Store the contract unless the same or a newer version is stored; say whether it was."""
        values = {
            "practice_id": contract.practice_id,
            "contract_id": contract.contract_id,
            "version": contract.version,
            "active": contract.active,
            "factor": contract.factor,
            "account_number": contract.account_number,
            "arrival_deadline_working_days": contract.arrival_deadline_working_days,
            "invoice_format": contract.invoice_format,
        }
        return (await self._connection.execute(_KEEP_CONTRACT, values)).rowcount == 1

    async def get(self, practice_id: PracticeId, contract_id: ContractId) -> Contract | None:
        """Return the contract, or None."""
        wanted = {"practice_id": practice_id, "contract_id": contract_id}
        row = (await self._connection.execute(_CONTRACT, wanted)).mappings().one_or_none()
        return None if row is None else contract_of(row)

    async def active(self) -> list[Contract]:
        """Return the contracts in force of all practices in scope."""
        rows = await self._connection.execute(_ACTIVE)
        return [contract_of(row) for row in rows.mappings()]


class SqlInvoiceRepository:
    """The invoices that may be ordered, with their balance by the books."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, invoice: Invoice) -> bool:
        """Store an invoice; return False if it is known already, and change nothing then.

        Raises:
            PermanentError: another invoice of the practice has this number.
        """
        values = {
            "practice_id": invoice.practice_id,
            "invoice_id": invoice.invoice_id,
            "contract_id": invoice.contract_id,
            "invoice_number": invoice.number,
            "debtor_number": invoice.debtor_number,
            "issued_on": invoice.issued_on,
            "due_on": invoice.due_on,
            "total_rappen": invoice.total.rappen,
            "balance_rappen": invoice.balance.rappen,
            "unfit_codes": list(invoice.unfit_codes),
            "document_number": invoice.document_number,
            "document_format": invoice.document_format,
            **content_values(invoice.document, "document"),
        }
        try:
            return (await self._connection.execute(_ADD_INVOICE, values)).rowcount == 1
        except IntegrityError as error:
            if broken_constraint(error) == _NUMBER:
                raise PermanentError(
                    f"invoice number {invoice.number} already belongs to another invoice"
                ) from error
            raise

    async def exists(self, practice_id: PracticeId, invoice_id: InvoiceId) -> bool:
        """Whether the invoice is known."""
        wanted = {"practice_id": practice_id, "invoice_id": invoice_id}
        return bool(await self._connection.scalar(_INVOICE_EXISTS, wanted))

    async def set_balance(
        self,
        practice_id: PracticeId,
        invoice_id: InvoiceId,
        *,
        balance: Money,
        changed_at: datetime,
    ) -> bool:
        """Set the balance unless a later one is stored; say whether anything changed."""
        values = {
            "practice_id": practice_id,
            "invoice_id": invoice_id,
            "balance": balance.rappen,
            "changed_at": changed_at,
        }
        return (await self._connection.execute(_SET_BALANCE, values)).rowcount == 1

    async def set_document(
        self,
        practice_id: PracticeId,
        invoice_id: InvoiceId,
        document: StoredContent,
        *,
        document_format: str,
    ) -> bool:
        """Set the document that the next order takes; say whether anything changed."""
        values = {
            "practice_id": practice_id,
            "invoice_id": invoice_id,
            "document_format": document_format,
            **content_values(document, "document"),
        }
        return (await self._connection.execute(_SET_DOCUMENT, values)).rowcount == 1

    async def chosen(self, practice_id: PracticeId, invoice_ids: Sequence[UUID]) -> list[Candidate]:
        """Return those of the named invoices that the practice has, each with its live order."""
        wanted = {"practice_id": practice_id, "invoice_ids": list(invoice_ids)}
        rows = await self._connection.execute(_CHOSEN, wanted)
        return [candidate_of(row) for row in rows.mappings()]

    async def not_in_live_order(
        self, practice_id: PracticeId, contract_id: ContractId
    ) -> list[Candidate]:
        """Return the contract's invoices that no live order holds."""
        wanted = {"practice_id": practice_id, "contract_id": contract_id}
        rows = await self._connection.execute(_NOT_IN_LIVE_ORDER, wanted)
        return [candidate_of(row) for row in rows.mappings()]

    async def not_acquitted(
        self, practice_id: PracticeId, contract_id: ContractId, *, told: Collection[Reason] = ()
    ) -> list[Candidate]:
        """Return the contract's invoices apart from those of acquitted and closed orders.

        Those in no live order on which nothing is owed, or which were cancelled, are returned only
        if their reason is among those that are to be told.
        """
        wanted = {"practice_id": practice_id, "contract_id": contract_id, "told": list(told)}
        rows = await self._connection.execute(_NOT_ACQUITTED, wanted)
        return [candidate_of(row) for row in rows.mappings()]

    async def counted_only(
        self, practice_id: PracticeId, contract_id: ContractId, *, told: Collection[Reason] = ()
    ) -> dict[Reason, int]:
        """Return by reason how many invoices `not_acquitted` does not return for that."""
        wanted = {"practice_id": practice_id, "contract_id": contract_id, "told": list(told)}
        rows = await self._connection.execute(_COUNTED_ONLY, wanted)
        return {Reason(row["reason"]): row["count"] for row in rows.mappings()}

    async def hold(self, practice_id: PracticeId, invoice_ids: Sequence[UUID]) -> list[Invoice]:
        """Return invoices as they are now; nobody changes them until the transaction ends."""
        wanted = {"practice_id": practice_id, "invoice_ids": list(invoice_ids)}
        rows = await self._connection.execute(_HOLD, wanted)
        return [invoice_of(row) for row in rows.mappings()]
