"""The orders API: what may be ordered, preparing an order, and following it."""

from __future__ import annotations

import re
from uuid import UUID

from services.orders import views
from services.orders.entrypoints import replies
from services.orders.entrypoints.http_credit_notes import credit_note_endpoints
from services.orders.entrypoints.http_moves import move_endpoints, standing
from services.orders.entrypoints.http_queue import policy_endpoints, queue_endpoints
from services.orders.entrypoints.replies_preview import order_preview
from services.orders.entrypoints.schemas import (
    OrderableInvoices,
    OrderableInvoicesQuery,
    OrderableTotals,
    OrderDetail,
    OrderLines,
    OrderLineTotals,
    OrderList,
    OrderTotals,
    PreparedOrderReply,
    PrepareOrderBody,
)
from services.orders.entrypoints.schemas_lists import OrderLinesQuery, OrdersQuery
from services.orders.entrypoints.schemas_preview import OrderPreviewReply, PreviewOrderBody
from services.orders.entrypoints.stories import whole_order
from services.orders.entrypoints.wishes import invoice_notices_of, notices_of, rule_of
from services.orders.entrypoints.workshop import Workshop
from services.orders.handlers.prepare_order import PrepareOrder, prepare_order
from services.orders.handlers.preview_order import PreviewOrder, preview_order
from shared.kernel.ids import ContractId, OrderId, PracticeId, new_id
from shared.web.changes import Changed, changed
from shared.web.endpoints import EVERY_ROLE, WORKING_ROLES, Call, Endpoint, Reply
from shared.web.paging import (
    CURSOR_PROBLEM,
    cursor,
    instant,
    read_cursor,
    several,
    split_page,
    whole_number,
)
from shared.web.totals import totals_of

_PRACTICE = "/v1/practices/{practice_id}"
_ORDER = f"{_PRACTICE}/orders/{{order_id}}"
# 10,000 chosen invoices, each with notices.
_CHOICE_BYTES_MAX = 8_388_608
_MESSAGE_PROBLEMS = (
    "instalments-below-balance",
    "notice-given-twice",
    "notice-text-too-long",
    "notice-text-unusable",
    "notice-unfit",
    "notice-without-invoice",
    "too-many-notices",
)
_NOT_IN_FILE_NAMES = re.compile(r"[^A-Za-z0-9._-]+")


class OrdersApi:
    """The operations of the API, each on the open connection of its call."""

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop

    async def list_orderable_invoices(self, call: Call) -> Reply:
        """Answer which invoices may be ordered, and why the others may not."""
        query = call.query_as(OrderableInvoicesQuery)
        wanted = views.InvoiceFilter(
            practice_id=call.practice_id,
            contract_id=query.contract_id,
            exclude_zero_balance=query.exclude_zero_balance,
            only_orderable=query.only_orderable,
        )
        (after,) = read_cursor(query.after, str) or (None,)
        rows = await views.invoices(call.connection, wanted, after=after, limit=query.limit + 1)
        page, more = split_page(rows, query.limit)
        totals = await totals_of(
            call.connection, query, OrderableTotals, views.ORDERABLE, wanted.values()
        )
        return Reply(
            OrderableInvoices(
                items=[replies.orderable_invoice(row, query.contract_id) for row in page],
                next=cursor(page[-1]["invoice_number"]) if more else None,
                totals=totals,
            )
        )

    async def prepare(self, call: Call) -> Changed:
        """Prepare an order."""
        body = call.body_as(PrepareOrderBody)
        command = PrepareOrder(
            order_id=OrderId(new_id()),
            practice_id=PracticeId(call.practice_id),
            contract_id=ContractId(body.contract_id),
            invoice_ids=None if body.invoice_ids is None else tuple(body.invoice_ids),
            communication=body.communication,
            rule=rule_of(body.rule),
            notices=notices_of(body.notices),
            invoice_notices=invoice_notices_of(body.invoice_notices),
        )
        workshop = self._workshop
        async with workshop.unit_of_work(call.connection) as uow:
            prepared = await prepare_order(command, uow, workshop.archive, workshop.clock)
        reply = replies.prepared_order(prepared, retention_years=workshop.retention_years)
        told = {
            "order_id",
            "order_number",
            "contract_id",
            "state",
            "invoice_count",
            "total",
            "credit_note_count",
            "left_out_count",
        }
        return changed(Reply(reply), None, reply.model_dump(mode="json", include=told))

    async def preview(self, call: Call) -> Reply:
        """Answer what preparing this order would do now."""
        body = call.body_as(PreviewOrderBody)
        command = PreviewOrder(
            practice_id=PracticeId(call.practice_id),
            contract_id=ContractId(body.contract_id),
            invoice_ids=None if body.invoice_ids is None else tuple(body.invoice_ids),
            rule=rule_of(body.rule),
            communication=body.communication,
            notices=notices_of(body.notices),
            invoice_notices=invoice_notices_of(body.invoice_notices),
            told=frozenset(body.left_out_reason),
        )
        async with self._workshop.unit_of_work(call.connection) as uow:
            foreseen = await preview_order(command, uow, self._workshop.clock)
        return Reply(order_preview(body, foreseen))

    async def list_orders(self, call: Call) -> Reply:
        """Answer the orders of a practice, newest first."""
        query = call.query_as(OrdersQuery)
        after = read_cursor(query.after, instant, UUID)
        wanted = {
            "practice_id": call.practice_id,
            "states": several(query.state),
            "contract_id": query.contract_id,
            "overdue": query.overdue,
            "prepared_from": query.prepared_from,
            "prepared_to": query.prepared_to,
        }
        rows = await views.orders(call.connection, wanted, after=after, limit=query.limit + 1)
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["prepared_at"], page[-1]["order_id"]) if more else None
        totals = await totals_of(call.connection, query, OrderTotals, views.ORDERS, wanted)
        items = [replies.order_summary(row) for row in page]
        return Reply(OrderList(items=items, next=following, totals=totals))

    async def get_order(self, call: Call) -> Reply:
        """Answer one order with its story."""
        return Reply(await whole_order(call, self._workshop))

    async def list_lines(self, call: Call) -> Reply:
        """Answer the lines of an order, in package order."""
        query = call.query_as(OrderLinesQuery)
        (after,) = read_cursor(query.after, whole_number) or (0,)
        row = await views.order(call.connection, call.practice_id, call.path_id("order_id"))
        wanted = {
            "practice_id": call.practice_id,
            "order_id": row["order_id"],
            "outcomes": several(query.outcome),
        }
        rows = await views.order_lines(call.connection, wanted, after=after, limit=query.limit + 1)
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["place"]) if more else None
        totals = await totals_of(call.connection, query, OrderLineTotals, views.LINES, wanted)
        items = [replies.order_line(row) for row in page]
        return Reply(OrderLines(items=items, next=following, totals=totals))

    async def get_package(self, call: Call) -> Reply:
        """Answer the frozen bytes of an order, checked against their hash."""
        row = await views.order(call.connection, call.practice_id, call.path_id("order_id"))
        kept = await self._workshop.archive.package(
            PracticeId(call.practice_id), views.package_of(row)
        )
        name = _NOT_IN_FILE_NAMES.sub("_", row["order_number"])
        headers = {
            "Content-Disposition": f'attachment; filename="{name}.zip"',
            "Retain-Until": kept.kept_until.isoformat(),
        }
        return Reply(kept.data, headers=headers)


