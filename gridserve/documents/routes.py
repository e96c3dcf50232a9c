"""Documents over the API: ask for one, see how far it is, take the file."""

from __future__ import annotations

import uuid
from typing import Any

from gridserve import claims
from gridserve.auth import current_user, requires
from gridserve.db import db
from gridserve.documents import operations
from gridserve.documents.models import Document
from gridserve.documents.schemas import AskDocumentIn, DocumentOut, DocumentPage, DocumentsIn
from gridserve.http import API, Blueprint, paged, transaction
from gridserve.permissions import Permission

bp = Blueprint("documents_api", __name__, url_prefix=API, description="Documents made by jobs")


@bp.get("/documents")
@requires(Permission.DOCUMENTS)
@bp.arguments(DocumentsIn, location="query")
@bp.response(200, DocumentPage)
def list_documents(args: dict[str, Any]) -> dict[str, Any]:
    """Documents that the caller may take, newest first."""
    query = operations.visible_documents(current_user)
    if args.get("kind"):
        query = query.where(Document.kind == args["kind"])
    return paged(query, (Document.created_at, Document.id), args, descending=True)


@bp.post("/documents")
@requires(Permission.DOCUMENTS)
@transaction
@bp.arguments(AskDocumentIn)
@bp.response(202, DocumentOut)
def ask_document(said: dict[str, Any]) -> Document:
    """Have a document made. Asking again with the same id gets the same document."""
    row = operations.ask(
        said["id"], said["kind"], said["arguments"], said["format"], as_of=said.get("as_of"),
        by=current_user,
    )  # fmt: skip
    db.session.refresh(row, ["by"])
    return row


@bp.get("/documents/<uuid:document_id>")
@requires(Permission.DOCUMENTS)
@bp.response(200, DocumentOut)
def get_document(document_id: uuid.UUID) -> Document:
    """One document; ask again every second while it waits."""
    row = operations.find(current_user, document_id)
    if row.at_work:
        row.doing = claims.said(row)  # type: ignore[attr-defined]
    return row
