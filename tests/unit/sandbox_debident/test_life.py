"""What happens to an invoice at the factor is decided by its number, and ends with nothing owed."""

from __future__ import annotations

from datetime import date

import pytest

from sandbox.debident.deb_writer import DebRow
from sandbox.debident.fates import REMINDER_FEE
from sandbox.debident.life import life_of
from sandbox.debident.terms import AccountTerms, TakenInvoice
from shared.kernel.money import Money

DEBTOR_CHARGES = {"reminder_fee"}


def _life(number: str, terms: AccountTerms | None = None, amount: int = 333_35) -> list[DebRow]:
    taken = TakenInvoice(
        account_number="CMD-4711",
        order_id="o1",
        order_number="CMD-2026-0001",
        invoice_number=number,
        debtor_number="10001",
        amount=Money(amount),
        arrived_on=date(2026, 3, 2),
    )
    return life_of(taken, terms or AccountTerms(), seed="seed")


def _total(facts: list[DebRow], *kinds: str) -> Money:
    return Money.total(fact.amount for fact in facts if fact.kind in kinds)


@pytest.mark.parametrize("basis", ["net", "gross"])
@pytest.mark.parametrize("amount", [1, 2, 333_35, 98_765_43])
def test_every_fate_ends_with_nothing_owed_on_either_side(basis: str, amount: int) -> None:
    terms = AccountTerms(payout_basis="net" if basis == "net" else "gross")
    for place in range(300):
        facts = _life(f"2026-{place:06d}", terms, amount)
        owed = Money(amount) + _total(facts, *DEBTOR_CHARGES)
        assert _total(facts, "debtor_payment") == owed
        assert _total(facts, "payout", "factor_fee") == Money(amount)
        assert facts[-1].kind == "closed"
        assert facts[0].kind == "sent"
        assert facts[0].event_date == date(2026, 3, 3)


def test_the_fates_cover_reminders_instalments_and_partial_payments() -> None:
    lives = [_life(f"2026-{place:06d}") for place in range(300)]
    kinds = {fact.kind for life in lives for fact in life}
    assert {"reminder", "reminder_fee", "instalment_plan"} <= kinds
    assert any([fact.kind for fact in life].count("debtor_payment") == 2 for life in lives)


def test_the_same_invoice_always_has_the_same_fate_with_unique_record_ids() -> None:
    facts = _life("2026-000007")
    assert facts == _life("2026-000007")
    assert len({fact.record_id for fact in facts}) == len(facts)


def test_a_reminder_comes_after_35_days_with_its_fee_of_twenty_francs() -> None:
    reminded = next(
        life
        for life in (_life(f"2026-{place:06d}") for place in range(300))
        if any(fact.kind == "reminder" for fact in life)
    )
    fee = next(fact for fact in reminded if fact.kind == "reminder_fee")
    assert (fee.event_date, fee.amount, fee.level) == (date(2026, 4, 6), REMINDER_FEE, 1)


def test_a_net_payout_is_less_by_the_fee_and_shares_its_reference() -> None:
    terms = AccountTerms(payout_term_days=30, factor_fee_permille=25)
    facts = {fact.kind: fact for fact in _life("2026-000001", terms, 100_00)}
    assert (facts["payout"].amount, facts["factor_fee"].amount) == (Money(97_50), Money(2_50))
    assert facts["payout"].event_date == date(2026, 4, 1)
    assert facts["payout"].payout_reference == facts["factor_fee"].payout_reference
