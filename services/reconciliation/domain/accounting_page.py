"""Renders the posting rules for an accountant: docs/accounting.md is this page, kept by a test.

Write it anew with `python -m services.reconciliation.domain.accounting_page > docs/accounting.md`.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from services.reconciliation.domain.accounts import DEFAULT_CHART, AccountRole, LedgerAccount
from services.reconciliation.domain.exports.entries import account_name
from services.reconciliation.domain.exports.formats import ENTRIES_MAX
from services.reconciliation.domain.model import PAYMENT_ORDER
from services.reconciliation.domain.rules import RULES, DebtorEffect, Leg, Measure, Rule

_NUMBERS = {account.role: account.number for account in DEFAULT_CHART} | {
    AccountRole.FACTOR: "1088"
}
_SIGNS = {1: "+", 0: "0", -1: "−"}
_TOP = """# Accounting: what each fact does to the books

This page is rendered from the table in `services/reconciliation/domain/rules.py`; a test keeps
the two the same.

Every practice has its own book, in double entry, in whole Rappen. Two positions run along with each
invoice: **D**, what the debtor still owes (by principal, reminder fees, interest and costs), and
**P**, what the factor owes the practice, which is the invoice's share of the factor account. An
invoice *with the factor* carries the asterisk; whether it is *paid* (D is 0.00) is another
question.

## Chart of accounts

| account | role | name |
|---|---|---|
"""
_RULES_TOP = """
A contract adds its own factor account; it is 1088 in this page.

## Posting rules

D debit, C credit. The sign says what a positive amount does. A row's beneficiary (`F`, `P`) counts;
where the row is silent, the contract says who gets reminder fees, interest and costs, and an
adjustment is for the practice.

| kind | for | amount | D | P | postings |
|---|---|---|---|---|---|
"""
_BOTTOM = """
* **Undone**: a person undoes a whole DEB file, row by row, the last booked first, by the exact
  opposite of each booking, dated the day of the undoing: balances of earlier days stay as they
  were. A row on which a later fact rests (it was reversed, ended the claim, or the invoice changed
  hands since) stays booked, with its reason. What was undone may be booked again from another file.
* **Acquittal**: only for an invoice that a stored confirmation accepted, for the amount that it
  confirmed, dated today, under the contract's label. The database refuses any posting to a factor
  account without that confirmation, whoever tries.
* **Acquittal set aside**: an accepted line that the books do not bear out is not acquitted; the
  other lines of its order are (`acquittal_set_aside`, information). Its reason is
  `confirmed-amount-differs` (another principal is open), `invoice-cancelled`, or
  `invoice-already-acquitted` (through another order). A person settles it, once, with name and
  reason: `acquit` books the confirmed amount, and only when the books agree again; `leave` books
  nothing (`acquittal_left`, information).
* **Invoice cancelled**: only while it is not with the factor and its whole balance is open; it is
  the exact opposite of what is left of the issue after credit notes that were settled without the
  factor. A cancellation that crosses the acquittal moves nothing (`cancellation_too_late`): its
  line is set aside as `cancelled-with-factor`, and a credit note is what corrects it now.
* **Credit note**: when the practice issues it, it is information (`credit_note_issued`), for the
  invoice is in a sent order and its acquittal may be worked before or after. The money moves with
  the factor's record `credit_note` (3400 D, 1088 C, D −, P −). If the factor refuses the invoice,
  or gives it back, before the note has gone into an order, it is settled without the factor
  (`credit_note_settled`, 3400 D, 1100 C, D −): the invoice may be ordered again with what remains,
  or, where it was refused, cancelled. Of an invoice that was cancelled meanwhile, the note moves
  nothing.
* **Payment of the debtor**: settles {order}, in this order (costs
  and interest first: art. 85 of the Swiss Code of Obligations), unless the contract names another
  (`payment_order`). A payment beyond what is owed is
  parked as `overpayment`.
* **Payout** may be negative: the factor takes back what it paid too much.
* **Date of an entry**: the value date of the row, else its event date; in a closed period it is the
  first open day (below).
* **Within one file**, whatever the order of the rows, come first what the debtor is charged, then
  payments and all else, then reversals, and last recourse, cancellations and losses.
