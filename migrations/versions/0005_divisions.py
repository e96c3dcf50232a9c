"""Drafts of a village's division into cells, with every state that they went through."""

import geoalchemy2
import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "division",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("village_code", sa.String(12, collation="C"), nullable=False),
        sa.Column("smallest", sa.SmallInteger(), nullable=False),
        sa.Column("largest", sa.SmallInteger(), nullable=False),
        sa.Column("lines", postgresql.JSONB(), nullable=True),
        sa.Column("status", sa.String(24), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=True),
        sa.Column("progress", sa.SmallInteger(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(40), nullable=True),
        sa.Column("clusters", postgresql.JSONB(), nullable=True),
        sa.Column("ground", sa.String(64), nullable=True),
        sa.Column(
            "territory",
            geoalchemy2.Geometry("MULTIPOLYGON", srid=4326, spatial_index=False),
            nullable=True,
        ),
        sa.Column("adopted_on", sa.Date(), nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said", sa.String(64), nullable=False),
        sa.CheckConstraint(
            "status IN ('computing', 'ready', 'failed', 'adopted', 'dropped')",
            name=op.f("ck_division_status"),
        ),
        sa.CheckConstraint("smallest > 0 AND smallest <= largest", name=op.f("ck_division_rule")),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_division_progress")),
        sa.CheckConstraint(
            "(status = 'adopted') = (adopted_on IS NOT NULL)", name=op.f("ck_division_adopted")
        ),
        sa.CheckConstraint(
            "(status = 'failed') = (failure IS NOT NULL)", name=op.f("ck_division_failed")
        ),
        sa.CheckConstraint(
            "status NOT IN ('ready', 'adopted') OR (step IS NOT NULL AND ground IS NOT NULL)",
            name=op.f("ck_division_ready"),
        ),
        sa.ForeignKeyConstraint(
            ["village_code"], ["jurisdiction.code"], name=op.f("fk_division_village_code")
        ),
        sa.ForeignKeyConstraint(
            ["created_by"], ["account.id"], name=op.f("fk_division_created_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_division")),
    )
    op.create_index(
        op.f("ix_division_village_code_created_at"), "division", ["village_code", "created_at"]
    )
    op.create_index(
        "ix_division_computing",
        "division",
        ["claimed_at"],
        postgresql_where=sa.text("status = 'computing'"),
    )
    op.create_table(
        "division_state",
        sa.Column("division_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.SmallInteger(), nullable=False),
        sa.Column("made", sa.String(24), nullable=False),
        sa.Column("cells", postgresql.JSONB(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(
            "made IN ('computed', 'split', 'merge', 'redraw')", name=op.f("ck_division_state_made")
        ),
        sa.ForeignKeyConstraint(
            ["division_id"], ["division.id"], name=op.f("fk_division_state_division_id")
        ),
        sa.PrimaryKeyConstraint("division_id", "step", name=op.f("pk_division_state")),
    )


def downgrade() -> None:
    op.drop_table("division_state")
    op.drop_table("division")
