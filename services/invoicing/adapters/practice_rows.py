"""Practices, contracts and providers in PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.invoicing.adapters.tables import contract, practice, provider
from services.invoicing.domain.countries import HOME_COUNTRY
from services.invoicing.domain.people import Provider
from services.invoicing.domain.practice import (
    Address,
    Contract,
    Language,
    PortalTerms,
    Practice,
)


class SqlPracticeRepository:
    """See services.invoicing.ports.PracticeRepository."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, new: Practice) -> bool:
        """Keep a new practice; return False if its GLN is taken."""
        statement = insert(practice).values(_practice_columns(new))
        return await _added(self._connection, statement.on_conflict_do_nothing())

    async def get(self, practice_id: UUID) -> Practice | None:
        """Return the practice, or None."""
        rows = await self._connection.execute(
            select(practice).where(practice.c.practice_id == practice_id)
        )
        row = rows.mappings().one_or_none()
        return to_practice(row) if row else None

    async def lock(self, practice_id: UUID) -> Practice | None:
        """Return the practice, locked until the transaction ends, or None."""
        rows = await self._connection.execute(
            select(practice).where(practice.c.practice_id == practice_id).with_for_update()
        )
        row = rows.mappings().one_or_none()
        return to_practice(row) if row else None

    async def change(self, changed: Practice) -> None:
        """Write a practice back."""
        await self._connection.execute(
            update(practice)
            .where(practice.c.practice_id == changed.practice_id)
            .values(_practice_columns(changed))
        )

    async def lock_contract(self, practice_id: UUID, contract_id: UUID) -> Contract | None:
        """Return a contract of the practice, locked until the transaction ends, or None."""
        rows = await self._connection.execute(
            select(contract)
            .where(contract.c.practice_id == practice_id, contract.c.contract_id == contract_id)
            .with_for_update()
        )
        row = rows.mappings().one_or_none()
        return to_contract(row) if row else None

    async def change_contract(self, changed: Contract) -> bool:
        """Write a contract back; return False if the account at that factor is taken."""
        other = select(contract.c.contract_id).where(
            contract.c.practice_id == changed.practice_id,
            contract.c.factor_gln == changed.factor_gln,
            contract.c.account_number == changed.account_number,
            contract.c.contract_id != changed.contract_id,
        )
        if (await self._connection.execute(other)).first() is not None:
            return False
        await self._connection.execute(
            update(contract)
            .where(contract.c.contract_id == changed.contract_id)
            .values(_contract_columns(changed))
        )
        return True

    async def add_contract(self, new: Contract) -> bool:
        """Keep a new contract; return False if the account at that factor is taken."""
        statement = insert(contract).values(_contract_columns(new)).on_conflict_do_nothing()
        return await _added(self._connection, statement)

    async def contract(self, practice_id: UUID, contract_id: UUID) -> Contract | None:
        """Return a contract of the practice, or None."""
        rows = await self._connection.execute(
            select(contract).where(
                contract.c.practice_id == practice_id, contract.c.contract_id == contract_id
            )
        )
        row = rows.mappings().one_or_none()
        return to_contract(row) if row else None

    async def contracts_of(self, practice_id: UUID) -> Sequence[Contract]:
        """Return all contracts of the practice, those not in force too."""
        rows = await self._connection.execute(
            select(contract)
            .where(contract.c.practice_id == practice_id)
            .order_by(contract.c.contract_id)
        )
        return [to_contract(row) for row in rows.mappings()]

    async def add_provider(self, new: Provider) -> bool:
        """Keep a new provider; return False if the GLN is taken in this practice."""
        statement = insert(provider).values(
            practice_id=new.practice_id,
            provider_id=new.provider_id,
            gln=new.gln,
            zsr=new.zsr,
            title=new.title,
            family_name=new.family_name,
            given_name=new.given_name,
        )
        return await _added(self._connection, statement.on_conflict_do_nothing())

    async def lock_provider(self, practice_id: UUID, provider_id: UUID) -> Provider | None:
        """Return a provider of the practice, locked until the transaction ends, or None."""
        rows = await self._connection.execute(
            select(provider)
            .where(provider.c.practice_id == practice_id, provider.c.provider_id == provider_id)
            .with_for_update()
        )
        row = rows.mappings().one_or_none()
        return Provider(**row) if row else None

    async def change_provider(self, changed: Provider) -> bool:
        """Write a provider back; return False if the GLN is taken in this practice."""
        other = select(provider.c.provider_id).where(
            provider.c.practice_id == changed.practice_id,
            provider.c.gln == changed.gln,
            provider.c.provider_id != changed.provider_id,
        )
        if (await self._connection.execute(other)).first() is not None:
            return False
        await self._connection.execute(
            update(provider)
            .where(
                provider.c.practice_id == changed.practice_id,
                provider.c.provider_id == changed.provider_id,
            )
            .values(
                gln=changed.gln,
                zsr=changed.zsr,
                title=changed.title,
                family_name=changed.family_name,
                given_name=changed.given_name,
                version=changed.version,
            )
        )
        return True

    async def providers_by_gln(
        self, practice_id: UUID, glns: Collection[str]
    ) -> dict[str, Provider]:
        """Return those of the providers that the practice has, by GLN."""
        rows = await self._connection.execute(
            select(provider).where(provider.c.practice_id == practice_id, provider.c.gln.in_(glns))
        )
        return {row["gln"]: Provider(**row) for row in rows.mappings()}

    async def providers(
        self, practice_id: UUID, provider_ids: Collection[UUID]
    ) -> dict[UUID, Provider]:
        """Return those of the providers that the practice has, by id."""
        rows = await self._connection.execute(
            select(provider).where(
                provider.c.practice_id == practice_id, provider.c.provider_id.in_(provider_ids)
            )
        )
        return {row["provider_id"]: Provider(**row) for row in rows.mappings()}


