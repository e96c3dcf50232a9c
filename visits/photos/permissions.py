"""Who may see which pictures."""

from __future__ import annotations

from sqlalchemy import Select, and_, or_, select

from gridserve.people import User
from visits.issues.models import Issue, Step
from visits.issues.permissions import visible_issues
from visits.models import Visit
from visits.permissions import visible_visits
from visits.photos.models import Attachment, Photo


def visible_photos(user: User) -> Select[Photo]:
    """The pictures that `user` sent, and those of visits and issues that `user` may see."""
    visit = visible_visits(user).where(Visit.id == Attachment.visit_id)
    issue = visible_issues(user).join(Step, Step.issue_id == Issue.id)
    attached = select(Attachment.id).where(
        and_(Attachment.sha256 == Photo.sha256, Attachment.sender_id == Photo.uploader_id),
        or_(visit.exists(), issue.where(Step.id == Attachment.step_id).exists()),
    )
    return select(Photo).where(or_(Photo.uploader_id == user.id, attached.exists()))
