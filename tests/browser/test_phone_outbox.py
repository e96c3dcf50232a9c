"""The outbox meets the server: refusals, things too large, lost rights, a full phone, no https."""

from __future__ import annotations

import base64
import io
from datetime import timedelta

import pytest
from PIL import ExifTags, Image
from sqlalchemy import func, select, update
from sqlalchemy.orm import selectinload

from grids.models import Assignment
from gridserve.db import db, now
from gridserve.people import DeviceToken
from tests.browser.phones import Phone
from tests.browser.test_phone_engine import homes as homes
from tests.browser.test_phone_engine import site as site
from tests.browser.test_phone_engine import stored as stored
from visits.issues.models import Issue
from visits.models import Visit
from visits.phone import assets
from visits.submissions.models import Resolution, Submission

pytestmark = pytest.mark.browser


def items(phone):
    return {item["id"]: item for item in phone.js("store", "return m.items()")}


def released(phone, *ids):
    for each in ids:
        phone.js("model", "await m.release(said)", each)
    phone.until(lambda: phone.state()["waiting"] == 0)


def test_what_is_refused_stays_with_its_reason_and_is_corrected(phone, homes, site, stored):
    phone.sign_in("cadre")
    tomorrow = (now() + timedelta(days=1)).isoformat()
    visit = phone.visit(homes[0], started_at=tomorrow)
    said = {
        "category": "facility.road",
        "words": "路塌了",
        "household_id": homes[0],
        "visit_id": visit,
    }
    issue = phone.js("model", "return (await m.issue(said)).id", said)
    released(phone, visit, issue)
    refused = items(phone)[visit]
    assert refused["problem"]["code"] == "visit.in_future"
    assert "suggested" not in refused["problem"]  # the phone's clock is right: tomorrow is a slip
    assert items(phone)[issue]["state"] == "sent"  # by itself, without the visit
    with site.app.app_context():
        assert db.session.get_one(Issue, issue).visit_id is None
        assert db.session.get_one(Submission, refused["problem"]["kept"]).resolution is None
    data = refused["data"] | {"started_at": now().isoformat()}
    phone.js("model", "await m.correct(said[0], said[1])", [visit, data])
    phone.until(lambda: items(phone)[visit]["state"] == "sent")
    assert stored() == [visit]
    with site.app.app_context():  # and nobody has to see to it any more
        row = db.session.get_one(Submission, refused["problem"]["kept"])
        assert row.resolution is Resolution.APPLIED


def test_one_that_is_too_large_does_not_hold_up_the_others(phone, homes, stored):
    phone.sign_in("cadre")
    phone.offline()
    kept = [phone.visit(home) for home in homes]
    huge = phone.js(
        "model", "return (await m.visit({id: said}, 'met', {notes: '长'.repeat(3e6)})).id", homes[0]
    )
    kept.append(phone.visit(homes[1]))
    phone.online()
    released(phone, *kept, huge)
    assert stored() == sorted(kept)
    assert items(phone)[huge]["problem"]["code"] == "request.too_large"


def test_who_loses_the_cells_loses_the_data_and_not_the_work(phone, homes, site, stored):
    phone.sign_in("cadre")
    kept = phone.visit(homes[0])
    with site.app.app_context():
        before = dict(db.session.execute(select(Assignment.id, Assignment.to_date)).all())
        db.session.execute(update(Assignment).values(to_date=func.current_date()))
        db.session.commit()
    try:
        phone.js("sync", "await m.refresh()")
        seen = phone.js("model", "const v = await m.view(); return [v.households, v.items.length]")
        assert seen == [[], 1]
        released(phone, kept)
        assert stored() == [kept]
        assert any(
            items(phone)[kept]["say"]
        )  # in plain words: it is no household of yours any more
    finally:
        with site.app.app_context():
            for row, day in before.items():
                db.session.execute(
                    update(Assignment).where(Assignment.id == row).values(to_date=day)
                )
            db.session.commit()


def test_a_full_phone_says_so_and_keeps_what_it_has(phone, homes):
    devtools = phone.context.new_cdp_session(phone.page)
    quota = {"origin": phone.address, "quotaSize": 4_000_000}
    devtools.send("Storage.overrideQuotaForOrigin", quota)
    phone.sign_in("cadre")
    kept = phone.visit(homes[0])
    taking = """
        const noise = crypto.getRandomValues(new Uint8Array(65536));
        const photo = new Blob(Array(128).fill(noise), { type: "image/jpeg" });
        return m.putPhoto(photo).then(() => "kept", (error) => error.code);
    """
    assert phone.js("store", taking) == "full"
    assert phone.js("store", "return [...(await m.photos())]") == []  # nor a half of it
    large = "return m.visit({id: said}, 'met', {notes: '长'.repeat(3e6)}).catch((e) => e.code)"
    assert phone.js("model", large, homes[1]) == "full"
    phone.until(lambda: (phone.state()["problem"] or {}).get("code") == "full")
    assert list(items(phone)) == [kept]
    assert phone.visit(homes[1])  # what still has room


