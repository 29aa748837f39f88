"""What the audit log tells of persons' moves with invoices: before and after, each move once."""

from __future__ import annotations

from typing import Any

from shared.web.changes import IDS_TOLD_MAX
from shared.web.endpoints import UserRole
from tests.integration.invoicing.office import Office, Voices, open_office
from tests.integration.invoicing.test_corrections import WHY, in_an_order, sent
from tests.integration.invoicing.test_imports import a_conflict, decide
from tests.support.audit import Told, told
from tests.unit.invoicing.bodies import chf


async def _told(office: Office, *operations: str) -> list[Told]:
    return await told(office.database, office.practice_id, *operations)


async def _cancel(office: Office, invoice: Any, *, status: int = 200) -> None:
    await office.post(f"invoices/{invoice['invoice_id']}/cancel", WHY, status=status)


async def test_a_new_practice_is_told_to_itself_with_all_that_it_is_furnished_with(
    office: Office,
) -> None:
    ((_, before, after),) = await _told(office, "registerPractice")
    assert (before, after["practice_id"]) == ({}, str(office.practice_id))
    lines = await _told(office, "addProvider", "addContract")
    assert {operation: before for operation, before, _ in lines} == {
        "addProvider": {},
        "addContract": {},
    }
    assert {office.contract_id, office.provider_id} == {
        after.get("contract_id") or after.get("provider_id") for _, _, after in lines
    }


async def test_a_cancellation_is_told_once_with_its_reason(office: Office) -> None:
    invoice = await office.invoice()
    for _ in range(2):
        await _cancel(office, invoice)
    assert await _told(office, "cancelInvoice") == [
        (
            "cancelInvoice",
            {"state": "issued", "reason_code": None},
            {"state": "cancelled", "reason_code": "wrong-address"},
        )
    ]


async def test_a_cancellation_that_waits_for_its_order_is_told_when_it_is_asked_for(
    office: Office, voices: Voices
) -> None:
    invoice, _ = await in_an_order(office, voices)
    for _ in range(2):
        await _cancel(office, invoice, status=202)
    ((_, before, after),) = await _told(office, "cancelInvoice")
    assert before == {"cancellation": None, "reason_code": None}
    assert after == {"cancellation": "pending", "reason_code": "wrong-address"}


async def test_a_correction_tells_both_invoices_and_both_amounts_and_nobodys_name(
    office: Office,
) -> None:
    wrong = await office.invoice()
    body = {**WHY, "invoice": None}
    right = await office.post(f"invoices/{wrong['invoice_id']}/correct", body)
    ((_, before, after),) = await _told(office, "correctInvoice")
    assert (before["state"], before["replaced_by"]) == ("issued", None)
    assert after == {
        "state": "cancelled",
        "replaced_by": right["invoice_id"],
        "replaced_by_number": right["invoice_number"],
        "reason_code": "wrong-address",
    }
    lines = await _told(office, "addPatient", "recordTreatment", "issueInvoice", "correctInvoice")
    assert {operation for operation, _, _ in lines} == {
        *("addPatient", "recordTreatment", "issueInvoice", "correctInvoice")
    }
    assert right["patient_name"].split()[-1] not in str(lines)


async def test_a_credit_note_is_told_with_its_amount(office: Office, voices: Voices) -> None:
    invoice, order = await in_an_order(office, voices)
    await voices.say(sent(order))
    body = {"amount": chf("20.00"), "reason_code": "discount"}
    note = await office.post(f"invoices/{invoice['invoice_id']}/credit-notes", body)
    ((_, before, after),) = await _told(office, "issueCreditNote")
    assert before == {}
    assert after == {
        "credit_note_id": note["credit_note_id"],
        "credit_note_number": note["credit_note_number"],
        "amount": chf("20.00"),
        "reason_code": "discount",
        "state": "for-the-factor",
    }


async def test_invoices_marked_as_printed_are_told_to_each_practice_in_counts_and_bounded_ids(
    office: Office,
) -> None:
    other = await open_office(office.api, office.database)
    mine = [(await office.invoice())["invoice_id"] for _ in range(IDS_TOLD_MAX + 1)]
    theirs = [(await other.invoice())["invoice_id"]]
    both = [office.practice_id, other.practice_id]
    api = office.api.as_user([UserRole.BILLING_OFFICE], both)
    for _ in range(2):
        status, answer = await api.post("/v1/invoices/printed", {"invoice_ids": mine + theirs})
        assert status == 200, answer
    operation = "markInvoicesOfPracticesPrinted"
    ((_, before, after),) = await _told(office, operation)
    assert (before["printed"], after["printed"]) == (0, IDS_TOLD_MAX + 1)
    assert len(after["invoice_ids"]) == IDS_TOLD_MAX
    assert set(after["invoice_ids"]) < set(mine)
    ((_, _, after),) = await _told(other, operation)
    assert (after["printed"], after["invoice_ids"]) == (1, theirs)


async def test_an_upload_is_told_in_counts_and_a_file_that_was_known_is_not(
    office: Office,
) -> None:
    _, conflict_id = await a_conflict(office)
    first, second = await _told(office, "importInvoices")
    assert (first[2]["imported"], len(first[2]["invoice_ids"]), first[2]["conflicts"]) == (1, 1, 0)
    assert (second[2]["imported"], second[2]["conflicts"]) == (0, 1)
    await a_conflict(office)
    assert len(await _told(office, "importInvoices")) == 2, "both files were known by now"
    for _ in range(2):
        await decide(office, conflict_id, "keep")
    ((_, before, after),) = await _told(office, "decideImportConflict")
    assert (before, after) == ({"decision": None}, {"decision": "keep"})
