"""The OpenAPI 3.1 document: what smorest gathers, completed with the problems of each endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Flask
from flask_smorest import Api, Blueprint

from gridserve import __version__
from gridserve.http import API, ProblemSchema

_INTRODUCTION = (
    "Sign in with `POST /sessions` and send the token as `Authorization: Bearer …`. Times carry an "
    "offset. Ids come from the client: sending the same again is harmless, the answer the same. "
    "Lists answer `items` and `next`; follow `next` as it is given. Errors are RFC 9457 problems "
    "with a stable `code`. Coordinates in answers are WGS 84."
)
_WORDS = {
    400: "The request cannot be read.",
    401: "Nobody is signed in.",
    403: "No post of the caller allows it.",
    404: "Not there, or not in the caller's scope.",
    409: "It does not fit what is stored, or somebody was faster.",
    408: "The body did not arrive whole.",
    412: "It has changed since the caller saw it (If-Match).",
    413: "The body is too large.",
    415: "The body is not of the kind that is wanted.",
    422: "Some values cannot be used; `errors` names them.",
    429: "Too many attempts.",
    503: "Not available for a moment; nothing was lost, try again.",
}


class _Gathered(Api):
    """What smorest gathers of blueprints that serve already; their errors are `gridserve.errors`'.

    Only whoever reads the document pays for it: it is most of the work of making the application.
    """

    ERROR_SCHEMA = ProblemSchema

    def _register_error_handlers(self) -> None:
        """Leave errors to `gridserve.errors`."""

    def gather(self, blueprint: Blueprint) -> None:
        blueprint.register_views_in_doc(
            self, self._app, self.spec, name=blueprint.name, parameters=None
        )
        self.spec.tag({"name": blueprint.name, "description": blueprint.description})


def init_app(app: Flask, apis: Sequence[Blueprint]) -> None:
    """Serve `apis`, which the document is about."""
    app.config.update(
        API_TITLE="GridServe",
        API_VERSION=__version__,
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX=None,
    )
    for blueprint in apis:
        app.register_blueprint(blueprint)
    app.extensions["gridserve.apis"] = apis


def _statuses(app: Flask, path: str, method: str, operation: dict[str, Any]) -> set[int]:
    """The problems that one operation can answer with, read off how it is built."""
    rule = path.replace("{", "<").replace("}", ">")
    view = next(
        app.view_functions[r.endpoint]
        for r in app.url_map.iter_rules()
        if method.upper() in (r.methods or ()) and _plain(str(r)) == rule
    )
    found = {422, 503}
    if getattr(view, "access", None) != "public":
        found |= {401, 403}
    reads = method in ("get", "head")
    if "{" in path or not reads:
        found |= {404}
    if "requestBody" in operation:
        found |= {400, 408, 409, 413, 415}
    elif not reads:
        found |= {400, 409}
    if method == "patch":
        found |= {412}
    if path.endswith(("/sessions", "/me/password")):
        found |= {401, 429}
    return found


def _plain(rule: str) -> str:
    """`/cells/<string:code>` → `/cells/<code>`."""
    parts = rule.split("<")
    return parts[0] + "".join("<" + p.split(":", 1)[-1] for p in parts[1:])


def document(app: Flask) -> dict[str, Any]:
    """The whole document, with security and problems of each operation filled in."""
    if "gridserve.document" not in app.extensions:
        app.extensions["gridserve.document"] = _made(app)
    found: dict[str, Any] = app.extensions["gridserve.document"]
    return found


def _made(app: Flask) -> dict[str, Any]:
    api = _Gathered(app)
    api.spec.components.security_scheme(
        "token", {"type": "http", "scheme": "bearer", "description": "from POST /sessions"}
    )
    for blueprint in app.extensions["gridserve.apis"]:
        api.gather(blueprint)
    spec: dict[str, Any] = api.spec.to_dict()
    spec["info"]["license"] = {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    spec["info"]["description"] = _INTRODUCTION
    # Blueprints' names have to differ from those of the pages; people read the descriptions.
    names = {tag["name"]: tag["description"] for tag in spec["tags"]}
    spec["tags"] = [{"name": name} for name in names.values()]
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            if method not in ("get", "head", "post", "put", "patch", "delete"):
                continue
            operation["tags"] = [names[tag] for tag in operation["tags"]]
            answers = operation.setdefault("responses", {})
            for added in ("default", "422"):  # smorest's own, which are not problem+json
                answers.pop(added, None)
            for status in sorted(_statuses(app, path, method, operation)):
                answers.setdefault(str(status), {"description": _WORDS[status], "content": problem})
            if "401" in answers and not path.endswith(f"{API}/sessions"):
                operation["security"] = [{"token": []}]
    return spec
