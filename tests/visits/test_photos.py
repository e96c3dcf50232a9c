"""Pictures over HTTP: sent whole and in pieces, made anew, shown to those who may see."""

from __future__ import annotations

import io
import itertools
import uuid
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from sqlalchemy import func, select, update

from gridserve.db import db, now
from gridserve.permissions import Role
from gridserve.storage import blobs
from tests import pictures
from tests.factories import TOWNSHIP, VILLAGE
from tests.pictures import jpeg, noise, sha
from tests.statements import statements
from visits.photos import operations, thumbnails, tidying
from visits.photos.models import TRIES, Photo, Upload

API = "/api/v1"
_seeds = itertools.count(1000)


def put(client, data, *, name=None, first=None, last=None):
    headers = {}
    piece = data
    if first is not None:
        piece = data[first : last + 1]
        headers["Content-Range"] = f"bytes {first}-{last}/{len(data)}"
    return client.put(f"{API}/photos/{name or sha(data)}", data=piece, headers=headers)


def get(client, data, size="full", **headers):
    return client.get(f"{API}/photos/{sha(data)}?size={size}", headers=headers)


def visit(household, *photos, **changes):
    return {
        "id": str(uuid.uuid4()),
        "household_id": str(household.id),
        "outcome": "met",
        "started_at": (now() - timedelta(hours=1)).isoformat(),
        "photos": list(photos),
        **changes,
    }


@pytest.fixture
def cell(make):
    return make.cell()


@pytest.fixture
def cadre(make, cell):
    return make.cadre([cell])


@pytest.fixture
def phone(as_user, cadre):
    return as_user(cadre)


def test_a_photo_is_kept_once_and_without_what_it_tells_beside(phone):
    data = jpeg() + b"SECRETTAIL"
    assert put(phone, data).json == {"sha256": sha(data), "width": 640, "height": 480}
    assert [put(phone, data).status_code, put(phone, data).status_code] == [200, 200]
    assert phone.head(f"{API}/photos/{sha(data)}").status_code == 200
    kept = get(phone, data)
    assert b"SECRET" in data
    assert b"SECRET" not in kept.data
    with Image.open(io.BytesIO(kept.data)) as image:
        assert (image.format, image.size) == ("JPEG", (640, 480))
        assert dict(image.getexif()) == {}
        assert dict(image.getexif().get_ifd(pictures.GPS)) == {}
        assert image.getpixel((10, 10)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("turned", "corner"), [(3, "lower right"), (6, "upper right"), (8, "lower left")]
)
def test_a_photo_is_turned_as_it_was_held(phone, turned, corner):
    data = jpeg(turned=turned)
    said = put(phone, data).json
    with Image.open(io.BytesIO(get(phone, data).data)) as image:
        wide, high = image.size
        places = {
            "upper left": (9, 9), "upper right": (wide - 9, 9),
            "lower left": (9, high - 9), "lower right": (wide - 9, high - 9),
        }  # fmt: skip
        white = [name for name, at in places.items() if min(image.getpixel(at)) > 250]
        assert (said["width"], said["height"]) == image.size
    assert white == [corner]


def test_png_and_webp_are_taken_by_content_and_large_ones_made_smaller(phone):
    ink = pictures.signature()
    put(phone, ink)
    assert get(phone, ink).mimetype == "image/png"
    out = io.BytesIO()
    Image.new("RGB", (5000, 4000), "green").save(out, "WEBP")
    answer = put(phone, out.getvalue())
    assert (answer.json["width"], answer.json["height"]) == (2560, 2048)
    assert get(phone, out.getvalue()).mimetype == "image/jpeg"


@pytest.mark.parametrize("name", pictures.REFUSED)
def test_what_is_no_picture_is_refused_and_nothing_of_it_stays(phone, name):
    data, status, code = pictures.REFUSED[name]
    answer = put(phone, data)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert phone.head(f"{API}/photos/{sha(data)}").status_code == 404
    if 1 < len(data) < 2_000_000:  # in pieces too, and then it is begun anew
        half = len(data) // 2
        assert put(phone, data, first=0, last=half - 1).status_code == 202
        answer = put(phone, data, first=half, last=len(data) - 1)
        assert (answer.status_code, answer.json["code"]) == (status, code)
        assert phone.head(f"{API}/photos/{sha(data)}").headers["Upload-Offset"] == "0"
    assert db.session.scalar(select(func.count()).select_from(Photo)) == 0


