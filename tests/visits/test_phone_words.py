"""The words of the phone: the same in both languages, all there, none left over."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from gridserve.worktime import Unit
from visits.issues.chain import Action, Promise, Rating, Status
from visits.issues.clock import Light
from visits.models import HouseholdStatus, Outcome, Tag

PHONE = Path(__file__).parents[2] / "gridserve/static/phone"
ENTRY = re.compile(r'^  "([\w.]+)": (.+?),?$', re.MULTILINE)
VALUE = re.compile(r"\{(\w+)\}")


def words(language: str) -> dict[str, str]:
    return dict(ENTRY.findall((PHONE / f"words.{language}.js").read_text(encoding="utf-8")))


def code() -> str:
    files = [path for path in PHONE.rglob("*.js") if not path.name.startswith("words")]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.fixture(scope="module")
def zh() -> dict[str, str]:
    return words("zh")


def test_both_languages_say_the_same_things_of_the_same_values(zh):
    en = words("en")
    assert list(zh) == list(en)
    for key in zh:
        # a noun that English counts in two forms names its value twice
        assert set(VALUE.findall(zh[key])) == set(VALUE.findall(en[key])), key


def test_every_word_that_is_used_is_there_and_none_is_left_over(zh):
    text = code()
    said = set(re.findall(r'["`]([a-z_]+(?:\.\w+)*)["`]', text))  # whole keys, said or chosen
    begun = set(re.findall(r"`([a-z_]+\.[\w.]*)\$\{", text))
    for key in re.findall(r'\bsay\("([^"]+)"', text):
        assert key in zh, key
    left = {k for k in zh if k not in said and not any(k.startswith(each) for each in begun)}
    assert left == set()


def named(kind: str, values: Iterable[str]) -> list[str]:
    return [f"{kind}.{value}" for value in values]


@pytest.mark.parametrize(
    "keys",
    [
        named("action", Action),
        named("status", Status),
        named("light", Light),
        named("rating", Rating),
        named("outcome", Outcome),
        named("tag", Tag),
        named("report.promise", Promise),
        named("limit", Unit),
        named("home_status", [each for each in HouseholdStatus if each != "active"]),
    ],
    ids=lambda keys: keys[0].rpartition(".")[0],
)
def test_what_the_server_names_the_phone_can_say(zh, keys):
    assert [key for key in keys if key not in zh] == []
