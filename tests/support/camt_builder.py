"""Writes camt.054 and camt.053 files for tests, after the Swiss implementation guidelines."""

from __future__ import annotations

from dataclasses import dataclass

IBAN = "CH9300762011623852957"
FACTOR_IBAN = "CH5604835012345678009"


@dataclass(frozen=True)
class Part:
    """One transaction of a batch."""

    amount: str
    end_to_end: str | None = None
    reference: str | None = None
    text: str | None = None
    payer: str | None = None

    def xml(self) -> str:
        """Return the TxDtls."""
        refs = f"<Refs><EndToEndId>{self.end_to_end}</EndToEndId></Refs>" if self.end_to_end else ""
        account = f"<DbtrAcct><Id><IBAN>{self.payer}</IBAN></Id></DbtrAcct>" if self.payer else ""
        strd = (
            f"<Strd><CdtrRefInf><Ref>{self.reference}</Ref></CdtrRefInf></Strd>"
            if self.reference
            else ""
        )
        free = f"<Ustrd>{self.text}</Ustrd>" if self.text else ""
        return (
            f'<TxDtls>{refs}<Amt Ccy="CHF">{self.amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
            f"<RltdPties>{account}</RltdPties><RmtInf>{free}{strd}</RmtInf></TxDtls>"
        )


@dataclass(frozen=True)
class Entry:
    """One Ntry; without parts it is a lump."""

    amount: str
    parts: tuple[Part, ...] = ()
    bank_reference: str | None = "ASR-1"
    day: str = "2026-04-02"
    direction: str = "CRDT"
    currency: str = "CHF"
    status: str = "<Cd>BOOK</Cd>"

    def xml(self) -> str:
        """Return the Ntry."""
        own = f"<AcctSvcrRef>{self.bank_reference}</AcctSvcrRef>" if self.bank_reference else ""
        details = "".join(part.xml() for part in self.parts)
        details = f"<NtryDtls>{details}</NtryDtls>" if details else ""
        return (
            f'<Ntry><Amt Ccy="{self.currency}">{self.amount}</Amt>'
            f"<CdtDbtInd>{self.direction}</CdtDbtInd><Sts>{self.status}</Sts>"
            f"<BookgDt><Dt>{self.day}</Dt></BookgDt><ValDt><Dt>{self.day}</Dt></ValDt>"
            f"{own}{details}</Ntry>"
        )


def camt(
    *entries: Entry, kind: str = "054", message: str = "MSG-1", iban: str = IBAN, version: int = 8
) -> bytes:
    """Return a file with one notification (054) or statement (053)."""
    root, part = {
        "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
        "053": ("BkToCstmrStmt", "Stmt"),
    }[kind]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.{kind}.001.{version:02d}"><{root}>'
        f"<GrpHdr><MsgId>{message}</MsgId></GrpHdr><{part}><Id>{message}-1</Id>"
        f"<Acct><Id><IBAN>{iban}</IBAN></Id></Acct>{''.join(entry.xml() for entry in entries)}"
        f"</{part}></{root}></Document>"
    ).encode()
