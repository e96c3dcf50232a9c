"""Changing cells over the API: each with a preview (`?dry_run=true`)."""

from __future__ import annotations

from typing import Any

from grids.models import ChangeKind
from gridserve.auth import current_user, requires
from gridserve.http import API, Blueprint, transaction
from gridserve.permissions import Permission
from visits.life import operations
from visits.life.schemas import (
    AddIn,
    ChangeOut,
    DryRunIn,
    MergeIn,
    RedrawIn,
    RetireAllIn,
    RetireIn,
    SplitIn,
    UndoIn,
)

bp = Blueprint("life_api", __name__, url_prefix=API, description="Cells that change")
Answer = tuple[dict[str, Any], int]


_previewed = bp.alt_response(200, schema=ChangeOut, success=True, description="A preview.")


def _change(kind: ChangeKind, asked: dict[str, Any], said: dict[str, Any]) -> Answer:
    said = {"kind": str(kind), **said}
    if asked["dry_run"]:
        return operations.preview(operations.change, said, by=current_user), 200
    return operations.change(said, by=current_user), 201


@bp.post("/cells/split")
@requires(Permission.GROUND_WRITE)
@_previewed
@transaction
@bp.arguments(DryRunIn, location="query")
@bp.arguments(SplitIn)
@bp.response(201, ChangeOut)
def split(asked: dict[str, Any], said: dict[str, Any]) -> Answer:
    """Cut a cell by a line. The pieces are new cells with new codes and the same teams."""
    return _change(ChangeKind.SPLIT, asked, {**said, "cells": [said.pop("cell")]})


@bp.post("/cells/merge")
@requires(Permission.GROUND_WRITE)
@_previewed
@transaction
@bp.arguments(DryRunIn, location="query")
@bp.arguments(MergeIn)
@bp.response(201, ChangeOut)
def merge(asked: dict[str, Any], said: dict[str, Any]) -> Answer:
    """Make one new cell of neighbours. All their teams answer for it."""
    names = {"names": [said.pop("name")]} if "name" in said else {}
    return _change(ChangeKind.MERGE, asked, {**said, **names})


@bp.post("/cells/redraw")
@requires(Permission.GROUND_WRITE)
@_previewed
@transaction
@bp.arguments(DryRunIn, location="query")
@bp.arguments(RedrawIn)
@bp.response(201, ChangeOut)
def redraw(asked: dict[str, Any], said: dict[str, Any]) -> Answer:
    """Give two neighbours another common edge; each new cell keeps the teams of its old one."""
    return _change(ChangeKind.REDRAW, asked, said)


@bp.post("/cells")
@requires(Permission.GROUND_WRITE)
@_previewed
@transaction
@bp.arguments(DryRunIn, location="query")
@bp.arguments(AddIn)
@bp.response(201, ChangeOut)
def add(asked: dict[str, Any], said: dict[str, Any]) -> Answer:
    """Make a dedicated cell inside a village: a school, a market, a factory."""
    return _change(ChangeKind.ADD, asked, {**said, "names": [said.pop("name")]})


@bp.post("/cells/retire")
@requires(Permission.GROUND_WRITE)
@_previewed
@transaction
@bp.arguments(DryRunIn, location="query")
@bp.arguments(RetireAllIn)
@bp.response(201, ChangeOut)
def retire_all(asked: dict[str, Any], said: dict[str, Any]) -> Answer:
    """End all cells of a village at once (合村并组), or several dedicated ones."""
    return _change(ChangeKind.RETIRE, asked, said)


@bp.post("/cells/undo")
@requires(Permission.GROUND_WRITE)
@_previewed
@transaction
@bp.arguments(DryRunIn, location="query")
@bp.arguments(UndoIn)
@bp.response(201, ChangeOut)
def undo(asked: dict[str, Any], said: dict[str, Any]) -> Answer:
    """Take the last change of some cells back, while nothing depends on it."""
    if asked["dry_run"]:
        return operations.preview(operations.undo, said, by=current_user), 200
    return operations.undo(said, by=current_user), 201


@bp.post("/cells/<code>/retire")
@requires(Permission.GROUND_WRITE)
@_previewed
@transaction
@bp.arguments(DryRunIn, location="query")
@bp.arguments(RetireIn)
@bp.response(201, ChangeOut)
def retire(asked: dict[str, Any], said: dict[str, Any], code: str) -> Answer:
    """End a dedicated cell. A basic one is merged instead: its ground needs somebody."""
    return _change(ChangeKind.RETIRE, asked, {**said, "cells": [code]})
