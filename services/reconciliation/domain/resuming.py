"""Which parked rows the books look at again when they learn more.

Topics have no order among each other: a DEB file may overtake the invoice or the confirmation that
it rests on. Such a row is parked like any other, so that a person sees it, but what it waited for
brings it back; in whatever order the events come, the books end the same.
"""

from __future__ import annotations

UNTIL_ISSUED = frozenset({"unknown-invoice"})
"""Reasons that may fall away when an invoice of that number is issued."""

UNTIL_CONFIRMED = frozenset({"unknown-invoice", "order-mismatch", "wrong-practice"})
"""Reasons that may fall away when an order with that invoice is confirmed: its number then agrees,
and a row without an invoice number can be matched by it."""

UNTIL_ACQUITTED = frozenset({"not-acquitted", "wrong-contract"})
"""Reasons that may fall away when that invoice is acquitted, which settles its contract too."""

UNTIL_OWED_AGAIN = frozenset({"overpayment", "open-amount-differs"})
"""Reasons that may fall away when a row raises what the debtor owes: a payment beyond the debt is
booked once its refund is, or the charge that it paid."""

UNTIL_BOOKED = frozenset({"reversed-record-unknown"})
"""Reasons that fall away when the record that a reversal names is booked."""

UNTIL_UNDONE = frozenset({"conflicting-record"})
"""Reasons that fall away when the row with which it is in conflict is undone."""

UNTIL_REVERSAL_UNDONE = frozenset({"already-reversed"})
"""Reasons that fall away when the reversal that came first is undone."""

RESUMABLE_FAULTS = frozenset({"content-missing", "content-damaged", "content-unreadable"})
"""Reasons why a file is held that may fall away when the file is fetched again."""
