"""The learning loop through the real daemon: a price moves for good, and nobody has to do anything."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from pricecast_dagster.cli.main import main
from pricecast_dagster.orchestration.client import Run
from pricecast_dagster.orchestration.launch import running
from pricecast_dagster.storage import monitor_passes, registry, requests, served_scores
from pricecast_dagster_tests.e2e.conftest import Watched
from pricecast_dagster_tests.monitoring.living import CALM, SHIFTED, live, noisy_rows, open_with
from pricecast_dagster_tests.shop import Shop

pytestmark = pytest.mark.e2e

LEARNT, SERVED, AFTER = 170, 17, 7
"""Days of the history; served from the command line; after the price has moved for good, before the eyes of the daemon."""

REASON = "retrain request: shift (1)"


def test_from_new_rows_to_a_contest_with_its_reason_and_what_became_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = noisy_rows(LEARNT + SERVED + AFTER, shift_from=LEARNT + SERVED)
    shop = open_with(tmp_path, rows, sensor_seconds=1, check_source_days=10_000)
    live(shop, rows, LEARNT, LEARNT + SERVED, step=4)
    with running(shop.settings) as dagster:
        watched = Watched(shop, dagster)
        watched.wait("no first pass", lambda: _passes(shop) == ["2026-03-06"])
        assert _asked(shop) == []

        shop.rows = rows
        shop.save()
        watched.wait("no contest", lambda: bool(_contests(watched)))
        watched.wait_for_looks()
        (contest,) = _contests(watched)
        assert contest.status == "SUCCESS"
        assert _passes(shop) == ["2026-03-13", "2026-03-06"]
        reports = dagster.client.materializations("monitoring_report")
        assert {report["partition"] for report in reports} <= days_of_now()
        days = [dagster.client.run(report["runId"]).tags["pricecast/monitored_day"] for report in reports]
        assert days == ["2026-03-13", "2026-03-06"]

    with shop.context().database.read() as connection:
        assert {CALM, SHIFTED} == set(served_scores.latest(connection))
        (request,) = requests.listed(connection)
        champions = registry.champions(connection)
        (newest, *_) = registry.versions(connection, SHIFTED)
    assert (request.sku, request.reason) == (SHIFTED, "shift")
    assert contest.tags["pricecast/retrain_requests"] == str(request.id)
    # Whether the new recipe won or lost: what came of the request says so.
    assert request.version == champions[SHIFTED].version
    assert {newest.reason, champions[SHIFTED].reason} == {"retrain request: shift"}
    assert not champions[CALM].reason.startswith("retrain request")

    for name, value in shop.settings.model_dump(mode="json", include={"home", "source"}).items():
        monkeypatch.setenv(f"PRICECAST_{name.upper()}", value)
    told = CliRunner().invoke(main, ["why", SHIFTED]).output
    for link in (
        r"days until 2026-03-13: off by",
        r"2026-03-13  shift: \w+",
        rf"{request.id}  shift: \w+ since .*, answered by {request.version}",
        rf"price_model  {request.version}\n  computed at .* by run {contest.run_id}, because: retrain request: shift",
        rf"{request.version}  champion; trained because: retrain request: shift; {re.escape(champions[SHIFTED].decision)}",
    ):
        assert re.search(link, told), f"{link}\n{told}"


def days_of_now() -> set[str]:
    """Today, and yesterday should midnight have passed meanwhile."""
    now = datetime.now(UTC)
    return {str(now.date()), str((now - timedelta(hours=1)).date())}


def _passes(shop: Shop) -> list[str]:
    with shop.context().database.read() as connection:
        return [str(one.day) for one in monitor_passes.recent(connection, 10)]


def _asked(shop: Shop) -> list[str]:
    with shop.context().database.read() as connection:
        return [one.sku for one in requests.listed(connection)]


def _contests(watched: Watched) -> list[Run]:
    return watched.dagster.client.runs(tags={"pricecast/reason": REASON})
