"""What a register or a sheet is asked with."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import marshmallow as ma
from flask_babel import gettext as _

from gridserve import workdays
from gridserve.documents.schemas import PlaceArguments
from gridserve.http import Day, PageIn, Text
from maps.schemas import CODE

LONGEST = 366  # days of a register


class RegisterArguments(PlaceArguments):
    """A register: of a jurisdiction, from a day to a day, both included."""

    from_ = Day(data_key="from", attribute="from", required=True)
    to = Day(required=True)

    @ma.validates_schema
    def _in_order(self, data: dict[str, Any], **kwargs: Any) -> None:
        if data["to"] > workdays.today():
            raise ma.ValidationError(_("Lies in the future."), "to")
        if data["from"] > data["to"]:
            raise ma.ValidationError(_("Lies after the last day."), "from")
        if data["to"] - data["from"] >= timedelta(days=LONGEST):
            raise ma.ValidationError(_("At most %(n)s days at once.", n=LONGEST), "from")


class RegisterPageIn(PageIn):
    """The page of a register; this month where nothing is said."""

    jurisdiction = Text(most=12, validate=[ma.validate.Regexp(CODE)])
    from_ = Day(data_key="from", attribute="from")
    to = Day()
    lang = Text(most=8)


class Month(ma.fields.Field[date]):
    """A month as YYYY-MM; read as its first day."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> date:
        if not isinstance(value, str) or not re.fullmatch(r"20[0-9]{2}-(0[1-9]|1[0-2])", value):
            raise ma.ValidationError(_("A month is written as 2026-03."))
        first = date.fromisoformat(f"{value}-01")
        if first > workdays.today():
            raise ma.ValidationError(_("Lies in the future."))
        return first


class Quarter(ma.fields.Field[date]):
    """A quarter as YYYY-Q1 to Q4; read as its first day."""

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> date:
        if not isinstance(value, str) or not re.fullmatch(r"20[0-9]{2}-Q[1-4]", value):
            raise ma.ValidationError(_("A quarter is written as 2026-Q3."))
        first = date(int(value[:4]), int(value[-1]) * 3 - 2, 1)
        if first > workdays.today():
            raise ma.ValidationError(_("Lies in the future."))
        return first


class MonthArguments(PlaceArguments):
    month = Month(required=True, metadata={"description": "as 2026-03"})


class QuarterArguments(PlaceArguments):
    quarter = Quarter(required=True, metadata={"description": "as 2026-Q3"})


class MonthPageIn(ma.Schema):
    """The page of a monthly sheet; last month where nothing is said."""

    jurisdiction = Text(most=12, validate=[ma.validate.Regexp(CODE)])
    month = Month()
    lang = Text(most=8)


class QuarterPageIn(ma.Schema):
    """The page of a quarter; the last one that is over where nothing is said."""

    jurisdiction = Text(most=12, validate=[ma.validate.Regexp(CODE)])
    quarter = Quarter()
    lang = Text(most=8)
