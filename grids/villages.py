"""Finds the villages and jurisdictions that the rows of a table name, by code or by name."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from flask_babel import gettext as _
from sqlalchemy import select, true

from grids.models import Jurisdiction, Level, short_name
from gridserve.db import db
from gridserve.people import User
from gridserve.permissions import Permission, Role, covers, scopes, within
from gridserve.tables.raw import BadTable
from gridserve.tables.reading import Row, Table

# Who writes, by which permission, held in which roles; None on the command line: everywhere.
Scope = tuple[User, Permission, Sequence[Role]] | None
ENDINGS = ("", "村民委员会", "村委会", "社区居民委员会", "社区居委会", "居民委员会", "居委会")


def prefixes(scope: Scope) -> list[str]:
    """The code prefixes within which a scope may write."""
    if scope is None:
        return [""]
    user, permission, roles = scope
    return scopes(user, permission, among=roles)


def find_villages(table: Table, scope: Scope) -> dict[str, Jurisdiction]:
    """Put `village_code` into each row that has a code or a name; gives the villages by code.

    Columns: `village_code`, or `village` with `township` (name or code) where names repeat. Rows
    whose village is not known, or lies outside the scope, are at fault. Raises `BadTable`.
    """
    if not {"village_code", "village"} & table.keys:
        raise BadTable(
            _("The column “%(code)s” or “%(name)s” is missing.", code=table.titles["village_code"],
              name=table.titles["village"])
        )  # fmt: skip
    allowed = prefixes(scope)
    codes = {row.values["village_code"] for row in table.rows if "village_code" in row.values}
    named = [row for row in table.rows if "village_code" not in row.values]
    found = _by_code(codes)
    by_name = _by_name({row.values["village"] for row in named if "village" in row.values}, allowed)
    townships = _townships(table)
    for row in table.rows:
        code = row.values.get("village_code")
        if code is None:
            _take_named(table, row, by_name, townships)
        elif code not in found:
            row.blame(table.titles["village_code"],
                      _("No village has the code %(code)s.", code=code),
                      _("Give the 12 digits of a village of the code table."))  # fmt: skip
        elif not covers(allowed, code):
            row.blame(table.titles["village_code"],
                      _("The village %(code)s lies outside your jurisdiction.", code=code),
                      _("Leave the row out, or ask whoever is in charge there."))  # fmt: skip
    return found | {v.code: v for villages in by_name.values() for v in villages}


def _by_code(codes: set[str]) -> dict[str, Jurisdiction]:
    rows = select(Jurisdiction).where(
        Jurisdiction.code.in_(sorted(codes)), Jurisdiction.level == Level.VILLAGE
    )
    return {village.code: village for village in db.session.scalars(rows)} if codes else {}


def _by_name(names: set[str], allowed: list[str]) -> dict[str, list[Jurisdiction]]:
    """The villages of the scope by the name that people say."""
    spelt = {_bare(name) + ending for name in names for ending in (*ENDINGS, "村", "社区")}
    if not names:
        return {}
    rows = select(Jurisdiction).where(
        Jurisdiction.name.in_(sorted(spelt)), Jurisdiction.level == Level.VILLAGE,
        within(Jurisdiction.code, allowed) if allowed else ~true(),
    ).order_by(Jurisdiction.code)  # fmt: skip
    found: dict[str, list[Jurisdiction]] = defaultdict(list)
    for village in db.session.scalars(rows):
        found[_bare(village.name)].append(village)
    return found


def _bare(name: str) -> str:
    """田坝村, 田坝村民委员会, 田坝 → 田坝."""
    short = short_name(name.strip())
    for ending in ("社区", "村"):
        if short.endswith(ending) and short != ending:
            return short.removesuffix(ending)
    return short


def _take_named(
    table: Table, row: Row, by_name: dict[str, list[Jurisdiction]], townships: dict[str, set[str]]
) -> None:
    name, township = row.values.get("village"), row.values.get("township")
    if name is None:
        if not row.faults:
            row.blame(table.titles["village_code"], _("The row names no village."),
                      _("Give the village's code of 12 digits, or its name."))  # fmt: skip
        return
    fitting = by_name.get(_bare(name), [])
    exact = [v for v in fitting if name in (v.name, short_name(v.name))]
    fitting = exact or fitting
    if township is not None:
        above = townships.get(str(township), set())
        fitting = [v for v in fitting if v.parent_code in above]
    if len(fitting) == 1:
        row.values["village_code"] = fitting[0].code
    elif fitting:
        row.blame(
            table.titles["village"],
            _("%(n)s villages of your jurisdiction are called so.", n=len(fitting)),
            _("Add a column “村编码” with the code (%(codes)s …), or “乡镇”.",
              codes="、".join(v.code for v in fitting[:3])),
        )  # fmt: skip
    else:
        row.blame(
            table.titles["village"],
            _("No village of your jurisdiction is called “%(name)s”.", name=name[:40]),
            _("Mend the name, or give the village's code of 12 digits."),
        )


def _townships(table: Table) -> dict[str, set[str]]:
    """The codes of the townships that each code or name of the table may mean."""
    said = {str(row.values["township"]) for row in table.rows if "township" in row.values}
    spelt = {name: {name + e for e in ("", "镇", "乡", "街道", "街道办事处")} for name in said}
    rows = select(Jurisdiction.name, Jurisdiction.code).where(
        Jurisdiction.name.in_(sorted(set().union(*spelt.values())))
        | Jurisdiction.code.in_(sorted(said)),
        Jurisdiction.level == Level.TOWNSHIP,
    )
    found = db.session.execute(rows).all() if said else []
    return {
        name: {row.code for row in found if row.code == name or row.name in spelt[name]}
        for name in said
    }
