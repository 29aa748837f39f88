"""Structured reasons for the factor: what it must know of a debtor, in codes and not in prose.

The list is closed, so that the factor's programmes can act on it; docs/order-package.md has it for
readers of a package.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from services.orders.domain.communication import checked_text
from shared.kernel.errors import DomainError
from shared.kernel.money import CURRENCY, Money

NOTICES_MAX = 10
NOTICE_TEXT_CHARACTERS_MAX = 200
INSTALMENTS_MIN = 2
INSTALMENTS_MAX = 120


class NoticeCode(StrEnum):
    """What the factor is told."""

    INSTALMENTS = "instalments"
    PAYMENT_DEFERRED = "payment-deferred"
    SOCIAL_SERVICES = "social-services"
    DECEASED = "deceased"
    LEGAL_GUARDIAN = "legal-guardian"
    DISPUTE = "dispute"
    DO_NOT_REMIND = "do-not-remind"
    BANKRUPTCY = "bankruptcy"
    ADDRESS_DOUBTFUL = "address-doubtful"


# Code → (what must be said, what may be said).
_PARAMETERS: dict[NoticeCode, tuple[frozenset[str], frozenset[str]]] = {
    NoticeCode.INSTALMENTS: (frozenset({"count", "amount"}), frozenset({"day"})),
    NoticeCode.PAYMENT_DEFERRED: (frozenset({"day"}), frozenset()),
    NoticeCode.SOCIAL_SERVICES: (frozenset(), frozenset({"text"})),
    NoticeCode.DECEASED: (frozenset(), frozenset({"day"})),
    NoticeCode.LEGAL_GUARDIAN: (frozenset(), frozenset({"text"})),
    NoticeCode.DISPUTE: (frozenset(), frozenset({"amount", "text"})),
    NoticeCode.DO_NOT_REMIND: (frozenset(), frozenset({"day"})),
    NoticeCode.BANKRUPTCY: (frozenset(), frozenset({"day"})),
    NoticeCode.ADDRESS_DOUBTFUL: (frozenset(), frozenset()),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One structured reason.

    Attributes:
        count: of instalments.
        amount: of one instalment, or what is disputed.
        day: first instalment, end of the deferral or of the silence, day of death or bankruptcy.
        text: which office, who the guardian is, what is disputed.
    """

    code: NoticeCode
    count: int | None = None
    amount: Money | None = None
    day: date | None = None
    text: str | None = None


def checked_notices(notices: Sequence[Notice], *, field: str) -> tuple[Notice, ...]:
    """Return the notices in the order of their codes, fit to be frozen into a package.

    Args:
        field: the request's field that holds them.

    Raises:
        DomainError: there are too many, a code occurs twice, or its parameters do not fit it.
    """
    if len(notices) > NOTICES_MAX:
        raise DomainError(
            f"At most {NOTICES_MAX} notices can be given at once.",
            code="too-many-notices",
            field=field,
        )
    checked: dict[NoticeCode, Notice] = {}
    for place, notice in enumerate(notices):
        where = f"{field}.{place}"
        if notice.code in checked:
            raise DomainError(
                f"The notice '{notice.code}' is given twice.",
                code="notice-given-twice",
                field=where,
            )
        checked[notice.code] = _checked(notice, where)
    return tuple(checked[code] for code in sorted(checked))


def checked_notices_of_order(notices: Sequence[Notice], *, field: str) -> tuple[Notice, ...]:
    """Return the notices of a whole order, as `checked_notices` does.

    Instalments are agreed for one invoice each; one plan for whatever an order happens to hold fits
    none of its debtors. A package that was frozen before this rule may have it.

    Raises:
        DomainError: as `checked_notices`, or instalments are among them.
    """
    for place, notice in enumerate(notices):
        if notice.code is NoticeCode.INSTALMENTS:
            raise _unfit(
                notice,
                "is agreed for one invoice, never for a whole order",
                f"{field}.{place}.code",
            )
    return checked_notices(notices, field=field)


def written(notice: Notice) -> dict[str, Any]:
    """Return a notice as it stands in the manifest; what is not said is left out."""
    members: dict[str, Any] = {"code": str(notice.code)}
    if notice.count is not None:
        members["count"] = notice.count
    if notice.amount is not None:
        members["amount"] = {"amount": str(notice.amount), "currency": CURRENCY}
    if notice.day is not None:
        members["date"] = notice.day.isoformat()
    if notice.text is not None:
        members["text"] = notice.text
    return members


def read(members: Mapping[str, Any]) -> Notice:
    """Return the notice that `written` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is not one.
    """
    amount, day = members.get("amount"), members.get("date")
    return Notice(
        code=NoticeCode(members["code"]),
        count=members.get("count"),
        amount=None if amount is None else Money.parse(amount["amount"]),
        day=None if day is None else date.fromisoformat(day),
        text=members.get("text"),
    )


def _checked(notice: Notice, field: str) -> Notice:
    required, optional = _PARAMETERS[notice.code]
    given = {
        name for name in ("count", "amount", "day", "text") if getattr(notice, name) is not None
    }
    for name in sorted(required - given):
        raise _unfit(notice, f"needs its {_word(name)}", f"{field}.{_word(name)}")
    for name in sorted(given - required - optional):
        raise _unfit(notice, f"has no {_word(name)}", f"{field}.{_word(name)}")
    if notice.count is not None and not INSTALMENTS_MIN <= notice.count <= INSTALMENTS_MAX:
        limits = f"{INSTALMENTS_MIN} to {INSTALMENTS_MAX}"
        raise _unfit(notice, f"can have {limits} instalments", f"{field}.count")
    if notice.amount is not None and notice.amount <= Money.zero():
        raise _unfit(notice, "needs an amount above zero", f"{field}.amount")
    if notice.text is None:
        return notice
    text = checked_text(
        notice.text,
        what="The text of a notice",
        characters_max=NOTICE_TEXT_CHARACTERS_MAX,
        code="notice-text",
        field=f"{field}.text",
    )
    return Notice(notice.code, notice.count, notice.amount, notice.day, text)


def _word(name: str) -> str:
    return "date" if name == "day" else name


def _unfit(notice: Notice, why: str, field: str) -> DomainError:
    return DomainError(f"The notice '{notice.code}' {why}.", code="notice-unfit", field=field)
