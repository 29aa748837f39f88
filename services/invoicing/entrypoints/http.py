"""The table of invoicing's HTTP API."""

from __future__ import annotations

from services.invoicing.entrypoints.corrections import standing
from services.invoicing.entrypoints.desk import Desk
from services.invoicing.entrypoints.http_changes import change_endpoints
from services.invoicing.entrypoints.http_corrections import correction_endpoints
from services.invoicing.entrypoints.imports import import_endpoints
from services.invoicing.entrypoints.invoices import InvoiceOperations
from services.invoicing.entrypoints.people import PeopleOperations
from services.invoicing.entrypoints.practices import PracticeOperations
from services.invoicing.entrypoints.schemas.insurance import INSURANCE_PROBLEMS
from services.invoicing.entrypoints.schemas.invoice_selection import (
    InvoiceQuery,
    ManyPracticesQuery,
)
from services.invoicing.entrypoints.schemas.invoices import (
    InvoiceDetailAnswer,
    InvoicePage,
    InvoiceRequest,
)
from services.invoicing.entrypoints.schemas.people import (
    PatientAnswer,
    PatientPage,
    PatientQuery,
    PatientRequest,
    TreatmentAnswer,
    TreatmentPage,
    TreatmentQuery,
    TreatmentRequest,
)
from services.invoicing.entrypoints.schemas.practices import (
    ContractAnswer,
    ContractPage,
    ContractQuery,
    ContractRequest,
    PracticeAnswer,
    PracticePage,
    PracticeRequest,
    ProviderAnswer,
    ProviderPage,
    ProviderQuery,
    ProviderRequest,
)
from shared.web.endpoints import EVERY_ROLE, WORKING_ROLES, Endpoint, UserRole
from shared.web.paging import CURSOR_PROBLEM, PageQuery

_PRACTICE = "/v1/practices/{practice_id}"


def endpoints(desk: Desk) -> list[Endpoint]:
    """Return every operation of the API."""
    return [
        *_practice_endpoints(PracticeOperations(desk)),
        *_contract_endpoints(PracticeOperations(desk)),
        *_people_endpoints(PeopleOperations(desk)),
        *_invoice_endpoints(InvoiceOperations(desk)),
        *correction_endpoints(desk),
        *import_endpoints(desk),
        *change_endpoints(desk),
    ]


def _practice_endpoints(operations: PracticeOperations) -> list[Endpoint]:
    return [
        Endpoint(
            method="POST",
            path="/v1/practices",
            operation_id="registerPractice",
            summary="Register a practice",
            handler=operations.register,
            roles=frozenset({UserRole.ADMIN, UserRole.BILLING_OFFICE}),
            request=PracticeRequest,
            response=PracticeAnswer,
            status=201,
            problem_codes=("practice-exists",),
            all_practices_only=True,
        ),
        Endpoint(
            method="GET",
            path="/v1/practices",
            operation_id="listPractices",
            summary="List the practices that the token opens",
            handler=operations.list,
            roles=EVERY_ROLE,
            query=PageQuery,
            response=PracticePage,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        Endpoint(
            method="GET",
            path=_PRACTICE,
            operation_id="showPractice",
            summary="Show a practice",
            handler=operations.show,
            roles=EVERY_ROLE,
            response=PracticeAnswer,
            problem_codes=("practice-not-found",),
        ),
        Endpoint(
            method="POST",
            path=f"{_PRACTICE}/providers",
            operation_id="addProvider",
            summary="Add a provider to the practice",
            handler=operations.add_provider,
            roles=WORKING_ROLES,
            request=ProviderRequest,
            response=ProviderAnswer,
            status=201,
            problem_codes=("practice-not-found", "provider-exists"),
        ),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/providers",
            operation_id="listProviders",
            summary="List the practice's providers",
            handler=operations.list_providers,
            roles=EVERY_ROLE,
            query=ProviderQuery,
            response=ProviderPage,
            problem_codes=(CURSOR_PROBLEM,),
        ),
    ]


def _contract_endpoints(operations: PracticeOperations) -> list[Endpoint]:
    return [
        Endpoint(
            method="POST",
            path=f"{_PRACTICE}/contracts",
            operation_id="addContract",
            summary="Add a factoring contract to the practice",
            handler=operations.add_contract,
            roles=WORKING_ROLES,
            request=ContractRequest,
            response=ContractAnswer,
            status=201,
            problem_codes=("practice-not-found", "contract-exists"),
        ),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/contracts",
            operation_id="listContracts",
            summary="List the practice's contracts",
            handler=operations.list_contracts,
            roles=EVERY_ROLE,
            query=ContractQuery,
            response=ContractPage,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/contracts/{{contract_id}}",
            operation_id="showContract",
            summary="Show a contract with its present terms",
            handler=operations.show_contract,
            roles=EVERY_ROLE,
            response=ContractAnswer,
            problem_codes=("contract-not-found",),
        ),
    ]


