"""The condition by which a list finds invoices through a word of a number or a name."""

from __future__ import annotations

from services.invoicing.views.search import STARTS

_SERIAL_DIGITS_MAX = 7
# A word is the beginning of a number or a name; the comparison is a range, which an index serves.
_OF_INVOICE = "SELECT s.invoice_id FROM invoice s WHERE {of_practice} AND "
_OF_PATIENT = """SELECT s.invoice_id FROM patient q
      JOIN invoice s ON s.practice_id = q.practice_id AND s.patient_id = q.patient_id
      WHERE {of_practice} AND """
_OF_DEBTOR = """SELECT s.invoice_id FROM debtor_word q
      JOIN invoice s ON s.practice_id = q.practice_id AND s.patient_id = q.patient_id
      WHERE {of_practice} AND """
_OF_INSURER = "SELECT q.invoice_id FROM insurer_word q WHERE {of_practice} AND "


def word_condition(name: str, word: str, within: str) -> str:
    """Return the condition on invoice `i` for the word in the parameter of this name.

    Args:
        within: the condition on the practice, with `{of}` in the place of the table.
    """
    of_invoice = _OF_INVOICE.format(of_practice=within.format(of="s"))
    of_patient, of_debtor, of_insurer = (
        source.format(of_practice=within.format(of="q"))
        for source in (_OF_PATIENT, _OF_DEBTOR, _OF_INSURER)
    )
    sources = [
        of_invoice + STARTS.format(column="s.number_search", word=name),
        of_invoice + STARTS.format(column="s.debtor_search", word=name),
        of_patient + STARTS.format(column="q.family_search", word=name),
        of_patient + STARTS.format(column="q.given_search", word=name),
        of_debtor + STARTS.format(column="q.word", word=name),
        of_insurer + STARTS.format(column="q.word", word=name),
    ]
    if is_serial(word):
        sources.append(f"{of_invoice} s.serial = :{name}_serial")
    return f"i.invoice_id IN ({' UNION ALL '.join(sources)})"


def is_serial(word: str) -> bool:
    """Whether a word may be the serial number of an invoice."""
    return word.isascii() and word.isdigit() and len(word) <= _SERIAL_DIGITS_MAX
