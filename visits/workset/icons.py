"""The pictures by which categories are chosen without reading: gridserve/static/phone/icons.svg.

Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

OTHER = "other"
# By category of the catalogue that an installation starts with; what is not named has the picture
# of the category above it.
ICONS = {
    "welfare": "help",
    "welfare.allowance": "money", "welfare.disaster": "warning", "welfare.elderly": "elderly",
    "welfare.age": "elderly", "welfare.children": "child", "welfare.disability": "wheelchair",
    "welfare.marriage": "paper", "welfare.burial": OTHER, "welfare.certificate": "paper",
    "labour": "job",
    "labour.pension": "elderly", "labour.alive": "paper", "labour.pay": "money",
    "labour.card": "paper", "labour.injury": "medical",
    "farming": "farm",
    "farming.subsidy": "money", "farming.card": "money", "farming.homestead": "house",
    "farming.dilapidated": "house", "farming.poverty": "help",
    "health": "medical",
    "health.birth": "child", "health.mother": "child", "health.assistance": "money",
    "dispute": "quarrel",
    "dispute.traffic": "traffic", "dispute.wages": "money", "dispute.debt": "money",
    "dispute.village": "paper", "dispute.water": "water", "dispute.homestead": "house",
    "society": OTHER,
    "facility": "road",
    "facility.streetlight": "streetlight", "facility.drain": "water", "facility.building": "house",
    "facility.public": OTHER,
    "water": "water",
    "power": "power",
    "environment": "rubbish",
    "environment.pollution": "noise", "environment.straw": "fire", "environment.river": "water",
    "safety": "warning",
    "safety.fire": "fire", "safety.forestfire": "fire", "safety.flood": "water",
    "safety.drowning": "water", "safety.traffic": "traffic", "safety.selfbuilt": "house",
    "order": "shield",
    "order.household": "paper", "order.building": "house", "order.rental": "house",
    "education": "school",
    "conduct": OTHER,
    "policy": "paper",
}  # fmt: skip


def icon_of(code: str, above: Mapping[str, str | None]) -> str:
    """The picture of a category, or of the nearest one above it that has one.

    `above` gives the code of the category above each.
    """
    seen: set[str] = set()
    here: str | None = code
    while here is not None and here not in seen:
        if here in ICONS:
            return ICONS[here]
        seen.add(here)
        here = above.get(here)
    return OTHER
