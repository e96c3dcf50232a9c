"""Lists of issues and one whole issue, within what the asker may see."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import ColumnElement, Select, and_, select, tuple_
from sqlalchemy.orm import joinedload, raiseload, selectinload

from grids.models import Cell, Level
from gridserve import workdays
from gridserve.db import db, now
from gridserve.people import User
from visits.issues import charge, clock
from visits.issues.chain import Status, Tier
from visits.issues.models import Category, CategoryVersion, Issue, Step
from visits.issues.operations import IssueUnknown
from visits.issues.permissions import visible_issues
from visits.issues.reckoning import is_overdue, weight_at
from visits.issues.search import matching
from visits.issues.trouble import in_trouble


def has_light(light: clock.Light, weight: ColumnElement[float]) -> ColumnElement[bool]:
    """Whether an issue of age `weight` shows `light`."""
    return {
        clock.Light.GREEN: weight < clock.AMBER_FROM,
        clock.Light.AMBER: and_(weight >= clock.AMBER_FROM, weight <= clock.RED_OVER),
        clock.Light.RED: and_(weight > clock.RED_OVER, weight <= clock.DEEP_RED_OVER),
        clock.Light.DEEP_RED: weight > clock.DEEP_RED_OVER,
    }[light]


def in_category(code: str) -> ColumnElement[bool]:
    """Whether an issue is of the category `code` or of one below it, at whatever depth."""
    tree = select(Category.code).where(Category.code == code).cte(recursive=True)
    tree = tree.union(select(Category.code).join(tree, Category.parent_code == tree.c.code))
    return Issue.category_code.in_(select(tree.c.code))


def of_tier(tier: Tier) -> ColumnElement[bool]:
    """Whether an issue should be solved at the level `tier`, by the terms that it was taken on."""
    terms = select(CategoryVersion.category_code, CategoryVersion.version)
    own = tuple_(Issue.category_code, Issue.category_version)
    return own.in_(terms.where(CategoryVersion.tier == tier))


def held_by(holder: str, team: ColumnElement[Any], desk: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether `holder` has an issue of `team` and `desk`: a team's id, or a desk's code."""
    if len(holder) <= Level.VILLAGE:
        return and_(team.is_(None), desk == holder)
    return team == uuid.UUID(holder)


def issues(user: User, filters: dict[str, Any]) -> Select[Issue]:
    """The issues that `user` may see and that pass `filters` (IssuesIn)."""
    # Complaints about staff have a list of their own, so that no figure tells of them.
    complaints = bool(filters.get("complaints"))
    # Not joined: that would be done for all that a search finds, before a page of it is taken.
    query = visible_issues(user, complaints=complaints).options(
        selectinload(Issue.team),
        selectinload(Issue.category),
        selectinload(Issue.village),
        raiseload("*"),
    )
    if complaints:
        query = query.where(Issue.about_staff)
    if filters.get("jurisdiction"):
        query = query.where(Issue.village_code.like(filters["jurisdiction"] + "%"))
    if filters.get("status"):
        query = query.where(Issue.status == filters["status"])
    if filters.get("cell"):
        query = query.where(Issue.cell.has(Cell.code == filters["cell"]))
    if filters.get("category"):
        query = query.where(in_category(filters["category"]))
    if filters.get("team"):
        query = query.where(Issue.team_id == filters["team"])
    if filters.get("holder"):
        columns = Issue.__table__.c
        query = query.where(held_by(filters["holder"], columns.team_id, columns.desk_code))
    if filters.get("tier"):
        query = query.where(of_tier(filters["tier"]))
    if filters.get("in_cell") is not None:
        in_cell = Issue.cell_id.is_not(None)
        query = query.where(in_cell if filters["in_cell"] else ~in_cell)
    if filters.get("open") is not None:
        query = query.where(
            Issue.closed_at.is_(None) if filters["open"] else Issue.closed_at.is_not(None)
        )
    if filters.get("light"):
        query = query.where(
            Issue.closed_at.is_(None), has_light(filters["light"], weight_at(now()))
        )
    if filters.get("overdue"):
        query = query.where(is_overdue())
    if filters.get("trouble"):
        query = query.where(in_trouble(filters["trouble"]))
    if filters.get("q"):
        query = query.where(matching(user, filters["q"]))
    if filters.get("due_from"):
        query = query.where(Issue.due_at >= workdays.start_of(filters["due_from"]))
    if filters.get("due_to"):
        query = query.where(Issue.due_at < workdays.end_of(filters["due_to"]))
    if filters.get("declined") is not None:
        declined = Issue.status == Status.DECLINED
        query = query.where(declined if filters["declined"] else ~declined)
    return query


def issue(user: User, issue_id: uuid.UUID) -> Issue:
    """One issue with its whole chain; IssueUnknown outside the user's scope."""
    found = db.session.scalar(
        visible_issues(user)
        .where(Issue.id == issue_id)
        .options(
            joinedload(Issue.team),
            joinedload(Issue.category),
            joinedload(Issue.cell),
            joinedload(Issue.village),
            joinedload(Issue.desk),
            joinedload(Issue.reported_by),
            joinedload(Issue.first),
            joinedload(Issue.household),
            joinedload(Issue.about),
            selectinload(Issue.steps).options(
                joinedload(Step.actor),
                joinedload(Step.for_whom),
                joinedload(Step.handler),
                joinedload(Step.team_after),
                selectinload(Step.photos),
            ),
        )
        .execution_options(populate_existing=True)
    )
    if found is None:
        raise IssueUnknown(_("No such issue in your scope."))
    return found


def charges(issues: Sequence[Issue]) -> dict[uuid.UUID, charge.Charge]:
    """Who acts on each of these today and for whom, in one query; those of nobody are missing."""
    held = [issue for issue in issues if issue.team_id and issue.closed_at is None]
    return charge.in_charge(held, workdays.today()) if held else {}


def in_charge(issue: Issue) -> charge.Charge | None:
    """Who acts on an issue today and for whom; None where the desk sees to it."""
    return charges([issue]).get(issue.id)
