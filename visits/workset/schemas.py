"""What a workset holds, for the document of the API. Fields that are not required are left out
where they are empty, false or null."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from gridserve.http import Moment, Schema
from gridserve.worktime import Unit
from visits.announcements.models import Asks
from visits.hints.models import HintKind
from visits.issues.chain import Action, Promise, Rating, Status
from visits.issues.clock import Light
from visits.issues.schemas import TeamBrief
from visits.models import HouseholdStatus, Outcome, Tag
from visits.submissions.models import Kind
from visits.workset.icons import ICONS, OTHER


def _enum(kind: Any, **kwargs: Any) -> ma.fields.Field[Any]:
    return ma.fields.Enum(kind, by_value=True, **kwargs)


def _list(schema: type[Schema], **kwargs: Any) -> ma.fields.Field[Any]:
    return ma.fields.List(ma.fields.Nested(schema), **kwargs)


def _words(**kwargs: Any) -> ma.fields.Field[Any]:
    return ma.fields.List(ma.fields.String(), **kwargs)


class WorksetStandIn(Schema):
    name = ma.fields.String(required=True)
    team = ma.fields.String(required=True)


class WorksetMe(Schema):
    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    away = ma.fields.Boolean(required=True)
    stands_in = _list(WorksetStandIn, required=True)


class WorksetCell(Schema):
    code = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    village = ma.fields.String(required=True)
    village_name = ma.fields.String(required=True)
    team = ma.fields.String(required=True)
    team_id = ma.fields.UUID(required=True)
    for_whom = ma.fields.String(data_key="for", required=True, allow_none=True)
    lead = ma.fields.Boolean(required=True)
    rings = ma.fields.List(
        ma.fields.List(ma.fields.List(ma.fields.Float())),
        required=True,
        metadata={"description": "of the polygon as in GeoJSON, generalised to about 3 m"},
    )


class WorksetVisit(Schema):
    at = Moment(required=True)
    outcome = _enum(Outcome, required=True)
    by = ma.fields.String(required=True)
    notes = ma.fields.String()


class WorksetHousehold(Schema):
    id = ma.fields.UUID(required=True)
    number = ma.fields.String(required=True)
    cell = ma.fields.String(required=True)
    group = ma.fields.String()
    address = ma.fields.String(required=True)
    name = ma.fields.String(
        required=True, metadata={"description": "in full where a visit is due within 7 days or an "
                                                "issue is open, else masked"}
    )  # fmt: skip
    phone = ma.fields.String(metadata={"description": "masked"})
    size = ma.fields.Integer()
    tags = ma.fields.List(_enum(Tag))
    dnd = ma.fields.Boolean()
    note = ma.fields.String()
    status = _enum(HouseholdStatus, metadata={"description": "left out: active"})
    lon = ma.fields.Float()
    lat = ma.fields.Float()
    met = ma.fields.Date()
    due = ma.fields.Date()
    visits = _list(WorksetVisit, metadata={"description": "the last two"})
    told = ma.fields.List(
        ma.fields.Integer(), metadata={"description": "of which `notices`, by place in that list"}
    )
    known = ma.fields.List(
        ma.fields.Integer(),
        metadata={"description": "questions that need not be asked: answered, or not for here"},
    )


class WorksetAction(Schema):
    action = _enum(Action, required=True)
    needs = _words()
    to = _enum(Status, required=True)


class WorksetTeam(Schema):
    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    at = ma.fields.String(metadata={"description": "code of its jurisdiction"})
    cells = ma.fields.Boolean(
        metadata={"description": "it answers for cells: it takes only categories with to_cells"}
    )


class WorksetResident(Schema):
    name = ma.fields.String()
    phone = ma.fields.String()


class WorksetLastStep(Schema):
    action = _enum(Action, required=True)
    words = ma.fields.String()
    at = Moment(required=True)
    by = ma.fields.String()


class WorksetIssue(Schema):
    id = ma.fields.UUID(required=True)
    number = ma.fields.String(required=True)
    category = ma.fields.String(required=True)
    words = ma.fields.String(required=True)
    status = _enum(Status, required=True)
    step_no = ma.fields.Integer(required=True)
    light = _enum(Light, metadata={"description": "of open ones"})
    due_at = Moment(required=True)
    stage_due_at = Moment()
    closed_at = Moment()
    household = ma.fields.UUID()
    cell = ma.fields.String()
    address = ma.fields.String()
    desk = ma.fields.String(required=True)
    team = ma.fields.Nested(TeamBrief)
    handler = ma.fields.String(metadata={"description": "who is in charge and there today"})
    mine = ma.fields.Boolean(metadata={"description": "held by an own team, or reported by me"})
    first = ma.fields.Boolean(
        metadata={"description": "I am first responsible: no desk has accepted it yet"}
    )
    held = ma.fields.Boolean(metadata={"description": "held by an own team"})
    resident = ma.fields.Nested(WorksetResident)
    rating = _enum(Rating)
    actions = _list(WorksetAction, required=True)
    last = ma.fields.Nested(WorksetLastStep, required=True)
    photos = _words(metadata={"description": "SHA-256 of those that have arrived"})


class WorksetLimit(Schema):
    amount = ma.fields.Integer(required=True)
    unit = _enum(Unit, required=True)


class WorksetCategory(Schema):
    code = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    name_en = ma.fields.String(required=True)
    parent = ma.fields.String()
    icon = ma.fields.String(
        required=True,
        validate=ma.validate.OneOf(sorted({*ICONS.values(), OTHER})),
        metadata={"description": "id of a symbol in /static/phone/icons.svg"},
    )
    promise = _enum(Promise, required=True)
    limit = ma.fields.Nested(WorksetLimit, required=True)
    materials = _words()
    to_cells = ma.fields.Boolean()
    sensitive = ma.fields.Boolean()
    about_staff = ma.fields.Boolean()
    off = ma.fields.Boolean(metadata={"description": "no longer offered"})
    find = ma.fields.String(required=True, metadata={"description": "what it is found by"})


class WorksetAnswer(Schema):
    question = ma.fields.String(required=True)
    answer = ma.fields.String(required=True)


class WorksetNotice(Schema):
    id = ma.fields.UUID(required=True)
    title = ma.fields.String(required=True)
    words = ma.fields.String(required=True)
    published_at = Moment(required=True)
    until = ma.fields.Date(required=True)
    by = ma.fields.String(required=True)
    villages = _words(metadata={"description": "only for these of the own villages"})
    answers = _list(WorksetAnswer, metadata={"description": "to what households asked back"})


class WorksetQuestion(Schema):
    id = ma.fields.UUID(required=True)
    text = ma.fields.String(required=True)
    kind = _enum(Asks, required=True)
    options = _words()


class WorksetQuestionnaire(Schema):
    """All questions of the period; of several questionnaires as one."""

    id = ma.fields.UUID(required=True)
    title = ma.fields.String(required=True)
    until = ma.fields.Date(required=True)
    questions = _list(WorksetQuestion, required=True)


class WorksetRefused(Schema):
    id = ma.fields.UUID(required=True, metadata={"description": "as in GET /submissions"})
    item = ma.fields.UUID(
        required=True, allow_none=True, metadata={"description": "the client's id of it"}
    )
    kind = _enum(Kind, required=True, allow_none=True)
    code = ma.fields.String(required=True)
    detail = ma.fields.String(required=True, allow_none=True)
    at = Moment(required=True)


class WorksetHintVisit(Schema):
    id = ma.fields.UUID(required=True)
    at = Moment(required=True)
    household = ma.fields.UUID(required=True)


class WorksetHint(Schema):
    """Something that the desk asks about an own visit."""

    id = ma.fields.UUID(required=True)
    kind = _enum(HintKind, required=True)
    visit = ma.fields.Nested(WorksetHintVisit, required=True)
    say = ma.fields.String(required=True)


class WorksetOut(Schema):
    """All that a cadre's phone needs to work without signal."""

    made_at = Moment(required=True)
    expires_at = Moment(required=True)
    me = ma.fields.Nested(WorksetMe, required=True)
    today = ma.fields.Date(required=True)
    cells = _list(WorksetCell, required=True)
    households = _list(WorksetHousehold, required=True)
    issues = _list(WorksetIssue, required=True)
    chain = ma.fields.Dict(
        keys=_enum(Status),
        values=_list(WorksetAction),
        required=True,
        metadata={"description": "by status, what those may do who hold an issue"},
    )
    categories = _list(WorksetCategory, required=True)
    questionnaire = ma.fields.Nested(WorksetQuestionnaire, required=True, allow_none=True)
    notices = _list(WorksetNotice, required=True)
    phrases = _words(required=True)
    phrases_away = _words(required=True, metadata={"description": "nobody was met"})
    teams = _list(WorksetTeam, required=True)
    refused = _list(WorksetRefused, required=True)
    hints = _list(WorksetHint, required=True)
    left_out = _words(
        required=True, metadata={"description": "of which of these lists there was too much"}
    )
