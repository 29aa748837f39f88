"""The part of the reconciliation API about the bank: accounts, statements, the three-way match."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.domain.bank import BankAccount, ImportedBy, Statement, token
from services.reconciliation.entrypoints import replies, replies_bank
from services.reconciliation.entrypoints.parked_rows import DECIDING_ROLES
from services.reconciliation.entrypoints.schemas_bank import (
    BankAccountList,
    BankAccountReply,
    BankAccountRequest,
    BankEntryList,
    EntryDecisionReply,
    EntryDecisionRequest,
    PayoutList,
    PayoutPartsQuery,
    PayoutPartsReply,
    PayoutsQuery,
    PayoutTotals,
    SinceQuery,
    StatementImportReply,
    StatementList,
    StatementReceiptReply,
    StatementReply,
)
from services.reconciliation.handlers.decide_bank_entry import decide_bank_entry
from services.reconciliation.handlers.import_statements import ImportStatements, import_statements
from services.reconciliation.handlers.keep_bank_account import (
    AddBankAccount,
    ChangeBankAccount,
    add_bank_account,
    bank_account_not_found,
    change_bank_account,
)
from services.reconciliation.ports.bank import BankRepository, EntryDecision
from services.reconciliation.views import bank as views
from shared.kernel.clock import Clock
from shared.kernel.errors import DomainError, NotFoundError
from shared.kernel.ids import new_id
from shared.web.endpoints import EVERY_ROLE, WORKING_ROLES, Call, Endpoint, Reply
from shared.web.paging import CURSOR_PROBLEM, cursor, read_cursor, split_page, whole_number

BankOn = Callable[[AsyncConnection], BankRepository]
StatementReader = Callable[[bytes], list[Statement]]
_ACCOUNTS = "/v1/bank-accounts"
_ACCOUNT = f"{_ACCOUNTS}/{{account_id}}"
_DEFAULT_SPAN = timedelta(days=90)
_STATEMENT_BYTES_MAX = 32 * 1024 * 1024
_STATEMENTS_MAX = 500
_PARTS_MAX = 20_000
STATEMENT_PROBLEMS = (
    "statement-amount",
    "statement-contradicts-another",
    "statement-currency",
    "statement-date",
    "statement-does-not-add-up",
    "statement-incomplete",
    "statement-not-xml",
    "statement-unknown-type",
)


class BankOperations:
    """The operations, each on the open connection of its call."""

    def __init__(self, bank_on: BankOn, read: StatementReader, clock: Clock) -> None:
        self._bank_on = bank_on
        self._read = read
        self._clock = clock

    async def add_account(self, call: Call) -> Reply:
        """Keep another bank account."""
        account = _account_of(new_id(), call.body_as(BankAccountRequest), version=1)
        await add_bank_account(AddBankAccount(account), self._bank_on(call.connection), self._clock)
        return await self._shown(call, account.account_id)

    async def change_account(self, call: Call) -> Reply:
        """Change holder, practices or payers of an account."""
        given = call.if_match or ""
        version = int(given) if given.isdecimal() and len(given) < 10 else -1
        body = call.body_as(BankAccountRequest)
        wanted = _account_of(call.path_id("account_id"), body, version=version)
        before = await change_bank_account(
            ChangeBankAccount(wanted), self._bank_on(call.connection), self._clock
        )
        return await self._shown(call, wanted.account_id, before=replies_bank.account_of(before))

    async def list_accounts(self, call: Call) -> Reply:
        """Answer all accounts in scope."""
        rows = await views.accounts(call.connection)
        return Reply(BankAccountList(items=[replies_bank.account(row) for row in rows]))

    async def get_account(self, call: Call) -> Reply:
        """Answer one account."""
        return await self._shown(call, call.path_id("account_id"))

    async def upload(self, call: Call) -> Reply:
        """Import a camt.054 or camt.053."""
        data = call.raw_body or b""
        statements = await asyncio.to_thread(self._read, data)
        by = ImportedBy(call.principal.subject, self._clock.now())
        command = ImportStatements(statements, hashlib.sha256(data).hexdigest(), by)
        receipts = await import_statements(command, self._bank_on(call.connection))
        return Reply(
            StatementImportReply(
                items=[
                    StatementReceiptReply(
                        statement_id=one.statement_id,
                        iban=one.iban,
                        new=one.new,
                        known=one.known,
                        detailed=one.detailed,
                        already=one.already,
                    )
                    for one in receipts
                ]
            )
        )

    async def list_statements(self, call: Call) -> Reply:
        """Answer the latest statements of an account."""
        account = await _account(call)
        rows = await views.statements(call.connection, account["account_id"], limit=_STATEMENTS_MAX)
        return Reply(StatementList(items=[StatementReply(**row) for row in rows]))

    async def list_payouts(self, call: Call) -> Reply:
        """Answer the three-way match of an account's payouts."""
        query = call.query_as(PayoutsQuery)
        rows = await views.payouts(
            call.connection,
            await _account(call),
            first_day=self._since(query),
            state=query.state,
            after=read_cursor(query.after, date.fromisoformat, str),
            limit=query.limit + 1,
        )
        page, more = split_page([row for row in rows if row["token"] is not None], query.limit)
        return Reply(
            PayoutList(
                items=[replies_bank.payout(row) for row in page],
                next=cursor(page[-1]["paid_on"], page[-1]["token"]) if more else None,
                totals=PayoutTotals(
                    count=rows[0]["total_count"],
                    announced=replies.money(rows[0]["total_announced_rappen"]),
                    received=replies.money(rows[0]["total_received_rappen"]),
                ),
            )
        )

    async def get_parts(self, call: Call) -> Reply:
        """Answer what one payout is made of, over all practices of the account."""
        reference = call.query_as(PayoutPartsQuery).payout_reference
        rows = await views.parts(
            call.connection, await _account(call), token=token(reference), limit=_PARTS_MAX + 1
        )
        if not rows:
            raise NotFoundError("No DEB row names this payout.", code="payout-not-found")
        if len(rows) > _PARTS_MAX:
            detail = f"This payout has more than {_PARTS_MAX} rows; read its DEB files instead."
            raise DomainError(detail, code="payout-too-large")
        return Reply(replies_bank.split(reference, rows))

    async def list_unexplained(self, call: Call) -> Reply:
        """Answer the factor's entries that no payout explains."""
        query = call.query_as(SinceQuery)
        after = read_cursor(query.after, date.fromisoformat, whole_number)
        rows = await views.unexplained(
            call.connection,
            await _account(call),
            first_day=self._since(query),
            after=after,
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["value_on"], page[-1]["arrival"]) if more else None
        return Reply(BankEntryList(items=[replies_bank.entry(row) for row in page], next=following))

    async def decide(self, call: Call) -> Reply:
        """Keep what a person says of an entry."""
        body = call.body_as(EntryDecisionRequest)
        decision = EntryDecision(
            entry_id=call.path_id("entry_id"),
            payout_reference=body.payout_reference,
            reason=body.reason.strip(),
            decided_by=call.principal.subject,
            decided_at=self._clock.now(),
        )
        await decide_bank_entry(decision, self._bank_on(call.connection))
        return Reply(
            EntryDecisionReply(
                entry_id=decision.entry_id,
                decision=body.decision,
                payout_reference=decision.payout_reference,
                reason=decision.reason,
                decided_by=decision.decided_by,
                decided_at=decision.decided_at,
            )
        )

    async def _shown(
        self, call: Call, account_id: UUID, *, before: BankAccountReply | None = None
    ) -> Reply:
        rows = await views.accounts(call.connection, account_id)
        if not rows:
            raise bank_account_not_found()
        etag = {"ETag": f'"{rows[0]["version"]}"'}
        return Reply(replies_bank.account(rows[0]), headers=etag, before=before)

    def _since(self, query: SinceQuery) -> date:
        return query.since or self._clock.today() - _DEFAULT_SPAN


