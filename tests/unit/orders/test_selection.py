"""What goes into an order, what stays behind, and what refuses the whole choice."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.orders.domain import selection
from services.orders.domain.model import Invoice
from services.orders.domain.selection import (
    Candidate,
    LiveOrder,
    Reason,
    Rule,
    Wish,
    foresee,
    select_chosen,
    select_everything,
    why_not,
)
from shared.kernel.errors import DomainError
from shared.kernel.money import Money
from tests.unit.orders.builders import CONTRACT, an_invoice, chf, other_id

HELD = LiveOrder("CMD-2026-0007", "sent")
GONE = LiveOrder("CMD-2026-0006", "acquitted")
CLOSED = LiveOrder("CMD-2026-0005", "closed")
TODAY = date(2026, 11, 24)
WISH = Wish(CONTRACT, TODAY)


def _reason(invoice: Invoice, live: LiveOrder | None = None) -> Reason | None:
    return why_not(
        contract_id=invoice.contract_id,
        wanted_contract_id=CONTRACT,
        balance=invoice.balance,
        unfit_codes=invoice.unfit_codes,
        live_order_state=live.state if live else None,
    )


@pytest.mark.parametrize(
    ("invoice", "live", "reason"),
    [
        (an_invoice(), None, None),
        (an_invoice(balance=Money(1)), None, None),
        (an_invoice(balance=Money(0)), None, Reason.ZERO_BALANCE),
        (an_invoice(balance=Money(-5)), None, Reason.CREDIT_BALANCE),
        (an_invoice(unfit_codes=["missing-address"]), None, Reason.UNFIT),
        (an_invoice(contract_id=None), None, Reason.NO_CONTRACT),
        (an_invoice(contract_id=other_id()), None, Reason.OTHER_CONTRACT),
        (an_invoice(contract_id=other_id(), balance=Money(0)), None, Reason.OTHER_CONTRACT),
        (an_invoice(balance=Money(0), unfit_codes=["x"]), None, Reason.ZERO_BALANCE),
        (an_invoice(), HELD, Reason.IN_LIVE_ORDER),
        (an_invoice(balance=Money(0)), GONE, Reason.ALREADY_ACQUITTED),
        (an_invoice(balance=Money(0)), CLOSED, Reason.ALREADY_ACQUITTED),
    ],
)
def test_an_invoice_may_be_ordered_or_has_one_reason(
    invoice: Invoice, live: LiveOrder | None, reason: Reason | None
) -> None:
    assert _reason(invoice, live) == reason


def test_without_a_wanted_contract_an_invoice_is_judged_by_its_own() -> None:
    verdict = why_not(
        contract_id=other_id(),
        wanted_contract_id=None,
        balance=chf(1),
        unfit_codes=(),
        live_order_state=None,
    )
    assert verdict is None


def test_a_document_in_another_version_than_the_contract_demands_stays_behind() -> None:
    candidates = [
        Candidate(replace(an_invoice(f"A-{place}"), document_format=version))
        for place, version in enumerate(("4.5", "5.0", None))
    ]
    chosen = select_everything(candidates, replace(WISH, invoice_format="4.5"))
    assert [line.invoice_number for line in chosen.lines] == ["A-0", "A-2"]
    assert [(each.invoice.number, each.reason) for each in chosen.left_out] == [
        ("A-1", Reason.DOCUMENT_IN_OTHER_VERSION)
    ]


def test_everything_orderable_goes_in_by_number_and_the_rest_is_reported() -> None:
    candidates = [
        Candidate(an_invoice("2026-000003")),
        Candidate(an_invoice("2026-000002", balance=Money(0))),
        Candidate(an_invoice("2026-000001", balance=chf(5))),
        Candidate(an_invoice("2026-000004", unfit_codes=["missing-address"])),
    ]
    chosen = select_everything(candidates, WISH)
    assert [(line.place, line.invoice_number) for line in chosen.lines] == [
        (1, "2026-000001"),
        (2, "2026-000003"),
    ]
    assert chosen.total == chf(125)
    assert [(each.invoice.number, each.reason) for each in chosen.left_out] == [
        ("2026-000002", Reason.ZERO_BALANCE),
        ("2026-000004", Reason.UNFIT),
    ]


def test_what_the_factor_gave_back_goes_only_if_a_person_names_it() -> None:
    candidates = [Candidate(an_invoice("N-1"), given_back=True), Candidate(an_invoice("N-2"))]
    everything = select_everything(candidates, WISH)
    assert [line.invoice_number for line in everything.lines] == ["N-2"]
    assert [(each.invoice.number, each.reason) for each in everything.left_out] == [
        ("N-1", Reason.GIVEN_BACK)
    ]
    ids = [each.invoice.invoice_id for each in candidates]
    named = select_chosen(ids, candidates, replace(WISH, by_name=True))
    assert [line.invoice_number for line in named.lines] == ["N-1", "N-2"]


def test_what_does_not_fit_into_one_order_waits_for_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selection, "INVOICES_PER_ORDER_MAX", 2)
    candidates = [Candidate(an_invoice(f"N-{place}")) for place in (1, 2, 3)]
    chosen = select_everything(candidates, WISH)
    assert len(chosen.lines) == 2
    assert [(each.invoice.number, each.reason) for each in chosen.left_out] == [
        ("N-3", Reason.ORDER_FULL)
    ]


def test_a_chosen_zero_balance_stays_behind_and_the_others_go() -> None:
    zero, full = an_invoice("N-1", balance=Money(0)), an_invoice("N-2")
    ids = [zero.invoice_id, full.invoice_id]
    chosen = select_chosen(ids, [Candidate(zero), Candidate(full)], WISH)
    assert [line.invoice_number for line in chosen.lines] == ["N-2"]
    assert [each.reason for each in chosen.left_out] == [Reason.ZERO_BALANCE]


def test_an_unknown_choice_is_named_by_its_place() -> None:
    known, strange = an_invoice(), other_id()
    with pytest.raises(DomainError) as refused:
        select_chosen([known.invoice_id, strange], [Candidate(known)], WISH)
    assert refused.value.code == "invoice-unknown"
    assert refused.value.field == "invoice_ids.1"
    assert refused.value.facts["invoices"] == [
        {"field": "invoice_ids.1", "invoice_id": str(strange)}
    ]


def test_choosing_an_invoice_twice_is_refused() -> None:
    invoice = an_invoice()
    with pytest.raises(DomainError) as refused:
        select_chosen([invoice.invoice_id] * 2, [Candidate(invoice)], WISH)
    assert (refused.value.code, refused.value.field) == ("invoice-chosen-twice", "invoice_ids.1")


def test_one_choice_that_cannot_be_ordered_refuses_all_and_each_is_named() -> None:
    good = an_invoice("N-1")
    unfit = an_invoice("N-2", unfit_codes=["missing-address"])
    held = an_invoice("N-3")
    with pytest.raises(DomainError) as refused:
        select_chosen(
            [held.invoice_id, good.invoice_id, unfit.invoice_id],
            [Candidate(good), Candidate(unfit), Candidate(held, HELD)],
            WISH,
        )
    assert refused.value.code == "invoices-not-orderable"
    assert refused.value.field == "invoice_ids.0"
    named = refused.value.facts["invoices"]
    assert isinstance(named, list)
    assert [(each["field"], each["reason_code"], each["order_number"]) for each in named] == [
        ("invoice_ids.2", "unfit", None),
        ("invoice_ids.0", "in-live-order", "CMD-2026-0007"),
    ]
    assert named[0]["unfit_codes"] == ["missing-address"]


@pytest.mark.parametrize("invoices", [[], [an_invoice(balance=Money(0))]])
def test_nothing_to_order_is_said_with_its_reasons(invoices: list[Invoice]) -> None:
    with pytest.raises(DomainError) as refused:
        select_everything([Candidate(invoice) for invoice in invoices], WISH)
    assert refused.value.code == "nothing-to-order"
    left_out = refused.value.facts["left_out"]
    assert isinstance(left_out, list)
    assert [each["reason_code"] for each in left_out] == ["zero-balance"] * len(invoices)


@pytest.mark.parametrize(
    ("rule", "numbers"),
    [
        (Rule(), ["OLD-BIG", "OLD-SMALL", "NEW-BIG"]),
        (Rule(older_than_days=30), ["OLD-BIG", "OLD-SMALL"]),
        (Rule(older_than_days=31), []),
        (Rule(amount_above=chf(50)), ["OLD-BIG", "NEW-BIG"]),
        (Rule(older_than_days=30, amount_above=chf(50)), ["OLD-BIG"]),
    ],
)
def test_a_rule_takes_what_is_older_and_larger_and_reports_the_rest(
    rule: Rule, numbers: list[str]
) -> None:
    old, new = TODAY - timedelta(days=31), TODAY - timedelta(days=30)
    candidates = [
        Candidate(replace(an_invoice("OLD-BIG", balance=chf(51)), issued_on=old)),
        Candidate(replace(an_invoice("OLD-SMALL", balance=chf(50)), issued_on=old)),
        Candidate(replace(an_invoice("NEW-BIG", balance=chf(51)), issued_on=new)),
        Candidate(an_invoice("UNFIT", unfit_codes=["missing-address"])),
    ]
    found = foresee(candidates, replace(WISH, rule=rule))
    assert {line.invoice_number for line in found.lines} == set(numbers)
    reasons = {each.invoice.number: each.reason for each in found.left_out}
    assert reasons.pop("UNFIT") is Reason.UNFIT, "what is unfit is not called outside the rule"
    assert set(reasons.values()) <= {Reason.OUTSIDE_RULE}
