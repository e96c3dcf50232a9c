"""The words that people read for the values in the code."""

from __future__ import annotations

import enum
from typing import Any

from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from grids.models import CellKind, ChangeKind, Duty
from grids.standins import AbsenceKind
from gridserve.permissions import Role
from gridserve.worktime import Unit
from visits.division.models import DraftStatus
from visits.issues.chain import Action, Channel, Promise, Rating, Status, Tier, Way
from visits.issues.clock import Light
from visits.models import HouseholdStatus, Outcome, Purpose, Tag

LABELS: tuple[tuple[enum.StrEnum, Any], ...] = (
    (Role.CADRE, _l("Field cadre")),
    (Role.DISPATCHER, _l("Dispatcher")),
    (Role.LEADER, _l("Leader")),
    (Role.ADMINISTRATOR, _l("Administrator")),
    (Role.AUDITOR, _l("Auditor")),
    (Status.REPORTED, _l("Reported")),
    (Status.ACCEPTED, _l("Accepted")),
    (Status.DISPATCHED, _l("Dispatched")),
    (Status.HANDLING, _l("In hand")),
    (Status.REVIEWING, _l("To review")),
    (Status.CLOSED, _l("Closed")),
    (Status.DECLINED, _l("Declined")),
    (Status.SUSPENDED, _l("Suspended")),
    (Status.MERGED, _l("Merged")),
    (Action.REPORT, _l("Report")),
    (Action.SETTLE, _l("Settled on the spot")),
    (Action.ACCEPT, _l("Accept")),
    (Action.DECLINE, _l("Decline")),
    (Action.REQUEST_MATERIAL, _l("Ask for what is missing, once")),
    (Action.SUPPLY, _l("Everything is there: go on")),
    (Action.DISPATCH, _l("Dispatch")),
    (Action.SIGN, _l("Sign for it")),
    (Action.RETURN, _l("Return to the desk")),
    (Action.TRANSFER, _l("Transfer to another team")),
    (Action.ASSIST, _l("Ask a team to help")),
    (Action.EXTEND, _l("Extend the limit")),
    (Action.SUSPEND, _l("Suspend")),
    (Action.RESUME, _l("Resume")),
    (Action.FEED_BACK, _l("Feed back the result")),
    (Action.PASS_REVIEW, _l("Pass the review")),
    (Action.FAIL_REVIEW, _l("Send back for rework")),
    (Action.ESCALATE, _l("Escalate")),
    (Action.HAND_DOWN, _l("Hand down")),
    (Action.URGE, _l("Urge")),
    (Action.MERGE, _l("Merge into another issue")),
    (Action.PROPOSE_CLOSE, _l("Propose closing by force")),
    (Action.FORCE_CLOSE, _l("Close by force")),
    (Action.COMMENT, _l("Comment")),
    (Action.REOPEN, _l("Reopen")),
    (Action.EVALUATE, _l("Record the resident's evaluation")),
    (Action.REASSIGN, _l("Moved along: its cell was changed")),
    (Action.HAND_OVER, _l("Handed over to another person")),
    (Channel.VISIT, _l("Visit")),
    (Channel.WINDOW, _l("Service window")),
    (Channel.HOTLINE, _l("Hotline")),
    (Channel.RESIDENT, _l("Resident online")),
    (Channel.INSPECTION, _l("Inspection")),
    (Channel.SUPERIOR, _l("From above")),
    (Promise.AT_ONCE, _l("At once")),
    (Promise.WITHIN_LIMIT, _l("Within the limit")),
    (Promise.NOT_HERE, _l("Not done here")),
    (Tier.VILLAGE, _l("Village")),
    (Tier.TOWNSHIP, _l("Township")),
    (Tier.COUNTY, _l("County")),
    (Rating.SATISFIED, _l("Satisfied")),
    (Rating.FAIRLY, _l("Fairly satisfied")),
    (Rating.NOT, _l("Not satisfied")),
    (Way.CODE, _l("By code")),
    (Way.SIGNATURE, _l("By signature")),
    (Way.CALL_BACK, _l("By call-back")),
    (Light.GREEN, _l("In time")),
    (Light.AMBER, _l("Nearly due")),
    (Light.RED, _l("Overdue")),
    (Light.DEEP_RED, _l("Long overdue")),
    (HouseholdStatus.ACTIVE, _l("Lived in")),
    (HouseholdStatus.VACANT, _l("Vacant")),
    (HouseholdStatus.MOVED, _l("Moved away")),
    (HouseholdStatus.DEMOLISHED, _l("Demolished")),
    (Outcome.MET, _l("Met")),
    (Outcome.NOBODY_HOME, _l("Nobody home")),
    (Outcome.REFUSED, _l("Refused")),
    (Outcome.MOVED, _l("Has moved")),
    (CellKind.BASIC, _l("Basic cell")),
    (CellKind.DEDICATED, _l("Dedicated cell")),
    (ChangeKind.SPLIT, _l("Split")),
    (ChangeKind.MERGE, _l("Merged")),
    (ChangeKind.REDRAW, _l("Edge redrawn")),
    (ChangeKind.RETIRE, _l("Retired")),
    (DraftStatus.COMPUTING, _l("Being worked out")),
    (DraftStatus.READY, _l("Ready to adopt")),
    (DraftStatus.FAILED, _l("Failed")),
    (DraftStatus.ADOPTED, _l("Adopted")),
    (DraftStatus.DROPPED, _l("Put away")),
    (ChangeKind.ADD, _l("Added")),
    (ChangeKind.UNDO, _l("Taken back")),
    (Duty.LEADER, _l("Team leader")),
    (Duty.FULL_TIME, _l("Full-time cadre")),
    (Duty.PART_TIME, _l("Part-time cadre")),
    (Duty.GUIDE, _l("Guide")),
    (Duty.OTHER, _l("Helper")),
    (AbsenceKind.LEAVE, _l("Leave")),
    (AbsenceKind.TRAINING, _l("Training")),
    (AbsenceKind.ILLNESS, _l("Illness")),
    (AbsenceKind.OTHER, _l("Other reason")),
    (Purpose.REGULAR, _l("Regular visit")),
    (Purpose.AD_HOC, _l("Ad hoc visit")),
    (Purpose.FOLLOW_UP, _l("Follow-up")),
    (Purpose.NOTICE, _l("Notice")),
    (Tag.KEY, _l("Key household")),
    (Tag.POOR, _l("In need")),
    (Tag.EMPTY_NEST, _l("Empty-nest elderly")),
    (Tag.LEFT_BEHIND, _l("Left-behind children")),
    (Tag.DISABLED, _l("Disabled")),
    (Tag.MIGRANT, _l("Migrant")),
    (Tag.CORRECTION, _l("Community correction")),
)
# Values of different kinds can be spelt alike ("moved"), so the kind belongs to the key.
_BY_KIND = {(type(value), str(value)): label for value, label in LABELS}


