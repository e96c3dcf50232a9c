"""Every try is answered as docs/attacks.md says, none with a fault of ours."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import groupby
from typing import Any

import pytest
from flask import Flask

from gridserve.installation import ROOT
from tests.attacks import access, accounts, files, words
from tests.attacks.tries import Chapter, Scene
from tests.factories import Make
from tests.scope import world

CHAPTERS: tuple[Chapter, ...] = (
    accounts.authentication, accounts.sessions,
    access.roles, access.others, access.rights,
    words.validation, files.faults, access.private,
    words.order, files.uploads, words.forms, files.answers,
)  # fmt: skip
LIST = ROOT / "docs" / "attacks.md"
HEAD = """# What was tried

Each row is tried by `tests/attacks` against the whole application, and has to be answered as it
says. The chapters are those of the OWASP Application Security Verification Standard 4.0.3. A 200
stands where the try gets a page or an answer in which what it was after is not to be found, which
the test looks for.

`ATTACKS=write` before the test writes this page anew.
"""


@pytest.fixture
def scene(context: Flask, make: Make, as_user: Callable[..., Any]) -> Scene:
    world.categories(make)
    found = Scene(context, make, as_user)
    assert found.own
    assert found.other
    return found


def test_every_try_is_answered_as_it_is_written(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = [
        (chapter.__doc__ or "", one.words, one.answer.status_code, one.wanted)
        for chapter in CHAPTERS
        for one in chapter(scene)
    ]
    wrong = [row for row in tried if row[2] != row[3]]
    assert wrong == [], "\n".join(map(str, wrong))
    assert len(tried) >= 150
    text = _written([row[:3] for row in tried])
    if os.environ.get("ATTACKS") == "write":
        LIST.write_text(text, encoding="utf-8")
    assert LIST.read_text(encoding="utf-8") == text


def _written(tried: list[tuple[str, str, int]]) -> str:
    parts = [HEAD]
    for chapter, rows in groupby(tried, key=lambda row: row[0]):
        parts.append(f"\n## {chapter}\n\n| what is tried | answer |\n| --- | --- |\n")
        parts += [f"| {words} | {status} |\n" for _chapter, words, status in rows]
    parts.append(f"\n{len(tried)} in all.\n")
    return "".join(parts)
