"""V4 and V8: what is somebody else's, and what may nobody see."""

from __future__ import annotations

import uuid

from gridserve.permissions import Role
from tests.attacks.tries import Scene, Tries, Try, without
from tests.scope.walk import tile
from tests.scope.world import announcement_in, issue_in, step_in, visit_in

API = "/api/v1"
# Pages and lists that a role has no business with.
NOT_FOR = {
    Role.CADRE: ("/admin", "/admin/accounts", "/audit", "/desk", "/intake", "/complaints",
                 "/gateways", "/imports", "/documents", "/callbacks", "/reveals"),
    Role.DISPATCHER: ("/admin", "/admin/accounts", "/audit", "/complaints", "/gateways"),
    Role.LEADER: ("/admin", "/admin/accounts", "/audit", "/desk", "/imports", "/gateways"),
    Role.ADMINISTRATOR: ("/households", "/issues", "/desk", "/audit", "/documents", "/complaints",
                         f"{API}/households", f"{API}/visits", f"{API}/issues", f"{API}/workset"),
    Role.AUDITOR: ("/admin", "/admin/accounts", "/households", "/issues", "/desk", "/imports",
                   f"{API}/households", f"{API}/visits", f"{API}/coverage"),
}  # fmt: skip


def roles(scene: Scene) -> Tries:
    """V4.1 Who may what"""
    for role, paths in NOT_FOR.items():
        for path in paths:
            yield Try(f"The {role} opens {path}", scene.by[role].get(path), 403)
    for path in ("/", "/admin", "/desk", "/households", "/maps/coverage", "/m/log"):
        yield Try(f"Nobody opens {path}", scene.nobody.get(path), 401)
    for path in ("households", "issues", "visits", "workset", "coverage", "documents"):
        yield Try(f"Nobody asks the API for {path}", scene.nobody.get(f"{API}/{path}"), 401)


def others(scene: Scene) -> Tries:
    """V4.2 What is of another township (IDOR)"""
    other, own = scene.other, scene.own
    aims = (
        (Role.CADRE, "a household", f"{API}/households/{other['household']}"),
        (Role.CADRE, "its visits", f"{API}/households/{other['household']}/visits"),
        (Role.CADRE, "a visit", f"{API}/visits/{other['visit']}"),
        (Role.CADRE, "an issue", f"{API}/issues/{other['issue']}"),
        (Role.CADRE, "a picture", f"{API}/photos/{other['sha256']}"),
        (Role.CADRE, "a colleague's day", f"/people/{other[Role.CADRE]}"),
        (Role.DISPATCHER, "a household's page", f"/households/{other['household']}"),
        (Role.DISPATCHER, "an issue's page", f"/issues/{other['issue']}"),
        (Role.DISPATCHER, "what was refused", f"/desk/refused/{other['submission']}"),
        (Role.LEADER, "a document's file", f"/documents/{other['document']}/file"),
        (Role.LEADER, "a notice", f"{API}/announcements/{other['notice']}"),
        (Role.LEADER, "coverage", f"{API}/coverage?jurisdiction={other.township}"),
        (Role.ADMINISTRATOR, "an account", f"/admin/accounts/{other[Role.CADRE]}"),
        (Role.ADMINISTRATOR, "an import", f"{API}/imports/{other['import']}"),
        (Role.ADMINISTRATOR, "a division", f"{API}/divisions/{other['draft']}"),
    )
    for role, what, path in aims:
        wanted = 405 if "refused" in path else 404
        answer = without(scene.by[role].get(path), other.mark)
        yield Try(f"The {role} reads {what} next door", answer, wanted)
    cadre, desk, leader = (scene.by[r] for r in (Role.CADRE, Role.DISPATCHER, Role.LEADER))
    yield Try("A visit to a household outside the own jurisdiction", cadre.post(
        f"{API}/visits", json=visit_in(other)), 404)  # fmt: skip
    yield Try("A step on an issue next door", desk.post(
        f"{API}/issues/{other['issue']}/steps", json=step_in("urge", 3)), 404)  # fmt: skip
    yield Try("Dispatching to a team next door", desk.post(
        f"{API}/issues/{own['other']}/steps",
        json=step_in("dispatch", 2) | {"team_id": other["team"]}), 422)  # fmt: skip
    yield Try("A visit under the id of somebody else's", cadre.post(
        f"{API}/visits", json=visit_in(own) | {"id": other["visit"]}), 409)  # fmt: skip
    yield Try("An issue under the id of somebody else's", cadre.post(
        f"{API}/issues", json=issue_in(own) | {"id": other["issue"]}), 409)  # fmt: skip
    yield Try("A household registered next door", desk.post(f"{API}/households", json={
        "id": str(uuid.uuid4()), "village": other.village, "number": "X-1", "head_name": "甲",
        "address": "x",
        "point": {"lon": other.spot[0], "lat": other.spot[1]}}), 403)  # fmt: skip
    yield Try("A household changed next door", desk.patch(
        f"{API}/households/{other['household']}", json={"note": "x"}), 404)  # fmt: skip
    yield Try("A notice to another township", leader.post(
        f"{API}/announcements", json=announcement_in(other)), 403)  # fmt: skip
    yield Try("A team made next door", scene.by[Role.ADMINISTRATOR].post(
        f"{API}/teams", json={"id": str(uuid.uuid4()), "name": "x",
                              "jurisdiction": other.village}), 404)  # fmt: skip
    yield Try("Applying what was refused to somebody else", cadre.post(
        f"{API}/submissions/{other['submission']}/apply",
        json={"data": visit_in(own) | {"id": other["item"]}}), 404)  # fmt: skip


