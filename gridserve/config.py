"""The configuration: one frozen object read from the environment at start."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dotenv import dotenv_values

from gridserve.storage import read_address

Network = IPv4Network | IPv6Network

# What a browser takes as the source of a frame: a host with https, without a path.
ORIGIN = re.compile(r"https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")

# Plain http only to the machine itself, where a provider may be tried out.
ISSUER = re.compile(r"(https://[^\s?#@/]+|http://(127\.0\.0\.1|localhost)(:\d+)?)(/[^\s?#]*)?")


class ConfigError(Exception):
    """A variable is missing or cannot be used; the message names it and says how to mend it."""


def _variable(
    name: str, words: str, default: str | None = None, read: Callable[[str], Any] = str
) -> Any:
    metadata = {"variable": name, "help": words, "default": default, "read": read}
    return (
        field(metadata=metadata)
        if default is None
        else field(default_factory=lambda: read(default), metadata=metadata)
    )


def _flag(text: str) -> bool:
    return {"0": False, "1": True}[text]


def _days(text: str) -> Mapping[str, int]:
    """Numbers of days by name, as name=days,name=days."""
    parts = [part.split("=") for part in text.split(",")]
    return MappingProxyType({name.strip(): int(days) for name, days in parts})


# Those of gridserve.permissions, which would bring the database along here (a guard compares them).
ROLES = ("cadre", "dispatcher", "leader", "administrator", "auditor")


def _roles(text: str) -> tuple[str, ...]:
    named = tuple(part.strip() for part in text.split(",") if part.strip())
    if not set(named) <= set(ROLES):
        raise ValueError("not a role")
    return named


def _some_days(text: str) -> Mapping[str, int]:
    return _days(text) if text.strip() else MappingProxyType({})


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in text.split(",") if part.strip())
    if not all(ORIGIN.fullmatch(origin) for origin in origins):
        raise ValueError("not an origin")
    return origins


def _keys(text: str) -> tuple[str, ...]:
    keys = tuple(part.strip() for part in text.split(",") if part.strip())
    if not keys or any(len(key) < 32 for key in keys):
        raise ValueError("not a key")
    return keys


def _networks(text: str) -> tuple[Network, ...]:
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def _issuer(text: str) -> str:
    if text and not ISSUER.fullmatch(text):
        raise ValueError("not an issuer")
    return text


# The tiles of a base map: a host that no placeholder can change, then where the numbers go.
TILES = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[^\s{}#]*(\{(z|x|y|key)\}[^\s{}#]*)*")
TIANDITU = (
    "https://t0.tianditu.gov.cn/{0}_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER={0}"
    "&STYLE=default&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}"
    "&tk={{key}}"
)
# Names of base maps that are known: the ground and the names on it.
KNOWN_MAPS = {"tianditu:vec": ("vec", "cva"), "tianditu:img": ("img", "cia")}
TILE_SYSTEMS = ("wgs84", "cgcs2000", "gcj02")


def _tiles(text: str) -> tuple[str, ...]:
    """The addresses of a base map's layers, the lowest first."""
    if text in KNOWN_MAPS:
        return tuple(TIANDITU.format(layer) for layer in KNOWN_MAPS[text])
    found = tuple(text.split())
    for address in found:
        marks = [address.count("{" + mark + "}") for mark in "zxy"]
        if not TILES.fullmatch(address) or marks != [1, 1, 1]:
            raise ValueError("not an address of tiles")
    if len(found) > 2:
        raise ValueError("more than two layers")
    return found


