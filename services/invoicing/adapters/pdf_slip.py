"""The Swiss QR slip at the bottom of a printed invoice: `qrbill` draws it, svglib converts it."""

from __future__ import annotations

import io
import unicodedata
from typing import Any

from qrbill import QRBill
from reportlab.graphics import renderPDF
from reportlab.lib.units import mm
from reportlab.platypus import Flowable
from svglib.svglib import svg2rlg

from services.invoicing.domain.sheet import InvoiceSheet, SheetParty, SheetSlip

SLIP_HEIGHT = 107 * mm  # 105 mm, and the room for the scissors above
_FOREIGN_LETTERS = str.maketrans(
    {"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "œ": "oe", "Œ": "Oe", "ħ": "h", "Ħ": "H"}
    | {"’": "'", "‘": "'", "“": '"', "”": '"', "„": '"', "–": "-", "—": "-", "•": "-", "€": "EUR"}
)


def printable(text: str) -> str:
    """Return the text in Latin-1, which the slip and the fonts take: "Petrović" → "Petrovic"."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        folded = "".join(_in_latin_1(letter) for letter in text.translate(_FOREIGN_LETTERS))
        return folded.encode("latin-1", "replace").decode("latin-1")
    return text


def has_no_latin_form(text: str) -> bool:
    """Whether a letter of the text has no form in Latin-1, so that "?" would stand in its place."""
    folded = "".join(_in_latin_1(letter) for letter in text.translate(_FOREIGN_LETTERS))
    return any(ord(one) > 255 and unicodedata.category(one).startswith("L") for one in folded)


def _in_latin_1(letter: str) -> str:
    if ord(letter) < 256:
        return letter
    parts = unicodedata.normalize("NFKD", letter)
    return "".join(part for part in parts if not unicodedata.combining(part))


class SlipAtTheBottom(Flowable):  # type: ignore[misc]
    """Takes the rest of the page, or a new one if there is too little room, and draws the slip."""

    def __init__(self, sheet: InvoiceSheet, slip: SheetSlip, *, left: float, bottom: float) -> None:
        super().__init__()
        self._drawing = _drawing(sheet, slip)
        self._left, self._bottom = left, bottom

    def wrap(self, available_width: float, available_height: float) -> tuple[float, float]:
        """Claim everything that is left of the page, but at least what the slip needs."""
        needed = SLIP_HEIGHT - self._bottom
        return available_width, max(available_height, needed)

    def draw(self) -> None:
        """Draw the slip at the very bottom of the sheet of paper."""
        renderPDF.draw(self._drawing, self.canv, -self._left, -self._bottom)


def _drawing(sheet: InvoiceSheet, slip: SheetSlip) -> Any:
    bill = QRBill(
        account=slip.iban,
        creditor=_address(slip.creditor),
        debtor=_address(sheet.debtor) if sheet.debtor.has_address else None,
        amount=str(sheet.due),
        reference_number=slip.reference,
        additional_information=printable(sheet.number),
        language=sheet.language.value,
    )
    svg = io.StringIO()
    bill.as_svg(svg)
    return svg2rlg(io.BytesIO(svg.getvalue().encode()))


def _address(party: SheetParty) -> dict[str, str]:
    return {
        "name": printable(party.name)[:70],
        "street": printable(party.street or "")[:70],
        "house_num": printable(party.house_no or "")[:16],
        "pcode": printable(party.zip),
        "city": printable(party.city)[:35],
        "country": party.country,
    }
