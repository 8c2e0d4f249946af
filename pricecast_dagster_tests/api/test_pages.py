"""The web page as a reader without scripts gets it; a browser's way through it is in `e2e`."""

import json
import re
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

from pricecast_dagster.api.pages.formats import format_for
from pricecast_dagster.api.services import serving
from pricecast_dagster.api.tokens import load_tokens
from pricecast_dagster.forecasting.settling import STICKY_CAUTIONS
from pricecast_dagster.schemas import PRICE, SKU
from pricecast_dagster.settings import load_settings
from pricecast_dagster.storage import products, registry
from pricecast_dagster_tests.api.conftest import YOUNG, Api, client_of
from pricecast_dagster_tests.shop import N_DAYS

TOKEN = "a-token-of-more-than-sixteen"


def data_of(page: str) -> dict[str, object]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.DOTALL)
    assert found
    data: dict[str, object] = json.loads(found[1])
    return data


def test_the_front_page_counts_the_portfolio_and_names_what_needs_attention(api: Api) -> None:
    page = api.client.get("/")
    assert page.status_code == 200
    assert "4 products, forecast from 30 May 2026" in " ".join(page.text.split())
    assert re.search(r"<dt>On fallback</dt><dd><b>1</b>", page.text)
    assert re.search(rf'href="/products/{YOUNG}"', page.text)


@pytest.mark.parametrize("sku", ["SKU0001", "açúcar 1/2 kg", YOUNG])
def test_a_product_page_shows_the_numbers_that_the_api_tells(api: Api, sku: str) -> None:
    page = api.client.get(f"/products/{quote(sku, safe='')}", headers={"Accept-Language": "en"})
    assert page.status_code == 200, page.text
    told = api.client.post("/ml/predict", json={"skus": [sku]}).json()["forecasts"][0]
    data = data_of(page.text)
    forecast = data["forecast"]
    assert isinstance(forecast, dict)
    assert forecast["price"] == told["prices"]
    assert forecast["date"] == told["dates"]
    assert f"{told['prices'][0]:,.2f}" in page.text
    assert told["model_used"] in page.text


def test_numbers_and_days_are_written_the_readers_way(api: Api) -> None:
    price = f"{api.client.get('/ml/predict/SKU0001').json()['prices'][0]:.2f}"
    english = api.client.get("/products/SKU0001", headers={"Accept-Language": "en-GB,en;q=0.9"}).text
    brazilian = api.client.get("/products/SKU0001", headers={"Accept-Language": "pt-BR,pt;q=0.9,en;q=0.8"}).text
    assert f"BRL {price}" in english
    assert "30 May 2026" in english
    assert f"BRL {price.replace('.', ',')}" in brazilian
    assert "30/05/2026" in brazilian
    assert format_for("pt-BR", "BRL").number(1234567.891, 2) == "1.234.567,89"
    assert format_for("de, en", "BRL").number(1234567.891, 2) == "1,234,567.89"


def test_earlier_forecasts_are_held_against_what_happened(api: Api) -> None:
    before = api.client.get("/ml/predict/SKU0001").json()
    api.shop.append_day(["SKU0001"], price=50.0)
    api.shop.refresh()
    page = api.client.get("/products/SKU0001").text
    assert f"{abs(before['prices'][0] - 50.0):,.2f}" in page
    assert len(data_of(page)["earlier"]) == 1  # type: ignore[arg-type]


def test_a_page_says_what_moved_the_forecast_or_why_it_cannot(api: Api) -> None:
    noise = np.random.default_rng(3).normal(20, 2, N_DAYS).round(2)
    api.shop.rows.loc[api.shop.rows[SKU] == "SKU0001", PRICE] = noise  # a till's average, which learners have a part in
    api.shop.save()
    api.shop.refresh()
    api.shop.refresh(skus=("SKU0001",), only_stale=False)  # weighed anew: a corrected past alone is no reason to
    explained = api.client.get("/ml/explain/SKU0001").json()
    influences = [one for day in explained["days"] for one in day["influences"]]
    strongest = max(influences, key=lambda one: abs(one["effect"]))["feature"]
    moved = api.client.get("/products/SKU0001").text.partition("What moved the forecast")[2]
    assert re.search(r"<tbody><tr><th scope=\"row\"><code>(\w+)</code>", moved)[1] == strongest  # type: ignore[index]
    assert "A simple method answers" in api.client.get(f"/products/{YOUNG}").text


