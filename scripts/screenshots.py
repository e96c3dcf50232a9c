"""Make the pictures of the README from a running demonstration (`make demo`)."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Error, Page, Route, sync_playwright

ROOT = Path(__file__).parents[1]
VILLAGE = "530626101204"  # whose first cell the picture of a split shows
PICTURES = {
    "coverage.png": "/maps/coverage?by=cell&days=180",
    "aging.png": "/maps/aging",
}


def sign_in(page: Page, site: str, account: dict[str, str]) -> None:
    """Sign in as `account`, in Chinese."""
    page.goto(f"{site}/login?lang=zh")
    page.fill("#login", account["login"])
    page.fill("#password", account["password"])
    page.click("main button[type=submit]")
    page.wait_for_load_state("load")


def take(page: Page, site: str, account: dict[str, str], folder: Path) -> None:
    """Sign in as `account` and write one picture for each page."""
    sign_in(page, site, account)
    for name, path in PICTURES.items():
        page.goto(site + path, wait_until="networkidle")
        page.wait_for_selector(".leaflet-control-scale")
        page.screenshot(path=folder / name)
        print(folder / name)


def take_split(page: Page, site: str, account: dict[str, str], folder: Path) -> None:
    """Draw a line through a cell and picture what would happen; nothing is stored."""
    sign_in(page, site, account)
    page.goto(f"{site}/maps/cells?jurisdiction={VILLAGE}", wait_until="networkidle")
    page.click("[data-tool=split]")
    page.locator("#cell-list input").first.check()
    page.locator("#map").scroll_into_view_if_needed()
    box = page.locator("#map").bounding_box()
    if box is None:
        raise Error("the map is not shown")
    x, y = box["x"] + box["width"] / 2, box["y"]
    for dx, share in ((0, 0.04), (-24, 0.5), (12, 0.96)):
        page.mouse.click(x + dx, y + share * box["height"])
        page.wait_for_timeout(400)  # two taps at once would be a double one
    page.click("#task-look")
    page.wait_for_selector("#task-result")
    page.screenshot(path=folder / "split.png")
    print(folder / "split.png")


def main() -> int:
    """Read the arguments, take the pictures; 1 where the demonstration cannot be reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8000")
    parser.add_argument("accounts", nargs="?", type=Path, default=ROOT / "var/demo-accounts.json",
                        help="file of the demonstration's accounts")  # fmt: skip
    parser.add_argument("--folder", type=Path, default=ROOT / "docs" / "images")
    args = parser.parse_args()
    site = args.url.rstrip("/")
    try:
        accounts = json.loads(args.accounts.read_text(encoding="utf-8"))
    except OSError as error:
        print(f"{error}. `make demo` writes this file; start it first.", file=sys.stderr)
        return 1
    leader = next(account for account in accounts if account["role"] == "leader")
    admin = next(account for account in accounts if account["role"] == "administrator")
    args.folder.mkdir(parents=True, exist_ok=True)

    def only_here(route: Route) -> None:
        if route.request.url.startswith(f"{site}/"):
            route.continue_()
        else:
            route.abort()

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.route("**/*", only_here)
        try:
            take(page, site, leader, args.folder)
            page.context.clear_cookies()
            take_split(page, site, admin, args.folder)
        except Error as error:
            print(f"{site}: {error.message}\nIs `make demo` running there?", file=sys.stderr)
            return 1
        finally:
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
