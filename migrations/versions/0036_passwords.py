"""Passwords that were given are changed, the last ones do not come back; tries rest by account and
by address too.

Accounts that are there keep their passwords as chosen ones. Counts of wrong tries are minutes old
and begin anew.
"""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"

KINDS = ("pair", "account", "address", "browser", "provider")
PROOFS = ("password", "code", "provider")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column(
        "account", sa.Column("password_given_at", sa.DateTime(timezone=True), nullable=True)
    )
    op.create_table(
        "password_before",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("password_hash", sa.String(128), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_id"], ["account.id"], name=op.f("fk_password_before_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_password_before")),
    )
    op.create_index("ix_password_before_user_id_until", "password_before", ["user_id", "until"])
    op.add_column(
        "device_token",
        sa.Column(
            "proof",
            sa.Enum(*PROOFS, native_enum=False, create_constraint=True, length=24, name="proof"),
            nullable=False,
            server_default="password",
        ),
    )
    op.alter_column("device_token", "proof", server_default=None)
    op.drop_table("sign_in_failure")
    op.create_table(
        "sign_in_failure",
        sa.Column(
            "kind",
            sa.Enum(*KINDS, native_enum=False, create_constraint=True, length=24, name="kind"),
            nullable=False,
        ),
        sa.Column("subject", sa.String(140), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rests_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("kind", "subject", name=op.f("pk_sign_in_failure")),
    )


def downgrade() -> None:
    op.drop_table("sign_in_failure")
    op.create_table(
        "sign_in_failure",
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("login", "address", name=op.f("pk_sign_in_failure")),
    )
    op.drop_column("device_token", "proof")
    op.drop_table("password_before")
    op.drop_column("account", "password_given_at")
