"""Who may have what made: asked when a document is asked for, again when it is made and taken."""

from __future__ import annotations

from flask_babel import gettext as _

from gridserve import events, workdays
from gridserve.documents.kinds import Kind, kinds_of
from gridserve.documents.models import Document
from gridserve.errors import Forbidden
from gridserve.people import User
from gridserve.permissions import GRANTS, Permission, covers, scopes


def posts_for(user: User, permission: Permission) -> list[str]:
    """The posts by which `user` has `permission` today, as role:code."""
    return sorted(
        f"{post.role}:{post.jurisdiction_code or ''}"
        for post in user.posts_on(workdays.today())
        if permission in GRANTS[post.role]
    )


def kind_for(user: User, key: str) -> Kind:
    """A kind by its key; Forbidden where the user may have none of it made."""
    for kind in kinds_of(user):
        if kind.key == key:
            return kind
    raise Forbidden(_("None of your posts may have this made."))


def may_have(kind: Kind, code: str, user: User) -> None:
    """Raise Forbidden unless a post of `user` covers the jurisdiction today."""
    if not covers(scopes(user, kind.permission), code):
        raise Forbidden(_("None of your posts covers this jurisdiction."))


def note(action: str, row: Document, by: User | None) -> None:
    """Write what was done with a document into the audit trail."""
    data = {"kind": row.kind, "format": row.format, "arguments": row.arguments}
    if row.sha256:
        data["sha256"] = row.sha256
    events.record(action, row.id, by=by.id if by else None, jurisdiction=row.scope or None,
                  data=data)  # fmt: skip
