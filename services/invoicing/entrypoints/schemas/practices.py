"""Bodies about practices, contracts and providers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, model_validator

from services.invoicing.domain.countries import HOME_COUNTRY
from services.invoicing.domain.people import Provider
from services.invoicing.domain.practice import (
    PAYMENT_ORDER,
    Address,
    Contract,
    Language,
    PortalTerms,
    Practice,
)
from services.invoicing.entrypoints.schemas.fields import (
    Canton,
    Country,
    GlnText,
    HouseNumber,
    Iban,
    LedgerAccount,
    Name,
    QrIban,
    SearchWords,
    Uid,
    Zip,
    Zsr,
)
from shared.web.endpoints import ApiModel
from shared.web.paging import Page, PageQuery

STREET_LINE_MAX = 35


class AddressBody(ApiModel):
    """A postal address; street and house number must fit on one line of 35 characters."""

    street: Name
    house_no: HouseNumber | None = None
    zip: Zip
    city: Name
    country: Country = HOME_COUNTRY

    @model_validator(mode="after")
    def _street_fits(self) -> Self:
        check_street_line(self.to_domain())
        return self

    def to_domain(self) -> Address:
        """Read the address."""
        return Address(self.street, self.house_no, self.zip, self.city, self.country)


def check_street_line(address: Address) -> None:
    """Refuse a street that does not fit on its line.

    Raises:
        ValueError: it is too long together with the house number.
    """
    if len(address.street_line or "") > STREET_LINE_MAX:
        raise ValueError(f"street and house number are longer than {STREET_LINE_MAX} characters")


def address_body(row: Any, *, prefix: str = "") -> AddressBody:
    """Write the address in a row."""
    return AddressBody(
        street=row[f"{prefix}street"],
        house_no=row[f"{prefix}house_no"],
        zip=row[f"{prefix}zip"],
        city=row[f"{prefix}city"],
        country=row[f"{prefix}country"],
    )


class PracticeRequest(ApiModel):
    """A practice to register."""

    name: Name
    address: AddressBody
    gln: GlnText
    zsr: Zsr | None = None
    uid: Uid | None = None
    canton: Canton
    language: Literal["de", "fr", "it"]
    iban: Iban
    round_to_five: Annotated[
        bool,
        Field(
            description="Whether what is to be paid, the deposit taken off, is rounded to 5 Rappen,"
            " by a line of the invoice"
        ),
    ] = False

    def to_domain(self, practice_id: UUID) -> Practice:
        """Read the practice."""
        return Practice(
            practice_id=practice_id,
            name=self.name,
            address=self.address.to_domain(),
            gln=self.gln,
            zsr=self.zsr,
            uid=self.uid,
            canton=self.canton,
            language=Language(self.language),
            iban=self.iban,
            round_to_five=self.round_to_five,
        )


class PracticeAnswer(PracticeRequest):
    """A registered practice; its ETag is the version."""

    practice_id: UUID
    version: int


class PracticePage(Page):
    """Practices of the token, by name."""

    items: list[PracticeAnswer]


def practice_answer(row: Any) -> PracticeAnswer:
    """Write a practice."""
    return PracticeAnswer(
        practice_id=row["practice_id"],
        name=row["name"],
        address=address_body(row),
        gln=row["gln"],
        zsr=row["zsr"],
        uid=row["uid"],
        canton=row["canton"],
        language=row["language"],
        iban=row["iban"],
        round_to_five=row["round_to_five"],
        version=row["version"],
    )


class PortalBody(ApiModel):
    """How orders reach the factor's portal, and the arrival clock."""

    adapter: Literal["http", "sftp", "manual"] = "http"
    arrival_check_after_seconds: Annotated[int, Field(ge=0, le=2_592_000)] = 4 * 3600
    arrival_poll_interval_seconds: Annotated[int, Field(ge=1, le=86_400)] = 15 * 60
    arrival_deadline_working_days: Annotated[int, Field(ge=1, le=30)] = 1
    deb_poll_interval_seconds: Annotated[int, Field(ge=1, le=86_400)] = 3600
    deb_layout: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")] = "quittance-v1"


def _each_once(components: tuple[str, ...]) -> tuple[str, ...]:
    if sorted(components) != sorted(PAYMENT_ORDER):
        raise ValueError(f"must name each of {', '.join(PAYMENT_ORDER)} once")
    return components


PaymentOrder = Annotated[
    tuple[Literal["costs", "interest", "reminder_fees", "principal"], ...],
    Field(
        min_length=4,
        max_length=4,
        description="The components of a debt in the order in which a payment settles them",
    ),
    AfterValidator(_each_once),
]


