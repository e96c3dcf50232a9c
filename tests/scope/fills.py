"""How each endpoint is called about a place. What is not named here makes the walk fail."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from gridserve import workdays
from gridserve.permissions import Role
from tests.pictures import jpeg
from tests.scope.world import (
    CATEGORY,
    WORD,
    Place,
    announcement_in,
    area,
    division_in,
    issue_in,
    last_quarter,
    line,
    new,
    split_in,
    step_in,
    visit_in,
)

Call = dict[str, Any]  # arguments of the test client's request

# Endpoints about no place: the installation's own, or one's own account.
NOWHERE = {
    "static", "system.docs", "system.openapi_document", "system.healthz", "system.readyz",
    "metrics.show",
    "account_api.sign_in", "account_api.sign_out", "account.login", "account.log_in",
    "account.log_out", "account.ask_provider", "account.come_from_provider",
    "account.ask_code", "account.take_code", "own.second_factor", "own.change_second_factor",
    "accounts.new", "own.password", "own.change_password", "account_api.change_password",
    "phone.shell", "phone.manifest", "phone.worker", "basemap.tile",
    "resident.ask", "resident.show",  # who knows number and code of an issue sees how it stands
    "categories.new", "categories.make", "categories.change", "category_api.put_category",
    "tiles.counties_json", "tiles.townships_json", "tiles.villages_json", "tiles.cells_json",
    "tiles.households_json", "tiles.issues_json", "tiles.aging_json",
}  # fmt: skip

# What stands in an address between slashes, by its name; `code` by its endpoint.
PATHS: dict[str, Callable[[Place], Any]] = {
    "session_id": lambda p: p["sign_in"],
    "absence_id": lambda p: p["absence"],
    "announcement_id": lambda p: p["notice"],
    "asked_id": lambda p: p["asked"],
    "assignment_id": lambda p: p["assignment"],
    "day": lambda p: str(workdays.today()),
    "deputy_id": lambda p: p["deputy"],
    "division_id": lambda p: p["draft"],
    "document_id": lambda p: p["document"],
    "filter_id": lambda p: p["filter"],
    "hint_id": lambda p: p["hint"],
    "household_id": lambda p: p["household"],
    "import_id": lambda p: p["import"],
    "issue_id": lambda p: p["issue"],
    "kind": lambda p: "teams",
    "membership_id": lambda p: p["member"],
    "request_id": lambda p: p["request"],
    "sha256": lambda p: p["sha256"],
    "submission_id": lambda p: p["submission"],
    "team_id": lambda p: p["team"],
    "user_id": lambda p: p["mate"],
    "visit_id": lambda p: p["visit"],
}
OTHER_PATHS: dict[str, dict[str, Callable[[Place], Any]]] = {
    "grids_api.get_jurisdiction": {"code": lambda p: p.village},
    "grids_api.get_cell": {"code": lambda p: p.cell},
    "grids_api.get_lineage": {"code": lambda p: p.village + "002"},
    "ground.cell": {"code": lambda p: p.village + "002"},
    "life_api.retire": {"code": lambda p: p["dedicated"]},
    "category_api.get_category": {"code": lambda p: CATEGORY},
    "categories.show": {"code": lambda p: CATEGORY},
    "imports.hand_out": {"import_id": lambda p: p["accounts"]},
    "requests.file": {"request_id": lambda p: p["granted"]},
    "hints_api.ask": {"hint_id": lambda p: p["hint_open"]},
    "announcements_api.get_results": {"announcement_id": lambda p: p["questionnaire"]},
    "announcements.table": {"announcement_id": lambda p: p["questionnaire"]},
    "staffing.say": {"user_id": lambda p: p[Role.CADRE]},
    "staffing_api.end": {"team_id": lambda p: p["unit"]},
}
# Addresses whose tiles are asked for around a place.
ZOOMS = (6, 14)

# Parameters of lists that may point at a place.
QUERY: dict[str, Callable[[Place], list[Any]]] = {
    "at": lambda p: [p.township],
    "bbox": lambda p: [f"{p.spot[0] - 0.1},{p.spot[1] - 0.1},{p.spot[0] + 0.1},{p.spot[1] + 0.1}"],
    "cell": lambda p: [p.cell],
    "holder": lambda p: [p["team"]],
    "household": lambda p: [p["household"]],
    "jurisdiction": lambda p: [p.township],
    "lat": lambda p: [p.spot[1]],
    "lon": lambda p: [p.spot[0]],
    "parent": lambda p: [p.township],
    "q": lambda p: ["mark", WORD + p.township],
    "team": lambda p: [p["team"]],
    "village": lambda p: [p.village],
}
# Parameters that narrow what one sees anyway, and point nowhere.
PLAIN = {
    "active", "as_of", "boundaries", "by", "cases", "category", "complaints", "crs", "current",
    "declined", "due", "due_from", "due_to", "format", "from", "in_cell", "kind", "level", "light",
    "limit", "cursor", "measure", "met", "mine", "missed", "not_met_since", "on", "open", "overdue",
    "quarter", "register", "size", "sort", "state", "status", "tag", "tagged", "tier", "to",
    "to_cells", "told", "trouble", "unread", "words", "year",
}  # fmt: skip


def _days(**more: Any) -> dict[str, Any]:
    today = workdays.today()
    return {"from": str(today - timedelta(days=30)), "to": str(today), **more}


OF_LATE = {"from": "2025-01-01", "to": "2030-12-31"}

# Lists in other states than the first one.
STATES: dict[str, list[dict[str, Any]]] = {
    "visits_api.list_households": [{"due": "1"}, {"sort": "due"}, {"met": "0"} | OF_LATE],
    "visits.listing": [{"due": "1"}, {"met": "1"} | OF_LATE],
    "visits_api.list_visits": [{"mine": "1"}],
    "issues_api.list_issues": [{"complaints": "1"}, {"open": "1"}, {"overdue": "1"}],
    "issues.listing": [{"complaints": "1"}, {"open": "all"}],
    "hints_api.list_hints": [{"state": "asked"}, {"mine": "1"}],
    "hints.listing": [{"state": "asked"}],
    "submissions_api.list_submissions": [{"open": "1"}, {"mine": "1"}],
    "telling_api.list_notices": [{"unread": "1"}],
    "telling.inbox": [{"unread": "all"}],
    "announcements_api.list_told": [{"told": "1"}],
    "announcements.households": [{"told": "1"}],
    "maps_api.get_coverage": [{"by": by} for by in ("township", "village", "cell")],
    "coverage.show": [{"by": "cell"}],
    "coverage.areas": [{"by": "cell"}],
    "desk.show": [{"queue": "in_hand"}, {"queue": "to_dispatch"}],
    "desk.live": [{"queue": "in_hand"}],
    "intake_api.list_similar": [{"words": "mark", "category": CATEGORY}],
    "cells_file.export_cells": [{"format": "geojson"}, {"format": "xlsx"}],
    "audit.trail": [{"kind": "visit"}],
}  # fmt: skip
# What a page's address takes, since no document says it as that of the API does.
PAGES: dict[str, tuple[str, ...]] = {
    "account.home": (), "account.own": (), "grids.home": ("jurisdiction",),
    "accounts.listing": ("jurisdiction", "q"), "accounts.show": (),
    "announcements.listing": (),
    "announcements.show": ("at",), "announcements.table": ("at",),
    "announcements.households": ("at",), "announcements.new": (), "audit.trail": ("login",),
    "calendar.show": (), "callbacks.listing": (), "categories.listing": (),
    "categories.download": (), "categories.show": (), "ground.cell": (),
    "intake.complaints": (), "desk.show": ("jurisdiction", "q"),
    "desk.live": ("jurisdiction", "q"), "desk.outlines": (), "refused.listing": (),
    "division.start": ("village",), "division.draft": (), "documents.listing": (),
    "documents.show": (), "documents.file": (), "telling.keep": (), "hints.listing": (),
    "reveals.listing": (), "retention.listing": (),
    "requests.listing": (), "requests.form": (), "requests.show": (),
    "visits.listing": ("jurisdiction", "cell", "q"), "visits.household": (),
    "imports.listing": (), "imports.show": (), "imports.faults": (), "imports.template": (),
    "telling.inbox": (), "intake.form": (),
    "issues.listing": ("jurisdiction", "cell", "team", "holder", "q"), "issues.show": (),
    "worklog.show": (), "phone.session": (), "maps.aging": ("jurisdiction", "holder"),
    "weeks.show": ("jurisdiction", "holder"),
    "ground.cells": ("jurisdiction", "done"), "coverage.show": ("jurisdiction",),
    "coverage.areas": ("jurisdiction",), "maps.home": ("jurisdiction",),
    "staffing.person": (), "sheets.monthly": ("jurisdiction",),
    "sheets.comparison": ("jurisdiction",), "sheets.issues": ("jurisdiction",),
    "sheets.public": ("jurisdiction",), "sheets.visits": ("jurisdiction",),
    "staffing.teams": ("jurisdiction",), "staffing.team": (),
    **{f"tiles.{name}": ("jurisdiction", "holder") for name in (
        "aging", "cells", "counties", "households", "issues", "townships", "villages")},
}  # fmt: skip
QUERY |= {"login": lambda p: [p.people[Role.CADRE].login], "done": lambda p: [p["change"]]}
# Without these an endpoint answers nothing: they are always said.
ALWAYS = {
    "intake_api.list_similar": ("cell",), "intake_api.list_places": ("q",),
    "intake_api.list_colleagues": ("q",), "cells_file.export_cells": ("jurisdiction",),
    "division.start": ("village",), "grids_api.cells_at": ("lon", "lat"),
    "staffing_api.list_warnings": ("jurisdiction",),
}  # fmt: skip


def _team_form(p: Place) -> list[Call]:
    """All that the page of a team does."""
    forms = [
        {"do": "rename", "name": "别名"},
        {"do": "add", "id": new(), "user": p["mate"], "duty": "part_time"},
        {"do": "duty", "member": p["member"], "duty": "part_time"},
        {"do": "end", "member": p["member"]},
        {"do": "preview", "member": p["member"], "user": p["mate"], "id": new()},
        {"do": "replace", "member": p["member"], "user": p["mate"], "id": new()},
        {"do": "deputy", "member": p["member"], "user": p["mate"], "id": new()},
        {"do": "end_deputy", "deputy": p["deputy"]},
        {"do": "give", "id": new(), "cell": p.village + "004"},
        {"do": "take", "assignment": p["assignment"]},
        {"do": "answer", "category": CATEGORY},
    ]
    return [{"data": form} for form in forms]


def _issue_form(p: Place) -> list[Call]:
    """A form of the desk in which an issue is chosen."""
    pick = f"{p['reported']}:1"
    both = [
        {"op": new(), "pick": pick, "action": "accept"},
        {"op": new(), "pick": pick, "action": "dispatch", "team": p["team"]},
    ]
    return [{"data": form} for form in both]


def _hours(p: Place) -> dict[str, Any]:
    return {"id": new(), "jurisdiction": p.township,
            "from_date": str(workdays.today() + timedelta(days=9))}  # fmt: skip


def _file() -> Any:
    return io.BytesIO("团队名称\n".encode()), "a.csv"


def _picture(p: Place) -> Call:
    """The picture that the place's cadre sent already: knowing its address is not having it."""
    return {"data": jpeg(seed=int(p.township)), "content_type": "image/jpeg"}


