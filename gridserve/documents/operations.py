"""What people do with documents: ask for one, see those there are, take the file."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, false, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from gridserve import storage
from gridserve.db import UNIQUE_VIOLATION, db, now, sqlstate
from gridserve.documents import work
from gridserve.documents.kinds import Asked, kinds_of
from gridserve.documents.models import Document, DocumentState
from gridserve.documents.rules import kind_for, may_have, note, posts_for
from gridserve.errors import Conflict, Forbidden, Invalid, NotFound, Problem
from gridserve.errors import TooMany as TooManyAsked
from gridserve.http import loaded
from gridserve.people import User
from gridserve.permissions import scopes, within

AT_ONCE = 5  # documents of one person that wait to be made


class IdTaken(Conflict):
    code = "request.id_taken"


class TooMany(TooManyAsked):
    """Somebody has asked for several documents that are not made yet."""

    code = "document.too_many"


class FileGone(Problem):
    """The record is there and the file is not."""

    status, code, title = 410, "document.gone", _l("The file is gone")


def visible_documents(user: User) -> Select[Document]:
    """The documents of jurisdictions that the user's posts cover today; personal ones, own ones."""
    wanted = []
    for kind in kinds_of(user):
        criterion = (Document.kind == kind.key) & within(
            Document.scope, scopes(user, kind.permission)
        )
        if kind.personal:
            criterion &= Document.by_id == user.id
        wanted.append(criterion)
    return select(Document).where(or_(false(), *wanted)).options(joinedload(Document.by))


def find(user: User, document_id: uuid.UUID) -> Document:
    """One document that `user` may see; raises NotFound."""
    found = db.session.scalar(visible_documents(user).where(Document.id == document_id))
    if found is None:
        raise NotFound(_("No such document in your scope."))
    return found


def ask(
    document_id: uuid.UUID, key: str, said: Mapping[str, Any], format_: str, *,
    as_of: datetime | None = None, by: User,
) -> Document:  # fmt: skip
    """Have a document made as things stood at `as_of`, now unless it is said.

    The same again gives the document that there is. Raises Forbidden, Invalid, IdTaken, TooMany,
    and what the kind refuses.
    """
    kind = kind_for(by, key)
    if format_ not in kind.formats:
        raise Invalid(errors={"/format": [_("One of: %(list)s", list=", ".join(kind.formats))]})
    if as_of is not None and as_of > now():
        raise Invalid(errors={"/as_of": [_("Lies in the future.")]})
    moment, said = as_of or now(), dict(said)
    digest = _digest(key, said, format_, as_of)
    known = _same(document_id, digest, by)
    if known is not None:
        return known
    arguments = loaded(kind.arguments(), said)
    code = arguments["jurisdiction"]
    may_have(kind, code, by)
    kind.check(Asked(by, arguments, moment, format_))
    waiting = select(func.count()).where(
        Document.by_id == by.id, Document.state == DocumentState.WAITING
    )
    if (db.session.scalar(waiting) or 0) >= AT_ONCE:
        raise TooMany(_("You have asked for %(n)s that are not made yet. Wait for one.", n=AT_ONCE))
    row = Document(
        id=document_id, kind=key, arguments=said, as_of=moment, format=format_,
        language=str(get_locale())[:2], formula=kind.formula, title=kind.title(arguments)[:160],
        scope=code, held=posts_for(by, kind.permission), state=DocumentState.WAITING, said=digest,
        by_id=by.id,
    )  # fmt: skip
    try:
        with db.session.begin_nested():
            db.session.add(row)
            db.session.flush()
    except IntegrityError as error:
        known = _same(document_id, digest, by) if sqlstate(error) == UNIQUE_VIOLATION else None
        if known is None:
            raise
        return known
    note("document.asked", row, by)
    work.start(row)
    return row


def _digest(key: str, said: dict[str, Any], format_: str, as_of: datetime | None) -> str:
    what = [key, said, format_, as_of.isoformat() if as_of else None]
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def _same(document_id: uuid.UUID, said: str, by: User) -> Document | None:
    known = db.session.get(Document, document_id)
    if known is not None and (known.said != said or known.by_id != by.id):
        raise IdTaken(_("This id is already used for another document; make a new one."))
    return known


def content(row: Document, *, by: User) -> bytes:
    """The file of a document that `by` may see, and a line in the audit trail that it was taken.

    Raises NotFound while it is not made, Forbidden where a post by which it was made has ended.
    """
    kind = kind_for(by, row.kind)
    if row.sha256 is None:
        raise NotFound(_("This document is not made yet, or could not be made."))
    if kind.personal and not set(row.held) <= set(posts_for(by, kind.permission)):
        raise Forbidden(_("It was made with a post that you no longer hold. Have it made again."))
    try:
        data = storage.blobs().get(row.sha256)
    except storage.BlobMissing as missing:
        raise FileGone(_("The file is gone. Have it made again.")) from missing
    note("document.taken", row, by)
    return data
