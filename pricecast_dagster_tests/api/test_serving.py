"""Reading: always what is in force, and cheaply so."""

import asyncio
import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from pricecast_dagster.api.predictions import Predictions
from pricecast_dagster.operations import models
from pricecast_dagster_tests.api.conftest import YOUNG, Api


def test_an_unchanged_forecast_is_answered_without_a_body(api: Api) -> None:
    first = api.client.get("/ml/predict/SKU0001")
    tag = first.headers["etag"]
    again = api.client.get("/ml/predict/SKU0001", headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    other = api.client.get("/ml/predict/SKU0001", params={"days_ahead": 3}, headers={"If-None-Match": tag})
    assert other.status_code == 200


def test_new_rows_make_it_stale_at_once_and_a_refresh_fresh(api: Api) -> None:
    before = api.client.get("/ml/predict/SKU0001")
    api.shop.append_day(["SKU0001"], price=99.0)
    api.shop.refresh(stages=frozenset({"raw_history"}))
    stale = api.answer("SKU0001", lambda forecast: forecast["stale"] is True)
    assert stale.json()["prices"] == before.json()["prices"]
    assert stale.headers["etag"] != before.headers["etag"]
    api.shop.refresh()
    fresh = api.answer("SKU0001", lambda forecast: forecast["stale"] is False)
    assert fresh.json()["origin"] == "2026-05-31"
    assert fresh.headers["etag"] not in (before.headers["etag"], stale.headers["etag"])


def test_a_rollback_is_seen_by_the_next_call(api: Api) -> None:
    first = api.client.get("/ml/predict/SKU0001", params={"days_ahead": 30}).json()["model_used"]
    api.shop.append_day(["SKU0001"])
    api.shop.refresh()
    second = api.answer("SKU0001", lambda forecast: forecast["model_used"] != first, days_ahead=30).json()["model_used"]
    answer = api.client.post("/ml/models/SKU0001/rollback")
    assert answer.status_code == 200
    assert answer.json()["version"] == first.removeprefix("LightGBM_v")
    assert answer.json()["version_before"] == second.removeprefix("LightGBM_v")
    for days in (14, 30):
        assert api.client.get("/ml/predict/SKU0001", params={"days_ahead": days}).json()["model_used"] == first
    to = api.client.post("/ml/models/SKU0001/rollback", json={"version": second.removeprefix("LightGBM_v")})
    assert to.json()["model_used"] == second
    assert api.client.post("/ml/models/SKU0001/rollback", json={"version": "20200101T000000Z"}).status_code == 404


def test_a_rollback_in_another_process_is_seen_too(api: Api) -> None:
    first = api.client.get("/ml/predict/SKU0001").json()["model_used"]
    api.shop.append_day(["SKU0001"])
    api.shop.refresh()
    api.answer("SKU0001", lambda forecast: forecast["model_used"] != first)
    models.rollback(api.shop.context(), "SKU0001", None)
    api.answer("SKU0001", lambda forecast: forecast["model_used"] == first)


WRITER = """
import sys
from pricecast_dagster.operations import models
from pricecast_dagster.settings import load_settings
from pricecast_dagster.stages.context import open_context

context = open_context(load_settings(home=sys.argv[1], database_url=sys.argv[2], source=sys.argv[3], optimize="never", jobs=1))
for word in iter(sys.stdin.readline, ""):
    action, sku = word.split()
    models.delete(context, sku, "by another process") if action == "delete" else models.rollback(context, sku, None)
    print("done", flush=True)
"""


def test_whatever_another_process_commits_is_answered_once_it_is_known(api: Api) -> None:
    """Asked before, so that each answer is in memory. When it is known: see `Api.answer`."""
    settings = api.shop.settings
    api.shop.append_day(["SKU0001", "SKU0002"])
    api.shop.refresh()
    arguments = [settings.home, settings.database_url, settings.source]
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for action, sku in (("rollback", "SKU0001"), ("delete", "SKU0002"), ("rollback", "SKU0001"), ("delete", "SKU0001")):
            before = [api.client.get(f"/ml/predict/{sku}") for _ in range(2)][-1]
            used = before.json()["model_used"]
            writer.stdin.write(f"{action} {sku}\n")
            writer.stdin.flush()
            assert writer.stdout.readline() == "done\n"
            after = api.answer(sku, lambda forecast, used=used: forecast["model_used"] != used)
            assert after.headers["etag"] != before.headers["etag"]
            assert after.json() == api.client.post("/ml/predict", json={"skus": [sku]}).json()["forecasts"][0]
        writer.stdin.close()


def test_a_forecast_that_is_computed_follows_every_change_too(api: Api) -> None:
    before = [api.client.get("/ml/predict/SKU0001", params={"days_ahead": 40}) for _ in range(2)]
    assert before[0].content == before[1].content
    api.shop.append_day(["SKU0001"], price=99.0)
    api.shop.refresh(stages=frozenset({"raw_history"}))
    stale = api.answer("SKU0001", lambda forecast: forecast["stale"] is True, days_ahead=40)
    assert stale.json()["origin"] == "2026-05-31"
    api.shop.refresh()
    api.answer("SKU0001", lambda forecast: forecast["stale"] is False, days_ahead=40)


def test_answers_in_memory_are_bounded_by_their_bytes(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pricecast_dagster.api.predictions.BYTES_IN_MEMORY", 4000)
    predictions = Predictions(api.services)

    async def ask() -> list[int]:
        sizes = []
        for sku in ("SKU0001", "SKU0002", YOUNG, "SKU0001"):
            for days in (3, 14):
                answer = await predictions.answer(sku, days)
                assert json.loads(answer.body)["sku"] == sku
                sizes.append(len(predictions._kept))
        return sizes

    sizes = asyncio.run(ask())
    assert 1 < max(sizes) < 6
    assert predictions._bytes == sum(len(kept.answer.body) + 600 for kept in predictions._kept.values()) <= 4000


def test_many_products_come_in_one_call_in_the_order_asked_for(api: Api) -> None:
    skus = [YOUNG, "nobody", "SKU0001", YOUNG]
    found = api.client.post("/ml/predict", json={"skus": skus, "days_ahead": 5}).json()
    assert [one["sku"] for one in found["forecasts"]] == [YOUNG, "SKU0001"]
    assert found["count"] == 2
    assert [(one["sku"], one["status"]) for one in found["failed"]] == [("nobody", 404)]
    assert found["forecasts"][1] == api.client.get("/ml/predict/SKU0001", params={"days_ahead": 5}).json()


def test_calls_at_the_same_time_get_their_own_answers(api: Api) -> None:
    skus = ["SKU0001", "SKU0002", YOUNG, "nobody"] * 10
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda sku: api.client.get(f"/ml/predict/{sku}"), skus))
    for sku, answer in zip(skus, answers, strict=True):
        assert answer.status_code == (404 if sku == "nobody" else 200)
        assert sku == "nobody" or answer.json()["sku"] == sku


