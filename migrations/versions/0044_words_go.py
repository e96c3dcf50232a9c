"""What people wrote in a closed chain, and in answers, may go after its period; nothing else changes.

A step and an answer could not be changed at all. Now the database lets their words be replaced by
a dash, those of a step only when its issue is closed, and refuses every other change as before.
"""

from alembic import op

revision = "0044"
down_revision = "0043"

FUNCTIONS = """
    CREATE FUNCTION words_gone(said jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
        SELECT coalesce(jsonb_object_agg(key, CASE
            WHEN key IN ('result', 'answer', 'basis', 'instead') THEN '"—"' ELSE value END), '{}')
        FROM jsonb_each(said)
    $$;
    CREATE FUNCTION step_lets_go() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        gone step := OLD;
    BEGIN
        gone.words := CASE OLD.words WHEN '' THEN '' ELSE '—' END;
        gone.data := words_gone(OLD.data);
        IF NEW IS DISTINCT FROM gone OR NOT EXISTS (
            SELECT FROM issue WHERE id = OLD.issue_id AND closed_at IS NOT NULL
        ) THEN
            RAISE EXCEPTION 'rows of step are never changed or deleted; words of closed issues may go'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$;
    CREATE FUNCTION answer_lets_go() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        gone answer := OLD;
    BEGIN
        gone.value := '—';
        IF NEW IS DISTINCT FROM gone OR NOT EXISTS (
            SELECT FROM question WHERE id = OLD.question_id AND asks = 'text'
        ) THEN
            RAISE EXCEPTION 'rows of answer are never changed or deleted; answers in words may go'
                USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
    END $$;
"""
TABLES = ("step", "answer")


def _append_only(table: str, refused: str) -> None:
    op.execute(f"DROP TRIGGER append_only ON {table}")
    op.execute(f"""
        CREATE TRIGGER append_only BEFORE {refused} ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(FUNCTIONS)
    for table in TABLES:
        _append_only(table, "DELETE OR TRUNCATE")
        op.execute(f"""
            CREATE TRIGGER lets_go BEFORE UPDATE ON {table}
            FOR EACH ROW EXECUTE FUNCTION {table}_lets_go()
        """)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in TABLES:
        op.execute(f"DROP TRIGGER lets_go ON {table}")
        op.execute(f"DROP FUNCTION {table}_lets_go()")
        _append_only(table, "UPDATE OR DELETE OR TRUNCATE")
    op.execute("DROP FUNCTION words_gone(jsonb)")
