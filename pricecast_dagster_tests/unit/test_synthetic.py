"""The synthetic retailer looks like a real one, and comes back from its files as it was made."""

from datetime import date
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from pricecast_dagster.forecasting.calendar import brazilian_commemorative_dates
from pricecast_dagster.schemas import DATE, HISTORY_COLUMNS, PRICE, PRODUCT_COLUMNS, QUANTITY, SKU
from pricecast_dagster.sources.catalogue import make_products
from pricecast_dagster.sources.synthetic import Retailer, make_retailer, write_retailer
from pricecast_dagster_tests.sources import read

LAST_DAY = date(2026, 5, 31)
DAYS = 730
FIRST_DAY = np.datetime64(LAST_DAY) - (DAYS - 1)
SEEDS = (42, 7)


@cache
def retailer(seed: int) -> Retailer:
    return make_retailer(DAYS, 200, seed, LAST_DAY)


def prices_of(seed: int) -> NDArray[np.float64]:
    """(200, 730)"""
    return retailer(seed).prices[PRICE].to_numpy().reshape(200, DAYS)


def sales_of(seed: int) -> NDArray[np.float64]:
    """(200, 730)"""
    return retailer(seed).sales[QUANTITY].to_numpy(dtype=float).reshape(200, DAYS)


def levels(row: NDArray[np.float64]) -> NDArray[np.float64]:
    """The prices a product had, one after the other, each once as long as it lasted."""
    return row[np.concatenate([[True], row[1:] != row[:-1]])]


def test_two_hundred_products_and_a_year_are_73_000_prices_and_73_000_sales():
    made = make_retailer(days=365, products=200, seed=42, last_day=LAST_DAY)
    assert (len(made.products), len(made.prices), len(made.sales)) == (200, 73_000, 73_000)
    assert made.prices[DATE].iloc[[0, -1]].dt.date.tolist() == [date(2025, 6, 1), LAST_DAY]
    assert tuple(made.products.columns) == PRODUCT_COLUMNS
    assert made.prices.duplicated([SKU, DATE]).sum() == made.sales.duplicated([SKU, DATE]).sum() == 0
    assert (made.prices[PRICE] > 0).all()
    assert (made.sales[QUANTITY] >= 0).all()


def test_the_same_seed_gives_the_same_retailer_and_another_seed_another():
    one, again, other = (make_retailer(60, 10, seed, LAST_DAY) for seed in (1, 1, 2))
    assert one.prices.equals(again.prices)
    assert one.sales.equals(again.sales)
    assert not one.prices.equals(other.prices)


def test_the_next_day_of_the_same_retailer_leaves_the_days_before_as_they_were():
    before = make_retailer(100, 10, 3, LAST_DAY)
    after = make_retailer(101, 10, 3, date(2026, 6, 1))
    for old, new in ((before.prices, after.prices), (before.sales, after.sales)):
        assert new[new[DATE] <= str(LAST_DAY)].reset_index(drop=True).equals(old)


@pytest.mark.parametrize("seed", SEEDS)
def test_prices_are_sticky(seed):
    changed = prices_of(seed)[:, 1:] != prices_of(seed)[:, :-1]
    assert 0.045 < changed.mean() < 0.075
    by_product = changed.mean(axis=1)
    assert 0.05 < (by_product == 0).mean() < 0.2
    assert by_product.max() < 0.5
    assert np.quantile(by_product, 0.9) > 3 * np.median(by_product)


@pytest.mark.parametrize("seed", SEEDS)
def test_promotions_return_to_exactly_the_regular_price(seed):
    returns = np.concatenate([levels(row)[2:] == levels(row)[:-2] for row in prices_of(seed)])
    assert 0.33 < returns.mean() < 0.5


@pytest.mark.parametrize("seed", SEEDS)
def test_changes_are_as_large_as_on_real_shelves_and_fall_on_the_days_of_real_shops(seed):
    rows = prices_of(seed)
    sizes = np.concatenate([np.diff(levels(row)) / levels(row)[:-1] for row in rows])
    low, high = np.quantile(sizes, [0.05, 0.95])
    assert -0.4 < low < -0.15
    assert 0.2 < high < 0.6
    assert 0.4 < (sizes < 0).mean() < 0.6
    weekday = (FIRST_DAY.astype(np.int64) + 3 + np.arange(1, DAYS)) % 7
    by_weekday = np.bincount(weekday, weights=(rows[:, 1:] != rows[:, :-1]).sum(axis=0)) / np.bincount(weekday)
    assert by_weekday[[0, 1, 4, 5]].min() > by_weekday[[2, 3, 6]].max()


