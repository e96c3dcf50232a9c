"""The words of figures: levels, days, categories."""

from __future__ import annotations

from flask_babel import get_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from visits.issues.models import Category

LEVELS = {
    "province": _l("Province"), "city": _l("City"), "county": _l("County"),
    "township": _l("Township"), "village": _l("Village"), "cell": _l("Cell"),
}  # fmt: skip


def days(count: float) -> str:
    """A span of days: in hours under a day, with one decimal under ten days."""
    if count < 1:
        hours = int(count * 24)
        return ngettext("%(num)s hour", "%(num)s hours", hours)
    if count < 10 and round(count, 1) != round(count):
        return _("%(n)s days", n=f"{count:.1f}")
    return ngettext("%(num)s day", "%(num)s days", round(count))


def category_name(category: Category | None) -> str:
    """The category's name in the reader's language; nothing where there is none."""
    if category is None:
        return ""
    return category.name if str(get_locale()).startswith("zh") else category.name_en