def test_other_bytes_than_the_address_says_are_refused(phone):
    data, other = jpeg(1), jpeg(2)
    answer = put(phone, data, name=sha(other))
    assert (answer.status_code, answer.json["code"]) == (422, "photo.wrong_digest")
    put(phone, data, name=sha(other), first=0, last=99)  # … and in pieces: begun anew
    answer = put(phone, data, name=sha(other), first=100, last=len(data) - 1)
    assert (answer.status_code, answer.json["code"]) == (422, "photo.wrong_digest")
    assert phone.head(f"{API}/photos/{sha(other)}").headers["Upload-Offset"] == "0"
    assert put(phone, other).status_code == 201


@settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1)), max_size=6))
def test_pieces_join_wherever_the_line_broke(phone, breaks):
    """Each break: how far back the phone begins again, and how much of the rest it gets through."""
    data = noise(next(_seeds), (40, 30))  # another one each time
    where = f"{API}/photos/{sha(data)}"
    have, last = 0, None
    for back, share in [*breaks, (0, 1.0)]:
        first = max(0, have - back * 100)
        last = min(len(data) - 1, first + int(share * (len(data) - first)))
        answer = put(phone, data, first=first, last=last)
        if answer.status_code in (200, 201):
            break
        have = max(have, last + 1)
        assert (answer.status_code, answer.json["offset"]) == (202, have)
        assert phone.head(where).headers["Upload-Offset"] == str(have)
    assert last == len(data) - 1
    assert phone.head(where).status_code == 200
    assert put(phone, data, first=0, last=99).status_code == 200  # late, and harmless
    kept = Image.open(io.BytesIO(get(phone, data).data)).tobytes()
    assert kept == Image.open(io.BytesIO(data)).tobytes()
    assert db.session.scalar(select(func.count()).select_from(Upload)) == 0


def test_a_gap_is_told_with_where_to_go_on(phone):
    data = noise(1)
    put(phone, data, first=0, last=999)
    answer = put(phone, data, first=2000, last=2999)
    assert (answer.status_code, answer.json["code"], answer.json["offset"]) == (
        409, "photo.wrong_offset", 1000,
    )  # fmt: skip
    assert answer.headers["Upload-Offset"] == "1000"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("bytes 0-9", 400),
        ("bytes 0-9/9", 400),
        ("bytes 5-14/20", 409),  # of which nothing is here
        ("bytes 0-8/20", 400),
        ("bytes 9-0/20", 400),
        ("bytes 0-9/99999999", 413),
        ("items 0-9/20", 400),
    ],
)
def test_a_range_that_does_not_fit_is_refused(phone, said, status):
    headers = {"Content-Range": said}
    answer = phone.put(f"{API}/photos/{'0' * 64}", data=b"0123456789", headers=headers)
    assert (answer.status_code, "code" in answer.json) == (status, True)


@pytest.mark.parametrize("name", ["x", "0" * 63, "G" * 64, "A" * 64, "%00" * 64, "é" * 64])
def test_an_address_that_is_none_is_not_found(phone, name):
    for answer in (
        phone.get(f"{API}/photos/{name}"),
        phone.head(f"{API}/photos/{name}"),
        phone.put(f"{API}/photos/{name}", data=b"x"),
    ):
        assert answer.status_code == 404


def test_beginnings_are_few_and_are_swept(phone, cadre):
    names = [f"{n:064x}" for n in range(operations.OPEN_UPLOADS + 3)]
    for name in names:
        put(phone, bytes(100), name=name, first=0, last=9)
    kept = set(db.session.scalars(select(Upload.sha256)))
    assert kept == set(names[3:])
    old = now() - tidying.UNFINISHED - timedelta(hours=1)
    db.session.execute(update(Upload).where(Upload.sha256 == names[5]).values(touched_at=old))
    tidying.tidy()
    assert set(db.session.scalars(select(Upload.sha256))) == kept - {names[5]}


def test_a_visit_is_accepted_before_its_photos_and_says_what_is_on_its_way(phone, make, cell):
    home, first, second = make.household(cell), jpeg(1), jpeg(2)
    said = visit(home, sha(first), sha(second), sha(first))
    answer = phone.post(f"{API}/visits", json=said)
    assert answer.status_code == 201
    assert [p["sha256"] for p in answer.json["photos"]] == [sha(first), sha(second)]
    assert [p["arrived"] for p in answer.json["photos"]] == [False, False]
    assert phone.post(f"{API}/visits", json=said).data == answer.data
    put(phone, second)
    stored = phone.get(f"{API}/visits/{said['id']}").json
    assert [p["arrived"] for p in stored["photos"]] == [False, True]
    assert stored["photos"][1]["width"] == 640
    listed = phone.get(f"{API}/households/{home.id}/visits").json["items"]
    assert listed[0]["photos"] == stored["photos"]
    other = phone.post(f"{API}/visits", json={**said, "photos": [sha(first)]})
    assert (other.status_code, other.json["code"]) == (409, "request.id_taken")


