"""A row that is not what its steps make it is found, due times too, and written anew."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from gridserve.db import db
from gridserve.permissions import Role
from visits import commands
from visits.issues import projection
from visits.issues.models import Issue


@pytest.mark.parametrize("name", ["due_at", "stage_due_at", "rating", "step_no"])
def test_what_differs_is_found_and_rebuilt(make: Any, name: str) -> None:
    cell = make.cell()
    cadre = make.cadre([cell])
    issue, other = (make.issue(make.household(cell), cadre) for _n in range(2))
    was = getattr(issue, name)
    assert projection.check() == []
    if name == "rating":  # only a closed one may have it
        make.step(issue, "decline", make.user(Role.DISPATCHER, cell.village_code[:9]), words="不属")
        issue.closed_at -= timedelta(days=1)
        name, was = "closed_at", None
    elif name == "step_no":
        issue.step_no = 7
    else:
        setattr(issue, name, was + timedelta(hours=1))
    db.session.commit()
    assert projection.check() == [issue.id]
    runner = CliRunner()
    missing = runner.invoke(commands.rebuild, ["issues", "--number", "none"])
    assert missing.exit_code == 1
    one = runner.invoke(commands.rebuild, ["issues", "--number", other.number])
    assert "1 looked at, 0 written anew" in one.output
    done = runner.invoke(commands.rebuild, ["issues"])
    assert "2 looked at, 1 written anew" in done.output, done.output
    assert projection.check() == []
    if was is not None:
        assert getattr(db.session.get_one(Issue, issue.id), name) == was
