"""What comes in and goes out for work logs."""

from __future__ import annotations

import marshmallow as ma

from gridserve.http import Day, Moment, Schema, Text
from visits.issues.chain import Action
from visits.models import Outcome, Purpose


class LogIn(Schema):
    """Which days, both included: a month at most; without any, today."""

    from_ = Day(data_key="from", attribute="from")
    to = Day()


class WordsIn(Schema):
    words = Text(
        required=True, most=4000, metadata={"description": "in place of those before; may be empty"}
    )


class LoggedVisit(Schema):
    id = ma.fields.UUID(required=True)
    at = Moment(attribute="started_at", required=True)
    ended_at = Moment(required=True, allow_none=True)
    outcome = ma.fields.Enum(Outcome, by_value=True, required=True)
    purpose = ma.fields.Enum(Purpose, by_value=True, required=True)
    household_id = ma.fields.UUID(required=True)
    number = ma.fields.String(attribute="household.number", required=True)
    address = ma.fields.String(attribute="household.address", required=True)
    name = ma.fields.String(
        attribute="called",
        required=True,
        metadata={"description": "the household's, masked where the caller sees it so"},
    )
    cell = ma.fields.String(attribute="cell.code", dump_default=None, allow_none=True)
    notes = ma.fields.String(required=True)
    for_whom = ma.fields.String(
        data_key="for", attribute="for_whom.name", dump_default=None, allow_none=True
    )


class LoggedStep(Schema):
    id = ma.fields.UUID(required=True)
    at = Moment(attribute="happened_at", required=True)
    action = ma.fields.Enum(Action, by_value=True, required=True)
    issue_id = ma.fields.UUID(required=True)
    number = ma.fields.String(attribute="issue.number", required=True)
    category = ma.fields.String(attribute="issue.category_code", required=True)
    address = ma.fields.String(attribute="issue.address", required=True)
    words = ma.fields.String(required=True)
    for_whom = ma.fields.String(
        data_key="for", attribute="for_whom.name", dump_default=None, allow_none=True
    )


class LogDay(Schema):
    day = ma.fields.Date(required=True)
    visits = ma.fields.List(ma.fields.Nested(LoggedVisit), required=True)
    issues = ma.fields.List(
        ma.fields.Nested(LoggedStep),
        required=True,
        metadata={"description": "reported, or settled on the spot"},
    )
    steps = ma.fields.List(ma.fields.Nested(LoggedStep), required=True)
    words = ma.fields.String(required=True)


class LogOut(Schema):
    days = ma.fields.List(
        ma.fields.Nested(LogDay),
        required=True,
        metadata={"description": "those on which there is something, in order"},
    )
