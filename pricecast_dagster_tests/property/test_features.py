"""The 45 features on any history: against the oracle, without look-ahead, independent of the batch."""

from datetime import date, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pricecast_dagster.forecasting.calendar import HolidayCalendar, calendar_features
from pricecast_dagster.forecasting.features import HISTORY_DAYS, feature_cube, feature_rows
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.schemas import CALENDAR_FEATURES, FEATURE_COLUMNS
from pricecast_dagster.testing import tiny_panel
from pricecast_dagster_tests.oracles.features import calendar_of_day, features_of_day

BRAZIL = HolidayCalendar("BR")
FIRST_DAY = date(2025, 11, 1)

cents = st.integers(1, 10**8).map(lambda amount: amount / 100)
amounts = st.integers(0, 10_000).map(float)


@st.composite
def histories(draw, max_skus: int = 3, min_days: int = 1, max_days: int = 50):
    """SKU -> prices and SKU -> quantities, a day a place, None where there is no record."""
    n_days = draw(st.integers(min_days, max_days))
    prices, quantities = {}, {}
    for sku in "ABC"[: draw(st.integers(1, max_skus))]:
        pool = st.sampled_from(draw(st.lists(cents, min_size=1, max_size=6)))
        days = draw(st.lists(st.none() | pool, min_size=n_days, max_size=n_days))
        days[draw(st.integers(0, n_days - 1))] = draw(pool)
        prices[sku] = days
        quantities[sku] = draw(st.lists(st.none() | amounts, min_size=n_days, max_size=n_days))
    return prices, quantities


def panel_of(history) -> Panel:
    prices, quantities = history
    return tiny_panel(prices, quantities=quantities, first_day=FIRST_DAY.isoformat())


def day_at(panel: Panel, column: int) -> date:
    return panel.days[column].item()


@given(histories())
def test_every_feature_is_what_the_specification_says(history):
    prices, quantities = history
    panel = panel_of(history)
    cube = feature_cube(panel, BRAZIL)
    holidays = set(BRAZIL.holidays(2023, 2028).tolist())
    for sku, rows in zip(panel.skus, cube, strict=True):
        records = {FIRST_DAY + timedelta(days=i): price for i, price in enumerate(prices[sku]) if price is not None}
        sold = {FIRST_DAY + timedelta(days=i): amount or 0.0 for i, amount in enumerate(quantities[sku])}
        sold = {day: amount for day, amount in sold.items() if day in records}
        for column, row in enumerate(rows):
            expected = features_of_day(day_at(panel, column), records, sold, holidays)
            wanted = [np.nan if expected[name] is None else expected[name] for name in FEATURE_COLUMNS]
            np.testing.assert_allclose(row, wanted, rtol=1e-9, atol=1e-9, err_msg=f"{sku} {column}")


@given(histories(min_days=2), st.data())
def test_nothing_that_happens_on_a_day_or_later_changes_its_features(history, data):
    panel = panel_of(history)
    day = data.draw(st.integers(0, panel.n_days - 1))
    later = np.arange(panel.n_days) >= day
    changed = Panel(
        panel.skus,
        panel.first_day,
        np.where(later, data.draw(cents), panel.price),
        np.where(later, data.draw(amounts), panel.quantity),
        panel.observed,
    )
    before, after = feature_cube(panel, BRAZIL), feature_cube(changed, BRAZIL)
    assert before[:, : day + 1].tobytes() == after[:, : day + 1].tobytes()


@given(histories(min_days=2), st.data())
def test_features_up_to_a_day_need_only_what_was_known_then(history, data):
    panel = panel_of(history)
    day = data.draw(st.integers(0, panel.n_days - 1))
    known = feature_cube(panel.until(panel.days[day]), BRAZIL)
    assert known.tobytes() == feature_cube(panel, BRAZIL)[:, : day + 1].tobytes()


@given(histories(), st.permutations(range(3)))
def test_a_skus_features_are_the_same_bytes_alone_and_in_any_batch_and_order(history, order):
    panel = panel_of(history)
    cube = feature_cube(panel, BRAZIL)
    chosen = [position for position in order if position < panel.n_skus]
    shuffled = feature_cube(panel.select(chosen), BRAZIL)
    for place, position in enumerate(chosen):
        alone = feature_cube(panel.select([position]), BRAZIL)
        assert alone[0].tobytes() == cube[position].tobytes() == shuffled[place].tobytes()


@given(histories(max_skus=2), st.data())
def test_a_step_of_a_recursive_forecast_computes_what_training_computed(history, data):
    panel = panel_of(history)
    column = data.draw(st.integers(0, panel.n_days - 1))
    padding = np.full((panel.n_skus, HISTORY_DAYS), np.nan)
    windows = [np.concatenate([padding, values], axis=1) for values in (panel.price, panel.quantity)]
    lags = [[values[:, HISTORY_DAYS + column - lag] for lag in range(1, HISTORY_DAYS + 1)] for values in windows]
    calendar_rows = np.repeat(calendar_features(panel.days[[column]], BRAZIL), panel.n_skus, axis=0)
    rows = feature_rows(*lags, calendar_rows)
    assert rows.tobytes() == feature_cube(panel, BRAZIL)[:, column].tobytes()
    assert feature_rows(*map(np.array, lags), calendar_rows).tobytes() == rows.tobytes()


@given(st.lists(st.dates(date(1950, 1, 1), date(2099, 12, 31)), min_size=1, max_size=8))
def test_a_days_calendar_is_right_and_does_not_depend_on_the_other_days_asked_for(days):
    rows = calendar_features(np.array(days, dtype="datetime64[D]"), BRAZIL)
    holidays = {day for given_day in days for day in BRAZIL.holidays(given_day.year - 2, given_day.year + 2).tolist()}
    for day, row in zip(days, rows, strict=True):
        alone = calendar_features(np.array([day], dtype="datetime64[D]"), BRAZIL)
        assert row.tobytes() == alone[0].tobytes()
        expected = calendar_of_day(day, holidays)
        assert row.tolist() == [expected[name] for name in CALENDAR_FEATURES]