def endpoints(workshop: Workshop) -> list[Endpoint]:
    """Return the table of the API."""
    api = OrdersApi(workshop)
    return [
        *_preparing(api),
        *_reading(api),
        *move_endpoints(workshop),
        *queue_endpoints(workshop),
        *policy_endpoints(workshop),
        *credit_note_endpoints(),
    ]


def _preparing(api: OrdersApi) -> list[Endpoint]:
    return [
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/orderable-invoices",
            operation_id="listOrderableInvoices",
            summary="Invoices by number, and whether each may go into an order of the contract",
            handler=api.list_orderable_invoices,
            roles=EVERY_ROLE,
            query=OrderableInvoicesQuery,
            response=OrderableInvoices,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        Endpoint(
            method="POST",
            path=f"{_PRACTICE}/orders",
            operation_id="prepareOrder",
            summary="Freeze an order's package; it is sent as soon as it is stored",
            handler=api.prepare,
            roles=WORKING_ROLES,
            request=PrepareOrderBody,
            response=PreparedOrderReply,
            status=201,
            max_body_bytes=_CHOICE_BYTES_MAX,
            problem_codes=(
                *_MESSAGE_PROBLEMS,
                "communication-too-long",
                "communication-unusable",
                "contract-inactive",
                "contract-unknown",
                "credit-note-in-live-order",
                "document-damaged",
                "invoice-chosen-twice",
                "invoice-in-live-order",
                "invoice-unknown",
                "invoices-not-orderable",
                "nothing-to-order",
                "order-being-prepared",
                "order-in-flight",
                "practice-not-found",
            ),
        ),
        Endpoint(
            method="POST",
            path=f"{_PRACTICE}/orders/preview",
            operation_id="previewOrder",
            summary="A dry run: what would be ordered, what not and why; nothing is changed",
            handler=api.preview,
            roles=EVERY_ROLE,
            request=PreviewOrderBody,
            response=OrderPreviewReply,
            max_body_bytes=_CHOICE_BYTES_MAX,
            asks_only=True,
            problem_codes=(
                CURSOR_PROBLEM,
                "contract-unknown",
                "invoice-chosen-twice",
                "invoice-unknown",
                "practice-not-found",
            ),
        ),
    ]


def _reading(api: OrdersApi) -> list[Endpoint]:
    return [
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/orders",
            operation_id="listOrders",
            summary="Orders, newest first",
            handler=api.list_orders,
            roles=EVERY_ROLE,
            query=OrdersQuery,
            response=OrderList,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        Endpoint(
            method="GET",
            path=_ORDER,
            operation_id="getOrder",
            summary="One order with its story in plain words",
            handler=api.get_order,
            roles=EVERY_ROLE,
            response=OrderDetail,
            problem_codes=("order-not-found",),
            holds=standing,
        ),
        Endpoint(
            method="GET",
            path=f"{_ORDER}/lines",
            operation_id="listOrderLines",
            summary="The lines of an order, in package order",
            handler=api.list_lines,
            roles=EVERY_ROLE,
            query=OrderLinesQuery,
            response=OrderLines,
            problem_codes=(CURSOR_PROBLEM, "order-not-found"),
        ),
        Endpoint(
            method="GET",
            path=f"{_ORDER}/package",
            operation_id="getOrderPackage",
            summary="The exact bytes that are sent to the factor",
            handler=api.get_package,
            roles=EVERY_ROLE,
            response_media_type="application/zip",
            problem_codes=("order-not-found",),
        ),
    ]
