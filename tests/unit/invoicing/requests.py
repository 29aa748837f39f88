"""Files as other practice software writes them: generalInvoiceRequest 5.0 and 4.5, invented."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

from services.invoicing.domain.numbers import qr_reference

ISSUED = "2026-02-28T10:00:00+01:00"
TIMESTAMP = "1772269200"
NUMBER = "RE-4711"
AHV = "7569217076985"
REFERENCE = "210000000003139471430009017"

_PERSON = """<i:person{title}>
          <i:familyname>{family}</i:familyname>
          <i:givenname>{given}</i:givenname>
          <i:postal>
            <i:street>Rue Haute 2</i:street>
            <i:zip>1020</i:zip>
            <i:city>Renens</i:city>
          </i:postal>
        </i:person>"""
_COMPANY = """<i:company>
            <i:companyname>{name}</i:companyname>
            <i:postal><i:zip>1003</i:zip><i:city>Lausanne</i:city></i:postal>
          </i:company>"""
_BALANCE = """<i:balance currency="CHF" amount="120.00" amount_reminder="0"
            amount_prepaid="20.00" amount_due="100.00">
          <i:vat vat="0"><i:vat_rate vat_rate="0" amount="120.00" vat="0"/></i:vat>
        </i:balance>"""
_SERVICES = """<i:services>
        <i:service record_id="1" tariff_type="222" code="SAMPLE.1" name="Prestation (fictive)"
          quantity="1" date_begin="2026-02-27T00:00:00" provider_id="7601000000026"
          responsible_id="7601000000026" unit="50" unit_factor="1.20" amount="60.00"/>
        <i:service record_id="2" tariff_type="222" code="SAMPLE.2" name="Prestation (fictive)"
          quantity="2" date_begin="2026-02-27T00:00:00" provider_id="7601000000026"
          responsible_id="7601000000026" unit="25" unit_factor="1.20" amount="60"/>
      </i:services>"""
_HEAD = f"""<i:invoice request_timestamp="{TIMESTAMP}" request_date="{ISSUED}"
      request_id="{NUMBER}"/>
    <i:body role="dentist" place="practice">
      <i:prolog><i:generator name="other-software" version="7"/></i:prolog>"""
_PROVIDER = _PERSON.format(title=' title="Dr"', family="Praticien", given="Alix")
_PATIENT = _PERSON.format(title="", family="Exemple", given="Jeanne")
_PRACTICE = _COMPANY.format(name="Cabinet Exemple SA")
_FACTOR = _COMPANY.format(name="Caisse Exemple SA")

REQUEST_500 = f"""<?xml version="1.0" encoding="UTF-8"?>
<i:request xmlns:i="http://www.forum-datenaustausch.ch/invoice" language="fr" modus="production"
    guid="0123456789abcdef0123456789abcdef">
  <i:processing>
    <i:transport from="7601000000019" to="2006666666008">
      <i:via via="7601000000040" sequence_id="1"/>
    </i:transport>
  </i:processing>
  <i:payload request_type="invoice" request_subtype="normal">
    {_HEAD}
      <i:tiers_garant>
        <i:billers><i:biller_gln gln="7601000000019">{_PRACTICE}</i:biller_gln></i:billers>
        <i:debitor gln="2000000000008">{_PATIENT}</i:debitor>
        <i:providers>
          <i:provider_gln gln="7601000000026" gln_location="7601000000019">
          {_PROVIDER}
          </i:provider_gln>
        </i:providers>
        <i:patient gender="female" sex="female" birthdate="1980-05-01" ssn="{AHV}">
        {_PATIENT}
        </i:patient>
        <i:guarantor>
        {_PATIENT}
        </i:guarantor>
        <i:partners/>
        {_BALANCE}
      </i:tiers_garant>
      <i:esrQR iban="CH4431999123000889012" reference_number="{REFERENCE}" payment_period="P30D">
        <i:creditor>{_FACTOR}</i:creditor>
      </i:esrQR>
      <i:law type="ORG"/>
      <i:treatment date_begin="2026-02-27" date_end="2026-02-27" canton="VD" reason="disease"/>
      {_SERVICES}
    </i:body>
  </i:payload>
