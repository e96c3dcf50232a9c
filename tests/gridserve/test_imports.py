"""The import wizard over HTTP: send, check, look, confirm, store; each step once and whole."""

from __future__ import annotations

import io
import uuid
import warnings
import zipfile
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyogrio
import pyogrio.raw
import pytest
import shapely
from openpyxl import load_workbook
from sqlalchemy import func, select, update

from gridserve import claims, workdays
from gridserve.db import db, now
from gridserve.imports import work
from gridserve.imports.models import Import
from gridserve.people import Post
from gridserve.permissions import Role
from gridserve.tables.raw import LARGEST
from tests import brokentables
from tests.data.broken.make_maps import HERE
from tests.factories import COUNTY, TOWNSHIP, VILLAGE
from visits.models import Household

GOOD = ["1", VILLAGE, "田坝1号", "王一", 3]
BAD = ["2", VILLAGE, None, "李二", "许多"]


def send(client, data, kind="households", name="村/户.xlsx", **query):
    query = {"id": str(uuid.uuid4()), "kind": kind, **query}
    answer = client.post(
        "/api/v1/imports", query_string=query, data={"file": (io.BytesIO(data), name)}
    )
    if answer.status_code == 202:
        work.work(answer.json["id"])
        return client.get(f"/api/v1/imports/{answer.json['id']}")
    return answer


@pytest.fixture
def dispatcher(make, as_user):
    make.cell()
    return as_user(make.user(Role.DISPATCHER, TOWNSHIP))


def stored() -> int:
    return db.session.scalar(select(func.count()).select_from(Household)) or 0


def test_a_file_is_checked_confirmed_and_stored_and_then_forgotten(dispatcher):
    found = send(dispatcher, brokentables.book()).json
    assert (found["state"], found["new"], found["faults"]) == ("checked", 2, [])
    assert stored() == 0
    address = f"/api/v1/imports/{found['id']}"
    other = dispatcher.post(f"{address}/confirm", json={"digest": "0" * 64})
    assert (other.status_code, other.json["code"]) == (409, "import.other_file")
    for _ in range(2):
        said = dispatcher.post(f"{address}/confirm", json={"digest": found["digest"]})
        assert (said.status_code, said.json["state"]) == (202, "importing")
    work.work(found["id"])
    work.work(found["id"])  # a job that comes twice
    done = dispatcher.get(address).json
    assert (done["state"], done["new"], stored()) == ("done", 2, 2)
    assert db.session.get(Import, uuid.UUID(found["id"])).content is None
    again = send(dispatcher, brokentables.book()).json
    assert (again["new"], again["same"]) == (0, 2)


def test_faults_keep_everything_out_and_come_back_as_a_sheet_to_mend(dispatcher):
    found = send(dispatcher, brokentables.book(GOOD, BAD)).json
    assert (found["left_out"], found["new"]) == (1, 1)
    assert {fault["column"] for fault in found["faults"]} == {"人口数"}
    refused = dispatcher.post(
        f"/api/v1/imports/{found['id']}/confirm", json={"digest": found["digest"]}
    )
    assert (refused.status_code, stored()) == (422, 0)
    sheet = dispatcher.get(f"/imports/{found['id']}/faults.xlsx")
    page = load_workbook(io.BytesIO(sheet.data)).active
    assert [cell.value for cell in page[1]] == [*brokentables.HEAD, "问题"]
    assert [cell.value for cell in page[2]][:4] == ["2", VILLAGE, None, "李二"]
    page["C2"], page["E2"] = "田坝2号", 2
    mended = io.BytesIO()
    page.parent.save(mended)
    assert send(dispatcher, mended.getvalue()).json["new"] == 1
    said = {"digest": found["digest"], "skip_bad": True}
    dispatcher.post(f"/api/v1/imports/{found['id']}/confirm", json=said)
    work.work(found["id"])
    assert stored() == 1


