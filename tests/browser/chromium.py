"""How tests start Chromium."""

from __future__ import annotations

import shutil
from typing import Any

# Of several lists of features Chromium takes the last, so that those by which Playwright changes
# what pages do stand here again. The last three are pages that Chromium makes for the address bar
# of each new window, though none is shown: they take a core for a second, and so the test its time.
OFF = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "WebUIOmniboxPopup",
    "WebUIOmniboxFullPopup",
    "WebUIOmniboxAimPopup",
)


def options(*more: str) -> dict[str, Any]:
    """What Playwright is to be given; `more` are arguments of Chromium's."""
    return {
        "executable_path": shutil.which("chromium") or shutil.which("google-chrome"),
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
            f"--disable-features={','.join(OFF)}",
            *more,
        ],
    }
