"""Documents: asked for once, made once whatever is killed, kept for their days, nothing fetched."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from datetime import timedelta

import pytest
from rq import Queue, SimpleWorker
from sqlalchemy import func, select, update

from gridserve import workdays
from gridserve.config import Config
from gridserve.db import db, now
from gridserve.documents import pdf, work
from gridserve.documents.models import Document
from gridserve.events import Event
from gridserve.jobs import LONG, connect
from gridserve.permissions import Role
from gridserve.storage import BlobMissing, blobs
from tests.factories import TOWNSHIP, Make

JOB = """
import sys
from gridserve.app import create_app
from gridserve.documents import work
with create_app().app_context():
    work.work(sys.argv[1])
"""


def body(**other):
    today = str(workdays.today())
    said = {"jurisdiction": TOWNSHIP, "from": today, "to": today}
    return {
        "id": str(uuid.uuid4()), "kind": "issues", "format": "pdf", "arguments": said
    } | other  # fmt: skip


def test_asking_again_is_the_same_document_and_another_one_is_refused(make, as_user):
    leader = as_user(make.user(Role.LEADER, TOWNSHIP))
    first = body(format="xlsx")
    for _n in range(2):
        assert leader.post("/api/v1/documents", json=first).status_code == 202
    assert db.session.scalar(select(func.count()).select_from(Document)) == 1
    other = leader.post("/api/v1/documents", json=first | {"format": "pdf"})
    assert (other.status_code, other.json["code"]) == (409, "request.id_taken")
    for wrong in (
        body(kind="nothing"), body(format="png"), body(format="doc"), body(arguments={}),
        body(arguments=first["arguments"] | {"else": "1"}), body(as_of="2099-01-01T00:00:00Z"),
        body(arguments=first["arguments"] | {"jurisdiction": "99"}),
        body(arguments=first["arguments"] | {"from": "\x00"}),
    ):  # fmt: skip
        assert leader.post("/api/v1/documents", json=wrong).status_code in (403, 404, 422), wrong
    assert db.session.scalar(select(func.count()).select_from(Document)) == 1


def test_old_ones_are_deleted_and_a_file_that_another_has_stays(make, as_user):
    leader = as_user(make.user(Role.LEADER, TOWNSHIP))
    moment = now().isoformat()
    ids = []
    for _n in range(2):
        said = body(format="xlsx", as_of=moment)
        assert leader.post("/api/v1/documents", json=said).status_code == 202
        work.work(said["id"])
        ids.append(uuid.UUID(said["id"]))
    old, kept = (db.session.get(Document, id_) for id_ in ids)
    sha256 = old.sha256
    assert kept.sha256 == sha256
    old.created_at -= timedelta(days=367)
    db.session.commit()
    assert work.forget_old() == 1
    assert db.session.get(Document, ids[0]) is None
    assert leader.get(f"/documents/{ids[1]}/file").status_code == 200
    kept.created_at -= timedelta(days=367)
    db.session.commit()
    assert work.forget_old() == 1
    with pytest.raises(BlobMissing):
        blobs().get(sha256)


@pytest.mark.parametrize(
    "page",
    [
        "<img src='http://127.0.0.1:9/a.png'>",
        "<img src='file:///etc/hostname'>",
        "<link rel=stylesheet href='https://localhost/a.css'>",
        "<style>@import url(https://localhost/a.css);</style>",
    ],
)
def test_paper_fetches_nothing(page, context):
    with pytest.raises(pdf.Outside):
        pdf.from_html(page)


@pytest.mark.slow
def test_a_job_that_is_killed_half_way_makes_it_once_in_the_end(committed):
    config: Config = committed.extensions["gridserve"]
    make = Make()
    user = make.user(Role.LEADER, TOWNSHIP)
    client = committed.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {make.token(user)}"
    said = body()
    assert client.post("/api/v1/documents", json=said).status_code == 202
    connect(config).flushdb()  # and the job is lost
    env = os.environ | {
        "GRIDSERVE_DATABASE_URL": config.database_url, "GRIDSERVE_REDIS_URL": config.redis_url,
        "GRIDSERVE_SECRET_KEY": config.secret_key,
        "GRIDSERVE_DATA_KEY": config.data_key[0], "GRIDSERVE_BLOBS": config.blobs,
    }  # fmt: skip
    job = subprocess.Popen([sys.executable, "-c", JOB, said["id"]], env=env)
    taken = select(Document.claimed_at).where(Document.id == uuid.UUID(said["id"]))
    while db.session.scalar(taken) is None:
        db.session.rollback()
        assert job.poll() is None
        time.sleep(0.1)
    job.send_signal(signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    db.session.rollback()
    assert client.get(f"/api/v1/documents/{said['id']}").json["state"] == "waiting"
    long_ago = now() - timedelta(minutes=5)
    db.session.execute(update(Document).values(claimed_at=long_ago, created_at=long_ago))
    db.session.commit()
    redis = connect(config)
    for _n in range(2):  # the sweep comes twice before a worker has time
        assert work.sweep() == 1
        db.session.commit()
    worker = SimpleWorker([Queue(LONG, connection=redis)], connection=redis)
    assert len(worker.queues[0]) == 2
    from gridserve import jobs

    jobs._worker_app = committed
    worker.work(burst=True, logging_level="WARNING")
    db.session.rollback()
    found = client.get(f"/api/v1/documents/{said['id']}").json
    assert found["state"] == "done"
    made = select(func.count()).where(Event.action == "document.made")
    assert db.session.scalar(made) == 1
    assert len(blobs().get(found["sha256"])) == found["size"]
