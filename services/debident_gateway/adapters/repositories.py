"""Contracts, credentials and DEB files in PostgreSQL; transmissions have a module of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Table, and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.debident_gateway.adapters.sealing import SecretSealer
from services.debident_gateway.adapters.tables import (
    CONTRACT_TERMS,
    DEB_CURSOR,
    DEB_FILE,
    DEB_LISTING,
    PORTAL_CREDENTIALS,
    PORTAL_SFTP_CREDENTIALS,
)
from services.debident_gateway.domain.model import (
    SFTP_ADAPTER,
    ContractTerms,
    DebCursor,
    FetchedDebFile,
    PortalAccess,
    SftpDoor,
)
from services.debident_gateway.ports import DueContract


class SqlContractRepository:
    """The projection of contract terms."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, contract_id: UUID) -> ContractTerms | None:
        """Return the terms, or None where the contract is unknown."""
        return await self._read(contract_id, lock=False)

    async def lock(self, contract_id: UUID) -> ContractTerms | None:
        """Return the terms and keep others waiting for them until the transaction ends."""
        return await self._read(contract_id, lock=True)

    async def _read(self, contract_id: UUID, *, lock: bool) -> ContractTerms | None:
        query = select(CONTRACT_TERMS).where(CONTRACT_TERMS.c.contract_id == contract_id)
        if lock:
            query = query.with_for_update(key_share=True)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else ContractTerms(**row)

    async def knows_practice(self, practice_id: UUID) -> bool:
        """Whether any contract of the practice is known."""
        query = (
            select(CONTRACT_TERMS.c.contract_id)
            .where(CONTRACT_TERMS.c.practice_id == practice_id)
            .limit(1)
        )
        return (await self._connection.execute(query)).first() is not None

    async def of_practice(self, practice_id: UUID) -> list[ContractTerms]:
        """Return the terms of all contracts of a practice."""
        query = select(CONTRACT_TERMS).where(CONTRACT_TERMS.c.practice_id == practice_id)
        rows = (await self._connection.execute(query)).mappings()
        return [ContractTerms(**row) for row in rows]

    async def save_if_newer(self, terms: ContractTerms) -> bool:
        """Store the terms unless these or newer ones are known; return whether they were."""
        values = asdict(terms)
        statement = insert(CONTRACT_TERMS).values(values)
        changed = {name: statement.excluded[name] for name in values if name != "contract_id"}
        result = await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["contract_id"],
                set_=changed,
                where=CONTRACT_TERMS.c.version < statement.excluded.version,
            ).returning(CONTRACT_TERMS.c.contract_id)
        )
        return result.first() is not None


class SqlCredentialRepository:
    """Portal credentials, sealed."""

    def __init__(self, connection: AsyncConnection, sealer: SecretSealer) -> None:
        self._connection = connection
        self._sealer = sealer

    async def access(
        self, practice_id: UUID, *, account_number: str, adapter: str
    ) -> PortalAccess | None:
        """Return the practice's access by an adapter, or None where none was entered."""
        if adapter == SFTP_ADAPTER:
            return await self._sftp_access(practice_id, account_number)
        query = select(PORTAL_CREDENTIALS).where(PORTAL_CREDENTIALS.c.practice_id == practice_id)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        secret = self._sealer.open(
            row.sealed_secret, practice_id=practice_id, client_id=row.client_id
        )
        return PortalAccess(
            practice_id=practice_id,
            client_id=row.client_id,
            client_secret=secret,
            account_number=account_number,
        )

    async def changed_at(self, practice_id: UUID, *, adapter: str) -> datetime | None:
        """Return when the practice's credentials were entered, or None where none were."""
        table = PORTAL_SFTP_CREDENTIALS if adapter == SFTP_ADAPTER else PORTAL_CREDENTIALS
        query = select(table.c.changed_at).where(table.c.practice_id == practice_id)
        return (await self._connection.execute(query)).scalar_one_or_none()

    async def _sftp_access(self, practice_id: UUID, account_number: str) -> PortalAccess | None:
        table = PORTAL_SFTP_CREDENTIALS
        query = select(table).where(table.c.practice_id == practice_id)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        door = SftpDoor(row.host, row.port, row.host_key, row.sign_in)
        secret = self._sealer.open(
            row.sealed_secret, practice_id=practice_id, client_id=_behind(door, row.user_name)
        )
        return PortalAccess(practice_id, row.user_name, secret, account_number, door)

    async def put(
        self,
        practice_id: UUID,
        *,
        client_id: str,
        client_secret: str,
        changed_at: datetime,
        replaces: datetime | None,
    ) -> bool:
        """Store the HTTP credentials in the place of those entered then; None: of none."""
        values = {
            "client_id": client_id,
            "sealed_secret": self._sealer.seal(
                client_secret, practice_id=practice_id, client_id=client_id
            ),
            "changed_at": changed_at,
        }
        return await self._replace(PORTAL_CREDENTIALS, practice_id, values, replaces)

    async def put_sftp(
        self,
        practice_id: UUID,
        *,
        user: str,
        secret: str,
        door: SftpDoor,
        changed_at: datetime,
        replaces: datetime | None,
    ) -> bool:
        """Store the SFTP credentials in the place of those entered then; None: of none."""
        values = {
            "user_name": user,
            **asdict(door),
            "sealed_secret": self._sealer.seal(
                secret, practice_id=practice_id, client_id=_behind(door, user)
            ),
            "changed_at": changed_at,
        }
        return await self._replace(PORTAL_SFTP_CREDENTIALS, practice_id, values, replaces)

    async def _replace(
        self,
        table: Table,
        practice_id: UUID,
        values: Mapping[str, object],
        replaces: datetime | None,
    ) -> bool:
        statement = insert(table).values(practice_id=practice_id, **values)
        stored = await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["practice_id"],
                set_={name: statement.excluded[name] for name in values},
                where=table.c.changed_at == replaces,
            )
        )
        return stored.rowcount == 1


