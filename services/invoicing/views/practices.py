"""What the API shows of practices, their contracts and providers."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

PRACTICES = """
    SELECT * FROM practice
    WHERE (CAST(:practice_id AS uuid) IS NULL OR practice_id = :practice_id)
"""
_PRACTICES_PAGE = text(
    f"""{PRACTICES}
      AND (CAST(:after_name AS text) IS NULL
           OR (name, practice_id) > (CAST(:after_name AS text), CAST(:after_id AS uuid)))
    ORDER BY name, practice_id LIMIT :limit
    """
)
CONTRACTS = """
    SELECT * FROM contract
    WHERE practice_id = :practice_id
      AND (CAST(:contract_id AS uuid) IS NULL OR contract_id = :contract_id)
      AND (CAST(:active AS boolean) IS NULL OR active = :active)
"""
_CONTRACTS_PAGE = text(
    f"""{CONTRACTS}
      AND (CAST(:after AS uuid) IS NULL OR contract_id > :after)
    ORDER BY contract_id LIMIT :limit
    """
)
PROVIDERS = """
    SELECT * FROM provider
    WHERE practice_id = :practice_id
      AND (CAST(:provider_id AS uuid) IS NULL OR provider_id = :provider_id)
      AND NOT EXISTS (
        SELECT FROM unnest(CAST(:words AS text[])) AS wanted (word)
        WHERE NOT (starts_with(search_form(family_name), search_form(wanted.word))
          OR starts_with(search_form(given_name), search_form(wanted.word))
          OR starts_with(gln, wanted.word)))
"""
_PROVIDERS_PAGE = text(
    f"""{PROVIDERS}
      AND (CAST(:after AS text) IS NULL OR gln > :after)
    ORDER BY gln LIMIT :limit
    """
)


async def practices(
    connection: AsyncConnection,
    *,
    limit: int,
    practice_id: UUID | None = None,
    after: tuple[str, UUID] | None = None,
) -> Sequence[RowMapping]:
    """Return the practices in scope by name, after (name, id)."""
    name, last_id = after or (None, None)
    found = await connection.execute(
        _PRACTICES_PAGE,
        {"practice_id": practice_id, "after_name": name, "after_id": last_id, "limit": limit},
    )
    return found.mappings().all()


async def contracts(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    limit: int,
    contract_id: UUID | None = None,
    active: bool | None = None,
    after: UUID | None = None,
) -> Sequence[RowMapping]:
    """Return contracts of a practice by id, after the id given; `active`: in force, or not."""
    found = await connection.execute(
        _CONTRACTS_PAGE,
        {
            "practice_id": practice_id,
            "contract_id": contract_id,
            "active": active,
            "after": after,
            "limit": limit,
        },
    )
    return found.mappings().all()


async def providers(
    connection: AsyncConnection,
    practice_id: UUID,
    *,
    limit: int,
    provider_id: UUID | None = None,
    words: Sequence[str] = (),
    after: str | None = None,
) -> Sequence[RowMapping]:
    """Return providers of a practice by GLN, after the GLN given.

    Args:
        words: each must be the beginning of one of the names or of the GLN.
    """
    found = await connection.execute(
        _PROVIDERS_PAGE,
        {
            "practice_id": practice_id,
            "provider_id": provider_id,
            "words": list(words),
            "after": after,
            "limit": limit,
        },
    )
    return found.mappings().all()
