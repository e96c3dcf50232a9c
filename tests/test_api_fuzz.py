"""The API against its own document: no 5xx, no status or shape that the document does not name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gridserve import openapi, people
from gridserve.app import create_app
from gridserve.config import Config
from gridserve.db import db
from gridserve.permissions import Role
from tests.conftest import DATA_KEY, SECRET, own_database
from tests.factories import COUNTY, LONG_AGO, Make

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def fuzzed(app, config) -> Iterator[tuple[object, str]]:
    """An application on data of its own, and a token that may do everything in one county."""
    with own_database(app, config) as own:
        with own.app_context():
            make = Make()
            cell = make.cell()
            user = make.user(Role.CADRE, COUNTY)
            for role in (Role.DISPATCHER, Role.LEADER, Role.ADMINISTRATOR):
                people.appoint(user, role, COUNTY, LONG_AGO)
            make.team([cell], [user])
            household = make.household(cell)
            make.issue(household, user)
            token = Make.token(user)
            db.session.commit()
        yield own, token


@pytest.fixture(scope="module")
def document(fuzzed):
    own, _token = fuzzed
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", own)


def operations() -> list[tuple[str, str]]:
    """Each path and method of the document, but for signing out, which would end the token."""
    unused = Config("postgresql+psycopg://", "redis://", SECRET, (DATA_KEY,), blobs="unused")
    app = create_app(unused)
    with app.app_context():
        paths = openapi.document(app)["paths"]
    found = [(path, method) for path, item in paths.items() for method in item]
    return [(p, m) for p, m in found if m != "parameters" and not p.endswith("/sessions/current")]


@pytest.mark.parametrize(("path", "method"), operations(), ids=lambda part: str(part))
def test_the_api_keeps_to_its_document(path, method, document, fuzzed):
    _own, token = fuzzed

    @settings(
        max_examples=20,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=document[path][method].as_strategy())
    def holds(case):
        # As it is: the caller that schemathesis uses unpacks nothing.
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        case.call_and_validate(headers=headers, checks=CHECKS)

    holds()
