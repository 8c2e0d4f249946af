"""The recursion against a loop that builds the panel of every day anew."""

import numpy as np

from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.features import feature_cube
from pricecast_dagster.forecasting.origins import Origins
from pricecast_dagster.forecasting.panel import Panel, build_panel
from pricecast_dagster.forecasting.recursive import forecast_recursively
from pricecast_dagster.schemas import FEATURE_COLUMNS
from pricecast_dagster.testing import random_history, tiny_panel

CALENDAR = HolidayCalendar("BR")
HORIZON_DAYS = 20
WEIGHTS = {"price_lag_1": 0.6, "price_rolling_mean_7": 0.3, "price_lag_14": 0.1, "is_weekend": 0.05, "quantity_lag_7": 0.001}


def next_price(features: np.ndarray) -> np.ndarray:
    """A one-step model with a bit of everything that has to be rebuilt."""
    return sum(weight * features[:, FEATURE_COLUMNS.index(name)] for name, weight in WEIGHTS.items())


def day_by_day(history: Panel) -> list[float]:
    """Append what was forecast as if it had been observed, and build every feature from the start."""
    prices = [float(price) for price in history.price[0]]
    quantities = [float(quantity) for quantity in history.quantity[0]]
    lowest, highest = min(prices[-30:]), max(prices[-30:])
    known = len(prices)
    for _ in range(HORIZON_DAYS):
        day = len(prices)
        same_weekday = [past for past in range(known - 28, known) if (day - past) % 7 == 0]
        quantities.append(sum(quantities[past] for past in same_weekday) / len(same_weekday))
        panel = tiny_panel({"A": [*prices, 1.0]}, quantities={"A": quantities}, first_day=str(history.first_day))
        answer = float(next_price(feature_cube(panel, CALENDAR)[:, -1])[0])
        prices.append(min(max(answer, lowest), highest))
    return prices[known:]


def test_feeding_forecasts_back_is_what_rebuilding_every_feature_gives():
    history = build_panel(random_history(3, 80, seed=4))
    origins = Origins(history, np.arange(3), np.full(3, 79), CALENDAR)
    forecasts = forecast_recursively(next_price, origins, HORIZON_DAYS)
    for position in range(3):
        np.testing.assert_allclose(forecasts[position], day_by_day(history.select([position])), rtol=1e-9)
