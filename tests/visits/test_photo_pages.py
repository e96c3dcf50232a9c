"""Pictures on the pages of an issue and of a household, and the signed sheet that a desk adds."""

from __future__ import annotations

import io
import re
import uuid

import pytest

from gridserve.permissions import Role
from tests.pictures import SCRIPT, jpeg, sha
from tests.visits.test_photos import put, visit

PAGE = {"Accept": "text/html"}


@pytest.fixture
def closed(make, as_user):
    """A phone, a desk, and the address of an issue that was settled on the spot with two photos."""
    cell = make.cell()
    phone, home = as_user(make.cadre([cell])), make.household(cell)
    make.category()
    said = {
        "id": str(uuid.uuid4()), "category": "facility.road", "words": "路灯不亮",
        "household_id": str(home.id), "photos": [sha(jpeg(1)), sha(jpeg(2))],
        "settled": {"result": "已修", "answer": "已告知"},
    }  # fmt: skip
    assert phone.post("/api/v1/issues", json=said).status_code == 201
    return phone, as_user(make.user(Role.DISPATCHER)), f"/issues/{said['id']}", home


def shown(page: str) -> list[tuple[str, str]]:
    """The pictures of a page: address and words for those who do not see them."""
    return re.findall(r'<img src="/api/v1/photos/(\w+)\?size=thumb" alt="([^"]+)"', page)


def test_pages_show_what_has_arrived_and_what_is_on_its_way(closed):
    phone, desk, address, home = closed
    phone.post("/api/v1/visits", json=visit(home, sha(jpeg(1)), sha(jpeg(3))))
    put(phone, jpeg(1))
    page = desk.get(f"{address}?lang=zh", headers=PAGE).text
    assert shown(page) == [(sha(jpeg(1)), "照片 1/2：路灯不亮")]
    assert page.count("照片上传中") == 1
    page = phone.get(f"/households/{home.id}?lang=zh", headers=PAGE).text
    assert [one for one, _words in shown(page)] == [sha(jpeg(1))]
    assert page.count("照片上传中") == 1
    put(phone, jpeg(2))
    assert len(shown(desk.get(address, headers=PAGE).text)) == 2


def test_a_desk_adds_the_signed_sheet_to_an_evaluation(closed):
    _phone, desk, address, _home = closed
    sheet = jpeg(7, (1200, 900))

    def evaluate(data: bytes, way: str = "signature"):
        form = {
            "id": str(uuid.uuid4()), "action": "evaluate", "seen": "1", "rating": "satisfied",
            "way": way, "signature": (io.BytesIO(data), "sheet.jpg"),
        }  # fmt: skip
        return desk.post(f"{address}?lang=zh", data=form, headers=PAGE)

    without = evaluate(b"")
    assert (without.status_code, "附上签字单的照片" in without.text) == (422, True)
    script = evaluate(SCRIPT)
    assert (script.status_code, "这不是照片" in script.text) == (415, True)
    assert evaluate(sheet).status_code == 302
    page = desk.get(address, headers=PAGE).text
    assert shown(page)[-1] == (sha(sheet), "群众签字")
