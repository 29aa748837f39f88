"""Layout files: what contradicts itself is explained by its key, and stops the start."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.reconciliation.adapters.layouts import SHIPPED, all_layouts, shipped_layouts
from services.reconciliation.domain.deb.layout import LayoutError
from services.reconciliation.domain.deb.layout_file import read_layout

NARROW = """
name = "narrow"
shape = "fixed"
encoding = "cp1252"
record_length = 40
currency = "CHF"
[records.row]
fields = [
    { name = "event_date", from = 1, to = 8, form = "date" },
    { name = "kind", from = 9, to = 20, form = "text" },
    { name = "invoice_number", from = 21, to = 30, form = "text" },
    { name = "amount", from = 31, to = 40, form = "amount" },
]
"""


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (('delimiter = ";"', 'delimiter = ";;"'), "delimiter: must be one character"),
        (("quote = '\"'", "quote = ';'"), "quote: must be one character, not the delimiter"),
        (('encoding = "utf-8"', 'encoding = "utf-16"'), "encoding: 'utf-16' is none of"),
        (('dates = "DD.MM.YYYY"', 'dates = "DD.MM"'), "dates: DD.MM is no form of a date"),
        (('thousands = ["\'", ', 'thousands = [".", '), "amounts.thousands: '.' is a decimal"),
        (('sign = "either"', 'sign = "both"'), "amounts.sign: 'both' is none of leading"),
        (('= "payout"', '= "pay_out"'), "kinds.Auszahlung: 'pay_out' is no record kind"),
        (('currency = "CHF"', ""), "currency: stands either in records.row.fields or here"),
        (('name = "amount"', 'name = "betrag"'), "(betrag).name: none of the fields record_id"),
        (
            ("headings = true", "heading = true"),
            "records.row.fields[1] (record_id).headings: is no",
        ),
        (('"Konto", "Compte"', '"Beleg"'), "(account).headings: 'beleg' is a heading of record_id"),
        (('"Datum", "Date"', ""), "records.row.fields[7] (event_date).headings: names"),
        (
            ('form = "date", headings = ["D', 'form = "text", headings = ["D'),
            "(event_date).form: text",
        ),
        (('type = ["Total", "Summe", "Somme"]', ""), "records.trailer.type: is missing"),
        (
            ("required = false", 'required = "no"'),
            "records.trailer.required: must be true or false",
        ),
        (
            ('file_date = "latest-row"', 'file_date = "now"'),
            "file_date: 'now' is none of latest-row",
        ),
        (('name = "quittance-de-fr"', "name = 7"), "name: must be a text"),
        (("[records.row]", '[records.row]\ntype = "R"'), "records.row.type: rows under headings"),
        (('line_end = "any"', 'line_end = "any"\ncolour = "red"'), "colour: is no key here"),
    ],
)
def test_a_layout_that_contradicts_itself_is_explained_by_its_key(
    change: tuple[str, str], complaint: str
) -> None:
    source = (SHIPPED / "quittance-de-fr.toml").read_text(encoding="utf-8")
    assert change[0] in source
    with pytest.raises(LayoutError, match=re.escape(complaint)):
        read_layout(source.replace(*change))


def test_an_office_brings_its_own_layouts_in_a_folder(tmp_path: Path) -> None:
    (tmp_path / "narrow.toml").write_text(NARROW)
    assert set(all_layouts(tmp_path)) == {*shipped_layouts(), "narrow"}
    assert set(all_layouts(None)) == set(shipped_layouts())


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"a.toml": "name = "}, "a.toml: the file is not TOML"),
        ({"a.toml": NARROW.replace("= 40", "= 39", 1)}, "a.toml: record_length: is 39, but"),
        ({"a.toml": NARROW, "b.toml": NARROW}, "b.toml: name: another file describes narrow, too"),
        (
            {"a.toml": NARROW.replace("narrow", "quittance-v1")},
            "name: a layout quittance-v1 is shipped",
        ),
    ],
)
def test_a_bad_layout_in_the_folder_is_refused_with_its_file_and_key(
    tmp_path: Path, files: dict[str, str], complaint: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(LayoutError, match=re.escape(complaint)):
        all_layouts(tmp_path)
    with pytest.raises(LayoutError, match="there is no folder"):
        all_layouts(tmp_path / "absent")