class ContractRequest(ApiModel):
    """A factoring contract to add to a practice."""

    factor: Annotated[str, Field(pattern=r"^[0-9A-Za-z][0-9A-Za-z ._-]{0,19}$")] = "CMD"
    factor_name: Name
    factor_address: AddressBody
    factor_gln: GlnText
    account_number: Annotated[str, Field(pattern=r"^[0-9A-Z.-]{1,20}$")]
    ledger_account: LedgerAccount = "1088"
    acquittal_label: Annotated[Name, Field(description="Text of the posting")] = "Transmis CMD"
    qr_iban: QrIban
    payout_term_days: Annotated[int, Field(ge=0, le=365)]
    payout_basis: Literal["gross", "net"] = "gross"
    reminder_fee_beneficiary: Literal["factor", "practice"] = "factor"
    payment_order: PaymentOrder = ("costs", "interest", "reminder_fees", "principal")
    loss_cover: bool = False
    acquittal: Literal["automatic", "manual"] = "automatic"
    deb_booking: Annotated[
        Literal["automatic", "review"],
        Field(description="Whether DEB files are booked by themselves or wait for a person"),
    ] = "automatic"
    invoice_format: Annotated[
        Literal["4.5", "5.0"],
        Field(description="Version of generalInvoiceRequest that the factor takes"),
    ] = "5.0"
    portal: PortalBody = PortalBody()

    def to_domain(self, practice_id: UUID, contract_id: UUID) -> Contract:
        """Read the contract."""
        return Contract(
            contract_id=contract_id,
            practice_id=practice_id,
            factor=self.factor,
            factor_name=self.factor_name,
            factor_address=self.factor_address.to_domain(),
            factor_gln=self.factor_gln,
            account_number=self.account_number,
            ledger_account=self.ledger_account,
            acquittal_label=self.acquittal_label,
            qr_iban=self.qr_iban,
            payout_term_days=self.payout_term_days,
            payout_basis=self.payout_basis,
            reminder_fee_beneficiary=self.reminder_fee_beneficiary,
            payment_order=self.payment_order,
            loss_cover=self.loss_cover,
            acquittal=self.acquittal,
            deb_booking=self.deb_booking,
            invoice_format=self.invoice_format,
            portal=PortalTerms(**self.portal.model_dump()),
        )


class ContractChangeRequest(ContractRequest):
    """All terms of a contract, as they are to be."""

    active: bool = True


class ContractAnswer(ContractRequest):
    """A contract with its present terms; its ETag is the version."""

    contract_id: UUID
    practice_id: UUID
    contract_version: int
    active: bool


class ContractQuery(PageQuery):
    """Which contracts to show."""

    active: Annotated[
        bool | None, Field(description="Only those in force, or only those that are not")
    ] = None


class ContractPage(Page):
    """Contracts of a practice."""

    items: list[ContractAnswer]


def contract_answer(row: Any) -> ContractAnswer:
    """Write a contract."""
    same_names = set(ContractRequest.model_fields) - {"factor_address", "portal"}
    portal = {name: row[name] for name in PortalBody.model_fields if name != "adapter"}
    return ContractAnswer(
        contract_id=row["contract_id"],
        practice_id=row["practice_id"],
        contract_version=row["version"],
        active=row["active"],
        factor_address=address_body(row, prefix="factor_"),
        portal=PortalBody(adapter=row["portal_adapter"], **portal),
        **{name: row[name] for name in same_names},
    )


class ProviderRequest(ApiModel):
    """A person who treats patients in the practice."""

    gln: GlnText
    zsr: Zsr | None = None
    title: Name | None = None
    family_name: Name
    given_name: Name

    def to_domain(self, practice_id: UUID, provider_id: UUID) -> Provider:
        """Read the provider."""
        return Provider(
            provider_id=provider_id,
            practice_id=practice_id,
            gln=self.gln,
            zsr=self.zsr,
            title=self.title,
            family_name=self.family_name,
            given_name=self.given_name,
        )


class ProviderAnswer(ProviderRequest):
    """A provider of the practice; the ETag is the version."""

    provider_id: UUID
    version: int


class ProviderQuery(PageQuery):
    """Which providers to show."""

    text: Annotated[
        SearchWords | None,
        Field(description="Each word begins a name or the GLN; case and accents do not matter"),
    ] = None


class ProviderPage(Page):
    """Providers of a practice, by GLN."""

    items: list[ProviderAnswer]


def provider_answer(row: Any) -> ProviderAnswer:
    """Write a provider."""
    return ProviderAnswer(
        provider_id=row["provider_id"],
        version=row["version"],
        gln=row["gln"],
        zsr=row["zsr"],
        title=row["title"],
        family_name=row["family_name"],
        given_name=row["given_name"],
    )
