"""Prints an invoice as PDF: a letter to the debtor, the positions, the sums, the Swiss QR slip.

A credit note is printed as its invoice is, without the slip.
"""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import (
    BaseDocTemplate,
    Frame,
    NextPageTemplate,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from services.invoicing.adapters.credit_note_sheet import read_credit_note_sheet
from services.invoicing.adapters.forum_elements import decimal_text
from services.invoicing.adapters.forum_sheet import read_sheet
from services.invoicing.adapters.pdf_slip import SlipAtTheBottom, has_no_latin_form, printable
from services.invoicing.adapters.pdf_words import WORDS, Words
from services.invoicing.domain.sheet import InvoiceSheet, SheetInsurance, SheetLine
from shared.kernel.errors import DomainError
from shared.kernel.money import Money

_LEFT, _RIGHT, _BOTTOM, _TOP = 20 * mm, 15 * mm, 15 * mm, 20 * mm
_LETTERHEAD = 98 * mm
_INSURED = 2 * 4.2 * mm
_WIDTH = A4[0] - _LEFT - _RIGHT
_GREY = colors.Color(0.35, 0.35, 0.35)
_BODY = ParagraphStyle("body", fontName="Helvetica", fontSize=9, leading=11.5)
_CELL = ParagraphStyle("cell", parent=_BODY, fontSize=8.5, leading=10.5)
_COLUMNS = [width * mm for width in (17, 11, 18, 64, 10, 13, 14, 13, 15)]


class PdfInvoicePrinter:
    """See services.invoicing.ports.InvoicePrinter."""

    def print(self, document: bytes, *, cancelled: bool) -> bytes:
        """Return the PDF; the same document always gives the same bytes.

        Raises:
            DomainError: the document lacks what every printed invoice has, or a text in it has
                letters without a Latin form.
        """
        return printed(read_sheet(document, cancelled=cancelled))

    def print_credit_note(self, document: bytes) -> bytes:
        """Return the PDF of a credit note, drawn as its invoice is, without a slip.

        Raises:
            DomainError: as for an invoice.
        """
        return printed(read_credit_note_sheet(document))


def printed(sheet: InvoiceSheet) -> bytes:
    """Return the PDF of a sheet, A4, in the sheet's language.

    Raises:
        DomainError: a text has letters that neither the fonts nor the QR slip can take.
    """
    _refuse_unprintable(sheet)
    words = WORDS[sheet.language]
    target = io.BytesIO()
    title = _title(sheet, words)
    paper = BaseDocTemplate(
        target,
        pagesize=A4,
        title=title,
        author=printable(sheet.practice.name),
        lang=sheet.language.value,
        invariant=1,
    )
    paper.addPageTemplates(_templates(sheet, words))
    paper.build(_story(sheet, words))
    return target.getvalue()


def _title(sheet: InvoiceSheet, words: Words) -> str:
    if sheet.credit is not None:
        return f"{words.credit_note} {sheet.credit.number}"
    return f"{words.invoice} {sheet.number}"


def _days(sheet: InvoiceSheet, words: Words) -> str:
    if sheet.credit is not None:
        reduced = f"{words.on_invoice} {sheet.number} ({_day(sheet.issued_on)})"
        return printable(f"{words.date}: {_day(sheet.credit.issued_on)}    {reduced}")
    return f"{words.date}: {_day(sheet.issued_on)}    {words.due}: {_day(sheet.due_on)}"


def _refuse_unprintable(sheet: InvoiceSheet) -> None:
    texts = {
        "practice": " ".join(sheet.practice.lines),
        "debtor": " ".join(sheet.debtor.lines),
        "patient": sheet.patient_name,
        "provider": sheet.provider_name or "",
        "payment-slip": " ".join(sheet.slip.creditor.lines) if sheet.slip is not None else "",
    }
    texts |= {
        f"services.{place}": f"{one.code} {one.text}" for place, one in enumerate(sheet.lines)
    }
    for field, text in texts.items():
        if has_no_latin_form(text):
            raise DomainError(
                f"The text {text[:70]!r} has letters that have no Latin form, which a printed"
                " invoice and its QR slip need. Write it in Latin letters and correct the invoice;"
                " its XML can be downloaded as it is.",
                code="unprintable-text",
                field=field,
            )


def _templates(sheet: InvoiceSheet, words: Words) -> list[PageTemplate]:
    def first(canvas: Any, _: Any) -> None:
        _draw_letterhead(canvas, sheet, words)
        _draw_every_page(canvas, sheet, words)

    def later(canvas: Any, _: Any) -> None:
        canvas.setFont("Helvetica", 8)
        canvas.drawString(_LEFT, A4[1] - 13 * mm, _title(sheet, words))
        canvas.drawRightString(
            A4[0] - _RIGHT, A4[1] - 13 * mm, f"{words.page} {canvas.getPageNumber()}"
        )
        _draw_every_page(canvas, sheet, words)

    letterhead = _LETTERHEAD if sheet.insurance is None else _LETTERHEAD + _INSURED
    heights = (A4[1] - letterhead - _BOTTOM, A4[1] - _TOP - _BOTTOM)
    frames = [
        Frame(
            _LEFT,
            _BOTTOM,
            _WIDTH,
            height,
            leftPadding=0,
            rightPadding=0,
            topPadding=0,
            bottomPadding=0,
        )
        for height in heights
    ]
    return [
        PageTemplate("first", [frames[0]], onPage=first),
        PageTemplate("later", [frames[1]], onPage=later),
    ]


def _draw_every_page(canvas: Any, sheet: InvoiceSheet, words: Words) -> None:
    if not sheet.cancelled:
        return
    canvas.saveState()
    canvas.setFillColor(colors.Color(0.8, 0.1, 0.1, alpha=0.25))
    canvas.setFont("Helvetica-Bold", 72)
    canvas.translate(A4[0] / 2, A4[1] / 2)
    canvas.rotate(45)
    canvas.drawCentredString(0, 0, words.cancelled)
    canvas.restoreState()


def _draw_letterhead(canvas: Any, sheet: InvoiceSheet, words: Words) -> None:
    practice = [printable(line) for line in sheet.practice.lines]
    top = A4[1] - 18 * mm
    canvas.setFont("Helvetica-Bold", 11)
    canvas.drawString(_LEFT, top, practice[0])
    small = [*practice[1:], f"GLN {sheet.practice_gln}"]
    if sheet.vat_number:
        small.append(f"{words.vat_number} {sheet.vat_number}")
    _draw_lines(canvas, small, _LEFT, top - 5 * mm, size=8.5, leading=4 * mm)
    debtor = [printable(line) for line in sheet.debtor.lines]
    _draw_lines(canvas, debtor, 120 * mm, A4[1] - 52 * mm, size=10.5, leading=5 * mm)
    canvas.setFont("Helvetica-Bold", 14)
    canvas.drawString(_LEFT, A4[1] - 77 * mm, _title(sheet, words))
    born = f"{words.born} {_day(sheet.patient_birth_date)}"
    facts = [
        _days(sheet, words),
        printable(f"{words.patient}: {sheet.patient_name}, {born}"),
    ]
    if sheet.provider_name:
        gln = f" (GLN {sheet.provider_gln})" if sheet.provider_gln else ""
        facts.append(printable(f"{words.provider}: {sheet.provider_name}{gln}"))
    if sheet.insurance is not None:
        facts += [printable(line) for line in _insured(sheet.insurance, words)]
    _draw_lines(canvas, facts, _LEFT, A4[1] - 83 * mm, size=9, leading=4.2 * mm)


def _insured(insurance: SheetInsurance, words: Words) -> list[str]:
    said = [f"Tiers {insurance.tiers}", words.laws[insurance.law]]
    if insurance.case_number:
        said.append(f"{words.case_number} {insurance.case_number}")
    if insurance.case_date:
        said.append(f"{words.case_date} {_day(insurance.case_date)}")
    lines = [", ".join(said)]
    if insurance.insured_number:
        lines.append(f"{words.insured_number} {insurance.insured_number}")
    return lines


def _draw_lines(
    canvas: Any, lines: list[str], x: float, y: float, *, size: float, leading: float
) -> None:
    canvas.setFont("Helvetica", size)
    for place, line in enumerate(lines):
        canvas.drawString(x, y - place * leading, line)


def _story(sheet: InvoiceSheet, words: Words) -> list[Any]:
    story: list[Any] = [NextPageTemplate("later"), _positions(sheet, words)]
    story += [Spacer(0, 3 * mm), _sums(sheet, words)]
    if sheet.slip is not None:
        story += [Spacer(0, 4 * mm), Paragraph(words.thanks, _BODY)]
        story.append(SlipAtTheBottom(sheet, sheet.slip, left=_LEFT, bottom=_BOTTOM))
    return story


def _positions(sheet: InvoiceSheet, words: Words) -> Table:
    header = [
        words.date,
        words.tariff,
        words.code,
        words.text,
        words.tooth,
        words.quantity,
        words.points,
        words.value,
        words.amount,
    ]
    rows = [header, *(_row(line) for line in sheet.lines)]
    style = TableStyle(
        [
            ("FONT", (0, 0), (-1, 0), "Helvetica-Bold", 8),
            ("FONT", (0, 1), (-1, -1), "Helvetica", 8.5),
            ("TEXTCOLOR", (0, 0), (-1, 0), _GREY),
            ("ALIGN", (4, 0), (-1, -1), "RIGHT"),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("LINEBELOW", (0, 0), (-1, 0), 0.6, colors.black),
            ("LINEBELOW", (0, 1), (-1, -1), 0.2, colors.lightgrey),
            ("LEFTPADDING", (0, 0), (-1, -1), 1),
            ("RIGHTPADDING", (0, 0), (-1, -1), 2),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 2),
        ]
    )
    return Table(rows, colWidths=_COLUMNS, repeatRows=1, style=style, hAlign="LEFT")


