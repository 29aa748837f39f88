"""Check digits catch a wrong digit, whatever the schema lets through."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.ch import esr

from services.invoicing.domain import numbers
from tests.unit.invoicing.builders import AHV, IBAN, PRACTICE_GLN, QR_IBAN

REFERENCE = "210000000003139471430009017"
digits = st.text("0123456789", min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("check", "right"),
    [
        (numbers.is_gln, PRACTICE_GLN),
        (numbers.is_ahv_number, AHV),
        (numbers.is_qr_reference, REFERENCE),
        (numbers.is_swiss_iban, IBAN),
        (numbers.is_swiss_iban, QR_IBAN),
        (numbers.is_uid, "CHE100155212"),
    ],
)
def test_one_wrong_digit_is_noticed_wherever_it_stands(check: object, right: str) -> None:
    assert callable(check)
    assert check(right)
    places = [place for place, character in enumerate(right) if character.isdigit()]
    wrong = [
        right[:place] + str((int(right[place]) + 1) % 10) + right[place + 1 :] for place in places
    ]
    assert [one for one in wrong if check(one)] == []


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (numbers.is_gln, "73513537"),  # a valid EAN-8
        (numbers.is_gln, "760100000001"),
        (numbers.is_gln, "7601 0000 0001 9"),
        (numbers.is_gln, "٧٦٠١٠٠٠٠٠٠٠١٩"),
        (numbers.is_gln, ""),
        (numbers.is_ahv_number, "4012345678901"),
        (numbers.is_ahv_number, "756.9217.0769.85"),
        (numbers.is_qr_reference, "1878583"),  # the library takes shorter ones
        (numbers.is_qr_reference, "0" * 27),
        (numbers.is_swiss_iban, "DE89370400440532013000"),
        (numbers.is_swiss_iban, "CH93 0076 2011 6238 5295 7"),
        (numbers.is_qr_iban, IBAN),
        (numbers.is_uid, "CHE-100.155.212"),
    ],
)
def test_what_only_looks_like_the_number_is_refused(check: object, text: str) -> None:
    assert callable(check)
    assert not check(text)


@pytest.mark.parametrize(
    ("institution", "is_one"),
    [("29999", False), ("30000", True), ("31999", True), ("32000", False)],
)
def test_a_qr_iban_is_told_by_its_institution(institution: str, is_one: bool) -> None:
    body = f"{institution}123000889012"
    check = 98 - int(body + "121700") % 97
    assert numbers.is_swiss_iban(f"CH{check:02d}{body}")
    assert numbers.is_qr_iban(f"CH{check:02d}{body}") is is_one


@given(digits, st.integers(2015, 2060), st.integers(1, 9_999_999))
def test_every_reference_is_valid_and_names_year_and_invoice(
    account: str, year: int, serial: int
) -> None:
    reference = numbers.qr_reference(
        account_number=account, practice_gln=PRACTICE_GLN, year=year, serial=serial
    )
    assert numbers.is_qr_reference(reference)
    assert int(esr.validate(reference)) == int(reference)
    assert reference[:10] == account.zfill(10)
    assert reference[10:26] == f"{PRACTICE_GLN[7:12]}{year}{serial:07d}"


@pytest.mark.parametrize("account", ["CMD-77.1", "12345678901234567890", "A"])
def test_an_account_with_letters_or_too_many_digits_still_gives_a_valid_reference(
    account: str,
) -> None:
    reference = numbers.qr_reference(
        account_number=account, practice_gln=PRACTICE_GLN, year=2026, serial=1
    )
    assert numbers.is_qr_reference(reference)
    assert reference.startswith("9")


def test_references_of_two_invoices_practices_or_accounts_differ() -> None:
    def reference(account: str, gln: str, year: int, serial: int) -> str:
        return numbers.qr_reference(
            account_number=account, practice_gln=gln, year=year, serial=serial
        )

    made = {
        reference("77", PRACTICE_GLN, 2026, 1),
        reference("78", PRACTICE_GLN, 2026, 1),
        reference("77", "7601000000026", 2026, 1),
        reference("77", PRACTICE_GLN, 2027, 1),
        reference("77", PRACTICE_GLN, 2026, 2),
    }
    assert len(made) == 5


@pytest.mark.parametrize("serial", [0, 10_000_000])
def test_a_serial_number_beyond_seven_digits_is_refused(serial: int) -> None:
    with pytest.raises(ValueError, match="not a serial number"):
        numbers.qr_reference(
            account_number="1", practice_gln=PRACTICE_GLN, year=2026, serial=serial
        )
