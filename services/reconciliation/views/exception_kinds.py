"""Every kind of item in the queue of exceptions: one table, from which all else follows.

An item is derived from the tables that own its facts, so no handler can forget to open or to end
one. A new kind is one more entry here: the list, the totals, the metrics, the commands of persons,
docs/exceptions.md and the tests read this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from services.reconciliation.domain.exceptions import DEB_FILE_MISSING, PORTAL_UNREACHABLE
from services.reconciliation.domain.judging import NEVER_ON_AN_INVOICE
from services.reconciliation.views.exception_kind import (
    ANYBODY,
    DECIDERS,
    OFFICE,
    OPEN_REPORT,
    REPORTED,
    WORKERS,
    Action,
    ExceptionKind,
    reported,
)
from services.reconciliation.views.kind_dead_letter import DEAD_LETTERS
from services.reconciliation.views.kind_payout_differs import PAYOUT_DIFFERS
from services.reconciliation.views.kind_set_aside_file import SET_ASIDE_FILE
from services.reconciliation.views.kinds_of_deb_files import (
    DEB_FILE,
    DEB_FILE_TO_REVIEW,
    HELD_DEB_FILE,
)
from services.reconciliation.views.kinds_of_orders import ORDER_KINDS

_ROW = DEB_FILE | {
    "since": "f.received_at",
    "reason_code": "coalesce(r.reason_code, d.parked_because)",
    "amount_rappen": "abs(r.amount_rappen)",
    "order_number": "r.order_number",
    "invoice_id": "r.invoice_id",
    "invoice_number": "r.invoice_number",
    "deb_line": "r.line",
    "row_id": "r.row_id",
    "detail": "r.reason_detail",
}
_ROW_SOURCE = """deb_row r JOIN deb_file f ON f.deb_file_id = r.deb_file_id
    LEFT JOIN standing_row_decision d ON d.row_id = r.row_id WHERE r.row_id IS NOT NULL"""
_ROW_HISTORY = """
    SELECT decided_at AS at,
      CASE decision WHEN 'reopen' THEN 'reopened' ELSE 'resolved' END AS event,
      decided_by AS by_person, reason AS why
    FROM row_decision WHERE row_id = :key
    UNION ALL
    SELECT decided_at, 'resolved', NULL, 'the row is ' || status
    FROM deb_row WHERE row_id = :key AND status IN ('booked', 'repeat', 'undone')
      AND NOT EXISTS (SELECT FROM standing_row_decision d WHERE d.row_id = :key)
"""
_BOOK = "decideParkedRow:book-on-invoice"
_ACCOUNT_REFUSED = frozenset(
    {"portal-refused-credentials", "portal-refused-token", "portal-host-key-changed"}
)
"""The gateway's words for an outage that is the account's own, not the portal's."""
_DECIDE_ROW = (
    Action("reconciliation", "decideParkedRow", DECIDERS, ("book-on-invoice", "leave")),
    Action("reconciliation", "suggestInvoices", ANYBODY),
)
_LATER_ANSWER = """
    SELECT FROM confirmation_line l2 JOIN order_confirmation c2 USING (order_id)
    WHERE l2.invoice_id = l.invoice_id
      AND (c2.confirmed_at, c2.order_id) > (c.confirmed_at, c.order_id)"""
_CANCELLED = """SELECT FROM position_fact p
    WHERE p.invoice_id = l.invoice_id AND p.kind = 'invoice_cancelled'"""


