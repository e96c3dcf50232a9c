"""Telephone numbers, what phones sent and was refused, and files to import lie sealed.

Rows are sealed a batch at a time, each batch in a transaction of its own, and the clear value goes
in the same step; stopped in the middle, it goes on where it was. Nobody should write meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic import op

from gridserve.sealed import SealedBytes, SealedPhone, SealedText
from gridserve.sealing import data_keys, keyed

revision = "0035"
down_revision = "0034"

WHOLE, END = "substring({} from 6 for 8)", "substring({} from 14 for 4)"
DIGITS = "reverse(regexp_replace(resident_phone, '[^0-9]', '', 'g'))"
PRESENT = "resident_phone IS NOT NULL"


class Clear(NamedTuple):
    """A column that is sealed, how, what it was, and how many rows go at once."""

    table: str
    column: str
    sealed: Any
    was: str
    at_once: int = 1000
    needed: bool = False

    def is_now(self, connection: sa.Connection) -> str:
        """The type that the column has."""
        found = sa.text("""SELECT format_type(atttypid, atttypmod) FROM pg_attribute
            WHERE attrelid = to_regclass(quote_ident(:table)) AND attname = :column""")
        named = {"table": self.table, "column": self.column}
        return str(connection.scalar(found, named))


COLUMNS = (
    Clear("account", "phone", SealedPhone("account.phone"), "character varying(20)"),
    Clear("household", "phone", SealedPhone("household.phone"), "character varying(20)"),
    Clear("issue", "resident_phone", SealedPhone("issue.resident_phone"), "character varying(20)"),
    Clear("submission", "payload", SealedText("submission.payload"), "text", 100, True),
    Clear("import", "content", SealedBytes("import.content"), "bytea", 1),
)
# Digests of what held a number: with a key, so that nobody tries numbers out until one fits.
DIGESTS = (
    ("household", "said", "true"),
    ("step", "said", "seq = 1"),
    ("submission", "digest", "true"),
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP INDEX IF EXISTS ix_issue_phone")
    op.execute("ALTER TABLE issue DROP CONSTRAINT IF EXISTS ck_issue_anonymous")
    op.execute('ALTER TABLE "import" DROP CONSTRAINT IF EXISTS ck_import_content')
    for one in COLUMNS:
        _rename(one, _sealing(one), "bytea")
    op.execute("ALTER TABLE step DISABLE TRIGGER append_only")
    for table, column, which in DIGESTS:
        _key(table, column, which)
    op.execute("ALTER TABLE step ENABLE TRIGGER append_only")
    _rules()
    for table, column in (("account", "phone"), ("household", "phone"),
                          ("issue", "resident_phone")):  # fmt: skip
        op.create_check_constraint(
            op.f(f"ck_{table}_{column}_sealed"), table,
            f"get_byte({column}, 0) IN (1, 2) AND octet_length({column}) BETWEEN 45 AND 125",
        )  # fmt: skip
    _index("ix_issue_phone", WHOLE.format("resident_phone"), "whole")
    _index("ix_issue_phone_end", END.format("resident_phone"), "ending")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP INDEX IF EXISTS ix_issue_phone, ix_issue_phone_end")
    op.execute("ALTER TABLE issue DROP CONSTRAINT IF EXISTS ck_issue_anonymous")
    op.execute('ALTER TABLE "import" DROP CONSTRAINT IF EXISTS ck_import_content')
    for table, column in (("account", "phone"), ("household", "phone"),
                          ("issue", "resident_phone")):  # fmt: skip
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS ck_{table}_{column}_sealed")
    for one in COLUMNS:  # what was sent before is then a conflict when it is sent again
        _rename(one, _opening(one), one.was)
    _rules()
    op.create_index(
        "ix_issue_phone", "issue", [sa.literal_column(DIGITS).label("digits")],
        postgresql_ops={"digits": "text_pattern_ops"}, postgresql_where=sa.text(PRESENT),
    )  # fmt: skip


def _is_sealed(value: Any) -> bool:
    heads = tuple(bytes([cipher]) + name for cipher in (1, 2) for name in data_keys())
    return isinstance(value, bytes) and value.startswith(heads)


def _sealing(one: Clear) -> Callable[[Any], bytes]:
    """What a run that was stopped has turned stays as it is."""
    return lambda value: value if _is_sealed(value) else one.sealed.seal(value)


def _opening(one: Clear) -> Callable[[Any], Any]:
    return lambda value: one.sealed.read(one.sealed.open(value)) if _is_sealed(value) else value


def _rename(one: Clear, turned: Callable[[Any], Any], kind: str) -> None:
    """Put another column in the place of this one, each value turned into the new form."""
    table, connection = f'"{one.table}"', op.get_bind()
    if one.was != "bytea" and one.is_now(connection) == kind:
        return  # a run that was stopped has done it
    op.execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS turned {kind}")
    op.execute(f"ALTER TABLE {table} ALTER COLUMN {one.column} DROP NOT NULL")
    read = sa.text(f"""SELECT id, {one.column} FROM {table} WHERE {one.column} IS NOT NULL
        AND id > :after ORDER BY id LIMIT :most""")  # noqa: S608
    write = sa.text(f"""UPDATE {table} SET turned = :value, {one.column} = NULL
        WHERE id = :id""")  # noqa: S608
    after: Any = "00000000-0000-0000-0000-000000000000"
    with op.get_context().autocommit_block():
        while rows := connection.execute(read, {"after": after, "most": one.at_once}).all():
            values = [{"id": id_, "value": turned(value)} for id_, value in rows]
            with connection.engine.begin() as batch:
                batch.execute(write, values)
            after = rows[-1].id
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(f"ALTER TABLE {table} DROP COLUMN {one.column}")
    op.execute(f"ALTER TABLE {table} RENAME COLUMN turned TO {one.column}")
    if one.needed:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN {one.column} SET NOT NULL")


def _key(table: str, column: str, which: str) -> None:
    """Put the digests of a column under the present key."""
    read = sa.text(f"""SELECT id, {column} FROM {table} WHERE {which} AND {column} IS NOT NULL
        AND id > :after ORDER BY id LIMIT 1000""")  # noqa: S608
    write = sa.text(f"UPDATE {table} SET {column} = :value WHERE id = :id")  # noqa: S608
    connection, after = op.get_bind(), "00000000-0000-0000-0000-000000000000"
    while rows := connection.execute(read, {"after": after}).all():
        connection.execute(write, [{"id": r[0], "value": keyed(r[1])[0]} for r in rows])
        after = rows[-1].id


def _rules() -> None:
    op.create_check_constraint(
        op.f("ck_issue_anonymous"), "issue",
        "NOT anonymous OR num_nonnulls(resident_name, resident_phone) = 0",
    )  # fmt: skip
    op.create_check_constraint(
        op.f("ck_import_content"), "import",
        "state NOT IN ('checking', 'importing') OR content IS NOT NULL",
    )  # fmt: skip


def _index(name: str, expression: str, label: str) -> None:
    op.create_index(
        name, "issue", [sa.literal_column(expression).label(label)],
        postgresql_where=sa.text(PRESENT),
    )  # fmt: skip
