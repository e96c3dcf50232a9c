"""The catalogue of issue categories that a new installation starts with.

The limits are proposals for the county to change; none of them is taken from a regulation.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy.dialects.postgresql import insert

from gridserve.db import db
from gridserve.worktime import Unit
from visits.issues.chain import Promise
from visits.issues.clock import Limit
from visits.issues.models import Category


class Entry(NamedTuple):
    """One category: code (its parent's, a dot, its own), names, promise, limit of the whole."""

    code: str
    name: str
    name_en: str
    promise: Promise
    limit: Limit
    sensitive: bool = False
    about_staff: bool = False

    @property
    def parent(self) -> str | None:
        """The code of the category above."""
        return self.code.rpartition(".")[0] or None

    @property
    def accepting(self) -> Limit:
        """What the desk may take to accept it."""
        urgent = self.limit.unit is Unit.URGENT_HOUR
        return Limit(2, Unit.URGENT_HOUR) if urgent else Limit(4, Unit.WORKING_HOUR)

    @property
    def reviewing(self) -> Limit:
        """What the desk may take to look at the result."""
        urgent = self.limit.unit is Unit.URGENT_HOUR
        return Limit(24, Unit.URGENT_HOUR) if urgent else Limit(2, Unit.WORKING_DAY)


_AT_DESK = Limit(4, Unit.WORKING_HOUR)


def _days(amount: int) -> Limit:
    return Limit(amount, Unit.WORKING_DAY)


def _hours(amount: int) -> Limit:
    """Danger does not wait for office hours."""
    return Limit(amount, Unit.URGENT_HOUR)


_AT_ONCE, _LIMIT, _NOT_HERE = Promise.AT_ONCE, Promise.WITHIN_LIMIT, Promise.NOT_HERE

CATALOGUE = (
    Entry("facility", "公共设施", "Public facilities", _LIMIT, _days(10)),
    Entry("facility.road", "道路损坏", "Damaged road", _LIMIT, _days(15)),
    Entry("facility.streetlight", "路灯不亮", "Street light out", _LIMIT, _days(5)),
    Entry("facility.drain", "排水沟堵塞", "Blocked drain", _LIMIT, _days(5)),
    Entry("facility.building", "危房和公共建筑", "Unsafe or public building", _LIMIT, _days(20)),
    Entry("water", "饮水用水", "Water supply", _LIMIT, _days(5)),
    Entry("water.outage", "停水", "No water", _LIMIT, _hours(24)),
    Entry("water.quality", "水质问题", "Water quality", _LIMIT, _hours(48)),
    Entry("water.irrigation", "灌溉水渠", "Irrigation channel", _LIMIT, _days(15)),
    Entry("power", "用电通信", "Power and telephone", _LIMIT, _days(5)),
    Entry("power.outage", "停电", "Power cut", _LIMIT, _hours(24)),
    Entry("power.line", "线路隐患", "Dangerous line", _LIMIT, _hours(48)),
    Entry("environment", "环境卫生", "Environment", _LIMIT, _days(7)),
    Entry("environment.rubbish", "垃圾堆放", "Rubbish", _LIMIT, _days(3)),
    Entry("environment.pollution", "污水扬尘噪声", "Sewage, dust or noise", _LIMIT, _days(10)),
    Entry("safety", "安全隐患", "Safety", _LIMIT, _days(3)),
    Entry("safety.landslide", "地质灾害隐患", "Landslide hazard", _LIMIT, _hours(24)),
    Entry("safety.fire", "消防隐患", "Fire hazard", _LIMIT, _hours(48)),
    Entry("safety.traffic", "交通安全", "Road safety", _LIMIT, _days(7)),
    Entry("dispute", "矛盾纠纷", "Disputes", _LIMIT, _days(15), True),
    Entry("dispute.neighbour", "邻里纠纷", "Between neighbours", _LIMIT, _days(15), True),
    Entry("dispute.land", "土地林权纠纷", "Over land or woods", _LIMIT, _days(30), True),
    Entry("dispute.wages", "欠薪", "Unpaid wages", _LIMIT, _days(10), True),
    Entry("dispute.debt", "民间借贷", "Private debts", _NOT_HERE, _days(2), True),
    Entry("welfare", "民生保障", "Welfare", _LIMIT, _days(15)),
    Entry("welfare.allowance", "低保救助申请", "Applying for allowance", _LIMIT, _days(20), True),
    Entry("welfare.elderly", "老人照料", "Care of the elderly", _LIMIT, _days(7)),
    Entry("welfare.disability", "残疾人服务", "Services for the disabled", _LIMIT, _days(10), True),
    Entry("welfare.certificate", "代办证明", "Certificates by proxy", _AT_ONCE, _AT_DESK),
    Entry("health", "医疗卫生", "Health", _LIMIT, _days(7)),
    Entry("health.insurance", "医保参保报销", "Health insurance", _LIMIT, _days(10)),
    Entry("farming", "农业生产", "Farming", _LIMIT, _days(10)),
    Entry("farming.pest", "病虫害", "Pests", _LIMIT, _days(5)),
    Entry("conduct", "干部作风投诉", "Complaint about staff", _LIMIT, _days(15), True, True),
    Entry("policy", "政策咨询", "Questions on policy", _AT_ONCE, _AT_DESK),
)  # fmt: skip


def _columns(name: str, limit: Limit) -> dict[str, Any]:
    return {f"{name}_amount": limit.amount, f"{name}_unit": limit.unit}


def store() -> int:
    """Add the categories that are not stored yet and say how many; stored ones stay as they are."""
    parents_first = [
        {
            "code": e.code, "parent_code": e.parent, "name": e.name, "name_en": e.name_en,
            "promise": e.promise, "sensitive": e.sensitive, "about_staff": e.about_staff,
            "active": True,
            **_columns("limit", e.limit), **_columns("accept", e.accepting),
            **_columns("handle", e.limit), **_columns("review", e.reviewing),
        }
        for e in CATALOGUE
    ]  # fmt: skip
    added = db.session.execute(
        insert(Category).values(parents_first).on_conflict_do_nothing(index_elements=["code"])
    )
    return int(added.rowcount)  # type: ignore[attr-defined]
