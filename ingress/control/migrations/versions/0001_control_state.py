"""Make the tables of the control state.

A trigger counts the changes of gateway keys within the transaction that makes them, whoever makes
them: a running gateway watches the count (``ingress.control.watching``). New keys do not count:
no gateway remembers a key that it did not find.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)

_COUNT_CHANGE = """\
CREATE FUNCTION count_gateway_key_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE gateway_key_changes SET change_count = change_count + 1;
  RETURN NULL;
END
$$"""
_ON_CHANGE = """\
CREATE TRIGGER count_change AFTER UPDATE OR DELETE OR TRUNCATE ON gateway_keys
FOR EACH STATEMENT EXECUTE FUNCTION count_gateway_key_change()"""


def upgrade() -> None:
    """Make everything."""
    op.create_table(
        "gateway_keys",
        sa.Column("key_id", sa.String(64), primary_key=True),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("issuer", sa.String(256), nullable=False),
        sa.Column("subject", sa.String(256), nullable=False),
        sa.Column("email", sa.String(320)),
        sa.Column("groups", sa.JSON, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("device_name", sa.String(256)),
        sa.Column("key_class", sa.String(16), server_default="header", nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("revoked_at", _TIME),
        sa.Column("exposed_at", _TIME),
    )
    op.create_index("gateway_keys_by_caller", "gateway_keys", ["issuer", "subject"])
    op.create_table(
        "gateway_key_changes",
        sa.Column("change_count", sa.BigInteger, primary_key=True, autoincrement=False),
    )
    op.execute("INSERT INTO gateway_key_changes (change_count) VALUES (0)")
    op.execute(_COUNT_CHANGE)
    op.execute(_ON_CHANGE)
    op.create_table(
        "content_keys",
        sa.Column("key_id", sa.String(64), primary_key=True),
        sa.Column("principal_id", sa.String(64), nullable=False),
        sa.Column("quarter", sa.String(6), nullable=False),
        sa.Column("wrapped_keyset", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("retired_at", _TIME),
        sa.Column("erased_at", _TIME),
        sa.Column("told_at", _TIME),
    )
    op.create_index("ix_content_keys_principal_id", "content_keys", ["principal_id"])
    op.create_index("ix_content_keys_retired_at", "content_keys", ["retired_at"])
    op.create_table(
        "tenant_key",
        sa.Column("row_id", sa.Integer, primary_key=True),
        sa.Column("wrapped_key", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
    )
    op.create_table(
        "legal_holds",
        sa.Column("hold_id", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("scope", sa.JSON, nullable=False),
        sa.Column("placed_at", _TIME, nullable=False),
        sa.Column("released_at", _TIME),
    )
    op.create_index(
        "legal_holds_by_open_name",
        "legal_holds",
        ["name"],
        unique=True,
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "erasures",
        sa.Column("erasure_id", sa.String(64), primary_key=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("principal_id", sa.String(64), nullable=False),
        sa.Column("holder", sa.JSON, nullable=False),
        sa.Column("actor", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("key_ids", sa.JSON, nullable=False),
        sa.Column("requested_at", _TIME, nullable=False),
        sa.Column("finished_at", _TIME),
    )
    op.create_index("ix_erasures_state", "erasures", ["state"])
    op.create_table(
        "control_events",
        sa.Column("event_id", sa.String(64), primary_key=True),
        sa.Column("event_type", sa.String(64), nullable=False),
        sa.Column("occurred_at", _TIME, nullable=False),
        sa.Column("actor", sa.JSON, nullable=False),
        sa.Column("facts", sa.JSON, nullable=False),
        sa.Column("claimed_at", _TIME),
    )
    op.create_table(
        "usage",
        sa.Column("principal_id", sa.String(64), primary_key=True),
        sa.Column("rule_id", sa.String(128), primary_key=True),
        sa.Column("minute", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("requests", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("estimated", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_usage_minute", "usage", ["minute"])


def downgrade() -> None:
    """Refuse: there is no version before the first, and keys and holds would be lost."""
    raise NotImplementedError("the first version cannot be taken back; drop the database instead")
