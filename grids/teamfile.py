"""Brings teams in from a table: one row for each member or cell of a team."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from grids import holding, staffing
from grids.models import Assignment, Cell, Duty, Membership, Team
from grids.permissions import holds_on
from gridserve import workdays
from gridserve.db import db
from gridserve.errors import Problem
from gridserve.people import User
from gridserve.permissions import Permission, may
from gridserve.tables import reading, values
from gridserve.tables.columns import Column
from gridserve.tables.reading import Row, Table
from gridserve.tables.report import Report

DUTIES: dict[str, Any] = {
    "网格长": Duty.LEADER, "专职网格员": Duty.FULL_TIME, "专职": Duty.FULL_TIME,
    "兼职网格员": Duty.PART_TIME, "兼职": Duty.PART_TIME, "网格指导员": Duty.GUIDE,
    "指导员": Duty.GUIDE, "其他": Duty.OTHER, "其他力量": Duty.OTHER,
    **{duty.value: duty for duty in Duty},
}  # fmt: skip
LEADS: dict[str, Any] = {"主责": True, "协同": False, "主责团队": True, "协同团队": False,
                         **values.YES_NO}  # fmt: skip


def _codes(value: Any) -> list[str]:
    parts = str(value).replace("，", "、").replace(",", "、").replace(" ", "、").split("、")
    read = values.digits(15)
    return list(dict.fromkeys(read(part) for part in parts if part))


def cells(value: Any) -> list[str]:
    """Cell codes with 、 or a comma between them."""
    return _codes(value) if isinstance(value, str) else [values.digits(15)(value)]


COLUMNS = (
    Column("team", "团队", values.text(80), ("团队名称", "网格团队", "team name"), needed=True,
           width=20, example="示例第1网格团队",
           help=_l("Name of the team within its jurisdiction.")),
    Column("jurisdiction", "辖区编码", values.digits(9, 12), ("村编码", "乡镇编码"), needed=True,
           width=16, example="530626101201", help=_l("The team's village (or township).")),
    Column("cells", "网格编码", cells, ("网格", "负责网格"), width=20, example="530626101201001",
           help=_l("Cells that the team answers for, 15 digits each, with 、 between them.")),
    Column("lead", "主责", values.word(LEADS), ("主责或协同", "主责团队"), width=10, example="主责",
           choices=("主责", "协同"),
           help=_l("Whether the team leads for these cells or supports.")),
    Column("login", "成员账号", values.label(64), ("账号", "登录名"), width=18,
           example="wang.fang", help=_l("The member's login; or the name, where it is unique.")),
    Column("member", "成员姓名", values.text(64), ("成员", "姓名"), example="王芳",
           help=_l("The member's name.")),
    Column("duty", "职责", values.word(DUTIES), ("分工", "身份"), width=14, example="网格长",
           choices=("网格长", "专职网格员", "兼职网格员", "网格指导员", "其他"),
           help=_l("The member's duty; full-time unless given.")),
    Column("from_date", "开始日期", values.day(), ("起始日期", "from"), width=14,
           example="2026-11-01", help=_l("First day; today unless given.")),
    Column("to_date", "结束日期", values.day(), ("截止日期", "to"), width=14,
           help=_l("The first day no longer; open unless given.")),
)  # fmt: skip
ABOUT = (
    _l("One row for each member, or for each cell of a team; both may stand in one row."),
    _l("What is stored already changes nothing. No membership and no cell ends by an import: that "
       "is done on the team's page."),
)  # fmt: skip


def import_teams(
    data: bytes, *, by: User, skip_bad: bool = False,
    say: Callable[[str], object] = lambda words: None,
) -> Report:  # fmt: skip
    """Make teams, let people serve in them and let them answer for cells, in the name of `by`.

    A team is known again by jurisdiction and name. Each row is whole or not at all. Raises
    `BadTable`; the caller commits, or rolls back for a dry run.
    """
    say(_("Reading…"))
    table = reading.read(data, COLUMNS)
    report = Report.of(table)
    say(_("Checking…"))
    for row in table.rows:
        for key in ("team", "jurisdiction"):
            if key not in row.values and not any(f.column == table.titles[key] for f in row.faults):
                row.blame(table.titles[key], _("This is missing."), _("Fill it in."))
    for row in report.gather(table.rows):
        try:
            with db.session.begin_nested():
                outcome = _take(table, row, by)
        except Problem as problem:
            words = [str(problem.detail or "")]
            words += [text for texts in (problem.errors or {}).values() for text in texts]
            row.blame("", " ".join(filter(None, words)) or str(problem.title),
                      _("Mend the row, or change the team on its page."))  # fmt: skip
        except _Unknown as unknown:
            row.blame(table.titles[unknown.key], unknown.reason, unknown.mend)
        else:
            setattr(report, outcome, getattr(report, outcome) + 1)
    report.faults = []
    report.gather(table.rows)
    report.stored = skip_bad or not report.faults
    return report


class _Unknown(Exception):
    """A person of the table who cannot be found."""

    def __init__(self, key: str, reason: str, mend: str) -> None:
        super().__init__(reason)
        self.key, self.reason, self.mend = key, reason, mend


def _take(table: Table, row: Row, by: User) -> str:
    """Do what a row says; gives which of the report's counts it belongs to."""
    said, day = row.values, row.values.get("from_date") or workdays.today()
    if not may(by, Permission.GROUND_WRITE, said["jurisdiction"]):
        raise _Unknown("jurisdiction", _("%(code)s lies outside your jurisdiction.",
                                         code=said["jurisdiction"]),
                       _("Leave the row out, or ask whoever is in charge there."))  # fmt: skip
    team_id = db.session.scalar(
        select(Team.id).where(
            Team.jurisdiction_code == said["jurisdiction"], Team.name == said["team"],
            Team.to_date.is_(None),
        ).order_by(Team.id).limit(1)
    )  # fmt: skip
    outcome = "same" if team_id else "new"
    if team_id is None:
        asked = {"id": uuid.uuid4(), "name": said["team"], "jurisdiction": said["jurisdiction"]}
        team_id = staffing.create_team(asked, by=by).id
    team = staffing.locked_team(team_id, by)
    changed = False
    if "login" in said or "member" in said:
        changed |= _serve(team, said, day, by)
    for code in said.get("cells", ()):
        changed |= _hold(team, code, said, day, by)
    return "changed" if changed and outcome == "same" else outcome


