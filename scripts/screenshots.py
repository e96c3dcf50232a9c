"""Make the pictures of the README from a running demonstration (`make demo`)."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Error, Page, Route, sync_playwright

ROOT = Path(__file__).parents[1]
PICTURES = {
    "coverage.png": "/maps/coverage?by=cell&days=180",
    "aging.png": "/maps/aging",
}


def take(page: Page, site: str, account: dict[str, str], folder: Path) -> None:
    """Sign in as `account` and write one picture for each page."""
    page.goto(f"{site}/login?lang=zh")
    page.fill("#login", account["login"])
    page.fill("#password", account["password"])
    page.click("main button[type=submit]")
    page.wait_for_url(f"{site}/overview")
    for name, path in PICTURES.items():
        page.goto(site + path, wait_until="networkidle")
        page.wait_for_selector(".leaflet-control-scale")
        page.screenshot(path=folder / name)
        print(folder / name)


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
        except Error as error:
            print(f"{site}: {error.message}\nIs `make demo` running there?", file=sys.stderr)
            return 1
        finally:
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
