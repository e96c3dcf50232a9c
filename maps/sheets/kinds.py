"""The kinds of documents that registers and sheets are made as."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from grids.models import short_name
from gridserve.documents import pdf, xlsx
from gridserve.documents.kinds import Asked, Kind
from gridserve.errors import Invalid
from gridserve.permissions import Permission
from maps import places
from maps.places import Place
from maps.sheets import issueregister, registers, visitregister
from maps.sheets.registers import Span
from maps.sheets.schemas import RegisterArguments

TOWNSHIP = 9  # digits


def span_of(asked: Asked) -> Span:
    """Which rows a register was asked for; NoSuchPlace outside the asker's scope."""
    place = places.find(asked.by, asked.arguments["jurisdiction"])
    return Span(place, asked.arguments["from"], asked.arguments["to"], asked.as_of)


def register(module: ModuleType, asked: Asked, title: str, *, least: int = 0) -> bytes:
    """A register as a workbook or on paper."""
    span = span_of(asked)
    _coarse(span.place, least)
    on_paper = asked.format == "pdf"
    total = registers.bounded(
        module.ids(asked.by, span), registers.ON_PAPER if on_paper else registers.IN_A_TABLE
    )

    def told(n: int) -> None:
        asked.say(_("%(n)s of %(total)s rows written", n=f"{n:,}", total=f"{total:,}"))

    told(0)
    rows: Iterator[dict[str, Any]] = module.rows(asked.by, span)
    notes = source(span.place, asked, module.FORMULA)
    if on_paper:
        listed = list(rows)
        asked.say(_("The pages are laid out…"))
        return pdf.render(
            "sheets/register_pdf.html", title=title, columns=module.COLUMNS, rows=listed,
            notes=notes, place=short_name(span.place.name), first=span.first, last=span.last,
            width=sum(column.paper for column in module.COLUMNS),
        )  # fmt: skip
    columns = [(str(column.title), column.width) for column in module.COLUMNS]
    sheet = xlsx.Sheet(title, columns, registers.lines(module.COLUMNS, rows), notes)
    return xlsx.workbook([sheet], asked.as_of, told)


def _coarse(place: Place, least: int) -> None:
    if place.digits < least:
        words = _("Choose a township or a village: a county has too many visits for one register.")
        raise Invalid(words, errors={"/jurisdiction": [words]})


def source(place: Place, asked: Asked, formula: str) -> list[str]:
    """What stands below every sheet: of what, as of when, by which formula."""
    return [
        _("Jurisdiction: %(name)s %(code)s", name=short_name(place.name), code=place.code),
        _("As of %(time)s", time=registers.at(asked.as_of)) + f" · {_('Formula')} {formula}",
    ]


def _titled(words: Any) -> Callable[[dict[str, Any]], str]:
    def title(arguments: dict[str, Any]) -> str:
        place = places.named(arguments["jurisdiction"])
        return f"{words} {short_name(place.name)} {arguments['from']}–{arguments['to']}"

    return title


_issues = _l("Register of issues")
_visits = _l("Register of visits")

KINDS = (
    Kind(
        key="issues", label=_issues, permission=Permission.ISSUE_READ, formats=("xlsx", "pdf"),
        arguments=RegisterArguments, formula=issueregister.FORMULA, title=_titled(_issues),
        make=lambda asked: register(issueregister, asked, str(_issues)), check=span_of,
        personal=True, page="sheets.issues",
        hint=_l("What was reported in a period, who handled it, and what came of it."),
    ),
    Kind(
        key="visits", label=_visits, permission=Permission.VISIT_READ, formats=("xlsx", "pdf"),
        arguments=RegisterArguments, formula=visitregister.FORMULA, title=_titled(_visits),
        make=lambda asked: register(visitregister, asked, str(_visits), least=TOWNSHIP),
        check=lambda asked: _coarse(span_of(asked).place, TOWNSHIP),
        personal=True, page="sheets.visits",
        hint=_l("Each visit of a period with the cell and team of its day."),
    ),
)  # fmt: skip
