"""Payouts that the bank pays otherwise than DEB rows announce, or not at all, as items."""

from __future__ import annotations

from services.reconciliation.views.exception_kind import ANYBODY, DECIDERS, Action, ExceptionKind

_LATE_FROM = "greatest(p.paid_on + CAST(:payout_days AS integer), p.wait_until)"
# Nothing is expected of a bank of which nothing is known from that time, nor what came elsewhere.
_NEVER_CAME = f"""{_LATE_FROM} < CAST(:today AS date)
      AND a.known_from <= p.paid_on
      AND NOT EXISTS (SELECT FROM payout o
        WHERE o.payout_token = p.payout_token AND o.account_id <> p.account_id
          AND o.entries > 0 AND o.practice_ids && p.practice_ids)"""
_LATEST_ENTRY = """(SELECT max(s.imported_at)
    FROM bank_entry b JOIN bank_statement s USING (statement_id)
    WHERE b.account_id = p.account_id AND b.payout_token = p.payout_token)"""
_FRANCS = "to_char({} / 100.0, 'FM999999999990.00')"
_DETAIL = (
    f"'CHF ' || {_FRANCS.format('p.announced_rappen')} || ' announced for '"
    f" || coalesce(p.paid_on::text, 'no day') || ', CHF ' || {_FRANCS.format('p.received_rappen')}"
    " || ' came'"
)

PAYOUT_DIFFERS = ExceptionKind(
    name="payout-differs",
    means="the bank shows another sum for a payout than its DEB rows announce, or nothing in time",
    ends="the bank's entries come to the sum, or a person accepts the difference",
    sentence="Payout {payout_reference}: {detail}.",
    source="payout p JOIN bank_account a USING (account_id) WHERE true",
    key="p.payout_id",
    practice="p.practice_ids",
    shared=True,
    is_open=f"""p.is_open AND CASE WHEN p.entries > 0
      THEN coalesce(p.wait_until, '-infinity') < CAST(:today AS date) ELSE {_NEVER_CAME} END""",
    columns={
        "since": "coalesce(CASE WHEN p.entries > 0"
        f" THEN greatest({_LATEST_ENTRY}, CAST(p.wait_until + 1 AS timestamptz))"
        f" ELSE CAST({_LATE_FROM} + 1 AS timestamptz) END, p.noticed_at)",
        "reason_code": "CASE WHEN NOT p.is_open THEN NULL"
        " WHEN p.entries > 0 THEN 'amount-differs' ELSE 'never-came' END",
        "amount_rappen": "abs(p.announced_rappen - p.received_rappen)",
        "bank_account_id": "p.account_id",
        "payout_id": "p.payout_id",
        "payout_reference": "p.payout_reference",
        "detail": _DETAIL,
    },
    actions=(
        Action("reconciliation", "decidePayout", DECIDERS),
        Action("reconciliation", "decideBankEntry", DECIDERS),
        Action("reconciliation", "listUnexplainedEntries", ANYBODY),
        Action("reconciliation", "getPayoutParts", ANYBODY),
    ),
    history="""
    SELECT decided_at AS at, CASE decision WHEN 'wait' THEN 'noted' ELSE 'resolved' END AS event,
      decided_by AS by_person,
      CASE decision WHEN 'wait' THEN 'waits until ' || wait_until || ': ' ELSE '' END || reason
        AS why
    FROM payout_decision WHERE payout_id = :key
    UNION ALL
    SELECT max(s.imported_at), 'resolved', NULL, 'the bank shows the sum'
    FROM payout p JOIN bank_entry b ON b.account_id = p.account_id
      AND b.payout_token = p.payout_token
    JOIN bank_statement s USING (statement_id)
    WHERE p.payout_id = :key AND p.announced_rappen = p.received_rappen
    HAVING count(*) > 0""",
)