* **Credit note, cancellation**: a credit note reduces the principal, at most to 0.00. A
  cancellation gives the whole claim up: its amount is the open principal, and with it goes what the
  factor charged the debtor. The asterisk stays, for payouts may still settle P.
* **Recourse**: the factor gives the invoice back and takes back what it says, at least the open
  principal, at most all that is open; D becomes that amount (what the factor keeps of its
  own charges is no longer owed), and so does the invoice's share of 1100. P may fall below 0.00:
  the practice owes it, until a negative payout settles it. The asterisk goes, the acquittal ends;
  only a person's decision puts the invoice into another order. That order's acquittal takes all
  that is open (1100), what the factor had charged and did not keep included.
* **After recourse** payouts, advances and charges of the factor are still booked, for they settle
  P; a loss is the practice's own (3805 D, 1100 C), whatever the contract says of losses. What else
  moves money is parked as `not-acquitted`.
* **Loss** (`write_off`): under loss cover the factor bears it, and only D moves. Without, it is
  charged to the practice (3805 D, 1088 C). It settles the components in the order of
  a payment.
* **Refund to the debtor**: gives back what was paid too much; D rises again. A payment that was
  parked as `overpayment` is then booked.
* **Adjustment**: positive is more, negative is less, never below 0.00. For the practice (`P`, or
  silent) it is like a part of the invoice (1088 D, 3400 C); for the factor (`F`) it moves D only.
* **Movement of the account**: positive is in the practice's favour, a monthly fee is negative. With
  a payout reference it came with that payout (1020), else it waits on 2009. It is about no invoice,
  so it never touches 1088, whose every posting needs a confirmed invoice; one that names an invoice
  is parked (`unexpected-invoice`).
* **Reversal**: its text is the record id of one booked row, its amount is that row's. It books the
  exact opposite, once. Where payments have settled a reversed charge meanwhile, they settle the
  other components instead; the total is the exact opposite. The reversal of a recourse puts the
  invoice back with the factor, unless another order has taken it since (`acquitted-again`).
* Amounts other than information are booked only while the invoice is acquitted (`not-acquitted`).
* Any other kind is parked as `unknown-kind`.

## Closed periods

Who answers for the books (billing office, controller) closes them up to and including a day:
`POST /v1/practices/{{practice_id}}/periods/close` with `until` and `reason`. Not up to a day that
has not come, nor before an earlier closing. `GET .../periods` lists who closed and reopened, when
and why; nothing of it can be changed.

* No entry is dated into a closed period. What comes late is booked on the first open day, the day
  after the closing; its text names its own day ("(of 2026-03-30, a closed period)"), and its fact
  keeps it. That holds for invoices, cancellations, acquittals, rows of DEB files and undoing alike.
  An acquittal's own day stays the day on which it was made. The database refuses whatever else.
* A closing keeps debits and credits of every account at the end of its day, and number and hash of
  the journal's last entry. `books-check` and `quittance books verify` prove that both still hold:
  balances as long as nobody reopened, the entry for ever.
* An export whose last day is closed is the same file ever after, byte for byte.
* `POST .../periods/reopen` takes the last closing back; the one before it then holds. To go further
  back, take back one after the other. Entries that were booked late stay where they are.

## May reminders be run?

`GET /v1/practices/{{practice_id}}/dunning` says whether a practice may run reminders (`released`);
`GET /v1/dunning` says it of all practices of the token. They have to wait for one of these reasons:

| reason | meaning |
|---|---|
| `order-unconfirmed` | an order is prepared or sent, and not confirmed, refused or withdrawn |
| `deb-file-late` | a contract's last booked DEB file was made more than the set days ago (10) |
| `no-deb-file-yet` | a contract under which the factor has invoices never had a DEB file booked |
| `deb-file-held` | a whole DEB file is held |
| `deb-file-awaits-review` | a DEB file waits until a person has it booked |
| `deb-file-set-aside` | booking or undoing a DEB file fails again and again |
| `rows-parked` | rows wait; their amounts are added up whatever their signs |