def test_what_changed_since_the_check_is_not_stored_over_the_persons_head(dispatcher, make):
    found = send(dispatcher, brokentables.book(["9", VILLAGE, None, "王", 3])).json
    assert found["left_out"] == 1
    make.household(number="9")
    again = send(dispatcher, brokentables.book(["9", VILLAGE, None, "王", 3])).json
    assert again["changed"] == 1
    dispatcher.post(f"/api/v1/imports/{again['id']}/confirm", json={"digest": again["digest"]})
    db.session.delete(db.session.scalars(select(Household)).one())
    db.session.commit()
    work.work(again["id"])
    now_ = dispatcher.get(f"/api/v1/imports/{again['id']}").json
    assert (now_["state"], now_["left_out"], stored()) == ("checked", 1, 0)


@pytest.mark.parametrize("name", brokentables.ALL)
def test_no_broken_table_is_a_fault_of_ours(dispatcher, name):
    build, count, _words = brokentables.ALL[name]
    answer = send(dispatcher, build())
    if name == "empty.xlsx":
        assert answer.status_code == 422
        return
    found = answer.json
    assert "written down" not in (found["failure"] or "")
    assert "记录" not in (found["failure"] or "")
    if count:
        assert (found["state"], found["new"]) == ("checked", count)
    else:
        assert found["state"] == "failed" or found["left_out"] > 0
    assert dispatcher.get(f"/imports/{found['id']}").status_code == 200


def test_who_may_import_what(make, as_user, dispatcher):
    admin = as_user(make.user(Role.ADMINISTRATOR, COUNTY))
    assert send(admin, brokentables.book()).status_code == 403
    assert send(dispatcher, b"{}", kind="cells").status_code == 403
    assert send(dispatcher, b"{}", kind="nothing").status_code == 403
    for role in (Role.CADRE, Role.LEADER, Role.AUDITOR):
        assert as_user(make.user(role, COUNTY)).get("/imports").status_code == 403
    found = send(dispatcher, brokentables.book()).json
    elsewhere = as_user(make.user(Role.DISPATCHER, "530626102"))
    assert elsewhere.get(f"/api/v1/imports/{found['id']}").status_code == 404
    above = as_user(make.user(Role.DISPATCHER, COUNTY))
    assert above.get("/imports").status_code == 200
    assert above.get(f"/api/v1/imports/{found['id']}").status_code == 200
    said = {"digest": found["digest"]}
    assert above.post(f"/api/v1/imports/{found['id']}/confirm", json=said).status_code == 403
    assert above.get(f"/imports/{found['id']}/faults.xlsx").status_code == 404


def test_the_same_sent_again_is_the_same_import_and_too_much_is_refused(dispatcher):
    id_ = str(uuid.uuid4())
    data = brokentables.gbk()
    first, again = (send(dispatcher, data, id=id_) for _ in range(2))
    assert (first.status_code, again.json) == (200, first.json)
    assert send(dispatcher, b"x", id=id_).status_code == 409
    vast = {"CONTENT_LENGTH": str(LARGEST + 1024 * 1024)}
    for address in ("/api/v1/imports?kind=households&id=" + str(uuid.uuid4()), "/imports"):
        body = {"file": (io.BytesIO(b"x"), "x.csv")}
        assert dispatcher.post(address, data=body, environ_overrides=vast).status_code == 413


def test_a_lost_job_is_found_and_one_that_dies_again_and_again_is_given_up(dispatcher):
    answer = dispatcher.post(
        "/api/v1/imports",
        query_string={"id": str(uuid.uuid4()), "kind": "households"},
        data={"file": (io.BytesIO(brokentables.book()), "a.xlsx")},
    )
    row = db.session.get(Import, uuid.UUID(answer.json["id"]))
    assert work.sweep() == 0
    row.created_at = now() - timedelta(minutes=5)
    db.session.commit()
    assert work.sweep() == 1
    row.attempts = claims.ATTEMPTS
    db.session.commit()
    work.work(str(row.id))
    assert (row.state, stored()) == ("failed", 0)
    row.created_at = now() - timedelta(days=8)
    db.session.commit()
    assert work.forget_files() == 1
    assert (row.content, row.state) == (None, "dropped")


def test_cells_come_through_the_wizard_too(make, as_user):
    make.cell()
    admin = as_user(make.user(Role.ADMINISTRATOR, COUNTY))
    answer = send(admin, b'{"type": "FeatureCollection", "features": []}', kind="cells")
    assert answer.json["state"] in ("checked", "failed")
    assert admin.get(f"/imports/{answer.json['id']}").status_code == 200