</i:request>
"""
REQUEST_450 = f"""<?xml version="1.0" encoding="UTF-8"?>
<i:request xmlns:i="http://www.forum-datenaustausch.ch/invoice" language="fr" modus="production">
  <i:processing>
    <i:transport from="7601000000019" to="2000000000008">
      <i:via via="7601000000040" sequence_id="1"/>
    </i:transport>
  </i:processing>
  <i:payload type="invoice" storno="false" copy="false">
    {_HEAD}
      <i:tiers_garant payment_period="P30D">
        <i:biller ean_party="7601000000019">{_PRACTICE}</i:biller>
        <i:debitor ean_party="2000000000008">{_PATIENT}</i:debitor>
        <i:provider ean_party="7601000000026" zsr="X000001">{_PROVIDER}</i:provider>
        <i:patient gender="female" birthdate="1980-05-01T00:00:00" ssn="{AHV}">
        {_PATIENT}
        </i:patient>
        <i:guarantor>
        {_PATIENT}
        </i:guarantor>
        {_BALANCE}
      </i:tiers_garant>
      <i:esrQR iban="CH4431999123000889012" reference_number="{REFERENCE}">
        <i:bank>{_FACTOR}</i:bank>
        <i:creditor>{_FACTOR}</i:creditor>
      </i:esrQR>
      <i:org/>
      <i:treatment date_begin="2026-02-27T00:00:00" date_end="2026-02-27T00:00:00" canton="VD"
        reason="disease"/>
      {_SERVICES}
    </i:body>
  </i:payload>
</i:request>
"""
REQUESTS = {"5.0": REQUEST_500, "4.5": REQUEST_450}


def a_request(version: str = "5.0", /, **changes: str) -> bytes:
    """Return a file over CHF 120.00, of which 20.00 are paid; `old=new` changes are by name.

    Names: number, reference, practice (its GLN), family, given, guarantor (a family name), ssn,
    born, note (text of the first service), street, zip (of everybody).
    """
    text = REQUESTS[version]
    if (guarantor := changes.pop("guarantor", None)) is not None:
        text = text.replace(
            f"<i:guarantor>\n        {_PATIENT}",
            "<i:guarantor>" + _PERSON.format(title="", family=guarantor, given="Claude"),
        )
    words = {
        "number": NUMBER,
        "reference": REFERENCE,
        "practice": "7601000000019",
        "family": ">Exemple<",
        "given": ">Jeanne<",
        "ssn": AHV,
        "born": "1980-05-01",
        "street": "Rue Haute 2",
        "zip": ">1020<",
        "note": 'code="SAMPLE.1" name="Prestation (fictive)"',
    }
    forms = {"zip": ">{}<", "family": ">{}<", "given": ">{}<", "note": 'code="SAMPLE.1" name="{}"'}
    for name, new in changes.items():
        assert words[name] in text, name
        text = text.replace(words[name], forms.get(name, "{}").format(new))
    return text.encode()


def to_insurer(data: bytes, tiers: str = "payant", *, gln: str = "7601003000016") -> bytes:
    """Return the file as one that an insurer owes, by the UVG, all of its CHF 120.00."""
    name, address = "Assurance Exemple SA", "<i:zip>1204</i:zip><i:city>Genève</i:city>"
    insurer = (
        f"<i:company><i:companyname>{name}</i:companyname><i:postal>"
        f"<i:street>Rue du Rhône 9</i:street>{address}</i:postal></i:company>"
    )
    is_new = b"guid=" in data
    party = "gln" if is_new else "ean_party"
    allows = {"payant": ' allowModification="true"', "soldant": ' allowTS="true"'}[tiers]
    case = 'insured_id="99.1234-5" case_id="26.00017.8" case_date="2026-02-20'
    laws = f'<i:law type="UVG" {case}"/>', f'<i:uvg {case}T00:00:00"/>'
    text = data.decode()
    for old, new in (
        ("<i:tiers_garant", f"<i:tiers_{tiers}{allows if is_new else ''}"),
        ("</i:tiers_garant>", f"</i:tiers_{tiers}>"),
        (
            f'<i:debitor {party}="2000000000008">{_PATIENT}',
            f'<i:debitor {party}="{gln}">{insurer}',
        ),
        ("<i:patient ", f'<i:insurance {party}="{gln}">{insurer}</i:insurance><i:patient '),
        ('\n            amount_prepaid="20.00" amount_due="100.00"', ' amount_due="120.00"'),
        ('<i:law type="ORG"/>' if is_new else "<i:org/>", laws[0] if is_new else laws[1]),
    ):
        assert old in text, old
        text = text.replace(old, new, 1)
    return text.encode()


def changed(data: bytes, old: str, new: str) -> bytes:
    """Return the file with one text replaced; the text must be there."""
    assert old.encode() in data, old
    return data.replace(old.encode(), new.encode())


def a_zip(files: Mapping[str, bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return an archive of these files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def reference(serial: int) -> str:
    """Return a QR reference of its own."""
    return qr_reference(account_number="99", practice_gln="7601000000019", year=2026, serial=serial)