def _serve(team: Team, said: dict[str, Any], day: date, by: User) -> bool:
    user = _person(team, said, day)
    held = db.session.scalar(
        select(Membership).where(
            Membership.team_id == team.id, Membership.user_id == user.id,
            holds_on(Membership, max(day, workdays.today())),
        )
    )  # fmt: skip
    duty = said.get("duty")
    if held is None:
        member = {
            "id": uuid.uuid4(), "user": user.id, "duty": duty or Duty.FULL_TIME, "from_date": day,
            "to_date": said.get("to_date"),
        }  # fmt: skip
        staffing.add_member(team, member, by=by)
        return True
    if duty is None or held.duty is duty:
        return False
    staffing.change_duty(team, held, duty, max(day, workdays.today()), by=by)
    return True


def _person(team: Team, said: dict[str, Any], day: date) -> User:
    able = staffing.candidates(team.jurisdiction_code, max(day, workdays.today()))
    key = "login" if "login" in said else "member"
    if key == "login":
        able = able.where(User.login == said["login"].lower())
    else:
        able = able.where(User.name == said["member"])
    found = db.session.scalars(able.limit(2)).all()
    if len(found) > 1:
        raise _Unknown(key, _("Several people of the township have this name."),
                       _("Give the login in the column “成员账号”."))  # fmt: skip
    if not found:
        raise _Unknown(
            key, _("Nobody of this name or login can serve here."),
            _("Import the account first, with a cadre's post in this township."),
        )  # fmt: skip
    return found[0]


def _hold(team: Team, code: str, said: dict[str, Any], day: date, by: User) -> bool:
    held = db.session.scalar(
        select(Assignment)
        .join(Cell, Cell.id == Assignment.cell_id)
        .where(Assignment.team_id == team.id, Cell.code == code)
        .where(holds_on(Assignment, max(day, workdays.today())))
    )
    if held is None:
        asked = {
            "id": uuid.uuid4(), "cell": code, "lead": said.get("lead", True), "from_date": day,
            "to_date": said.get("to_date"),
        }  # fmt: skip
        holding.assign(team, asked, by=by)
        return True
    if said.get("lead") and not held.lead:
        holding.lead(team, held.id, max(day, workdays.today()), by=by)
        return True
    return False
