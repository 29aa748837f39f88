"""A bank account in a test: statements go in as the bank sends them, and lists come out."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from stdnum.iban import calc_check_digits

from tests.integration.reconciliation.house import House
from tests.support.camt_builder import FACTOR_IBAN, Entry, Part, camt
from tests.support.deb_builder import Row
from tests.support.web import ApiClient

PAYOUT = "ZA 2026-0001"
"""As the factor writes it; the bank passes it on without the blank."""


def new_iban() -> str:
    """A Swiss IBAN that only this test knows."""
    rest = f"00762{uuid4().int % 10**12:012d}"
    return f"CH{calc_check_digits(f'CH00{rest}')}{rest}"


class Bank:
    """A bank account of some practices, and what is asked of it."""

    def __init__(self, api: ApiClient, iban: str) -> None:
        self.api, self.iban, self.account_id = api, iban, ""

    async def open(self, *houses: House) -> None:
        """Keep the account for the practices of these houses."""
        status, account = await self.api.post(
            "/v1/bank-accounts",
            {
                "iban": self.iban,
                "holder": "Billing office (demo)",
                "practice_ids": [str(house.practice_id) for house in houses],
                "factor_ibans": [FACTOR_IBAN],
            },
        )
        assert status == 201, account
        self.account_id = account["account_id"]

    async def bring(self, data: bytes) -> tuple[int, Any]:
        """Import a file of the bank."""
        answer = await self.api.request(
            "POST", "/v1/bank-statements", body=data, headers={"Content-Type": "application/xml"}
        )
        return answer.status, answer.json

    async def receive(self, *entries: Entry, **values: Any) -> tuple[int, Any]:
        """Import these entries."""
        return await self.bring(camt(*entries, iban=self.iban, **values))

    async def ask(self, what: str, **query: str) -> Any:
        """Read a list of the account."""
        status, page = await self.api.get(f"/v1/bank-accounts/{self.account_id}/{what}", **query)
        assert status == 200, page
        return page

    async def states(self) -> dict[str, str]:
        """The state of each payout."""
        page = await self.ask("payouts")
        return {one["payout_reference"]: one["state"] for one in page["items"]}


def payout_row(rappen: int = 12_000, invoice: str = "2026-000001", record: str = "R-1") -> Row:
    return Row(record, "payout", invoice, rappen=rappen, payout_reference=PAYOUT)


def came(amount: str = "120.00", reference: str = "ZA2026-0001", **values: Any) -> Entry:
    return Entry(amount, (Part(amount, reference, payer=FACTOR_IBAN),), **values)
