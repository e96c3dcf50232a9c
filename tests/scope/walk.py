"""Every endpoint called by every role about an own place and about another one."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from flask import Flask
from sqlalchemy import Connection, text

from gridserve import openapi
from gridserve.db import Base
from gridserve.people import User
from gridserve.permissions import may
from tests.scope.fills import (
    ALWAYS,
    BODIES,
    NOWHERE,
    OTHER_PATHS,
    PAGES,
    PATHS,
    PLAIN,
    QUERY,
    STATES,
    ZOOMS,
    Call,
)
from tests.scope.world import Place, found_in, readable

# What a refused or an own thing may be written into: of nobody else's place.
OWN_TABLES = {
    "event",
    "event_waiting",
    "submission",
    "kept_filter",
    "photo",
    "photo_upload",
    "log_words",
}


@dataclass
class Walker:
    """Somebody with one post; `others` are the places of which nothing may be known, the first of
    which is aimed at."""

    name: str
    user: User
    client: Any
    own: Place
    others: list[Place]
    lives: bool = True  # in the own place: what others need not try there again

    @property
    def aim(self) -> Place:
        return self.others[0]

    @cached_property
    def forbidden(self) -> set[str]:
        return set().union(*(place.traces for place in self.others))


@dataclass
class Walk:
    """What was tried, what was seen of the own place, and what of another."""

    app: Flask
    connection: Connection
    leaks: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    seen: set[str] = field(default_factory=set)
    taken: set[tuple[str, int]] = field(default_factory=set)
    tried: set[tuple[str, int]] = field(default_factory=set)
    requests: int = 0
    why: dict[tuple[str, int], str] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    before: dict[str, str] = field(default_factory=dict)

    def all(self, walkers: list[Walker], only: Collection[str] = ()) -> Walk:
        """Everything (or these endpoints) for everybody; what it changes is taken back at once."""
        self.before = self._state()
        for rule in self.app.url_map.iter_rules():
            if rule.endpoint in NOWHERE or (only and rule.endpoint not in only):
                continue
            for method in sorted(methods(rule)):
                self._endpoint(rule, method, walkers)
        return self

    def _endpoint(self, rule: Any, method: str, walkers: list[Walker]) -> None:
        access = getattr(self.app.view_functions[rule.endpoint], "access", None)
        for walker in walkers:
            allowed = access == "public" or may(walker.user, access) or access == "account"
            for place in (walker.own, walker.aim) if allowed and walker.lives else (walker.aim,):
                try:
                    calls = list(self._calls(rule, method, place, walker.own))
                except KeyError as missing:
                    self.unknown.add(f"{method} {rule.endpoint}: {missing}")
                    continue
                for number, path, call in calls if allowed else calls[:1]:
                    self._try(walker, rule.endpoint, method, place, number, path, call)

    def _calls(
        self, rule: Any, method: str, aimed: Place, own: Place
    ) -> Iterator[tuple[int, str, Call]]:
        there, here = list(self._paths(rule, aimed, own)), next(self._paths(rule, own, own))
        if method in ("GET", "HEAD"):
            always = {n: QUERY[n](aimed)[0] for n in ALWAYS.get(rule.endpoint, ())}
            for path in there if rule.arguments or always or aimed is own else ():
                yield 0, path, {"query_string": always}
            for said in self._queries(rule.endpoint, aimed, new=aimed is own):
                yield (
                    0,
                    there[0] if "z" in rule.arguments else here,
                    {"query_string": always | said},
                )
            return
        for number in range(len(BODIES[rule.endpoint](aimed))):
            body = lambda number=number: BODIES[rule.endpoint](aimed)[number]  # noqa: E731
            pointing = aimed is not own and _points_at(body(), aimed)
            for path in there if rule.arguments or pointing or aimed is own else ():
                yield number, path, body()
            if rule.arguments and pointing:
                yield number, here, body()

    def _paths(self, rule: Any, aimed: Place, own: Place) -> Iterator[str]:
        """Addresses with everything of `aimed` in them, and with each single part of it."""
        if "z" in rule.arguments:
            for zoom in ZOOMS:
                yield _built(rule, tile(aimed.spot, zoom))
            return
        known = PATHS | OTHER_PATHS.get(rule.endpoint, {})
        there = {name: known[name](aimed) for name in rule.arguments}
        yield _built(rule, there)
        if aimed is not own and len(there) > 1:
            here = {name: known[name](own) for name in rule.arguments}
            for name in there:
                yield _built(rule, here | {name: there[name]})

    def _queries(self, endpoint: str, aimed: Place, *, new: bool) -> Iterator[dict[str, Any]]:
        names = PAGES[endpoint] if endpoint in PAGES else self._documented(endpoint)
        if new:
            yield from STATES.get(endpoint, [])
            return
        pointing = [name for name in names if name not in ("lat", "lon")]
        for name in pointing:
            for value in QUERY[name](aimed):
                yield {name: value}
        if "lon" in names:
            yield {name: QUERY[name](aimed)[0] for name in ("lon", "lat")}

    def _documented(self, endpoint: str) -> list[str]:
        """The parameters that the API's own document names, without those that point nowhere."""
        if not self.document:
            self.document = openapi.document(self.app)
        (rule,) = self.app.url_map.iter_rules(endpoint)
        path = rule.rule
        for name in rule.arguments:
            for converter in ("", "uuid:", "string:", "int:"):
                path = path.replace(f"<{converter}{name}>", f"{{{name}}}")
        said = self.document["paths"][path].get("get", {}).get("parameters", [])
        return [p["name"] for p in said if p["in"] == "query" and p["name"] not in PLAIN]

    def _try(
        self, walker: Walker, endpoint: str, method: str, place: Place, number: int, path: str,
        call: Call,
    ) -> None:  # fmt: skip
        changes = method not in ("GET", "HEAD")
        given = path + repr(call)
        undo = self.connection.begin_nested()
        try:
            answer = walker.client.open(path, method=method, **call)
            self.requests += 1
            told = readable(answer.data) + repr(list(answer.headers.values()))
            status = answer.status_code
            touched = self._touched() if changes and status < 400 else set()
        finally:
            undo.rollback()
        where = f"{walker.name}: {method} {path} {call} → {status}"
        if status >= 500:
            self.leaks.append(f"{where}: broken")
        if found := found_in(told, walker.forbidden, given):
            self.leaks.append(f"{where} tells {found[:4]}")
        if place is walker.own:
            picture = status == 200 and answer.mimetype.startswith("image/")
            if picture or found_in(told, place.traces, given):
                self.seen.add(endpoint)
            if changes:
                self.tried.add((endpoint, number))
                if touched:
                    self.taken.add((endpoint, number))
                else:
                    self.why[(endpoint, number)] = where + told[:300]
        elif not changes and status < 400 and found_in(path, place.traces, ""):
            self.leaks.append(f"{where}: opens what is of another place")
        elif touched - OWN_TABLES:
            self.leaks.append(f"{where} changes {sorted(touched - OWN_TABLES)}")

    def _touched(self) -> set[str]:
        return {name for name, state in self._state().items() if state != self.before[name]}

    def _state(self) -> dict[str, str]:
        """Of each table a number that tells whether anything in it was changed."""
        rows = self.connection.execute(_STATE)
        return {row.name: f"{row.count} {row.sum}" for row in rows}


_STATE = text(
    " UNION ALL ".join(
        f"SELECT '{table.name}' AS name, count(*), sum(hashtextextended(t::text, 0)) AS sum "  # noqa: S608
        f'FROM "{table.name}" t'
        for table in Base.metadata.sorted_tables
    )
)


def _points_at(call: Call, place: Place) -> bool:
    """Whether a body says anything of the place."""
    said = repr(call)
    return str(place.spot[0])[:7] in said or bool(found_in(said, place.traces, ""))


def methods(rule: Any) -> set[str]:
    """How an address may be asked; HEAD where it stands for itself."""
    found = set(rule.methods) - {"OPTIONS"}
    return found - {"HEAD"} if "GET" in found else found


def _built(rule: Any, values: dict[str, Any]) -> str:
    built = rule.build(values, append_unknown=False)
    assert built is not None
    return str(built[1])


def tile(spot: tuple[float, float], zoom: int) -> dict[str, int]:
    lon, lat = spot
    n = 2**zoom
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n
    return {"z": zoom, "x": int((lon + 180) / 360 * n), "y": int(y)}
