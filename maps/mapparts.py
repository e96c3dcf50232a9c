"""What a page needs of a map; without Folium, which only those load who draw one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup


@dataclass(frozen=True)
class MapParts:
    """The pieces of a map for a page: addresses of files, markup, and the text of a module script.

    `script` goes into `<script type="module" nonce=…>` after `scripts`; it and `html` are safe as
    they stand. `counts` says how many rows fell into each class; `missing` names the areas without
    a boundary, which are in no layer.
    """

    styles: tuple[str, ...]
    scripts: tuple[str, ...]
    html: Markup
    script: Markup
    counts: dict[str, int] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    imports: Mapping[str, str] = field(default_factory=dict)  # names of modules → addresses
    modules: tuple[str, ...] = ()  # of ours, which would be found one after the other
    data: str | None = None  # what the script asks first
