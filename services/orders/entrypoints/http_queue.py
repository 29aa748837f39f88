"""One queue over many practices, and the policies that fill it by the calendar."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping

from services.orders import views
from services.orders.domain.policy import PolicyNotFoundError
from services.orders.domain.task import Task, TaskStatus
from services.orders.entrypoints.replies import money
from services.orders.entrypoints.replies_preview import batch_preview
from services.orders.entrypoints.schemas import NoticeBody, RuleBody
from services.orders.entrypoints.schemas_preview import BatchPreviewReply
from services.orders.entrypoints.schemas_queue import (
    BatchQuery,
    BatchReply,
    BatchReport,
    BatchTotals,
    OrderPolicyBody,
    OrderPolicyReply,
    PrepareManyBody,
    StatusCount,
    TaskReply,
)
from services.orders.entrypoints.wishes import money_of, notices_of, rule_of
from services.orders.entrypoints.workshop import Workshop
from services.orders.handlers.preview_orders import PreviewOrders, preview_orders
from services.orders.handlers.queue_orders import QueueOrders, queue_orders
from services.orders.handlers.set_policy import RemovePolicy, SetPolicy, remove_policy, set_policy
from shared.kernel.errors import NotFoundError
from shared.kernel.ids import ContractId, PracticeId, new_id
from shared.web.changes import Change, Changed, between, changed, changed_all, some
from shared.web.endpoints import EVERY_ROLE, Call, Endpoint, Reply, UserRole
from shared.web.paging import CURSOR_PROBLEM, cursor, read_cursor, several, split_page
from shared.web.totals import totals_of

_MANY = "/v1/orders/prepare-many"
_POLICY = "/v1/practices/{practice_id}/contracts/{contract_id}/order-policy"
_MANY_PROBLEMS = (
    "communication-too-long",
    "communication-unusable",
    "contract-chosen-twice",
    "contract-unknown",
    "no-contract-in-force",
    "too-many-contracts",
    "notice-given-twice",
    "notice-text-unusable",
    "notice-unfit",
)
_OFFICE_ROLES = frozenset({UserRole.BILLING_OFFICE, UserRole.ADMIN})
_LATEST_RUNS = 20


class QueueApi:
    """The operations of the queue and of the policies, each on the open connection of its call."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    async def prepare_many(self, call: Call) -> Changed:
        """Put one task per contract into the queue."""
        body = call.body_as(PrepareManyBody)
        command = QueueOrders(
            batch_id=new_id(),
            contracts=_chosen(body),
            by=call.principal.subject,
            communication=body.communication,
            notices=notices_of(body.notices),
            rule=rule_of(body.rule),
        )
        async with self._workshop.unit_of_work(call.connection) as uow:
            tasks = await queue_orders(command, uow, self._workshop.clock)
        reply = Reply(BatchReply(batch_id=command.batch_id, task_count=len(tasks)))
        return changed_all(reply, _queued(command.batch_id, tasks))

    async def preview_many(self, call: Call) -> Reply:
        """Answer what preparing an order of each contract would do now."""
        body = call.body_as(PrepareManyBody)
        command = PreviewOrders(
            contracts=_chosen(body),
            communication=body.communication,
            notices=notices_of(body.notices),
            rule=rule_of(body.rule),
        )
        async with self._workshop.unit_of_work(call.connection) as uow:
            foreseen = await preview_orders(command, uow, self._workshop.clock)
        return Reply(batch_preview(foreseen))

    async def get_batch(self, call: Call) -> Reply:
        """Answer what came of each contract of a batch."""
        query, batch_id = call.query_as(BatchQuery), call.path_id("batch_id")
        (after,) = read_cursor(query.after, UUID) or (None,)
        counts = await views.batch_counts(call.connection, batch_id)
        if not counts:
            raise NotFoundError("There is no such batch.", code="batch-not-found")
        rows = await views.batch_tasks(
            call.connection,
            batch_id,
            statuses=several(query.status),
            after=after,
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        return Reply(
            BatchReport(
                finished=all(row["status"] != TaskStatus.WAITING for row in counts),
                counts=[StatusCount(status=row["status"], count=row["count"]) for row in counts],
                items=[_task(row) for row in page],
                next=cursor(page[-1]["task_id"]) if more else None,
                totals=await totals_of(
                    call.connection,
                    query,
                    BatchTotals,
                    views.BATCH_TASKS,
                    {"batch_id": batch_id, "statuses": several(query.status)},
                ),
            )
        )

    async def get_policy(self, call: Call) -> Reply:
        """Answer a contract's policy with its latest runs."""
        policy = await self._policy(call)
        if policy is None:
            raise PolicyNotFoundError(call.path_id("contract_id"))
        return Reply(policy, headers=_etag(policy))

    async def put_policy(self, call: Call) -> Changed:
        """Make or change a contract's policy."""
        body = call.body_as(OrderPolicyBody)
        command = SetPolicy(
            practice_id=PracticeId(call.practice_id),
            contract_id=ContractId(call.path_id("contract_id")),
            read=call.if_match or "",
            enabled=body.enabled,
            weekdays=frozenset(body.weekdays),
            times=body.times,
            communication=body.communication,
            notices=notices_of(body.notices),
            minimum_total=money_of(body.minimum_total),
            rule=rule_of(body.rule),
            by=call.principal.subject,
        )
        workshop, before = self._workshop, await self._policy(call)
        async with workshop.unit_of_work(call.connection) as uow:
            await set_policy(command, uow, workshop.holidays, workshop.clock)
        after = await self._policy(call)
        assert after is not None  # noqa: S101 - it was stored in this transaction
        return changed(Reply(after, headers=_etag(after)), before, after)

    async def _policy(self, call: Call) -> OrderPolicyReply | None:
        practice_id, contract_id = call.practice_id, call.path_id("contract_id")
        row = await views.policy(call.connection, practice_id, contract_id)
        if row is None:
            return None
        runs = await views.policy_runs(
            call.connection, practice_id, contract_id, limit=_LATEST_RUNS
        )
        return _policy(row, runs)

    async def delete_policy(self, call: Call) -> Changed:
        """Forget a contract's policy."""
        command = RemovePolicy(
            practice_id=PracticeId(call.practice_id),
            contract_id=ContractId(call.path_id("contract_id")),
            read=call.if_match or "",
        )
        before = await self._policy(call)
        async with self._workshop.unit_of_work(call.connection) as uow:
            await remove_policy(command, uow, self._workshop.clock)
        return changed(Reply(), before, None)


def _chosen(body: PrepareManyBody) -> tuple[tuple[PracticeId, ContractId], ...] | None:
    if body.contracts is None:
        return None
    return tuple(
        (PracticeId(each.practice_id), ContractId(each.contract_id)) for each in body.contracts
    )


def _queued(batch_id: UUID, tasks: Sequence[Task]) -> list[Change]:
    """Return, by practice, for which contracts an order was put into the queue."""
    contracts = defaultdict[UUID, list[UUID]](list)
    for task in tasks:
        contracts[task.practice_id].append(task.contract_id)
    return [
        between(
            None,
            {"batch_id": batch_id, "tasks": len(ids), "contract_ids": some(ids)},
            practice_id=practice_id,
        )
        for practice_id, ids in contracts.items()
    ]


def queue_endpoints(workshop: Workshop) -> list[Endpoint]:
    """Return the part of the API's table about the queue."""
    api = QueueApi(workshop)
    return [
        Endpoint(
            method="POST",
            path=_MANY,
            operation_id="prepareManyOrders",
            summary="Prepare orders of many practices, each by itself; a report tells of each",
            handler=api.prepare_many,
            roles=_OFFICE_ROLES,
            request=PrepareManyBody,
            response=BatchReply,
            status=202,
            problem_codes=_MANY_PROBLEMS,
        ),
        Endpoint(
            method="POST",
            path=f"{_MANY}/preview",
            operation_id="previewManyOrders",
            summary="A dry run of orders of many practices: of each contract what would be ordered",
            handler=api.preview_many,
            roles=_OFFICE_ROLES,
            request=PrepareManyBody,
            response=BatchPreviewReply,
            asks_only=True,
            problem_codes=_MANY_PROBLEMS,
        ),
        Endpoint(
            method="GET",
            path=f"{_MANY}/{{batch_id}}",
            operation_id="getPrepareManyReport",
            summary="What came of each contract of a batch: prepared, nothing to order, in flight",
            handler=api.get_batch,
            roles=_OFFICE_ROLES,
            query=BatchQuery,
            response=BatchReport,
            problem_codes=("batch-not-found", CURSOR_PROBLEM),
        ),
    ]


def policy_endpoints(workshop: Workshop) -> list[Endpoint]:
    """Return the part of the API's table about order policies."""
    api = QueueApi(workshop)
    return [
        Endpoint(
            method="GET",
            path=_POLICY,
            operation_id="getOrderPolicy",
            summary="When orders of a contract are prepared by themselves, and the latest runs",
            handler=api.get_policy,
            roles=EVERY_ROLE,
            response=OrderPolicyReply,
            problem_codes=("order-policy-not-found",),
        ),
        Endpoint(
            method="PUT",
            path=_POLICY,
            operation_id="putOrderPolicy",
            summary="Decide on which weekdays and at what hours orders are prepared by themselves",
            handler=api.put_policy,
            roles=_OFFICE_ROLES,
            request=OrderPolicyBody,
            response=OrderPolicyReply,
            conditional=True,
            may_create=True,
            problem_codes=(
                "changed-meanwhile",
                "communication-unusable",
                "contract-unknown",
                "notice-given-twice",
                "notice-text-unusable",
                "notice-unfit",
                "practice-not-found",
            ),
        ),
        Endpoint(
            method="DELETE",
            path=_POLICY,
            operation_id="deleteOrderPolicy",
            summary="Prepare no more orders of a contract by themselves",
            handler=api.delete_policy,
            roles=_OFFICE_ROLES,
            status=204,
            conditional=True,
            problem_codes=("changed-meanwhile", "order-policy-not-found"),
        ),
    ]


def _etag(policy: OrderPolicyReply) -> dict[str, str]:
    return {"ETag": f'"{policy.version}"'}


def _task(row: RowMapping) -> TaskReply:
    rappen = row["total_rappen"]
    same = TaskReply.model_fields.keys() - {"total"}
    return TaskReply(
        **{name: row[name] for name in same}, total=None if rappen is None else money(rappen)
    )


def _policy(row: RowMapping, runs: list[RowMapping]) -> OrderPolicyReply:
    copied = (
        "version",
        "enabled",
        "weekdays",
        "times",
        "communication",
        "canton",
        "changed_by",
        "changed_at",
        "next_run_at",
    )
    return OrderPolicyReply(
        **{name: row[name] for name in copied},
        minimum_total=None if row["minimum_rappen"] is None else money(row["minimum_rappen"]),
        rule=_rule(row),
        notices=[NoticeBody.model_validate(members, strict=False) for members in row["notices"]],
        latest_runs=[_task(run) for run in runs],
    )


def _rule(row: RowMapping) -> RuleBody | None:
    above = row["amount_above_rappen"]
    if row["older_than_days"] is None and above is None:
        return None
    return RuleBody(
        older_than_days=row["older_than_days"],
        amount_above=None if above is None else money(above),
    )
