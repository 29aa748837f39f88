"""Invoices, their standing and history in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from uuid import UUID

from sqlalchemy import ARRAY, RowMapping, Uuid, any_, bindparam, literal, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.adapters.collection_rows import fold_collections
from services.invoicing.adapters.insurance_rows import insurance_columns, to_insurance
from services.invoicing.adapters.rendition_rows import last_rendition
from services.invoicing.adapters.sets import insert_rows
from services.invoicing.adapters.tables import (
    invoice,
    invoice_history,
    invoice_treatment,
)
from services.invoicing.domain.collection import bears_on_collection
from services.invoicing.domain.invoice import (
    DebtorBalance,
    HistoryEntry,
    Invoice,
    InvoiceState,
    Standing,
    StoredDocument,
    invoice_number,
)
from services.invoicing.domain.practice import Language
from shared.kernel.money import Money

# The row lock of the counter makes the numbers gapless: a rollback takes the increment with it. The
# practice's lock keeps an import from taking the number in between.
_NEXT_SERIAL = text(
    """
    INSERT INTO invoice_counter AS c (practice_id, year, last)
    SELECT CAST(:practice_id AS uuid), CAST(:year AS integer), 1
    FROM pg_advisory_xact_lock(hashtextextended('invoice-numbers ' || :lock, 0))
    ON CONFLICT (practice_id, year) DO UPDATE SET last = c.last + 1
    RETURNING last
    """
)
_LAST_SERIAL = text(
    "SELECT last FROM invoice_counter WHERE practice_id = :practice_id AND year = :year"
)
# A number that an import has brought is passed over, so that issued and imported ones together
# have no gap that the house made.
_FREE_SERIAL = text(
    """
    SELECT min(candidate) FROM (
      SELECT CAST(:drawn AS integer) AS candidate
      UNION ALL
      SELECT serial + 1 FROM invoice
      WHERE practice_id = :practice_id AND year = :year AND serial >= :drawn
        AND serial < 9999999
    ) AS c
    WHERE NOT EXISTS (
      SELECT FROM invoice i
      WHERE i.practice_id = :practice_id AND i.year = :year AND i.serial = c.candidate
    )
    """
)
_MOVE_COUNTER = text(
    "UPDATE invoice_counter SET last = :last WHERE practice_id = :practice_id AND year = :year"
)
_STANDING = select(
    invoice.c.invoice_id,
    invoice.c.invoice_number,
    invoice.c.total_rappen,
    invoice.c.state,
    invoice.c.order_id,
    invoice.c.refusal_code,
    invoice.c.with_factor,
    invoice.c.finished,
    invoice.c.principal_rappen,
    invoice.c.reminder_fees_rappen,
    invoice.c.interest_rappen,
    invoice.c.costs_rappen,
    invoice.c.factor_owes_rappen,
    invoice.c.debtor_paid_rappen,
    invoice.c.credited_rappen,
    invoice.c.given_back_by,
    invoice.c.ledger_sequence,
)


class SqlInvoiceRepository:
    """See services.invoicing.ports.InvoiceRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def next_serial(self, practice_id: UUID, year: int) -> int:
        """Draw the next serial number, locked until the transaction ends; a rollback frees it."""
        counter = {"practice_id": practice_id, "year": year}
        found = await self._connection.execute(_NEXT_SERIAL, counter | {"lock": str(practice_id)})
        drawn = int(found.scalar_one())
        found = await self._connection.execute(_FREE_SERIAL, counter | {"drawn": drawn})
        free = int(found.scalar_one())
        if free != drawn:
            await self._connection.execute(_MOVE_COUNTER, counter | {"last": free})
        return free

    async def probable_serial(self, practice_id: UUID, year: int) -> int:
        """Return what would be drawn now; nothing is locked, so another one may come first."""
        counter = {"practice_id": practice_id, "year": year}
        last = (await self._connection.execute(_LAST_SERIAL, counter)).scalar_one_or_none()
        found = await self._connection.execute(_FREE_SERIAL, counter | {"drawn": (last or 0) + 1})
        return int(found.scalar_one())

    async def add(self, new: Invoice, standing: Standing, treatments: Sequence[UUID]) -> None:
        """Keep a new invoice with the treatments that it bills."""
        await self.add_many([(new, standing, treatments)])

    async def add_many(self, new: Sequence[tuple[Invoice, Standing, Sequence[UUID]]]) -> None:
        """Keep new invoices with the treatments that each bills."""
        await insert_rows(
            self._connection,
            invoice,
            [_fixed_columns(one) | _standing_columns(standing) for one, standing, _ in new],
        )
        billed = [
            {
                "practice_id": one.practice_id,
                "treatment_id": treatment_id,
                "invoice_id": one.invoice_id,
            }
            for one, _, treatments in new
            for treatment_id in treatments
        ]
        await insert_rows(self._connection, invoice_treatment, billed)

    async def get(self, practice_id: UUID, invoice_id: UUID) -> Invoice | None:
        """Return an invoice of the practice with its present document, or None."""
        rows = await self._connection.execute(
            select(invoice).where(
                invoice.c.practice_id == practice_id, invoice.c.invoice_id == invoice_id
            )
        )
        row = rows.mappings().one_or_none()
        return None if row is None else await self._as_rendered(_invoice(row))

    async def _as_rendered(self, issued: Invoice) -> Invoice:
        rendition = await last_rendition(self._connection, issued.practice_id, issued.invoice_id)
        if rendition is None:
            return issued
        return replace(
            issued, document=rendition.document, document_format=rendition.document_format
        )

    async def lock_standings(self, invoice_ids: Collection[UUID]) -> dict[UUID, Standing]:
        """Return standings by id, locked in one order for every caller; unknown ids are absent."""
        rows = await self._connection.execute(
            _STANDING.where(invoice.c.invoice_id == any_(literal(list(invoice_ids), ARRAY(Uuid))))
            .order_by(invoice.c.invoice_id)
            .with_for_update()
        )
        return {row["invoice_id"]: _standing(row) for row in rows.mappings()}

    async def save_standings(self, standings: Sequence[Standing]) -> None:
        """Write standings back."""
        if not standings:
            return
        changes = [
            {f"new_{name}": value for name, value in _standing_columns(standing).items()}
            | {"wanted_id": standing.invoice_id}
            for standing in standings
        ]
        names = _standing_columns(standings[0])
        await self._connection.execute(
            update(invoice)
            .where(invoice.c.invoice_id == bindparam("wanted_id"))
            .values({name: bindparam(f"new_{name}") for name in names}),
            changes,
        )

    async def add_history(self, practice_id: UUID, entries: Sequence[HistoryEntry]) -> None:
        """Append lines of history; the collection stage follows from them."""
        await insert_rows(
            self._connection,
            invoice_history,
            [_history_columns(practice_id, entry) for entry in entries],
            on_conflict="ON CONFLICT (invoice_id, cause_id, place) DO NOTHING",
        )
        await fold_collections(
            self._connection,
            {
                entry.invoice_id
                for entry in entries
                if bears_on_collection(entry.kind, entry.reverses)
            },
        )


