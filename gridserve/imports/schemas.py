"""What comes in and goes out for imports."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from flask_smorest.fields import Upload as UploadField

from gridserve.http import Moment, PageIn, Schema, Text
from gridserve.imports.models import Import, ImportState


class SendIn(Schema):
    """What is sent; the file itself comes as the part `file` of multipart/form-data."""

    id = ma.fields.UUID(
        required=True, metadata={"description": "made by the client; the same id is a repeat"}
    )
    kind = Text(required=True, most=24, least=1, metadata={"example": "households"})
    system = Text(
        most=24, validate=[ma.validate.Regexp(r"^[A-Za-z0-9:]*$")],
        metadata={"description": "of the coordinates: wgs84, cgcs2000, gcj02, bd09 or EPSG:n"},
    )  # fmt: skip
    repair = ma.fields.Boolean(metadata={"description": "mend what is plain in a map"})


class FileIn(Schema):
    file = UploadField(required=True)


class CheckIn(Schema):
    """Other options for another check."""

    system = SendIn._declared_fields["system"]
    repair = SendIn._declared_fields["repair"]
    layer = Text(most=120, metadata={"description": "of a map with several"})
    swapped = ma.fields.Boolean(metadata={"description": "latitude stands before longitude"})


class ConfirmIn(Schema):
    digest = Text(
        required=True, most=64, validate=[ma.validate.Regexp(r"^[0-9a-f]{64}$")],
        metadata={"description": "of the file whose report was seen"},
    )  # fmt: skip
    skip_bad = ma.fields.Boolean(
        load_default=False, metadata={"description": "leave faulty rows out and store the rest"}
    )


class FaultOut(Schema):
    row = ma.fields.Integer(required=True)
    column = ma.fields.String(required=True)
    reason = ma.fields.String(required=True)
    mend = ma.fields.String(required=True)


class QuestionOut(Schema):
    option = ma.fields.String(required=True)
    words = ma.fields.String(required=True)
    choices = ma.fields.List(ma.fields.String(), required=True)
    named = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String())


class ImportBrief(Schema):
    """An import; counts are there once it was checked."""

    id = ma.fields.UUID(required=True)
    kind = ma.fields.String(required=True)
    state = ma.fields.Enum(ImportState, by_value=True, required=True)
    file_name = ma.fields.String(required=True)
    digest = ma.fields.String(required=True)
    size = ma.fields.Integer(required=True)
    by = ma.fields.String(attribute="by.login", required=True)
    created_at = Moment(required=True)
    finished_at = Moment(required=True, allow_none=True)
    doing = ma.fields.String(metadata={"description": "what a job at work does just now"})
    failure = ma.fields.String(required=True, allow_none=True)
    read = ma.fields.Integer()
    new = ma.fields.Integer()
    changed = ma.fields.Integer()
    same = ma.fields.Integer()
    left_out = ma.fields.Integer()
    faults_found = ma.fields.Integer()
    notes = ma.fields.List(ma.fields.String())
    question = ma.fields.Nested(QuestionOut, allow_none=True)

    @ma.pre_dump
    def _with_report(self, row: Import, **kwargs: Any) -> Any:
        return _Shown(row)


class ImportOut(ImportBrief):
    """An import with its faults (the first 2,000)."""

    faults = ma.fields.List(ma.fields.Nested(FaultOut))


class _Shown:
    """The record and its report as one thing to show."""

    def __init__(self, row: Import) -> None:
        self.__dict__ = {**(row.report or {}), "row": row}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["row"], name)


class ImportsIn(PageIn):
    kind = Text(most=24)


class ImportPage(Schema):
    items = ma.fields.List(ma.fields.Nested(ImportBrief), required=True)
    next = ma.fields.String(allow_none=True, required=True)
