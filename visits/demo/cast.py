"""Those who play the simulated day, each with their own sign-in: cadres, dispatchers, a leader."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from visits.demo import words
from visits.demo.client import Answer, Client, Tally

DUE_AFTER_DAYS = 30
WORKDAY = timedelta(hours=9)
AT_ONCE = 8  # issues that a team works on in one round
OLD_ONES = 15  # of the issues of earlier days one in so many is worked on: most of them wait


@dataclass
class Journal:
    """What the server has acknowledged; read back at the end."""

    visits: dict[str, dict[str, Any]] = field(default_factory=dict)  # what was sent, by id
    issues: dict[str, str] = field(default_factory=dict)  # login of the reporter, by id
    steps: dict[str, list[str]] = field(default_factory=dict)  # step ids by issue


class Refused(Exception):
    """An account cannot sign in; the message says how to mend it."""


class Player:
    """One account that acts over HTTP."""

    def __init__(
        self, account: dict[str, str], client: Client, journal: Journal, tally: Tally,
        chance: random.Random, today: datetime,
    ) -> None:  # fmt: skip
        self.login, self.scope = account["login"], account["scope"]
        self.client, self.journal, self.tally, self.chance = client, journal, tally, chance
        self._password = account["password"]
        self.id = ""
        self.today = today

    def come(self) -> None:
        """Sign in and look who I am."""
        answer = self.client.sign_in(self.login, self._password)
        if not answer.done:
            raise Refused(
                f"{self.login} cannot sign in ({answer.problem}). Does the accounts file belong "
                "to this server's database? `gridserve demo-data` writes both."
            )
        self.id = self.client.get("/me").body["id"]

    def step(self, issue: str, action: str, seen: int, **said: Any) -> int | None:
        """Take a step in an issue's chain; the number of the step, None where it was refused."""
        body = {"id": str(uuid.uuid4()), "action": action, "seen": seen, **said}
        answer = self.client.post(f"/issues/{issue}/steps", body)
        if not answer.done:
            self._refused(f"{action} of {issue}", answer)
            return None
        self.journal.steps.setdefault(issue, []).append(body["id"])
        self.tally.add(f"step {action}")
        return int(answer.body["seq"])

    def waiting(self, path: str, most: int) -> list[dict[str, Any]]:
        """The newest issues of a list that are worked on today."""
        return [
            issue
            for issue in self.client.items(f"/issues?{path}&limit={most}", most=most)
            if datetime.fromisoformat(issue["reported_at"]) >= self.today
            or uuid.UUID(issue["id"]).int % OLD_ONES == 0
        ]

    def _refused(self, what: str, answer: Answer) -> None:
        # Others work on the same issues: being late, or not being the one, is a day's business.
        if answer.status in (403, 409):
            self.tally.add("refused")
        else:
            self.tally.fault(f"{self.login}: {what}: {answer.problem}")


