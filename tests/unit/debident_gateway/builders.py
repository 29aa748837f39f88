"""Invented orders, contracts and packages for the tests of the gateway."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from services.debident_gateway.domain.model import ContractTerms, PortalAccess, StoredContent
from services.debident_gateway.domain.schedule import DispatchPolicy, RetrySchedule
from services.debident_gateway.domain.transmission import Transmission

PRACTICE = UUID("0a000000-0000-4000-8000-000000000001")
OTHER_PRACTICE = UUID("0a000000-0000-4000-8000-000000000002")
CONTRACT = UUID("0c000000-0000-4000-8000-000000000001")
ORDER = UUID("0d000000-0000-4000-8000-000000000001")
SECOND_ORDER = UUID("0d000000-0000-4000-8000-000000000002")
ACCOUNT = "CMD-4711"
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
POLICY = DispatchPolicy(retry=RetrySchedule(first=timedelta(seconds=2)))


class StandingClock:
    """A clock that moves only when told to."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        """Return the instant."""
        return self.at

    def today(self) -> Any:
        """Return the day."""
        return self.at.date()

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.pass_by(seconds=seconds)

    def pass_by(self, **span: float) -> None:
        """Move on."""
        self.at += timedelta(**span)


def terms(**changes: Any) -> ContractTerms:
    """Return contract terms."""
    values: dict[str, Any] = {
        "practice_id": PRACTICE,
        "contract_id": CONTRACT,
        "version": 1,
        "account_number": ACCOUNT,
        "adapter": "http",
        "arrival_check_after": timedelta(hours=4),
        "arrival_poll_interval": timedelta(minutes=15),
        "deb_poll_interval": timedelta(hours=1),
        "deb_layout": "quittance-v1",
    }
    return ContractTerms(**(values | changes))


def content(
    data: bytes, kind: str = "order-package", practice_id: UUID = PRACTICE
) -> StoredContent:
    """Return the reference of some bytes."""
    digest = hashlib.sha256(data).hexdigest()
    return StoredContent(
        f"{practice_id}/{kind}/{digest}", digest, len(data), "application/octet-stream"
    )


def package(
    *invoice_numbers: str, order_id: UUID = ORDER, account: str = ACCOUNT, amount: str = "120.00"
) -> bytes:
    """Return an order package of docs/order-package.md."""
    numbers = invoice_numbers or ("2026-000001",)
    rappen = int(amount.replace(".", "")) * len(numbers)
    documents = [f"<invoice>{number}</invoice>".encode() for number in numbers]
    manifest = {
        "format": "quittance-order/1",
        "order_id": str(order_id),
        "order_number": "CMD-2026-0001",
        "practice": {"practice_id": str(PRACTICE), "gln": "7601000000019"},
        "contract": {"contract_id": str(CONTRACT), "factor": "CMD", "account_number": account},
        "communication": "",
        "invoice_count": len(numbers),
        "total": {"amount": f"{rappen // 100}.{rappen % 100:02d}", "currency": "CHF"},
        "invoices": [
            {
                "file": f"invoices/{place:06d}.xml",
                "invoice_number": number,
                "debtor_number": "10001",
                "amount": {"amount": amount, "currency": "CHF"},
                "sha256": hashlib.sha256(document).hexdigest(),
            }
            for place, (number, document) in enumerate(zip(numbers, documents, strict=True), 1)
        ],
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("manifest.json"), json.dumps(manifest))
        for place, document in enumerate(documents, 1):
            archive.writestr(zipfile.ZipInfo(f"invoices/{place:06d}.xml"), document)
    return data.getvalue()


def transmission(**changes: Any) -> Transmission:
    """Return an intended transmission."""
    values: dict[str, Any] = {
        "order_id": ORDER,
        "practice_id": PRACTICE,
        "contract_id": CONTRACT,
        "order_number": "CMD-2026-0001",
        "invoice_count": 1,
        "package": content(package()),
        "lines": content(b"2026-000001", "order-lines"),
        "prepared_at": NOW,
        "next_action_at": NOW,
    }
    return Transmission(**(values | changes))


def access(practice_id: UUID = PRACTICE, client_id: str = "client-a") -> PortalAccess:
    """Return a practice's access."""
    return PortalAccess(practice_id, client_id, "s3cret", ACCOUNT)
