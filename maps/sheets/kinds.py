"""The kinds of documents that registers and sheets are made as."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from types import ModuleType
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from grids.models import short_name
from gridserve import workdays
from gridserve.documents import pdf, xlsx
from gridserve.documents.kinds import Asked, Kind
from gridserve.errors import Invalid
from gridserve.permissions import Permission
from maps import places
from maps.places import Place
from maps.sheets import brief, comparison, issueregister, publicsheet, registers, visitregister
from maps.sheets.registers import Span
from maps.sheets.schemas import MonthArguments, QuarterArguments, RegisterArguments
from visits.objections.models import Objection
from visits.objections.operations import objections, quarter_name

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
            width=sum(column.paper for column in module.COLUMNS), mark=asked.mark,
        )  # fmt: skip
    columns = [(str(column.title), column.width) for column in module.COLUMNS]
    sheet = xlsx.Sheet(title, columns, registers.lines(module.COLUMNS, rows), notes)
    return xlsx.workbook([sheet], asked.as_of, told, mark=asked.mark)


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


def month_name(first: date) -> str:
    """A month as it is written in titles: 2026-03."""
    return f"{first:%Y-%m}"


def township(asked: Asked) -> Place:
    """The township that a sheet is asked for; Invalid for anything larger or smaller."""
    place = places.find(asked.by, asked.arguments["jurisdiction"])
    if place.digits != TOWNSHIP:
        words = _("Choose a township: this sheet is made for one township at a time.")
        raise Invalid(words, errors={"/jurisdiction": [words]})
    return place


def over(asked: Asked) -> Place:
    """The township, where the month asked about is over; only then is it published."""
    if end_of_month(asked.arguments["month"]) >= workdays.today():
        words = _("This month is not over yet.")
        raise Invalid(words, errors={"/month": [words]})
    return township(asked)


def end_of_month(first: date) -> date:
    """The last day of the month that begins with `first`."""
    return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)


def public(asked: Asked) -> bytes:
    """The public sheet as a workbook or on paper."""
    place, first = over(asked), asked.arguments["month"]
    found = publicsheet.sheet(place, first, end_of_month(first), asked.as_of)
    notes = [*publicsheet.words(found), *source(place, asked, publicsheet.FORMULA)]
    title = _("Public sheet of %(month)s", month=month_name(first))
    if asked.format == "pdf":
        return pdf.render("sheets/public_pdf.html", title=title, place=short_name(place.name),
                          sheet=found, shown=publicsheet.shown, notes=notes)  # fmt: skip
    heads = publicsheet.headings()
    whole = [found.total, *found.kinds, *found.villages]
    rows = [[row.name, *(publicsheet.cell(row, figure) for figure in heads)] for row in whole]
    columns = [(_("Of what"), 36), *((str(words), 14) for words in heads.values())]
    return xlsx.workbook([xlsx.Sheet(title, columns, rows, notes)], asked.as_of)


def monthly(asked: Asked) -> bytes:
    """The work brief on one page."""
    place = places.find(asked.by, asked.arguments["jurisdiction"])
    found = brief.brief(asked.by, place, asked.arguments["month"], asked.as_of)
    notes = source(place, asked, brief.FORMULA)
    return pdf.render("sheets/brief_pdf.html", brief=found, notes=notes, mark=asked.mark)


def quarterly(asked: Asked) -> bytes:
    """The comparison of teams as a workbook or on paper."""
    place, quarter = township(asked), asked.arguments["quarter"]
    found = comparison.comparison(place, quarter, asked.as_of)
    said = objections(quarter, [team.id for team in found.teams], asked.as_of)
    notes = [*comparison.words(place.code, quarter), *source(place, asked, comparison.FORMULA)]
    title = _("Comparison of teams %(quarter)s", quarter=quarter_name(quarter))
    if asked.format == "pdf":
        return pdf.render(
            "sheets/comparison_pdf.html", title=title, place=short_name(place.name), found=found,
            measures=comparison.MEASURES, told=comparison.told, notes=notes,
            objections=[(o.team.name, o.words, _answered(o, asked.as_of)[0]) for o in said],
            mark=asked.mark,
        )  # fmt: skip
    columns = [
        (_("Team"), 28),
        (_("Measure"), 40),
        (_("Good"), 10),
        (_("Cases"), 10),
        (_("Share"), 10),
        (_("From"), 10),
        (_("To"), 10),
        (_("Beside all teams"), 24),
    ]
    sheets = [
        xlsx.Sheet(title, columns, comparison.rows(found), notes),
        xlsx.Sheet(
            _("Objections"), [(_("Team"), 28), (_("Said"), 18), (_("Objection"), 60),
                              (_("Answer"), 60), (_("Upheld"), 10)],
            [[o.team.name, registers.at(o.at), o.words, *_answered(o, asked.as_of)] for o in said],
        ),
    ]  # fmt: skip
    return xlsx.workbook(sheets, asked.as_of, mark=asked.mark)


def _answered(objection: Objection, as_of: datetime) -> list[str]:
    """What was answered by then."""
    if objection.answered_at is None or objection.answered_at > as_of:
        return ["", ""]
    return [objection.answer or "", _("yes") if objection.upheld else _("no")]


def _of(words: Any, name: str, written: Callable[[date], str]) -> Callable[[dict[str, Any]], str]:
    def title(arguments: dict[str, Any]) -> str:
        place = places.named(arguments["jurisdiction"])
        return f"{words} {short_name(place.name)} {written(arguments[name])}"

    return title


_issues = _l("Register of issues")
_visits = _l("Register of visits")
_brief = _l("Brief for the monthly meeting")
_public = _l("Monthly public sheet")
_quarter = _l("Quarterly comparison of teams")

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
    Kind(
        key="brief", label=_brief, permission=Permission.FIGURES_READ, formats=("pdf",),
        arguments=MonthArguments, formula=brief.FORMULA, title=_of(_brief, "month", month_name),
        make=monthly, check=lambda asked: places.find(asked.by, asked.arguments["jurisdiction"]),
        page="sheets.monthly",
        hint=_l("One page: six figures, the worst cases, where they gather, what is asked."),
    ),
    Kind(
        key="public", label=_public, permission=Permission.FIGURES_READ, formats=("xlsx", "pdf"),
        arguments=MonthArguments, formula=publicsheet.FORMULA,
        title=_of(_public, "month", month_name), make=public, check=over, page="sheets.public",
        hint=_l("For the notice board: counts only, small groups kept back."),
    ),
    Kind(
        key="comparison", label=_quarter, permission=Permission.FIGURES_READ,
        formats=("xlsx", "pdf"), arguments=QuarterArguments, formula=comparison.FORMULA,
        title=_of(_quarter, "quarter", quarter_name), make=quarterly, check=township,
        page="sheets.comparison",
        hint=_l("What came of the work of each team, with cases and intervals; nobody is ranked."),
    ),
)  # fmt: skip