def json_(said: Any) -> list[Call]:
    return [{"json": said}]


def form(**said: Any) -> list[Call]:
    return [{"data": said}]


# Bodies of what changes something, aimed at a place: each must be taken from whoever may, there.
BODIES: dict[str, Callable[[Place], list[Call]]] = {
    "account.end_sign_ins": lambda p: form(sign_in=p["sign_in"]),
    "account_api.end_sign_in": lambda p: [{}],
    "accounts.make": lambda p: form(
        name="新人", login=f"new-{new()[:8]}", role="cadre", jurisdiction=p.village),
    "accounts.act": lambda p: [
        *form(do="give", role="dispatcher", jurisdiction=p.township), *form(do="password"),
        *form(do="disable"), *form(do="enable")],
    "announcements.act": lambda p: [
        *form(do="withdraw"), *form(do="answer", asked=p["asked"], words="答复")],
    "announcements.make": lambda p: form(**announcement_in(p)),
    "announcements_api.publish": lambda p: json_(announcement_in(p)),
    "announcements_api.withdraw": lambda p: [{}],
    "announcements_api.answer": lambda p: json_({"words": "答复"}),
    "calendar.enter": lambda p: form(do="hours", start="09:00", end="12:00", **_hours(p)),
    "calendar_api.put_hours": lambda p: json_(_hours(p) | {"spans": [["09:00", "12:00"]]}),
    "calendar_api.put_year": lambda p: json_(
        {"id": new(), "jurisdiction": p.township, "year": 2031, "days": []}),
    "callbacks.act": lambda p: [
        *form(do="take", visit=p["visit"]),
        *form(visit=p["called"], id=new(), outcome="not_reached")],
    "desk.act": _issue_form,
    "desk.act_live": _issue_form,
    "desk.keep": lambda p: form(id=new(), name="我的", page="desk", jurisdiction=p.township),
    "desk.forget": lambda p: form(),
    "division_api.ask": lambda p: json_(division_in(p)),
    "division_api.adjust": lambda p: json_(
        {"version": 3, "kind": "merge", "cells": [1, 2]}),
    "division_api.adopt": lambda p: json_({"version": 3}),
    "division_api.undo": lambda p: json_({"version": 3}),
    "division_api.drop": lambda p: [{}],
    "documents.ask": lambda p: form(
        id=new(), kind="issues", format="xlsx", jurisdiction=p.township, **_days()),
    "documents_api.ask_document": lambda p: json_(
        {"id": new(), "kind": "issues", "format": "xlsx",
         "arguments": _days(jurisdiction=p.township)}),
    "hints.act": lambda p: [
        *form(hint=p["hint_open"], do="ask", words="?"),
        *form(hint=p["hint"], do="in_order", words="好")],
    "hints_api.ask": lambda p: json_({"words": "?"}),
    "hints_api.answer": lambda p: json_({"words": "当时在村口。"}),
    "hints_api.settle": lambda p: json_({"state": "in_order", "words": "好"}),
    "imports.send": lambda p: [{"data": {"id": new(), "kind": "teams", "file": _file()}}],
    "imports.act": lambda p: [
        *form(action="drop"), *form(action="confirm", digest=p["digest"], skip_bad="1")],
    "imports.hand_out": lambda p: form(),
    "imports_api.send_import": lambda p: [
        {"query_string": {"id": new(), "kind": "teams"}, "data": {"file": _file()}}],
    "imports_api.check_again": lambda p: json_({}),
    "imports_api.confirm": lambda p: json_({"digest": p["digest"], "skip_bad": True}),
    "intake.take": lambda p: form(
        **issue_in(p) | {"channel": "window", "query_code": "654321"}),
    "issues.act": lambda p: form(**step_in("urge", 3) | {"until": str(workdays.today())}),
    "issues.act_together": lambda p: form(
        op=new(), pick=f"{p['issue']}:3", action="urge", words="催",
        until=str(workdays.today())),
    "issues_api.report_issue": lambda p: [
        *json_(issue_in(p)),
        *json_(issue_in(p) | {"household_id": None, "visit_id": p["visit"]}),
        *json_(issue_in(p) | {"household_id": None, "cell": p.cell}),
        *json_(issue_in(p) | {"household_id": None, "village": p.village})],
    "issues_api.take_step": lambda p: [
        *json_(step_in("sign", 3)), *json_(step_in("comment", 3)),
        *json_(step_in("merge", 3) | {"into": p["other"]}),
        *json_(step_in("transfer", 3) | {"team_id": p["unit"]}),
        *json_(step_in("urge", 3) | {"until": str(workdays.today())})],
    "issues_api.take_steps": lambda p: json_({"action": "dispatch", "items": [
        {"id": new(), "issue_id": p["other"], "seen": 2, "team_id": p["team"]}]}),
    "life_api.add": lambda p: json_(
        {"id": new(), "village": p.village, "name": "学校", "polygon": area(p)}),
    "life_api.split": lambda p: json_(split_in(p)),
    "life_api.merge": lambda p: json_(
        {"id": new(), "cells": [p.village + "003", p.village + "004"]}),
    "life_api.redraw": lambda p: json_(
        {"id": new(), "cells": [p.village + "003", p.village + "004"], "line": line(p, 3)}),
    "life_api.retire": lambda p: json_({"id": new()}),
    "life_api.retire_all": lambda p: [
        *json_({"id": new(), "cells": [p["dedicated"]]}),
        *json_({"id": new(), "village": p.village})],
    "life_api.undo": lambda p: json_({"id": new(), "change": p["change"]}),
    "photos_api.send_photo": lambda p: [_picture(p)],
    "refused.resolve": lambda p: form(do="drop", words="重复"),
    "requests.take": lambda p: form(
        id=new(), kind="see", words="查阅", checked="身份证"),
    "requests.decide": lambda p: form(granted="0", answer="不同意"),
    "requests.file": lambda p: form(),
    "reveals.show_household": lambda p: form(id=new(), purpose="visit", words="约时间"),
    "reveals.show_resident": lambda p: form(id=new(), purpose="handling", words="核实"),
    "reveals_api.reveal_household": lambda p: json_(
        {"id": new(), "purpose": "visit", "words": "约时间"}),
    "reveals_api.reveal_resident": lambda p: json_(
        {"id": new(), "purpose": "handling", "words": "核实"}),
    "sheets.object_to": lambda p: [
        *form(id=new(), team=p["team"], quarter=_quarter(), words="不对"),
        *form(id=p["objection"], action="answer", quarter=_quarter(), words="看过", upheld="1")],
    "staffing.make": lambda p: form(id=new(), name="新组", jurisdiction=p.village),
    "staffing.change": _team_form,
    "staffing.say": lambda p: [
        *form(id=new(), kind="leave"), *form(absence=p["absence"])],
    "staffing_api.create": lambda p: json_(
        {"id": new(), "name": "新组", "jurisdiction": p.village}),
    "staffing_api.rename": lambda p: json_({"name": "别名"}),
    "staffing_api.end": lambda p: json_({}),
    "staffing_api.add_member": lambda p: json_(
        {"id": new(), "user": p["mate"], "duty": "part_time"}),
    "staffing_api.change_member": lambda p: json_({"duty": "part_time"}),
    "staffing_api.end_member": lambda p: json_({}),
    "staffing_api.replace": lambda p: [
        *json_({"id": new(), "user": p["mate"]}),
        {"json": {"id": new(), "user": p["mate"]}, "query_string": {"dry_run": "1"}}],
    "staffing_api.add_deputy": lambda p: json_({"id": new(), "user": p["mate"]}),
    "staffing_api.end_deputy": lambda p: json_({}),
    "staffing_api.assign": lambda p: json_(
        {"id": new(), "cell": p.village + "004", "lead": True}),
    "staffing_api.lead": lambda p: json_({}),
    "staffing_api.end_assignment": lambda p: json_({}),
    "staffing_api.answer_for": lambda p: json_({"categories": [CATEGORY]}),
    "staffing_api.say_absence": lambda p: json_(
        {"id": new(), "user": p["mate"], "kind": "leave"}),
    "staffing_api.end_absence": lambda p: json_({}),
    "submissions_api.submit": lambda p: json_({"items": [
        {"id": new(), "kind": "visit", "data": visit_in(p)},
        {"id": new(), "kind": "issue", "data": issue_in(p)},
        {"id": new(), "kind": "step", "data": step_in("comment", 3) | {"issue_id": p["issue"]}}]}),
    "submissions_api.apply": lambda p: json_(
        {"data": visit_in(p) | {"id": p["item"]}}),
    "submissions_api.drop": lambda p: json_({"words": "重复"}),
    "telling.change": lambda p: [
        *form(do="off", gateway=p["gateway"]), *form(do="try", gateway=p["gateway"]),
        *form(do="again", delivery=p["delivery"]),
        *form(do="save", id=new(), name="群", jurisdiction=p.township,
              url="json://8.8.8.8/x", template="{words}")],
    "telling.read": lambda p: form(notice=p["notice_of"]),
    "telling_api.read": lambda p: json_({"ids": [p["notice_of"]]}),
    "visits.record": lambda p: [
        *form(id=new(), outcome="met", started_at=visit_in(p)["started_at"]),
        *form(id=new(), category=CATEGORY, words="路灯", channel="window")],
    "visits_api.add_household": lambda p: json_(
        {"id": new(), "number": "N1", "village": p.village, "address": "1", "head_name": "某",
         "point": {"lon": p.spot[0], "lat": p.spot[1]}}),
    "visits_api.change_household": lambda p: json_({"note": "改"}),
    "visits_api.record_visit": lambda p: json_(visit_in(p)),
    "worklog_api.add_words": lambda p: json_({"words": "一天"}),
    "worklog.say": lambda p: form(words="一天"),
}  # fmt: skip

