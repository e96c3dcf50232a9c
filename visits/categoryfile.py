"""The table of categories: its columns, how a row is read from it and written to it."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from gridserve.tables import values
from gridserve.tables.columns import Column
from gridserve.tables.values import BadValue
from gridserve.worktime import Unit
from visits.issues.catalogue import CODE, LONGEST_CODE
from visits.issues.chain import Promise, Tier
from visits.issues.clock import Limit
from visits.issues.models import Category

PROMISES: dict[str, Any] = {
    "即办": Promise.AT_ONCE, "承诺限时办": Promise.WITHIN_LIMIT, "限时办": Promise.WITHIN_LIMIT,
    "告知不能办": Promise.NOT_HERE, **{each.value: each for each in Promise},
}  # fmt: skip
TIERS: dict[str, Any] = {
    "村": Tier.VILLAGE, "村级": Tier.VILLAGE, "社区": Tier.VILLAGE, "乡镇": Tier.TOWNSHIP,
    "镇": Tier.TOWNSHIP, "街道": Tier.TOWNSHIP, "县": Tier.COUNTY, "县级": Tier.COUNTY,
    **{each.value: each for each in Tier},
}  # fmt: skip
UNITS = {
    "紧急工作时": Unit.URGENT_HOUR, "小时": Unit.URGENT_HOUR, "时": Unit.URGENT_HOUR,
    "工作小时": Unit.WORKING_HOUR, "工作时": Unit.WORKING_HOUR, "工作日": Unit.WORKING_DAY,
    "自然日": Unit.CALENDAR_DAY, "日": Unit.CALENDAR_DAY, "天": Unit.CALENDAR_DAY,
}  # fmt: skip
SAID = re.compile(r"(\d{1,4})个?(" + "|".join(UNITS) + ")")
UNIT_WORDS = {
    Unit.URGENT_HOUR: "小时", Unit.WORKING_HOUR: "工作时", Unit.WORKING_DAY: "工作日",
    Unit.CALENDAR_DAY: "自然日",
}  # fmt: skip
LONGEST = 2000


def limit(value: Any) -> Limit:
    """A limit such as 15个工作日, 24小时, 4工作时, 30自然日."""
    words = re.sub(r"\s+", "", unicodedata.normalize("NFKC", str(value)))
    match = SAID.fullmatch(words)
    if match is None or not 1 <= int(match[1]) <= LONGEST:
        raise BadValue(
            _("“%(value)s” is not a time limit.", value=words[:40]),
            _("Write a number and its unit: 24小时, 4工作时, 15工作日, 30自然日."),
        )
    return Limit(int(match[1]), UNITS[match[2]])


def code(value: Any) -> str:
    """A category's code: Latin letters and digits, with dots between its parts."""
    words = values.label(LONGEST_CODE)(value)
    if not re.fullmatch(CODE, words):
        raise BadValue(
            _("“%(value)s” is not the code of a category.", value=words[:40]),
            _("Use small Latin letters, digits and dots, such as facility.road."),
        )
    return words


COLUMNS = (
    Column("code", "编码", code, ("事项编码", "类别编码"), needed=True, width=24,
           example="示例.facility.road", help=_l("The code never changes: issues refer to it.")),
    Column("parent_code", "上级编码", code, ("所属大类", "上级"), clears=True, width=16,
           example="facility", help=_l("The family or group that it belongs to.")),
    Column("name", "名称", values.text(40), ("事项名称", "类别"), width=22, example="道路损坏",
           help=_l("What people choose.")),
    Column("name_en", "英文名", values.text(60), ("英文名称",), width=22, example="Damaged road",
           help=_l("Shown where the pages are in English; the name unless given.")),
    Column("promise", "承诺方式", values.word(PROMISES), ("承诺", "办理方式"), example="承诺限时办",
           choices=("即办", "承诺限时办", "告知不能办"),
           help=_l("At once, within the limit, or not done here.")),
    Column("limit", "办结时限", limit, ("时限", "总时限", "承诺时限"), example="15工作日",
           help=_l("From the report to the closing: 24小时, 4工作时, 15工作日 or 30自然日.")),
    Column("accept_limit", "受理时限", limit, example="4工作时",
           help=_l("For the desk to accept it; as usual unless given.")),
    Column("handle_limit", "处置时限", limit, ("办理时限",), example="12工作日",
           help=_l("For the team to handle it; the whole limit unless given.")),
    Column("review_limit", "核查时限", limit, example="2工作日",
           help=_l("For the desk to look at the result; as usual unless given.")),
    Column("tier", "解决层级", values.word(TIERS), ("层级",), example="乡镇",
           choices=("村", "乡镇", "县"), help=_l("At which level it should be solved.")),
    Column("materials", "所需材料", values.text(2000, lines=True), ("材料",), clears=True, width=40,
           example="现场照片（如有）",
           help=_l("What the resident brings, one a line or with ； between.")),
    Column("basis", "依据", values.text(1000, lines=True), ("办理依据",), clears=True, width=40,
           example="村务职责清单", help=_l("By which rule.")),
    Column("to_cells", "可派网格", values.flag(), ("网格准入", "是否派网格"), example="是",
           choices=("是", "否"),
           help=_l("Whether it is on the list of what cells may be given (网格事项准入清单).")),
    Column("sensitive", "涉敏感", values.flag(), ("敏感",), example="否", choices=("是", "否"),
           help=_l("Its words are not shown on maps and overviews.")),
    Column("about_staff", "投诉干部", values.flag(), ("投诉工作人员",), example="否",
           choices=("是", "否"),
           help=_l("A complaint about one of us: kept from the person and the team.")),
    Column("active", "启用", values.flag(), example="是", choices=("是", "否"),
           help=_l("No: nothing new is reported under it; what was reported stays.")),
)  # fmt: skip
ABOUT = (
    _l("One row for each category; a category is known again by its code."),
    _l("An empty cell leaves what is stored; 清空 in it forgets what is stored."),
    _l("What changes becomes a new version: issues keep the one that they were reported under."),
)
_FIRST = {value: key for words in (PROMISES, TIERS) for key, value in reversed(words.items())}


def line(row: Category) -> list[Any]:
    """A category as a row of the table, in the order of COLUMNS."""
    return [_said(getattr(row, column.key)) for column in COLUMNS]


def _said(value: Any) -> Any:
    if isinstance(value, Limit):
        return f"{value.amount}{UNIT_WORDS[value.unit]}"
    if isinstance(value, bool):
        return "是" if value else "否"
    return _FIRST.get(value, value) if isinstance(value, Promise | Tier) else value
