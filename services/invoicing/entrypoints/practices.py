"""HTTP handlers about practices, contracts and providers."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from services.invoicing.entrypoints.desk import Desk, added, edited, only, shown
from services.invoicing.entrypoints.schemas.practices import (
    ContractChangeRequest,
    ContractPage,
    ContractQuery,
    ContractRequest,
    PracticePage,
    PracticeRequest,
    ProviderPage,
    ProviderQuery,
    ProviderRequest,
    contract_answer,
    practice_answer,
    provider_answer,
)
from services.invoicing.handlers.add_contract import AddContract, add_contract
from services.invoicing.handlers.add_provider import AddProvider, add_provider
from services.invoicing.handlers.change_contract import ChangeContract, change_contract
from services.invoicing.handlers.change_practice import ChangePractice, change_practice
from services.invoicing.handlers.change_provider import ChangeProvider, change_provider
from services.invoicing.handlers.register_practice import RegisterPractice, register_practice
from services.invoicing.views import practices as views
from shared.kernel.ids import new_id
from shared.web.changes import Changed, between, changed_all
from shared.web.endpoints import Call, Reply
from shared.web.paging import PageQuery, Totals, cursor, read_cursor, split_page
from shared.web.totals import totals_of


class PracticeOperations:
    """The operations on practices and what belongs to them directly."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def register(self, call: Call) -> Changed:
        """Register a practice."""
        practice = call.body_as(PracticeRequest).to_domain(new_id())
        async with self._desk.unit_of_work(call.connection) as uow:
            await register_practice(RegisterPractice(practice), uow, clock=self._desk.clock)
        reply = await self._practice(call, practice.practice_id)
        new = between(None, shown(reply), practice_id=practice.practice_id)
        return changed_all(reply, [new])

    async def show(self, call: Call) -> Reply:
        """Show one practice."""
        return await self._practice(call, call.practice_id)

    async def list(self, call: Call) -> Reply:
        """List the practices of the token."""
        query = call.query_as(PageQuery)
        after = read_cursor(query.after, str, UUID)
        rows = await views.practices(call.connection, limit=query.limit + 1, after=after)
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["name"], page[-1]["practice_id"]) if more else None
        totals = await totals_of(
            call.connection, query, Totals, views.PRACTICES, {"practice_id": None}
        )
        items = [practice_answer(row) for row in page]
        return Reply(PracticePage(items=items, next=following, totals=totals))

    async def add_contract(self, call: Call) -> Changed:
        """Add a factoring contract."""
        contract = call.body_as(ContractRequest).to_domain(call.practice_id, new_id())
        async with self._desk.unit_of_work(call.connection) as uow:
            await add_contract(AddContract(contract), uow)
        return added(await self._contract(call, contract.contract_id))

    async def show_contract(self, call: Call) -> Reply:
        """Show one contract."""
        return await self._contract(call, call.path_id("contract_id"))

    async def list_contracts(self, call: Call) -> Reply:
        """List the practice's contracts."""
        query = call.query_as(ContractQuery)
        (after,) = read_cursor(query.after, UUID) or (None,)
        rows = await views.contracts(
            call.connection,
            call.practice_id,
            limit=query.limit + 1,
            active=query.active,
            after=after,
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["contract_id"]) if more else None
        wanted = {
            "practice_id": call.practice_id,
            "contract_id": None,
            "active": query.active,
        }
        totals = await totals_of(call.connection, query, Totals, views.CONTRACTS, wanted)
        items = [contract_answer(row) for row in page]
        return Reply(ContractPage(items=items, next=following, totals=totals))

    async def change(self, call: Call) -> Changed:
        """Change a practice that nobody has changed since it was read."""
        practice = call.body_as(PracticeRequest).to_domain(call.practice_id)
        before = await self._practice(call, call.practice_id)
        async with self._desk.unit_of_work(call.connection) as uow:
            await change_practice(ChangePractice(practice, call.if_match or ""), uow)
        return edited(await self._practice(call, call.practice_id), before)

    async def change_contract(self, call: Call) -> Changed:
        """Change the terms of a contract that nobody has changed since it was read."""
        contract_id = call.path_id("contract_id")
        body = call.body_as(ContractChangeRequest)
        contract = replace(body.to_domain(call.practice_id, contract_id), active=body.active)
        before = await self._contract(call, contract_id)
        async with self._desk.unit_of_work(call.connection) as uow:
            await change_contract(ChangeContract(contract, call.if_match or ""), uow)
        return edited(await self._contract(call, contract_id), before)

    async def add_provider(self, call: Call) -> Changed:
        """Add a provider."""
        provider = call.body_as(ProviderRequest).to_domain(call.practice_id, new_id())
        async with self._desk.unit_of_work(call.connection) as uow:
            await add_provider(AddProvider(provider), uow)
        return added(await self._provider(call, provider.provider_id))

    async def show_provider(self, call: Call) -> Reply:
        """Show one provider."""
        return await self._provider(call, call.path_id("provider_id"))

    async def change_provider(self, call: Call) -> Changed:
        """Change a provider whom nobody has changed since the data were read."""
        provider_id = call.path_id("provider_id")
        provider = call.body_as(ProviderRequest).to_domain(call.practice_id, provider_id)
        before = await self._provider(call, provider_id)
        async with self._desk.unit_of_work(call.connection) as uow:
            await change_provider(ChangeProvider(provider, call.if_match or ""), uow)
        return edited(await self._provider(call, provider_id), before)

    async def list_providers(self, call: Call) -> Reply:
        """List the practice's providers."""
        query = call.query_as(ProviderQuery)
        words = (query.text or "").split()
        (after,) = read_cursor(query.after, str) or (None,)
        rows = await views.providers(
            call.connection, call.practice_id, limit=query.limit + 1, words=words, after=after
        )
        page, more = split_page(rows, query.limit)
        following = cursor(page[-1]["gln"]) if more else None
        wanted = {"practice_id": call.practice_id, "provider_id": None, "words": words}
        totals = await totals_of(call.connection, query, Totals, views.PROVIDERS, wanted)
        items = [provider_answer(row) for row in page]
        return Reply(ProviderPage(items=items, next=following, totals=totals))

    async def _practice(self, call: Call, practice_id: UUID) -> Reply:
        rows = await views.practices(call.connection, limit=1, practice_id=practice_id)
        row = only(rows, code="practice-not-found", what="practice")
        return Reply(practice_answer(row), headers={"ETag": f'"{row["version"]}"'})

    async def _provider(self, call: Call, provider_id: UUID) -> Reply:
        rows = await views.providers(
            call.connection, call.practice_id, limit=1, provider_id=provider_id
        )
        row = only(rows, code="provider-not-found", what="provider")
        return Reply(provider_answer(row), headers={"ETag": f'"{row["version"]}"'})

    async def _contract(self, call: Call, contract_id: UUID) -> Reply:
        rows = await views.contracts(
            call.connection, call.practice_id, limit=1, contract_id=contract_id
        )
        row = only(rows, code="contract-not-found", what="contract")
        return Reply(contract_answer(row), headers={"ETag": f'"{row["version"]}"'})
