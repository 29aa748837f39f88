"""Changes a practice's own data, unless somebody else did since they were read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from services.invoicing.domain.practice import Practice
from services.invoicing.handlers.known import check_fresh
from services.invoicing.ports import UnitOfWork
from shared.kernel.errors import DomainError, NotFoundError


@dataclass(frozen=True, slots=True)
class ChangePractice:
    """Give this practice these data.

    Attributes:
        read: the version that they were read in, as text.
    """

    practice: Practice
    read: str


async def change_practice(command: ChangePractice, uow: UnitOfWork) -> Practice:
    """Write the data under the next version; the same data change nothing.

    GLN and canton are what the other services know the practice by, and stay.

    Raises:
        NotFoundError: there is no such practice.
        StaleError: it has another version than the one that was read.
        DomainError: GLN or canton differ.
    """
    wanted = command.practice
    before = await uow.practices.lock(wanted.practice_id)
    if before is None:
        raise NotFoundError("There is no such practice.", code="practice-not-found")
    check_fresh(read=command.read, present=before.version)
    for field in ("gln", "canton"):
        if getattr(wanted, field) != getattr(before, field):
            raise DomainError(
                "GLN and canton of a practice cannot be changed.", code="fixed-field", field=field
            )
    if replace(wanted, version=before.version) == before:
        return before
    after = replace(wanted, version=before.version + 1)
    await uow.practices.change(after)
    return after
