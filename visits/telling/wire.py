"""Sending one message through one gateway; the only file that knows Apprise.

A gateway may refuse, hang or answer nonsense: each attempt ends within DEADLINE, and gives either
nothing (it was taken) or `Refused`, which holds no part of the address.
"""

from __future__ import annotations

import importlib
import ipaddress
import json
import logging
import re
import sys
import threading
from typing import Any
from urllib.parse import quote, urlsplit

LONGEST_ANSWER = 65_536  # bytes that are looked at
DEADLINE = 20.0  # seconds for one message, whatever the gateway does
# Robots of DingTalk, WeCom, Feishu and Lark; mail; anything that takes a POST, such as a gateway
# for short messages. Apprise knows hundreds more, some of which write to the machine itself.
PLUGINS = {
    "dingtalk": ("dingtalk", "NotifyDingTalk"),
    "wecombot": ("wecombot", "NotifyWeComBot"),
    "feishu": ("feishu", "NotifyFeishu"),
    "lark": ("lark", "NotifyLark"),
    "mailto": ("email", "NotifyEmail"),
    "mailtos": ("email", "NotifyEmail"),
    "json": ("custom_json", "NotifyJSON"),
    "jsons": ("custom_json", "NotifyJSON"),
    "form": ("custom_form", "NotifyForm"),
    "forms": ("custom_form", "NotifyForm"),
}
ROBOTS = frozenset({"dingtalk", "wecombot", "feishu", "lark"})
HOSTS = frozenset(PLUGINS) - ROBOTS
# Parameters by which an address would read files here, send elsewhere or wait for long.
FORBIDDEN = re.compile(
    r"[?&](pgp\w*|wkd|smime\w*|attach[\w-]*|template|tokens|redirect|retry|wait)=", re.IGNORECASE
)
PLACEHOLDER = "{phone}"
# Of a thread that sends, and of no other: its answer, and whether it may go inside.
_seen = threading.local()


class BadAddress(ValueError):
    """An address that cannot be used as a gateway; `why` is a key of words.BAD_ADDRESS."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Refused(Exception):
    """The message was not taken, as far as can be told; says why by a key of words.FAULTS."""


class _Inside(OSError):
    """A gateway that lies in the own network, which this installation does not allow."""


def _guard(event: str, args: tuple[Any, ...]) -> None:
    """Refuse connections into the own network while a message is sent.

    It looks at the address that is really dialled, so neither a redirect nor a name that is
    resolved anew gets around it.
    """
    if event != "socket.connect" or getattr(_seen, "inside_allowed", True):
        return
    address = args[1]
    if not isinstance(address, tuple) or not is_outside(str(address[0])):
        _seen.inside = True
        raise _Inside


def is_outside(address: str) -> bool:
    """Whether an IP address is one of the public internet."""
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    return found.is_global and not found.is_multicast


def check(url: str, *, inside_allowed: bool) -> None:
    """Raise BadAddress where `url` cannot be a gateway."""
    scheme = url.split(":", 1)[0].lower()
    if scheme not in PLUGINS:
        raise BadAddress("scheme")
    if FORBIDDEN.search(url) or not url.isprintable():
        raise BadAddress("parameter")
    if _service(url.replace(PLACEHOLDER, "13800000000")) is None:
        raise BadAddress("form")
    if scheme in HOSTS and not inside_allowed:
        try:
            host = urlsplit(url).hostname or ""
            ipaddress.ip_address(host)
        except ValueError:
            return  # a name: looked at when it is dialled
        if not is_outside(host):
            raise BadAddress("inside")


def shown(url: str) -> str:
    """What people may see of an address: its kind, and the host where that is no secret."""
    scheme = url.split(":", 1)[0].lower()
    host = urlsplit(url).hostname if scheme in HOSTS else None
    return f"{scheme}://{host}/…"[:120] if host else f"{scheme}://…"


def _service(url: str) -> Any:
    """Apprise's object for an address; None where it is not complete.

    Only the plugin wanted is loaded: all of them take a second, and are for places not wanted here.
    """
    import apprise

    place, name = PLUGINS[url.split(":", 1)[0].lower()]
    plugin = getattr(importlib.import_module(f"apprise.plugins.{place}"), name)
    asset = apprise.AppriseAsset(async_mode=False, http_redirects=False, app_id="GridServe")
    try:
        said = plugin.parse_url(url)
        return plugin(asset=asset, **said) if said else None
    except (TypeError, ValueError):
        return None


def post(
    url: str, title: str, body: str, *, phone: str = "", expects: str = "", inside_allowed: bool
) -> None:  # fmt: skip
    """Send a message; raises Refused.

    Runs in a thread that is left behind where it does not end in time: a gateway that sends a byte
    now and then would outlive every time-out of a socket.
    """
    address = url.replace(PLACEHOLDER, quote(phone, safe=""))
    found: list[str | None] = []

    def attempt() -> None:
        _seen.inside_allowed, _seen.inside, _seen.answer = inside_allowed, False, None
        try:
            found.append(_attempt(address, title, body, expects))
        except Exception as error:  # whatever a plugin does, the delivery is tried again
            found.append(f"fault {type(error).__name__}")

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(DEADLINE)
    if not found:
        raise Refused("slow")
    if found[0] is not None:
        raise Refused(found[0])


def _attempt(address: str, title: str, body: str, expects: str) -> str | None:
    """Why the message was not taken; None: it was."""
    _observe()
    service = _service(address)
    if service is None:
        return "unusable"
    taken = service.notify(body=body, title=title)
    if _seen.inside:
        return "inside"
    status, answer = _seen.answer or (None, "")
    if not taken:
        return f"answered {status}" if status else "silent"
    return judge(address.split(":", 1)[0].lower(), answer, expects)


def judge(scheme: str, answer: str, expects: str) -> str | None:
    """Why an answer that came with 200 is none: robots say in the body that they refuse."""
    if expects and expects not in answer:
        return "unexpected"
    if scheme not in ROBOTS:
        return None
    try:
        said = json.loads(answer)
        code = said.get("errcode", said.get("code", said.get("StatusCode")))
    except (ValueError, AttributeError):
        return "unreadable"
    return None if code == 0 else f"refused {str(code)[:12]}"


def _observe() -> None:
    """Guard each connection and keep each answer of the threads that send.

    Apprise says only yes or no, and takes any 200 for a yes. It takes no session of ours, so what
    is replaced is the whole process's; all other threads are let through.
    """
    from requests.adapters import HTTPAdapter

    plain = HTTPAdapter.send
    if getattr(plain, "observed", False):
        return
    sys.addaudithook(_guard)
    for name in ("apprise", "urllib3"):  # their lines hold addresses
        logging.getLogger(name).setLevel(logging.CRITICAL)

    def send(self: HTTPAdapter, request: Any, *args: Any, **kwargs: Any) -> Any:
        response = plain(self, request, *args, **kwargs)
        if not hasattr(_seen, "answer"):  # others of this process want their answer whole
            return response
        # Read here and no more than this: an answer without end would fill the memory.
        response._content = response.raw.read(LONGEST_ANSWER, decode_content=True)
        response._content_consumed = True
        response.close()
        _seen.answer = (response.status_code, response.text)
        return response

    send.observed = True  # type: ignore[attr-defined]
    HTTPAdapter.send = send  # type: ignore[method-assign]
