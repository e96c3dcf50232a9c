"""A refused item as a form: what it says, what is wrong with it, and what was corrected."""

from __future__ import annotations

import enum
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from gridserve import workdays
from gridserve.db import db
from gridserve.permissions import within
from visits.labels import label
from visits.models import Household, Outcome, Purpose
from visits.operations import IdTaken
from visits.submissions import resolving
from visits.submissions.models import Kind, Submission
from visits.submissions.reading import uuid_of

NAMES: dict[str, Any] = {
    "household_id": _l("Household"),
    "outcome": _l("Outcome"),
    "purpose": _l("Purpose"),
    "started_at": _l("Began"),
    "ended_at": _l("Ended"),
    "typed_at": _l("Typed"),
    "reported_at": _l("Reported"),
    "happened_at": _l("Happened"),
    "notes": _l("Notes"),
    "words": _l("Words"),
    "answer": _l("Answer to the resident"),
    "category": _l("Category"),
    "seen": _l("Step that was seen"),
    "action": _l("Step"),
    "point": _l("Position"),
    "accuracy_m": _l("Accuracy in m"),
    "visit_id": _l("Visit"),
    "address": _l("Address"),
    "photos": _l("Photos"),
    "resident_name": _l("Name of the resident"),
    "resident_phone": _l("Phone of the resident"),
}
TIMES = ("started_at", "ended_at", "typed_at", "reported_at", "happened_at")
CHOICES: dict[str, type[enum.StrEnum]] = {"outcome": Outcome, "purpose": Purpose}
LONG = ("notes", "words", "answer", "basis", "instead")
NUMBERS = ("seen", "accuracy_m")
NO_NUMBERS: Mapping[uuid.UUID, str] = MappingProxyType({})
FIRST = ("household_id", "outcome", "started_at", "action", "seen", "category", "words", "notes")


@dataclass
class Entry:
    """One field of the form; `control` is text, long, time, choice, number or whole."""

    name: str
    label: str
    value: Any
    control: str
    faults: list[str] = field(default_factory=list)
    choices: list[tuple[str, str]] = field(default_factory=list)
    suggested: str = ""
    fixed: bool = False


def entries(
    submission: Submission, fixed: bool = False, numbers: Mapping[uuid.UUID, str] = NO_NUMBERS
) -> list[Entry]:
    """The fields of a kept item: what was sent, and what its errors name. `fixed`: who looks may
    not change the sender's own word; `numbers`: of households, which people know them by."""
    data = data_of(submission)
    errors: dict[str, list[str]] = submission.answer.get("errors") or {}
    suggested = submission.answer.get("suggested") or {}
    faults: dict[str, list[str]] = {}
    for pointer, messages in errors.items():
        faults.setdefault(pointer.strip("/").split("/")[0], []).extend(messages)
    names = [name for name in dict.fromkeys([*FIRST, *data, *faults])
             if name not in ("", "id") and (name in data or name in faults)]  # fmt: skip
    found = []
    for name in names:
        entry = Entry(name, str(NAMES.get(name, name)), data.get(name), _control(name, data))
        entry.faults = faults.get(name, [])
        entry.choices = [(each.value, label(each)) for each in CHOICES.get(name, ())]
        entry.suggested = suggested.get(name, "")
        if name == "household_id" and (home := uuid_of(entry.value)) in numbers and home:
            entry.value = numbers[home]
        if entry.control == "time":
            entry.value, entry.suggested = _local(entry.value), _local(entry.suggested)
        entry.fixed = fixed and submission.kind is Kind.STEP and name in resolving.NOT_CORRECTED
        found.append(entry)
    return found


def data_of(submission: Submission) -> dict[str, Any]:
    """What the item says, right or wrong."""
    data = (resolving.sent(submission) or {}).get("data")
    return data if isinstance(data, dict) else {}


def corrected(submission: Submission, form: Mapping[str, str]) -> dict[str, Any]:
    """The item's data with what the form changes; what is left empty is left out."""
    data = data_of(submission)
    for entry in entries(submission):
        name = entry.name
        if entry.control == "whole":
            if form.get(f"without-{name}"):
                data.pop(name, None)
            continue
        text = form.get(f"f-{name}")
        if text is None or text == str("" if entry.value is None else entry.value):
            continue  # not shown, or left as it is
        if name == "household_id" and text.strip():
            data[name] = _household(submission, text.strip())
        elif text.strip():
            data[name] = _read(entry, text.strip())
        else:
            data.pop(name, None)
    if submission.code == IdTaken.code:
        data["id"] = str(uuid.uuid5(submission.id, "again"))  # the same at each try
    return data


def _household(submission: Submission, said: str) -> str:
    """The id of the household with this number, among those that the item can be about."""
    rows = select(Household.id).where(
        Household.number == said,
        within(Household.village_code, [submission.jurisdiction_code or ""]),
    )
    found = db.session.scalars(rows.limit(2)).all()
    return str(found[0]) if len(found) == 1 else said


def _control(name: str, data: dict[str, Any]) -> str:
    if isinstance(data.get(name), dict | list):
        return "whole"
    if name in TIMES:
        return "time"
    if name in CHOICES:
        return "choice"
    if name in NUMBERS:
        return "number"
    return "long" if name in LONG else "text"


def _local(text: Any) -> str:
    """A time as a field for date and time shows it; nothing where it cannot be read."""
    try:
        moment = datetime.fromisoformat(text)
        zone = workdays.zone()
        local = moment.astimezone(zone) if moment.tzinfo else moment
    except (TypeError, ValueError, OverflowError):
        return ""
    return local.replace(tzinfo=None).isoformat(timespec="minutes")


def _read(entry: Entry, text: str) -> Any:
    """A field's text as the API takes it; what cannot be read stays text, and is refused there."""
    try:
        if entry.control == "time":
            moment = datetime.fromisoformat(text)
            return moment.replace(tzinfo=moment.tzinfo or workdays.zone()).isoformat()
        if entry.control == "number":
            return float(text) if entry.name == "accuracy_m" else int(text)
    except ValueError:
        pass
    return text
