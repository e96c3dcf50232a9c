"""The words of figures: levels, days, categories."""

from __future__ import annotations

from flask_babel import get_locale
from flask_babel import lazy_gettext as _l

from visits.issues.models import Category

LEVELS = {
    "province": _l("Province"), "city": _l("City"), "county": _l("County"),
    "township": _l("Township"), "village": _l("Village"), "cell": _l("Cell"),
}  # fmt: skip


def category_name(category: Category | None) -> str:
    """The category's name in the reader's language; nothing where there is none."""
    if category is None:
        return ""
    return category.name if str(get_locale()).startswith("zh") else category.name_en