def test_signing_out_without_a_line_is_told_when_there_is_one(phone, site):
    phone.sign_in("cadre")
    sign_in = phone.js("session", "return m.session().sign_in")
    phone.offline()
    with phone.page.expect_navigation():
        phone.js("session", "m.signOut()")
    phone.until(lambda: phone.state()["signed_in"] is False)
    assert phone.js("db", "return [await m.all('workset'), await m.all('keys')]") == [[], []]
    with phone.page.expect_navigation(url="**/login**"):
        phone.online()
    with site.app.app_context():
        assert db.session.get_one(DeviceToken, sign_in).revoked_at is not None


def test_a_new_version_waits_until_nobody_is_writing(phone, homes, monkeypatch):
    phone.sign_in("cadre")
    phone.start()
    phone.page.evaluate("location.hash = '#/report'")
    phone.page.wait_for_selector("#words")
    phone.page.fill("#words", "写到一半")
    phone.page.evaluate("window.same = true")
    monkeypatch.setattr(assets, "PATTERNS", (*assets.PATTERNS, "css/public.css"))  # the next one
    waiting = "navigator.serviceWorker.getRegistration('/m/').then((r) => !!r.waiting)"
    phone.page.evaluate("navigator.serviceWorker.getRegistration('/m/').then((r) => r.update())")
    phone.until(waiting)
    assert phone.page.evaluate("window.same")
    assert phone.page.input_value("#words") == "写到一半"
    with phone.page.expect_event("load"):  # it is loaded anew
        phone.page.evaluate("location.hash = '#/today'")
    phone.page.wait_for_selector("h1")
    phone.until(f"{waiting}.then((there) => !there)")
    phone.offline()
    phone.start()
    kept = "caches.open('gridserve-phone').then(async (c) => (await c.keys()).length)"
    assert phone.page.evaluate(kept) == len(phone_sums(phone))
    phone.page.evaluate("location.hash = '#/report'")
    phone.page.wait_for_selector("#words")
    assert phone.page.input_value("#words") == "写到一半"


def phone_sums(phone):
    """The checksums that the server's present worker lists."""
    phone.online()
    text = phone.page.evaluate("fetch('/m/sw.js').then((answer) => answer.text())")
    return set(text.split("};")[0].split('"')[3::4])


def test_a_photo_is_made_small_and_goes_on_where_the_line_broke(phone, line, homes, site, stored):
    noise = Image.effect_noise((2400, 1800), 90).convert("RGB")
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "某品牌手机"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (28.0, 36.0, 0.0)
    file = io.BytesIO()
    noise.save(file, "JPEG", quality=95, exif=exif)
    phone.sign_in("cadre")
    taking = """
        const bytes = Uint8Array.from(atob(said), (c) => c.charCodeAt(0));
        const blob = await m.shrink(new Blob([bytes], { type: "image/jpeg" }));
        const { putPhoto } = await import("/static/phone/store.js");
        const text = new TextDecoder("latin1").decode(await blob.arrayBuffer());
        return [await putPhoto(blob), blob.size, text.includes("Exif")];
    """
    sha, size, tells = phone.js("photos", taking, base64.b64encode(file.getvalue()).decode())
    assert file.tell() > 1_000_000
    assert 128 * 1024 < size <= 300_000
    assert tells is False
    kept = phone.visit(homes[0], photos=[sha])
    line.requests.clear()
    line.cut_after = 3  # the visit, the workset, and a first piece
    phone.js("model", "await m.release(said)", kept)
    phone.until(lambda: line.cut)
    phone.until(lambda: not phone.state()["sending"])
    assert stored() == [kept]  # it counts before its photo
    assert items(phone)[kept]["state"] == "sent"
    assert phone.state()["waiting"] == 1
    line.cut = False
    phone.js("sync", "await m.send()")
    phone.until(lambda: phone.state()["waiting"] == 0)
    address = f"/api/v1/photos/{sha}"
    assert line.requests[f"HEAD {address}"] == 1
    assert line.requests[f"PUT {address}"] <= -(-size // (32 * 1024)) + 1  # none of it twice
    with site.app.app_context():
        photos = db.session.get_one(Visit, kept, options=[selectinload(Visit.photos)]).photos
        assert [photo.sha256 for photo in photos] == [sha]


def test_without_https_it_works_online_and_keeps_nothing(playwright, line, tmp_path, homes, stored):
    phone = Phone(playwright, tmp_path, line, host="phone.test")
    try:
        phone.page.goto(f"{phone.address}/login?next=/m/")
        phone.enter("cadre")
        assert phone.state()["secure"] is False
        kept = phone.visit(homes[0])
        released(phone, kept)
        assert stored() == [kept]
        assert phone.page.evaluate("indexedDB.databases()") == []
        assert phone.faults == []
    finally:
        phone.close()
