"""The gateway's first tables: contracts, credentials, transmissions, polls and DEB files."""

from __future__ import annotations

from alembic import op

from shared.db.rls import append_only_ddl, practice_scope_ddl
from shared.messaging.schema import MESSAGING_TABLES_V1
from shared.web.schema import WEB_TABLES_V1

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ROLE = "debident_gateway"
_TABLES = (
    """CREATE TABLE contract_terms (
  contract_id uuid CONSTRAINT contract_terms_pk PRIMARY KEY,
  practice_id uuid NOT NULL,
  version integer NOT NULL CONSTRAINT contract_version_counts CHECK (version >= 1),
  account_number text NOT NULL,
  adapter text NOT NULL CONSTRAINT adapter_is_known CHECK (adapter IN ('http', 'sftp', 'manual')),
  arrival_check_after interval NOT NULL,
  arrival_poll_interval interval NOT NULL
    CONSTRAINT arrival_poll_interval_is_positive CHECK (arrival_poll_interval > interval '0'),
  deb_poll_interval interval NOT NULL
    CONSTRAINT deb_poll_interval_is_positive CHECK (deb_poll_interval > interval '0'),
  deb_layout text NOT NULL,
  CONSTRAINT contract_belongs_to_practice UNIQUE (practice_id, contract_id)
)""",
    """CREATE TABLE portal_credentials (
  practice_id uuid CONSTRAINT portal_credentials_pk PRIMARY KEY,
  client_id text NOT NULL,
  sealed_secret bytea NOT NULL,
  changed_at timestamptz NOT NULL
)""",
    """CREATE TABLE transmission (
  order_id uuid CONSTRAINT order_is_intended_once PRIMARY KEY,
  practice_id uuid NOT NULL,
  contract_id uuid NOT NULL,
  order_number text NOT NULL,
  invoice_count integer NOT NULL CHECK (invoice_count >= 1),
  package_key text NOT NULL,
  package_sha256 text NOT NULL,
  package_size_bytes bigint NOT NULL,
  package_media_type text NOT NULL,
  lines_key text NOT NULL,
  lines_sha256 text NOT NULL,
  lines_size_bytes bigint NOT NULL,
  lines_media_type text NOT NULL,
  prepared_at timestamptz NOT NULL,
  state text NOT NULL CONSTRAINT transmission_state_is_known
    CHECK (state IN ('intended', 'sending', 'unknown', 'sent', 'arrived', 'refused')),
  attempts integer NOT NULL,
  failures integer NOT NULL,
  polls integer NOT NULL,
  held boolean NOT NULL,
  reason_code text,
  portal_reference text,
  already_had_it boolean NOT NULL,
  sent_at timestamptz,
  settled_at timestamptz,
  evidence text,
  correlation_id text,
  next_action_at timestamptz NOT NULL,
  lease_until timestamptz,
  CONSTRAINT transmission_belongs_to_contract
    FOREIGN KEY (practice_id, contract_id) REFERENCES contract_terms (practice_id, contract_id),
  CONSTRAINT sending_has_an_attempt_and_a_lease
    CHECK (state <> 'sending' OR (attempts >= 1 AND lease_until IS NOT NULL)),
  CONSTRAINT sent_has_a_time CHECK (state <> 'sent' OR sent_at IS NOT NULL),
  CONSTRAINT settled_has_a_time
    CHECK ((state IN ('arrived', 'refused')) = (settled_at IS NOT NULL)),
  CONSTRAINT arrived_has_evidence CHECK ((state = 'arrived') = (evidence IS NOT NULL)),
  CONSTRAINT only_intended_is_held CHECK (NOT held OR state = 'intended'),
  CONSTRAINT transmission_of_practice UNIQUE (practice_id, order_id)
)""",
    # What may be at the portal without an answer holds back the contract's next order, whoever
    # sends it and however often (the gate of the trade, repeated at the door).
    """CREATE UNIQUE INDEX one_in_flight_per_contract ON transmission (contract_id)
  WHERE state IN ('sending', 'unknown', 'sent')""",
    """CREATE INDEX transmission_to_send ON transmission (next_action_at)
  WHERE state = 'intended'""",
    """CREATE INDEX transmission_to_ask ON transmission (next_action_at)
  WHERE state IN ('unknown', 'sent')""",
    """CREATE INDEX transmission_by_age ON transmission (practice_id, prepared_at, order_id)""",
    """CREATE TABLE send_attempt (
  order_id uuid NOT NULL,
  number integer NOT NULL CHECK (number >= 1),
  practice_id uuid NOT NULL,
  began_at timestamptz NOT NULL,
  ended_at timestamptz,
  outcome text CONSTRAINT attempt_outcome_is_known
    CHECK (outcome IN ('accepted', 'already-have-it', 'refused', 'not-sent', 'unknown')),
  reason_code text,
  CONSTRAINT attempt_happens_once PRIMARY KEY (order_id, number),
  CONSTRAINT attempt_of_transmission
    FOREIGN KEY (practice_id, order_id) REFERENCES transmission (practice_id, order_id),
  CONSTRAINT ended_attempt_has_an_outcome CHECK ((outcome IS NULL) = (ended_at IS NULL))
)""",
    """CREATE TABLE arrival_poll (
  order_id uuid NOT NULL,
  number integer NOT NULL CHECK (number >= 1),
  practice_id uuid NOT NULL,
  at timestamptz NOT NULL,
  answer text NOT NULL,
  reason_code text,
  CONSTRAINT poll_is_numbered_once PRIMARY KEY (order_id, number),
  CONSTRAINT poll_of_transmission
    FOREIGN KEY (practice_id, order_id) REFERENCES transmission (practice_id, order_id)
)""",
    """CREATE TABLE deb_cursor (
  contract_id uuid CONSTRAINT deb_cursor_pk PRIMARY KEY,
  practice_id uuid NOT NULL,
  position bigint NOT NULL CHECK (position >= 0),
  next_poll_at timestamptz NOT NULL,
  lease_until timestamptz,
  problem text,
  CONSTRAINT cursor_belongs_to_contract
    FOREIGN KEY (practice_id, contract_id) REFERENCES contract_terms (practice_id, contract_id)
)""",
    "CREATE INDEX deb_cursor_due ON deb_cursor (next_poll_at)",
    """CREATE TABLE deb_file (
  deb_file_id uuid CONSTRAINT deb_file_pk PRIMARY KEY,
  practice_id uuid NOT NULL,
  contract_id uuid NOT NULL,
  name text NOT NULL,
  layout text NOT NULL,
  content_key text NOT NULL,
  sha256 text NOT NULL,
  size_bytes bigint NOT NULL,
  media_type text NOT NULL,
  fetched_at timestamptz NOT NULL,
  CONSTRAINT deb_file_is_fetched_once UNIQUE (practice_id, contract_id, sha256),
  CONSTRAINT deb_file_belongs_to_contract
    FOREIGN KEY (practice_id, contract_id) REFERENCES contract_terms (practice_id, contract_id)
)""",
    "CREATE INDEX deb_file_by_age ON deb_file (practice_id, fetched_at, deb_file_id)",
    # Each id under which the portal offered some bytes; the same bytes may come under several.
    """CREATE TABLE deb_listing (
  contract_id uuid NOT NULL,
  portal_file_id text NOT NULL,
  practice_id uuid NOT NULL,
  deb_file_id uuid NOT NULL CONSTRAINT listing_names_a_fetched_file
    REFERENCES deb_file (deb_file_id),
  position bigint NOT NULL,
  sha256 text NOT NULL,
  seen_at timestamptz NOT NULL,
  CONSTRAINT portal_file_is_listed_once PRIMARY KEY (contract_id, portal_file_id)
)""",
    "CREATE INDEX deb_listing_of_file ON deb_listing (deb_file_id)",
)
_PRACTICE_TABLES = (
    "contract_terms",
    "portal_credentials",
    "transmission",
    "send_attempt",
    "arrival_poll",
    "deb_cursor",
    "deb_file",
    "deb_listing",
)


def upgrade() -> None:
    """Create everything; files and polls are facts, so nobody changes them afterwards."""
    statements = [*MESSAGING_TABLES_V1, *WEB_TABLES_V1, *_TABLES]
    for table in _PRACTICE_TABLES:
        statements += practice_scope_ddl(table)
    for table in ("arrival_poll", "deb_file", "deb_listing"):
        statements += append_only_ddl(table, role=_ROLE)
    statements += [
        f'REVOKE DELETE, TRUNCATE ON "{table}" FROM "{_ROLE}"'
        for table in ("transmission", "send_attempt")
    ]
    for statement in statements:
        op.execute(statement)
