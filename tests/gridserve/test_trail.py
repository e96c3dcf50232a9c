"""The trail's seals: whatever somebody with all rights in the database does to it is found."""

from __future__ import annotations

import gzip
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gridserve import events, sealing, trail, trailcheck, trailfile, workdays
from gridserve.auditcommands import audit_group
from gridserve.db import db, now
from gridserve.trail import Head, code_of, digest_of


@pytest.fixture
def sealed(committed: Flask, monkeypatch: pytest.MonkeyPatch) -> Flask:
    """Ten events in five seals, and one that waits for the next."""
    monkeypatch.setattr(trail, "BATCH", 2)
    for n in range(11):
        if n == 10:
            trail.seal()
        events.record("household.changed", uuid.uuid4(), by=None, data={"n": n, "词": "改"})
        db.session.commit()
    return committed


def run(statement: str, **values: Any) -> None:
    """As a superuser who has switched the triggers off, and on again afterwards."""
    db.session.execute(text("SET session_replication_role = replica"))
    db.session.execute(text(statement), values)
    db.session.execute(text("SET session_replication_role = origin"))
    db.session.commit()


def found(noted: Head | None = None) -> list[str]:
    faults = trailcheck.verify(noted).faults
    db.session.rollback()
    return faults


ONE = "(SELECT ids[1] FROM event_seal WHERE number = 3)"
TWO = "(SELECT ids[2] FROM event_seal WHERE number = 4)"


def _digest_too() -> None:
    """Change an event and its digest in the seal, as somebody does who has read the source."""
    run(f"UPDATE event SET action = 'visit.recorded' WHERE id = {ONE}")
    row = db.session.execute(trail.select(*trail.COLUMNS).where(text(f"event.id = {ONE}"))).one()
    run("UPDATE event_seal SET digests = :d || substr(digests, 33) WHERE number = 3",
        d=digest_of(row))  # fmt: skip


def _code_too() -> None:
    """The same, and the code made anew as far as it can be without the key of the installation."""
    _digest_too()
    rows = db.session.execute(text("SELECT number, at, ids, digests, code FROM event_seal "
                                   "ORDER BY number")).all()  # fmt: skip
    before = rows[1].code
    for row in rows[2:]:
        before = code_of(b"guessed" * 5, before, row.number, row.at, row.ids, row.digests)
        run("UPDATE event_seal SET code = :c WHERE number = :n", c=before, n=row.number)


TAMPERINGS: dict[str, tuple[str | Callable[[], None], str]] = {
    "words": (f"UPDATE event SET data = '{{\"n\": 99}}' WHERE id = {ONE}", "was changed"),
    "actor": (f"UPDATE event SET subject_id = NULL WHERE id = {ONE}", "was changed"),
    "time": (f"UPDATE event SET at = at - interval '1 us' WHERE id = {ONE}", "was changed"),
    "deleted": (f"DELETE FROM event WHERE id = {ONE}", "is missing"),
    "two exchanged": (
        (f"UPDATE event e SET action = o.action, data = o.data, at = o.at, "
        f"subject_id = o.subject_id FROM event o WHERE "
        f"(e.id = {ONE} AND o.id = {TWO}) OR (e.id = {TWO} AND o.id = {ONE})"), "was changed"),
    "slipped in": (
        ("INSERT INTO event (id, at, action, data) "
        "VALUES (gen_random_uuid(), now(), 'sign_in.done', '{}')"), "put in without a seal"),
    "waiting one deleted": (
        "DELETE FROM event WHERE id IN (SELECT event_id FROM event_waiting)", "which waited"),
    "left out of its seal": (
        "UPDATE event_seal SET ids = ids[2:2], digests = substr(digests, 33) WHERE number = 3",
        "seal 3 was changed"),
    "seal turned round": (
        ("UPDATE event_seal SET ids = ARRAY[ids[2], ids[1]], "
        "digests = substr(digests, 33) || substr(digests, 1, 32) WHERE number = 3"),
        "seal 3 was changed"),
    "seal gone with its events": (
        ("WITH gone AS (DELETE FROM event_seal WHERE number = 3 RETURNING ids) "
        "DELETE FROM event WHERE id IN (SELECT unnest(ids) FROM gone)"), "seals are missing"),
    "seals exchanged": (
        ("UPDATE event_seal s SET ids = o.ids, digests = o.digests, code = o.code "
        "FROM event_seal o WHERE s.number IN (2, 3) AND o.number = 5 - s.number"),
        "does not follow"),
    "digest made anew": (_digest_too, "seal 3 was changed"),
    "codes made anew": (_code_too, "seal 3 was changed"),
    "trigger left off": ("ALTER TABLE event DISABLE TRIGGER append_only", "switched off"),
    "trigger of waiting dropped": ("DROP TRIGGER wait_for_seal ON event", "switched off or gone"),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERINGS)