async def _account(call: Call) -> RowMapping:
    rows = await views.accounts(call.connection, call.path_id("account_id"))
    if not rows:
        raise bank_account_not_found()
    return rows[0]


def _account_of(account_id: UUID, body: BankAccountRequest, *, version: int) -> BankAccount:
    return BankAccount(
        account_id=account_id,
        iban=body.iban,
        holder=body.holder.strip(),
        practice_ids=body.practice_ids,
        factor_ibans=body.factor_ibans,
        version=version,
    )


def bank_endpoints(bank_on: BankOn, read: StatementReader, clock: Clock) -> list[Endpoint]:
    """Return the table of this part of the API."""
    operations = BankOperations(bank_on, read, clock)
    return [*_account_endpoints(operations), *_matching_endpoints(operations)]


def _account_endpoints(operations: BankOperations) -> list[Endpoint]:
    return [
        Endpoint(
            method="POST",
            path=_ACCOUNTS,
            operation_id="addBankAccount",
            summary="Keep a bank account onto which a factor pays practices",
            handler=operations.add_account,
            roles=WORKING_ROLES,
            request=BankAccountRequest,
            response=BankAccountReply,
            status=201,
            problem_codes=("bank-account-exists", "practice-not-found"),
        ),
        Endpoint(
            method="PUT",
            path=_ACCOUNT,
            operation_id="changeBankAccount",
            summary="Change holder, practices or payers of a bank account",
            handler=operations.change_account,
            roles=WORKING_ROLES,
            request=BankAccountRequest,
            response=BankAccountReply,
            conditional=True,
            problem_codes=(
                "bank-account-changed",
                "bank-account-keeps-its-iban",
                "bank-account-not-found",
                "practice-not-found",
            ),
        ),
        _reading(
            _ACCOUNTS,
            "listBankAccounts",
            "Bank accounts",
            operations.list_accounts,
            BankAccountList,
        ),
        _reading(
            _ACCOUNT,
            "getBankAccount",
            "One bank account",
            operations.get_account,
            BankAccountReply,
        ),
        Endpoint(
            method="POST",
            path="/v1/bank-statements",
            operation_id="importBankStatement",
            summary="Import a camt.054 or camt.053; the same entry again: no effect",
            handler=operations.upload,
            roles=WORKING_ROLES,
            request_media_type="application/xml",
            further_media_types=("text/xml",),
            response=StatementImportReply,
            max_body_bytes=_STATEMENT_BYTES_MAX,
            problem_codes=("bank-account-not-found", *STATEMENT_PROBLEMS),
        ),
        _reading(
            f"{_ACCOUNT}/statements",
            "listBankStatements",
            "The latest statements of an account",
            operations.list_statements,
            StatementList,
        ),
    ]


