"""For which categories a unit without cells answers."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "remit",
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("category_code", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_remit_team_id")),
        sa.ForeignKeyConstraint(
            ["category_code"], ["category.code"], name=op.f("fk_remit_category_code")
        ),
        sa.PrimaryKeyConstraint("team_id", "category_code", name=op.f("pk_remit")),
    )
    op.create_index(op.f("ix_remit_category_code"), "remit", ["category_code"])


def downgrade() -> None:
    op.drop_table("remit")
