"""Reading a batch: each item by itself, so that one that cannot be read stops no other."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import marshmallow as ma
from flask_babel import gettext as _

from gridserve.errors import Invalid, Problem, pointers
from gridserve.http import Schema
from visits import plain
from visits.issues.schemas import IssueIn, StepIn
from visits.schemas import VisitIn
from visits.submissions.models import Kind, Result, Submission

SCHEMAS: dict[Kind, ma.Schema] = {
    Kind.VISIT: VisitIn(),
    Kind.ISSUE: IssueIn(),
    Kind.STEP: StepIn(),
}
PLAIN = {"kind", "data"}
DATA = {"anyOf": [{"$ref": f"#/components/schemas/{n}In"} for n in ("Visit", "Issue", "Step")]}
DEEPEST = 8  # levels of objects and lists in an item


class SubmissionIn(Schema):
    """One thing that a phone sends."""

    kind = ma.fields.Enum(Kind, by_value=True, required=True)
    data = ma.fields.Dict(
        required=True,
        metadata=DATA,
    )
    issue_id = ma.fields.UUID(metadata={"description": "of a step: the issue that it is taken on"})

    @ma.validates_schema
    def _step(self, data: dict[str, Any], **kwargs: Any) -> None:
        if (data["kind"] is Kind.STEP) != ("issue_id" in data):
            words = _("A step names its issue, and nothing else does.")
            raise ma.ValidationError(words, "issue_id")


ITEM = SubmissionIn()


class Twice(dict[str, Any]):
    """An object in which a name stood twice: which one counts would be a guess."""


@dataclass(slots=True)
class Item:
    """One item of a batch, and what became of it."""

    sent: Any
    kind: Kind | None = None
    id: uuid.UUID | None = None
    issue_id: uuid.UUID | None = None
    said: dict[str, Any] = field(default_factory=dict)
    problem: Problem | None = None
    result: Result | None = None
    retry: bool = False
    kept: Submission | None = None
    say: list[str] = field(default_factory=list)
    shown: dict[str, Any] = field(default_factory=dict)  # `visit` or `issue` of the answer
    replaces: list[Submission] = field(default_factory=list)  # refused before, of this id

    @property
    def data(self) -> dict[str, Any]:
        """What it says as it was sent, right or wrong."""
        data = self.sent.get("data") if isinstance(self.sent, dict) else None
        return data if isinstance(data, dict) else {}


def batch(body: bytes) -> Any:
    """The JSON of a request's body; raises ValueError where it is none.

    Bytes that are not UTF-8, and names that stand twice, are left in the item where they are.
    """
    text = body.decode("utf-8-sig", "surrogateescape")
    return json.loads(text, object_pairs_hook=_object, parse_int=_int)


def _int(digits: str) -> int | float:
    return int(digits) if len(digits) < 20 else float(digits)  # some thousands of digits: inf


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Twice(found)


def read(sent: Any) -> Item:
    """An item with what it says (VisitIn, IssueIn, StepIn as loaded), or with its problem."""
    item = Item(sent)
    if type(sent) is dict and sent.keys() == PLAIN and sent["kind"] == "visit":
        data = sent["data"]
        once = type(data) is dict and type(data.get("point")) is not Twice
        said = plain.visit(data) if once else None
        if said is not None:
            item.kind, item.id, item.said = Kind.VISIT, said["id"], said
            return item
    _read_slowly(item)
    return item


def _read_slowly(item: Item) -> None:
    sent: dict[str, Any] = item.sent if isinstance(item.sent, dict) else {}
    item.kind = next((kind for kind in Kind if kind == sent.get("kind")), None)
    item.id = uuid_of(item.data.get("id"))
    item.issue_id = uuid_of(sent.get("issue_id"))
    try:
        _check_shape(item.sent)
        outer = ITEM.load(item.sent)
        item.said = SCHEMAS[outer["kind"]].load(outer["data"])
    except ma.ValidationError as error:
        words = _("Mend the values named under “errors” and send it again.")
        item.problem = Invalid(words, errors=pointers(error.messages))


def _check_shape(sent: Any) -> None:
    """Refuse an item in which a name stands twice, or which is nested as nothing here is."""
    level = [sent] if isinstance(sent, dict | list) else []
    for _depth in range(DEEPEST):
        if any(isinstance(value, Twice) for value in level):
            raise ma.ValidationError(_("A name stands twice in one object."))
        inner = [each.values() if isinstance(each, dict) else each for each in level]
        level = [v for values in inner for v in values if isinstance(v, dict | list)]
        if not level:
            return
    raise ma.ValidationError(_("Is nested too deeply."))


def uuid_of(text: Any) -> uuid.UUID | None:
    """The UUID that `text` is, or None."""
    try:
        return uuid.UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None


def moment(text: Any) -> datetime | None:
    """A phone's own time, however wrong; None where it cannot be read at all."""
    try:
        said = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return said if said.tzinfo else None