class Cadre(Player):
    """Visits households of the own cells, reports issues, handles what the own teams are given."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.teams: list[dict[str, Any]] = []
        self.handles: list[str] = []  # ids of the teams for which this one signs today
        self._due: list[dict[str, Any]] = []

    def come(self) -> None:
        """Sign in; look up the own teams and the households that are due."""
        super().come()
        teams = self.client.items(f"/teams?jurisdiction={self.scope}&limit=200")
        self.teams = [t for t in teams if any(m["user"] == self.id for m in t["members"])]

    def plan(self, count: int) -> None:
        """Choose the day's households: tagged ones first, then whoever waits longest."""
        since = (self.today - timedelta(days=DUE_AFTER_DAYS)).date().isoformat()
        base = f"/households?status=active&limit={min(500, 4 * count + 20)}"
        due = self.client.items(f"{base}&not_met_since={since}", most=4 * count + 20)
        if len(due) < count:
            known = {h["id"] for h in due}
            due += [h for h in self.client.items(base, most=count + 20) if h["id"] not in known]
        self.chance.shuffle(due)
        due.sort(key=lambda household: not household["tags"])
        self._due = due[:count]

    def visit(self, count: int, categories: list[str], issue_share: float) -> int:
        """Visit the next `count` households; of these visits some lead to an issue."""
        done = 0
        for household in self._due[:count]:
            visit = self._record(household)
            done += visit is not None
            if visit is not None and self.chance.random() < issue_share:
                self._report(household, visit, categories)
        self._due = self._due[count:]
        return done

    def _record(self, household: dict[str, Any]) -> str | None:
        present = datetime.now(self.today.tzinfo)
        room = min(present - self.today, WORKDAY)
        started = present - room * self.chance.random()
        met = self.chance.random() < 0.85
        ended = min(present, started + timedelta(minutes=self.chance.uniform(5, 30) if met else 1))
        said: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "household_id": household["id"],
            "purpose": "regular",
            "outcome": "met" if met else "nobody_home",
            "started_at": started.isoformat(),
            "ended_at": ended.isoformat(),
            "notes": self.chance.choice(words.MET_FIRST if met else words.UNMET),
        }
        if household["point"] and self.chance.random() < 0.5:
            place = household["point"]
            said["point"] = {"lon": place["lon"], "lat": place["lat"], "crs": "wgs84"}
            said["accuracy_m"] = round(self.chance.uniform(4, 40), 1)
        answer = self.client.post("/visits", said)
        if not answer.done:
            self.tally.fault(f"{self.login}: visit {said['id']}: {answer.problem}")
            return None
        self.journal.visits[said["id"]] = said
        return str(said["id"])

    def _report(self, household: dict[str, Any], visit: str, categories: list[str]) -> None:
        category = self.chance.choice(categories)
        said: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "category": category,
            "words": self.chance.choice(words.ISSUES[category]),
        }
        if self.chance.random() < 0.8:
            said |= {"channel": "visit", "visit_id": visit}
        else:  # seen on the way and not told by anybody
            said |= {"channel": "inspection", "cell": household["cell"]}
        answer = self.client.post("/issues", said)
        if not answer.done:
            self.tally.fault(f"{self.login}: issue {said['id']}: {answer.problem}")
            return
        self.journal.issues[said["id"]] = self.login
        self.journal.steps[said["id"]] = [said["id"]]  # the first step carries the issue's id

    def handle(self) -> None:
        """Sign for what the own teams were given, and feed back what is done."""
        for team in self.handles:
            for issue in self.waiting(f"team={team}&status=dispatched", AT_ONCE):
                if self.chance.random() < 0.06:
                    self.step(issue["id"], "return", issue["step_no"], words=words.RETURNED[0])
                else:
                    self.step(issue["id"], "sign", issue["step_no"])
            for issue in self.waiting(f"team={team}&status=handling", AT_ONCE):
                if self.chance.random() < 0.8:
                    said = self.chance.choice(words.RESULTS)
                    self.step(
                        issue["id"], "feed_back", issue["step_no"], words=said, answer=words.ANSWER
                    )


class Dispatcher(Player):
    """The desk of a township: accepts, declines, dispatches, reviews, asks the resident."""

    def _list(self, status: str) -> list[dict[str, Any]]:
        return self.waiting(f"jurisdiction={self.scope}&status={status}", 5 * AT_ONCE)

    def give_out(self) -> None:
        """Accept or decline what was reported and dispatch what was accepted."""
        for issue in self._list("reported"):
            if issue["category"] == "dispute.debt" or self.chance.random() < 0.06:
                said = self.chance.choice(words.DECLINED)
                self.step(
                    issue["id"], "decline", issue["step_no"], words=said, basis=words.BASIS,
                    instead=words.INSTEAD,
                )  # fmt: skip
            else:
                self.step(issue["id"], "accept", issue["step_no"])
        for issue in self._list("accepted"):
            self._place(issue)

    def _place(self, issue: dict[str, Any]) -> None:
        """Dispatch an issue to the team that is suggested, or escalate it to that team's desk."""
        whole = self.client.get(f"/issues/{issue['id']}").body
        team = whole.get("suggested")
        if team is None or "dispatch" not in whole["actions"]:
            return  # nobody answers for it, or another desk has it by now
        if team["escalate_to"]:
            self.step(
                issue["id"], "escalate", issue["step_no"], to_desk=team["escalate_to"],
                words=team["why"],
            )  # fmt: skip
        else:
            self.step(issue["id"], "dispatch", issue["step_no"], team_id=team["id"])

    def review(self) -> None:
        """Review what was fed back; ask some residents how satisfied they are."""
        for issue in self._list("reviewing"):
            if self.chance.random() < 0.12:
                said = self.chance.choice(words.REWORK)
                self.step(issue["id"], "fail_review", issue["step_no"], words=said)
                continue
            closed = self.step(issue["id"], "pass_review", issue["step_no"])
            if closed is not None and self.chance.random() < 0.6:
                rating = self.chance.choices(["satisfied", "fairly", "not"], [78, 16, 6])[0]
                self.step(issue["id"], "evaluate", closed, rating=rating)


class Leader(Player):
    """Reads how far the county is."""

    def look(self) -> dict[str, Any]:
        """Coverage and ageing of the own jurisdiction."""
        found = {}
        for name in ("coverage", "aging"):
            answer = self.client.get(f"/{name}?jurisdiction={self.scope}")
            if not answer.done:
                self.tally.fault(f"{self.login}: {name}: {answer.problem}")
            found[name] = answer.body if answer.done else None
        return found
