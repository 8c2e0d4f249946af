"""A person before Dagster's web page: choosing partitions, launching, reading why something was computed.

Belongs here: what is clicked and read, by role and text. Not here: what should come of it (`scenario`). Pictures of each page are
left in the folder the caller names.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pricecast_dagster.orchestration.client import LOCATION
from pricecast_dagster.orchestration.specs import GROUP

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

CHROMIUM = Path("/usr/bin/chromium")
MILLISECONDS = 60_000
NAMED = 10
"""So many chosen partitions the dialog may name instead of counting them."""

_DOT = """line => {
  for (let row = line; row; row = row.parentElement)
    for (const part of row.querySelectorAll("*")) {
      const style = getComputedStyle(part), box = part.getBoundingClientRect();
      if (box.width > 4 && box.width < 17 && box.width === box.height && style.borderRadius !== "0px")
        return style.backgroundColor;
    }
  return "";
}"""
"""The colour of the round mark in the line of a partition."""


class Browser:
    """One window on Dagster's web page."""

    def __init__(self, page: "Page", url: str, pictures: Path) -> None:
        self.page = page
        self.url = url
        self.pictures = pictures

    def backfill(self, keys: Sequence[str], beginning: str = "") -> None:
        """Choose partitions of all assets in the lineage's dialog, those that begin so at once and the others singly; launch."""
        self.page.goto(f"{self.url}/locations/{LOCATION}/asset-groups/{GROUP}/lineage")
        self.page.get_by_role("button", name="Materialize all").first.click()
        dialog = self._choose(keys, beginning)
        if len(keys) > NAMED:
            dialog.get_by_text(f"{len(keys)} partitions selected").wait_for()
        self._picture(f"backfill-of-{len(keys)}")
        dialog.get_by_role("button", name="Launch backfill").click()
        self.page.get_by_role("dialog").first.wait_for(state="detached")

    def materialize(self, asset: str, key: str, config: str) -> None:
        """Choose one partition of one asset, with run config, and launch."""
        self.page.goto(f"{self.url}/assets/{asset}?view=partitions")
        self.page.get_by_role("button", name="Materialize…").click()
        dialog = self._choose([key])
        dialog.get_by_text("Config", exact=True).click()
        dialog.get_by_role("button", name="Add config").click()
        self.page.get_by_text("Config Editor").wait_for()
        self.page.locator(".CodeMirror").last.click()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(config)
        self._picture("config")
        self.page.get_by_text("No errors").wait_for()
        self.page.get_by_role("button", name="Save config").click()
        dialog.get_by_role("button", name="Launch 1 run").click()

    def partition(self, asset: str, key: str) -> str:
        """What the page says of one partition: the colour in the list, then the pane's state, marks, and why it was computed."""
        self.page.goto(f"{self.url}/assets/{asset}?view=partitions")
        self.page.get_by_role("textbox", name="Filter by name…").fill(key)
        line = self.page.get_by_text(key, exact=True).first
        line.click()
        reason = self.page.get_by_role("row", name="reason")
        reason.first.wait_for()
        self._picture(f"partition-{asset}-{key}")
        # What stands beside the heading comes later than the table.
        self.page.wait_for_timeout(1500)
        text = self.page.locator("body").inner_text()
        return " ".join([_named(line.evaluate(_DOT)), *text[text.rindex("Missing (") :].split()])

    def _choose(self, keys: Sequence[str], beginning: str = "") -> "Locator":
        dialog = self.page.get_by_role("dialog").first
        dialog.get_by_text("Select a partition or create one").click()
        search = self.page.get_by_role("textbox", name="Filter partitions")
        if beginning:
            # Takes the place of what was chosen before, so it comes first and once.
            search.fill(beginning)
            self.page.get_by_role("menuitem", name="Select all").click()
        for key in keys:
            if not (beginning and key.startswith(beginning)):
                search.fill(key)
                self.page.get_by_role("menuitem", name=key).first.click()
        search.press("Escape")
        return dialog

    def _picture(self, name: str) -> None:
        self.page.screenshot(path=self.pictures / f"{name}.png")


def _named(colour: str) -> str:
    """Red or green, whichever there is more of; what the browser says where there is no colour."""
    parts = [float(part) for part in re.findall(r"[0-9.]+", colour)]
    return colour if len(parts) < 3 or parts[0] == parts[1] else ("red" if parts[0] > parts[1] else "green")


@contextmanager
def browsing(url: str, pictures: Path) -> Iterator[Browser]:
    """Debian's Chromium on a webserver."""
    from playwright.sync_api import sync_playwright

    pictures.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(MILLISECONDS)
        try:
            yield Browser(page, url, pictures)
        finally:
            page.screenshot(path=pictures / "last.png")
            chromium.close()