def test_what_a_superuser_does_is_found(sealed: Flask, how: str) -> None:
    assert found() == []
    statement, words = TAMPERINGS[how]
    run(statement) if isinstance(statement, str) else statement()
    assert any(words in fault for fault in found()), found()


def test_the_end_that_is_cut_off_is_found_by_who_noted_the_head(sealed: Flask) -> None:
    noted = trail.head()
    assert str(noted).startswith("5:")
    run("WITH gone AS (DELETE FROM event_seal WHERE number > 3 RETURNING ids) "
        "DELETE FROM event WHERE id IN (SELECT unnest(ids) FROM gone)")  # fmt: skip
    assert found() == []
    assert any("up to 5, are missing" in fault for fault in found(noted))
    trail.seal()
    for _n in range(4):
        events.record("sign_in.done", None, by=None)
        db.session.commit()
    trail.seal()
    db.session.commit()
    assert any("is not the one that was noted" in fault for fault in found(noted))


@pytest.mark.parametrize("table", ["event", "event_seal"])
@pytest.mark.parametrize("what", ["UPDATE {} SET at = at", "DELETE FROM {}", "TRUNCATE {}"])
def test_no_account_changes_the_trail(sealed: Flask, table: str, what: str) -> None:
    """Not the application's, for want of a right; nor a superuser, while the trigger is on."""
    db.session.execute(text("CREATE ROLE keeper"))
    db.session.execute(text(f"ALTER TABLE {table} OWNER TO keeper"))
    for role, state in (("keeper", "42501"), ("none", "23001")):
        savepoint = db.session.begin_nested()
        db.session.execute(text(f"SET LOCAL ROLE {role}"))
        with pytest.raises(DBAPIError) as refused:
            db.session.execute(text(what.format(table)))
        savepoint.rollback()
        assert refused.value.orig.sqlstate == state  # type: ignore[union-attr]
    db.session.rollback()


def test_who_commits_late_is_sealed_too_and_nobody_waits(sealed: Flask) -> None:
    """An event whose transaction is open while others are sealed is in a later seal."""
    with db.engine.connect() as slow:
        late = uuid.uuid4()
        statement = "INSERT INTO event (id, at, action, data) VALUES (:id, :at, 'slow', '{}')"
        slow.execute(text(statement), {"id": late, "at": now() - timedelta(hours=1)})
        assert trail.seal() == 1
        db.session.commit()
        assert trail.seal() == 0
        slow.commit()
    db.session.rollback()
    assert trail.seal() == 1
    db.session.commit()
    assert found() == []


def test_old_seals_hold_after_the_key_was_changed(sealed: Flask) -> None:
    config = sealed.extensions["gridserve"]
    new = "another-key-" + "k" * 32
    sealed.extensions["gridserve"] = replace(config, data_key=(new, *config.data_key))
    trail.seal()
    db.session.commit()
    assert found() == []
    assert len(sealing.trail_keys()) == 2
    sealed.extensions["gridserve"] = replace(config, data_key=(new,))
    assert any("key" in fault for fault in found())


def test_the_commands_and_the_archive(sealed: Flask, tmp_path: Any) -> None:
    def call(*args: str, code: int = 0) -> str:
        result = sealed.test_cli_runner().invoke(audit_group, args)
        assert result.exit_code == code, result.output
        return result.output

    head = call("head").strip()
    assert head.startswith("6:")
    assert "all as they were sealed" in call("verify", "--head", head)
    month, file = f"{workdays.day_of(now()):%Y-%m}", tmp_path / "trail.gz"
    call("archive", month, str(file))
    assert "11 events in 6 seals" in call("verify", str(file))
    run(f"UPDATE event SET action = 'x' WHERE id = {ONE}")
    assert "was changed" in call("verify", code=1)
    call("verify", str(file))
    lines = gzip.decompress(file.read_bytes())
    for wrong in (
        lines.replace(b'"n":4', b'"n":5', 1),
        lines.replace(lines.splitlines()[2] + b"\n", b""),
    ):
        file.write_bytes(gzip.compress(wrong))
        assert trailfile.verify(file).faults
    file.write_bytes(gzip.compress(lines)[:200])
    assert "damaged" in call("verify", str(file), code=1)