@pytest.mark.parametrize("seed", SEEDS)
def test_prices_end_as_prices_do(seed):
    cents = np.round(prices_of(seed) * 100).astype(int) % 100
    assert np.isin(cents, [90, 98, 99]).mean() > 0.7
    assert (cents == 98).mean() > (cents == 99).mean() > 0.05


@pytest.mark.parametrize("seed", SEEDS)
def test_every_product_sells_less_when_it_is_dearer(seed):
    """Elasticity by product, on logarithms and with season and week taken out, where the price moved enough to tell."""
    prices, sales = np.log(prices_of(seed)), np.log(sales_of(seed) + 0.5)
    day = np.arange(DAYS)
    weekdays = (day[:, None] % 7 == np.arange(7)).astype(float)
    year = 2 * np.pi * day / 365.25
    told = 0
    for price, sold in zip(prices, sales, strict=True):
        if (np.diff(price) != 0).sum() < 15:
            continue
        told += 1
        columns = np.column_stack([price - price.mean(), day / 365.25, np.cos(year), np.sin(year), weekdays])
        elasticity = np.linalg.lstsq(columns, sold, rcond=None)[0][0]
        assert -5.5 < elasticity < -0.3
    assert told > 100


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    "name", ["black_friday", "christmas", "mothers_day", "fathers_day", "childrens_day", "valentines_day", "easter"]
)
def test_sales_peak_on_commemorative_dates(seed, name):
    total = sales_of(seed).sum(axis=0)
    for year in (2024, 2025):
        position = int((np.datetime64(brazilian_commemorative_dates(year)[name]) - FIRST_DAY).astype(int))
        if position < 14:
            continue
        assert total[position] > 1.25 * total[[position - 14, position + 14]].mean()


@pytest.mark.parametrize("seed", SEEDS)
def test_black_friday_is_a_day_of_promotions(seed):
    position = int((np.datetime64("2025-11-28") - FIRST_DAY).astype(int))
    prices = prices_of(seed)
    assert (prices[:, position] < prices[:, position - 21]).sum() > 1.5 * (prices[:, position] > prices[:, position - 21]).sum()


@pytest.mark.parametrize("seed", SEEDS)
def test_weeks_and_years_have_seasons(seed):
    sales = sales_of(seed)
    week = np.array([sales[:, day::7].mean() for day in range(7)])
    assert week.max() > 1.3 * week.min()
    months = sales[:, :720].reshape(200, 24, 30).mean(axis=2)
    first, second = months[:, :12], months[:, 12:]
    alike = [np.corrcoef(one, other)[0, 1] for one, other in zip(first, second, strict=True)]
    assert np.median(alike) > 0.2


def test_names_are_never_twice_and_more_products_begin_the_same():
    many = make_products(5000)
    assert many["name"].is_unique
    assert many[SKU].is_unique
    assert make_products(10).equals(many.head(10))


def test_no_price_of_it_is_absurd_and_every_line_is_taken(tmp_path):
    made = make_retailer(120, 30, 5, LAST_DAY)
    write_retailer(made, tmp_path)
    data = read(tmp_path)
    assert data.counts == {"lines": 30 + 2 * 3600, "taken": 30 + 2 * 3600}
    assert data.products.equals(made.products)
    expected = made.prices.assign(quantity=made.sales[QUANTITY].astype(float))[list(HISTORY_COLUMNS)]
    assert data.history.equals(expected)


def test_writing_replaces_whole_files_and_leaves_nothing_beside_them(tmp_path):
    folder = tmp_path / "new" / "shop"
    for seed in (1, 2):
        write_retailer(make_retailer(3, 2, seed, LAST_DAY), folder)
    assert sorted(path.name for path in folder.iterdir()) == ["prices.csv", "products.csv", "sales.csv"]
    assert len(read(folder).history) == 6


@pytest.mark.parametrize(("days", "products", "seed"), [(0, 1, 1), (1, 0, 1), (1, 1, -1)])
def test_a_retailer_of_nothing_is_refused(days, products, seed):
    with pytest.raises(ValueError, match="begin at 1"):
        make_retailer(days, products, seed, LAST_DAY)


def test_a_single_day_is_a_history():
    assert len(make_retailer(1, 1, 0, LAST_DAY).prices) == 1
