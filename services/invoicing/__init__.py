"""Invoicing: bills treatments, renders the invoice's document once, and shows what became of it.

Owns practices, contracts, providers, patients with their debtors, treatments, and invoices.
Topics out: practice-events, invoice-events, dead-letter-events.
Topics in: order-events, ledger-events.
Tables: practice, contract, provider, patient, treatment, treatment_position, invoice,
invoice_treatment, invoice_history, invoice_counter, known_order, placement,
credit_note, credit_note_counter, price_list, price_line,
import_counter, imported_invoice, import_conflict.
"""
