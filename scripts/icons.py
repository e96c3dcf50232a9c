"""Draw the icons of the phone's start screen from gridserve/static/mark.svg."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

STATIC = Path(__file__).resolve().parent.parent / "gridserve" / "static"
# file → (pixels, share of the edge that the mark takes: a maskable one may be cut to a circle)
ICONS = {"192": (192, 1.0), "512": (512, 1.0), "maskable": (512, 0.72)}


def main() -> None:
    mark = (STATIC / "mark.svg").read_text()
    folder = STATIC / "phone" / "icons"
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=["--no-sandbox"],
        )
        for name, (pixels, share) in ICONS.items():
            page = browser.new_page(viewport={"width": pixels, "height": pixels})
            ground = "transparent" if share == 1 else "#f5f3ec"
            page.set_content(
                f"<style>html {{ background: {ground} }} body {{ margin: 0; display: grid; "
                f"place-items: center; height: 100vh }} svg {{ width: {share:.0%} }}</style>{mark}"
            )
            page.screenshot(path=folder / f"{name}.png", omit_background=True)
        browser.close()


if __name__ == "__main__":
    main()
