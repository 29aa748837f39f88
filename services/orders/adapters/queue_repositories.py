"""The queue of orders to prepare and the policies that fill it, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.orders.adapters.rows import notices_of, notices_text
from services.orders.domain.policy import DuePolicy, Policy
from services.orders.domain.selection import Rule
from services.orders.domain.task import DueTask, Task, TaskStatus
from shared.kernel.ids import ContractId, OrderId, PracticeId
from shared.kernel.money import Money

_ADD = text(
    """
    INSERT INTO prepare_task (task_id, batch_id, practice_id, contract_id, asked_by, asked_at,
      next_try_at, communication, notices, older_than_days, amount_above_rappen, minimum_rappen,
      slot, instead_of, status, tries)
    VALUES (:task_id, :batch_id, :practice_id, :contract_id, :asked_by, :asked_at,
      :next_try_at, :communication, CAST(:notices AS jsonb), :older_than_days,
      :amount_above_rappen, :minimum_rappen, :slot, :instead_of, 'waiting', 0)
    ON CONFLICT DO NOTHING
    """
)
_DUE = text(
    """
    SELECT task_id, practice_id FROM prepare_task
    WHERE status = 'waiting' AND next_try_at <= :now
    ORDER BY next_try_at, task_id LIMIT :limit
    """
)
_TAKE = text(
    """
    SELECT * FROM prepare_task WHERE task_id = :task_id AND status = 'waiting'
    FOR UPDATE SKIP LOCKED
    """
)
_SAVE = text(
    """
    UPDATE prepare_task SET status = :status, tries = :tries, next_try_at = :next_try_at,
      order_id = :order_id, code = :code, detail = :detail, settled_at = :settled_at
    WHERE task_id = :task_id AND status = 'waiting'
    """
)
_GIVE_UP_SLOTS = text(
    """
    UPDATE prepare_task SET status = 'in-flight', settled_at = :at
    WHERE practice_id = :practice_id AND contract_id = :contract_id AND status = 'waiting'
      AND slot IS NOT NULL AND code = 'order-in-flight'
    """
)
_POLICY = text(
    """
    SELECT * FROM order_policy
    WHERE practice_id = :practice_id AND contract_id = :contract_id FOR UPDATE
    """
)
_SAVE_POLICY = text(
    """
    INSERT INTO order_policy (practice_id, contract_id, version, enabled, weekdays, times,
      communication, notices, minimum_rappen, older_than_days, amount_above_rappen, changed_by,
      changed_at, next_run_at)
    VALUES (:practice_id, :contract_id, :version, :enabled, :weekdays, CAST(:times AS time[]),
      :communication, CAST(:notices AS jsonb), :minimum_rappen, :older_than_days,
      :amount_above_rappen, :changed_by,
      :changed_at, :next_run_at)
    ON CONFLICT (practice_id, contract_id) DO UPDATE SET version = excluded.version,
      enabled = excluded.enabled, weekdays = excluded.weekdays, times = excluded.times,
      communication = excluded.communication, notices = excluded.notices,
      minimum_rappen = excluded.minimum_rappen,
      older_than_days = excluded.older_than_days,
      amount_above_rappen = excluded.amount_above_rappen, changed_by = excluded.changed_by,
      changed_at = excluded.changed_at, next_run_at = excluded.next_run_at
    WHERE order_policy.version = :replaces
    """
)
_REMOVE_POLICY = text(
    "DELETE FROM order_policy WHERE practice_id = :practice_id AND contract_id = :contract_id"
)
_DUE_POLICIES = text(
    """
    SELECT practice_id, contract_id FROM order_policy
    WHERE enabled AND next_run_at <= :now ORDER BY next_run_at, contract_id LIMIT :limit
    """
)
_TAKE_POLICY = text(
    """
    SELECT * FROM order_policy
    WHERE contract_id = :contract_id AND enabled AND next_run_at <= :now FOR UPDATE SKIP LOCKED
    """
)


class SqlTaskRepository:
    """What is to be prepared without a person waiting, and what came of it."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, tasks: Sequence[Task]) -> int:
        """Put tasks into the queue; one of a schedule's slot is put there once. Return how many."""
        added = 0
        for task in tasks:
            added += (await self._connection.execute(_ADD, _task_values(task))).rowcount
        return added

    async def due(self, *, now: datetime, limit: int) -> list[DueTask]:
        """Return tasks that wait and whose time has come, the oldest first."""
        rows = await self._connection.execute(_DUE, {"now": now, "limit": limit})
        return [DueTask(row.task_id, PracticeId(row.practice_id)) for row in rows]

    async def take(self, task_id: UUID) -> Task | None:
        """Return a waiting task held for this unit of work, or None: settled, or in other hands."""
        rows = await self._connection.execute(_TAKE, {"task_id": task_id})
        row = rows.mappings().one_or_none()
        return None if row is None else _task(row)

    async def save(self, task: Task) -> None:
        """Store what came of a task."""
        values = {
            name: getattr(task, name)
            for name in ("task_id", "tries", "next_try_at", "order_id", "code", "detail")
        }
        settled = {"status": task.status.value, "settled_at": task.settled_at}
        await self._connection.execute(_SAVE, {**values, **settled})

    async def give_up_slots(
        self, practice_id: PracticeId, contract_id: ContractId, *, at: datetime
    ) -> None:
        """Settle slots of a contract's schedule that wait for an order in flight."""
        wanted = {"practice_id": practice_id, "contract_id": contract_id, "at": at}
        await self._connection.execute(_GIVE_UP_SLOTS, wanted)


