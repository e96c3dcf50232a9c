"""What comes in and goes out for issues and their chains."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from gridserve.auth import current_user
from gridserve.http import Day, Moment, PageIn, Schema, Text
from gridserve.worktime import Unit
from visits.issues import clock
from visits.issues.chain import BEGINNINGS, Action, Channel, Rating, Status, Tier, Way
from visits.issues.clock import Light, Why
from visits.issues.permissions import sees_resident
from visits.issues.reckoning import explained, weight_of
from visits.issues.trouble import Trouble
from visits.masking import masked_name, masked_phone
from visits.photos.schemas import PhotosIn, PhotosOut, Sha256, SignatureOut
from visits.schemas import CODE, PointField, PointIn

# Who holds an issue: a team's id, or the code of the jurisdiction whose desk has it itself.
HOLDER = (
    r"^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9}|[0-9]{12}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$"
)


class LimitOut(Schema):
    amount = ma.fields.Integer(required=True)
    unit = ma.fields.Enum(Unit, by_value=True, required=True)


_WHEN = {"type": "string", "description": "a day or a time"}


class SettledIn(Schema):
    """Settled on the spot: what was done, and what the resident was told."""

    result = Text(required=True, least=1, most=2000)
    answer = Text(required=True, least=1, most=2000)


class IssueIn(Schema):
    """An issue as it is reported. Where: visit_id, household_id, cell, point or village."""

    id = ma.fields.UUID(
        required=True, metadata={"description": "made by the client; the same id is a repeat"}
    )
    category = Text(required=True, most=40, least=1, metadata={"example": "facility.streetlight"})
    words = Text(required=True, least=1, most=4000)
    channel = ma.fields.Enum(Channel, by_value=True, load_default=Channel.VISIT)
    visit_id = ma.fields.UUID(allow_none=True)
    household_id = ma.fields.UUID(allow_none=True)
    cell = Text(most=15, validate=[ma.validate.Regexp(r"^[0-9]{15}$")])
    point = ma.fields.Nested(PointIn)
    village = Text(
        most=12,
        validate=[ma.validate.Regexp(r"^[0-9]{12}$")],
        metadata={"description": "where nothing nearer is known"},
    )
    address = Text(most=120, load_default="")
    anonymous = ma.fields.Boolean(metadata={"description": "without name and phone, as was wished"})
    query_code = Text(
        most=6,
        validate=[ma.validate.Regexp(r"^[0-9]{6}$")],
        metadata={
            "description": "chosen by the client at random; told to the resident, kept hashed"
        },
    )
    about = ma.fields.UUID(
        allow_none=True, metadata={"description": "of whom a complaint about staff is"}
    )
    resident_name = Text(most=64, allow_none=True)
    resident_phone = Text(most=20, allow_none=True)
    settled = ma.fields.Nested(
        SettledIn, metadata={"description": "by a cadre of the cell's team: closed at once"}
    )
    reported_at = Moment()
    photos = PhotosIn()


class StepIn(Schema):
    """One step to take. `seen` is the number of the last step that the caller has seen."""

    id = ma.fields.UUID(
        required=True, metadata={"description": "made by the client; the same id is a repeat"}
    )
    action = ma.fields.Enum(
        Action,
        by_value=True,
        required=True,
        validate=ma.validate.NoneOf([*BEGINNINGS, Action.REASSIGN, Action.HAND_OVER]),
    )
    seen = ma.fields.Integer(required=True, strict=True, validate=ma.validate.Range(1, 1_000_000))
    words = Text(most=4000, load_default="")
    team_id = ma.fields.UUID(allow_none=True)
    rating = ma.fields.Enum(Rating, by_value=True, allow_none=True)
    way = ma.fields.Enum(Way, by_value=True, metadata={"description": "how the resident was asked"})
    answer = Text(most=2000, metadata={"description": "what the resident is told"})
    basis = Text(most=500, metadata={"description": "by which rule"})
    instead = Text(most=500, metadata={"description": "where to go instead"})
    until = Day(metadata={"description": "suspend: until when at most; urge: answer by when"})
    due_at = Moment(metadata={"description": "extend: the new due time"})
    to_desk = Text(most=12, validate=[ma.validate.Regexp(CODE)])
    into = ma.fields.UUID(metadata={"description": "merge: the issue that goes on"})
    happened_at = Moment()
    photos = PhotosIn()
    signature = Sha256(
        metadata={"description": "evaluate by way of signature: the picture of it, by SHA-256"}
    )


class PersonOut(Schema):
    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)


class TeamBrief(Schema):
    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)


class SuggestedOut(Schema):
    """To which team an issue most likely goes."""

    id = ma.fields.UUID(attribute="team.id", required=True)
    name = ma.fields.String(attribute="team.name", required=True)
    why = ma.fields.String(attribute="words", required=True)
    escalate_to = ma.fields.String(
        attribute="above.code",
        allow_none=True,
        dump_default=None,
        metadata={
            "description": "of a team above the issue's desk: not to be dispatched to, but the "
            "jurisdiction to which to escalate; null where the desk may dispatch to the team"
        },
    )


class PersonInCharge(Schema):
    """Who acts on the issue today; `for` where that one stands in for somebody."""

    id = ma.fields.UUID(attribute="person.id", required=True)
    name = ma.fields.String(attribute="person.name", required=True)

    for_whom = ma.fields.Nested(PersonOut, data_key="for", required=True, allow_none=True)


class StepOut(Schema):
    id = ma.fields.UUID(required=True)
    seq = ma.fields.Integer(required=True)
    action = ma.fields.Enum(Action, by_value=True, required=True)
    actor = ma.fields.Nested(
        PersonOut,
        required=True,
        allow_none=True,
        metadata={"description": "null: the resident, with the query code"},
    )
    for_whom = ma.fields.Nested(
        PersonOut,
        data_key="for",
        required=True,
        allow_none=True,
        metadata={"description": "for whom the actor stood in"},
    )
    handler = ma.fields.Nested(
        PersonOut,
        required=True,
        allow_none=True,
        metadata={"description": "in whose charge the issue was after this step"},
    )
    status_before = ma.fields.Enum(Status, by_value=True, allow_none=True, required=True)
    status_after = ma.fields.Enum(Status, by_value=True, required=True)
    team = ma.fields.Nested(TeamBrief, attribute="team_after", allow_none=True, required=True)
    words = ma.fields.String(required=True)
    data = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.String(), required=True)
    happened_at = Moment(required=True)
    received_at = Moment(required=True)
    due_at = Moment(required=True)
    photos = PhotosOut()
    signature = SignatureOut()


class IssueBrief(Schema):
    """An issue in a list."""

    id = ma.fields.UUID(required=True)
    number = ma.fields.String(required=True)
    category = ma.fields.String(attribute="category_code", required=True)
    category_version = ma.fields.Integer(
        required=True, metadata={"description": "whose terms the issue keeps"}
    )
    channel = ma.fields.Enum(Channel, by_value=True, required=True)
    words = ma.fields.String(required=True)
    status = ma.fields.Enum(Status, by_value=True, required=True)
    step_no = ma.fields.Integer(required=True)
    village = ma.fields.String(attribute="village_code", required=True)
    desk = ma.fields.String(attribute="desk_code", required=True)
    team = ma.fields.Nested(TeamBrief, allow_none=True, required=True)
    reported_at = Moment(required=True)
    due_at = Moment(required=True)
    closed_at = Moment(allow_none=True, required=True)
    rating = ma.fields.Enum(Rating, by_value=True, allow_none=True, required=True)
    merged_into = ma.fields.UUID(attribute="merged_into_id", allow_none=True, required=True)
    limit = ma.fields.Nested(LimitOut, required=True)
    stage_due_at = Moment(
        allow_none=True,
        required=True,
        metadata={"description": "of accepting, handling or reviewing, whichever it is at"},
    )
    missing_year = ma.fields.Integer(
        allow_none=True,
        required=True,
        metadata={"description": "nobody has said its working days yet: due_at is the earliest"},
    )
    weight = ma.fields.Method(
        "_weight",
        required=True,
        metadata={"type": "number", "description": "age ÷ limit, at present or when closed"},
    )
    light = ma.fields.Method(
        "_light", required=True, metadata={"type": "string", "enum": [x.value for x in Light]}
    )

    def _weight(self, issue: Any) -> float:
        return round(weight_of(issue), 3)

    def _light(self, issue: Any) -> str:
        return clock.light(self._weight(issue)).value


class LineOut(Schema):
    """One line of how a due time was reckoned."""

    why = ma.fields.Enum(Why, by_value=True, required=True)
    first = ma.fields.Function(lambda line: line.first.isoformat(), required=True, metadata=_WHEN)
    last = ma.fields.Function(
        lambda line: line.last and line.last.isoformat(),
        required=True,
        metadata={"type": ["string", "null"]},
    )
    amount = ma.fields.Float(allow_none=True, required=True)
    name = ma.fields.String(required=True)


class IssueOut(IssueBrief):
    """An issue with its chain and what the caller may do next."""

    visit_id = ma.fields.UUID(allow_none=True, required=True)
    household_id = ma.fields.UUID(allow_none=True, required=True)
    cell = ma.fields.String(attribute="cell.code", allow_none=True, dump_default=None)
    point = PointField(required=True)
    address = ma.fields.String(required=True)
    resident_name = ma.fields.Method(
        "_resident_name", required=True, metadata={"type": ["string", "null"]}
    )
    resident_phone = ma.fields.Method(
        "_resident_phone", required=True, metadata={"type": ["string", "null"]}
    )
    anonymous = ma.fields.Boolean(required=True)
    about_staff = ma.fields.Boolean(required=True)
    about = ma.fields.Nested(PersonOut, required=True, allow_none=True)
    reported_by = ma.fields.Nested(PersonOut, required=True)
    first_responsible = ma.fields.Nested(
        PersonOut,
        attribute="first",
        required=True,
        allow_none=True,
        metadata={"description": "who owns the hand-over; null once a desk has accepted it"},
    )
    handler = ma.fields.Nested(
        PersonInCharge,
        attribute="in_charge",
        required=True,
        allow_none=True,
        metadata={"description": "who is in charge and there today; null: the desk sees to it"},
    )
    due_because = ma.fields.Function(
        lambda issue: LineOut(many=True).dump(explained(issue, issue.steps)),
        required=True,
        metadata={
            "type": "array",
            "items": {"type": "object"},
            "description": "how due_at was reckoned, line by line",
        },
    )
    photos = PhotosOut()
    steps = ma.fields.List(ma.fields.Nested(StepOut), required=True)
    actions = ma.fields.List(
        ma.fields.Enum(Action, by_value=True),
        required=True,
        metadata={"description": "what the caller may do now"},
    )
    suggested = ma.fields.Nested(
        SuggestedOut,
        required=True,
        allow_none=True,
        metadata={"description": "to which team it most likely goes, for who may dispatch it"},
    )

    def _resident_name(self, issue: Any) -> str | None:
        if issue.resident_name is None or sees_resident(current_user, issue):
            return issue.resident_name
        return masked_name(issue.resident_name)

    def _resident_phone(self, issue: Any) -> str | None:
        seen = sees_resident(current_user, issue)
        return issue.resident_phone if seen else masked_phone(issue.resident_phone)


class IssuesIn(PageIn):
    """Filters of the list of issues."""

    jurisdiction = Text(most=12, validate=[ma.validate.Regexp(CODE)])
    status = ma.fields.Enum(Status, by_value=True)
    cell = Text(most=15, validate=[ma.validate.Regexp(r"^[0-9]{15}$")])
    category = Text(most=40)
    team = ma.fields.UUID()
    holder = Text(
        most=36,
        validate=[ma.validate.Regexp(HOLDER)],
        metadata={"description": "id of the team, or code of the desk, that has it itself"},
    )
    tier = ma.fields.Enum(
        Tier, by_value=True, metadata={"description": "level at which it should be solved"}
    )
    in_cell = ma.fields.Boolean(metadata={"description": "only in, or only outside, a cell"})
    open = ma.fields.Boolean(metadata={"description": "only open, or only closed ones"})
    light = ma.fields.Enum(Light, by_value=True, metadata={"description": "open, with this light"})
    overdue = ma.fields.Boolean(load_default=False)
    trouble = ma.fields.Enum(
        Trouble,
        by_value=True,
        metadata={"description": "open and returned twice, open again, or overdue with nobody"},
    )
    due_from = Day(metadata={"description": "due on this day or later"})
    due_to = Day(metadata={"description": "due on this day or earlier"})
    complaints = ma.fields.Boolean(
        load_default=False, metadata={"description": "the complaints about staff, and no others"}
    )
    declined = ma.fields.Boolean(metadata={"description": "only, or none of, the declined ones"})
    q = Text(
        most=60, metadata={"description": "number or its end, words, address, last digits of phone"}
    )


class IssuePage(Schema):
    items = ma.fields.List(ma.fields.Nested(IssueBrief), required=True)
    next = ma.fields.String(allow_none=True, required=True)
