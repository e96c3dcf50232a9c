"""The desk: indexes for its queues and its search, and filters that somebody keeps."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0014"
down_revision = "0013"

OPEN = sa.text("closed_at IS NULL")
DIGITS = "reverse(regexp_replace(resident_phone, '[^0-9]', '', 'g'))"

# Two characters at a time: Chinese has no spaces between words, and most words have two. Unlike
# pg_trgm it needs no locale that knows them, and finds words of two.
BIGRAMS = r"""
CREATE FUNCTION bigrams(words text, address text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT substr(s, n, 2)), '{}')
    FROM lower(words || ' ' || address) AS s, generate_series(1, length(s) - 1) AS n
$$
"""


def upgrade() -> None:
    op.drop_index("ix_issue_open_due", "issue")
    op.create_index("ix_issue_open_due", "issue", ["due_at", "id"], postgresql_where=OPEN)
    op.create_index(
        "ix_issue_open_queue", "issue", ["status", "due_at", "id"], postgresql_where=OPEN
    )
    op.execute(BIGRAMS)
    op.create_index(
        "ix_issue_bigrams", "issue", [sa.text("bigrams(words, address)")], postgresql_using="gin"
    )
    op.create_index(
        "ix_issue_phone", "issue", [sa.literal_column(DIGITS).label("digits")],
        postgresql_ops={"digits": "text_pattern_ops"},
        postgresql_where=sa.text("resident_phone IS NOT NULL"),
    )  # fmt: skip
    op.create_index("ix_issue_number_end", "issue", [sa.text("substr(number, 8)")])
    op.create_index(
        "ix_step_escalate", "step", ["desk_code", "issue_id"],
        postgresql_where=sa.text("action = 'escalate'"),
    )  # fmt: skip
    op.create_index(
        "ix_step_passed", "step", ["team_before_id", "happened_at"],
        postgresql_where=sa.text("action = 'pass_review'"),
    )  # fmt: skip
    op.create_table(
        "kept_filter",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("page", sa.String(24), nullable=False),
        sa.Column("name", sa.String(24), nullable=False),
        sa.Column("asked", JSONB(), nullable=False),
        sa.CheckConstraint("page IN ('desk', 'issues')", name=op.f("ck_kept_filter_page")),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_kept_filter_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_filter")),
        sa.UniqueConstraint(
            "user_id", "page", "name", name=op.f("uq_kept_filter_user_id_page_name")
        ),
    )


def downgrade() -> None:
    op.drop_table("kept_filter")
    op.drop_index("ix_step_passed", "step")
    op.drop_index("ix_step_escalate", "step")
    for name in ("number_end", "phone", "bigrams", "open_queue", "open_due"):
        op.drop_index(f"ix_issue_{name}", "issue")
    op.execute("DROP FUNCTION bigrams(text, text)")
    op.create_index("ix_issue_open_due", "issue", ["due_at"], postgresql_where=OPEN)
