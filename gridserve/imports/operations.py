"""What people do with imports. Nothing here commits."""

from __future__ import annotations

import hashlib
import json
import uuid
from os.path import commonprefix
from typing import Any

from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy import Select, false, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import joinedload

from gridserve import events
from gridserve.db import UNIQUE_VIOLATION, db, now, sqlstate
from gridserve.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from gridserve.imports import work
from gridserve.imports.kinds import all_kinds, kinds_of
from gridserve.imports.models import Import, ImportState
from gridserve.people import User
from gridserve.permissions import scopes, within
from gridserve.tables.raw import LARGEST


class IdTaken(Conflict):
    code = "request.id_taken"


class NotReady(Conflict):
    """The import is in a state in which this cannot be done."""

    code = "import.not_ready"


class OtherFile(Conflict):
    """What was confirmed is not the file that was checked."""

    code = "import.other_file"


def visible_imports(user: User) -> Select[Import]:
    """The imports of the kinds that `user` may import today, own ones and those sent from within
    the own jurisdiction: a report quotes rows, which another post may not be meant to see."""
    wanted = [
        (Import.kind == kind.key)
        & ((Import.by_id == user.id) | within(Import.scope, scopes(user, kind.permission)))
        for kind in kinds_of(user)
    ]
    return select(Import).where(or_(false(), *wanted)).options(joinedload(Import.by))


def find(user: User, import_id: uuid.UUID, *, lock: bool = False) -> Import:
    """One import that `user` may see; raises `NotFound`."""
    query = visible_imports(user).where(Import.id == import_id)
    if lock:
        query = query.with_for_update(of=Import)
    found = db.session.scalar(query)
    if found is None:
        raise NotFound(_("No such import in your scope."))
    return found


def send(
    import_id: uuid.UUID, kind: str, name: str, data: bytes, options: dict[str, Any], *, by: User
) -> Import:
    """Take a file and have it checked; the same again gives the import that there is.

    Raises Forbidden for a kind that `by` may not import, Invalid, IdTaken.
    """
    known_kinds = {one.key: one for one in kinds_of(by)}
    if kind not in known_kinds:
        raise Forbidden(_("None of your posts may import this."))
    if len(data) > LARGEST:
        raise TooLarge(_("A file may have at most %(n)s MB.", n=LARGEST // 1024 // 1024))
    if not data:
        raise Invalid(errors={"/file": [_("The file is empty.")]})
    digest = hashlib.sha256(data).hexdigest()
    said = hashlib.sha256(
        json.dumps([kind, name, digest, options], sort_keys=True).encode()
    ).hexdigest()
    known = _same(import_id, said, by)
    if known is not None:
        return known
    row = Import(
        id=import_id, kind=kind, state=ImportState.CHECKING, file_name=name[-120:] or kind,
        # Of several jurisdictions what they have in common: only who covers all sees the record.
        scope=commonprefix(scopes(by, known_kinds[kind].permission)),  # noqa: RUF071 - codes
        digest=digest, size=len(data), content=data, options=options,
        language=str(get_locale())[:2], said=said, by_id=by.id,
    )  # fmt: skip
    try:
        with db.session.begin_nested():
            db.session.add(row)
            db.session.flush()
    except IntegrityError as error:
        known = _same(import_id, said, by) if sqlstate(error) == UNIQUE_VIOLATION else None
        if known is None:
            raise
        return known
    _note("import.sent", row, by)
    work.start(row)
    return row


def _same(import_id: uuid.UUID, said: str, by: User) -> Import | None:
    known = db.session.get(Import, import_id)
    if known is not None and (known.said != said or known.by_id != by.id):
        raise IdTaken(_("This id is already used for another import; make a new one."))
    return known


def check_again(row: Import, options: dict[str, Any], *, by: User) -> None:
    """Have the file checked anew with other options, such as its coordinate system."""
    _may(row, by)
    if row.state not in (ImportState.CHECKED, ImportState.FAILED) or not _has_file(row):
        raise NotReady(_("This import cannot be checked again. Send the file anew."))
    row.state, row.failure, row.report = ImportState.CHECKING, None, None
    row.options = {**row.options, **options}
    row.attempts, row.claimed_at = 0, None
    work.start(row)


def confirm(row: Import, digest: str, *, skip_bad: bool, by: User) -> None:
    """Have what was checked stored. `digest` is the file's that the person has seen the report of.

    Confirming again does nothing. Raises NotReady, OtherFile, Invalid where faults would keep
    everything out.
    """
    _may(row, by)
    if row.state in (ImportState.IMPORTING, ImportState.DONE) and row.digest == digest:
        return
    if row.state != ImportState.CHECKED:
        raise NotReady(_("This import is not waiting for your confirmation. Load it again."))
    if row.digest != digest:
        raise OtherFile(_("This is not the file that was checked. Load the import again."))
    report = row.report or {}
    if report.get("question"):
        raise Invalid(_("Say first what is asked, then look at the report again."))
    if report.get("left_out") and not skip_bad:
        raise Invalid(_("The file has faults. Mend them, or import the rest without those rows."))
    row.state, row.confirmed_at = ImportState.IMPORTING, now()
    row.options = {**row.options, "skip_bad": skip_bad}
    row.attempts, row.claimed_at = 0, None
    _note("import.confirmed", row, by)
    work.start(row)


def drop(row: Import, *, by: User) -> None:
    """Give an import up and forget its file."""
    _may(row, by)
    if row.state not in (ImportState.CHECKED, ImportState.FAILED):
        raise NotReady(_("This import cannot be dropped now."))
    row.state, row.failure, row.content = ImportState.DROPPED, None, None
    row.report, row.finished_at = work.without_rows(row.report), now()
    _note("import.dropped", row, by)


def _may(row: Import, by: User) -> None:
    if row.kind not in {kind.key for kind in kinds_of(by)} or row.kind not in all_kinds():
        raise Forbidden(_("None of your posts may import this."))
    if row.by_id != by.id:
        raise Forbidden(_("Whoever sent the file decides on it."))


def _has_file(row: Import) -> bool:
    return bool(db.session.scalar(select(Import.content.is_not(None)).where(Import.id == row.id)))


def _note(action: str, row: Import, by: User) -> None:
    data = {"kind": row.kind, "digest": row.digest}
    events.record(action, row.id, by=by.id, jurisdiction=row.scope or None, data=data)