def test_an_issue_and_its_steps_have_photos_and_an_evaluation_its_signature(
    make, as_user, phone, cell
):
    desk, home = as_user(make.user(Role.DISPATCHER)), make.household(cell)
    make.category()
    ids = [sha(jpeg(n)) for n in range(3)]
    issue = {
        "id": str(uuid.uuid4()), "category": "facility.road", "words": "路灯不亮",
        "household_id": str(home.id), "photos": ids[:2],
        "settled": {"result": "已修", "answer": "已告知"},
    }  # fmt: skip
    answer = phone.post(f"{API}/issues", json=issue)
    assert [p["sha256"] for p in answer.json["photos"]] == ids[:2]
    assert phone.post(f"{API}/issues", json=issue).json["photos"] == answer.json["photos"]
    steps = f"{API}/issues/{issue['id']}/steps"
    said = {
        "id": str(uuid.uuid4()), "action": "evaluate", "seen": 1, "rating": "satisfied",
        "way": "signature", "photos": [ids[2]],
    }  # fmt: skip
    without = desk.post(steps, json=said)
    assert (without.status_code, list(without.json["errors"])) == (422, ["/signature"])
    unasked = desk.post(steps, json={**said, "way": "call_back", "signature": ids[0]})
    assert (unasked.status_code, list(unasked.json["errors"])) == (422, ["/signature"])
    ink = pictures.signature()
    done = desk.post(steps, json={**said, "signature": sha(ink)})
    assert done.status_code == 201
    assert [p["sha256"] for p in done.json["photos"]] == [ids[2]]
    assert done.json["signature"] == {
        "sha256": sha(ink), "arrived": False, "width": None, "height": None,
    }  # fmt: skip
    put(desk, ink)
    last = phone.get(f"{API}/issues/{issue['id']}").json["steps"][-1]
    assert last["signature"]["arrived"] is True
    assert last["data"]["signature"] == sha(ink)
    assert get(phone, ink).mimetype == "image/png"


def test_lists_with_photos_take_no_more_queries(phone, make, cell):
    home = make.household(cell)
    for n in range(6):
        phone.post(f"{API}/visits", json=visit(home, *(sha(jpeg(10 * n + m)) for m in range(3))))
    with statements() as few:
        phone.get(f"{API}/visits?limit=1")
    with statements() as many:
        assert len(phone.get(f"{API}/visits?limit=6").json["items"]) == 6
    assert len(many) == len(few)


def test_photos_are_seen_by_those_who_see_what_they_belong_to(make, as_user, phone, cell):
    data = jpeg()
    put(phone, data)
    mate = as_user(make.user(Role.CADRE, VILLAGE))
    desk, far = as_user(make.user(Role.DISPATCHER, TOWNSHIP)), as_user(make.cadre([make.cell(2)]))
    admin = as_user(make.user(Role.ADMINISTRATOR))
    assert get(phone, data).status_code == 200
    assert get(desk, data).status_code == 404  # it belongs to nothing yet
    home = make.household(cell)
    phone.post(f"{API}/visits", json=visit(home, sha(data)))
    assert [get(who, data).status_code for who in (phone, desk, mate, far)] == [200, 200, 404, 404]
    assert get(admin, data).status_code == 403

    other = jpeg(2)
    make.category()
    put(phone, other)
    said = {"id": str(uuid.uuid4()), "category": "facility.road", "words": "路",
            "household_id": str(home.id), "photos": [sha(other)]}  # fmt: skip
    assert phone.post(f"{API}/issues", json=said).status_code == 201
    assert [get(who, other).status_code for who in (phone, desk, mate, far)] == [
        200, 200, 404, 404,
    ]  # fmt: skip


def test_to_know_an_address_is_not_enough_to_see_a_photo(make, as_user, phone, cell):
    data, mine = jpeg(), make.cell(2)
    put(phone, data)
    phone.post(f"{API}/visits", json=visit(make.household(cell), sha(data)))
    other = as_user(make.cadre([mine]))
    said = visit(make.household(mine), sha(data))
    assert other.post(f"{API}/visits", json=said).json["photos"][0]["arrived"] is False
    assert get(other, data).status_code == 404
    assert other.head(f"{API}/photos/{sha(data)}").status_code == 404
    put(other, data)  # who has it may show it
    assert get(other, data).status_code == 200
    assert other.get(f"{API}/visits/{said['id']}").json["photos"][0]["arrived"] is True


