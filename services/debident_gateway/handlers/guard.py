"""Asks the circuits before a call whether it may be made, and tells them afterwards how it went.

The circuits are rows, so all processes share them. The portal's is asked before the account's,
always in this order, so that two workers never wait for each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.debident_gateway.domain.circuit import (
    ANSWERED,
    Circuit,
    CircuitScope,
    Outage,
    blamed,
)
from services.debident_gateway.domain.events import PortalIsReachable, PortalIsUnreachable
from services.debident_gateway.domain.model import PortalAddress
from services.debident_gateway.domain.schedule import DispatchPolicy
from services.debident_gateway.ports import UnitOfWork, UnitsOfWork
from shared.kernel.clock import Clock
from shared.kernel.ids import new_id


@dataclass(frozen=True, slots=True)
class Admission:
    """Whether a call may be made.

    Attributes:
        at: the portal that it is about.
        held_until: when to try again; None: it may be made now.
        probes: the circuits that this call decides.
    """

    at: PortalAddress
    practice_id: UUID
    held_until: datetime | None = None
    probes: frozenset[CircuitScope] = frozenset()


async def admit(
    at: PortalAddress, practice_id: UUID, uow: UnitOfWork, *, now: datetime, policy: DispatchPolicy
) -> Admission:
    """Ask for one call of a practice; of an open circuit one caller at a time becomes the probe."""
    due: list[Circuit] = []
    for seen in await uow.circuits.of(at, practice_id):
        if not seen.is_open:
            continue
        circuit = await uow.circuits.lock(at, seen.practice_id)
        until = circuit.held_until(now)
        if until is not None:
            return Admission(at, practice_id, held_until=until)
        if circuit.is_open:
            due.append(circuit)
    for circuit in due:
        circuit.begin_probe(until=now + policy.lease)
        await uow.circuits.save(circuit)
    return Admission(at, practice_id, probes=frozenset(each.scope for each in due))


async def report(
    admission: Admission, code: str, units: UnitsOfWork, *, clock: Clock, policy: DispatchPolicy
) -> None:
    """Tell how a call went, in a transaction of its own.

    Args:
        code: the reason why there was no usable answer, or ANSWERED.
    """
    async with units.begin(None) as uow:
        await let_go_of_left(admission.at, admission.practice_id, uow, now=clock.now())
        troubled = [
            each
            for each in await uow.circuits.of(admission.at, admission.practice_id)
            if not each.is_calm
        ]
        blame = blamed(code)
        if blame is not CircuitScope.PORTAL:
            await _answered(troubled, CircuitScope.PORTAL, uow, now=clock.now())
        if code == ANSWERED:
            await _answered(troubled, CircuitScope.ACCOUNT, uow, now=clock.now())
        if blame is not None:
            await _failed(admission, blame, code, uow, now=clock.now(), policy=policy)


async def let_go_of_left(
    at: PortalAddress | None, practice_id: UUID, uow: UnitOfWork, *, now: datetime
) -> None:
    """Tell a practice that outages of portals that it has left are no concern of it any more.

    Its account there is as at the beginning, should it come back. Idempotent.

    Args:
        at: where its calls go now; None: only what its contracts and credentials say counts.
    """
    outages = await uow.circuits.left(at, practice_id)
    for outage in outages:
        if outage.scope is CircuitScope.ACCOUNT:
            circuit = await uow.circuits.lock(outage.at, practice_id)
            circuit.note_answer()
            await uow.circuits.save(circuit)
        if await uow.circuits.leave(outage, practice_id, at=now):
            uow.record(_over(practice_id, outage, now=now, left=True))
    if outages and at is not None:
        await uow.circuits.release_waiting(Circuit(at, practice_id), now=now)


async def _failed(
    admission: Admission,
    blame: CircuitScope,
    code: str,
    uow: UnitOfWork,
    *,
    now: datetime,
    policy: DispatchPolicy,
) -> None:
    whose = admission.practice_id if blame is CircuitScope.ACCOUNT else None
    circuit = await uow.circuits.lock(admission.at, whose)
    opened = circuit.note_failure(
        code,
        is_probe=blame in admission.probes,
        now=now,
        failures_max=policy.circuit.failures_max,
        pause=policy.circuit.pause.delay_after,
        outage_id=new_id(),
    )
    await uow.circuits.save(circuit)
    # Who came to the portal since it fell silent is told by the next probe that fails.
    tells = opened or blame in admission.probes
    if circuit.outage_id is None or circuit.failing_since is None or not tells:
        return
    for practice_id in await uow.circuits.tell(circuit, await _concerned(circuit, uow)):
        uow.record(
            PortalIsUnreachable(
                practice_id=practice_id,
                outage_id=circuit.outage_id,
                adapter=circuit.at.adapter,
                scope=circuit.scope,
                reason_code=code,
                failures=circuit.failures,
                since=circuit.failing_since,
                next_call_at=circuit.next_probe_at or now,
                noted_at=now,
            )
        )


async def _answered(
    troubled: list[Circuit], scope: CircuitScope, uow: UnitOfWork, *, now: datetime
) -> None:
    for seen in troubled:
        if seen.scope is not scope:
            continue
        circuit = await uow.circuits.lock(seen.at, seen.practice_id)
        outage_id, since = circuit.outage_id, circuit.failing_since or now
        circuit.note_answer()
        await uow.circuits.save(circuit)
        if outage_id is None:
            continue
        await uow.circuits.release_waiting(circuit, now=now)
        outage = Outage(outage_id, circuit.at, circuit.scope, since)
        for practice_id in await uow.circuits.end_told(outage_id, at=now):
            uow.record(_over(practice_id, outage, now=now, left=False))


def _over(practice_id: UUID, outage: Outage, *, now: datetime, left: bool) -> PortalIsReachable:
    return PortalIsReachable(
        practice_id=practice_id,
        outage_id=outage.outage_id,
        adapter=outage.at.adapter,
        scope=outage.scope,
        since=outage.since,
        reachable_at=now,
        left=left,
    )


async def _concerned(circuit: Circuit, uow: UnitOfWork) -> list[UUID]:
    if circuit.practice_id is not None:
        return [circuit.practice_id]
    return await uow.circuits.practices_with(circuit.at)
