"""What preparing and foreseeing an order have in common: who is concerned, and which invoices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from services.orders.domain.communication import checked_communication
from services.orders.domain.model import Contract, Practice
from services.orders.domain.notices import Notice, checked_notices, checked_notices_of_order
from services.orders.ports import UnitOfWork
from shared.kernel.errors import DomainError, NotFoundError
from shared.kernel.ids import ContractId, PracticeId


@dataclass(frozen=True, slots=True)
class Message:
    """What the factor is told with an order: in prose, of the whole order, and per invoice."""

    communication: str
    notices: tuple[Notice, ...]
    by_invoice: Mapping[UUID, tuple[Notice, ...]]


def checked_message(
    communication: str,
    notices: tuple[Notice, ...],
    by_invoice: Mapping[UUID, tuple[Notice, ...]],
    *,
    kept: bool = False,
) -> Message:
    """Return the message, fit to be frozen into a package.

    Args:
        kept: whether it was taken when it was asked for; what only the door refuses today does not
            hold the invoices back then.

    Raises:
        DomainError: the text or a notice is not usable.
    """
    of_order = checked_notices if kept else checked_notices_of_order
    return Message(
        communication=checked_communication(communication),
        notices=of_order(notices, field="notices"),
        by_invoice={
            invoice_id: checked_notices(some, field=f"invoice_notices.{place}.notices")
            for place, (invoice_id, some) in enumerate(by_invoice.items())
        },
    )


async def parties(
    uow: UnitOfWork, practice_id: PracticeId, contract_id: ContractId
) -> tuple[Practice, Contract]:
    """Return the practice and its contract.

    Raises:
        NotFoundError: the practice is not known.
        DomainError: the practice has no such contract.
    """
    practice = await uow.practices.get(practice_id)
    if practice is None:
        raise NotFoundError("This practice is not known here.", code="practice-not-found")
    contract = await uow.contracts.get(practice_id, contract_id)
    if contract is None:
        raise DomainError(
            "This practice has no such contract.", code="contract-unknown", field="contract_id"
        )
    return practice, contract


def refuse_inactive(contract: Contract) -> None:
    """Make sure that the contract is in force.

    Raises:
        DomainError: it has ended.
    """
    if not contract.active:
        raise DomainError(
            f"The contract {contract.account_number} with {contract.factor} has ended: nothing can"
            " be ordered under it.",
            code="contract-inactive",
            field="contract_id",
        )