# What nobody is seen to do here: a village with cells adopts no draft, the days to object to a
# quarter are over on most days of a year, a village that is lived in is not retired, and a preview
# changes nothing.
UNTAKEN = {
    ("division_api.adopt", 0), ("life_api.retire_all", 1),
    ("sheets.object_to", 0), ("staffing.change", 4),
    ("staffing_api.replace", 1),
}  # fmt: skip
# Lists that tell nothing of a place, and tiles in which a place is too small to be seen.
SILENT = {
    "account.home", "calendar_api.read", "categories.download", "category_api.get_category",
    "category_api.list_categories", "staffing_api.list_remits", "tiles.counties",
    "categories.listing", "categories.show", "imports.template", "retention.listing",
}  # fmt: skip


def _quarter() -> str:
    first = last_quarter()
    return f"{first.year}-Q{(first.month + 2) // 3}"


def arguments(kind: str) -> dict[str, Any]:
    """With what each kind of document is asked for, besides the place."""
    before = workdays.today().replace(day=1) - timedelta(days=1)
    said: dict[str, dict[str, Any]] = {
        "issues": _days(), "visits": _days(), "coverage": {}, "brief": {"month": f"{before:%Y-%m}"},
        "public": {"month": f"{before:%Y-%m}"}, "comparison": {"quarter": _quarter()},
    }  # fmt: skip
    return said[kind]
