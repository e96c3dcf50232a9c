"""What notices say, in the reader's language: in the inbox, and the little that goes outward."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask_babel import format_date, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from visits.labels import category_name
from visits.telling.causes import Kind
from visits.telling.models import Notice

TITLES: dict[Kind, Any] = {
    Kind.DISPATCHED: _l("New issue for you"),
    Kind.TRANSFERRED: _l("Transferred to your team"),
    Kind.HANDED_OVER: _l("Now in your charge"),
    Kind.REWORK: _l("Sent back for rework"),
    Kind.HELP: _l("Your team is asked to help"),
    Kind.RETURNED: _l("Returned to the desk"),
    Kind.DISSATISFIED: _l("The resident is not satisfied"),
    Kind.ESCALATED: _l("Escalated to you"),
    Kind.HANDED_DOWN: _l("Handed down to you"),
    Kind.MERGED: _l("Merged with another issue"),
    Kind.URGED: _l("Urged by a leader"),
    Kind.ANSWER_DUE: _l("The answer to an urging is due"),
    Kind.ACCEPT_NEAR: _l("Not accepted yet, and nearly late"),
    Kind.ACCEPT_OVER: _l("Not accepted in time"),
    Kind.AMBER: _l("Nearly due"),
    Kind.RED: _l("Overdue"),
    Kind.RED_1: _l("Overdue for a working day"),
    Kind.RED_5: _l("Overdue for five working days"),
    Kind.ASKED_BACK: _l("Households ask back"),
    Kind.ANSWERED: _l("Your household's question is answered"),
    Kind.HINT: _l("The desk asks about a visit"),
    Kind.REVEALS: _l("Numbers were shown in an unusual way"),
    Kind.OBJECTION: _l("A team objects to its quarter"),
    Kind.OBJECTION_ANSWERED: _l("Your objection is answered"),
}
_COMPARISON = "/sheets/comparison?quarter={quarter}&jurisdiction={township}#h-object"
# Where one looks into what is no issue; the notice's subject and values go into it.
LINKS = {
    Kind.ASKED_BACK: "/announcements/{subject}#asked",
    Kind.ANSWERED: "/m/#/notices",
    Kind.HINT: "/m/#/hints",
    Kind.REVEALS: "/reveals",
    Kind.OBJECTION: _COMPARISON,
    Kind.OBJECTION_ANSWERED: _COMPARISON,
}
# How pressing each is: the light beside it.
LIGHTS = {
    Kind.ACCEPT_NEAR: "amber", Kind.ACCEPT_OVER: "red",
    Kind.AMBER: "amber", Kind.URGED: "amber", Kind.ANSWER_DUE: "amber", Kind.RED: "red",
    Kind.HINT: "amber", Kind.REVEALS: "amber",
    Kind.OBJECTION: "amber", Kind.DISSATISFIED: "red", Kind.RED_1: "red",
    Kind.RED_5: "deep_red",
}  # fmt: skip
# Why somebody's administrator is told that names and numbers were shown.
UNUSUAL: dict[str, Any] = {
    "limit": _l("The day's number is used up"),
    "many": _l("Many within an hour"),
    "night": _l("At night"),
    "elsewhere": _l("Outside the own cells"),
}
# What to say of an address that cannot be used.
BAD_ADDRESS: dict[str, Any] = {
    "scheme": _l("Use one of: dingtalk, wecombot, feishu, lark, mailto(s), json(s), form(s)."),
    "parameter": _l("The address holds a parameter or a character that is not allowed."),
    "form": _l("The address is not complete. Look at the examples beside the field."),
    "inside": _l("It lies in the own network, which GRIDSERVE_PRIVATE_GATEWAYS does not allow."),
}
# Why a message was not taken; after the key there may be a number or a name.
FAULTS: dict[str, Any] = {
    "silent": _l("No connection, or an answer that cannot be read"),
    "slow": _l("No answer in time"),
    "answered": _l("Answered with an error: %(what)s"),
    "refused": _l("Refused with code %(what)s"),
    "unexpected": _l("The answer is not the expected one"),
    "unreadable": _l("The answer cannot be read"),
    "inside": _l("Lies in the own network, which is not allowed"),
    "unusable": _l("The address cannot be used: enter it anew"),
    "sealed": _l("The secret key has changed: enter the address anew"),
    "fault": _l("The attempt broke off: %(what)s"),
}


def fault(kept: str) -> str:
    """Why a message was not taken, as it was kept: a key of FAULTS and what belongs to it."""
    key, _space, what = kept.partition(" ")
    said = FAULTS.get(key)
    return str(said) % {"what": what} if said else kept


def title(notice: Notice) -> str:
    """What happened, in a few words."""
    return str(TITLES[notice.kind])


def detail(notice: Notice) -> str:
    """What else there is to say in the inbox; "" for nothing."""
    said = notice.said
    if "until" in said:
        day = format_date(date.fromisoformat(said["until"]), "medium")
        return _("Answer by %(day)s", day=day)
    if notice.kind in (Kind.ACCEPT_NEAR, Kind.ACCEPT_OVER):
        return _("You took it first: see that the desk accepts it.")
    if notice.kind is Kind.MERGED:
        return _("%(number)s goes on in %(into)s", number=said["number"], into=said["into"])
    if notice.kind is Kind.REVEALS:
        return str(UNUSUAL[said["unusual"]])
    if notice.kind is Kind.OBJECTION_ANSWERED:
        outcome = _("Upheld") if said["upheld"] else _("Not upheld")
        return _("%(outcome)s: %(words)s", outcome=outcome, words=said["answer"])
    if notice.kind is Kind.ANSWERED:
        return _("%(asked)s – %(answer)s", asked=said["asked"], answer=said["answer"])
    return str(said.get("words", ""))


def about(notice: Notice) -> str:
    """What it is about, in a line: category and place of an issue, or a title."""
    if notice.issue is None:
        return str(notice.said.get("title", ""))
    return f"{category_name(notice.issue.category)} · {notice.issue.village.short_name}"


def number(notice: Notice) -> str:
    """The number of the issue; "" where it is about something else."""
    return notice.issue.number if notice.issue else ""


def link(notice: Notice) -> str:
    """The page on which one looks into it."""
    if notice.issue_id is not None:
        return f"/issues/{notice.issue_id}"
    return LINKS[notice.kind].format(subject=notice.subject_id, **notice.said)


def outward(notice: Notice) -> str:
    """The line that leaves the house: what, number, category and place, and nothing personal."""
    issue = notice.issue
    if issue is None:
        return title(notice)
    facts = [issue.number, issue.village.short_name]
    if not (issue.category.sensitive or issue.about_staff):
        facts.insert(1, category_name(issue.category))
    return f"{title(notice)}: {' · '.join(facts)}"


def message(notices: Sequence[Notice], *, more: int = 0) -> tuple[str, str]:
    """A message outward, as title and body; `more` stand only in the inbox."""
    count = len(notices) + more
    heading = ngettext("%(num)s matter in GridServe", "%(num)s matters in GridServe", count)
    lines = [outward(notice) for notice in notices]
    if more:
        lines.append(_("… and %(n)s more in the inbox", n=more))
    return heading, "\n".join(lines)
