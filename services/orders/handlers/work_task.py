"""Takes one task of the queue and prepares its order, or writes down why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from services.orders.domain.notices import Notice
from services.orders.domain.task import Task, TaskStatus
from services.orders.handlers.prepare_order import PrepareOrder, prepare_order
from services.orders.ports import UnitOfWork, UnitsOfWork
from services.orders.ports.archive import DocumentArchive
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError, TransientError
from shared.kernel.ids import OrderId, PracticeId, derived_id


@dataclass(frozen=True, slots=True)
class WorkTask:
    """Work this task if it still waits and nobody else has it in hand."""

    task_id: UUID
    practice_id: PracticeId


async def work_task(
    command: WorkTask, units: UnitsOfWork, archive: DocumentArchive, clock: Clock
) -> TaskStatus | None:
    """Prepare the order and settle the task in one transaction; None where there was nothing to do.

    What refuses the order rolls that transaction back; the reason is written in a second one. A
    slot of the schedule waits there for an order in flight, and is settled when its day is over. A
    process that ends between the two leaves the task waiting, and it is worked again.
    """
    try:
        async with units.begin(command.practice_id) as uow:
            return await _prepare(command, uow, archive, clock)
    except DomainError as error:
        refusal = error
    except TransientError:
        return await _put_off(command, units, clock)
    async with units.begin(command.practice_id) as uow:
        task = await uow.tasks.take(command.task_id)
        return None if task is None else await _settle(task.refused(refusal, at=clock.now()), uow)


async def _prepare(
    command: WorkTask, uow: UnitOfWork, archive: DocumentArchive, clock: Clock
) -> TaskStatus | None:
    task = await uow.tasks.take(command.task_id)
    if task is None:
        return None
    missed = task.missed(at=clock.now())
    if missed is not None:
        return await _settle(missed, uow)
    order_id = OrderId(derived_id("order-of-task", task.task_id))
    wish = PrepareOrder(
        order_id=order_id,
        practice_id=task.practice_id,
        contract_id=task.contract_id,
        invoice_ids=None,
        communication=task.communication,
        rule=task.rule,
        minimum_total=task.minimum_total,
        notices=task.notices,
        among=await _rest(task, uow),
        kept=True,
    )
    await prepare_order(wish, uow, archive, clock)
    return await _settle(task.prepared(order_id, at=clock.now()), uow)


async def _rest(task: Task, uow: UnitOfWork) -> Mapping[UUID, tuple[Notice, ...]] | None:
    if task.instead_of is None:
        return None
    return {line.invoice_id: line.notices for line in await uow.orders.rest_of(task.instead_of)}


async def _put_off(command: WorkTask, units: UnitsOfWork, clock: Clock) -> TaskStatus | None:
    async with units.begin(command.practice_id) as uow:
        task = await uow.tasks.take(command.task_id)
        return None if task is None else await _settle(task.put_off(at=clock.now()), uow)


async def _settle(task: Task, uow: UnitOfWork) -> TaskStatus:
    await uow.tasks.save(task)
    return task.status