class SqlPolicyRepository:
    """When orders of a contract are prepared by themselves."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, practice_id: PracticeId, contract_id: ContractId) -> Policy | None:
        """Return the contract's policy, held against concurrent changes, or None."""
        wanted = {"practice_id": practice_id, "contract_id": contract_id}
        row = (await self._connection.execute(_POLICY, wanted)).mappings().one_or_none()
        return None if row is None else policy_of(row)

    async def save(self, policy: Policy, *, replaces: int) -> bool:
        """Store a policy in the place of this version (0: of none); say whether it was there."""
        values = {each.name: getattr(policy, each.name) for each in fields(policy)}
        values |= {
            "weekdays": sorted(policy.weekdays),
            "times": sorted(policy.times),
            **_rule_values(policy.rule),
            "notices": notices_text(policy.notices),
            "replaces": replaces,
            "minimum_rappen": policy.minimum_total and policy.minimum_total.rappen,
        }
        return (await self._connection.execute(_SAVE_POLICY, values)).rowcount == 1

    async def remove(self, practice_id: PracticeId, contract_id: ContractId) -> bool:
        """Forget a policy; say whether there was one."""
        wanted = {"practice_id": practice_id, "contract_id": contract_id}
        return (await self._connection.execute(_REMOVE_POLICY, wanted)).rowcount == 1

    async def due(self, *, now: datetime, limit: int) -> list[DuePolicy]:
        """Return policies whose next run is due."""
        rows = await self._connection.execute(_DUE_POLICIES, {"now": now, "limit": limit})
        return [DuePolicy(PracticeId(row.practice_id), ContractId(row.contract_id)) for row in rows]

    async def take(self, contract_id: UUID, *, now: datetime) -> Policy | None:
        """Return a due policy held for this unit of work, or None."""
        wanted = {"contract_id": contract_id, "now": now}
        row = (await self._connection.execute(_TAKE_POLICY, wanted)).mappings().one_or_none()
        return None if row is None else policy_of(row)


def policy_of(row: RowMapping) -> Policy:
    """Read a policy."""
    return Policy(
        practice_id=PracticeId(row["practice_id"]),
        contract_id=ContractId(row["contract_id"]),
        version=row["version"],
        enabled=row["enabled"],
        weekdays=frozenset(row["weekdays"]),
        times=tuple(row["times"]),
        communication=row["communication"],
        minimum_total=_money(row["minimum_rappen"]),
        rule=_rule(row),
        changed_by=row["changed_by"],
        changed_at=row["changed_at"],
        next_run_at=row["next_run_at"],
        notices=notices_of(row),
    )


def _task(row: RowMapping) -> Task:
    plain = ("task_id", "batch_id", "asked_by", "asked_at", "next_try_at", "communication", "slot")
    after = ("tries", "code", "detail", "settled_at")
    order_id = row["order_id"]
    return Task(
        **{name: row[name] for name in (*plain, *after)},
        practice_id=PracticeId(row["practice_id"]),
        contract_id=ContractId(row["contract_id"]),
        notices=notices_of(row),
        rule=_rule(row),
        minimum_total=_money(row["minimum_rappen"]),
        status=TaskStatus(row["status"]),
        order_id=None if order_id is None else OrderId(order_id),
        instead_of=None if row["instead_of"] is None else OrderId(row["instead_of"]),
    )


def _task_values(task: Task) -> dict[str, object]:
    plain = ("task_id", "batch_id", "practice_id", "contract_id", "asked_by", "asked_at")
    return {
        **{name: getattr(task, name) for name in (*plain, "next_try_at", "communication", "slot")},
        **_rule_values(task.rule),
        "instead_of": task.instead_of,
        "notices": notices_text(task.notices),
        "minimum_rappen": task.minimum_total and task.minimum_total.rappen,
    }


def _rule_values(rule: Rule | None) -> dict[str, int | None]:
    above = rule.amount_above if rule else None
    return {
        "older_than_days": rule.older_than_days if rule else None,
        "amount_above_rappen": None if above is None else above.rappen,
    }


def _rule(row: RowMapping) -> Rule | None:
    rule = Rule(row["older_than_days"], _money(row["amount_above_rappen"]))
    return None if rule == Rule() else rule


def _money(rappen: int | None) -> Money | None:
    return None if rappen is None else Money(rappen)
