"""The kinds of things that go after their period: which rows, and what is done with them.

Rows that figures count stay: of them only what tells of people goes (decision 0051).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, case, delete, func, or_, select, tuple_, update

from gridserve import workdays
from gridserve.db import db
from gridserve.people import DeviceToken
from visits.announcements.models import Announcement, Answer, Asks, Question
from visits.announcements.models import Asked as AskedBack
from visits.issues.models import Issue, Step
from visits.masking import NOBODY, UNKEPT
from visits.models import Household, HouseholdStatus, StatusStay, Visit
from visits.photos import tidying
from visits.photos.models import Attachment, Photo
from visits.requests.models import Kind as Asked
from visits.requests.models import ResidentRequest, State
from visits.reveals.models import Reveal
from visits.submissions.models import Submission

GONE = (HouseholdStatus.MOVED, HouseholdStatus.DEMOLISHED)


@dataclass(frozen=True)
class Kind:
    """One kind: `old` gives the keys of what is older than a moment, `drop` lets some go."""

    key: str
    days: int  # where the settings say nothing
    label: Any
    becomes: Any
    old: Callable[[datetime], Select[Any]]
    drop: Callable[[Sequence[Any]], object]


def _notes(before: datetime) -> Select[Any]:
    return select(Visit.id).where(Visit.received_at < before, Visit.notes != "")


def _positions(before: datetime) -> Select[Any]:
    return select(Visit.id).where(Visit.received_at < before, Visit.point.is_not(None))


def _photos(before: datetime) -> Select[Any]:
    """Pictures that came before, all of whose visits and issues were over before."""
    mine = (Attachment.sha256 == Photo.sha256, Attachment.sender_id == Photo.uploader_id)
    needed = (
        select(Attachment.id)
        .outerjoin(Visit, Visit.id == Attachment.visit_id)
        .outerjoin(Step, Step.id == Attachment.step_id)
        .outerjoin(Issue, Issue.id == Step.issue_id)
        .where(
            *mine,
            or_(
                Visit.started_at >= before,
                Issue.closed_at >= before,
                Attachment.step_id.is_not(None) & Issue.closed_at.is_(None),
            ),
        )
    )
    keys: Any = select(Photo.sha256, Photo.uploader_id)
    found: Select[Any] = keys.where(
        Photo.received_at < before, select(Attachment.id).where(*mine).exists(), ~needed.exists()
    )
    return found


def _asked(before: datetime) -> Select[Any]:
    """Pictures of visits to households that were granted, before, to have it all deleted."""
    mine = (Attachment.sha256 == Photo.sha256, Attachment.sender_id == Photo.uploader_id)
    granted = select(ResidentRequest.id).where(
        ResidentRequest.household_id == Visit.household_id,
        ResidentRequest.kind == Asked.DELETE,
        ResidentRequest.state == State.GRANTED,
        ResidentRequest.decided_at < before,
        ResidentRequest.decided_at > Visit.started_at,
    )
    theirs = select(Attachment.id).join(Visit, Visit.id == Attachment.visit_id)
    others = select(Attachment.id).outerjoin(Visit, Visit.id == Attachment.visit_id)
    keys: Any = select(Photo.sha256, Photo.uploader_id)
    found: Select[Any] = keys.where(
        theirs.where(*mine, granted.exists()).exists(),
        ~others.where(*mine, or_(Attachment.step_id.is_not(None), ~granted.exists())).exists(),
    )
    return found


def _residents(before: datetime) -> Select[Any]:
    told = (Issue.resident_name, Issue.resident_phone, Issue.code_hash)
    return select(Issue.id).where(
        Issue.closed_at < before, or_(*(column.is_not(None) for column in told))
    )


def _chains(before: datetime) -> Select[Any]:
    """Steps, received before, of issues that were closed before: an open chain keeps its words, and
    a late comment those of its own period."""
    written = or_(Step.words.not_in(("", UNKEPT)), Step.data != func.words_gone(Step.data))
    return (
        select(Step.id)
        .join(Issue, Issue.id == Step.issue_id)
        .where(Issue.closed_at < before, Step.received_at < before, written)
    )


def _answers(before: datetime) -> Select[Any]:
    """Answers in words; those that are counted (yes or no, a choice, a number) stay."""
    keys: Any = select(Answer.visit_id, Answer.question_id)
    found: Select[Any] = keys.join(Question, Question.id == Answer.question_id).where(
        Question.asks == Asks.TEXT, Answer.at < before, Answer.value != UNKEPT
    )
    return found


def _asked_back(before: datetime) -> Select[Any]:
    """What households asked back to announcements that are over, with the answers."""
    return (
        select(AskedBack.id)
        .join(Announcement, Announcement.id == AskedBack.announcement_id)
        .where(
            AskedBack.received_at < before,
            Announcement.until_date < workdays.day_of(before),
            AskedBack.words != UNKEPT,
        )
    )


def _moved(before: datetime) -> Select[Any]:
    """Households that moved away or whose house is gone, since before."""
    since = (
        select(func.max(StatusStay.to_date))
        .where(StatusStay.household_id == Household.id)
        .scalar_subquery()
    )
    kept = or_(Household.head_name != NOBODY, Household.phone.is_not(None), Household.note != "")
    return select(Household.id).where(
        Household.status.in_(GONE), since <= workdays.day_of(before), kept
    )


def _refused(before: datetime) -> Select[Any]:
    return select(Submission.id).where(Submission.resolved_at < before)


def _reveals(before: datetime) -> Select[Any]:
    return select(Reveal.id).where(Reveal.at < before)


def _sign_ins(before: datetime) -> Select[Any]:
    ended = func.least(DeviceToken.expires_at, DeviceToken.revoked_at)
    return select(DeviceToken.id).where(ended < before)


def _empty(model: Any, **values: Any) -> Callable[[Sequence[Any]], object]:
    return lambda ids: db.session.execute(
        update(model).where(model.id.in_(ids)).values(**values),
        execution_options={"synchronize_session": False},
    )


def _delete(model: Any) -> Callable[[Sequence[Any]], object]:
    return lambda ids: db.session.execute(
        delete(model).where(model.id.in_(ids)), execution_options={"synchronize_session": False}
    )


def _forget_pictures(keys: Sequence[Any]) -> None:
    for sha256, uploader_id in keys:
        tidying.forget(sha256, uploader_id)


def _forget_chains(ids: Sequence[Any]) -> None:
    """The first step's words are the issue's own."""
    first = select(Step.issue_id).where(Step.id.in_(ids), Step.seq == 1)
    db.session.execute(
        update(Issue).where(Issue.id.in_(first)).values(words=UNKEPT),
        execution_options={"synchronize_session": False},
    )
    words = case((Step.words == "", ""), else_=UNKEPT)
    _empty(Step, words=words, data=func.words_gone(Step.data))(ids)


def _forget_answers(keys: Sequence[Any]) -> None:
    db.session.execute(
        update(Answer)
        .where(tuple_(Answer.visit_id, Answer.question_id).in_([tuple(key) for key in keys]))
        .values(value=UNKEPT),
        execution_options={"synchronize_session": False},
    )


def _forget_asked_back(ids: Sequence[Any]) -> None:
    answer = case((AskedBack.answer == "", ""), else_=UNKEPT)
    _empty(AskedBack, words=UNKEPT, answer=answer)(ids)


def _forget_moved(ids: Sequence[Any]) -> None:
    _empty(Household, head_name=NOBODY, phone=None, note="")(ids)


YEARS = 3 * 365 + 1
KINDS = (
    Kind("notes", YEARS, _l("Notes of visits"), _l("emptied; the visit itself stays"),
         _notes, _empty(Visit, notes="")),
    Kind("positions", 366, _l("Positions of visits"), _l("emptied; the visit itself stays"),
         _positions, _empty(Visit, point=None, point_source=None, accuracy_m=None)),
    Kind("photos", YEARS, _l("Pictures of visits and of closed issues"), _l("deleted"),
         _photos, _forget_pictures),
    Kind("asked", 1, _l("Pictures of households that asked to have it all deleted"), _l("deleted"),
         _asked, _forget_pictures),
    Kind("residents", YEARS, _l("Who reported a closed issue: name, number, query code"),
         _l("emptied; the issue and its chain stay"),
         _residents, _empty(Issue, resident_name=None, resident_phone=None, code_hash=None)),
    Kind("chains", YEARS, _l("What was written in closed issues and their chains"),
         _l("emptied; the steps stay"), _chains, _forget_chains),
    Kind("answers", YEARS, _l("Answers in words to questionnaires"),
         _l("emptied; that there was one stays, and what is counted"), _answers, _forget_answers),
    Kind("asked_back", YEARS, _l("What households asked about announcements, and the answers"),
         _l("emptied; that they asked stays"), _asked_back, _forget_asked_back),
    Kind("moved", YEARS, _l("Households that moved away or whose house is gone"),
         _l("name, number and note emptied"), _moved, _forget_moved),
    Kind("refused", 183, _l("What phones sent and was refused, once it is seen to"), _l("deleted"),
         _refused, _delete(Submission)),
    Kind("reveals", YEARS, _l("Who had numbers shown"), _l("deleted; the audit trail keeps it"),
         _reveals, _delete(Reveal)),
    Kind("sign_ins", 183, _l("Sign-ins that are over"), _l("deleted; the audit trail keeps them"),
         _sign_ins, _delete(DeviceToken)),
)  # fmt: skip