def _people_endpoints(operations: PeopleOperations) -> list[Endpoint]:
    return [
        Endpoint(
            method="POST",
            path=f"{_PRACTICE}/patients",
            operation_id="addPatient",
            summary="Add a patient, with a guarantor if somebody else owes",
            handler=operations.add_patient,
            roles=WORKING_ROLES,
            request=PatientRequest,
            response=PatientAnswer,
            status=201,
            problem_codes=("practice-not-found", "patient-exists", "birth-date"),
        ),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/patients",
            operation_id="listPatients",
            summary="List the practice's patients",
            handler=operations.list_patients,
            roles=EVERY_ROLE,
            query=PatientQuery,
            response=PatientPage,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/patients/{{patient_id}}",
            operation_id="showPatient",
            summary="Show a patient",
            handler=operations.show_patient,
            roles=EVERY_ROLE,
            response=PatientAnswer,
            problem_codes=("patient-not-found",),
        ),
        *_treatment_endpoints(operations),
    ]


def _treatment_endpoints(operations: PeopleOperations) -> list[Endpoint]:
    return [
        Endpoint(
            method="POST",
            path=f"{_PRACTICE}/treatments",
            operation_id="recordTreatment",
            summary="Record a treatment with its tariff positions",
            handler=operations.record_treatment,
            roles=WORKING_ROLES,
            request=TreatmentRequest,
            response=TreatmentAnswer,
            status=201,
            problem_codes=(
                "practice-not-found",
                "unknown-patient",
                "unknown-provider",
                "treatment-dates",
                "position-date",
                "unknown-code",
                "amount-too-large",
            ),
        ),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/treatments",
            operation_id="listTreatments",
            summary="List treatments of the practice, of a patient or in a state",
            handler=operations.list_treatments,
            roles=EVERY_ROLE,
            query=TreatmentQuery,
            response=TreatmentPage,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/treatments/{{treatment_id}}",
            operation_id="showTreatment",
            summary="Show a treatment",
            handler=operations.show_treatment,
            roles=EVERY_ROLE,
            response=TreatmentAnswer,
            problem_codes=("treatment-not-found",),
        ),
    ]


def _invoice_endpoints(operations: InvoiceOperations) -> list[Endpoint]:
    return [
        Endpoint(
            method="POST",
            path=f"{_PRACTICE}/invoices",
            operation_id="issueInvoice",
            summary="Bill treatments of one patient",
            handler=operations.issue,
            roles=WORKING_ROLES,
            request=InvoiceRequest,
            response=InvoiceDetailAnswer,
            status=201,
            problem_codes=(
                "practice-not-found",
                "unknown-treatment",
                "unknown-contract",
                "treatment-billed",
                "reference-taken",
                "several-patients",
                "several-reasons",
                "too-many-positions",
                "amount-too-large",
                "deposit-too-large",
                "deposit-with-insurer",
                *INSURANCE_PROBLEMS,
                "uid-missing",
                "document-invalid",
                "document-not-valid",
            ),
        ),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/invoices",
            operation_id="listInvoices",
            summary="List invoices, with count and sums of the whole selection",
            handler=operations.list,
            roles=EVERY_ROLE,
            query=InvoiceQuery,
            response=InvoicePage,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        Endpoint(
            method="GET",
            path="/v1/invoices",
            operation_id="listInvoicesOfPractices",
            summary="List invoices of several practices, with count and sums of the selection",
            handler=operations.list_all,
            roles=EVERY_ROLE,
            query=ManyPracticesQuery,
            response=InvoicePage,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        *_one_invoice_endpoints(operations),
    ]


def _one_invoice_endpoints(operations: InvoiceOperations) -> list[Endpoint]:
    one = f"{_PRACTICE}/invoices/{{invoice_id}}"
    return [
        Endpoint(
            method="GET",
            path=one,
            operation_id="showInvoice",
            summary="Show an invoice as it stands, with its history",
            handler=operations.show,
            roles=EVERY_ROLE,
            response=InvoiceDetailAnswer,
            problem_codes=("invoice-not-found",),
            holds=standing,
        ),
        Endpoint(
            method="GET",
            path=f"{one}/document",
            operation_id="downloadInvoiceDocument",
            summary="Download the invoice's document (generalInvoiceRequest 5.0 or 4.5)",
            handler=operations.document,
            roles=EVERY_ROLE,
            response_media_type="application/xml",
            problem_codes=("invoice-not-found",),
        ),
    ]
