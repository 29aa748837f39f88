"""A policy's moment has come: put its order into the queue, and set the next moment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from services.orders.domain.policy import Policy, is_still_meant
from services.orders.domain.task import Task
from services.orders.ports import Holidays, UnitOfWork
from shared.kernel.clock import Clock
from shared.kernel.ids import ContractId, PracticeId, derived_id

BY_POLICY = "order-policy"


@dataclass(frozen=True, slots=True)
class RunPolicy:
    """Run the policy of this contract if it is due and nobody else is at it."""

    practice_id: PracticeId
    contract_id: ContractId


async def run_policy(command: RunPolicy, uow: UnitOfWork, holidays: Holidays, clock: Clock) -> bool:
    """Queue the order of the due moment; return whether one was queued.

    A moment of an earlier day, missed in a standstill, is passed over. Whether an order is in
    flight is found out when the task is worked, by the gate itself.
    """
    now = clock.now()
    policy = await uow.policies.take(command.contract_id, now=now)
    if policy is None or policy.next_run_at is None:
        return False
    slot = policy.next_run_at
    practice = await uow.practices.get(policy.practice_id)
    is_holiday = partial(holidays.is_holiday, canton=practice.canton if practice else None)
    following = replace(policy, next_run_at=policy.next_after(now, is_holiday))
    await uow.policies.save(following, replaces=policy.version)
    if not is_still_meant(slot, today=clock.today()):
        return False
    task_id = derived_id("scheduled-task", policy.contract_id, slot.isoformat())
    return (
        await uow.tasks.add(
            [
                _task(
                    policy,
                    Task(
                        task_id=task_id,
                        batch_id=task_id,
                        practice_id=policy.practice_id,
                        contract_id=policy.contract_id,
                        asked_by=BY_POLICY,
                        asked_at=now,
                        next_try_at=now,
                        slot=slot,
                    ),
                )
            ]
        )
        == 1
    )


def _task(policy: Policy, task: Task) -> Task:
    return replace(
        task,
        communication=policy.communication,
        notices=policy.notices,
        rule=policy.rule,
        minimum_total=policy.minimum_total,
    )