KINDS: tuple[ExceptionKind, ...] = (
    *ORDER_KINDS,
    ExceptionKind(
        name="refused-line",
        means="the factor refused one invoice of an order",
        ends="a later order's confirmation answers for the invoice, it is cancelled, or a person"
        " closes it",
        sentence="Invoice {invoice_number} was refused in order {order_number}: {reason_code}.",
        source=f"""confirmation_line l JOIN order_confirmation c USING (order_id)
    JOIN invoice_position i ON i.invoice_id = l.invoice_id
    WHERE NOT l.accepted AND NOT EXISTS ({_LATER_ANSWER} AND NOT l2.accepted)""",
        key="l.invoice_id",
        practice="l.practice_id",
        is_open=f"NOT EXISTS ({_LATER_ANSWER}) AND NOT EXISTS ({_CANCELLED})",
        columns={
            "since": "c.confirmed_at",
            "reason_code": "coalesce(l.refusal_code, 'no-reason-given')",
            "amount_rappen": "abs(l.amount_rappen)",
            "contract_id": "c.contract_id",
            "order_id": "c.order_id",
            "order_number": "c.order_number",
            "invoice_id": "l.invoice_id",
            "invoice_number": "i.invoice_number",
        },
        actions=(
            Action("invoicing", "correctInvoice", WORKERS),
            Action("invoicing", "cancelInvoice", WORKERS),
            Action("orders", "prepareOrder", WORKERS),
        ),
        closable=True,
        history="""
    SELECT c.confirmed_at AS at,
      CASE WHEN l.accepted THEN 'resolved'
        WHEN row_number() OVER (PARTITION BY l.accepted ORDER BY c.confirmed_at) = 1 THEN 'opened'
        ELSE 'reopened' END AS event,
      NULL AS by_person,
      CASE WHEN l.accepted THEN 'accepted in order ' ELSE 'refused in order ' END
        || c.order_number AS why
    FROM confirmation_line l JOIN order_confirmation c USING (order_id) WHERE l.invoice_id = :key
    UNION ALL
    SELECT coalesce(n.cancelled_at, greatest(CAST(p.fact_date AS timestamptz), (
        SELECT max(c.confirmed_at) FROM confirmation_line l
        JOIN order_confirmation c USING (order_id) WHERE l.invoice_id = :key))),
      'resolved', NULL, 'the invoice is cancelled'
    FROM position_fact p LEFT JOIN invoice_cancellation n USING (invoice_id)
    WHERE p.invoice_id = :key AND p.kind = 'invoice_cancelled'""",
    ),
    ExceptionKind(
        name="set-aside-line",
        means="the factor accepted an invoice that the books could not acquit",
        ends="a person acquits it once the books agree, or leaves it",
        sentence="Invoice {invoice_number} of order {order_number} is set aside: {reason_code}.",
        source="""acquittal_exception e JOIN order_confirmation c ON c.order_id = e.order_id
    JOIN invoice_position i ON i.invoice_id = e.invoice_id
    LEFT JOIN acquittal_exception_decision d ON d.exception_id = e.exception_id WHERE true""",
        key="e.exception_id",
        practice="e.practice_id",
        is_open="d.exception_id IS NULL",
        columns={
            "since": "e.found_at",
            "reason_code": "e.reason_code",
            "amount_rappen": "e.confirmed_rappen",
            "contract_id": "c.contract_id",
            "order_id": "e.order_id",
            "order_number": "c.order_number",
            "invoice_id": "e.invoice_id",
            "invoice_number": "i.invoice_number",
        },
        actions=(Action("reconciliation", "settleAcquittalException", DECIDERS),),
        history="""
    SELECT decided_at AS at, 'resolved' AS event, decided_by AS by_person, reason AS why
    FROM acquittal_exception_decision WHERE exception_id = :key""",
    ),
    ExceptionKind(
        name="manual-acquittal",
        means="a confirmed order waits for a person to acquit it, as the contract wants",
        ends="the order is acquitted",
        sentence="Order {order_number} is confirmed and waits to be acquitted.",
        source="order_confirmation c WHERE true",
        key="c.order_id",
        practice="c.practice_id",
        is_open="c.acquitted_on IS NULL",
        columns={
            "since": "c.confirmed_at",
            "reason_code": "'waits-for-a-person'",
            "amount_rappen": "c.accepted_total_rappen",
            "contract_id": "c.contract_id",
            "order_id": "c.order_id",
            "order_number": "c.order_number",
        },
        actions=(Action("reconciliation", "acquitOrder", WORKERS),),
        history="""
    SELECT coalesce(acquitted_at, greatest(CAST(acquitted_on AS timestamptz), confirmed_at)) AS at,
      'resolved' AS event, NULL AS by_person,
      'the order is acquitted' AS why
    FROM order_confirmation WHERE order_id = :key AND acquitted_on IS NOT NULL""",
    ),
    DEB_FILE_TO_REVIEW,
    HELD_DEB_FILE,
    SET_ASIDE_FILE,
    ExceptionKind(
        name=DEB_FILE_MISSING,
        means="the portal has counted DEB files that are not here",
        ends="none of them is missing any more, or a person closes it, once the factor has"
        " explained the gap",
        sentence="{detail}.",
        source=reported(DEB_FILE_MISSING),
        key="e.key",
        practice="e.practice_id",
        is_open=OPEN_REPORT,
        columns=REPORTED,
        actions=(Action("debident-gateway", "listMissingDebFiles", ANYBODY),),
        closable=True,
    ),
    ExceptionKind(
        name="parked-row",
        means="a row of a DEB file cannot be booked by itself",
        ends="a person decides it, what it waits for comes, or its file is undone",
        sentence="Line {deb_line} of DEB file {deb_file_name} is parked: {detail}.",
        source=_ROW_SOURCE,
        key="r.row_id",
        practice="r.practice_id",
        is_open="r.status = 'parked' AND d.row_id IS NULL"
        " AND r.reason_code <> 'conflicting-record'",
        columns=_ROW,
        actions=_DECIDE_ROW,
        not_for={_BOOK: NEVER_ON_AN_INVOICE, "suggestInvoices": NEVER_ON_AN_INVOICE},
        never="CASE WHEN r.problem_reason IS NOT NULL"
        f" THEN ARRAY['{_BOOK}', 'suggestInvoices'] END",
        history=_ROW_HISTORY,
    ),
    ExceptionKind(
        name="conflict",
        means="a row of a DEB file contradicts one that is booked under the same record id",
        ends="a person decides it, or one of the two files is undone",
        sentence="Line {deb_line} of DEB file {deb_file_name} is in conflict: {detail}.",
        source=_ROW_SOURCE,
        key="r.row_id",
        practice="r.practice_id",
        is_open="r.status = 'parked' AND d.row_id IS NULL AND r.reason_code = 'conflicting-record'",
        columns=_ROW,
        actions=(
            Action("reconciliation", "decideParkedRow", DECIDERS, ("leave",)),
            Action("reconciliation", "explainDebRow", ANYBODY),
        ),
        history=_ROW_HISTORY,
        desk="parked-row",
    ),
    ExceptionKind(
        name="unmatched-payout",
        means="the bank shows money of the factor that no payout explains, or more than one",
        ends="a row that names its reference comes, or a person says which payout it is, or none",
        sentence="The bank's entry of {amount} is no payout that is known, or not one alone.",
        source="bank_entry b JOIN bank_statement s USING (statement_id) WHERE true",
        key="b.entry_id",
        practice="b.practice_ids",
        shared=True,
        is_open="b.is_unmatched",
        columns={
            "since": "s.imported_at",
            "reason_code": "CASE WHEN b.from_factor THEN 'unexplained' ELSE 'ambiguous' END",
            "amount_rappen": "abs(b.amount_rappen)",
            "bank_account_id": "b.account_id",
            "bank_entry_id": "b.entry_id",
        },
        actions=(
            Action("reconciliation", "decideBankEntry", DECIDERS),
            Action("reconciliation", "listUnexplainedEntries", ANYBODY),
        ),
        history="""
    SELECT decided_at AS at, 'resolved' AS event, decided_by AS by_person, reason AS why
    FROM bank_entry_decision WHERE entry_id = :key""",
    ),
    PAYOUT_DIFFERS,
    ExceptionKind(
        name=PORTAL_UNREACHABLE,
        means="a portal, or the practice's account there, cannot be reached",
        ends="the portal gives an answer again",
        sentence="{detail}.",
        source=reported(PORTAL_UNREACHABLE),
        key="e.key",
        practice="e.practice_id",
        is_open=OPEN_REPORT,
        columns=REPORTED,
        actions=(
            Action("debident-gateway", "getPortals", ANYBODY),
            Action("debident-gateway", "putPortalCredentials", OFFICE),
            Action("debident-gateway", "putSftpCredentials", OFFICE),
        ),
        only_for={
            "putPortalCredentials": _ACCOUNT_REFUSED,
            "putSftpCredentials": _ACCOUNT_REFUSED,
        },
    ),
    DEAD_LETTERS,
)
KINDS_BY_NAME: Mapping[str, ExceptionKind] = MappingProxyType({kind.name: kind for kind in KINDS})