def rights(scene: Scene) -> Tries:
    """V4.3 Giving oneself rights"""
    cadre, own = scene.by[Role.CADRE], scene.own
    yield Try("A visit in another's name", cadre.post(f"{API}/visits", json=visit_in(own) | {
        "visitor_id": own[Role.LEADER]}), 422)  # fmt: skip
    yield Try("A visit that says that it is in scope", cadre.post(
        f"{API}/visits", json=visit_in(own) | {"in_scope": True}), 422)  # fmt: skip
    yield Try("An issue that is closed from the start", cadre.post(
        f"{API}/issues", json=issue_in(own) | {"status": "closed"}), 422)  # fmt: skip
    yield Try("A cadre accepts, which the desk does", cadre.post(
        f"{API}/issues/{own['reported']}/steps", json=step_in("accept", 1)), 403)  # fmt: skip
    yield Try("A cadre closes by force", cadre.post(
        f"{API}/issues/{own['issue']}/steps", json=step_in("force_close", 3)), 403)  # fmt: skip
    yield Try("A cadre writes the calendar", cadre.put(f"{API}/calendar/hours", json={}), 403)
    yield Try("A dispatcher writes the catalogue", scene.by[Role.DISPATCHER].put(
        f"{API}/categories/facility.road", json={}), 403)  # fmt: skip
    yield Try("A method that was not offered", cadre.delete(
        f"{API}/households/{own['household']}"), 405)  # fmt: skip
    yield Try("Another method by a header", cadre.post(
        f"{API}/households/{own['household']}", headers={"X-HTTP-Method-Override": "DELETE"}),
        405)  # fmt: skip
    yield Try(
        "Another address by a header",
        cadre.get(f"{API}/me", headers={"X-Original-URL": "/admin", "X-Rewrite-URL": "/admin"}),
        200,
    )
    yield Try("A doubled slash before an address", cadre.get("//admin"), 308)
    yield Try("An address in capitals", cadre.get("/ADMIN"), 404)


def private(scene: Scene) -> Tries:
    """V8 Personal data"""
    own, desk = scene.own, scene.by[Role.DISPATCHER]
    phone, resident = f"137{own.township}"[:11], f"136{own.township}"[:11]
    yield Try("The whole phone in a household's answer to the desk", without(desk.get(
        f"{API}/households/{own['household']}"), phone), 200)  # fmt: skip
    yield Try("The whole phone in the list of households", without(
        desk.get(f"{API}/households"), phone), 200)  # fmt: skip
    yield Try("The reporter's whole phone on the issue's page, for a leader", without(
        scene.by[Role.LEADER].get(f"/issues/{own['issue']}"), resident), 200)  # fmt: skip
    yield Try("A phone shown without a purpose", desk.post(
        f"{API}/households/{own['household']}/reveal", json={}), 422)  # fmt: skip
    yield Try("A phone shown to the auditor", scene.by[Role.AUDITOR].post(
        f"{API}/households/{own['household']}/reveal", json={"purpose": "visit"}), 403)  # fmt: skip
    yield Try("How an issue stands, with the code guessed", without(scene.nobody.post(
        "/q", data={"number": "1", "code": "000000"}), own.mark), 403)  # fmt: skip
    yield Try("A complaint about oneself", scene.as_user(own.people["mate"]).get(
        f"{API}/issues/{own['complaint']}"), 404)  # fmt: skip
    yield Try("A tile of households for somebody from next door", without(
        scene.as_user(scene.other.people[Role.CADRE]).get(
            "/tiles/households/{z}/{x}/{y}.mvt".format(**tile(own.spot, 15))),
        own["household"]), 200)  # fmt: skip