A file is late or missing only where the factor has an invoice of the contract that is not settled.
The days are `RECONCILIATION_DUNNING_DEB_DAYS_MAX`. Another set of reasons is told once, as
`dunning-brake-changed`; of a practice of which nothing was told, the brake is released.

`GET .../dunning/invoices` lists what the practice itself may remind, the longest overdue first,
with the totals of all pages: D is above 0.00, the due day is past, the factor does not have the
invoice (nor accepted it without an acquittal yet), no order that is under way holds it, and no row
that waits names it. Reminders of invoices with the factor are the factor's.

## Why a row is parked

| reason | meaning |
|---|---|
| `unreadable-row` | wrong length, a control character, or a field that cannot be read |
| `bad-amount` | sign or amount is not written as the layout says |
| `impossible-amount` | zero, negative or present where the kind does not allow it |
| `impossible-date` | not a calendar day, before the invoice, or after the file or its fetching |
| `wrong-currency` | not CHF |
| `unknown-kind` | there is no posting rule |
| `unknown-invoice` | the invoice number is not one of this practice |
| `wrong-practice` | the number is ours, but neither order nor debtor belongs to this practice |
| `order-mismatch` | fewer than two of invoice, order and debtor number agree |
| `wrong-contract` | the invoice is under another contract than the file's account |
| `not-acquitted` | money of an invoice that no confirmed order handed over |
| `overpayment` | the debtor paid more than is owed |
| `open-amount-differs` | a reduction, loss, recourse or reversal does not fit what is open |
| `unexpected-invoice` | a movement of the account names an invoice |
| `reversed-record-unknown` | the reversal names no row that is booked |
| `reversal-of-reversal` | the row that it names is itself a reversal |
| `already-reversed` | the row that it names was reversed before |
| `acquitted-again` | the invoice has gone to the factor again since what is to be undone |
| `conflicting-record` | the record id was booked with other content |

A row that was booked before, word for word, is a *repeat*: it points at the first one and has no
effect. Per file, always: rows read = booked + repeats + parked.

A file may come before the invoice or the confirmation that its rows rest on. Rows parked as
`unknown-invoice`, `wrong-practice`, `order-mismatch`, `wrong-contract` or `not-acquitted` come back
by themselves when that invoice is issued, its order confirmed, or it is acquitted; those parked as
`overpayment` or `open-amount-differs` when a row raises what is owed; those parked as
`reversed-record-unknown` when that record is booked. They are decided again file by file, in the
account's order; until then they count as parked.

A person decides what does not come back. `book-on-invoice` books the row on the invoice that the
person names, in place of the match; every other rule holds, so that nothing is booked without a
confirmation, or over a record that is booked with other content. `leave` books nothing: the row
stays parked in the counts, leaves the queue and never comes back; its invoice, where it is known,
shows it as information (`row_left`). `reopen` puts a left row back (`row_reopened`): it waits as it
did before, and can be booked on an invoice, or left again. Only what is booked stays decided; name,
time and reason of every decision are kept. A row that comes once more is a repeat of one that was
left, unless the file of that one is undone.

## Why a file is held

Nothing of a held file is booked.

| reason | meaning |
|---|---|
| `unknown-layout`, `wrong-layout` | no such layout here, or the file does not begin as it says |
| `impossible-file-date` | its header is dated more than a day after it was fetched |
| `malformed-header`, `malformed-trailer` | a field of that record cannot be read |
| `unexpected-record` | a record is out of order, or follows the trailer |
| `truncated` | the file ends before its trailer |
| `foreign-account` | the header's account is not the contract's |
| `test-file` | the header marks it as a test |
| `trailer-count-mismatch`, `trailer-sum-mismatch`, `kind-sum-mismatch` | it does not add up |
| `sequence-gap` | the previous file is missing; it is taken up again once that one is booked |
| `sequence-restart` | it claims to be the account's first file, but others are booked |
| `file-id-reused` | another file has this id |
| `content-missing` | the store does not have the file; it is read again when it is fetched again |
| `content-damaged` | the stored bytes are not those that were announced; as above |
| `content-unreadable` | the store does not give the file, or may not; as above |
| `too-many-attempts` | reading it ended the worker time and again |