def test_a_map_without_a_system_is_asked_for_its_zone(make, as_user, tmp_path):
    make.cell()
    admin = as_user(make.user(Role.ADMINISTRATOR, COUNTY))
    found = send(admin, zoned(tmp_path), kind="cells", name="网格.zip").json
    assert found["question"]["choices"] == ["EPSG:4523"]
    assert found["question"]["named"]["EPSG:4523"].endswith("zone 35")
    page = admin.get(f"/imports/{found['id']}").text
    assert '<option value="EPSG:4523" selected>' in page
    assert "--crs" not in page  # words of the command line
    said = {"action": "check", "system": "EPSG:4523"}
    assert admin.post(f"/imports/{found['id']}", data=said).status_code == 302
    work.work(found["id"])
    row = db.session.get_one(Import, uuid.UUID(found["id"]))
    assert (row.options["system"], row.report["read"]) == ("EPSG:4523", 1)
    page = admin.get(f"/imports/{found['id']}").text
    assert "下载问题清单" in page  # areas are mended where they were drawn, not in a sheet
    assert "上传该表" not in page


def test_a_map_that_cannot_be_used_is_called_as_it_was_sent(make, as_user):
    make.cell()
    admin = as_user(make.user(Role.ADMINISTRATOR, COUNTY))
    found = send(admin, (HERE / "no-dbf.zip").read_bytes(), kind="cells", name="网格.zip").json
    assert (found["state"], found["failure"][:8]) == ("failed", "网格.zip 缺")
    old = send(admin, (HERE / "xian1980.zip").read_bytes(), kind="cells", name="网格.zip").json
    assert (old["state"], "Xian 1980" in old["failure"]) == ("failed", True)  # nothing to ask


def zoned(folder: Path) -> bytes:
    """A Shapefile without .prj, in the numbers of a Gauss-Krüger zone; its serial is a fault."""
    x, y = 35_500_000, 3_160_000
    area = shapely.to_wkb(shapely.box(x, y, x + 100, y + 100))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pyogrio.raw.write(
            folder / "a.shp", geometry=np.array([area], dtype=object), geometry_type="Polygon",
            fields=["code", "name"], crs=None,
            field_data=[np.array([f"{VILLAGE}000"], dtype=object), np.array(["甲"], dtype=object)],
        )  # fmt: skip
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for ending in ("shp", "shx", "dbf"):
            archive.write(folder / f"a.{ending}", f"a.{ending}")
    return out.getvalue()


def test_templates(dispatcher, make, as_user):
    sheet = dispatcher.get("/imports/templates/households.xlsx")
    sheet.headers["Content-Disposition"].encode("latin-1")  # a server sends nothing else
    assert load_workbook(io.BytesIO(sheet.data)).sheetnames == ["数据", "说明"]
    assert dispatcher.get("/imports/templates/teams.xlsx").status_code == 404


def test_another_post_does_not_show_what_was_imported_in_the_former_one(make, as_user):
    make.cell()
    user = make.user(Role.DISPATCHER, TOWNSHIP)
    make.jurisdictions(other := f"{COUNTY}102")
    db.session.add(
        Post(
            user_id=user.id, role=Role.DISPATCHER, jurisdiction_code=other,
            from_date=workdays.today(),
        )
    )  # fmt: skip
    db.session.commit()
    address = f"/api/v1/imports/{send(as_user(user), brokentables.book(GOOD, BAD)).json['id']}"
    assert as_user(user).get(address).status_code == 200
    # Of two townships: the desk of one does not see the rows of the other.
    assert as_user(make.user(Role.DISPATCHER, TOWNSHIP)).get(address).status_code == 404
    assert as_user(make.user(Role.DISPATCHER, COUNTY)).get(address).status_code == 200
    db.session.execute(update(Post).where(Post.user_id == user.id).values(role=Role.ADMINISTRATOR))
    db.session.commit()
    assert as_user(user).get(address).status_code == 404


def test_a_system_that_households_do_not_take_is_named_with_those_that_they_take(dispatcher):
    failure = send(dispatcher, brokentables.book(), system="EPSG:4547").json["failure"]
    assert "EPSG:4547" in failure
    assert "gcj02" in failure