def _fixed_columns(new: Invoice) -> dict[str, object]:
    return {
        "practice_id": new.practice_id,
        "invoice_id": new.invoice_id,
        "year": new.year,
        "serial": new.serial,
        "invoice_number": new.number,
        "contract_id": new.contract_id,
        "patient_id": new.patient_id,
        "patient_number": new.patient_number,
        "debtor_number": new.debtor_number,
        "qr_reference": new.qr_reference,
        "issued_at": new.issued_at,
        "issued_on": new.issued_on,
        "due_on": new.due_on,
        "language": new.language.value,
        "total_rappen": new.total.rappen,
        "deposit_rappen": new.deposit.rappen,
        "discount_percent": new.discount_percent,
        "document_key": new.document.key,
        "document_sha256": new.document.sha256,
        "document_size_bytes": new.document.size_bytes,
        "document_media_type": new.document.media_type,
        "unfit_codes": list(new.unfit_codes),
        "document_format": new.document_format,
        **insurance_columns(new.insurance),
    }


def _invoice(row: RowMapping) -> Invoice:
    same_names = ("invoice_id", "practice_id", "year", "serial", "contract_id", "patient_id")
    numbers = ("patient_number", "debtor_number", "qr_reference")
    days = ("issued_at", "issued_on", "due_on")
    return Invoice(
        **{name: row[name] for name in (*same_names, *numbers, *days)},
        language=Language(row["language"]),
        total=Money(row["total_rappen"]),
        deposit=Money(row["deposit_rappen"]),
        discount_percent=row["discount_percent"],
        document=StoredDocument(
            key=row["document_key"],
            sha256=row["document_sha256"],
            size_bytes=row["document_size_bytes"],
            media_type=row["document_media_type"],
        ),
        unfit_codes=tuple(row["unfit_codes"]),
        own_number=_own_number(row),
        document_format=row["document_format"],
        insurance=to_insurance(row),
    )


def _own_number(row: RowMapping) -> str | None:
    number = str(row["invoice_number"])
    return None if number == invoice_number(row["year"], row["serial"]) else number


def _standing_columns(standing: Standing) -> dict[str, object]:
    return {
        "state": standing.state.value,
        "order_id": standing.order_id,
        "refusal_code": standing.refusal_code,
        "with_factor": standing.with_factor,
        "finished": standing.finished,
        "principal_rappen": standing.balance.principal.rappen,
        "reminder_fees_rappen": standing.balance.reminder_fees.rappen,
        "interest_rappen": standing.balance.interest.rappen,
        "costs_rappen": standing.balance.costs.rappen,
        "factor_owes_rappen": standing.factor_owes.rappen,
        "debtor_paid_rappen": standing.debtor_paid.rappen,
        "credited_rappen": standing.credited.rappen,
        "given_back_by": standing.given_back_by,
        "ledger_sequence": standing.ledger_sequence,
    }


def _standing(row: RowMapping) -> Standing:
    return Standing(
        invoice_id=row["invoice_id"],
        invoice_number=row["invoice_number"],
        total=Money(row["total_rappen"]),
        state=InvoiceState(row["state"]),
        balance=DebtorBalance(
            principal=Money(row["principal_rappen"]),
            reminder_fees=Money(row["reminder_fees_rappen"]),
            interest=Money(row["interest_rappen"]),
            costs=Money(row["costs_rappen"]),
        ),
        debtor_paid=Money(row["debtor_paid_rappen"]),
        order_id=row["order_id"],
        refusal_code=row["refusal_code"],
        with_factor=row["with_factor"],
        finished=row["finished"],
        factor_owes=Money(row["factor_owes_rappen"]),
        credited=Money(row["credited_rappen"]),
        given_back_by=row["given_back_by"],
        ledger_sequence=row["ledger_sequence"],
    )


def _history_columns(practice_id: UUID, entry: HistoryEntry) -> dict[str, object]:
    return {
        "practice_id": practice_id,
        "invoice_id": entry.invoice_id,
        "kind": entry.kind,
        "occurred_on": entry.occurred_on,
        "cause_id": entry.cause_id,
        "place": entry.place,
        "amount_rappen": entry.amount.rappen if entry.amount is not None else None,
        "order_id": entry.order_id,
        "deb_file_id": entry.deb_file_id,
        "code": entry.code,
        "level": entry.level,
        "reverses": entry.reverses,
    }
