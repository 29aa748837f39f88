"""Invented order packages and portals for the tests of the portal's stand-in."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.debident.portal import Portal
from sandbox.debident.settings import PortalSettings
from sandbox.debident.stored_file import StoredFile
from sandbox.debident.terms import AccountTerms, ClientRegistration

ACCOUNT = "CMD-4711"
ORDER_ID = "6d6b1f0e-54b5-4b9e-9a3e-0c7a4a1f0001"
MONDAY = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)


def an_invoice(number: str = "2026-000001", amount: str = "120.00") -> dict[str, Any]:
    """Return a manifest line without its file and hash."""
    return {
        "invoice_number": number,
        "debtor_number": "10001",
        "amount": {"amount": amount, "currency": "CHF"},
    }


def with_credit_notes(manifest: dict[str, Any], *numbers: str) -> dict[str, Any]:
    """Return the manifest with credit notes of CHF 20.00 on an invoice of an earlier order."""
    notes = [
        {
            "file": f"credit-notes/{place:06d}.xml",
            "credit_note_number": number,
            "invoice_number": "2025-000009",
            "debtor_number": "10001",
            "amount": {"amount": "20.00", "currency": "CHF"},
            "sha256": hashlib.sha256(_credit_note(number)).hexdigest(),
        }
        for place, number in enumerate(numbers, start=1)
    ]
    return {**manifest, "credit_notes": notes}


def _credit_note(number: str) -> bytes:
    return f"<credit-note>{number}</credit-note>".encode()


def a_manifest(
    *invoices: dict[str, Any], order_id: str = ORDER_ID, account: str = ACCOUNT, **changes: object
) -> dict[str, Any]:
    """Return a manifest that fits the files of `a_package`."""
    chosen = invoices or (an_invoice(),)
    rappen = sum(int(line["amount"]["amount"].replace(".", "")) for line in chosen)
    lines = [
        {
            **line,
            "file": f"invoices/{place:06d}.xml",
            "sha256": hashlib.sha256(_document(line)).hexdigest(),
        }
        for place, line in enumerate(chosen, start=1)
    ]
    return {
        "format": "quittance-order/1",
        "order_id": order_id,
        "order_number": "CMD-2026-0001",
        "practice": {"practice_id": "0", "gln": "7601000000019"},
        "contract": {"contract_id": "0", "factor": "CMD", "account_number": account},
        "communication": "",
        "invoice_count": len(lines),
        "total": {"amount": f"{rappen // 100}.{rappen % 100:02d}", "currency": "CHF"},
        "invoices": lines,
        **changes,
    }


def _document(line: Mapping[str, Any]) -> bytes:
    return f"<invoice>{line['invoice_number']}</invoice>".encode()


def a_package(
    manifest: dict[str, Any] | None = None, extra_files: Mapping[str, bytes] | None = None
) -> bytes:
    """Return the ZIP of a manifest, with further files by name."""
    chosen = manifest or a_manifest()
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", json.dumps(chosen))
        for line in chosen["invoices"]:
            archive.writestr(line["file"], _document(line))
        for note in chosen.get("credit_notes", []):
            archive.writestr(note["file"], _credit_note(note["credit_note_number"]))
        for name, content in (extra_files or {}).items():
            archive.writestr(name, content)
    return data.getvalue()


@dataclass(slots=True)
class RealTime:
    """A world's time that stands still until it is moved."""

    at: datetime = MONDAY

    def __call__(self) -> datetime:
        """Return the time."""
        return self.at

    def pass_by(self, **span: float) -> None:
        """Move on."""
        self.at += timedelta(**span)


@dataclass(slots=True)
class PortalHome:
    """A state folder and a time, from which portals can be started again and again."""

    folder: Path
    real: RealTime = field(default_factory=RealTime)

    def start(self, **changes: Any) -> Portal:
        """Start a portal on this state."""
        settings = {"deb_every_days": 0, "admin_secret": "geheim", **changes}
        return Portal(PortalSettings(state_dir=self.folder, **settings), real=self.real)


def a_registration(account: str = ACCOUNT, **terms: Any) -> ClientRegistration:
    """Return a client of an account."""
    return ClientRegistration(
        client_id=f"client-of-{account}",
        client_secret="s3cret",
        account_number=account,
        terms=AccountTerms(**terms),
    )


StartsPortal = Callable[..., Portal]


def bytes_of(file: StoredFile | None) -> bytes:
    """Return a DEB file that is there, whole."""
    assert file is not None
    return file.piece(0, file.size)
