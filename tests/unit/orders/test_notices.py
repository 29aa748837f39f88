"""Structured reasons: a closed list, each code with the parameters that belong to it."""

from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.domain.notices import (
    Notice,
    NoticeCode,
    checked_notices,
    checked_notices_of_order,
    read,
    written,
)
from services.orders.domain.telling import with_notices
from shared.kernel.errors import DomainError
from shared.kernel.money import Money
from tests.unit.orders.builders import a_line

DAY = date(2026, 12, 31)
WHOLE = {
    NoticeCode.INSTALMENTS: Notice(NoticeCode.INSTALMENTS, 3, Money(4000), DAY),
    NoticeCode.PAYMENT_DEFERRED: Notice(NoticeCode.PAYMENT_DEFERRED, day=DAY),
    NoticeCode.SOCIAL_SERVICES: Notice(NoticeCode.SOCIAL_SERVICES, text="Sozialdienst Biel"),
    NoticeCode.DECEASED: Notice(NoticeCode.DECEASED, day=DAY),
    NoticeCode.LEGAL_GUARDIAN: Notice(NoticeCode.LEGAL_GUARDIAN, text="KESB Bern"),
    NoticeCode.DISPUTE: Notice(NoticeCode.DISPUTE, amount=Money(100), text="Position 3"),
    NoticeCode.DO_NOT_REMIND: Notice(NoticeCode.DO_NOT_REMIND, day=DAY),
    NoticeCode.BANKRUPTCY: Notice(NoticeCode.BANKRUPTCY, day=DAY),
    NoticeCode.ADDRESS_DOUBTFUL: Notice(NoticeCode.ADDRESS_DOUBTFUL),
}


@pytest.mark.parametrize("code", NoticeCode)
def test_every_code_is_taken_with_all_that_belongs_to_it_and_read_back(code: NoticeCode) -> None:
    notice = WHOLE[code]
    assert checked_notices([notice], field="notices") == (notice,)
    assert read(written(notice)) == notice


@pytest.mark.parametrize(
    ("notice", "field"),
    [
        (Notice(NoticeCode.INSTALMENTS, amount=Money(1)), "count"),
        (Notice(NoticeCode.INSTALMENTS, count=2), "amount"),
        (Notice(NoticeCode.INSTALMENTS, 1, Money(1)), "count"),
        (Notice(NoticeCode.INSTALMENTS, 121, Money(1)), "count"),
        (Notice(NoticeCode.INSTALMENTS, 2, Money(0)), "amount"),
        (Notice(NoticeCode.DISPUTE, amount=Money(-1)), "amount"),
        (Notice(NoticeCode.PAYMENT_DEFERRED), "date"),
        (Notice(NoticeCode.DECEASED, text="x"), "text"),
        (Notice(NoticeCode.ADDRESS_DOUBTFUL, day=DAY), "date"),
    ],
)
def test_parameters_that_do_not_fit_the_code_are_named(notice: Notice, field: str) -> None:
    with pytest.raises(DomainError) as refused:
        checked_notices([WHOLE[NoticeCode.BANKRUPTCY], notice], field="notices")
    assert (refused.value.code, refused.value.field) == ("notice-unfit", f"notices.1.{field}")


def test_a_code_is_given_once_and_only_ten_notices() -> None:
    twice = [WHOLE[NoticeCode.DECEASED], Notice(NoticeCode.DECEASED)]
    with pytest.raises(DomainError) as refused:
        checked_notices(twice, field="notices")
    assert (refused.value.code, refused.value.field) == ("notice-given-twice", "notices.1")
    with pytest.raises(DomainError) as refused:
        checked_notices(twice * 6, field="notices")
    assert refused.value.code == "too-many-notices"


@pytest.mark.parametrize(("text", "code"), [("a\x00", "unusable"), ("x" * 201, "too-long")])
def test_a_text_that_would_break_a_package_is_refused(text: str, code: str) -> None:
    with pytest.raises(DomainError) as refused:
        checked_notices([Notice(NoticeCode.LEGAL_GUARDIAN, text=text)], field="n")
    assert (refused.value.code, refused.value.field) == (f"notice-text-{code}", "n.0.text")


@given(st.permutations(list(NoticeCode)[:5]))
def test_the_order_in_which_they_are_given_does_not_change_the_package(
    codes: list[NoticeCode],
) -> None:
    checked = checked_notices([WHOLE[code] for code in codes], field="notices")
    assert [notice.code for notice in checked] == sorted(codes)


def test_instalments_are_agreed_for_an_invoice_and_never_for_a_whole_order() -> None:
    others = [notice for code, notice in WHOLE.items() if code is not NoticeCode.INSTALMENTS]
    assert len(checked_notices_of_order(others, field="notices")) == len(others)
    with pytest.raises(DomainError) as refused:
        checked_notices_of_order([others[0], WHOLE[NoticeCode.INSTALMENTS]], field="notices")
    assert (refused.value.code, refused.value.field) == ("notice-unfit", "notices.1.code")


@pytest.mark.parametrize(
    ("rappen", "fits"), [(4000, True), (4001, True), (3999, False)], ids=["even", "more", "less"]
)
def test_a_plan_pays_the_balance_of_its_own_invoice(rappen: int, fits: bool) -> None:
    lines = [a_line(1, amount=Money(12_000)), a_line(2, amount=Money(1))]
    plan = (WHOLE[NoticeCode.DECEASED], Notice(NoticeCode.INSTALMENTS, 3, Money(rappen)))
    by_invoice: dict[UUID, tuple[Notice, ...]] = {
        lines[1].invoice_id: (WHOLE[NoticeCode.INSTALMENTS],),
        lines[0].invoice_id: plan,
    }
    if fits:
        assert with_notices(lines, by_invoice)[0].notices == plan
        return
    with pytest.raises(DomainError) as refused:
        with_notices(lines, by_invoice)
    assert refused.value.code == "instalments-below-balance"
    assert refused.value.field == "invoice_notices.1.notices"
    assert refused.value.facts["invoice_number"] == "2026-000001"
    assert (refused.value.facts["planned"], refused.value.facts["balance"]) == ("119.97", "120.00")
