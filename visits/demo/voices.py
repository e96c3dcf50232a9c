"""What is announced in the invented county, whom it reached, and visits that are worth a look."""

from __future__ import annotations

import uuid
from datetime import timedelta

from sqlalchemy import select, text

from gridserve import workdays
from gridserve.db import db, now
from gridserve.people import Post, User
from gridserve.permissions import Role
from visits.announcements.models import Announcement, Asked, Asks, Kind, Place, Question
from visits.callbacks import sampling
from visits.hints import finding
from visits.models import Visit

NOTICE = "城乡居民医保集中缴费"
NOTICE_WORDS = (
    "今年的城乡居民医保12月31日前缴费，明年1月1日起报销。微信“医保”小程序、村便民服务点都能缴；低保户、"
    "特困人员由财政全额资助，不用缴。断保后再缴有等待期。"
)
ASKED = ("孙子在外地读书，要在老家缴还是在学校缴？", "去年多缴了一次，退的钱在哪里看？")
ANSWER = "在学校缴，不要重复缴。已重复的到镇便民中心退。"
TITLE = "冬季取暖与饮水摸底"
QUESTIONS: tuple[tuple[str, Asks, list[str]], ...] = (
    ("冬天主要用什么取暖", Asks.CHOICE, ["电", "煤", "柴", "不取暖"]),
    ("家里有没有一氧化碳报警器", Asks.YES_NO, []),
    ("一个月大约用几立方米水", Asks.NUMBER, []),
    ("还需要什么帮助", Asks.TEXT, []),
)
DAYS = 30
# Household by household, as numbers follow from ids: who has been told and has answered.
TOLD = """
    INSERT INTO told (announcement_id, household_id, visit_id, at)
    SELECT :notice, household_id, id, started_at FROM (
        SELECT DISTINCT ON (visit.household_id) visit.*
        FROM visit JOIN household ON household.id = visit.household_id
        WHERE visit.outcome = 'met' AND visit.started_at >= :since
          AND starts_with(household.village_code, :code)
        ORDER BY visit.household_id, visit.started_at
    ) AS first
    WHERE ('x' || left(md5(household_id::text), 4))::bit(16)::int % 10 < 8
"""
ANSWERS = """
    INSERT INTO answer (visit_id, question_id, household_id, at, value)
    SELECT told.visit_id, CAST(:question AS uuid), told.household_id, told.at,
           (CAST(:values AS varchar[]))[1 + dice.n % cardinality(CAST(:values AS varchar[]))]
    FROM told CROSS JOIN LATERAL (
        SELECT ('x' || left(md5(told.household_id::text || CAST(:question AS text)), 6))::bit(24)
            ::int AS n
    ) AS dice
    WHERE told.announcement_id = :notice AND dice.n % 10 < :of_ten
"""
VALUES = (
    (["电", "电", "电", "煤", "柴", "柴", "不取暖"], 7), (["yes", "no", "no"], 7),
    (["4", "6", "8", "10", "15", "22"], 6), (["无", "想装扶手", "电费贵", "路灯", "帮忙买药"], 2),
)  # fmt: skip
SAME = (
    "户主反映屋后水沟淤塞，自己清了一半，另一半靠近公路，希望村里出面协调一起清理。",
    "老两口在家，儿子在浙江打工，说春节回来想把偏房翻修成厨房，问能不能申请改厕补助。",
    "家里柑橘今年收了八千斤，价格比去年低，存了一半在库里，希望帮忙联系外地的收购商。",
)


def announce(county: str) -> None:
    """A notice and a questionnaire of the county, told and asked for some weeks; two questions came
    back, and one is answered."""
    leader = _somebody(Role.LEADER, county)
    if leader is None:
        return
    since = workdays.today() - timedelta(days=DAYS)
    notice = _made(Kind.NOTICE, NOTICE, NOTICE_WORDS, county, leader)
    asking = _made(Kind.QUESTIONNAIRE, TITLE, "", county, leader)
    asking.questions = [
        Question(
            id=uuid.uuid5(asking.id, words), position=n, text=words, asks=asks, options=options
        )
        for n, (words, asks, options) in enumerate(QUESTIONS)
    ]
    db.session.add_all([notice, asking])
    db.session.flush()
    said = {"notice": notice.id, "code": county, "since": workdays.start_of(since)}
    db.session.execute(text(TOLD), said)
    for question, (values, of_ten) in zip(asking.questions, VALUES, strict=True):
        db.session.execute(
            text(ANSWERS),
            {"notice": notice.id, "question": question.id, "values": values, "of_ten": of_ten},
        )
    told = db.session.execute(
        text("SELECT visit_id, household_id FROM told ORDER BY at DESC, visit_id LIMIT 2")
    ).all()
    for n, (words, (visit, home)) in enumerate(zip(ASKED, told, strict=False)):
        answered = {"answer": ANSWER, "answered_by_id": leader, "answered_at": now()}
        answered = {} if n else answered
        db.session.add(
            Asked(announcement_id=notice.id, visit_id=visit, household_id=home, words=words,
                  **answered)
        )  # fmt: skip
    db.session.flush()


def _somebody(role: Role, code: str) -> uuid.UUID | None:
    return db.session.scalar(
        select(User.id)
        .join(Post, Post.user_id == User.id)
        .where(Post.role == role, Post.jurisdiction_code == code)
        .order_by(User.login)
    )


def _made(kind: Kind, title: str, words: str, county: str, publisher: uuid.UUID) -> Announcement:
    today = workdays.today()
    return Announcement(
        id=uuid.uuid5(publisher, title), kind=kind, at_code=county, title=title, words=words,
        from_date=today - timedelta(days=DAYS), until_date=today + timedelta(days=DAYS),
        publisher_id=publisher, published_at=workdays.start_of(today - timedelta(days=DAYS)),
        said="", places=[Place(code=county)],
    )  # fmt: skip


def look_unusual(county: str) -> None:
    """A few visits of yesterday that a desk may wonder about, and the sample of last week."""
    day = workdays.start_of(workdays.today() - timedelta(days=1))
    recent = db.session.execute(
        select(Visit.visitor_id, Visit.id)
        .where(Visit.outcome == "met", Visit.started_at >= day - timedelta(days=6))
        .order_by(Visit.visitor_id, Visit.started_at.desc(), Visit.id)
    ).all()
    by_visitor: dict[uuid.UUID, list[uuid.UUID]] = {}
    for visitor, visit in recent:
        by_visitor.setdefault(visitor, []).append(visit)
    busy = sorted((v for v in by_visitor.values() if len(v) > 3), key=len, reverse=True)
    for words, visits in zip(SAME, busy, strict=False):
        db.session.execute(
            text("UPDATE visit SET notes = :same WHERE id = ANY(:ids)"),
            {"same": words, "ids": visits[:2]},
        )
        shift = "UPDATE visit SET mocked = true, point = NULL, point_source = NULL WHERE id = :id"
        db.session.execute(text(shift), {"id": visits[2]})
    finding.find(day - timedelta(days=6))
    sampling.draw_due()
