"""Events are sealed in batches: what waits for a seal, the seals, and fewer rights on the trail."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"

APPEND_ONLY = ("event_seal",)
TRAIL = ("event", "event_seal")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "event_waiting",
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_event_waiting")),
    )
    op.create_table(
        "event_seal",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ids", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("digests", sa.LargeBinary(), nullable=False),
        sa.Column("key", sa.String(length=16), nullable=False),
        sa.Column("code", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("number > 0", name=op.f("ck_event_seal_number")),
        sa.CheckConstraint(
            "octet_length(digests) = 32 * cardinality(ids)", name=op.f("ck_event_seal_digests")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_event_seal")),
    )
    op.execute("""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event_seal
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)
    op.execute("""
        CREATE FUNCTION wait_for_seal() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO event_waiting (event_id) SELECT id FROM written;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER wait_for_seal AFTER INSERT ON event REFERENCING NEW TABLE AS written
        FOR EACH STATEMENT EXECUTE FUNCTION wait_for_seal()
    """)
    op.execute("INSERT INTO event_waiting (event_id) SELECT id FROM event")
    for table in TRAIL:  # also of the account that owns them: it would have to grant itself first
        op.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM PUBLIC, CURRENT_USER")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("GRANT UPDATE, DELETE, TRUNCATE ON event TO CURRENT_USER")
    op.execute("DROP TRIGGER wait_for_seal ON event")
    op.execute("DROP FUNCTION wait_for_seal()")
    op.drop_table("event_seal")
    op.drop_table("event_waiting")