@dataclass(frozen=True)
class Config:
    """Everything that an installation can set. Each field is one environment variable."""

    database_url: str = _variable(
        "GRIDSERVE_DATABASE_URL", "PostgreSQL with PostGIS, as postgresql+psycopg://user@host/name"
    )
    redis_url: str = _variable(
        "GRIDSERVE_REDIS_URL", "Redis, as redis://host/0 or unix:///path?db=0"
    )
    secret_key: str = _variable(
        "GRIDSERVE_SECRET_KEY", "signs session cookies; at least 32 characters, kept secret"
    )
    data_key: tuple[str, ...] = _variable(
        "GRIDSERVE_DATA_KEY",
        "seals phone numbers and the audit trail; at least 32 characters, kept secret and apart "
        "from the database. Several with commas: the first is used, the others are still known",
        read=_keys,
    )
    blobs: str = _variable(
        "GRIDSERVE_BLOBS", "where pictures lie: a folder, or s3://bucket/prefix?endpoint=https://…"
    )
    data_cipher: str = _variable(
        "GRIDSERVE_DATA_CIPHER",
        "how phone numbers are sealed: aes (AES-256-GCM) or sm4 (SM4-GCM)",
        "aes",
    )
    timezone: str = _variable(
        "GRIDSERVE_TIMEZONE", "IANA zone in which days begin and end", "Asia/Shanghai"
    )
    language: str = _variable("GRIDSERVE_LANGUAGE", "language when nobody asked for one", "zh")
    session_days: int = _variable(
        "GRIDSERVE_SESSION_DAYS",
        "days (1 to 366) after which a sign-in by a phone or a program ends by itself",
        "30",
        int,
    )
    desk_hours: int = _variable(
        "GRIDSERVE_DESK_HOURS", "hours (1 to 720) after which one at a desk ends", "12", int
    )
    desk_idle_minutes: int = _variable(
        "GRIDSERVE_DESK_IDLE_MINUTES",
        "minutes (5 to 1440) without work after which one at a desk ends",
        "60",
        int,
    )
    password_length: int = _variable(
        "GRIDSERVE_PASSWORD_LENGTH", "characters (8 to 64) that a password needs", "10", int
    )
    second_factor: tuple[str, ...] = _variable(
        "GRIDSERVE_SECOND_FACTOR",
        "roles that sign in by password only with a code too; several with commas, or none",
        "administrator",
        _roles,
    )
    secure_cookies: bool = _variable(
        "GRIDSERVE_SECURE_COOKIES", "1 where the site is served over https, else 0", "0", _flag
    )

    embedded_by: tuple[str, ...] = _variable(
        "GRIDSERVE_EMBEDDED_BY",
        "origins, as https://name, whose pages may show ours in a frame; several with commas",
        "",
        _origins,
    )

    oidc_issuer: str = _variable(
        "GRIDSERVE_OIDC_ISSUER",
        "address of the OpenID Connect provider by which people may sign in, as https://name/path",
        "",
        _issuer,
    )
    oidc_client_id: str = _variable("GRIDSERVE_OIDC_CLIENT_ID", "what we are called there", "")
    oidc_client_secret: str = _variable("GRIDSERVE_OIDC_CLIENT_SECRET", "our secret there", "")
    oidc_label: str = _variable(
        "GRIDSERVE_OIDC_LABEL", "what the sign-in page calls the provider", "统一身份认证"
    )
    oidc_claim: str = _variable(
        "GRIDSERVE_OIDC_CLAIM",
        "the claim that holds the login of the account",
        "preferred_username",
    )
    oidc_scope: str = _variable(
        "GRIDSERVE_OIDC_SCOPE", "what is asked for there; openid must be in it", "openid profile"
    )

    basemap: tuple[str, ...] = _variable(
        "GRIDSERVE_BASEMAP",
        "a base map under our own: tianditu:vec, tianditu:img, or an address with {z}, {x} and {y} "
        "(two with a space for a layer of names)",
        "",
        _tiles,
    )
    basemap_key: str = _variable("GRIDSERVE_BASEMAP_KEY", "what {key} stands for in it", "")
    basemap_system: str = _variable(
        "GRIDSERVE_BASEMAP_SYSTEM", "its coordinates: wgs84, cgcs2000 or gcj02", "wgs84"
    )
    basemap_deepest: int = _variable(
        "GRIDSERVE_BASEMAP_DEEPEST", "its deepest zoom (1 to 22)", "18", int
    )
    basemap_credit: str = _variable("GRIDSERVE_BASEMAP_CREDIT", "whose map it is, shown on it", "")
    basemap_approval: str = _variable(
        "GRIDSERVE_BASEMAP_APPROVAL", "its approval number 审图号, shown on it", ""
    )

    proxies: int = _variable(
        "GRIDSERVE_PROXIES", "how many proxies (0 to 5) stand in front and are believed", "0", int
    )

    households_per_cadre: int = _variable(
        "GRIDSERVE_HOUSEHOLDS_PER_CADRE",
        "households (50 to 10000) for one full-time cadre above which the roster warns",
        "500",
        int,
    )

    visit_days: Mapping[str, int] = _variable(
        "GRIDSERVE_VISIT_DAYS",
        "days (1 to 3650) after which a household is due again: ordinary, tagged, or a tag by name",
        "ordinary=180,tagged=30",
        _days,
    )
    workset_days: int = _variable(
        "GRIDSERVE_WORKSET_DAYS",
        "days (1 to 31) for which a phone keeps what it was given to work with",
        "7",
        int,
    )

    document_days: int = _variable(
        "GRIDSERVE_DOCUMENT_DAYS",
        "days (1 to 3660) after which registers, sheets and maps that were made are deleted",
        "366",
        int,
    )

    retention_days: Mapping[str, int] = _variable(
        "GRIDSERVE_RETENTION_DAYS",
        "days (1 to 36500; 0: for good) after which what tells of people goes, by kind, as "
        "notes=1096,positions=366",
        "",
        _some_days,
    )
    request_days: int = _variable(
        "GRIDSERVE_REQUEST_DAYS",
        "days (1 to 90) within which a resident's request is answered",
        "15",
        int,
    )
    appeal_days: int = _variable(
        "GRIDSERVE_APPEAL_DAYS",
        "working days (1 to 60) after a quarter in which a team may object to its comparison",
        "10",
        int,
    )

    reveals_a_day: int = _variable(
        "GRIDSERVE_REVEALS_A_DAY",
        "masked names and numbers (0 to 1000) that somebody may have shown in a day",
        "20",
        int,
    )
    sample_share: float = _variable(
        "GRIDSERVE_SAMPLE_SHARE",
        "share (0 to 1) of the households met in a week that are asked to confirm the visit",
        "0.02",
        float,
    )
    sample_minimum: int = _variable(
        "GRIDSERVE_SAMPLE_MINIMUM",
        "households (0 to 100) of a township and week that are asked at least",
        "3",
        int,
    )

    pooler: bool = _variable(
        "GRIDSERVE_POOLER",
        "1 where a pooler in transaction mode (PgBouncer) stands before the database, else 0",
        "0",
        _flag,
    )
    replica_url: str = _variable(
        "GRIDSERVE_REPLICA_URL",
        "a streaming replica of the database, from which maps and figures are read",
        "",
    )
    log: str = _variable(
        "GRIDSERVE_LOG", "form of the log's lines: text, or json for programs that gather", "text"
    )
    metrics: tuple[Network, ...] = _variable(
        "GRIDSERVE_METRICS",
        "networks from which /metrics may be read, as 10.0.0.0/8; several with commas",
        "",
        _networks,
    )

    private_gateways: bool = _variable(
        "GRIDSERVE_PRIVATE_GATEWAYS",
        "1 where gateways for messages may lie in the own network, else 0",
        "0",
        _flag,
    )

    blobs_key: str = _variable("GRIDSERVE_BLOBS_KEY", "access key of the S3 store", "")
    blobs_secret: str = _variable("GRIDSERVE_BLOBS_SECRET", "secret key of the S3 store", "")

    def __post_init__(self) -> None:
        if len(self.secret_key) < 32:
            raise ConfigError("GRIDSERVE_SECRET_KEY must have at least 32 characters")
        if self.data_cipher not in ("aes", "sm4"):
            raise ConfigError("GRIDSERVE_DATA_CIPHER must be aes or sm4")
        if self.language not in ("zh", "en"):
            raise ConfigError("GRIDSERVE_LANGUAGE must be zh or en")
        if self.log not in ("text", "json"):
            raise ConfigError("GRIDSERVE_LOG must be text or json")
        if not 1 <= self.session_days <= 366:
            raise ConfigError("GRIDSERVE_SESSION_DAYS must be a whole number from 1 to 366")
        if not 1 <= self.desk_hours <= 720:
            raise ConfigError("GRIDSERVE_DESK_HOURS must be a whole number from 1 to 720")
        if not 5 <= self.desk_idle_minutes <= 1440:
            raise ConfigError("GRIDSERVE_DESK_IDLE_MINUTES must be a whole number from 5 to 1440")
        if not 8 <= self.password_length <= 64:
            raise ConfigError("GRIDSERVE_PASSWORD_LENGTH must be a whole number from 8 to 64")
        if any("{key}" in layer for layer in self.basemap) and not self.basemap_key:
            raise ConfigError("GRIDSERVE_BASEMAP needs a key: set GRIDSERVE_BASEMAP_KEY")
        if self.basemap_system not in TILE_SYSTEMS:
            raise ConfigError("GRIDSERVE_BASEMAP_SYSTEM must be wgs84, cgcs2000 or gcj02")
        if not 1 <= self.basemap_deepest <= 22:
            raise ConfigError("GRIDSERVE_BASEMAP_DEEPEST must be a whole number from 1 to 22")
        if not 0 <= self.proxies <= 5:
            raise ConfigError("GRIDSERVE_PROXIES must be a whole number from 0 to 5")
        if not 50 <= self.households_per_cadre <= 10_000:
            raise ConfigError("GRIDSERVE_HOUSEHOLDS_PER_CADRE must be from 50 to 10000")
        if not all(1 <= days <= 3650 for days in self.visit_days.values()):
            raise ConfigError("GRIDSERVE_VISIT_DAYS must give whole numbers of days from 1 to 3650")
        if not 1 <= self.workset_days <= 31:
            raise ConfigError("GRIDSERVE_WORKSET_DAYS must be a whole number from 1 to 31")

        if not 1 <= self.document_days <= 3660:
            raise ConfigError("GRIDSERVE_DOCUMENT_DAYS must be a whole number from 1 to 3660")
        if not all(0 <= days <= 36_500 for days in self.retention_days.values()):
            raise ConfigError("GRIDSERVE_RETENTION_DAYS must give days from 0 to 36500")
        if not 1 <= self.request_days <= 90:
            raise ConfigError("GRIDSERVE_REQUEST_DAYS must be a whole number from 1 to 90")
        if not 1 <= self.appeal_days <= 60:
            raise ConfigError("GRIDSERVE_APPEAL_DAYS must be a whole number from 1 to 60")
        if self.embedded_by and not self.secure_cookies:
            raise ConfigError(
                "GRIDSERVE_EMBEDDED_BY needs https and GRIDSERVE_SECURE_COOKIES=1: "
                "inside another site's page a browser keeps no other cookies"
            )
        if not 0 <= self.reveals_a_day <= 1000:
            raise ConfigError("GRIDSERVE_REVEALS_A_DAY must be a whole number from 0 to 1000")
        if not 0 <= self.sample_share <= 1:
            raise ConfigError("GRIDSERVE_SAMPLE_SHARE must be from 0 to 1")
        if not 0 <= self.sample_minimum <= 100:
            raise ConfigError("GRIDSERVE_SAMPLE_MINIMUM must be a whole number from 0 to 100")
        if self.oidc_issuer and not (self.oidc_client_id and self.oidc_client_secret):
            raise ConfigError(
                "GRIDSERVE_OIDC_ISSUER names a provider of sign-on: set GRIDSERVE_OIDC_CLIENT_ID "
                "and GRIDSERVE_OIDC_CLIENT_SECRET too, as it gave them"
            )
        if "openid" not in self.oidc_scope.split():
            raise ConfigError("GRIDSERVE_OIDC_SCOPE must have openid in it: openid profile")
        try:
            address = read_address(self.blobs)
        except ValueError as error:
            raise ConfigError(f"GRIDSERVE_BLOBS cannot be {self.blobs!r}: {error}") from error
        if not isinstance(address, Path) and not (self.blobs_key and self.blobs_secret):
            raise ConfigError(
                "GRIDSERVE_BLOBS names an S3 store: set GRIDSERVE_BLOBS_KEY and "
                "GRIDSERVE_BLOBS_SECRET too"
            )
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ConfigError(
                f"GRIDSERVE_TIMEZONE: no such zone: {self.timezone!r} (example: Asia/Shanghai)"
            ) from error

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which a day begins and ends."""
        return ZoneInfo(self.timezone)

    @classmethod
    def variables(cls) -> dict[str, str | None]:
        """Each variable's name with its default (None: it must be set)."""
        fields = cls.__dataclass_fields__.values()
        return {f.metadata["variable"]: f.metadata["default"] for f in fields}

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Config:
        """Read the environment, and below it a `.env` file in the working directory."""
        if environ is None:
            dotenv = {k: v for k, v in dotenv_values(".env").items() if v is not None}
            environ = {**dotenv, **os.environ}
        values = {}
        for name, f in cls.__dataclass_fields__.items():
            value = environ.get(f.metadata["variable"], f.metadata["default"])
            if value is None:
                raise ConfigError(
                    f"{f.metadata['variable']} is not set ({f.metadata['help']}). "
                    "`gridserve up` makes its own; on servers set it in the environment."
                )
            try:
                values[name] = f.metadata["read"](value)
            except (ValueError, KeyError) as error:
                shown = "what it is" if f.metadata["read"] is _keys else repr(value)
                raise ConfigError(
                    f"{f.metadata['variable']} cannot be {shown}: {f.metadata['help']}"
                ) from error
        return cls(**values)