def _matching_endpoints(operations: BankOperations) -> list[Endpoint]:
    return [
        _reading(
            f"{_ACCOUNT}/payouts",
            "listPayouts",
            "Payouts: announced by DEB rows, booked, received by the bank",
            operations.list_payouts,
            PayoutList,
            query=PayoutsQuery,
        ),
        _reading(
            f"{_ACCOUNT}/payout-parts",
            "getPayoutParts",
            "One payout split over practices and invoices",
            operations.get_parts,
            PayoutPartsReply,
            query=PayoutPartsQuery,
            codes=("payout-not-found", "payout-too-large"),
        ),
        _reading(
            f"{_ACCOUNT}/unexplained-entries",
            "listUnexplainedEntries",
            "Entries of the factor that no payout explains",
            operations.list_unexplained,
            BankEntryList,
            query=SinceQuery,
        ),
        Endpoint(
            method="POST",
            path="/v1/bank-entries/{entry_id}/decision",
            operation_id="decideBankEntry",
            summary="Say which payout an entry is, or that it is none; once, with a reason",
            handler=operations.decide,
            roles=DECIDING_ROLES,
            request=EntryDecisionRequest,
            response=EntryDecisionReply,
            problem_codes=(
                "bank-entry-already-decided",
                "bank-entry-not-found",
                "payout-not-found",
            ),
        ),
    ]


def _reading(
    path: str,
    operation_id: str,
    summary: str,
    handler: Callable[[Call], Awaitable[Reply]],
    response: type[BaseModel],
    *,
    query: type[BaseModel] | None = None,
    codes: tuple[str, ...] = (),
) -> Endpoint:
    own = ("bank-account-not-found",) if "{account_id}" in path else ()
    pages = (CURSOR_PROBLEM,) if query and issubclass(query, SinceQuery) else ()
    return Endpoint(
        method="GET",
        path=path,
        operation_id=operation_id,
        summary=summary,
        handler=handler,
        roles=EVERY_ROLE,
        query=query,
        response=response,
        problem_codes=(*own, *pages, *codes),
    )
