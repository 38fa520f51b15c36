"""Takes the pictures of the README from a running demo, with a headless Chromium.

make demo PORT=3100          # in another terminal
.venv/bin/python docs/screenshots.py --ui http://127.0.0.1:3100
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path

IMAGES = Path(__file__).with_name("images")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
#: Milliseconds of page time: the UI draws what its queries bring, and the graph after that.
DRAWING = 25_000
LATEST_MONTH = """{
  assetNodeOrError(assetKey: {path: ["hitss", "dre_summary"]}) {
    ... on AssetNode {assetMaterializations(limit: 50) {partition}}
  }
}"""


def latest_month(ui: str) -> str:
    """The newest month of the DRE that the demo has loaded, as a partition key."""
    request = urllib.request.Request(  # noqa: S310 - the address is the caller's own
        f"{ui}/graphql",
        data=json.dumps({"query": LATEST_MONTH}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        node = json.load(answer)["data"]["assetNodeOrError"]
    return max(one["partition"] for one in node["assetMaterializations"] if one["partition"])


def take(browser: str, url: str, name: str, *, width: int, height: int) -> None:
    """Write `images/<name>.png`, a picture of a page that had time to draw itself."""
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(  # noqa: S603 - the browser that was found, and an address of the caller
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--no-first-run",
                "--hide-scrollbars",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
                f"--virtual-time-budget={DRAWING}",
                f"--screenshot={IMAGES / name}.png",
                url,
            ],
            check=True,
            capture_output=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ui", default="http://127.0.0.1:3000", help="address of the running Dagster UI")
    ui = parser.parse_args().ui.rstrip("/")
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None:
        parser.exit(1, f"None of {', '.join(BROWSERS)} is installed.\n")
    IMAGES.mkdir(exist_ok=True)
    group = f"{ui}/locations/__repository__@sync_pipelines/asset-groups/hitss/lineage"
    take(browser, group, "lineage", width=1500, height=700)
    month = latest_month(ui)
    take(
        browser,
        f"{ui}/assets/hitss/dre_summary?partition={month}&view=partitions",
        "month",
        width=1300,
        height=1000,
    )


if __name__ == "__main__":
    main()
