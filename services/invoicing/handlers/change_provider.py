"""Changes what is known of a provider, unless somebody else did since it was read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.invoicing.domain.people import Provider
from services.invoicing.handlers.known import check_fresh
from services.invoicing.ports import UnitOfWork
from shared.kernel.errors import ConflictError, NotFoundError


@dataclass(frozen=True, slots=True)
class ChangeProvider:
    """Give this provider these data.

    Attributes:
        read: the version that they were read in, as text.
    """

    provider: Provider
    read: str


async def change_provider(command: ChangeProvider, uow: UnitOfWork) -> Provider:
    """Write the data under the next version; the same data change nothing.

    Documents of issued invoices stay as they are. What is billed or corrected from now on, which
    only an invoice in no order can be, has the new data.

    Raises:
        NotFoundError: the practice has no such provider.
        StaleError: it has another version than the one that was read.
        ConflictError: another provider of the practice has the GLN.
    """
    wanted = command.provider
    before = await uow.practices.lock_provider(wanted.practice_id, wanted.provider_id)
    if before is None:
        raise NotFoundError("There is no such provider.", code="provider-not-found")
    check_fresh(read=command.read, present=before.version)
    if replace(wanted, version=before.version) == before:
        return before
    after = replace(wanted, version=before.version + 1)
    if not await uow.practices.change_provider(after):
        raise ConflictError(
            f"The practice has a provider with the GLN {after.gln} already.",
            code="provider-exists",
            field="gln",
        )
    return after
