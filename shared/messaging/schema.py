"""DDL of the messaging tables; every service's first migration creates them in its own database."""

from __future__ import annotations

from shared.db.rls import practice_scope_ddl

MESSAGING_TABLES_V1: tuple[str, ...] = (
    """CREATE TABLE outbox (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id uuid NOT NULL UNIQUE,
  practice_id uuid NOT NULL,
  topic text NOT NULL,
  subject uuid NOT NULL,
  sequence bigint NOT NULL CHECK (sequence >= 1),
  type text NOT NULL,
  version integer NOT NULL,
  body bytea NOT NULL CHECK (octet_length(body) <= 262144),
  correlation_id text NOT NULL,
  causation_id text,
  traceparent text,
  occurred_at timestamptz NOT NULL,
  published_at timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  last_error text,
  UNIQUE (subject, sequence)
)""",
    "CREATE INDEX outbox_unpublished ON outbox (position) WHERE published_at IS NULL",
    """CREATE TABLE outbox_sequence (
  subject uuid PRIMARY KEY,
  practice_id uuid NOT NULL,
  last bigint NOT NULL CHECK (last >= 1)
)""",
    """CREATE TABLE inbox (
  position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id uuid NOT NULL UNIQUE,
  practice_id uuid,
  source text NOT NULL,
  subject text NOT NULL,
  sequence bigint,
  type text NOT NULL,
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  kafka_offset bigint NOT NULL,
  key bytea,
  headers jsonb NOT NULL,
  value bytea,
  status text NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'waiting', 'done', 'repeat', 'skipped', 'dead')),
  reason text,
  waits_for text,
  tries integer NOT NULL DEFAULT 0,
  next_try_at timestamptz NOT NULL DEFAULT now(),
  deliveries integer NOT NULL DEFAULT 1,
  via text NOT NULL DEFAULT 'ingest' CHECK (via IN ('ingest', 'auditor', 'replay')),
  received_at timestamptz NOT NULL DEFAULT now(),
  worked_at timestamptz
)""",
    """CREATE INDEX inbox_open ON inbox (next_try_at, position)
  WHERE status IN ('pending', 'waiting')""",
    """CREATE INDEX inbox_open_by_subject ON inbox (source, subject, sequence)
  WHERE status IN ('pending', 'waiting')""",
    "CREATE INDEX inbox_waiting ON inbox (waits_for) WHERE status = 'waiting'",
    "CREATE INDEX inbox_found_by_auditor ON inbox (position) WHERE via = 'auditor'",
    """CREATE TABLE inbox_cursor (
  source text NOT NULL,
  subject text NOT NULL,
  last_sequence bigint NOT NULL,
  practice_id uuid,
  PRIMARY KEY (source, subject)
)""",
    """CREATE TABLE dead_letter (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  event_id uuid NOT NULL UNIQUE,
  practice_id uuid,
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  kafka_offset bigint NOT NULL,
  key bytea,
  headers jsonb NOT NULL,
  value bytea,
  reason text NOT NULL,
  detail text NOT NULL,
  died_at timestamptz NOT NULL DEFAULT now(),
  copied_at timestamptz,
  replayed_at timestamptz
)""",
    "CREATE INDEX dead_letter_uncopied ON dead_letter (id) WHERE copied_at IS NULL",
    """CREATE TABLE topic_offset (
  reader text NOT NULL CHECK (reader IN ('ingest', 'auditor')),
  topic text NOT NULL,
  kafka_partition integer NOT NULL,
  next_offset bigint NOT NULL,
  PRIMARY KEY (reader, topic, kafka_partition)
)""",
    *practice_scope_ddl("outbox"),
    *practice_scope_ddl("outbox_sequence"),
    *practice_scope_ddl("inbox"),
    *practice_scope_ddl("inbox_cursor"),
    *practice_scope_ddl("dead_letter"),
)
"""Statements of version 1, in order. A change comes as MESSAGING_TABLES_V2, never as an edit."""

TABLES_WITHOUT_PRACTICE = frozenset({"topic_offset", "alembic_version"})
"""Tables that hold nothing of any practice, and so carry no row-level security."""
