"""An office decides when orders of a contract are prepared by themselves."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import time
from functools import partial

from services.orders.domain.communication import checked_communication
from services.orders.domain.notices import Notice, checked_notices_of_order
from services.orders.domain.policy import Policy, PolicyChangedError, PolicyNotFoundError
from services.orders.domain.selection import Rule
from services.orders.handlers.choosing import parties
from services.orders.ports import Holidays, UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.ids import ContractId, PracticeId
from shared.kernel.money import Money


@dataclass(frozen=True, slots=True)
class SetPolicy:
    """Make or change a policy.

    Attributes:
        read: the version that was read, as text; empty: there was none.
    """

    practice_id: PracticeId
    contract_id: ContractId
    read: str
    enabled: bool
    weekdays: frozenset[int]
    times: tuple[time, ...]
    communication: str
    minimum_total: Money | None
    rule: Rule | None
    by: str
    notices: tuple[Notice, ...] = ()


async def set_policy(
    command: SetPolicy, uow: UnitOfWork, holidays: Holidays, clock: Clock
) -> Policy:
    """Store the policy's next version with its next run; switched off, no slot waits any more.

    Raises:
        DomainError: the text or a notice is not usable, or the practice has no such contract.
        PolicyChangedError: it has another version than the one that was read.
    """
    practice, _ = await parties(uow, command.practice_id, command.contract_id)
    known = await uow.policies.get(command.practice_id, command.contract_id)
    version = known.version if known else 0
    _check_fresh(command.read, known)
    now = clock.now()
    policy = Policy(
        practice_id=command.practice_id,
        contract_id=command.contract_id,
        version=version + 1,
        enabled=command.enabled,
        weekdays=command.weekdays,
        times=tuple(sorted(set(command.times))),
        communication=checked_communication(command.communication),
        minimum_total=command.minimum_total,
        rule=command.rule,
        changed_by=command.by,
        changed_at=now,
        notices=checked_notices_of_order(command.notices, field="notices"),
    )
    is_holiday = partial(holidays.is_holiday, canton=practice.canton)
    policy = replace(policy, next_run_at=policy.next_after(now, is_holiday))
    if not await uow.policies.save(policy, replaces=version):
        raise PolicyChangedError(None)
    if not policy.enabled:
        await uow.tasks.give_up_slots(policy.practice_id, policy.contract_id, at=now)
    return policy


@dataclass(frozen=True, slots=True)
class RemovePolicy:
    """Forget a policy.

    Attributes:
        read: the version that was read, as text.
    """

    practice_id: PracticeId
    contract_id: ContractId
    read: str


async def remove_policy(command: RemovePolicy, uow: UnitOfWork, clock: Clock) -> None:
    """Forget the policy, and what of its schedule waits for an order in flight.

    Raises:
        PolicyNotFoundError: there is none.
        PolicyChangedError: it has another version than the one that was read.
    """
    known = await uow.policies.get(command.practice_id, command.contract_id)
    if known is None:
        raise PolicyNotFoundError(command.contract_id)
    _check_fresh(command.read, known)
    await uow.policies.remove(command.practice_id, command.contract_id)
    await uow.tasks.give_up_slots(command.practice_id, command.contract_id, at=clock.now())


def _check_fresh(read: str, known: Policy | None) -> None:
    if read != (str(known.version) if known else ""):
        raise PolicyChangedError(known.version if known else None)
