"""What happens to an invoice at the factor is decided by its number, and ends with nothing owed."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from sandbox.debident.deb_writer import DebRow
from sandbox.debident.fates import FATES, REMINDER_FEE
from sandbox.debident.life import life_of, movement_of
from sandbox.debident.terms import AccountTerms, TakenInvoice
from shared.kernel.money import Money

DEBTOR_CHARGES = {"reminder_fee"}


def _life(
    number: str,
    terms: AccountTerms | None = None,
    amount: int = 333_35,
    *,
    fate: str | None = None,
    every_kind: bool = False,
) -> list[DebRow]:
    taken = TakenInvoice(
        account_number="CMD-4711",
        order_id="o1",
        order_number="CMD-2026-0001",
        invoice_number=number,
        debtor_number="10001",
        amount=Money(amount),
        arrived_on=date(2026, 3, 2),
    )
    return life_of(taken, terms or AccountTerms(), seed="seed", fate=fate, every_kind=every_kind)


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


CHARGES = {"reminder_fee", "default_interest", "instalment_surcharge", "enforcement_cost"}


def _positions(life: list[DebRow], amount: Money, terms: AccountTerms) -> tuple[Money, Money]:
    """Return what debtor and factor owe at the end, by the table of docs/accounting.md."""
    debtor = factor = amount
    by_id = {row.record_id: row for row in life}
    for row in life:
        sign, told = (-1, by_id[row.text]) if row.kind == "reversal" else (1, row)
        d, p = _effect(told, terms)
        debtor += Money(sign * d.rappen)
        factor += Money(sign * p.rappen)
        if row.kind == "recourse":
            debtor = row.amount
    return debtor, factor


def _effect(row: DebRow, terms: AccountTerms) -> tuple[Money, Money]:
    amount, nothing = row.amount, Money.zero()
    for_practice = amount if row.beneficiary == "P" else nothing
    if row.kind in {*CHARGES, "adjustment"}:
        return amount, for_practice
    if row.kind in {"payout", "advance", "factor_fee", "recourse"}:
        return nothing, -amount
    if row.kind in {"credit_note", "cancellation"}:
        return -amount, -amount
    if row.kind == "write_off":
        return -amount, nothing if terms.loss_cover else -amount
    return {"debtor_payment": -amount, "debtor_refund": amount}.get(row.kind, nothing), nothing


@pytest.mark.parametrize("loss_cover", [True, False])
@pytest.mark.parametrize("term", [1, 15, 60, 150])
@pytest.mark.parametrize("beneficiary", ["factor", "practice"])
@pytest.mark.parametrize("fate", sorted(FATES))
def test_every_fate_settles_the_factors_side_and_only_recourse_leaves_the_claim_open(
    fate: str, beneficiary: str, term: int, loss_cover: bool
) -> None:
    terms = AccountTerms(
        payout_term_days=term,
        reminder_fee_beneficiary="factor" if beneficiary == "factor" else "practice",
        loss_cover=loss_cover,
    )
    amount = Money(333_35)
    for serial in range(20):
        life = _life(f"2026-{serial:06d}", terms, amount.rappen, fate=fate)
        debtor, factor = _positions(life, amount, terms)
        assert factor == Money.zero()
        assert debtor == (amount if fate == "recourse" else Money.zero())
        assert life[-1].kind == "closed"
        assert len({row.record_id for row in life}) == len(life)


def test_all_fates_together_tell_every_kind_that_the_books_know() -> None:
    lives = [_life(f"2026-{place:06d}", every_kind=True) for place in range(400)]
    told = {row.kind for life in lives for row in life}
    told.add(movement_of("CMD-4711", "o1", AccountTerms(), arrived_on=date(2026, 3, 2)).kind)
    own = {"invoice_issued", "acquittal", "invoice_cancelled", "credit_note_issued", "row_left"}
    own |= {"acquittal_set_aside", "acquittal_left", "cancellation_too_late", "undo"}
    own |= {"credit_note_settled", "row_reopened"}
    known = {line.split("`")[1] for line in _posting_rules()}
    assert told == known - own


def _posting_rules() -> list[str]:
    page = (Path(__file__).parents[3] / "docs/accounting.md").read_text()
    table = page.split("## Posting rules")[1].split("\n* ")[0]
    return [line for line in table.splitlines() if line.startswith("| `")]


def test_no_row_moves_nothing_where_its_kind_moves_money() -> None:
    information = {"sent", "returned", "reminder", "instalment_plan", "deferral", "dispute"}
    information |= {"debt_enforcement", "closed"}
    for fate in FATES:
        for row in _life("2026-000001", amount=1, fate=fate):
            assert row.kind in information or row.amount


def test_a_reversal_names_the_record_that_it_undoes() -> None:
    life = _life("2026-000001", fate="reversal")
    [reversal] = [row for row in life if row.kind == "reversal"]
    [undone] = [row for row in life if row.record_id == reversal.text]
    assert (undone.kind, undone.amount) == ("debtor_payment", reversal.amount)
    assert undone.event_date < reversal.event_date