def test_the_history_is_the_recorded_days(api: Api) -> None:
    found = api.client.get("/ml/history/SKU0001", params={"days": 3}).json()
    rows = api.shop.rows[api.shop.rows["sku"] == "SKU0001"].tail(3)
    assert [day["price"] for day in found["days"]] == pytest.approx(rows["price"].tolist())
    assert [day["quantity"] for day in found["days"]] == rows["quantity"].tolist()
    assert (found["count"], found["currency"]) == (3, "BRL")
    assert api.client.get("/ml/history/nobody").status_code == 404


def test_what_moved_a_forecast_adds_up_to_it(api: Api) -> None:
    stored = api.client.get("/ml/predict/SKU0002").json()
    found = api.client.get("/ml/explain/SKU0002").json()
    assert found["model_used"] == stored["model_used"]
    for day, price in zip(found["days"], stored["prices"], strict=True):
        assert day["price"] == pytest.approx(price)
        assert day["base"] + day["others"] + sum(one["effect"] for one in day["influences"]) == pytest.approx(price)
        assert day["last_price"] + day["settling"] + sum(one["effect"] for one in day["members"]) == pytest.approx(price)
        assert 0 < sum(one["weight"] for one in day["members"]) <= 1 + 1e-9
        effects = [abs(one["effect"]) for one in day["influences"]]
        assert effects == sorted(effects, reverse=True)
    assert api.client.get(f"/ml/explain/{YOUNG}").status_code == 404
