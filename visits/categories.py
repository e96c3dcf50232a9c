"""The catalogue of issue categories that a new installation starts with.

The limits are proposals for the county to change; none of them is taken from a regulation.
"""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy.dialects.postgresql import insert

from gridserve.db import db
from visits.issues.chain import Promise
from visits.issues.models import Category


class Entry(NamedTuple):
    """One category: code (its parent's, a dot, its own), names, promise, limit in days."""

    code: str
    name: str
    name_en: str
    promise: Promise
    limit_days: int
    sensitive: bool = False

    @property
    def parent(self) -> str | None:
        """The code of the category above."""
        return self.code.rpartition(".")[0] or None


_AT_ONCE, _LIMIT, _NOT_HERE = Promise.AT_ONCE, Promise.WITHIN_LIMIT, Promise.NOT_HERE

CATALOGUE = (
    Entry("facility", "公共设施", "Public facilities", _LIMIT, 10),
    Entry("facility.road", "道路损坏", "Damaged road", _LIMIT, 15),
    Entry("facility.streetlight", "路灯不亮", "Street light out", _LIMIT, 5),
    Entry("facility.drain", "排水沟堵塞", "Blocked drain", _LIMIT, 5),
    Entry("facility.building", "危房和公共建筑", "Unsafe or public building", _LIMIT, 20),
    Entry("water", "饮水用水", "Water supply", _LIMIT, 5),
    Entry("water.outage", "停水", "No water", _LIMIT, 2),
    Entry("water.quality", "水质问题", "Water quality", _LIMIT, 3),
    Entry("water.irrigation", "灌溉水渠", "Irrigation channel", _LIMIT, 15),
    Entry("power", "用电通信", "Power and telephone", _LIMIT, 5),
    Entry("power.outage", "停电", "Power cut", _LIMIT, 1),
    Entry("power.line", "线路隐患", "Dangerous line", _LIMIT, 3),
    Entry("environment", "环境卫生", "Environment", _LIMIT, 7),
    Entry("environment.rubbish", "垃圾堆放", "Rubbish", _LIMIT, 3),
    Entry("environment.pollution", "污水扬尘噪声", "Sewage, dust or noise", _LIMIT, 10),
    Entry("safety", "安全隐患", "Safety", _LIMIT, 3),
    Entry("safety.landslide", "地质灾害隐患", "Landslide hazard", _LIMIT, 2),
    Entry("safety.fire", "消防隐患", "Fire hazard", _LIMIT, 3),
    Entry("safety.traffic", "交通安全", "Road safety", _LIMIT, 7),
    Entry("dispute", "矛盾纠纷", "Disputes", _LIMIT, 15, True),
    Entry("dispute.neighbour", "邻里纠纷", "Between neighbours", _LIMIT, 15, True),
    Entry("dispute.land", "土地林权纠纷", "Over land or woods", _LIMIT, 30, True),
    Entry("dispute.wages", "欠薪", "Unpaid wages", _LIMIT, 10, True),
    Entry("dispute.debt", "民间借贷", "Private debts", _NOT_HERE, 2, True),
    Entry("welfare", "民生保障", "Welfare", _LIMIT, 15),
    Entry("welfare.allowance", "低保救助申请", "Application for allowance", _LIMIT, 20, True),
    Entry("welfare.elderly", "老人照料", "Care of the elderly", _LIMIT, 7),
    Entry("welfare.disability", "残疾人服务", "Services for the disabled", _LIMIT, 10, True),
    Entry("welfare.certificate", "代办证明", "Certificates by proxy", _AT_ONCE, 1),
    Entry("health", "医疗卫生", "Health", _LIMIT, 7),
    Entry("health.insurance", "医保参保报销", "Health insurance", _LIMIT, 10),
    Entry("farming", "农业生产", "Farming", _LIMIT, 10),
    Entry("farming.pest", "病虫害", "Pests", _LIMIT, 5),
    Entry("policy", "政策咨询", "Questions on policy", _AT_ONCE, 1),
)  # fmt: skip


def store() -> int:
    """Add the categories that are not stored yet and say how many; stored ones stay as they are."""
    parents_first = [
        {
            "code": e.code, "parent_code": e.parent, "name": e.name, "name_en": e.name_en,
            "promise": e.promise, "limit_days": e.limit_days, "sensitive": e.sensitive,
            "active": True,
        }
        for e in CATALOGUE
    ]  # fmt: skip
    added = db.session.execute(
        insert(Category).values(parents_first).on_conflict_do_nothing(index_elements=["code"])
    )
    return int(added.rowcount)  # type: ignore[attr-defined]
