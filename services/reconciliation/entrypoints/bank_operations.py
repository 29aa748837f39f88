"""What the reconciliation API does about the bank: accounts, statements, the three-way match."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from services.reconciliation.domain.bank import BankAccount, ImportedBy, Statement, token
from services.reconciliation.entrypoints import replies_bank
from services.reconciliation.entrypoints.schemas_bank import (
    BankAccountList,
    BankAccountRequest,
    BankEntryList,
    BankEntryTotals,
    EntryDecisionReply,
    EntryDecisionRequest,
    PayoutList,
    PayoutPartsQuery,
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
from shared.web.changes import Changed, changed, some, unchanged
from shared.web.endpoints import Call, Reply
from shared.web.paging import (
    PageQuery,
    Totals,
    cursor,
    instant,
    read_cursor,
    several,
    split_page,
    whole_number,
)
from shared.web.totals import totals_of

BankOn = Callable[[AsyncConnection], BankRepository]
StatementReader = Callable[[bytes], list[Statement]]
_DEFAULT_SPAN = timedelta(days=90)
_PARTS_MAX = 20_000


class BankOperations:
    """The operations, each on the open connection of its call."""

    def __init__(self, bank_on: BankOn, read: StatementReader, clock: Clock) -> None:
        self._bank_on = bank_on
        self._read = read
        self._clock = clock

    async def add_account(self, call: Call) -> Changed:
        """Keep another bank account."""
        account = _account_of(new_id(), call.body_as(BankAccountRequest), version=1)
        await add_bank_account(AddBankAccount(account), self._bank_on(call.connection), self._clock)
        reply = await self._shown(call, account.account_id)
        return changed(reply, None, replies_bank.account_of(account))

    async def change_account(self, call: Call) -> Changed:
        """Change holder, practices or payers of an account."""
        given = call.if_match or ""
        version = int(given) if given.isdecimal() and len(given) < 10 else -1
        body = call.body_as(BankAccountRequest)
        wanted = _account_of(call.path_id("account_id"), body, version=version)
        before = await change_bank_account(
            ChangeBankAccount(wanted), self._bank_on(call.connection), self._clock
        )
        reply = await self._shown(call, wanted.account_id)
        after = replies_bank.account_of(replace(wanted, version=before.version + 1))
        return changed(reply, replies_bank.account_of(before), after)

    async def list_accounts(self, call: Call) -> Reply:
        """Answer all accounts in scope."""
        query = call.query_as(PageQuery)
        (after,) = read_cursor(query.after, str) or ("",)
        rows = await views.accounts(call.connection, after=after, limit=query.limit + 1)
        page, more = split_page(rows, query.limit)
        return Reply(
            BankAccountList(
                items=[replies_bank.account(row) for row in page],
                next=cursor(page[-1]["iban"]) if more else None,
                totals=await totals_of(call.connection, query, Totals, views.ACCOUNTS, {}),
            )
        )

    async def get_account(self, call: Call) -> Reply:
        """Answer one account."""
        return await self._shown(call, call.path_id("account_id"))

    async def upload(self, call: Call) -> Changed:
        """Import a camt.054 or camt.053."""
        data = call.raw_body or b""
        statements = await asyncio.to_thread(self._read, data)
        by = ImportedBy(call.principal.subject, self._clock.now())
        command = ImportStatements(statements, hashlib.sha256(data).hexdigest(), by)
        receipts = await import_statements(command, self._bank_on(call.connection))
        reply = Reply(
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
        stored = [one for one in receipts if not one.already]
        if not stored:
            return unchanged(reply)
        facts = {
            "statements": len(stored),
            "statement_ids": some([one.statement_id for one in stored]),
            "new": sum(one.new for one in stored),
            "detailed": sum(one.detailed for one in stored),
        }
        return changed(reply, None, facts)

    async def list_statements(self, call: Call) -> Reply:
        """Answer the latest statements of an account."""
        query = call.query_as(PageQuery)
        account_id = (await _account(call))["account_id"]
        rows = await views.statements(
            call.connection,
            account_id,
            after=read_cursor(query.after, instant, UUID),
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        wanted = {"account_id": account_id}
        return Reply(
            StatementList(
                items=[StatementReply(**row) for row in page],
                next=cursor(page[-1]["imported_at"], page[-1]["statement_id"]) if more else None,
                totals=await totals_of(call.connection, query, Totals, views.STATEMENTS, wanted),
            )
        )

    async def list_payouts(self, call: Call) -> Reply:
        """Answer the three-way match of an account's payouts."""
        query = call.query_as(PayoutsQuery)
        account, first_day = await _account(call), self._since(query)
        rows = await views.payouts(
            call.connection,
            account,
            first_day=first_day,
            states=several(query.state),
            after=read_cursor(query.after, date.fromisoformat, str),
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        wanted = views.of_account(account) | {
            "first_day": first_day,
            "states": several(query.state),
        }
        totals = await totals_of(call.connection, query, PayoutTotals, views.PAYOUTS, wanted)
        following = cursor(page[-1]["paid_on"], page[-1]["token"]) if more else None
        items = [replies_bank.payout(row) for row in page]
        return Reply(PayoutList(items=items, next=following, totals=totals))

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
        account, first_day = await _account(call), self._since(query)
        rows = await views.unexplained(
            call.connection,
            account,
            first_day=first_day,
            after=read_cursor(query.after, date.fromisoformat, whole_number),
            limit=query.limit + 1,
        )
        page, more = split_page(rows, query.limit)
        wanted = views.of_account(account) | {"first_day": first_day}
        totals = await totals_of(call.connection, query, BankEntryTotals, views.UNEXPLAINED, wanted)
        following = cursor(page[-1]["value_on"], page[-1]["arrival"]) if more else None
        items = [replies_bank.entry(row) for row in page]
        return Reply(BankEntryList(items=items, next=following, totals=totals))

    async def decide(self, call: Call) -> Changed:
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
        reply = Reply(
            EntryDecisionReply(
                entry_id=decision.entry_id,
                decision=body.decision,
                payout_reference=decision.payout_reference,
                reason=decision.reason,
                decided_by=decision.decided_by,
                decided_at=decision.decided_at,
            )
        )
        after = {
            "decision": body.decision,
            "payout_reference": decision.payout_reference,
            "reason": decision.reason,
        }
        return changed(reply, {"decision": None}, after)

    async def _shown(self, call: Call, account_id: UUID) -> Reply:
        row = await views.account(call.connection, account_id)
        if row is None:
            raise bank_account_not_found()
        etag = {"ETag": f'"{row["version"]}"'}
        return Reply(replies_bank.account(row), headers=etag)

    def _since(self, query: SinceQuery) -> date:
        return query.since or self._clock.today() - _DEFAULT_SPAN


async def _account(call: Call) -> RowMapping:
    row = await views.account(call.connection, call.path_id("account_id"))
    if row is None:
        raise bank_account_not_found()
    return row


def _account_of(account_id: UUID, body: BankAccountRequest, *, version: int) -> BankAccount:
    return BankAccount(
        account_id=account_id,
        iban=body.iban,
        holder=body.holder.strip(),
        practice_ids=body.practice_ids,
        factor_ibans=body.factor_ibans,
        version=version,
    )
