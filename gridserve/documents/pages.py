"""Pages of documents: what can be had, those that were made, one at work or done, its file."""

from __future__ import annotations

import io
import uuid
from typing import Any

from flask import Blueprint, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from gridserve import claims
from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.documents import operations
from gridserve.documents.kinds import MEDIA, all_kinds, kinds_of
from gridserve.documents.models import Document, DocumentState
from gridserve.errors import Invalid
from gridserve.http import PageIn, page_args, paged, transaction
from gridserve.permissions import Permission

bp = Blueprint("documents", __name__)
STATES = {
    DocumentState.WAITING: _l("being made"),
    DocumentState.DONE: _l("ready"),
    DocumentState.FAILED: _l("not made"),
}
NOT_ARGUMENTS = ("csrf_token", "id", "kind", "format", "as_of_document")


@bp.get("/documents")
@requires(Permission.DOCUMENTS)
def listing() -> ResponseReturnValue:
    """What can be had, and what was made before."""
    kinds = kinds_of(current_user)
    page = paged(
        operations.visible_documents(current_user), (Document.created_at, Document.id),
        page_args(PageIn()), descending=True,
    )  # fmt: skip
    return render_template(
        "documents/list.html", kinds=[kind for kind in kinds if kind.page], page=page,
        states=STATES, all_kinds=all_kinds(),
    )  # fmt: skip


@bp.post("/documents")
@requires(Permission.DOCUMENTS)
@transaction
def ask() -> ResponseReturnValue:
    """Have a document made, as a form on the page of its kind asks, and go to it.

    With `as_of_document` it is made anew as of the moment of that one.
    """
    form = request.form
    said: dict[str, Any] = {
        name: value[:200] for name, value in form.items() if value and name not in NOT_ARGUMENTS
    }
    said.setdefault("jurisdiction", "")
    again = form.get("as_of_document")
    former = operations.find(current_user, _uuid(again)) if again else None
    row = operations.ask(
        _uuid(form.get("id")), form.get("kind", "")[:24],
        former.arguments if former else said, form.get("format", "")[:8],
        as_of=former.as_of if former else None, by=current_user,
    )  # fmt: skip
    return redirect(url_for("documents.show", document_id=row.id))


def _uuid(text: str | None) -> uuid.UUID:
    try:
        return uuid.UUID(text or "")
    except ValueError as error:
        raise Invalid(errors={"/id": [_("Not a valid UUID.")]}) from error


@bp.get("/documents/<uuid:document_id>")
@requires(Permission.DOCUMENTS)
def show(document_id: uuid.UUID) -> ResponseReturnValue:
    """One document: what the job is doing, or the file to take."""
    row = operations.find(current_user, document_id)
    kind = all_kinds()[row.kind]
    return render_template(
        "documents/show.html", row=row, kind=kind, state=STATES[row.state], new_id=uuid.uuid4(),
        doing=claims.said(row) if row.at_work else "",
    )  # fmt: skip


@bp.get("/documents/<uuid:document_id>/file")
@requires(Permission.DOCUMENTS)
@transaction
def file(document_id: uuid.UUID) -> ResponseReturnValue:
    """The file, to keep; taking it is a line in the audit trail."""
    row = operations.find(current_user, document_id)
    data = operations.content(row, by=current_user)
    db.session.flush()
    answer = send_file(
        io.BytesIO(data), mimetype=MEDIA[row.format], as_attachment=True,
        download_name=row.file_name, etag=False,
    )  # fmt: skip
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
