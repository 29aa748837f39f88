"""A stored document that is not what was stored fails its own invoice, and nothing beside it."""

from __future__ import annotations

from uuid import UUID

import pytest

from services.invoicing.adapters.documents import StoredInvoiceDocuments
from services.invoicing.domain.invoice import StoredDocument
from shared.objectstore.store import ContentHashError
from tests.integration.invoicing.office import Office, Voices
from tests.integration.invoicing.test_corrections import withdrawn
from tests.integration.invoicing.test_imports import decide
from tests.integration.invoicing.test_pending_corrections import in_conflict
from tests.integration.invoicing.test_renditions import demand, render


def damage(patched: pytest.MonkeyPatch, *hashes: str) -> None:
    """Let the store find other bytes under these hashes; none: under every one."""
    whole = StoredInvoiceDocuments.get

    async def get(
        self: StoredInvoiceDocuments, practice_id: UUID, document: StoredDocument
    ) -> bytes:
        if not hashes or document.sha256 in hashes:
            raise ContentHashError("the stored bytes are others")
        return await whole(self, practice_id, document)

    patched.setattr(StoredInvoiceDocuments, "get", get)


async def test_one_damaged_document_keeps_no_other_from_being_written_anew(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = await office.invoice()
    fine = await office.invoice(await office.treatment(remark="Exemple"))
    assert broken["document_sha256"] != fine["document_sha256"]
    await demand(office, "4.5", read=1)
    damage(monkeypatch, broken["document_sha256"])
    done = await render(office, broken, fine)
    assert done["newly_rendered"] == 1
    (refused,) = done["not_rendered"]
    assert (refused["invoice_id"], refused["code"]) == (broken["invoice_id"], "document-damaged")


async def test_a_damaged_file_ends_its_wish_and_the_order_comes_back_all_the_same(
    office: Office, voices: Voices, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice_id, conflict_id, order = await in_conflict(office, voices)
    waiting = await decide(office, conflict_id, "replace", status=202)
    assert waiting["replacement_pending"] is True
    damage(monkeypatch)
    await voices.say(withdrawn(order), sequence=2)
    shown = await office.get(f"invoices/{invoice_id}")
    assert shown["state"] == "issued"
    wish = shown["cancellation"]
    assert (wish["state"], wish["refusal_code"]) == ("failed", "document-damaged")
