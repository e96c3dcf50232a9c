"""Pictures, what they are attached to, and the beginnings of those that come in pieces."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

INSTANT = sa.DateTime(timezone=True)


def _sha256(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.String(64, collation="C"), nullable=nullable)


def _id(name: str, nullable: bool = False) -> sa.Column:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _check(table: str, name: str, rule: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}"))


def _key(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=op.f(f"fk_{table}_{column}"))


def upgrade() -> None:
    op.create_table(
        "photo",
        _sha256("sha256"), _id("uploader_id"), _sha256("stored_sha256"),
        sa.Column("kind", sa.String(24), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("size", "width", "height")),
        sa.Column("received_at", INSTANT, nullable=False),
        _sha256("thumbnail_sha256", nullable=True),
        sa.Column("thumbnail_tries", sa.SmallInteger(), nullable=False, server_default="0"),
        _check("photo", "kind", "kind IN ('jpeg', 'png')"),
        _check("photo", "size", "size > 0"),
        _check("photo", "measures", "width BETWEEN 1 AND 65500 AND height BETWEEN 1 AND 65500"),
        _key("photo", "uploader_id", "account.id"),
        sa.PrimaryKeyConstraint("sha256", "uploader_id", name=op.f("pk_photo")),
    )  # fmt: skip
    op.create_index(op.f("ix_photo_stored_sha256"), "photo", ["stored_sha256"])
    op.create_index(op.f("ix_photo_thumbnail_sha256"), "photo", ["thumbnail_sha256"])
    op.create_index(
        "ix_photo_no_thumbnail", "photo", ["received_at"],
        postgresql_where=sa.text("thumbnail_sha256 IS NULL AND thumbnail_tries < 5"),
    )  # fmt: skip

    op.create_table(
        "attachment",
        _id("id"), _id("visit_id", nullable=True), _id("step_id", nullable=True),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        _sha256("sha256"), _id("sender_id"),
        sa.Column("signature", sa.Boolean(), nullable=False, server_default=sa.false()),
        _check("attachment", "subject", "num_nonnulls(visit_id, step_id) = 1"),
        _check("attachment", "position", "position BETWEEN 0 AND 9"),
        _check("attachment", "signature", "NOT signature OR step_id IS NOT NULL"),
        _key("attachment", "visit_id", "visit.id"),
        _key("attachment", "step_id", "step.id"),
        _key("attachment", "sender_id", "account.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
        sa.UniqueConstraint("visit_id", "position", name=op.f("uq_attachment_visit_id_position")),
        sa.UniqueConstraint("step_id", "position", name=op.f("uq_attachment_step_id_position")),
    )  # fmt: skip
    op.create_index(op.f("ix_attachment_sha256_sender_id"), "attachment", ["sha256", "sender_id"])
    op.execute("""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attachment
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)

    op.create_table(
        "photo_upload",
        _id("account_id"), _sha256("sha256"),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("touched_at", INSTANT, nullable=False),
        _check("photo_upload", "data", "octet_length(data) < total"),
        _key("photo_upload", "account_id", "account.id"),
        sa.PrimaryKeyConstraint("account_id", "sha256", name=op.f("pk_photo_upload")),
    )  # fmt: skip
    op.create_index(op.f("ix_photo_upload_touched_at"), "photo_upload", ["touched_at"])
    # Pictures are packed already: to try it again would be lost work.
    op.execute("ALTER TABLE photo_upload ALTER COLUMN data SET STORAGE EXTERNAL")


def downgrade() -> None:
    op.drop_table("photo_upload")
    op.drop_table("attachment")
    op.drop_table("photo")