def label(value: enum.StrEnum) -> str:
    """The words for one value, in the reader's language."""
    return str(_BY_KIND[(type(value), str(value))])


def tag_label(tag: str) -> str:
    """The words for a household's tag."""
    return label(Tag(tag))


def category_name(category: Any) -> str:
    """A category's name in the reader's language."""
    return str(category.name if str(get_locale()).startswith("zh") else category.name_en)


def amount(count: float, unit: Unit) -> str:
    """A span of time in the unit of a limit: with one decimal under ten, where it has one."""
    count = max(count, 0.1) if count > 0 else count  # “0 days left” would be wrong
    if round(count, 1) != round(count) and count < 10:
        said = f"{count:.1f}"
        return {
            Unit.URGENT_HOUR: _("%(n)s hours", n=said),
            Unit.WORKING_HOUR: _("%(n)s working hours", n=said),
            Unit.WORKING_DAY: _("%(n)s working days", n=said),
            Unit.CALENDAR_DAY: _("%(n)s days", n=said),
        }[unit]
    num = round(count)
    return {
        Unit.URGENT_HOUR: ngettext("%(num)s hour", "%(num)s hours", num),
        Unit.WORKING_HOUR: ngettext("%(num)s working hour", "%(num)s working hours", num),
        Unit.WORKING_DAY: ngettext("%(num)s working day", "%(num)s working days", num),
        Unit.CALENDAR_DAY: ngettext("%(num)s day", "%(num)s days", num),
    }[unit]


def unit_name(unit: Unit) -> str:
    """The unit of a limit, to choose from."""
    return {
        Unit.URGENT_HOUR: _("hours around the clock"),
        Unit.WORKING_HOUR: _("working hours"),
        Unit.WORKING_DAY: _("working days"),
        Unit.CALENDAR_DAY: _("calendar days"),
    }[unit]
