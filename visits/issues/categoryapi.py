"""The catalogue of categories over the API."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from sqlalchemy import select

from gridserve.auth import current_user, requires
from gridserve.http import API, Blueprint, Moment, PageIn, Schema, Text, paged, transaction
from gridserve.permissions import Permission
from gridserve.worktime import Unit
from visits.categoryfile import LONGEST
from visits.issues import catalogue
from visits.issues.chain import Promise, Tier
from visits.issues.clock import Limit
from visits.issues.models import Category
from visits.issues.schemas import LimitOut, PersonOut

bp = Blueprint("category_api", __name__, url_prefix=API, description="Categories of issues")


class LimitIn(Schema):
    amount = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(1, LONGEST))
    unit = ma.fields.Enum(Unit, by_value=True, required=True)

    @ma.post_load
    def _made(self, said: dict[str, Any], **_kwargs: Any) -> Limit:
        return Limit(**said)


class CategoryIn(Schema):
    """What a category says. What is left out stays; for a new one it is as usual."""

    seen = ma.fields.Integer(
        required=True, strict=True, validate=ma.validate.Range(0, 1_000_000),
        metadata={"description": "the version that the caller has seen; 0: there is none"},
    )  # fmt: skip
    parent_code = Text(data_key="parent", most=40, allow_none=True)
    name = Text(most=40, least=1, metadata={"example": "道路损坏"})
    name_en = Text(most=60, least=1)
    promise = ma.fields.Enum(Promise, by_value=True)
    limit = ma.fields.Nested(LimitIn)
    accept_limit = ma.fields.Nested(LimitIn)
    handle_limit = ma.fields.Nested(LimitIn)
    review_limit = ma.fields.Nested(LimitIn)
    tier = ma.fields.Enum(
        Tier, by_value=True, data_key="level",
        metadata={"description": "at which level it should be solved"},
    )  # fmt: skip
    materials = Text(most=2000, metadata={"description": "one a line"})
    basis = Text(most=1000)
    to_cells = ma.fields.Boolean(
        metadata={"description": "on the list of what cells may be given 网格事项准入清单"}
    )
    sensitive = ma.fields.Boolean()
    about_staff = ma.fields.Boolean(
        metadata={"description": "a complaint about one of us: kept from the person and the team"}
    )
    active = ma.fields.Boolean()


class TermsOut(Schema):
    parent = ma.fields.String(attribute="parent_code", allow_none=True, required=True)
    name = ma.fields.String(required=True)
    name_en = ma.fields.String(required=True)
    promise = ma.fields.Enum(Promise, by_value=True, required=True)
    limit = ma.fields.Nested(LimitOut, required=True)
    accept_limit = ma.fields.Nested(LimitOut, required=True)
    handle_limit = ma.fields.Nested(LimitOut, required=True)
    review_limit = ma.fields.Nested(LimitOut, required=True)
    level = ma.fields.Enum(Tier, by_value=True, attribute="tier", required=True)
    materials = ma.fields.Function(
        lambda row: row.materials.splitlines(), required=True,
        metadata={"type": "array", "items": {"type": "string"}},
    )  # fmt: skip
    basis = ma.fields.String(required=True)
    to_cells = ma.fields.Boolean(required=True)
    sensitive = ma.fields.Boolean(required=True)
    about_staff = ma.fields.Boolean(required=True)
    active = ma.fields.Boolean(required=True)
    version = ma.fields.Integer(required=True)


class CategoryOut(TermsOut):
    code = ma.fields.String(required=True)


class VersionOut(TermsOut):
    """The terms as they were said once."""

    at = Moment(required=True)
    by = ma.fields.Nested(
        PersonOut, required=True, allow_none=True, metadata={"description": "null: installation"}
    )


class CategoryWhole(CategoryOut):
    """A category with its versions, the newest first."""

    versions = ma.fields.List(ma.fields.Nested(VersionOut), required=True)


class CategoriesIn(PageIn):
    to_cells = ma.fields.Boolean(
        metadata={"description": "only what cells may, or may not, be given"}
    )
    active = ma.fields.Boolean(load_default=True)


class CategoryPage(Schema):
    items = ma.fields.List(ma.fields.Nested(CategoryOut), required=True)
    next = ma.fields.String(allow_none=True, required=True)


@bp.get("/categories")
@requires(Permission.CATEGORY_READ)
@bp.arguments(CategoriesIn, location="query")
@bp.response(200, CategoryPage)
def list_categories(args: dict[str, Any]) -> dict[str, Any]:
    """The categories that issues may be reported under, with limits, materials and basis."""
    rows = select(Category).where(Category.active == args["active"])
    if "to_cells" in args:
        rows = rows.where(Category.to_cells == args["to_cells"])
    return paged(rows, (Category.code,), args)


@bp.get("/categories/<code>")
@requires(Permission.CATEGORY_READ)
@bp.response(200, CategoryWhole)
def get_category(code: str) -> Category:
    """One category with its history."""
    return _whole(catalogue.find(code))


@bp.put("/categories/<code>")
@requires(Permission.CATEGORY_WRITE)
@transaction
@bp.arguments(CategoryIn)
@bp.response(200, CategoryWhole)
def put_category(said: dict[str, Any], code: str) -> Category:
    """Make a category, or say it anew: its next version. The same again changes nothing."""
    seen = said.pop("seen")
    return _whole(catalogue.save(catalogue.checked_code(code), said, seen=seen, by=current_user))


def _whole(row: Category) -> Category:
    row.versions = catalogue.history(row.code)  # type: ignore[attr-defined]
    return row
