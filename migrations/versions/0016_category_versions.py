"""Categories say what is needed for them, by which rule and at which level; their terms have versions.

Issues that are there keep the first version, which is what held until now.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

LIMITS = ("limit", "accept", "handle", "review")
UNITS = ("urgent_hour", "working_hour", "working_day", "calendar_day")
PROMISES = ("at_once", "within_limit", "not_here")
TIERS = ("village", "township", "county")
TERMS = (
    "parent_code", "name", "name_en", "promise", "tier", "materials", "basis", "to_cells",
    "sensitive", "about_staff", "active", *(f"{name}_{part}" for name in LIMITS for part in ("amount", "unit")),
)  # fmt: skip
NAMED = ("category_code", "version", "at")
# The families that the first catalogue did not have, and what of it now belongs to which; the
# other three kept their code.
FAMILIES = (("society", "社会管理", "Public order and services"),)
BELOW = {"society": ("facility", "water", "power", "environment", "safety", "policy")}
RENAMED = (
    ("welfare", "民生保障", "民政", "Civil affairs"),
    ("farming", "农业生产", "惠农", "Farming and rural benefits"),
    ("health", "医疗卫生", "计生卫健", "Health and family"),
    ("dispute", "矛盾纠纷", "矛盾纠纷调处", "Disputes"),
)


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def upgrade() -> None:
    for name, kind, default in (
        ("version", sa.Integer(), "1"), ("tier", sa.String(24), "township"),
        ("materials", sa.Text(), ""), ("basis", sa.Text(), ""), ("to_cells", sa.Boolean(), "true"),
    ):  # fmt: skip
        op.add_column("category", sa.Column(name, kind, nullable=False, server_default=default))
        op.alter_column("category", name, server_default=None)
    op.create_check_constraint(op.f("ck_category_version"), "category", "version >= 1")
    op.create_check_constraint(op.f("ck_category_tier"), "category", f"tier IN ({_listed(TIERS)})")
    _families()
    _versions()
    rows = sa.table("category", *map(sa.column, ("code", *TERMS)))
    versions = sa.table("category_version", *map(sa.column, NAMED + TERMS))
    first = sa.select(rows.c.code, sa.literal(1), sa.func.now(), *(rows.c[n] for n in TERMS))
    op.execute(versions.insert().from_select([*NAMED, *TERMS], first))
    op.add_column(
        "issue", sa.Column("category_version", sa.Integer(), nullable=False, server_default="1")
    )
    op.alter_column("issue", "category_version", server_default=None)
    op.execute("""
        ALTER TABLE issue ADD CONSTRAINT fk_issue_category_code_category_version
        FOREIGN KEY (category_code, category_version)
        REFERENCES category_version (category_code, version) NOT VALID
    """)
    op.execute("ALTER TABLE issue VALIDATE CONSTRAINT fk_issue_category_code_category_version")


def downgrade() -> None:
    op.drop_constraint("fk_issue_category_code_category_version", "issue")
    op.drop_column("issue", "category_version")
    op.drop_table("category_version")
    for name in ("to_cells", "basis", "materials", "tier", "version"):
        op.drop_column("category", name)


def _families() -> None:
    """Put what was on top below one of the six families, where nobody has done otherwise."""
    for code, name, name_en in FAMILIES:
        op.execute(
            sa.text("""
                INSERT INTO category (code, name, name_en, promise, sensitive, active, version,
                    tier, materials, basis, to_cells, limit_amount, limit_unit, accept_amount,
                    accept_unit, handle_amount, handle_unit, review_amount, review_unit)
                SELECT :code, :name, :name_en, 'within_limit', false, true, 1, 'township', '', '',
                    true, 10, 'working_day', 4, 'working_hour', 10, 'working_day', 2, 'working_day'
                WHERE EXISTS (SELECT FROM category WHERE code = ANY (:below))
                ON CONFLICT DO NOTHING
            """).bindparams(code=code, name=name, name_en=name_en, below=list(BELOW[code]))
        )
        op.execute(
            sa.text("""
                UPDATE category SET parent_code = :family
                WHERE code = ANY (:below) AND parent_code IS NULL
            """).bindparams(family=code, below=list(BELOW[code]))
        )
    for code, old, new, english in RENAMED:
        op.execute(
            sa.text("""
                UPDATE category SET name = :new, name_en = :english WHERE code = :code AND name = :old
            """).bindparams(code=code, old=old, new=new, english=english)
        )


def _versions() -> None:
    op.create_table(
        "category_version",
        sa.Column("category_code", sa.String(40), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("parent_code", sa.String(40), nullable=True),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("name_en", sa.String(60), nullable=False),
        sa.Column("promise", sa.String(24), nullable=False),
        sa.Column("tier", sa.String(24), nullable=False),
        sa.Column("materials", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("to_cells", sa.Boolean(), nullable=False),
        sa.Column("sensitive", sa.Boolean(), nullable=False),
        sa.Column("about_staff", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("active", sa.Boolean(), nullable=False),
        *(
            column
            for name in LIMITS
            for column in (
                sa.Column(f"{name}_amount", sa.SmallInteger(), nullable=False),
                sa.Column(f"{name}_unit", sa.String(24), nullable=False),
            )
        ),
        sa.CheckConstraint("version >= 1", name=op.f("ck_category_version_version")),
        sa.CheckConstraint(
            f"promise IN ({_listed(PROMISES)})", name=op.f("ck_category_version_promise")
        ),
        sa.CheckConstraint(f"tier IN ({_listed(TIERS)})", name=op.f("ck_category_version_tier")),
        *(
            check
            for name in LIMITS
            for check in (
                sa.CheckConstraint(
                    f"{name}_unit IN ({_listed(UNITS)})",
                    name=op.f(f"ck_category_version_{name}_unit"),
                ),
                sa.CheckConstraint(
                    f"{name}_amount BETWEEN 1 AND 2000",
                    name=op.f(f"ck_category_version_{name}_amount"),
                ),
            )
        ),
        sa.ForeignKeyConstraint(
            ["category_code"], ["category.code"], name=op.f("fk_category_version_category_code")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_category_version_by_id")),
        sa.PrimaryKeyConstraint("category_code", "version", name=op.f("pk_category_version")),
    )
    op.execute("""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON category_version
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)
