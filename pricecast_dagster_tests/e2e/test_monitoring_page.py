"""The page of the monitor in a real browser: reached and read by keyboard, on a phone, in the dark, nothing from outside."""

import os
from pathlib import Path

import pytest

from pricecast_dagster.api.application import create_app
from pricecast_dagster.operations import alerting
from pricecast_dagster.operations.monitoring import monitor
from pricecast_dagster.storage import monitor_results, requests
from pricecast_dagster.storage.monitor_results import MonitorResult
from pricecast_dagster_tests.api.conftest import listening, make_api

pytestmark = pytest.mark.e2e

CHROMIUM = Path("/usr/bin/chromium")


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium: make browser")
def test_an_analyst_reads_how_forecasts_did_on_any_screen(tmp_path: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    pictures = Path(os.environ.get("PRICECAST_TEST_PICTURES", tmp_path))
    shop, services = make_api("sqlite", tmp_path)
    for day in range(2):
        for sku in ("SKU0001", "SKU0002"):
            last = float(shop.rows[shop.rows["sku"] == sku]["price"].iloc[-1])
            shop.append_day([sku], price=round((1.02 + day / 100) * last, 2))
        shop.refresh()
        monitor(shop.context())
    with shop.context().database.write() as connection:
        found = MonitorResult("SKU0002", "shift", "the price stays above its forecasts", {}, shop.clock(), None)
        monitor_results.record(connection, [found])
        requests.create(connection, "SKU0002", "by hand", shop.clock())
    alerting.run(shop.context())
    complaints: list[str] = []
    with listening(create_app(services)) as port, sync_playwright() as playwright:
        url = f"http://127.0.0.1:{port}"
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        for scheme, width in (("light", 1200), ("dark", 390)):
            page = browser.new_page(locale="pt-BR", color_scheme=scheme, viewport={"width": width, "height": 900})
            page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda request: None if request.url.startswith(f"{url}/") else complaints.append(request.url))
            page.goto(url)
            page.get_by_role("link", name="Monitoring").focus()
            page.keyboard.press("Enter")
            page.get_by_role("heading", name="Accuracy in service").wait_for()
            assert "the price stays above its forecasts" in page.get_by_role("region", name="Findings").inner_text()
            assert "by hand" in page.get_by_role("region", name="Retrain requests").inner_text()
            assert page.get_by_role("img").count() >= 1
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            faults = Axe().run(page).response["violations"]
            assert [fault["id"] for fault in faults if fault["impact"] in ("serious", "critical")] == []
            page.screenshot(path=pictures / f"monitoring-{scheme}.png", full_page=True)
            page.get_by_role("region", name="Findings").get_by_role("link", name="SKU0002").click()
            page.get_by_role("heading", name="Accuracy in service").wait_for()
            page.close()
        browser.close()
    services.context.database.close()
    assert complaints == []