def test_a_photo_is_answered_so_that_nothing_in_it_runs(phone):
    data = jpeg()
    put(phone, data)
    answer = get(phone, data)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Content-Disposition"] == f'inline; filename="{sha(data)[:12]}.jpeg"'
    assert answer.headers["Cache-Control"] == "private, max-age=86400, immutable"
    again = get(phone, data, **{"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def test_thumbnails_are_made_by_the_job_and_until_then_the_whole_is_shown(phone, cadre):
    data = jpeg(size=(1600, 1200))
    put(phone, data)
    whole = get(phone, data, "thumb")
    assert whole.data == get(phone, data).data
    assert whole.headers["Cache-Control"] == "private, no-cache"
    assert thumbnails.make_missing() == 1
    assert thumbnails.make_missing() == 0
    small = get(phone, data, "thumb")
    with Image.open(io.BytesIO(small.data)) as image:
        assert image.size == (320, 240)
    assert len(small.data) < 20_000
    assert small.headers["ETag"] != whole.headers["ETag"]
    assert "immutable" in small.headers["Cache-Control"]


def test_a_photo_whose_blob_is_gone_keeps_no_other_waiting(phone, cadre):
    gone, fine = jpeg(1), jpeg(2)
    put(phone, gone)
    put(phone, fine)
    blobs().delete(operations.own(sha(gone), cadre).stored_sha256)
    assert get(phone, gone).status_code == 404
    assert [thumbnails.make_missing() for _n in range(TRIES + 1)] == [1, *[0] * TRIES]
    db.session.expire_all()
    assert operations.own(sha(gone), cadre).thumbnail_tries == TRIES


def test_photos_of_nothing_are_forgotten_after_a_while(make, as_user, phone, cadre, cell):
    lonely, young, attached, shared = (jpeg(n) for n in range(4))
    other_cadre = make.user(Role.CADRE, VILLAGE)
    other = as_user(other_cadre)
    for data in (lonely, young, attached, shared):
        put(phone, data)
    put(other, shared)
    thumbnails.make_missing()
    said = visit(make.household(cell), sha(attached))
    phone.post(f"{API}/visits", json=said)
    old = now() - tidying.UNATTACHED - timedelta(hours=1)
    aged = update(Photo).where(Photo.uploader_id == cadre.id, Photo.sha256 != sha(young))
    db.session.execute(aged.values(received_at=old))
    forgotten = operations.own(sha(lonely), cadre)
    kept = [forgotten.stored_sha256, forgotten.thumbnail_sha256]
    assert tidying.tidy() == 2
    assert [get(phone, data).status_code for data in (lonely, young, attached, shared)] == [
        404, 200, 200, 404,
    ]  # fmt: skip
    assert get(other, shared).status_code == 200  # the other's is still here, blob and all
    for blob in kept:
        with pytest.raises(Exception, match=blob):
            blobs().get(blob)
    assert put(phone, lonely).status_code == 201
    assert get(phone, lonely).status_code == 200


def test_a_batch_brings_photos_along_and_the_workset_shows_those_that_arrived(make, phone, cell):
    make.category()
    home, here, coming = make.household(cell), jpeg(1), jpeg(2)
    put(phone, here)
    issue = {"id": str(uuid.uuid4()), "category": "facility.road", "words": "路灯不亮",
             "household_id": str(home.id), "photos": [sha(here), sha(coming)]}  # fmt: skip
    visits = [visit(home, sha(here)), visit(home, sha(coming), sha(here))]
    items = [
        {"kind": "issue", "data": issue},
        *({"kind": "visit", "data": one} for one in visits),
        {"kind": "step", "issue_id": issue["id"], "data": {
            "id": str(uuid.uuid4()), "action": "comment", "seen": 1, "words": "见图",
            "photos": [sha(coming)]}},
        {"kind": "visit", "data": visit(home, "not an address")},
    ]  # fmt: skip
    for result in ("applied", "duplicate"):
        told = phone.post(f"{API}/submissions", json={"items": items}).json["results"]
        assert [one["result"] for one in told] == [*[result] * 4, "invalid"]
    assert list(told[-1]["errors"]) == ["/photos/0"]
    arrived = [
        [p["arrived"] for p in phone.get(f"{API}/visits/{one['id']}").json["photos"]]
        for one in visits
    ]
    assert arrived == [[True], [False, True]]
    steps = phone.get(f"{API}/issues/{issue['id']}").json["steps"]
    assert [[p["sha256"] for p in s["photos"]] for s in steps] == [issue["photos"], [sha(coming)]]
    (carried,) = phone.get(f"{API}/workset").json["issues"]
    assert carried["photos"] == [sha(here)]