async def _added(connection: AsyncConnection, statement: Any) -> bool:
    result = await connection.execute(statement)
    return bool(result.rowcount)


def address_columns(address: Address | None, *, prefix: str = "") -> dict[str, str | None]:
    """Return the columns of an address; if it is not known, its country says nothing."""
    return {
        f"{prefix}street": address.street if address else None,
        f"{prefix}house_no": address.house_no if address else None,
        f"{prefix}zip": address.zip if address else None,
        f"{prefix}city": address.city if address else None,
        f"{prefix}country": address.country if address else HOME_COUNTRY,
    }


def to_address(row: RowMapping, *, prefix: str = "") -> Address | None:
    """Read an address, or None if it is not known."""
    if row[f"{prefix}zip"] is None:
        return None
    return _whole_address(row, prefix=prefix)


def _whole_address(row: RowMapping, *, prefix: str = "") -> Address:
    return Address(
        street=row[f"{prefix}street"],
        house_no=row[f"{prefix}house_no"],
        zip=row[f"{prefix}zip"],
        city=row[f"{prefix}city"],
        country=row[f"{prefix}country"],
    )


def to_practice(row: RowMapping) -> Practice:
    """Read a practice."""
    return Practice(
        practice_id=row["practice_id"],
        name=row["name"],
        address=_whole_address(row),
        gln=row["gln"],
        zsr=row["zsr"],
        uid=row["uid"],
        canton=row["canton"],
        language=Language(row["language"]),
        iban=row["iban"],
        round_to_five=row["round_to_five"],
        version=row["version"],
    )


def _practice_columns(new: Practice) -> dict[str, object]:
    return {
        "practice_id": new.practice_id,
        "name": new.name,
        **address_columns(new.address),
        "gln": new.gln,
        "zsr": new.zsr,
        "uid": new.uid,
        "canton": new.canton,
        "language": new.language.value,
        "iban": new.iban,
        "round_to_five": new.round_to_five,
        "version": new.version,
    }


def _contract_columns(new: Contract) -> dict[str, object]:
    return {
        "practice_id": new.practice_id,
        "contract_id": new.contract_id,
        "version": new.version,
        "active": new.active,
        "factor": new.factor,
        "factor_name": new.factor_name,
        **address_columns(new.factor_address, prefix="factor_"),
        "factor_gln": new.factor_gln,
        "account_number": new.account_number,
        "ledger_account": new.ledger_account,
        "acquittal_label": new.acquittal_label,
        "qr_iban": new.qr_iban,
        "invoice_format": new.invoice_format,
        "payout_term_days": new.payout_term_days,
        "payout_basis": new.payout_basis,
        "reminder_fee_beneficiary": new.reminder_fee_beneficiary,
        "payment_order": list(new.payment_order),
        "loss_cover": new.loss_cover,
        "acquittal": new.acquittal,
        "deb_booking": new.deb_booking,
        "portal_adapter": new.portal.adapter,
        "arrival_check_after_seconds": new.portal.arrival_check_after_seconds,
        "arrival_poll_interval_seconds": new.portal.arrival_poll_interval_seconds,
        "arrival_deadline_working_days": new.portal.arrival_deadline_working_days,
        "deb_poll_interval_seconds": new.portal.deb_poll_interval_seconds,
        "deb_layout": new.portal.deb_layout,
    }


def to_contract(row: RowMapping) -> Contract:
    """Read a contract."""
    return Contract(
        contract_id=row["contract_id"],
        practice_id=row["practice_id"],
        factor=row["factor"],
        factor_name=row["factor_name"],
        factor_address=_whole_address(row, prefix="factor_"),
        factor_gln=row["factor_gln"],
        account_number=row["account_number"],
        ledger_account=row["ledger_account"],
        acquittal_label=row["acquittal_label"],
        qr_iban=row["qr_iban"],
        payout_term_days=row["payout_term_days"],
        payout_basis=row["payout_basis"],
        reminder_fee_beneficiary=row["reminder_fee_beneficiary"],
        payment_order=tuple(row["payment_order"]),
        loss_cover=row["loss_cover"],
        acquittal=row["acquittal"],
        deb_booking=row["deb_booking"],
        portal=PortalTerms(
            adapter=row["portal_adapter"],
            arrival_check_after_seconds=row["arrival_check_after_seconds"],
            arrival_poll_interval_seconds=row["arrival_poll_interval_seconds"],
            arrival_deadline_working_days=row["arrival_deadline_working_days"],
            deb_poll_interval_seconds=row["deb_poll_interval_seconds"],
            deb_layout=row["deb_layout"],
        ),
        invoice_format=row["invoice_format"],
        version=row["version"],
        active=row["active"],
    )
