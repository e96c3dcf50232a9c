"""A county for the phone, a thumb that counts its taps, and what is wrong with a screen."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from geoalchemy2.shape import from_shape
from shapely import Point, box

from gridserve.db import SRID, db
from gridserve.permissions import Role
from tests.factories import COUNTY, SOUTH, STEP, TOWNSHIP, VILLAGE, WEST, Make
from visits import categories

AUDIT = (Path(__file__).parent / "audit.js").read_text(encoding="utf-8")
FAMILIES = "王李张刘陈杨赵黄周吴徐孙马朱胡林郭何高罗"
HOMES = 40
HELD = 4  # issues that the cadre's team holds; tests take those not signed for, never the first
DONE = 2  # closed issues that nobody has evaluated yet


def county(make: Make) -> dict[str, Any]:
    """A village of two cells: 40 households never met, issues to handle and to evaluate."""
    cells = [make.cell(n) for n in (1, 2)]
    for code in (VILLAGE, TOWNSHIP, COUNTY):
        make.boundary(code, box(WEST, SOUTH, WEST + 2 * STEP, SOUTH + STEP))
    cadre = make.user(Role.CADRE, VILLAGE, login="cadre", name="何志强")
    desk = make.user(Role.DISPATCHER, COUNTY, login="dispatcher", name="陈调度")
    colleague = make.user(Role.CADRE, VILLAGE, login="colleague", name="赵永康")
    team = make.team(cells, [cadre, colleague])
    categories.import_categories(categories.DEFAULT.read_bytes(), by=None)
    tags = [[], ["empty_nest"], ["disabled", "poor"]]
    homes = [
        make.household(
            cells[n % 2],
            number=f"TB-{n + 1:03d}",
            head_name=f"{FAMILIES[n % 20]}{'桂志'[n // 20]}{'英强明华'[n % 4]}",
            address=f"大坪子{n + 1}号",
            group_name=f"{n % 5 + 1}组",
            tags=tags[n % 3],
            do_not_disturb=n == 7,
            note="狗在院里，进门先喊一声。" if n == 0 else "",
            point=from_shape(
                Point(
                    WEST + STEP * (n % 2) + STEP * (n // 2 + 1) / 22, SOUTH + STEP * (n % 7 + 1) / 8
                ),
                srid=SRID,
            ),
        )
        for n in range(HOMES)
    ]
    issues = [make.issue(home, cadre, category="facility.streetlight") for home in homes[:HELD]]
    done = [
        make.issue(home, colleague, category="facility.streetlight")
        for home in homes[HELD : HELD + DONE]
    ]
    for issue in (*issues, *done):
        make.step(issue, "accept", desk)
        make.step(issue, "dispatch", desk, team_id=team.id, words="请到现场看看")
    make.step(issues[0], "sign", cadre)
    for issue in done:
        make.step(issue, "sign", colleague)
        make.step(issue, "feed_back", colleague, words="已修好")
        make.step(issue, "pass_review", desk)
    db.session.commit()
    return {"household": str(homes[0].id), "issue": str(issues[0].id), "cells": len(cells)}


class Thumb:
    """A finger on the phone: it taps what it sees, and counts."""

    def __init__(self, page: Any):
        self.page, self.taps = page, 0

    def tap(self, target: str) -> None:
        """Tap the first thing that `target` (a selector) finds, where it can be seen."""
        self.page.locator(target).first.tap()
        self.taps += 1

    def photograph(self, button: str, picture: dict[str, Any]) -> None:
        """Tap the button that opens the camera, and let the camera give `picture`."""
        with self.page.expect_file_chooser() as chooser:
            self.tap(button)
        chooser.value.set_files(picture)


def picture(page: Any, seed: int) -> dict[str, Any]:
    """A photo of 2400×1800 as a phone's camera gives it, another one for each seed."""
    address = page.evaluate(
        """(seed) => {
          const canvas = document.createElement("canvas");
          [canvas.width, canvas.height] = [2400, 1800];
          const pen = canvas.getContext("2d");
          for (let n = 0; n < 900; n += 1) {
            pen.fillStyle = `hsl(${(n * 47 + seed * 13) % 360} 60% ${(n * 7) % 90}%)`;
            pen.fillRect((n * 131 + seed) % 2400, (n * 71) % 1800, 160, 120);
          }
          return canvas.toDataURL("image/jpeg", 0.9);
        }""",
        seed,
    )
    return {
        "name": f"{seed}.jpg",
        "mimeType": "image/jpeg",
        "buffer": base64.b64decode(address.partition(",")[2]),
    }


def faults(page: Any) -> list[str]:
    """What is wrong with the screen as it is shown."""
    return list(page.evaluate(AUDIT))
