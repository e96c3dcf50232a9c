"""The units 部门、站所 that each township and the county have in the demonstration: plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grids.models import Duty, Level


@dataclass(frozen=True)
class Office:
    """A unit as there is one in each place, with the categories for which it answers."""

    name: str
    categories: tuple[str, ...]


TOWNSHIP = (
    Office("派出所", ("order", "order.theft", "order.gambling", "order.drugs", "dispute.violence",
                   "dispute.traffic")),
    Office("司法所", ("dispute", "order.correction")),
    Office("社会事务办公室", ("welfare", "education")),
    Office("社会保障服务中心", ("labour", "dispute.wages")),
    Office("农业农村服务中心", ("farming", "farming.livestock", "water", "dispute.village")),
    Office("卫生院", ("health", "health.epidemic", "health.mental")),
    Office("综合行政执法队", ("society", "order.building", "health.food", "environment.pollution")),
)  # fmt: skip
COUNTY = (
    Office("民政局", ("welfare",)),
    Office("人力资源和社会保障局", ("labour",)),
    Office("农业农村局", ("farming",)),
    Office("卫生健康局", ("health",)),
    Office("公安局", ("order",)),
    Office("司法局", ("dispute",)),
    Office("教育体育局", ("education",)),
    Office("自然资源局", ("dispute.expropriation", "farming.forest", "safety.forestfire")),
)  # fmt: skip
DUTIES = (Duty.LEADER, Duty.FULL_TIME)


def of(code: str) -> Sequence[Office]:
    """The units of a county or a township."""
    return COUNTY if len(code) == Level.COUNTY else TOWNSHIP
