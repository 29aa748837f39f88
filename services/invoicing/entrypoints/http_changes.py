"""The part of invoicing's API table about edits, and about price lists."""

from __future__ import annotations

from services.invoicing.entrypoints.desk import Desk
from services.invoicing.entrypoints.people import PeopleOperations
from services.invoicing.entrypoints.practices import PracticeOperations
from services.invoicing.entrypoints.prices import PriceOperations
from services.invoicing.entrypoints.schemas.people import PatientAnswer, PatientRequest
from services.invoicing.entrypoints.schemas.practices import (
    ContractAnswer,
    ContractChangeRequest,
    PracticeAnswer,
    PracticeRequest,
    ProviderAnswer,
    ProviderRequest,
)
from services.invoicing.entrypoints.schemas.prices import (
    PriceLinePage,
    PriceListAnswer,
    PriceListPage,
    PriceListQuery,
    PriceListsQuery,
)
from shared.web.endpoints import EVERY_ROLE, WORKING_ROLES, Endpoint
from shared.web.paging import CURSOR_PROBLEM, PageQuery

_PRACTICE = "/v1/practices/{practice_id}"
_PRICE_LISTS = f"{_PRACTICE}/price-lists"
_CSV_BYTES_MAX = 4 * 1_048_576


def change_endpoints(desk: Desk) -> list[Endpoint]:
    """Return the operations that change what everything else rests on."""
    return [
        *_edits(PracticeOperations(desk)),
        _patient_edit(PeopleOperations(desk)),
        *_prices(PriceOperations(desk)),
    ]


def _edits(operations: PracticeOperations) -> list[Endpoint]:
    return [
        Endpoint(
            method="PUT",
            path=_PRACTICE,
            operation_id="changePractice",
            summary="Change a practice's own data",
            handler=operations.change,
            roles=WORKING_ROLES,
            request=PracticeRequest,
            response=PracticeAnswer,
            conditional=True,
            problem_codes=("practice-not-found", "changed-meanwhile", "fixed-field"),
        ),
        Endpoint(
            method="PUT",
            path=f"{_PRACTICE}/contracts/{{contract_id}}",
            operation_id="changeContract",
            summary="Change the terms of a contract",
            handler=operations.change_contract,
            roles=WORKING_ROLES,
            request=ContractChangeRequest,
            response=ContractAnswer,
            conditional=True,
            problem_codes=("contract-not-found", "changed-meanwhile", "contract-exists"),
        ),
        Endpoint(
            method="GET",
            path=f"{_PRACTICE}/providers/{{provider_id}}",
            operation_id="showProvider",
            summary="Show a provider",
            handler=operations.show_provider,
            roles=EVERY_ROLE,
            response=ProviderAnswer,
            problem_codes=("provider-not-found",),
        ),
        Endpoint(
            method="PUT",
            path=f"{_PRACTICE}/providers/{{provider_id}}",
            operation_id="changeProvider",
            summary="Change what is known of a provider; issued invoices stay as they are",
            handler=operations.change_provider,
            roles=WORKING_ROLES,
            request=ProviderRequest,
            response=ProviderAnswer,
            conditional=True,
            problem_codes=("provider-not-found", "changed-meanwhile", "provider-exists"),
        ),
    ]


def _patient_edit(operations: PeopleOperations) -> Endpoint:
    return Endpoint(
        method="PUT",
        path=f"{_PRACTICE}/patients/{{patient_id}}",
        operation_id="changePatient",
        summary="Change what is known of a patient; issued invoices stay as they are",
        handler=operations.change_patient,
        roles=WORKING_ROLES,
        request=PatientRequest,
        response=PatientAnswer,
        conditional=True,
        problem_codes=("patient-not-found", "changed-meanwhile", "fixed-field", "birth-date"),
    )


def _prices(operations: PriceOperations) -> list[Endpoint]:
    return [
        Endpoint(
            method="POST",
            path=_PRICE_LISTS,
            operation_id="loadPriceList",
            summary="Load a tariff's price list from a CSV file",
            handler=operations.load,
            roles=WORKING_ROLES,
            query=PriceListQuery,
            response=PriceListAnswer,
            status=201,
            request_media_type="text/csv",
            max_body_bytes=_CSV_BYTES_MAX,
            problem_codes=(
                "practice-not-found",
                "price-list-days",
                "no-price-table",
                "price-list-faults",
                "price-list-exists",
            ),
        ),
        Endpoint(
            method="GET",
            path=_PRICE_LISTS,
            operation_id="listPriceLists",
            summary="List the practice's price lists",
            handler=operations.list,
            roles=EVERY_ROLE,
            query=PriceListsQuery,
            response=PriceListPage,
            problem_codes=(CURSOR_PROBLEM,),
        ),
        *_one_price_list(operations),
    ]


def _one_price_list(operations: PriceOperations) -> list[Endpoint]:
    return [
        Endpoint(
            method="GET",
            path=f"{_PRICE_LISTS}/{{price_list_id}}",
            operation_id="showPriceList",
            summary="Show a price list, without its lines",
            handler=operations.show,
            roles=EVERY_ROLE,
            response=PriceListAnswer,
            problem_codes=("price-list-not-found",),
        ),
        Endpoint(
            method="PUT",
            path=f"{_PRICE_LISTS}/{{price_list_id}}",
            operation_id="changePriceList",
            summary="Correct or end a price list; an empty file leaves its lines, and what was"
            " recorded keeps its prices",
            handler=operations.change,
            roles=WORKING_ROLES,
            query=PriceListQuery,
            response=PriceListAnswer,
            request_media_type="text/csv",
            max_body_bytes=_CSV_BYTES_MAX,
            conditional=True,
            problem_codes=(
                "price-list-not-found",
                "changed-meanwhile",
                "fixed-field",
                "price-list-days",
                "no-price-table",
                "price-list-faults",
            ),
        ),
        Endpoint(
            method="GET",
            path=f"{_PRICE_LISTS}/{{price_list_id}}/lines",
            operation_id="listPriceLines",
            summary="List the lines of a price list",
            handler=operations.lines,
            roles=EVERY_ROLE,
            query=PageQuery,
            response=PriceLinePage,
            problem_codes=("price-list-not-found", CURSOR_PROBLEM),
        ),
    ]
