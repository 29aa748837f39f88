"""Reconciliation keeps the books of every practice, and explains each figure in them.

Owns: confirmations, acquittals, the journal, invoice positions, DEB files and their rows, the
queue of exceptions.
Topics in: practice-events, invoice-events, order-events, deb-file-events, portal-events,
dead-letter-events.
Topics out: ledger-events, deb-file-events.
Tables: practice, ledger_account, contract, journal_head, invoice_position, order_confirmation,
confirmation_line, journal_entry, posting, acquittal, deb_file, deb_file_delivery, deb_row,
position_fact, acquittal_exception, acquittal_exception_decision, row_decision, deb_file_decision,
deb_undo_row, bank_account, bank_statement, bank_entry, bank_entry_decision, period_closing,
closing_balance, order_line, order_end, dunning_verdict, reported_exception, exception_desk,
exception_event, payout, payout_decision, bank_entry_token, deb_file_hold, invoice_cancellation,
and the messaging and web tables that every service has.
"""
