"""A sign-in says from where its owner works. Browsers that are signed in go on as phones did."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"

KINDS = ("desk", "phone", "program")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "device_token",
        sa.Column(
            "kind",
            sa.Enum(*KINDS, native_enum=False, create_constraint=True, length=24, name="kind"),
            nullable=False,
            server_default="program",
        ),
    )
    op.alter_column("device_token", "kind", server_default=None)
    op.execute(
        "UPDATE device_token SET kind = 'phone' WHERE device = 'browser' AND revoked_at IS NULL"
    )


def downgrade() -> None:
    op.drop_column("device_token", "kind")
