"""The part of the reconciliation API's table about the bank."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pydantic import BaseModel

from services.reconciliation.entrypoints.bank_operations import (
    BankOn,
    BankOperations,
    StatementReader,
)
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
    SinceQuery,
    StatementImportReply,
    StatementList,
)
from shared.kernel.clock import Clock
from shared.web.endpoints import EVERY_ROLE, WORKING_ROLES, Call, Endpoint, Reply
from shared.web.paging import CURSOR_PROBLEM, PageQuery

_ACCOUNTS = "/v1/bank-accounts"
_ACCOUNT = f"{_ACCOUNTS}/{{account_id}}"
_STATEMENT_BYTES_MAX = 32 * 1024 * 1024
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
            query=PageQuery,
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
            query=PageQuery,
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
    pages = (CURSOR_PROBLEM,) if query and issubclass(query, PageQuery) else ()
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
