"""The SQL of how DEB files follow each other by the factor's count."""

from __future__ import annotations

from sqlalchemy import text

from services.reconciliation.domain.handing import Unbooked

# A file is under way from its staging until it is booked; one that is only fetched counts if it
# came before, so that two files never wait for each other.
_UNDER_WAY = """SELECT FROM deb_file before
      WHERE before.contract_id = {file}.contract_id AND before.file_id = {previous}
        AND before.deb_file_id <> {file}.deb_file_id AND before.booked IS NULL
        AND (before.status = 'staged'
          OR (before.status = 'fetched' AND before.arrival < {file}.arrival))"""


def waits(file: str) -> str:
    """Return the condition that a file of that alias waits for the one before it."""
    under_way = _UNDER_WAY.format(file=file, previous=f"{file}.previous_file_id")
    return f"""({file}.status = 'fetched' AND {file}.previous_file_id IS NOT NULL
      AND NOT {file}.sequence_accepted AND {file}.anew_of IS NULL
      AND EXISTS ({under_way}))"""


SEQUENCE = text(
    f"""
    SELECT
      EXISTS (SELECT FROM deb_file WHERE contract_id = :contract_id AND booked IS NOT NULL
              AND file_id = :previous_file_id) AS previous_is_booked,
      EXISTS ({_UNDER_WAY.format(file="f", previous="CAST(:previous_file_id AS text)")})
        AS previous_is_under_way,
      EXISTS (SELECT FROM deb_file WHERE contract_id = :contract_id AND booked IS NOT NULL
              AND file_id IS NOT NULL) AS any_is_booked,
      EXISTS (SELECT FROM deb_file WHERE contract_id = :contract_id
              AND status IN ('staged', 'booked') AND file_id = :file_id
              AND deb_file_id <> :deb_file_id) AS id_is_taken,
      f.sequence_accepted OR f.anew_of IS NOT NULL AS is_accepted
    FROM deb_file f WHERE f.deb_file_id = :deb_file_id
    """  # noqa: S608 - constants of ours
)
IS_NEXT = text(
    """
    SELECT NOT EXISTS (
      SELECT FROM deb_file earlier, deb_file f
      WHERE f.deb_file_id = :deb_file_id AND earlier.practice_id = f.practice_id
        AND earlier.status = 'staged' AND earlier.turn < f.turn
        AND earlier.review IS DISTINCT FROM 'awaited')
    """
)
WAIT_FOR = text(
    """
    UPDATE deb_file SET file_id = :file_id, created_on = :created_on,
      previous_file_id = :previous_file_id, attempts = 0, waits_because = :reason,
      lease_token = NULL, lease_until = NULL
    WHERE deb_file_id = :deb_file_id
    """
)
TAKE_UP_SUCCESSORS = text(
    """
    UPDATE deb_file SET status = 'fetched', reason_code = NULL, reason_line = NULL,
      reason_detail = NULL, finished_at = NULL, next_attempt_at = :at, waits_because = :reason
    WHERE contract_id = :contract_id AND status = 'held' AND reason_code = 'sequence-gap'
      AND previous_file_id = :file_id
    """
)
"""Files that are held only because one was missing, which is here now."""


def waiting_words(before: Unbooked) -> str:
    """Return why a file waits, in plain words."""
    return f"file {before.file_id} comes before it and is not booked yet"