def test_a_page_shows_each_member_with_its_weight_and_its_error_as_they_are_stored(api: Api) -> None:
    context = api.shop.context()
    with context.database.read() as connection:
        champion = registry.champions(connection, ["SKU0001"])["SKU0001"]
    weights, errors = champion.facts["blend"]["weights"], champion.facts["member_errors"]
    page = api.client.get("/products/SKU0001", headers={"Accept-Language": "en"}).text
    shown = page.partition("Members of its model")[2].partition("</table>")[0]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th><td>(.*?)</td><td>(.*?)</td></tr>', shown)
    told = {name.replace(" ", "_"): (weight, error) for name, weight, error in rows}
    assert set(told) == {*weights, "last_value"} and len(rows) == len(told)
    for name, (weight, error) in told.items():
        share = weights[name] if name in weights else 1 - sum(weights.values())
        assert weight == f"{100 * share:,.0f} %"
        assert error == ("–" if errors.get(name) is None else f"{errors[name]:,.3f}")
    heaviest = max(weights, key=lambda name: weights[name])
    assert rows[0][0] == heaviest.replace("_", " ") and rows[-1][0] == "last value"
    assert f"{champion.metrics['rmse_multi']:,.3f}" in shown
    assert champion.facts["blend"]["caution"] in STICKY_CAUTIONS
    assert "the last price" in shown.partition("<table")[0]
    young = api.client.get(f"/products/{YOUNG}").text.partition("Members of its model")[2]
    assert "No model; a simple method answers." in young.partition("</section>")[0]


def test_a_product_whose_model_is_damaged_is_shown_all_the_same(api: Api) -> None:
    (folder,) = Path(api.shop.settings.home).rglob(api.client.get("/ml/models/SKU0001").json()["version"])
    for file in folder.iterdir():
        file.write_bytes(b"damaged")
    page = client_of(serving(api.shop.context())).get("/products/SKU0001")
    assert page.status_code == 200
    assert "It cannot be told" in page.text
    assert data_of(page.text)["forecast"]


def test_search_finds_parts_of_names(api: Api) -> None:
    assert "SKU0002" in api.client.get("/products", params={"q": "u0002"}).text
    assert "SKU0002" not in api.client.get("/products", params={"q": "SKU0001"}).text
    assert "0 found" in api.client.get("/products", params={"q": "nothing like it"}).text


def test_a_name_that_wants_to_be_a_script_is_only_text(api: Api) -> None:
    name = "</script><script>alert(1)</script>"
    context = api.services.context
    with context.database.write() as connection:
        products.upsert(connection, [(name, name, name)], context.clock())
    for path in ("/", "/products", f"/products/{quote(name, safe='')}", f"/products?q={quote(name)}"):
        page = api.client.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
    assert data_of(api.client.get(f"/products/{quote(name, safe='')}").text)["sku"] == name


def test_nothing_on_any_page_comes_from_outside(api: Api) -> None:
    for path in ("/", "/products", "/products/SKU0001", "/docs", "/login"):
        page = api.client.get(path).text
        for address in re.findall(r'(?:src|href|action)="([^"]*)"', page):
            assert address.startswith(("/", "#")) or address == api.shop.settings.dagster_url, address
        for address in re.findall(r'(?:src|href)="(/static/[^"]*)"', page):
            assert api.client.get(address).status_code == 200


def test_static_files_are_packed_and_kept_for_good(api: Api) -> None:
    answer = api.client.get("/static/plotly.min.js", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert "immutable" in answer.headers["cache-control"]
    assert int(answer.headers["content-length"]) < 1_600_000
    for name in ("../application.py", "..%2fapplication.py", "none"):
        assert api.client.get(f"/static/{name}").status_code == 404


def test_a_reader_logs_in_with_a_token_and_stays_in(api: Api) -> None:
    client = client_of(api.services, load_tokens(load_settings(api_tokens=[TOKEN])))
    turned_away = client.get("/", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (turned_away.status_code, turned_away.headers["location"]) == (303, "/login")
    assert client.post("/login", data={"token": "wrong"}).status_code == 401
    entered = client.post("/login", data={"token": TOKEN}, follow_redirects=False)
    assert entered.status_code == 303
    cookie = entered.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    assert client.get("/").status_code == 200
    assert client.get("/ml/models").status_code == 200
    assert client.delete("/ml/models/SKU0001", headers={"Sec-Fetch-Site": "same-site"}).status_code == 403


def test_the_list_of_calls_has_all_of_them(api: Api) -> None:
    page = api.client.get("/docs").text
    for path in api.client.get("/openapi.json").json()["paths"]:
        assert f"<code>{path}</code>" in page
