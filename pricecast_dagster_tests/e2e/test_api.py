"""The API and the web page before a real Dagster: one training however often it is asked for, and an analyst's way."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from pricecast_dagster.api.application import create_app
from pricecast_dagster.api.services import serving
from pricecast_dagster.orchestration.launch import Dagster, running
from pricecast_dagster.settings import load_settings
from pricecast_dagster.stages.context import open_context
from pricecast_dagster_tests.api.conftest import listening
from pricecast_dagster_tests.shop import Shop, open_shop

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.e2e

CHROMIUM = Path("/usr/bin/chromium")
SECONDS = 120


@dataclass
class Office:
    """A shop, its Dagster, and the API before both."""

    shop: Shop
    dagster: Dagster
    url: str

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """One call."""
        return httpx2.request(method, self.url + path, timeout=SECONDS, trust_env=False, **options)

    def versions(self, sku: str) -> list[str]:
        """Names of a product's model versions."""
        return [version["version"] for version in self.ask("GET", f"/ml/models/{sku}").json()["versions"]]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    os.environ["OMP_NUM_THREADS"] = "1"
    shop = open_shop(tmp_path_factory.mktemp("office"), products=4)
    shop.refresh()
    with running(shop.settings) as dagster:
        settings = load_settings(**shop.settings.model_dump() | {"dagster_url": dagster.url})
        with listening(create_app(serving(open_context(settings)))) as port:
            yield Office(shop, dagster, f"http://127.0.0.1:{port}")


def test_ready_says_that_everything_works(office: Office) -> None:
    office.dagster.wait_until(lambda: office.ask("GET", "/readyz").json()["dagster"] == "ok", "Dagster is not ready", SECONDS)
    found = office.ask("GET", "/readyz")
    assert (found.status_code, found.json()) == (200, {"status": "ready", "database": "ok", "store": "ok", "dagster": "ok"})


def test_twenty_calls_at_once_give_one_run_and_one_version(office: Office) -> None:
    before = office.versions("SKU0001")
    with ThreadPoolExecutor(20) as pool:
        calls = [pool.submit(office.ask, "POST", "/ml/train/SKU0001", params={"optimize": "false"}) for _ in range(20)]
        answers = [call.result() for call in calls]
    assert {answer.status_code for answer in answers} == {202}
    jobs = {answer.json()["job_id"] for answer in answers}
    assert len(jobs) == 1
    waited = office.ask("POST", "/ml/train/SKU0001", params={"wait": "true", "timeout_s": SECONDS})
    assert waited.status_code == 200
    result = waited.json()
    assert result["success"] is True
    assert set(result) >= {"sku", "success", "metrics", "training_samples", "validation_samples", "features_count", "message"}
    assert len(office.dagster.client.runs(tags={"pricecast/sku": "SKU0001"})) == 1
    assert [version for version in office.versions("SKU0001") if version not in before] == [result["version"]]
    job = office.ask("GET", f"/ml/jobs/{jobs.pop()}").json()
    assert (job["status"], job["result"]) == ("succeeded", result)


def test_a_deletion_during_training_wins_and_says_so(office: Office) -> None:
    job = office.ask("POST", "/ml/train/SKU0002").json()
    assert office.ask("DELETE", "/ml/models/SKU0002").status_code == 204
    run = office.dagster.client.run(job["job_id"])
    office.dagster.wait_until(lambda: office.dagster.client.run(run.run_id).finished, "the run does not end", SECONDS)
    found = office.ask("GET", "/ml/models/SKU0002").json()
    assert found["exists"] is False
    assert "nothing retrains it until it is asked for" in found["reason"]
    assert office.ask("GET", "/ml/predict/SKU0002").json()["model_used"].startswith("MovingAverage")
    assert "Nothing retrains SKU0002 until it is asked for: deleted over HTTP" in told_by_the_command_line(office, "SKU0002")
    again = office.ask("POST", "/ml/train/SKU0002", params={"wait": "true", "optimize": "false"}).json()
    assert again["success"] is True
    assert office.ask("GET", "/ml/models/SKU0002").json()["version"] == again["version"]


def told_by_the_command_line(office: Office, sku: str) -> str:
    command = [sys.executable, "-c", "from pricecast_dagster.cli.main import main; main()", "models", "show", sku]
    settings = {"PRICECAST_HOME": office.shop.settings.home, "PRICECAST_SOURCE": office.shop.settings.source, "COLUMNS": "200"}
    done = subprocess.run(command, env={**os.environ, **settings}, capture_output=True, text=True, check=True, timeout=SECONDS)
    return " ".join(done.stdout.split())


@pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium at /usr/bin/chromium: make browser")
def test_an_analyst_finds_a_product_reads_its_chart_and_retrains_it(office: Office, tmp_path: Path) -> None:
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    pictures = Path(os.environ.get("PRICECAST_TEST_PICTURES", tmp_path))
    before = office.versions("SKU0003")
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        page = browser.new_page(locale="pt-BR", viewport={"width": 1200, "height": 900})
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: None if is_ours(request.url, office.url) else complaints.append(request.url))
        page.goto(office.url)
        # By keyboard alone: "/" leads to the search field.
        page.keyboard.press("/")
        page.keyboard.type("sku0003")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="SKU0003").click()
        page.wait_for_selector("#chart .plot-container")
        told = office.ask("GET", "/ml/predict/SKU0003").json()
        assert forecast_in(page) == {"x": told["dates"], "y": told["prices"]}
        assert f"{told['prices'][0]:.2f}".replace(".", ",") in page.inner_text("main")
        page.screenshot(path=pictures / "before.png", full_page=True)
        serious = [fault["id"] for fault in Axe().run(page).response["violations"] if fault["impact"] in ("serious", "critical")]
        assert serious == []
        page.get_by_label("look for a better recipe").uncheck()
        page.get_by_role("button", name="Retrain now").click()
        page.get_by_text("New version").wait_for(timeout=1000 * SECONDS)
        page.screenshot(path=pictures / "retrained.png", full_page=True)
        (new,) = [version for version in office.versions("SKU0003") if version not in before]
        # The word alone: what came of another version may speak of the champion too.
        champion = page.get_by_role("cell", name="champion", exact=True)
        page.locator("tr", has=champion).get_by_text(new).wait_for(timeout=20_000)
        page.set_viewport_size({"width": 390, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.screenshot(path=pictures / "phone.png", full_page=True)
        browser.close()
    assert complaints == []


def is_ours(address: str, url: str) -> bool:
    return address.startswith((f"{url}/", "data:", "blob:"))


def forecast_in(page: "Page") -> dict[str, list[Any]]:
    """The line called Forecast, as the chart has it."""
    script = "JSON.stringify((({x, y}) => ({x, y}))(document.getElementById('chart').data.find(one => one.name === 'Forecast')))"
    found: dict[str, list[Any]] = json.loads(page.evaluate(script))
    return found
