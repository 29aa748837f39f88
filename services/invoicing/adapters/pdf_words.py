"""The words on a printed invoice or credit note, in the languages of the patients."""

from __future__ import annotations

from dataclasses import dataclass

from services.invoicing.domain.insurance import Law
from services.invoicing.domain.practice import Language


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one language."""

    invoice: str
    cancelled: str
    date: str
    due: str
    patient: str
    born: str
    provider: str
    tariff: str
    code: str
    text: str
    tooth: str
    quantity: str
    points: str
    value: str
    amount: str
    total: str
    deposit: str
    to_pay: str
    vat: str
    vat_number: str
    page: str
    thanks: str
    case_number: str
    case_date: str
    insured_number: str
    laws: dict[Law, str]
    credit_note: str
    on_invoice: str
    in_favour: str


WORDS: dict[Language, Words] = {
    Language.FRENCH: Words(
        invoice="Facture",
        cancelled="ANNULÉE",
        date="Date",
        due="Payable jusqu'au",
        patient="Patient",
        born="né(e) le",
        provider="Traitement par",
        tariff="Tarif",
        code="Code",
        text="Prestation",
        tooth="Dent",
        quantity="Qté",
        points="Points",
        value="Val. pt",
        amount="CHF",
        total="Total",
        deposit="Acompte reçu",
        to_pay="À payer",
        vat="dont TVA",
        vat_number="No TVA",
        page="Page",
        thanks="Merci de régler cette facture au moyen du bulletin ci-dessous.",
        case_number="cas n°",
        case_date="du",
        insured_number="Assuré(e) n°",
        laws={
            Law.KVG: "LAMal",
            Law.VVG: "LCA",
            Law.UVG: "LAA",
            Law.IVG: "LAI",
            Law.MVG: "LAM",
            Law.ORG: "CO",
        },
        credit_note="Note de crédit",
        on_invoice="sur la facture",
        in_favour="En votre faveur",
    ),
    Language.GERMAN: Words(
        invoice="Rechnung",
        cancelled="STORNIERT",
        date="Datum",
        due="Zahlbar bis",
        patient="Patient/in",
        born="geb.",
        provider="Behandlung durch",
        tariff="Tarif",
        code="Ziffer",
        text="Leistung",
        tooth="Zahn",
        quantity="Menge",
        points="TP",
        value="TP-Wert",
        amount="CHF",
        total="Total",
        deposit="Anzahlung erhalten",
        to_pay="Zu bezahlen",
        vat="davon MWST",
        vat_number="MWST-Nr.",
        page="Seite",
        thanks="Bitte bezahlen Sie diese Rechnung mit dem untenstehenden Einzahlungsschein.",
        case_number="Fall-Nr.",
        case_date="vom",
        insured_number="Versicherten-Nr.",
        laws={
            Law.KVG: "KVG",
            Law.VVG: "VVG",
            Law.UVG: "UVG",
            Law.IVG: "IVG",
            Law.MVG: "MVG",
            Law.ORG: "OR",
        },
        credit_note="Gutschrift",
        on_invoice="zur Rechnung",
        in_favour="Zu Ihren Gunsten",
    ),
    Language.ITALIAN: Words(
        invoice="Fattura",
        cancelled="ANNULLATA",
        date="Data",
        due="Pagabile entro il",
        patient="Paziente",
        born="nato/a il",
        provider="Trattamento di",
        tariff="Tariffa",
        code="Codice",
        text="Prestazione",
        tooth="Dente",
        quantity="Qtà",
        points="Punti",
        value="Val. pt",
        amount="CHF",
        total="Totale",
        deposit="Acconto ricevuto",
        to_pay="Da pagare",
        vat="di cui IVA",
        vat_number="N. IVA",
        page="Pagina",
        thanks="La preghiamo di saldare questa fattura con la polizza qui sotto.",
        case_number="caso n.",
        case_date="del",
        insured_number="Assicurato/a n.",
        laws={
            Law.KVG: "LAMal",
            Law.VVG: "LCA",
            Law.UVG: "LAINF",
            Law.IVG: "LAI",
            Law.MVG: "LAM",
            Law.ORG: "CO",
        },
        credit_note="Nota di credito",
        on_invoice="sulla fattura",
        in_favour="A suo favore",
    ),
}
