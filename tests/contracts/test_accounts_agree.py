"""Invoicing refuses, as the factor's account, every account that the books use themselves."""

from __future__ import annotations

from services.invoicing.entrypoints.schemas.fields import TAKEN_ACCOUNTS
from services.reconciliation.domain.accounts import DEFAULT_CHART


def test_the_accounts_that_invoicing_refuses_are_those_of_the_books() -> None:
    assert set(TAKEN_ACCOUNTS) == {account.number for account in DEFAULT_CHART}
