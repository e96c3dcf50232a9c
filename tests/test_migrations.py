"""The migrations: one line of them, up, down and up again, ending at what the models say."""

from __future__ import annotations

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from geoalchemy2 import alembic_helpers
from sqlalchemy import select, text

from gridserve.db import Base, db
from gridserve.installation import MIGRATIONS
from gridserve.migrating import downgrade, upgrade
from gridserve.permissions import Role
from tests.factories import TOWNSHIP, Make
from visits.issues.models import Issue
from visits.models import Household


def test_there_is_one_head():
    assert len(ScriptDirectory(str(MIGRATIONS)).get_heads()) == 1


def test_up_down_and_up_again_ends_at_the_models(committed):
    downgrade("base")
    left = db.session.scalars(
        text(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
            "AND tablename NOT IN ('spatial_ref_sys', 'alembic_version')"
        )
    ).all()
    db.session.rollback()
    assert left == []
    upgrade()
    with db.engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"include_object": alembic_helpers.include_object, "compare_type": True},
        )
        assert compare_metadata(context, Base.metadata) == []


def test_spatial_columns_that_are_searched_have_gist_indexes(context):
    found = set(
        db.session.scalars(
            text(
                "SELECT tablename || '.' || indexname FROM pg_indexes "
                "WHERE indexdef LIKE '%USING gist%'"
            )
        )
    )
    assert {
        "jurisdiction.idx_jurisdiction_boundary",
        "cell.idx_cell_polygon",
        "household.idx_household_point",
        "issue.idx_issue_point",
    } <= found


def test_who_is_first_responsible_is_found_for_what_waits_already(committed):
    make = Make()
    waits, taken = (make.issue(make.household(make.cell(n)), clerk(make)) for n in (1, 2))
    make.step(taken, "accept", clerk(make))
    wanted = {waits.id: waits.reported_by_id, taken.id: None}
    db.session.remove()
    downgrade("0020")
    upgrade()
    found = db.session.execute(select(Issue.id, Issue.first_id)).all()
    assert dict(map(tuple, found)) == wanted


def test_numbers_are_sealed_where_they_lie_and_a_stopped_run_goes_on(committed):
    make = Make()
    home, clerk_ = make.household(make.cell(1)), clerk(make)
    issue = make.issue(home, clerk_)
    issue.resident_phone = "0870-7621234"
    db.session.commit()
    ids = home.id, issue.id
    db.session.remove()
    downgrade("0034")
    clear = db.session.scalars(
        text("SELECT phone FROM household UNION ALL SELECT resident_phone FROM issue")
    ).all()
    assert clear == ["13800001234", "0870-7621234"]
    # As a run leaves it that was stopped after its first batch.
    db.session.execute(text("ALTER TABLE household ADD COLUMN turned bytea"))
    sealed = Household.__table__.c.phone.type.seal("13800001234")
    done = text("UPDATE household SET turned = :sealed, phone = NULL")
    db.session.execute(done, {"sealed": sealed})
    db.session.commit()
    db.session.remove()
    upgrade()
    lies = db.session.scalar(text("SELECT phone FROM household"))
    assert bytes(lies) == sealed
    assert db.session.get(Household, ids[0]).phone == "13800001234"
    assert db.session.get(Issue, ids[1]).resident_phone == "0870-7621234"


def clerk(make):
    return make.user(Role.DISPATCHER, TOWNSHIP)
