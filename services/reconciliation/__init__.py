"""Reconciliation keeps the books of every practice, and explains each figure in them.

Owns: confirmations, acquittals, the journal, invoice positions, DEB files and their rows, the
queue of exceptions.
Topics in: practice-events, invoice-events, order-events, deb-file-events, portal-events.
Topics out: ledger-events, deb-file-events.
Tables: practice, ledger_account, contract, journal_head, invoice_position, order_confirmation,
confirmation_line, journal_entry, posting, acquittal, deb_file, deb_file_delivery, deb_row,
position_fact, reported_exception, exception_desk, exception_event, and
the messaging and web tables that every service has.
"""
