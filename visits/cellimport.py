"""Brings cells in from a map file and puts the households of their villages into them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import select

from grids import cellfile
from grids.models import Cell
from grids.report import Report
from gridserve import workdays
from gridserve.db import db
from visits import figures
from visits.placing import assign_households


def import_cells(path: Path, *, from_date: date, dry_run: bool = False, **options: Any) -> Report:
    """As `grids.cellfile.import_cells`; `Report.households` says how many changed their cell.

    Cells that begin later get their households when somebody assigns them. The caller commits.
    """
    report = cellfile.import_cells(path, from_date=from_date, dry_run=dry_run, **options)
    if report.villages and not dry_run:
        today = workdays.today()
        here = select(Cell.id).where(Cell.village_code.in_(report.villages))
        figures.mark(db.session.scalars(here.where(Cell.from_date == from_date)))
        if from_date <= today:
            report.households = assign_households(report.villages, on=today)
    return report
