"""Who may do what: roles, what each role may, and where (a scope is a code prefix)."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, false, or_, true

from gridserve import workdays

if TYPE_CHECKING:
    from gridserve.people import User


class Role(enum.StrEnum):
    CADRE = "cadre"
    DISPATCHER = "dispatcher"
    LEADER = "leader"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class Permission(enum.StrEnum):
    """What an endpoint may ask for."""

    ACCOUNT = "account"  # one's own account: everybody
    ACCOUNTS = "accounts"  # those of others, and their posts
    GROUND_READ = "ground.read"  # jurisdictions, cells, teams
    GROUND_WRITE = "ground.write"
    HOUSEHOLD_READ = "household.read"
    HOUSEHOLD_WRITE = "household.write"
    VISIT_READ = "visit.read"
    VISIT_RECORD = "visit.record"
    ISSUE_READ = "issue.read"
    ISSUE_REPORT = "issue.report"
    ISSUE_STEP = "issue.step"  # which steps: visits/issues/chain.py
    ISSUE_DESK = "issue.desk"
    ISSUE_COMPLAINTS = "issue.complaints"  # about staff: their queue, and acting as their desk
    ISSUE_URGE = "issue.urge"  # and closing by force, together with another leader
    FIGURES_READ = "figures.read"
    DOCUMENTS = "documents"  # registers and sheets; which kinds: gridserve/documents/kinds.py
    ANNOUNCE = "announce"  # notices and questionnaires
    VISIT_REVIEW = "visit.review"  # hints, and confirming with residents
    REVEAL = "reveal"  # a name and phone that lie masked before one, for a purpose
    REVEAL_REVIEW = "reveal.review"  # who had what shown
    RETENTION_READ = "retention.read"  # what is kept for how long, and what went
    REQUESTS = "requests"  # of residents, about what is kept of them
    REQUESTS_DECIDE = "requests.decide"
    AUDIT_READ = "audit.read"
    IMPORT = "import"  # files; which kinds: gridserve/imports/kinds.py
    CALENDAR_WRITE = "calendar.write"
    GATEWAY = "gateway"  # how people are told outside the pages
    CATEGORY_READ = "category.read"
    CATEGORY_WRITE = "category.write"


_P = Permission
# What each is called when somebody lacks it.
WORDS: dict[Permission, Any] = {
    _P.ACCOUNT: _l("the own account"),
    _P.ACCOUNTS: _l("keeping accounts and posts (administrators)"),
    _P.GROUND_READ: _l("looking at jurisdictions, cells and teams"),
    _P.GROUND_WRITE: _l("keeping jurisdictions, cells and teams (administrators)"),
    _P.HOUSEHOLD_READ: _l("looking at households"),
    _P.HOUSEHOLD_WRITE: _l("changing households"),
    _P.VISIT_READ: _l("looking at visits"),
    _P.VISIT_RECORD: _l("recording visits (field cadres)"),
    _P.ISSUE_READ: _l("looking at issues"),
    _P.ISSUE_REPORT: _l("reporting issues"),
    _P.ISSUE_STEP: _l("handling issues"),
    _P.ISSUE_DESK: _l("the desk (dispatchers)"),
    _P.ISSUE_COMPLAINTS: _l("complaints about staff (leaders)"),
    _P.ISSUE_URGE: _l("urging (leaders)"),
    _P.FIGURES_READ: _l("figures and maps"),
    _P.DOCUMENTS: _l("registers and sheets (leaders, dispatchers)"),
    _P.ANNOUNCE: _l("publishing notices and questionnaires (leaders, dispatchers)"),
    _P.VISIT_REVIEW: _l("looking through hints on visits (leaders, dispatchers)"),
    _P.REVEAL: _l("having names and numbers shown (leaders, dispatchers)"),
    _P.REVEAL_REVIEW: _l("who had numbers shown (administrators, auditors)"),
    _P.RETENTION_READ: _l("periods of keeping (administrators, auditors)"),
    _P.REQUESTS: _l("residents' requests (leaders, dispatchers)"),
    _P.REQUESTS_DECIDE: _l("deciding residents' requests (leaders)"),
    _P.AUDIT_READ: _l("the audit trail (auditors)"),
    _P.IMPORT: _l("importing files (dispatchers, administrators)"),
    _P.CALENDAR_WRITE: _l("keeping the working calendar (administrators)"),
    _P.GATEWAY: _l("keeping gateways for messages (administrators)"),
    _P.CATEGORY_READ: _l("looking at the catalogue of categories"),
    _P.CATEGORY_WRITE: _l("keeping the catalogue of categories (administrators of the county)"),
}
GRANTS: dict[Role, frozenset[Permission]] = {
    Role.CADRE: frozenset(
        {
            _P.ACCOUNT,
            _P.GROUND_READ,
            _P.HOUSEHOLD_READ,
            _P.HOUSEHOLD_WRITE,
            _P.VISIT_READ,
            _P.VISIT_RECORD,
            _P.ISSUE_READ,
            _P.CATEGORY_READ,
            _P.ISSUE_REPORT,
            _P.ISSUE_STEP,
            _P.FIGURES_READ,
        }
    ),
    Role.DISPATCHER: frozenset(
        {
            _P.ACCOUNT,
            _P.GROUND_READ,
            _P.HOUSEHOLD_READ,
            _P.HOUSEHOLD_WRITE,
            _P.VISIT_READ,
            _P.ISSUE_READ,
            _P.CATEGORY_READ,
            _P.ISSUE_REPORT,
            _P.ISSUE_STEP,
            _P.ISSUE_DESK,
            _P.ANNOUNCE,
            _P.VISIT_REVIEW,
            _P.REVEAL,
            _P.REQUESTS,
            _P.FIGURES_READ,
            _P.DOCUMENTS,
            _P.IMPORT,
        }
    ),
    Role.LEADER: frozenset(
        {
            _P.ACCOUNT,
            _P.GROUND_READ,
            _P.HOUSEHOLD_READ,
            _P.VISIT_READ,
            _P.ISSUE_READ,
            _P.ISSUE_COMPLAINTS,
            _P.CATEGORY_READ,
            _P.ISSUE_URGE,
            _P.ANNOUNCE,
            _P.VISIT_REVIEW,
            _P.REVEAL,
            _P.REQUESTS,
            _P.REQUESTS_DECIDE,
            _P.FIGURES_READ,
            _P.DOCUMENTS,
        }
    ),
    # The administrator keeps the ground and the accounts and sees no household.
    Role.ADMINISTRATOR: frozenset(
        {
            _P.ACCOUNT,
            _P.ACCOUNTS,
            _P.GROUND_READ,
            _P.GROUND_WRITE,
            _P.CALENDAR_WRITE,
            _P.CATEGORY_READ,
            _P.CATEGORY_WRITE,
            _P.IMPORT,
            _P.GATEWAY,
            _P.REVEAL_REVIEW,
            _P.RETENTION_READ,
        }
    ),
    Role.AUDITOR: frozenset(
        {
            _P.ACCOUNT,
            _P.GROUND_READ,
            _P.AUDIT_READ,
            _P.REVEAL_REVIEW,
            _P.RETENTION_READ,
        }
    ),
}


# Who keeps accounts, who looks at what was done, and who works with households (三权分立).
POWERS = ({Role.ADMINISTRATOR}, {Role.AUDITOR}, {Role.CADRE, Role.DISPATCHER, Role.LEADER})


def apart(roles: set[Role]) -> bool:
    """Whether one account may have these roles: nobody holds two of the three powers."""
    return any(roles <= power for power in POWERS)


def roles(user: User) -> set[Role]:
    """The roles that `user` holds today, anywhere."""
    return {p.role for p in user.posts_on(workdays.today())}


def scopes(user: User, permission: Permission, *, among: Iterable[Role] = Role) -> list[str]:
    """Code prefixes within which `user` has `permission` today; "" is everywhere.

    `among` looks only at the posts of these roles.
    """
    wanted = set(among)
    return [
        p.jurisdiction_code or ""
        for p in user.posts_on(workdays.today())
        if p.role in wanted and permission in GRANTS[p.role]
    ]


def may(user: User, permission: Permission, code: str | None = None) -> bool:
    """Whether `user` has `permission` today: anywhere, or over the jurisdiction `code`."""
    found = scopes(user, permission)
    return bool(found) if code is None else covers(found, code)


def covers(prefixes: Iterable[str], code: str) -> bool:
    """Whether `code` lies within one of the scopes `prefixes`."""
    return any(code.startswith(prefix) for prefix in prefixes)


def within(column: Any, prefixes: Iterable[str]) -> ColumnElement[bool]:
    """The same as a criterion on a code column; the twin of `covers`."""
    prefixes = list(prefixes)
    if "" in prefixes:
        return true()
    return or_(false(), *(column.like(prefix + "%") for prefix in prefixes))