def _row(line: SheetLine) -> list[Any]:
    return [
        _day(line.day),
        line.tariff,
        Paragraph(escape(printable(line.code)), _CELL),
        Paragraph(escape(printable(line.text)), _CELL),
        line.tooth or "",
        decimal_text(line.quantity),
        _number(line.points),
        _number(line.point_value),
        _amount(line.amount),
    ]


def _sums(sheet: InvoiceSheet, words: Words) -> Table:
    rows = [[words.total, _amount(sheet.total)]]
    for rate, _, tax in sheet.vat:
        rows.append([f"{words.vat} {decimal_text(rate)} %", _amount(tax)])
    if sheet.deposit:
        rows.append([words.deposit, f"-{_amount(sheet.deposit)}"])
    if sheet.credit is None:
        rows.append([f"{words.to_pay} (CHF)", _amount(sheet.due)])
    else:
        rows.append([f"{words.in_favour} (CHF)", _amount(-sheet.due)])
    style = TableStyle(
        [
            ("FONT", (0, 0), (-1, -1), "Helvetica", 9),
            ("FONT", (0, -1), (-1, -1), "Helvetica-Bold", 10.5),
            ("ALIGN", (1, 0), (1, -1), "RIGHT"),
            ("LINEABOVE", (0, -1), (-1, -1), 0.6, colors.black),
            ("RIGHTPADDING", (0, 0), (-1, -1), 2),
            ("TOPPADDING", (0, 0), (-1, -1), 1.5),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.5),
        ]
    )
    return Table(rows, colWidths=[50 * mm, 30 * mm], style=style, hAlign="RIGHT")


def _day(day: date) -> str:
    return f"{day.day:02d}.{day.month:02d}.{day.year:04d}"


def _amount(money: Money) -> str:
    return money.for_people().removeprefix("CHF ")


def _number(value: Decimal | None) -> str:
    return "" if value is None else decimal_text(value)