def _behind(door: SftpDoor, user: str) -> str:
    """What an SFTP secret is sealed to: no other server is ever shown it, not even by an UPDATE."""
    return json.dumps([user, door.host, door.port, door.host_key, door.sign_in])


class SqlDebFileRepository:
    """Fetched DEB files and how far each contract was looked through."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def ensure_cursor(self, cursor: DebCursor) -> None:
        """Begin to look for a contract's files, unless that has begun."""
        statement = insert(DEB_CURSOR).values(asdict(cursor))
        await self._connection.execute(
            statement.on_conflict_do_nothing(index_elements=["contract_id"])
        )

    async def due(self, *, now: datetime, limit: int) -> list[DueContract]:
        """Return contracts whose next look is due and that nobody has in hand."""
        query = (
            select(DEB_CURSOR.c.contract_id, DEB_CURSOR.c.practice_id)
            .where(DEB_CURSOR.c.next_poll_at <= now, _free(now))
            .order_by(DEB_CURSOR.c.next_poll_at)
            .limit(limit)
        )
        rows = await self._connection.execute(query)
        return [DueContract(row.contract_id, row.practice_id) for row in rows]

    async def claim(
        self, contract_id: UUID, *, now: datetime, lease_until: datetime
    ) -> DebCursor | None:
        """Take a due contract into hand, or None where it is not due or in other hands."""
        free = (
            select(DEB_CURSOR.c.contract_id)
            .where(
                DEB_CURSOR.c.contract_id == contract_id,
                DEB_CURSOR.c.next_poll_at <= now,
                _free(now),
            )
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(DEB_CURSOR)
            .where(DEB_CURSOR.c.contract_id.in_(free.scalar_subquery()))
            .values(lease_until=lease_until)
            .returning(DEB_CURSOR)
        )
        row = (await self._connection.execute(statement)).mappings().one_or_none()
        return None if row is None else _cursor(row)

    async def renew(self, cursor: DebCursor, *, lease_until: datetime) -> bool:
        """Keep a claimed contract in hand for longer; False where it is in other hands by now."""
        result = await self._connection.execute(
            update(DEB_CURSOR).where(_held(cursor)).values(lease_until=lease_until)
        )
        return result.rowcount == 1

    async def save_cursor(self, cursor: DebCursor) -> bool:
        """Store how far the look came, and give the contract back, unless it is in other hands."""
        result = await self._connection.execute(
            update(DEB_CURSOR)
            .where(_held(cursor))
            .values(
                position=cursor.position,
                next_poll_at=cursor.next_poll_at,
                problem=cursor.problem,
                lease_until=None,
            )
        )
        return result.rowcount == 1

    async def numbers(self, contract_id: UUID) -> list[int]:
        """Return the publication numbers of the contract's files that are here."""
        query = (
            select(DEB_LISTING.c.position)
            .distinct()
            .where(DEB_LISTING.c.contract_id == contract_id)
        )
        return [row.position for row in await self._connection.execute(query)]

    async def look_from(self, cursor: DebCursor, *, again: int) -> int:
        """Return the position behind which to look: the last `again` files are looked at anew."""
        query = (
            select(DEB_LISTING.c.position)
            .distinct()
            .where(
                DEB_LISTING.c.contract_id == cursor.contract_id,
                DEB_LISTING.c.position <= cursor.position,
            )
            .order_by(DEB_LISTING.c.position.desc())
            .offset(again)
            .limit(1)
        )
        return (await self._connection.execute(query)).scalar_one_or_none() or 0

    async def seen(
        self, contract_id: UUID, portal_file_ids: Sequence[str]
    ) -> frozenset[tuple[str, str]]:
        """Return (portal file id, content hash) of what is recorded already under these ids."""
        query = select(DEB_LISTING.c.portal_file_id, DEB_LISTING.c.sha256).where(
            DEB_LISTING.c.contract_id == contract_id,
            DEB_LISTING.c.portal_file_id.in_(portal_file_ids),
        )
        rows = await self._connection.execute(query)
        return frozenset((row.portal_file_id, row.sha256) for row in rows)

    async def add(self, file: FetchedDebFile) -> bool:
        """Record a fetched file; False where its bytes are here already (a repeat)."""
        values: dict[str, Any] = {
            "deb_file_id": file.deb_file_id,
            "practice_id": file.practice_id,
            "contract_id": file.contract_id,
            "name": file.name,
            "layout": file.layout,
            "content_key": file.content.key,
            "sha256": file.content.sha256,
            "size_bytes": file.content.size_bytes,
            "media_type": file.content.media_type,
            "fetched_at": file.fetched_at,
            "source": file.source,
            "uploaded_by": file.uploaded_by,
        }
        statement = insert(DEB_FILE).values(values).on_conflict_do_nothing()
        result = await self._connection.execute(statement.returning(DEB_FILE.c.deb_file_id))
        return result.first() is not None

    async def number_of(self, deb_file_id: UUID) -> int | None:
        """Return the publication number under which a file is here, or None where it has none."""
        query = select(DEB_LISTING.c.position).where(DEB_LISTING.c.deb_file_id == deb_file_id)
        return (await self._connection.execute(query.limit(1))).scalar_one_or_none()

    async def contract_of(self, deb_file_id: UUID) -> UUID | None:
        """Return the contract under which a file is recorded, or None where it is not."""
        query = select(DEB_FILE.c.contract_id).where(DEB_FILE.c.deb_file_id == deb_file_id)
        return (await self._connection.execute(query)).scalar_one_or_none()

    async def note_listing(self, file: FetchedDebFile) -> bool:
        """Record that the portal offered these bytes under this id; False where that is known."""
        values: dict[str, Any] = {
            "contract_id": file.contract_id,
            "portal_file_id": file.portal_file_id,
            "practice_id": file.practice_id,
            "deb_file_id": file.deb_file_id,
            "position": file.position,
            "sha256": file.content.sha256,
            "seen_at": file.fetched_at,
        }
        statement = insert(DEB_LISTING).values(values).on_conflict_do_nothing()
        result = await self._connection.execute(statement.returning(DEB_LISTING.c.portal_file_id))
        return result.first() is not None


def _held(cursor: DebCursor) -> Any:
    """The contract is still in the hands of the one who claimed it: its lease says so."""
    return and_(
        DEB_CURSOR.c.contract_id == cursor.contract_id,
        DEB_CURSOR.c.lease_until == cursor.lease_until,
    )


def _free(now: datetime) -> Any:
    return or_(DEB_CURSOR.c.lease_until.is_(None), DEB_CURSOR.c.lease_until <= now)


def _cursor(row: RowMapping) -> DebCursor:
    return DebCursor(
        practice_id=row["practice_id"],
        contract_id=row["contract_id"],
        position=row["position"],
        next_poll_at=row["next_poll_at"],
        problem=row["problem"],
        lease_until=row["lease_until"],
    )
