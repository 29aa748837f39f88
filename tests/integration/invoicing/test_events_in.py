"""What orders, the gateway and the books say changes what the office sees."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.contracts.debident.v1 import OrderRefused
from shared.contracts.envelope import WireMoney
from shared.contracts.orders.v1 import OrderConfirmed
from shared.contracts.reconciliation.v1 import (
    DebtorBalance,
    InvoiceAcquitted,
    InvoicePositionChanged,
    PositionChange,
)
from shared.kernel.errors import ContractError, PermanentError, TooEarlyError
from shared.kernel.money import Money
from tests.integration.invoicing.office import NOW, Office, Voices
from tests.unit.invoicing.bodies import chf

DEB_FILE = uuid4()


def acquitted(office: Office, invoice: Any, order_id: UUID) -> InvoiceAcquitted:
    return InvoiceAcquitted(
        practice_id=office.practice_id,
        invoice_id=UUID(invoice["invoice_id"]),
        contract_id=UUID(office.contract_id),
        order_id=order_id,
        amount=WireMoney.model_validate(invoice["balance"]),
        ledger_account="1088",
        label="Transmis CMD",
        acquitted_on=date(2026, 3, 3),
        journal_entry_id=uuid4(),
    )


def moved(
    office: Office,
    invoice: Any,
    principal: str,
    fees: str,
    owes: str,
    *facts: tuple[str, str | None],
) -> InvoicePositionChanged:
    return InvoicePositionChanged(
        practice_id=office.practice_id,
        invoice_id=UUID(invoice["invoice_id"]),
        contract_id=UUID(office.contract_id),
        debtor_owes=DebtorBalance(
            principal=WireMoney(amount=principal),
            reminder_fees=WireMoney(amount=fees),
            interest=WireMoney(amount="0.00"),
            costs=WireMoney(amount="0.00"),
            total=WireMoney.of(Money.parse(principal) + Money.parse(fees)),
        ),
        factor_owes=WireMoney(amount=owes),
        with_factor=True,
        deb_file_id=DEB_FILE,
        changes=tuple(
            PositionChange(
                kind=kind,
                amount=None if amount is None else WireMoney(amount=amount),
                event_date=date(2026, 4, 1),
            )
            for kind, amount in facts
        ),
        changed_at=NOW,
    )


def refused(office: Office, order_id: UUID) -> OrderRefused:
    return OrderRefused(
        practice_id=office.practice_id,
        order_id=order_id,
        contract_id=UUID(office.contract_id),
        reason_code="account-unknown",
        refused_at=NOW,
    )


async def shown(office: Office, invoice: Any) -> Any:
    return await office.get(f"invoices/{invoice['invoice_id']}")


async def test_the_office_sees_the_whole_story(office: Office, voices: Voices) -> None:
    invoice = await office.invoice()
    order = await voices.prepared(office, invoice)
    await voices.say(order)
    ordered = await shown(office, invoice)
    assert (ordered["state"], ordered["order_number"]) == ("ordered", order.order_number)
    assert ordered["balance_text"] == "120.00"
    await voices.say(await voices.confirmed(office, order.order_id, {invoice["invoice_id"]: None}))
    await voices.say(acquitted(office, invoice, order.order_id))
    handed_over = await shown(office, invoice)
    assert handed_over["balance_text"] == "120.00 *"
    assert (handed_over["state"], handed_over["factor_owes"]) == ("acquitted", chf("120.00"))
    facts = (("sent", None), ("reminder_fee", "20.00"), ("payout", "120.00"))
    await voices.say(moved(office, invoice, "120.00", "20.00", "0.00", *facts), sequence=2)
    reminded = await shown(office, invoice)
    assert reminded["balance_text"] == "140.00 *"
    assert reminded["debtor_owes"] == {
        "principal": chf("120.00"),
        "reminder_fees": chf("20.00"),
        "interest": chf("0.00"),
        "costs": chf("0.00"),
        "total": chf("140.00"),
    }
    assert reminded["factor_owes"] == chf("0.00")
    last = (("debtor_payment", "140.00"), ("closed", None))
    await voices.say(moved(office, invoice, "0.00", "0.00", "0.00", *last), sequence=3)
    done = await shown(office, invoice)
    assert (done["state"], done["paid"], done["balance"]) == ("closed", True, chf("0.00"))
    assert [line["kind"] for line in done["history"]] == [
        *("issued", "ordered", "arrived", "acquitted"),
        *("sent", "reminder_fee", "payout", "debtor_payment", "closed"),
    ]
    assert done["history"][1]["order_number"] == order.order_number
    assert done["history"][4]["deb_file_id"] == str(DEB_FILE)
    assert (await office.get("invoices", exclude_zero_balance="true"))["totals"]["count"] == 0


async def test_every_event_twice_changes_nothing(office: Office, voices: Voices) -> None:
    invoice = await office.invoice()
    order = await voices.prepared(office, invoice)
    confirmed = await voices.confirmed(office, order.order_id, {invoice["invoice_id"]: None})
    story = [
        (order, 1),
        (confirmed, 2),
        (acquitted(office, invoice, order.order_id), 1),
        (moved(office, invoice, "100.00", "0.00", "0.00", ("debtor_payment", "20.00")), 2),
    ]
    for event, sequence in story:
        await voices.say(event, sequence=sequence)
    once = await shown(office, invoice)
    for event, sequence in story:
        await voices.say(event, sequence=sequence)
    assert await shown(office, invoice) == once


async def test_an_acquittal_before_its_order_waits_and_leaves_nothing(
    office: Office, voices: Voices
) -> None:
    invoice = await office.invoice()
    order = await voices.prepared(office, invoice)
    event = acquitted(office, invoice, order.order_id)
    with pytest.raises(TooEarlyError) as waiting:
        await voices.say(event)
    assert waiting.value.waits_for == str(order.order_id)
    assert await shown(office, invoice) == invoice
    await voices.say(order)
    await voices.say(event)
    assert (await shown(office, invoice))["balance_text"] == "120.00 *"


async def test_refused_lines_and_refused_orders_free_their_invoices(
    office: Office, voices: Voices
) -> None:
    first, second = await office.invoice(), await office.invoice()
    order = await voices.prepared(office, first, second)
    with pytest.raises(TooEarlyError):
        await voices.say(refused(office, order.order_id))
    await voices.say(order)
    assert (await office.get("invoices", not_ordered="true"))["totals"]["count"] == 0
    verdicts: dict[str, str | None] = {first["invoice_id"]: None}
    verdicts[second["invoice_id"]] = "address-unknown"
    await voices.say(await voices.confirmed(office, order.order_id, verdicts))
    freed = await shown(office, second)
    assert (freed["state"], freed["refusal_code"]) == ("issued", "address-unknown")
    assert freed["history"][-1]["code"] == "address-unknown"
    following = await voices.prepared(office, second)
    await voices.say(following)
    await voices.say(refused(office, following.order_id))
    freed = await shown(office, second)
    assert (freed["state"], freed["refusal_code"]) == ("issued", "account-unknown")
    assert (await shown(office, first))["state"] == "ordered"


async def test_a_refused_order_is_noted_on_every_one_of_its_invoices(
    office: Office, voices: Voices
) -> None:
    invoices = [await office.invoice() for _ in range(3)]
    order = await voices.prepared(office, *invoices)
    await voices.say(order)
    await voices.say(refused(office, order.order_id))
    for invoice in invoices:
        freed = await shown(office, invoice)
        assert (freed["state"], freed["refusal_code"]) == ("issued", "account-unknown")


async def test_an_order_of_many_invoices_is_noted_at_once(office: Office, voices: Voices) -> None:
    await office.invoice()
    await office.rows(
        """
        INSERT INTO invoice (practice_id, invoice_id, year, serial, invoice_number, patient_id,
          patient_number, debtor_number, issued_at, issued_on, due_on, language, total_rappen,
          deposit_rappen, document_key, document_sha256, document_size_bytes,
          document_media_type, unfit_codes, state, principal_rappen, debtor_paid_rappen)
        SELECT practice_id, gen_random_uuid(), 2025, n, '2025-' || n, patient_id,
          patient_number, debtor_number, issued_at, issued_on, due_on, language, total_rappen,
          deposit_rappen, document_key, document_sha256, document_size_bytes,
          document_media_type, unfit_codes, state, principal_rappen, debtor_paid_rappen
        FROM invoice, generate_series(1, 2000) AS n
        RETURNING 1 AS one
        """
    )
    invoices = await office.rows(
        """SELECT invoice_id::text, invoice_number, debtor_number,
             jsonb_build_object('amount', '1.00') AS balance, document_sha256
           FROM invoice"""
    )
    order = await voices.prepared(office, *invoices)
    await voices.say(order)
    (noted,) = await office.rows(
        "SELECT count(*) AS n FROM invoice WHERE order_id = :order_id", order_id=order.order_id
    )
    assert noted["n"] == 2001


async def test_a_list_about_another_order_or_practice_is_refused(
    office: Office, voices: Voices
) -> None:
    invoice = await office.invoice()
    order, other = await voices.prepared(office, invoice), await voices.prepared(office, invoice)
    with pytest.raises(ContractError, match="another order"):
        await voices.say(order.model_copy(update={"lines": other.lines}))
    foreign = other.lines.model_copy(update={"key": f"{uuid4()}/order-lines/x"})
    with pytest.raises(PermanentError, match="another practice"):
        await voices.say(order.model_copy(update={"lines": foreign}))
    assert await shown(office, invoice) == invoice


async def test_a_contradiction_is_a_permanent_error(office: Office, voices: Voices) -> None:
    invoice = await office.invoice()
    order = await voices.prepared(office, invoice)
    await voices.say(order)
    await voices.say(acquitted(office, invoice, order.order_id))
    before = await shown(office, invoice)
    late: OrderConfirmed = await voices.confirmed(
        office, order.order_id, {invoice["invoice_id"]: "too-late"}
    )
    with pytest.raises(PermanentError, match="illegal-transition"):
        await voices.say(late)
    assert await shown(office, invoice) == before


async def test_events_about_one_invoice_at_the_same_time_do_not_lose_each_other(
    office: Office, voices: Voices
) -> None:
    first, second = await office.invoice(), await office.invoice()
    order = await voices.prepared(office, first, second)
    await voices.say(order)
    verdicts: dict[str, str | None] = {first["invoice_id"]: None, second["invoice_id"]: "x"}
    await asyncio.gather(
        voices.say(await voices.confirmed(office, order.order_id, verdicts)),
        voices.say(acquitted(office, first, order.order_id)),
    )
    states = [(await shown(office, one))["state"] for one in (first, second)]
    assert states == ["acquitted", "issued"]
