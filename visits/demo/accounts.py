"""The demonstration accounts: who there is, with a random password for each."""

from __future__ import annotations

import json
import os
import secrets
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from argon2 import PasswordHasher

from grids.models import Level
from gridserve.db import db, now
from gridserve.people import Post, User
from gridserve.permissions import Role
from visits.demo import offices, people
from visits.demo.bulk import make_id

DISPATCHERS_PER_TOWNSHIP = 2
# Letters and digits that are not mistaken for one another when read from a screen.
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
PASSWORD_LENGTH = 16

# Argon2id at the least cost that OWASP's password storage guidance names. These passwords have 80
# random bits, so nobody guesses them, and signing in many at once stays cheap.
_hasher = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


@dataclass
class Account:
    """One account to be made; the password is known here and in the accounts file only."""

    id: uuid.UUID
    login: str
    name: str
    phone: str
    role: Role
    scope: str
    password: str
    guide: bool = False  # a township cadre who backs villages (网格指导员)
    unit: str = ""  # 派出所, 民政局 …: works there and in no cell

    @property
    def township(self) -> str:
        """The township in which this person works."""
        return self.scope[: Level.TOWNSHIP]


def plan(
    county: str, households: dict[str, int], cadres: int, rng: np.random.Generator
) -> list[Account]:
    """All accounts of the county; `households` counts them by village code.

    Of the cadres every twelfth is a township's guide; each village has one, and the others go
    where the households are. Beside them each township and the county have units, with a cadre for
    each of their duties.
    """
    townships = sorted({village[: Level.TOWNSHIP] for village in households})
    wanted: list[tuple[str, Role, str, bool]] = [
        ("admin", Role.ADMINISTRATOR, county, False),
        ("auditor", Role.AUDITOR, county, False),
        ("leader", Role.LEADER, county, False),
    ]
    for number, township in enumerate(townships, 1):
        wanted.append((f"leader-{number:02}", Role.LEADER, township, False))
        wanted += [
            (f"desk-{number:02}{'abcdef'[i]}", Role.DISPATCHER, township, False)
            for i in range(DISPATCHERS_PER_TOWNSHIP)
        ]
    wanted.append(("desk", Role.DISPATCHER, county, False))
    guides = max(len(townships), cadres // 12)
    places = [townships[i % len(townships)] for i in range(guides)]
    villages = _spread(households, max(len(households), cadres - guides))
    for number, scope in enumerate(villages + places, 1):
        wanted.append((f"cadre-{number:03}", Role.CADRE, scope, number > len(villages)))
    serving = [
        (place, office.name)
        for place in (*townships, county) for office in offices.of(place) for _ in offices.DUTIES
    ]  # fmt: skip
    wanted += [
        (f"unit-{number:03}", Role.CADRE, place, False)
        for number, (place, _unit) in enumerate(serving, 1)
    ]
    unit_of = [""] * (len(wanted) - len(serving)) + [unit for _place, unit in serving]
    names = people.names(len(wanted), rng)
    phones = people.phones(len(wanted), rng)
    return [
        Account(make_id(rng), login, name, phone, role, scope, _password(), guide, unit)
        for (login, role, scope, guide), name, phone, unit in zip(
            wanted, names, phones, unit_of, strict=True
        )
    ]


def _spread(households: dict[str, int], cadres: int) -> list[str]:
    """The village of each cadre: at least one each, then to where most households share one."""
    count = dict.fromkeys(sorted(households), 1)
    for _ in range(cadres - len(count)):
        village = max(count, key=lambda code: households[code] / count[code])
        count[village] += 1
    return [village for village, n in count.items() for _ in range(n)]


def _password() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(PASSWORD_LENGTH))


def hashes(accounts: Sequence[Account]) -> list[str]:
    """The passwords' hashes, on all cores: hashing leaves the interpreter's lock."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(lambda account: _hasher.hash(account.password), accounts))


def add(accounts: Sequence[Account], hashed: Sequence[str], since: date) -> None:
    """Put the accounts and their posts into the session."""
    moment = now()
    db.session.add_all(
        User(
            id=a.id, login=a.login, name=a.name, phone=a.phone, password_hash=hash_,
            created_at=moment,
        )
        for a, hash_ in zip(accounts, hashed, strict=True)
    )  # fmt: skip
    db.session.flush()
    db.session.add_all(
        Post(user_id=a.id, role=a.role, jurisdiction_code=a.scope, from_date=since)
        for a in accounts
    )
    db.session.flush()


def save(accounts: Sequence[Account], path: Path) -> Path:
    """Write the list beside `path`, readable by the owner only; rename it once it holds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(path.name + f".{os.getpid()}")
    rows = [
        {"login": a.login, "password": a.password, "role": a.role.value, "scope": a.scope}
        | ({"unit": a.unit} if a.unit else {})
        for a in accounts
    ]
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(rows, file, ensure_ascii=False, indent=1)
        file.write("\n")
    return draft
