"""The table of households: its columns, and what an empty or cleared cell means."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l

from grids.coordinates import System
from gridserve.tables import values
from gridserve.tables.columns import Column
from visits.models import HouseholdStatus, Tag

TAGS: dict[str, Any] = {
    "重点": Tag.KEY, "重点户": Tag.KEY, "困难": Tag.POOR, "困难户": Tag.POOR, "低保": Tag.POOR,
    "低保户": Tag.POOR, "空巢老人": Tag.EMPTY_NEST, "空巢": Tag.EMPTY_NEST,
    "留守儿童": Tag.LEFT_BEHIND, "留守": Tag.LEFT_BEHIND, "残疾": Tag.DISABLED,
    "残疾人": Tag.DISABLED, "流动人口": Tag.MIGRANT, "流动": Tag.MIGRANT,
    "社区矫正": Tag.CORRECTION, "矫正": Tag.CORRECTION, "普通": None, "普通户": None, "无": None,
    **{tag.value: tag for tag in Tag},
}  # fmt: skip
# How an export writes a tag.
TAG_WORDS = {
    Tag.KEY: "重点", Tag.POOR: "困难", Tag.EMPTY_NEST: "空巢老人", Tag.LEFT_BEHIND: "留守儿童",
    Tag.DISABLED: "残疾", Tag.MIGRANT: "流动人口", Tag.CORRECTION: "社区矫正",
}  # fmt: skip
STATUS_WORDS = {
    HouseholdStatus.ACTIVE: "在住", HouseholdStatus.VACANT: "空置",
    HouseholdStatus.MOVED: "搬离", HouseholdStatus.DEMOLISHED: "拆除",
}  # fmt: skip
STATUSES: dict[str, Any] = {
    **{word: status for status, word in STATUS_WORDS.items()},
    "常住": HouseholdStatus.ACTIVE, "空户": HouseholdStatus.VACANT,
    "无人居住": HouseholdStatus.VACANT, "已搬离": HouseholdStatus.MOVED,
    "搬走": HouseholdStatus.MOVED, "已拆除": HouseholdStatus.DEMOLISHED,
    **{status.value: status for status in HouseholdStatus},
}  # fmt: skip
SYSTEM_WORDS = {
    System.wgs84: "WGS84", System.cgcs2000: "CGCS2000", System.gcj02: "GCJ-02",
    System.bd09: "BD-09",
}  # fmt: skip
SYSTEMS: dict[str, Any] = {
    **{word: system for system, word in SYSTEM_WORDS.items()},
    "GCJ02": System.gcj02, "BD09": System.bd09, "BD09LL": System.bd09, "WGS-84": System.wgs84,
    "国家2000": System.cgcs2000, "2000": System.cgcs2000, "高德": System.gcj02,
    "腾讯": System.gcj02, "火星": System.gcj02, "百度": System.bd09, "GPS": System.wgs84,
    "EPSG:4326": System.wgs84, "EPSG:4490": System.cgcs2000,
}  # fmt: skip

COLUMNS = (
    Column("number", "户号", values.label(24), ("户编号", "编号", "住户编号", "户籍号"),
           needed=True, width=16, example="示例0001",
           help=_l("Unique within the village: by village and number a household is known again.")),
    Column("village_code", "村编码", values.digits(12),
           ("村代码", "行政村编码", "行政村代码", "村社区编码", "village"), width=16,
           example="530626101201",
           help=_l("The village's 12 digits. Where it is left out, the village's name serves.")),
    Column("village", "村名称", values.text(80),
           ("村", "村名", "行政村", "所属村", "村社区", "村/社区", "社区", "village name"),
           width=18, example="田坝村",
           help=_l("The village's name, where no code is given.")),
    Column("township", "乡镇", values.text(80), ("乡镇街道", "乡镇名称", "街道", "township"),
           example="中城镇", help=_l("Tells villages of one name apart.")),
    Column("group_name", "村民小组", values.text(40), ("小组", "组", "村组", "组别", "组名"),
           clears=True, example="3组", help=_l("The villagers' group.")),
    Column("address", "地址", values.text(120),
           ("住址", "家庭住址", "详细地址", "门牌", "门牌号", "居住地址"), width=28,
           example="田坝村3组12号", help=_l("Needed for a new household.")),
    Column("head_name", "户主姓名", values.text(64), ("户主", "姓名", "户主名", "head"),
           example="王某某", help=_l("Needed for a new household.")),
    Column("phone", "联系电话", values.phone(20),
           ("电话", "手机", "手机号", "手机号码", "联系方式", "电话号码"), clears=True,
           width=16, example="13800001234", help=_l("One telephone number.")),
    Column("size", "人口数", values.whole(0, 199), ("人数", "家庭人口", "人口", "家庭人数"),
           width=10, example="4",
           help=_l("People who live there; a new household has 1 unless given.")),
    Column("tags", "标签", values.several(TAGS), ("户类型", "重点类别", "类别", "人群类别"),
           clears=True, width=20, choices=tuple(TAG_WORDS.values()), example="空巢老人、残疾",
           help=_l("What makes it one to look after more often; several with 、 between them.")),
    Column("status", "状态", values.word(STATUSES), ("居住状态", "居住情况"), width=10,
           choices=tuple(STATUS_WORDS.values()), example="在住",
           help=_l("A new household is lived in unless given.")),
    Column("do_not_disturb", "免打扰", values.flag(), ("勿扰", "谢绝打扰"), width=10,
           choices=("是", "否"), example="否", help=_l("Whether visits are not wanted.")),
    Column("note", "备注", values.text(2000, lines=True), ("说明", "备注信息"), clears=True,
           width=24, example="", help=_l("What a visitor should know.")),
    Column("lon", "经度", values.degrees(180), ("lng", "longitude", "x"), clears=True,
           example="103.95123", help=_l("Decimal degrees; with the latitude, or neither.")),
    Column("lat", "纬度", values.degrees(180), ("latitude", "y"), clears=True, example="28.60123",
           help=_l("Decimal degrees.")),
    Column("system", "坐标系", values.word(SYSTEMS), ("坐标系统", "坐标类型", "crs"), width=12,
           choices=tuple(SYSTEM_WORDS.values()), example="WGS84",
           help=_l("GCJ-02 where Amap, Tencent or WeChat gave the point, BD-09 where Baidu did.")),
)  # fmt: skip

ABOUT = (
    _l("One row for each household. Sending a file again changes nothing."),
    _l("An empty cell leaves what is stored; 清空 in it (group, phone, tags, note, longitude and "
       "latitude) forgets what is stored."),
    _l("Keep codes and numbers as text, as they are in this sheet."),
)  # fmt: skip
