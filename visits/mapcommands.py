"""The import of cells: it ends with the households in their new cells."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
from tqdm import tqdm

from grids.commands import finish, import_group, map_options, report_options
from gridserve import workdays
from visits.cellimport import import_cells


@import_group.command("cells")
@click.argument("path", metavar="FILE", type=click.Path(path_type=Path))
@map_options
@click.option("--from-date", type=click.DateTime(["%Y-%m-%d"]),
              help="First day on which new cells are valid; today unless given.")  # fmt: skip
@report_options
def cells(
    path: Path, system: str, layer: str, swapped: bool, repair: bool, folder: Path | None,
    from_date: datetime | None, dry_run: bool, skip_bad: bool, as_json: bool,
) -> None:  # fmt: skip
    """Import grid cells from FILE: GeoJSON, GeoPackage or a zipped Shapefile.

    Properties: code (编码, 15 digits) or village_code (村编码, 12 digits: the next serial is
    given), name (名称), kind (类型: basic 基础网格 or dedicated 专属网格).
    """
    first_day = from_date.date() if from_date else workdays.today()
    with tqdm(unit="cell", disable=None, delay=1, leave=False) as bar:
        report = import_cells(
            path, system=system, layer=layer, swapped=swapped, from_date=first_day, repair=repair,
            skip_bad=skip_bad, dry_run=dry_run, begin=bar.reset, step=bar.update,
            say=bar.set_description_str,
        )  # fmt: skip
    finish(report, noun="feature", dry_run=dry_run, as_json=as_json, folder=folder)
