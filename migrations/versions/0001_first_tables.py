"""The first tables: ground, people, households, visits, issues and their chains, events."""

import sqlalchemy as sa
from alembic import op
from geoalchemy2 import Geometry
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None

APPEND_ONLY = ("step", "event")


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("password_hash", sa.String(length=128), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("failed_sign_ins", sa.Integer(), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("login = lower(login)", name=op.f("ck_account_login_lower")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("login", name=op.f("uq_account_login")),
    )
    op.create_table(
        "category",
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("parent_code", sa.String(length=40), nullable=True),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("name_en", sa.String(length=60), nullable=False),
        sa.Column(
            "promise",
            sa.Enum(
                "at_once",
                "within_limit",
                "not_here",
                name="promise",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("limit_days", sa.SmallInteger(), nullable=False),
        sa.Column("sensitive", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("limit_days BETWEEN 1 AND 366", name=op.f("ck_category_limit_days")),
        sa.CheckConstraint("parent_code <> code", name=op.f("ck_category_parent")),
        sa.ForeignKeyConstraint(
            ["parent_code"], ["category.code"], name=op.f("fk_category_parent_code")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_category")),
    )
    op.create_table(
        "jurisdiction",
        sa.Column("code", sa.String(12, collation="C"), nullable=False),
        sa.Column(
            "level", sa.SmallInteger(), sa.Computed("length(code)", persisted=True), nullable=False
        ),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("parent_code", sa.String(12, collation="C"), nullable=True),
        sa.Column("year", sa.SmallInteger(), nullable=False),
        sa.Column("source", sa.String(length=80), nullable=False),
        sa.Column(
            "boundary",
            Geometry(geometry_type="MULTIPOLYGON", srid=4326, spatial_index=False),
            nullable=True,
        ),
        sa.CheckConstraint(
            "code ~ '^[0-9]+$' AND length(code) IN (2, 4, 6, 9, 12)",
            name=op.f("ck_jurisdiction_code"),
        ),
        sa.CheckConstraint(
            "(parent_code IS NULL) = (length(code) = 2) AND starts_with(code, parent_code)",
            name=op.f("ck_jurisdiction_parent"),
        ),
        sa.CheckConstraint(
            "boundary IS NULL OR ST_IsValid(boundary)", name=op.f("ck_jurisdiction_boundary_valid")
        ),
        sa.ForeignKeyConstraint(
            ["parent_code"], ["jurisdiction.code"], name=op.f("fk_jurisdiction_parent_code")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_jurisdiction")),
    )
    op.create_index(
        "idx_jurisdiction_boundary", "jurisdiction", ["boundary"], postgresql_using="gist"
    )
    op.create_index("ix_jurisdiction_parent_code", "jurisdiction", ["parent_code"])
    op.create_table(
        "cell",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(15, collation="C"), nullable=False),
        sa.Column("village_code", sa.String(12, collation="C"), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "basic",
                "dedicated",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column(
            "polygon",
            Geometry(geometry_type="POLYGON", srid=4326, spatial_index=False),
            nullable=False,
        ),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("to_date", sa.Date(), nullable=True),
        sa.CheckConstraint(
            "code ~ '^[0-9]{15}$' AND starts_with(code, village_code)", name=op.f("ck_cell_code")
        ),
        sa.CheckConstraint("ST_IsValid(polygon)", name=op.f("ck_cell_polygon_valid")),
        sa.CheckConstraint("to_date > from_date", name=op.f("ck_cell_period")),
        sa.ForeignKeyConstraint(
            ["village_code"], ["jurisdiction.code"], name=op.f("fk_cell_village_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cell")),
        sa.UniqueConstraint("code", name=op.f("uq_cell_code")),
        sa.UniqueConstraint("id", "village_code", name=op.f("uq_cell_id_village_code")),
    )
    op.create_index("idx_cell_polygon", "cell", ["polygon"], postgresql_using="gist")
    op.create_index("ix_cell_village_code", "cell", ["village_code"])
    op.create_table(
        "device_token",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=80), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_device_token_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_device_token")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_device_token_token_hash")),
    )
    op.create_index("ix_device_token_user_id", "device_token", ["user_id"])
    op.create_table(
        "event",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("jurisdiction_code", sa.String(15, collation="C"), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["account.id"], name=op.f("fk_event_actor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_at", "event", ["at"])
    op.create_index("ix_event_subject_id_at", "event", ["subject_id", "at"])
    op.create_table(
        "post",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "cadre",
                "dispatcher",
                "leader",
                "administrator",
                "auditor",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("jurisdiction_code", sa.String(12, collation="C"), nullable=True),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("to_date", sa.Date(), nullable=True),
        sa.CheckConstraint("to_date > from_date", name=op.f("ck_post_period")),
        sa.ForeignKeyConstraint(
            ["jurisdiction_code"], ["jurisdiction.code"], name=op.f("fk_post_jurisdiction_code")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_post_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post")),
    )
    op.create_index("ix_post_user_id", "post", ["user_id"])
    op.create_table(
        "team",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("jurisdiction_code", sa.String(12, collation="C"), nullable=False),
        sa.ForeignKeyConstraint(
            ["jurisdiction_code"], ["jurisdiction.code"], name=op.f("fk_team_jurisdiction_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team")),
    )
    op.create_index("ix_team_jurisdiction_code", "team", ["jurisdiction_code"])
    op.create_table(
        "assignment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("cell_id", sa.Uuid(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("to_date", sa.Date(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("team_id"), "="),
            (sa.column("cell_id"), "="),
            (sa.text("daterange(from_date, to_date, '[)')"), "&&"),
            using="gist",
            name="ex_assignment_period",
        ),
        sa.CheckConstraint("to_date > from_date", name=op.f("ck_assignment_period")),
        sa.ForeignKeyConstraint(["cell_id"], ["cell.id"], name=op.f("fk_assignment_cell_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_assignment_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment")),
    )
    op.create_index("ix_assignment_cell_id", "assignment", ["cell_id"])
    op.create_table(
        "coverage_day",
        sa.Column("cell_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("window_days", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("households", sa.Integer(), nullable=False),
        sa.Column("met", sa.Integer(), nullable=False),
        sa.Column("computed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("met >= 0 AND met <= households", name=op.f("ck_coverage_day_met")),
        sa.ForeignKeyConstraint(["cell_id"], ["cell.id"], name=op.f("fk_coverage_day_cell_id")),
        sa.PrimaryKeyConstraint("cell_id", "day", "window_days", name=op.f("pk_coverage_day")),
    )
    op.create_index("ix_coverage_day_day", "coverage_day", ["day"])
    op.create_table(
        "coverage_mark",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cell_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["cell_id"], ["cell.id"], name=op.f("fk_coverage_mark_cell_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coverage_mark")),
    )
    op.create_index("ix_coverage_mark_cell_id", "coverage_mark", ["cell_id"])
    op.create_table(
        "household",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("village_code", sa.String(12, collation="C"), nullable=False),
        sa.Column("cell_id", sa.Uuid(), nullable=True),
        sa.Column("group_name", sa.String(length=40), nullable=True),
        sa.Column("address", sa.String(length=120), nullable=False),
        sa.Column("head_name", sa.String(length=64), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=True),
        sa.Column("size", sa.SmallInteger(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.String(length=24)), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "vacant",
                "moved",
                "demolished",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("do_not_disturb", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "point", Geometry(geometry_type="POINT", srid=4326, spatial_index=False), nullable=True
        ),
        sa.Column(
            "point_source",
            sa.Enum(
                "wgs84",
                "cgcs2000",
                "gcj02",
                "bd09",
                name="system",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("last_met_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "tags <@ ARRAY['key', 'poor', 'empty_nest', 'left_behind', 'disabled', 'migrant', 'correction']::varchar[]",
            name=op.f("ck_household_tags"),
        ),
        sa.CheckConstraint(
            "(point IS NULL) = (point_source IS NULL)", name=op.f("ck_household_point_source")
        ),
        sa.CheckConstraint("accuracy_m >= 0", name=op.f("ck_household_accuracy")),
        sa.CheckConstraint("size >= 0 AND size < 200", name=op.f("ck_household_size")),
        sa.ForeignKeyConstraint(
            ["cell_id", "village_code"],
            ["cell.id", "cell.village_code"],
            name=op.f("fk_household_cell_id"),
        ),
        sa.ForeignKeyConstraint(
            ["village_code"], ["jurisdiction.code"], name=op.f("fk_household_village_code")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household")),
        sa.UniqueConstraint(
            "village_code", "number", name=op.f("uq_household_village_code_number")
        ),
    )
    op.create_index("idx_household_point", "household", ["point"], postgresql_using="gist")
    op.create_index("ix_household_cell_id_status", "household", ["cell_id", "status"])
    op.create_table(
        "membership",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "duty",
            sa.Enum(
                "leader",
                "full_time",
                "part_time",
                "guide",
                "other",
                name="duty",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("to_date", sa.Date(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("team_id"), "="),
            (sa.column("user_id"), "="),
            (sa.text("daterange(from_date, to_date, '[)')"), "&&"),
            using="gist",
            name="ex_membership_period",
        ),
        sa.CheckConstraint("to_date > from_date", name=op.f("ck_membership_period")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_membership_team_id")),
        sa.ForeignKeyConstraint(["user_id"], ["account.id"], name=op.f("fk_membership_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_membership")),
    )
    op.create_index("ix_membership_user_id", "membership", ["user_id"])
    op.create_table(
        "visit",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("household_id", sa.Uuid(), nullable=False),
        sa.Column("visitor_id", sa.Uuid(), nullable=False),
        sa.Column("cell_id", sa.Uuid(), nullable=True),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("in_scope", sa.Boolean(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "regular",
                "ad_hoc",
                "follow_up",
                "notice",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
                "met",
                "nobody_home",
                "refused",
                "moved",
                name="outcome",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("typed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column(
            "point", Geometry(geometry_type="POINT", srid=4326, spatial_index=False), nullable=True
        ),
        sa.Column(
            "point_source",
            sa.Enum(
                "wgs84",
                "cgcs2000",
                "gcj02",
                "bd09",
                name="system",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column("accuracy_m", sa.Double(), nullable=True),
        sa.Column("said", sa.String(length=64), nullable=False),
        sa.CheckConstraint(
            "(point IS NULL) = (point_source IS NULL)", name=op.f("ck_visit_point_source")
        ),
        sa.CheckConstraint("accuracy_m >= 0", name=op.f("ck_visit_accuracy")),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_visit_period")),
        sa.ForeignKeyConstraint(["cell_id"], ["cell.id"], name=op.f("fk_visit_cell_id")),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_visit_household_id")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_visit_team_id")),
        sa.ForeignKeyConstraint(["visitor_id"], ["account.id"], name=op.f("fk_visit_visitor_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit")),
    )
    op.create_index("ix_visit_cell_id_started_at", "visit", ["cell_id", "started_at"])
    op.create_index(
        "ix_visit_met",
        "visit",
        ["household_id", "started_at"],
        postgresql_where=sa.text("outcome = 'met'"),
    )
    op.create_index("ix_visit_visitor_id_started_at", "visit", ["visitor_id", "started_at"])
    op.create_table(
        "issue",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.String(length=24), nullable=False),
        sa.Column("category_code", sa.String(length=40), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "visit",
                "window",
                "hotline",
                "resident",
                "inspection",
                "superior",
                name="channel",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("resident_name", sa.String(length=64), nullable=True),
        sa.Column("resident_phone", sa.String(length=20), nullable=True),
        sa.Column("reported_by_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=True),
        sa.Column("household_id", sa.Uuid(), nullable=True),
        sa.Column("village_code", sa.String(12, collation="C"), nullable=False),
        sa.Column("cell_id", sa.Uuid(), nullable=True),
        sa.Column("address", sa.String(length=120), nullable=False),
        sa.Column(
            "point", Geometry(geometry_type="POINT", srid=4326, spatial_index=False), nullable=True
        ),
        sa.Column(
            "point_source",
            sa.Enum(
                "wgs84",
                "cgcs2000",
                "gcj02",
                "bd09",
                name="system",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "reported",
                "accepted",
                "dispatched",
                "handling",
                "reviewing",
                "closed",
                "declined",
                name="status",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("step_no", sa.Integer(), nullable=False),
        sa.Column("desk_code", sa.String(12, collation="C"), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("limit_days", sa.SmallInteger(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "rating",
            sa.Enum(
                "satisfied",
                "fairly",
                "not",
                name="rating_value",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(status IN ('closed', 'declined')) = (closed_at IS NOT NULL)",
            name=op.f("ck_issue_closed"),
        ),
        sa.CheckConstraint(
            "(status IN ('dispatched', 'handling', 'reviewing')) = (team_id IS NOT NULL)",
            name=op.f("ck_issue_held"),
        ),
        sa.CheckConstraint("rating IS NULL OR status = 'closed'", name=op.f("ck_issue_rating")),
        sa.CheckConstraint(
            "(point IS NULL) = (point_source IS NULL)", name=op.f("ck_issue_point_source")
        ),
        sa.CheckConstraint("limit_days >= 1", name=op.f("ck_issue_limit_days")),
        sa.CheckConstraint("starts_with(village_code, desk_code)", name=op.f("ck_issue_desk")),
        sa.CheckConstraint("step_no >= 1", name=op.f("ck_issue_step_no")),
        sa.ForeignKeyConstraint(
            ["category_code"], ["category.code"], name=op.f("fk_issue_category_code")
        ),
        sa.ForeignKeyConstraint(["cell_id"], ["cell.id"], name=op.f("fk_issue_cell_id")),
        sa.ForeignKeyConstraint(
            ["desk_code"], ["jurisdiction.code"], name=op.f("fk_issue_desk_code")
        ),
        sa.ForeignKeyConstraint(
            ["household_id"], ["household.id"], name=op.f("fk_issue_household_id")
        ),
        sa.ForeignKeyConstraint(
            ["reported_by_id"], ["account.id"], name=op.f("fk_issue_reported_by_id")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_issue_team_id")),
        sa.ForeignKeyConstraint(
            ["village_code"], ["jurisdiction.code"], name=op.f("fk_issue_village_code")
        ),
        sa.ForeignKeyConstraint(["visit_id"], ["visit.id"], name=op.f("fk_issue_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue")),
        sa.UniqueConstraint("number", name=op.f("uq_issue_number")),
    )
    op.create_index("idx_issue_point", "issue", ["point"], postgresql_using="gist")
    op.create_index("ix_issue_cell_id", "issue", ["cell_id"])
    op.create_index("ix_issue_desk_code_status", "issue", ["desk_code", "status"])
    op.create_index("ix_issue_household_id", "issue", ["household_id"])
    op.create_index(
        "ix_issue_open_due", "issue", ["due_at"], postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_index("ix_issue_reported_at_id", "issue", ["reported_at", "id"])
    op.create_index("ix_issue_team_id_status", "issue", ["team_id", "status"])
    op.create_index("ix_issue_village_code", "issue", ["village_code"])
    op.create_table(
        "step",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("issue_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column(
            "action",
            sa.Enum(
                "report",
                "accept",
                "decline",
                "dispatch",
                "sign",
                "return",
                "feed_back",
                "pass_review",
                "fail_review",
                "reopen",
                "evaluate",
                name="action",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status_before",
            sa.Enum(
                "reported",
                "accepted",
                "dispatched",
                "handling",
                "reviewing",
                "closed",
                "declined",
                name="status_before_value",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=True,
        ),
        sa.Column(
            "status_after",
            sa.Enum(
                "reported",
                "accepted",
                "dispatched",
                "handling",
                "reviewing",
                "closed",
                "declined",
                name="status_after_value",
                native_enum=False,
                create_constraint=True,
                length=24,
            ),
            nullable=False,
        ),
        sa.Column("desk_code", sa.String(12, collation="C"), nullable=False),
        sa.Column("team_before_id", sa.Uuid(), nullable=True),
        sa.Column("team_after_id", sa.Uuid(), nullable=True),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("said", sa.String(length=64), nullable=False),
        sa.CheckConstraint("(seq = 1) = (status_before IS NULL)", name=op.f("ck_step_first")),
        sa.CheckConstraint("seq >= 1", name=op.f("ck_step_seq")),
        sa.ForeignKeyConstraint(["actor_id"], ["account.id"], name=op.f("fk_step_actor_id")),
        sa.ForeignKeyConstraint(
            ["desk_code"], ["jurisdiction.code"], name=op.f("fk_step_desk_code")
        ),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_step_issue_id")),
        sa.ForeignKeyConstraint(["team_after_id"], ["team.id"], name=op.f("fk_step_team_after_id")),
        sa.ForeignKeyConstraint(
            ["team_before_id"], ["team.id"], name=op.f("fk_step_team_before_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step")),
        sa.UniqueConstraint("issue_id", "seq", name=op.f("uq_step_issue_id_seq")),
    )
    op.create_index("ix_step_actor_id_received_at", "step", ["actor_id", "received_at"])
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END $$
    """)
    for table in APPEND_ONLY:
        op.execute(f"""
            CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
        """)


def downgrade() -> None:
    op.drop_table("step")
    op.drop_table("issue")
    op.drop_table("visit")
    op.drop_table("membership")
    op.drop_table("household")
    op.drop_table("coverage_mark")
    op.drop_table("coverage_day")
    op.drop_table("assignment")
    op.drop_table("team")
    op.drop_table("post")
    op.drop_table("event")
    op.drop_table("device_token")
    op.drop_table("cell")
    op.drop_table("jurisdiction")
    op.drop_table("category")
    op.drop_table("account")
    op.execute("DROP FUNCTION refuse_change()")
