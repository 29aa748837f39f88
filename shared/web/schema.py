"""DDL of the web layer's tables: stored answers (idempotency keys) and the audit log.

Every service's first migration creates them in its own database. A row about no single practice has
a NULL practice and is the system's alone: shared.web writes and reads it in the system scope,
whatever the scope of the request, and no handler ever sees it.
"""

from __future__ import annotations

from shared.db.rls import append_only_ddl, practice_scope_ddl

WEB_TABLES_V1: tuple[str, ...] = (
    # The row is written first, so that its lock holds back a second request with the same key; it
    # gets its answer before the commit. A row that another transaction can see always has one.
    """CREATE TABLE idempotency_key (
  subject text NOT NULL,
  route text NOT NULL,
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
  practice_id uuid,
  request_sha256 text NOT NULL CHECK (request_sha256 ~ '^[0-9a-f]{64}$'),
  status integer CHECK (status BETWEEN 200 AND 399),
  response_headers jsonb,
  response_body bytea,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (subject, route, key)
)""",
    "CREATE INDEX idempotency_key_by_age ON idempotency_key (created_at)",
    # The hash of a body, never the body: most of it is kept elsewhere, and may be personal data.
    """CREATE TABLE audit_log (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  practice_id uuid,
  at timestamptz NOT NULL,
  subject text NOT NULL,
  roles text[] NOT NULL,
  operation_id text NOT NULL,
  path_params jsonb NOT NULL,
  request_sha256 text CHECK (request_sha256 ~ '^[0-9a-f]{64}$'),
  status integer NOT NULL CHECK (status BETWEEN 200 AND 599),
  problem_code text,
  replayed boolean NOT NULL DEFAULT false,
  correlation_id text NOT NULL,
  remote_address text
)""",
    "CREATE INDEX audit_log_by_practice ON audit_log (practice_id, id)",
    *practice_scope_ddl("idempotency_key"),
    *practice_scope_ddl("audit_log"),
    # PUBLIC, because the runtime role's name differs per service; the trigger binds every role.
    *append_only_ddl("audit_log", role="public"),
)
"""Statements of version 1, in order. A change comes as a further version, never as an edit."""

WEB_TABLES_V2: tuple[str, ...] = (
    # Of an edit: the fields that it changed, as they were and as they are.
    """ALTER TABLE audit_log
  ADD COLUMN fields_before jsonb,
  ADD COLUMN fields_after jsonb,
  ADD CONSTRAINT audit_log_before_and_after
    CHECK ((fields_before IS NULL) = (fields_after IS NULL))""",
)
"""Statements of version 2: the audit log says what an edit changed."""
