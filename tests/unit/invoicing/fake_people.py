"""Practices and patients in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from services.invoicing.domain.people import Patient, Provider
from services.invoicing.domain.practice import Contract, Practice


class FakePractices:
    """Practices, contracts and providers in memory."""

    def __init__(self) -> None:
        self.by_id: dict[UUID, Practice] = {}
        self.contracts: dict[UUID, Contract] = {}
        self.people: dict[UUID, Provider] = {}

    async def add(self, practice: Practice) -> bool:
        if any(one.gln == practice.gln for one in self.by_id.values()):
            return False
        self.by_id[practice.practice_id] = practice
        return True

    async def get(self, practice_id: UUID) -> Practice | None:
        return self.by_id.get(practice_id)

    async def lock(self, practice_id: UUID) -> Practice | None:
        return self.by_id.get(practice_id)

    async def change(self, changed: Practice) -> None:
        self.by_id[changed.practice_id] = changed

    async def lock_contract(self, practice_id: UUID, contract_id: UUID) -> Contract | None:
        return await self.contract(practice_id, contract_id)

    async def change_contract(self, changed: Contract) -> bool:
        self.contracts[changed.contract_id] = changed
        return True

    async def add_contract(self, contract: Contract) -> bool:
        def key(one: Contract) -> tuple[object, ...]:
            return one.practice_id, one.factor_gln, one.account_number

        if key(contract) in {key(one) for one in self.contracts.values()}:
            return False
        self.contracts[contract.contract_id] = contract
        return True

    async def contract(self, practice_id: UUID, contract_id: UUID) -> Contract | None:
        found = self.contracts.get(contract_id)
        return found if found and found.practice_id == practice_id else None

    async def contracts_of(self, practice_id: UUID) -> Sequence[Contract]:
        return [one for one in self.contracts.values() if one.practice_id == practice_id]

    async def add_provider(self, provider: Provider) -> bool:
        taken = {(one.practice_id, one.gln) for one in self.people.values()}
        if (provider.practice_id, provider.gln) in taken:
            return False
        self.people[provider.provider_id] = provider
        return True

    async def lock_provider(self, practice_id: UUID, provider_id: UUID) -> Provider | None:
        return (await self.providers(practice_id, [provider_id])).get(provider_id)

    async def change_provider(self, changed: Provider) -> bool:
        del self.people[changed.provider_id]
        return await self.add_provider(changed)

    async def providers_by_gln(
        self, practice_id: UUID, glns: Collection[str]
    ) -> dict[str, Provider]:
        return {
            one.gln: one
            for one in self.people.values()
            if one.practice_id == practice_id and one.gln in glns
        }

    async def providers(
        self, practice_id: UUID, provider_ids: Collection[UUID]
    ) -> dict[UUID, Provider]:
        return {
            one: self.people[one]
            for one in provider_ids
            if one in self.people and self.people[one].practice_id == practice_id
        }


class FakePatients:
    """Patients in memory."""

    def __init__(self) -> None:
        self.by_id: dict[UUID, Patient] = {}

    async def add(self, patient: Patient) -> bool:
        taken = {(one.practice_id, one.patient_number) for one in self.by_id.values()}
        if (patient.practice_id, patient.patient_number) in taken:
            return False
        self.by_id[patient.patient_id] = patient
        return True

    async def get(self, practice_id: UUID, patient_id: UUID) -> Patient | None:
        found = self.by_id.get(patient_id)
        return found if found and found.practice_id == practice_id else None

    async def add_many(self, patients: Sequence[Patient]) -> None:
        for patient in patients:
            assert await self.add(patient)

    async def among(
        self,
        practice_id: UUID,
        *,
        ssns: Collection[str],
        birth_dates: Collection[date],
        numbers: Collection[str],
    ) -> list[Patient]:
        return [
            one
            for one in self.by_id.values()
            if one.practice_id == practice_id
            and (one.ssn in ssns or one.birth_date in birth_dates or one.patient_number in numbers)
        ]