A row whose amount cannot be read is parked and does not hold the file; the sums it takes part in
cannot be checked then, the counts still are.

## Exports and balances

`GET /v1/practices/{{practice_id}}/balances?at=DAY` gives each account's debits, credits and balance
at the end of a day, by the dates of the entries; without `at` it is today.

`GET .../positions/{{invoice_id}}/balance?at=DAY` gives D and P of an invoice at the end of a day,
`GET .../balances/positions?at=DAY` their sums over the practice. A fact counts on the day of its
entry, so that P adds up to the factor accounts of that day; one without an entry (a payment of the
debtor, say) counts on its own day, even if its row came after that day's period was closed.

`GET .../positions/{{invoice_id}}` says why: each fact with its line of the table above, its
postings, what it rests on, and the person who decided, where one did; `GET .../rows` behind it
lists the rows of DEB files that name the invoice, whatever became of them.

`GET /v1/practices/{{practice_id}}/journal/export?format=FORMAT&from=DAY&to=DAY` downloads the
journal over those days, both included, by day and number; a day that is left out is no bound. It is
the journal as it was when it was asked for: what is booked meanwhile is not in it. From the
beginning `to` a day, its sums are the balances `at` that day; `from` another day on, they are what
moved since. A span of more than {entries_max} entries is refused (`export-too-large`), never cut.

| format | what it is |
|---|---|
| `csv` | one line per posting, semicolons, debit and credit apart; no cell is a formula |
| `beancount` | Beancount 3: the chart as `open` directives with their roles, a link per invoice |
| `hledger` | hledger 1.25: the chart with account types, the number of an entry as its code |

Every entry carries its text, number, kind, id, hash in the chain, invoice number, and the DEB file
and line that it was read from. In Beancount and hledger the accounts are called:

| account | name |
|---|---|
{accounts}
`quittance books verify` proves the books from their rows, without a running service: one line per
practice, exit status 0 if all are right, 1 if some are wrong, 2 if some could not be read. The hash
chain covers the journal, hence P and the accounts. D is proved by its facts: their sum is the
position, each moves D as the table above says, each that was read from a DEB file agrees with its
row, and each row with the hash of its content.
"""


def accounting_page() -> str:
    """Return docs/accounting.md."""
    chart = "".join(
        f"| {account.number} | {account.role} | {account.name} |\n" for account in DEFAULT_CHART
    )
    bottom = _BOTTOM.format(
        order=", ".join(component.replace("_", " ") for component in PAYMENT_ORDER),
        entries_max=f"{ENTRIES_MAX:,}",
        accounts="".join(_named(role, number) for role, number in _NUMBERS.items()),
    )
    return _TOP + chart + _RULES_TOP + "".join(_line(rule) for rule in RULES) + bottom


def _line(rule: Rule) -> str:
    cells = (
        f"`{rule.kind}`",
        rule.beneficiary or rule.case or "",
        rule.amount,
        _debtor(rule),
        "opposite" if rule.debtor is DebtorEffect.OPPOSITE else _SIGNS[rule.factor],
        "opposite" if rule.debtor is DebtorEffect.OPPOSITE else _legs(rule.legs),
    )
    return f"| {' | '.join(cells)} |\n"


def _named(role: AccountRole, number: str) -> str:
    return f"| {number} | `{account_name(LedgerAccount(number, role, role))}` |\n"


def _debtor(rule: Rule) -> str:
    if rule.component is not None:
        return f"+ {rule.component.replace('_', ' ')}"
    return {
        DebtorEffect.NONE: "0",
        DebtorEffect.PAYMENT: "−",
        DebtorEffect.REDUCTION: "− principal",
        DebtorEffect.GIVEN_UP: "to 0",
        DebtorEffect.GIVEN_BACK: "to the amount",
        DebtorEffect.OPPOSITE: "opposite",
    }[rule.debtor]


def _legs(legs: Iterable[Leg]) -> str:
    text = ", ".join(
        f"{_NUMBERS[leg.role]} {leg.side}"
        + ("" if leg.measure is Measure.AMOUNT else f" {leg.measure}")
        for leg in legs
    )
    return text or "—"


if __name__ == "__main__":
    sys.stdout.write(accounting_page())
