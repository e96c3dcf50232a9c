"""A simulated working day through the real HTTP API, and the reading back of all of it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from visits.demo import words
from visits.demo.cast import Cadre, Dispatcher, Journal, Leader, Player
from visits.demo.client import Client, Tally

ROUNDS = 3
HANDS = 6  # persons who act at the same time
ISSUE_SHARE = 0.1  # of the visits
PAGES = ("/maps/coverage", "/maps/aging")

Accounts = list[dict[str, str]]
One = TypeVar("One", bound=Player)
Tell = Callable[[str, int], object]


@dataclass
class DayReport:
    """What was played, and whether all of it is there, once."""

    visits_sent: int = 0
    visits_stored: int = 0
    issues_opened: int = 0
    issues_closed: int = 0
    issues_declined: int = 0
    steps_taken: int = 0
    overdue: int | None = None
    open: int | None = None
    met: int | None = None
    households: int | None = None
    window: str = ""
    requests: int = 0
    repeats: int = 0
    retries: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """All of it, for programs."""
        return asdict(self)


class Day:
    """One day with its players. `today` is the moment at which the day began."""

    def __init__(
        self,
        url: str,
        accounts: Accounts,
        *,
        today: datetime,
        cadres: int,
        visits: int,
        repeat: bool,
        seed: int,
        tell: Tell = lambda what, visits: None,
    ) -> None:
        self.url, self.today, self.visits, self.tell = url.rstrip("/"), today, visits, tell
        self.tally, self.journal = Tally(), Journal()
        self._repeat, self._seed = repeat, seed
        by_role: dict[str, Accounts] = {}
        for account in accounts:
            by_role.setdefault(account["role"], []).append(account)
        clerks = [a for a in by_role.get("cadre", []) if a.get("unit")]
        chosen = evenly([a for a in by_role.get("cadre", []) if not a.get("unit")], cadres)
        townships = {account["scope"][:9] for account in chosen}
        desks: dict[str, dict[str, str]] = {}
        for account in by_role.get("dispatcher", []):
            if account["scope"] in townships:
                desks.setdefault(account["scope"], account)
        leaders = sorted(by_role.get("leader", []), key=lambda account: len(account["scope"]))
        if not chosen or not desks or not leaders:
            raise ValueError("The accounts file needs a cadre, a dispatcher and a leader at least.")
        self.cadres = [self._player(Cadre, account) for account in chosen]
        # The first of each unit handles what it is given, and visits nobody.
        first = {(a["scope"], a["unit"]): a for a in reversed(clerks) if a["scope"] in townships}
        self.units = [self._player(Cadre, account) for account in first.values()]
        self.desks = [self._player(Dispatcher, account) for account in desks.values()]
        self.leader = self._player(Leader, leaders[0])

    def _player(self, kind: type[One], account: dict[str, str]) -> One:
        client = Client(self.url, self.tally, repeat=self._repeat)
        chance = random.Random(f"{self._seed} {account['login']}")
        return kind(account, client, self.journal, self.tally, chance, self.today)

    def is_played(self) -> bool:
        """Whether the first cadre has recorded a visit today."""
        first = self.cadres[0]
        try:
            first.come()
            last = first.client.items("/visits?mine=true&limit=1", most=1)
        finally:
            first.client.close()
        return bool(last) and datetime.fromisoformat(last[0]["started_at"]) >= self.today

    def play(self) -> DayReport:
        """Play the day and read it back. Raises Unreachable and Refused."""
        everybody: list[Player] = [*self.cadres, *self.units, *self.desks, self.leader]
        try:
            with ThreadPoolExecutor(HANDS) as pool:
                self._all(pool, "Signing in", everybody, lambda who: who.come())
                self._share_teams()
                listed = self.leader.client.items("/categories?limit=500")
                known = {category["code"] for category in listed}
                categories = [code for code in words.ISSUES if code in known]
                each, over = divmod(self.visits, len(self.cadres))
                share = {c.login: each + (n < over) for n, c in enumerate(self.cadres)}
                self._all(
                    pool, "Looking who is due", self.cadres,
                    lambda cadre: cadre.plan(share[cadre.login]),
                )  # fmt: skip
                for number in range(1, ROUNDS + 1):
                    self._round(pool, number, share, categories)
                seen = self.leader.look()
                report = self._report(seen)
                self._read_back(pool, report)
        finally:
            for player in everybody:
                player.client.close()
        report.faults = self.tally.faults
        return report

    def _round(
        self, pool: ThreadPoolExecutor, number: int, share: dict[str, int], categories: list[str]
    ) -> None:
        def visit(cadre: Cadre) -> None:
            count = -(-share[cadre.login] // ROUNDS)
            done = cadre.visit(count, categories, ISSUE_SHARE)
            self.tell(f"Round {number}: visits", done)

        self._all(pool, f"Round {number}: visits", self.cadres, visit)
        self._all(pool, f"Round {number}: desk", self.desks, lambda desk: desk.give_out())
        self._all(
            pool,
            f"Round {number}: handling",
            [*self.cadres, *self.units],
            lambda cadre: cadre.handle(),
        )
        self._all(pool, f"Round {number}: review", self.desks, lambda desk: desk.review())

    def _all(
        self, pool: ThreadPoolExecutor, what: str, players: Iterable[Any],
        act: Callable[[Any], object],
    ) -> None:  # fmt: skip
        """Let all players act, a few at a time; the first error ends the day."""
        self.tell(what, 0)
        for _ in pool.map(act, players):
            pass

    def _share_teams(self) -> None:
        """For each team the first of its members who play signs what the team is given."""
        taken: set[str] = set()
        for cadre in [*self.cadres, *self.units]:
            cadre.handles = [t["id"] for t in cadre.teams if t["id"] not in taken]
            taken.update(cadre.handles)

    def _report(self, seen: dict[str, Any]) -> DayReport:
        counts = self.tally.counts
        report = DayReport(
            visits_sent=len(self.journal.visits), issues_opened=len(self.journal.issues),
            issues_closed=counts["step pass_review"], issues_declined=counts["step decline"],
            steps_taken=sum(n for name, n in counts.items() if name.startswith("step ")),
            repeats=counts["repeats"], retries=counts["retries"], refused=counts["refused"],
            requests=counts["requests"], pages=[self.url + page for page in PAGES],
        )  # fmt: skip
        if seen["aging"]:
            bands = {band["light"]: band["count"] for band in seen["aging"]["bands"]}
            report.open = seen["aging"]["total"]
            report.overdue = bands["red"] + bands["deep_red"]
        if seen["coverage"]:
            total = seen["coverage"]["total"]
            report.met, report.households = total["met"], total["households"]
            report.window = f"{seen['coverage']['from']} to {seen['coverage']['to']}"
        return report

    def _read_back(self, pool: ThreadPoolExecutor, report: DayReport) -> None:
        """Read what was acknowledged over the API: there, the same, and once."""
        self.tell("Reading back", 0)
        stored = [visit for mine in pool.map(self._visits_of, self.cadres) for visit in mine]
        for text in missing_or_doubled(self.journal.visits, stored):
            self.tally.fault(text)
        report.visits_stored = len({v["id"] for v in stored} & self.journal.visits.keys())
        reader = {desk.scope: desk for desk in self.desks}
        players = {player.id for player in (*self.cadres, *self.units, *self.desks)}
        by_login = {cadre.login: cadre for cadre in self.cadres}

        def chain(issue: str) -> None:
            reporter = self.journal.issues.get(issue)
            ways: list[Player] = [by_login[reporter]] if reporter else list(reader.values())
            for way in ways:
                answer = way.client.get(f"/issues/{issue}")
                if answer.done:
                    self._check_chain(issue, answer.body["steps"], players)
                    return
            self.tally.fault(f"issue {issue} was acknowledged and is not there")

        # One after the other: the desks' connections serve one thread at a time.
        for issue in self.journal.steps:
            chain(issue)

    def _visits_of(self, cadre: Cadre) -> list[dict[str, Any]]:
        """All visits of today by this cadre."""
        found: list[dict[str, Any]] = []
        path: str | None = "/visits?mine=true&limit=200"
        while path:
            answer = cadre.client.get(path)
            if not answer.done:
                self.tally.fault(f"{cadre.login}: own visits: {answer.problem}")
                break
            page = answer.body["items"]
            today = [v for v in page if datetime.fromisoformat(v["started_at"]) >= self.today]
            found += today
            path = answer.body["next"] if len(today) == len(page) else None
        return found

    def _check_chain(self, issue: str, steps: list[dict[str, Any]], players: set[str]) -> None:
        ids = [step["id"] for step in steps]
        known = self.journal.steps[issue]
        if [step["seq"] for step in steps] != list(range(1, len(steps) + 1)):
            self.tally.fault(f"issue {issue}: the steps are not numbered 1, 2, 3, …")
        for step in known:
            if ids.count(step) != 1:
                self.tally.fault(
                    f"issue {issue}: acknowledged step {step} is there {ids.count(step)} times"
                )
        if issue in self.journal.issues:  # all that happened to it happened today
            ours = {
                step["id"]
                for step in steps
                if step["actor"]
                and step["actor"]["id"] in players
                and "because" not in step["data"]  # opened again by itself
            }
            for step in ours - set(known):
                self.tally.fault(f"issue {issue}: step {step} is there and nobody was told so")


def evenly(accounts: Accounts, count: int) -> Accounts:
    """At most `count` of the accounts, the first one and then at even distances."""
    count = min(count, len(accounts))
    return [accounts[i * len(accounts) // count] for i in range(count)]


def missing_or_doubled(sent: dict[str, dict[str, Any]], stored: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the visits that are stored, given those that were acknowledged."""
    found: list[str] = []
    by_id: dict[str, list[dict[str, Any]]] = {}
    alike: dict[tuple[str, str], set[str]] = {}
    for visit in stored:
        by_id.setdefault(visit["id"], []).append(visit)
        moment = datetime.fromisoformat(visit["started_at"]).isoformat()
        alike.setdefault((visit["household_id"], moment), set()).add(visit["id"])
    for id_, said in sent.items():
        copies = by_id.get(id_, [])
        if len(copies) != 1:
            found.append(f"visit {id_} was acknowledged and is there {len(copies)} times")
        elif any(copies[0][name] != said[name] for name in ("household_id", "outcome", "notes")):
            found.append(f"visit {id_} is stored otherwise than it was sent")
    for (household, moment), ids in alike.items():
        if len(ids) > 1 and ids & sent.keys():
            found.append(f"household {household} has {len(ids)} visits that began at {moment}")
    return found
