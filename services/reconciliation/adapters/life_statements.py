"""The SQL of what persons decide about whole DEB files."""

from __future__ import annotations

from sqlalchemy import text

from services.reconciliation.adapters.originals import REVERSALS

FIND = text(
    """
    SELECT f.deb_file_id, f.practice_id, f.contract_id, f.status, f.reason_code, f.is_replaced,
      f.status = 'staged' AND f.review IS NOT DISTINCT FROM 'awaited' AS awaits_review,
      f.status IN ('staged', 'undoing') AND f.set_aside_at IS NOT NULL AND f.went_on_at IS NULL
        AS is_set_aside,
      f.booked IS NOT NULL OR EXISTS (
        SELECT FROM deb_row r WHERE r.deb_file_id = f.deb_file_id AND r.status <> 'staged')
        AS is_judged,
      (SELECT d.decision FROM deb_file_decision d WHERE d.deb_file_id = f.deb_file_id
       ORDER BY d.place DESC LIMIT 1) AS last_decision
    FROM deb_file f WHERE f.deb_file_id = :deb_file_id FOR UPDATE OF f
    """
)
AWAITS_REVIEW = text(
    "SELECT review IS NOT DISTINCT FROM 'awaited' FROM deb_file WHERE deb_file_id = :deb_file_id"
)
WHY_UNDONE = text(
    """
    SELECT d.decided_by, d.reason FROM deb_file f
    JOIN deb_file_decision d ON d.decision_id = f.undo_id
    WHERE f.deb_file_id = :deb_file_id
    """
)
STORE = text(
    """
    INSERT INTO deb_file_decision (decision_id, practice_id, deb_file_id, decision, reason,
      decided_by, decided_at)
    VALUES (:decision_id, :practice_id, :deb_file_id, :decision, :reason, :decided_by, :decided_at)
    """
)
LET_BOOK = text(
    """
    UPDATE deb_file SET review = 'given', turn = nextval('deb_file_turn'), attempts = 0,
      next_attempt_at = :at, waits_because = NULL
    WHERE deb_file_id = :deb_file_id
    """
)
HOLD = text(
    """
    UPDATE deb_file SET status = 'held', review = NULL, reason_code = :reason_code,
      reason_line = NULL, reason_detail = :reason_detail, waits_because = NULL, finished_at = :at,
      went_on_at = :at, lease_token = NULL, lease_until = NULL
    WHERE deb_file_id = :deb_file_id
    """
)
# Of files whose ids are known, the id alone counts. Where files have no ids, a name at the portal
# may be used again and again: there a row in common says that it is the same file.
# Without ids a name says little, and files overlap: all that was read of the held one must be here.
SUPERSEDED = text(
    """
    SELECT h.deb_file_id, h.reason_code
    FROM deb_file h JOIN deb_file f ON f.deb_file_id = :deb_file_id
    WHERE h.practice_id = f.practice_id AND h.contract_id = f.contract_id
      AND h.status = 'held' AND h.arrival < f.arrival
      AND h.reason_code <> ALL (CAST(:never AS text[]))
      AND (h.file_id = f.file_id OR (h.portal_file_id = f.portal_file_id
        AND CASE WHEN f.file_id IS NOT NULL THEN h.file_id IS NULL
          ELSE h.reason_code <> :by_person
            AND EXISTS (SELECT FROM deb_row a WHERE a.deb_file_id = h.deb_file_id)
            AND NOT EXISTS (
              SELECT FROM deb_row a WHERE a.deb_file_id = h.deb_file_id AND NOT EXISTS (
                SELECT FROM deb_row b
                WHERE b.deb_file_id = f.deb_file_id AND b.content_sha256 = a.content_sha256))
          END))
    ORDER BY h.arrival FOR UPDATE OF h
    """
)
DISCARD = text(
    """
    UPDATE deb_file SET status = 'discarded', superseded_by = :by, finished_at = :at
    WHERE deb_file_id = :deb_file_id
    """
)
SET_ASIDE = text(
    """
    UPDATE deb_file SET next_attempt_at = :until, waits_because = :reason, attempts = 0,
      set_aside_at = CASE WHEN set_aside_at IS NULL OR went_on_at IS NOT NULL THEN :at
        ELSE set_aside_at END,
      went_on_at = NULL, lease_token = NULL, lease_until = NULL
    WHERE deb_file_id = :deb_file_id
    """
)
RETRY = text(
    """
    UPDATE deb_file SET next_attempt_at = :at, attempts = 0, waits_because = NULL
    WHERE deb_file_id = :deb_file_id
    """
)
COUNT_UNFINISHED = text(
    """
    UPDATE deb_file f SET (booked, repeats, parked) = (
      SELECT count(*) FILTER (WHERE r.status = 'booked'),
        count(*) FILTER (WHERE r.status = 'repeat'),
        count(*) FILTER (WHERE r.status IN ('parked', 'staged'))
      FROM deb_row r WHERE r.deb_file_id = f.deb_file_id)
    WHERE f.deb_file_id = :deb_file_id AND f.booked IS NULL
    """
)
"""Of a file that is undone before it was booked to its end, rows to be decided count as parked."""
DROP_ROWS = text("SELECT drop_held_rows(:deb_file_id)")
RELEASE = text(
    """
    UPDATE deb_file f SET status = 'fetched', reason_code = NULL, reason_line = NULL,
      reason_detail = NULL, finished_at = NULL, attempts = 0, next_attempt_at = :at, turn = NULL,
      layout = c.deb_layout, sequence_accepted = sequence_accepted OR :accepted
    FROM contract c
    WHERE f.deb_file_id = :deb_file_id AND c.contract_id = f.contract_id
    """
)
REPLACE = text("UPDATE deb_file SET is_replaced = true WHERE deb_file_id = :deb_file_id")
BOOK_ANEW = text(
    """
    INSERT INTO deb_file (deb_file_id, practice_id, contract_id, portal_file_id, layout,
      content_key, content_sha256, content_size_bytes, content_media_type, fetched_at, received_at,
      next_attempt_at, correlation_id, causation_id, anew_of)
    SELECT CAST(:new_id AS uuid), f.practice_id, f.contract_id, f.portal_file_id, c.deb_layout,
      f.content_key, f.content_sha256, f.content_size_bytes, f.content_media_type, f.fetched_at,
      CAST(:at AS timestamptz), CAST(:at AS timestamptz),
      coalesce(CAST(:correlation_id AS text), f.correlation_id), CAST(:causation_id AS text),
      f.deb_file_id
    FROM deb_file f JOIN contract c ON c.contract_id = f.contract_id
    WHERE f.deb_file_id = :deb_file_id
    """
)
BEGIN_UNDO = text(
    """
    UPDATE deb_file SET status = 'undoing', undo_id = :undo_id, attempts = 0, finished_at = NULL,
      next_attempt_at = :at, waits_because = NULL, went_on_at = :at,
      lease_token = NULL, lease_until = NULL
    WHERE deb_file_id = :deb_file_id
    """
)
UNDO_ID = text("SELECT undo_id FROM deb_file WHERE deb_file_id = :deb_file_id")
UNDOABLE = text(
    f"""
    WITH page AS MATERIALIZED (
      SELECT r.line, r.record_id, r.content_sha256, r.occurrence, r.note AS row_note, r.fact_id
      FROM deb_row r
      JOIN deb_file file ON file.deb_file_id = r.deb_file_id
      JOIN position_fact f ON f.fact_id = r.fact_id
      WHERE r.deb_file_id = :deb_file_id AND r.status = 'booked'
        AND r.kept_by IS DISTINCT FROM file.undo_id
      ORDER BY f.place DESC LIMIT :limit)
    SELECT f.*, page.line, page.record_id, page.content_sha256, page.occurrence,
      page.row_note, (
      SELECT json_agg(json_build_array(t.account, t.role, t.amount_rappen, t.invoice_id,
                                       t.confirmed_order_id) ORDER BY t.line)
      FROM posting t WHERE t.entry_id = f.entry_id) AS postings,
      {REVERSALS},
      (SELECT o.kind FROM position_fact o WHERE o.fact_id = f.reverses) AS reversed_kind,
      ARRAY(
        SELECT e.fact_id FROM position_fact e
        WHERE e.invoice_id = f.invoice_id AND e.place > f.place
          AND e.kind = ANY(CAST(:endings AS text[])) AND NOT EXISTS (
            SELECT FROM position_fact v WHERE v.reverses = e.fact_id AND (
              v.kind = 'undo' OR NOT EXISTS (
                SELECT FROM position_fact w WHERE w.reverses = v.fact_id AND w.kind = 'undo'))))
        AS endings
    FROM page JOIN position_fact f ON f.fact_id = page.fact_id
    ORDER BY f.place DESC
    """  # noqa: S608 - constants of ours
)
UNDO_ROWS = text(
    """
    UPDATE deb_row SET status = 'undone', decided_at = :at
    WHERE deb_file_id = :deb_file_id AND line = ANY(CAST(:lines AS integer[]))
    """
)
KEEP_ROWS = text(
    """
    UPDATE deb_row SET kept_by = :undo_id
    WHERE deb_file_id = :deb_file_id AND line = ANY(CAST(:lines AS integer[]))
    """
)
COUNT_UNDONE = text(
    """
    UPDATE deb_file SET attempts = 0, booked = booked - :booked, parked = parked - :parked,
      undone = undone + :booked + :parked
    WHERE deb_file_id = :deb_file_id
    """
)
RESUME = text(
    """
    WITH resumed AS (
      UPDATE deb_row SET status = 'staged', invoice_id = NULL, reason_code = NULL,
        reason_detail = NULL, decided_at = NULL
      WHERE practice_id = :practice_id AND contract_id = :contract_id AND status = 'parked'
        AND ((record_id = ANY(CAST(:record_ids AS text[]))
              AND reason_code = ANY(CAST(:conflicts AS text[])))
          OR (kind = 'reversal' AND note = ANY(CAST(:reversed_ids AS text[]))
              AND reason_code = ANY(CAST(:reversed AS text[]))))
        AND NOT EXISTS (SELECT FROM standing_row_decision d WHERE d.row_id = deb_row.row_id)
        AND EXISTS (SELECT FROM deb_file f WHERE f.deb_file_id = deb_row.deb_file_id
                    AND f.status IN ('staged', 'booked'))
      RETURNING deb_file_id)
    UPDATE deb_file SET status = 'staged', finished_at = NULL, attempts = 0, next_attempt_at = :at
    WHERE status = 'booked' AND deb_file_id IN (SELECT deb_file_id FROM resumed)
    """
)
WITHDRAW = text(
    """
    WITH taken AS (
      SELECT r.deb_file_id, r.line, f.undo_id FROM deb_row r
      JOIN deb_file f ON f.deb_file_id = r.deb_file_id
      WHERE r.deb_file_id = :deb_file_id AND r.status IN ('parked', 'staged')
        AND NOT EXISTS (SELECT FROM standing_row_decision d WHERE d.row_id = r.row_id)
      ORDER BY r.line LIMIT :limit),
    noted AS (
      INSERT INTO deb_undo_row (undo_id, deb_file_id, line, practice_id, contract_id, outcome,
        record_id, content_sha256, occurrence, reason_code, reason_detail)
      SELECT t.undo_id, r.deb_file_id, r.line, r.practice_id, r.contract_id, 'withdrawn',
        r.record_id, r.content_sha256, r.occurrence, r.reason_code, r.reason_detail
      FROM taken t JOIN deb_row r ON r.deb_file_id = t.deb_file_id AND r.line = t.line)
    UPDATE deb_row r SET status = 'undone', reason_code = NULL, reason_detail = NULL,
      decided_at = :at
    FROM taken t WHERE r.deb_file_id = t.deb_file_id AND r.line = t.line
    """
)
END_UNDO = text(
    """
    UPDATE deb_file SET status = CASE booked WHEN 0 THEN 'undone' ELSE 'partly-undone' END,
      finished_at = :at, went_on_at = :at, waits_because = NULL, lease_token = NULL,
      lease_until = NULL
    WHERE deb_file_id = :deb_file_id
    RETURNING rows_read, booked, repeats, parked, undone, undo_id
    """
)
UNDO_SUMS = text(
    """
    SELECT count(*) FILTER (WHERE u.outcome = 'kept') AS kept,
      coalesce(sum(f.principal_rappen + f.reminder_fees_rappen + f.interest_rappen
        + f.costs_rappen), 0) AS debtor,
      coalesce(sum(f.factor_owes_rappen), 0) AS factor
    FROM deb_undo_row u LEFT JOIN position_fact f ON f.fact_id = u.fact_id
    WHERE u.undo_id = :undo_id
    """
)
PREVIEWED = text(
    """
    SELECT deb_file_id, practice_id, contract_id, layout, content_key, content_sha256,
      content_size_bytes, content_media_type, received_at, fetched_at, status, created_on,
      attempts, correlation_id, causation_id
    FROM deb_file WHERE deb_file_id = :deb_file_id FOR UPDATE
    """
)
UNDECIDED_LINES = text(
    """
    SELECT line FROM deb_row
    WHERE deb_file_id = :deb_file_id AND status = 'staged' AND line > CAST(:after AS bigint)
    ORDER BY line LIMIT :limit
    """
)
LAST_PLACE = text(
    """
    SELECT h.number, coalesce(
      (SELECT max(place) FROM position_fact WHERE deb_file_id = :deb_file_id), 0) AS fact
    FROM journal_head h WHERE h.practice_id = :practice_id
    """
)
ACCOUNT_EFFECTS = text(
    """
    SELECT t.account, t.role, coalesce(sum(t.amount_rappen) FILTER (WHERE t.amount_rappen > 0), 0)
        AS debit,
      coalesce(-sum(t.amount_rappen) FILTER (WHERE t.amount_rappen < 0), 0) AS credit
    FROM journal_entry e JOIN posting t ON t.entry_id = e.entry_id
    WHERE e.practice_id = :practice_id AND e.deb_file_id = :deb_file_id AND e.number > :number
    GROUP BY t.account, t.role ORDER BY t.account
    """
)
KIND_EFFECTS = text(
    """
    SELECT kind, count(*) AS rows, coalesce(sum(amount_rappen), 0) AS amount,
      sum(principal_rappen + reminder_fees_rappen + interest_rappen + costs_rappen) AS debtor,
      sum(factor_owes_rappen) AS factor
    FROM position_fact WHERE deb_file_id = :deb_file_id AND place > :fact
    GROUP BY kind ORDER BY kind
    """
)
