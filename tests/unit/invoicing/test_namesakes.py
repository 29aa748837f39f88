"""Who shares name and birth date is one person only where AHV number or address says so.

A name, a birth date and two addresses may be two people, or one who moved. Money of two must not
end on one record, so a file's patient then gets a record of their own, and a notice says of whom.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import permutations
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.invoicing.domain.incoming import FileReport, ImportOutcome
from services.invoicing.domain.known_patients import place_of
from services.invoicing.domain.people import Patient
from services.invoicing.domain.practice import Address
from services.invoicing.entrypoints.schemas.imports import import_answer
from shared.kernel.ids import new_id
from tests.unit.invoicing.builders import AHV, a_patient
from tests.unit.invoicing.import_desk import Desk
from tests.unit.invoicing.requests import a_request, a_zip, changed, reference

ELSEWHERE = {"street": "Chemin Neuf 7", "zip": "1000"}
OTHER_AHV = "7561234567897"


@pytest.fixture
def desk() -> Desk:
    """A practice with a contract and nothing else."""
    return Desk()


def a_file(serial: int, **changes: str) -> bytes:
    """Return an invoice of its own over somebody without an AHV number, unless one is given."""
    own = {"number": f"RE-{serial}", "reference": reference(serial), "ssn": "0000"}
    return a_request(**(own | changes))


def patient_of(desk: Desk, report: FileReport) -> Patient:
    """Return who was treated."""
    return desk.uow.patients.by_id[desk.invoice(report).patient_id]


def told(report: FileReport) -> list[str]:
    """Return the numbers of the patients that a report names."""
    return [one.patient_number for one in report.namesakes]


async def test_two_of_one_name_and_birth_date_at_two_addresses_stay_two(desk: Desk) -> None:
    first, second = [await desk.one(a_file(1)), await desk.one(a_file(2, **ELSEWHERE))]
    here, there = patient_of(desk, first), patient_of(desk, second)
    assert first.outcome is second.outcome is ImportOutcome.IMPORTED
    assert here.patient_number != there.patient_number
    assert desk.invoice(second).debtor_number == there.patient_number
    assert (told(first), told(second)) == ([], [here.patient_number])
    assert second.unfit_codes == ("missing-ssn",)
    again = [await desk.one(a_file(3, **ELSEWHERE)), await desk.one(a_file(4))]
    assert [patient_of(desk, one) for one in again] == [there, here]
    assert [told(one) for one in again] == [[], []]


async def test_two_in_one_archive_stay_two_like_in_two(desk: Desk) -> None:
    reports = await desk.upload(a_zip({"a.xml": a_file(1), "b.xml": a_file(2, **ELSEWHERE)}))
    here, there = (patient_of(desk, one) for one in reports)
    assert here != there
    assert [told(one) for one in reports] == [[], [here.patient_number]]


async def test_one_person_twice_at_one_address_is_one(desk: Desk) -> None:
    reports = [
        await desk.one(a_file(1)),
        await desk.one(a_file(2, family="EXEMPLE", street="rue  haute, 2")),
    ]
    assert len(desk.uow.patients.by_id) == 1
    assert [told(one) for one in reports] == [[], []]


async def test_the_same_file_again_changes_nothing_and_tells_the_notice_again(desk: Desk) -> None:
    await desk.one(a_file(1))
    first = await desk.one(a_file(2, **ELSEWHERE))
    before = dict(desk.uow.patients.by_id), dict(desk.uow.invoices.by_id), list(desk.uow.events)
    again = await desk.one(a_file(2, **ELSEWHERE))
    assert (again.outcome, again.namesakes) == (ImportOutcome.ALREADY_KNOWN, first.namesakes)
    assert len(told(again)) == 1
    assert (desk.uow.patients.by_id, desk.uow.invoices.by_id, desk.uow.events) == before


async def test_an_ahv_number_decides_and_the_new_address_changes_nothing(desk: Desk) -> None:
    known = a_patient(desk.practice)
    await desk.uow.patients.add(known)
    report = await desk.one(a_file(1, ssn=AHV, **ELSEWHERE))
    assert (patient_of(desk, report), told(report)) == (known, [])
    assert list(desk.uow.patients.by_id.values()) == [known]


async def test_two_ahv_numbers_are_two_people_of_whom_nothing_is_told(desk: Desk) -> None:
    await desk.uow.patients.add(a_patient(desk.practice, ssn=OTHER_AHV))
    report = await desk.one(a_file(1, ssn=AHV, **ELSEWHERE))
    assert (len(desk.uow.patients.by_id), told(report)) == (2, [])


@pytest.mark.parametrize(("on_record", "in_file"), [(AHV, "0000"), (None, AHV), (None, "0000")])
@pytest.mark.parametrize("moved", [True, False])
async def test_where_one_side_has_no_ahv_number_the_address_decides(
    desk: Desk, on_record: str | None, in_file: str, moved: bool
) -> None:
    await desk.uow.patients.add(a_patient(desk.practice, ssn=on_record))
    report = await desk.one(a_file(1, ssn=in_file, **(ELSEWHERE if moved else {})))
    assert len(desk.uow.patients.by_id) == 1 + moved
    assert told(report) == ["10001"] * moved


async def test_an_address_that_is_not_known_is_not_the_same_as_one_that_is(desk: Desk) -> None:
    await desk.uow.patients.add(a_patient(desk.practice, ssn=None))
    report = await desk.one(a_file(1, zip="0000"))
    assert (patient_of(desk, report).address, told(report)) == (None, ["10001"])
    again = await desk.one(a_file(2, zip="0000"))
    assert (patient_of(desk, again), told(again)) == (patient_of(desk, report), [])


async def test_every_namesake_is_named_in_the_order_of_their_numbers(desk: Desk) -> None:
    for number, zip_code in (("3", "3000"), ("2", "2000")):
        address = Address("Rue Haute", "2", zip_code, "Renens")
        same = {"ssn": None, "patient_number": number, "address": address}
        await desk.uow.patients.add(a_patient(desk.practice, **same))
    report = await desk.one(a_file(1))
    assert told(report) == ["2", "3"]
    (file,) = import_answer(new_id(), [report]).files
    assert [one.code for one in file.notices] == ["other-address-on-record"] * 2
    assert "patient 2, has the same name and birth date" in file.notices[0].reason


async def test_a_record_that_was_corrected_is_still_who_the_file_meant(desk: Desk) -> None:
    first = await desk.one(a_file(1))
    record = patient_of(desk, first)
    moved = replace(record, address=Address("Chemin Neuf", "7", "1000", "Lausanne"))
    desk.uow.patients.by_id[record.patient_id] = moved
    old, new = await desk.one(a_file(2)), await desk.one(a_file(3, **ELSEWHERE))
    assert patient_of(desk, old) == patient_of(desk, new) == moved
    assert told(old) == told(new) == []


async def test_whose_ahv_number_a_file_gave_to_somebody_else_is_a_person_of_their_own(
    desk: Desk,
) -> None:
    wrong = patient_of(desk, await desk.one(a_file(1, ssn=AHV)))
    desk.uow.patients.by_id[wrong.patient_id] = replace(wrong, ssn="7561234567897")
    other = {"ssn": AHV, "given": "Claude", "born": "1970-02-03"}
    first, second = await desk.one(a_file(2, **other)), await desk.one(a_file(3, **other))
    person = patient_of(desk, first)
    assert person == patient_of(desk, second) != wrong
    assert (person.ssn, person.given_name) == (AHV, "Claude")
    assert person.patient_number != wrong.patient_number


async def test_a_person_who_moved_gets_the_invoices_once_the_record_says_so(desk: Desk) -> None:
    await desk.one(a_file(1))
    (known,) = desk.uow.patients.by_id.values()
    assert patient_of(desk, await desk.one(a_file(2, **ELSEWHERE))) != known
    address = Address("Chemin Neuf", "7", "1000", "Renens")
    desk.uow.patients.by_id[known.patient_id] = replace(known, address=address)
    report = await desk.one(a_file(3, **ELSEWHERE))
    assert (desk.invoice(report).patient_id, told(report)) == (known.patient_id, [])


async def test_who_was_given_the_ahv_number_since_goes_before_the_record_that_a_file_added(
    desk: Desk,
) -> None:
    known = a_patient(desk.practice, ssn=None, patient_number="P-1")
    await desk.uow.patients.add(known)
    first = await desk.one(a_file(1, ssn=AHV, **ELSEWHERE))
    assert told(first) == ["P-1"]
    desk.uow.patients.by_id = {patient_of(desk, first).patient_id: patient_of(desk, first)}
    desk.uow.patients.by_id[known.patient_id] = replace(known, ssn=AHV)
    report = await desk.one(a_file(2, ssn=AHV, **ELSEWHERE))
    assert (desk.invoice(report).patient_id, told(report)) == (known.patient_id, [])


async def test_a_replacement_has_the_notices_of_its_patient(desk: Desk) -> None:
    await desk.one(a_file(1))
    conflict = await desk.one(changed(a_file(1, **ELSEWHERE), "SAMPLE.1", "SAMPLE.9"))
    await desk.decide(conflict.conflict_id, "replace")
    kept = [one.namesakes for one in desk.uow.imports.by_id.values()]
    assert [len(one) for one in kept] == [0, 1]


PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(["Jeanne", "Luc"]),
        st.sampled_from(["1980-05-01", "1981-05-01"]),
        st.sampled_from(["Rue Haute 2", "Chemin Neuf 7"]),
        st.sampled_from(["1020", "1000"]),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=25, deadline=None)
@given(people=PEOPLE, shuffled=st.randoms(use_true_random=False))
def test_without_ahv_numbers_there_are_as_many_as_name_birth_date_and_address_in_any_order(
    people: list[tuple[str, str, str, str]], shuffled: Random
) -> None:
    files = {
        f"{n}.xml": a_file(n, given=first, born=born, street=street, zip=zip_code)
        for n, (first, born, street, zip_code) in enumerate(people, start=1)
    }
    names = list(files)
    shuffled.shuffle(names)

    async def run(order: list[str]) -> list[set[int]]:
        desk = Desk()
        reports = await desk.upload(a_zip({name: files[name] for name in order}))
        by_patient: dict[object, set[int]] = {}
        for name, report in zip(order, reports, strict=True):
            key = desk.invoice(report).patient_id
            by_patient.setdefault(key, set()).add(int(name.removesuffix(".xml")))
        again = await desk.upload(a_zip({name: files[name] for name in order}))
        assert {one.outcome for one in again} == {ImportOutcome.ALREADY_KNOWN}
        assert [one.namesakes for one in again] == [one.namesakes for one in reports]
        assert len(desk.uow.patients.by_id) == len(set(people))
        return sorted(by_patient.values(), key=min)

    assert asyncio.run(run(list(files))) == asyncio.run(run(names))


def test_an_address_is_compared_without_what_people_write_differently() -> None:
    for one, other in permutations(
        ["Bahnhofstrasse 12a", "Bahnhofstr. 12 A", "BAHNHOFSTRASSE  12a", "bahnhofstraße, 12 a"], 2
    ):
        assert place(one) == place(other), (one, other)
    assert place("Rue du Rhône 1") == place("rue du rhone 1")
    assert place("Rue Haute", "2") == place("Rue Haute 2")
    for other in ("Rue Haute 1/1", "Rue Haute 1", "Rue Basse 11", "Rue Haute 11a", None):
        assert place("Rue Haute 11") != place(other)
    assert place_of(Address(None, None, "1020", "Renens")) != place_of(
        Address(None, None, "1020", "Crissier")
    )


def place(street: str | None, house_no: str | None = None) -> tuple[str, str] | None:
    """Return the compared form of an address in one town."""
    return place_of(Address(street, house_no, "1020", "Renens"))


LATIN = st.characters(max_codepoint=0x17F)


@given(st.text(LATIN, max_size=35), st.text(LATIN, min_size=1, max_size=9))
def test_the_compared_form_of_an_address_is_its_own(street: str, zip_code: str) -> None:
    form = place_of(Address(street, None, zip_code, "Renens"))
    assert form is not None
    assert place_of(Address(form[1], None, form[0], form[1])) == form
