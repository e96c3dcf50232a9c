"""The composition root: the only core file that knows the domain packages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import click
from flask import Flask
from flask_babel import lazy_gettext as _l
from werkzeug.middleware.proxy_fix import ProxyFix

import grids.accountpages
import grids.commands
import grids.downloads
import grids.imports
import grids.pages
import grids.routes
import gridserve.documents.pages
import gridserve.documents.routes
import gridserve.documents.work
import gridserve.imports.pages
import gridserve.imports.routes
import gridserve.imports.work
import maps.basemapcheck
import maps.basemaproutes
import maps.coveragefiles
import maps.coveragepages
import maps.pages
import maps.routes
import maps.sheets.kinds
import maps.sheets.pages
import maps.sheets.periodpages
import maps.tileroutes
import maps.weekpages
import visits.announcements.pages
import visits.announcements.routes
import visits.callbacks.commands
import visits.callbacks.jobs
import visits.callbacks.pages
import visits.categories
import visits.categorycommands
import visits.commands
import visits.demo.commands
import visits.division.pages
import visits.division.routes
import visits.gauges
import visits.hints.pages
import visits.hints.routes
import visits.imports
import visits.intake.pages
import visits.intake.residentpages
import visits.intake.routes
import visits.issues.calendarapi
import visits.issues.calendarpages
import visits.issues.categoryapi
import visits.issues.categorypages
import visits.issues.deskpages
import visits.issues.jobs
import visits.issues.pages
import visits.issues.routes
import visits.jobs
import visits.life.pages
import visits.life.routes
import visits.pages
import visits.phone.pages
import visits.photos.jobs
import visits.photos.routes
import visits.requests.pages
import visits.retention.commands
import visits.retention.operations
import visits.retention.pages
import visits.reveals.pages
import visits.reveals.routes
import visits.routes
import visits.staffing.pages
import visits.staffing.routes
import visits.submissions.pages
import visits.submissions.routes
import visits.tablecommands
import visits.telling.jobs
import visits.telling.pages
import visits.telling.routes
import visits.worklog.pages
import visits.worklog.routes
import visits.workset.routes
from grids.models import short_name
from grids.refusals import REFUSALS
from gridserve import (
    audit,
    auditcommands,
    auth,
    backupcommands,
    errors,
    headers,
    i18n,
    keycommands,
    logs,
    metrics,
    nav,
    openapi,
    ownpages,
    pages,
    provider,
    routes,
    usercommands,
)
from gridserve.config import Config
from gridserve.cookies import Sessions
from gridserve.db import PREPARED, REPLICA, db
from gridserve.jobs import Scheduled
from gridserve.permissions import Permission, Role
from visits import due
from visits.labels import category_name, label, tag_label
from visits.photos import tidying
from visits.staffing import warnings

APIS = (
    routes.bp,
    gridserve.imports.routes.bp,
    gridserve.documents.routes.bp,
    grids.routes.bp,
    grids.downloads.bp,
    visits.life.routes.bp,
    visits.staffing.routes.bp,
    visits.division.routes.bp,
    visits.routes.bp,
    visits.photos.routes.bp,
    visits.submissions.routes.bp,
    visits.workset.routes.bp,
    visits.announcements.routes.bp,
    visits.worklog.routes.bp,
    visits.hints.routes.bp,
    visits.reveals.routes.bp,
    visits.intake.routes.bp,
    visits.issues.routes.bp,
    visits.issues.calendarapi.bp,
    visits.telling.routes.bp,
    visits.issues.categoryapi.bp,
    maps.routes.bp,
)
PAGES = (
    routes.system,
    metrics.bp,
    pages.bp,
    ownpages.bp,
    audit.bp,
    gridserve.imports.pages.bp,
    gridserve.documents.pages.bp,
    grids.pages.bp,
    grids.accountpages.bp,
    visits.life.pages.bp,
    visits.division.pages.bp,
    visits.staffing.pages.bp,
    visits.pages.bp,
    visits.phone.pages.bp,
    visits.announcements.pages.bp,
    visits.worklog.pages.bp,
    visits.hints.pages.bp,
    visits.reveals.pages.bp,
    visits.requests.pages.bp,
    visits.retention.pages.bp,
    visits.callbacks.pages.bp,
    visits.intake.pages.bp,
    visits.issues.deskpages.bp,
    visits.submissions.pages.bp,
    visits.intake.residentpages.bp,
    visits.issues.pages.bp,
    visits.issues.calendarpages.bp,
    visits.telling.pages.bp,
    visits.issues.categorypages.bp,
    maps.pages.bp,
    maps.basemaproutes.bp,
    maps.coveragepages.bp,
    maps.weekpages.bp,
    maps.tileroutes.bp,
    maps.sheets.pages.bp,
)
SCHEDULE = (
    *visits.jobs.SCHEDULE,
    *gridserve.imports.work.SCHEDULE,
    *gridserve.documents.work.SCHEDULE,
    *visits.issues.jobs.SCHEDULE,
    *visits.telling.jobs.SCHEDULE,
    *visits.photos.jobs.SCHEDULE,
    *visits.callbacks.jobs.SCHEDULE,
    Scheduled("gridserve.attempts.forget", cron="15 * * * *"),
    Scheduled("visits.retention.operations.nightly", cron="20 4 * * *"),
    Scheduled("gridserve.trail.seal", every=60),
)
# What is stored after `db upgrade` where an installation has none of it yet.
BEGINNINGS = (visits.categories.store_first,)
# What `/metrics` asks of the database.
GAUGES = (metrics.database, metrics.upkeep, visits.gauges.gauges)
# Where `/` sends people: the first role that they hold.
HOMES = (
    (Role.LEADER, "maps.home"),
    (Role.DISPATCHER, "desk.show"),
    (Role.CADRE, "phone.shell"),
    (Role.ADMINISTRATOR, "grids.home"),
    (Role.AUDITOR, "audit.trail"),
)
HOUSEHOLDS = ("visits.listing", "visits.household", "visits.record")
ISSUE = ("issues.show", "issues.act")
LOG = ("worklog.show", "worklog.say")
SHEETS = (
    "sheets.issues",
    "sheets.visits",
    "sheets.monthly",
    "sheets.public",
    "sheets.comparison",
    "sheets.object_to",
)
REFUSED = ("refused.listing", "refused.resolve")
# Endpoint, words, who, and the further pages that belong to this section.
NAV: tuple[tuple[Any, ...], ...] = (
    ("maps.home", _l("Overview"), Permission.FIGURES_READ),
    ("desk.show", _l("Desk"), Permission.ISSUE_DESK, "desk.act", *REFUSED, *ISSUE),
    ("intake.form", _l("Intake"), Permission.ISSUE_DESK, "intake.take"),
    ("phone.shell", _l("My work"), Permission.VISIT_RECORD, *HOUSEHOLDS, *ISSUE, *LOG),
    ("coverage.show", _l("Coverage"), Permission.FIGURES_READ, *HOUSEHOLDS),
    ("maps.aging", _l("Ageing"), Permission.FIGURES_READ, "weeks.show"),
    ("documents.listing", _l("Sheets"), Permission.DOCUMENTS, "documents.show", *SHEETS),
    ("sheets.comparison", _l("My team's quarter"), Permission.VISIT_RECORD),
    ("ground.cells", _l("Map of cells"), Permission.GROUND_READ, "ground.cell"),
    ("issues.listing", _l("Issues"), Permission.ISSUE_READ, *ISSUE),
    (
        "announcements.listing",
        _l("Announcements"),
        Permission.ANNOUNCE,
        "announcements.new",
        "announcements.make",
        "announcements.show",
        "announcements.act",
        "announcements.households",
    ),
    (
        "hints.listing",
        _l("Visits to look at"),
        Permission.VISIT_REVIEW,
        "hints.act",
        "callbacks.listing",
        "callbacks.act",
    ),
    (
        "requests.listing",
        _l("Residents' requests"),
        Permission.REQUESTS,
        "requests.show",
        "requests.form",
        "requests.take",
        "requests.decide",
    ),
    ("intake.complaints", _l("Complaints"), Permission.ISSUE_COMPLAINTS),
    (
        "staffing.teams",
        _l("Roster"),
        Permission.GROUND_READ,
        "staffing.team",
        "staffing.change",
        "staffing.make",
        "staffing.person",
        "staffing.say",
    ),
    ("calendar.show", _l("Calendar"), Permission.CALENDAR_WRITE),
    ("telling.keep", _l("Messages"), Permission.GATEWAY),
    (
        "categories.listing",
        _l("Catalogue"),
        Permission.CATEGORY_WRITE,
        "categories.show",
        "categories.new",
        "categories.make",
        "categories.change",
    ),
    ("grids.home", _l("Ground"), Permission.GROUND_WRITE, "division.start", "division.draft"),
    (
        "accounts.listing",
        _l("Accounts"),
        Permission.ACCOUNTS,
        "accounts.new",
        "accounts.make",
        "accounts.show",
        "accounts.act",
    ),
    ("imports.listing", _l("Imports"), Permission.IMPORT, "imports.show"),
    ("reveals.listing", _l("Numbers shown"), Permission.REVEAL_REVIEW),
    ("retention.listing", _l("Periods of keeping"), Permission.RETENTION_READ),
    ("audit.trail", _l("Audit trail"), Permission.AUDIT_READ),
)
# What can be made as a document, in the order in which it is offered.
DOCUMENTS = (*maps.sheets.kinds.KINDS, *maps.coveragefiles.KINDS)
# What may be imported as a file, in the order in which it is offered.
IMPORTS = (*visits.imports.KINDS, *grids.imports.KINDS)
COMMANDS: tuple[click.Command, ...] = (
    *backupcommands.COMMANDS,
    *usercommands.COMMANDS,
    *auditcommands.COMMANDS,
    *keycommands.COMMANDS,
    *grids.commands.COMMANDS,
    *visits.commands.COMMANDS,
    *visits.tablecommands.COMMANDS,
    *visits.retention.commands.COMMANDS,
    *visits.categorycommands.COMMANDS,
    *visits.callbacks.commands.COMMANDS,
    *visits.demo.commands.COMMANDS,
)
LARGEST_BODY = 4 * 1024 * 1024
# How the database is spoken to.
ENGINE: dict[str, Any] = {
    # One for each thread of a process, kept: what is over the pool's size is closed after
    # each use, and opening costs more than storing a visit. The last used comes first.
    "pool_size": 16,
    "max_overflow": 4,
    "pool_use_lifo": True,
    "hide_parameters": True,  # a fault's words stand in the log: no names, no phones
}
# Times go over the wire in UTC, whatever the server's own zone.
DIRECT = {"options": "-c timezone=UTC", "connect_timeout": 5, **PREPARED}
# A pooler hands each transaction to another connection, on which nothing was prepared; the zone is
# set after connecting (gridserve/db.py), since poolers refuse options.
POOLED = {"prepare_threshold": None, "connect_timeout": 5}


def create_app(config: Config | None = None) -> Flask:
    """Build the application from `config`, or from the environment."""
    config = config or Config.from_env()
    due.check(config)
    visits.retention.operations.periods(config)
    engine = {**ENGINE, "connect_args": POOLED if config.pooler else DIRECT}
    app = Flask("gridserve")
    app.extensions["gridserve"] = config
    app.session_interface = Sessions()
    app.config.update(
        SECRET_KEY=config.secret_key,
        SQLALCHEMY_DATABASE_URI=config.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=engine,
        SQLALCHEMY_BINDS={REPLICA: {"url": config.replica_url, **engine}}
        if config.replica_url
        else {},
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        PERMANENT_SESSION_LIFETIME=timedelta(days=config.session_days),
        # The sign-in ends on a fixed day, and so may its cookie: it need not ride on each answer.
        SESSION_REFRESH_EACH_REQUEST=False,
        SESSION_COOKIE_HTTPONLY=True,
        # In a frame of somebody else a cookie is kept only so, and counts with that one alone.
        SESSION_COOKIE_SAMESITE="None" if config.embedded_by else "Lax",
        SESSION_COOKIE_PARTITIONED=bool(config.embedded_by),
        SESSION_COOKIE_SECURE=config.secure_cookies,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session lasts
    )
    if config.proxies:
        n = config.proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)  # type: ignore[method-assign]
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    db.init_app(app)
    logs.init_app(app)
    metrics.init_app(app)
    errors.init_app(app)
    i18n.init_app(app)
    auth.init_app(app)
    provider.init_app(app)
    nav.init_app(app)
    app.jinja_env.filters.update(
        label=label,
        tag_label=tag_label,
        category_name=category_name,
        short_name=short_name,
        no_longer_kept=tidying.no_longer_kept,
    )
    headers.init_app(app)

    openapi.init_app(app, APIS)
    for page in PAGES:
        app.register_blueprint(page)
    app.extensions["gridserve.schedule"] = SCHEDULE
    app.extensions["gridserve.gauges"] = GAUGES
    app.extensions["gridserve.beginnings"] = BEGINNINGS
    app.extensions["gridserve.homes"] = HOMES
    app.extensions["gridserve.basemap_check"] = maps.basemapcheck.check
    app.extensions["gridserve.nav"] = NAV
    app.extensions["gridserve.warnings"] = (warnings.warnings, warnings.WORDS)
    app.extensions["gridserve.refusals"] = REFUSALS
    app.extensions["gridserve.documents"] = {kind.key: kind for kind in DOCUMENTS}
    app.extensions["gridserve.imports"] = {kind.key: kind for kind in IMPORTS}
    return app
