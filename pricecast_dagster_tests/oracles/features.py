"""The 45 features of one day from dictionaries of date -> value, written from the specification in plain Python."""

from collections.abc import Mapping
from datetime import date, timedelta
from statistics import fmean, stdev


def features_of_day(
    day: date, prices: Mapping[date, float], quantities: Mapping[date, float], holidays: set[date]
) -> dict[str, float | None]:
    """Name -> value, None where the history does not reach back far enough.

    Args:
        prices: the records; a day without one has the last known price.
        quantities: the records; a day without one has 0.
    """
    row: dict[str, float | None] = dict(calendar_of_day(day, holidays))
    price = {ago: _price(day - timedelta(days=ago), prices) for ago in range(1, 31)}
    quantity = {ago: _quantity(day - timedelta(days=ago), prices, quantities) for ago in range(1, 31)}
    for lag in (1, 2, 7, 14, 30):
        row[f"price_lag_{lag}"] = price[lag]
        row[f"quantity_lag_{lag}"] = quantity[lag]
    for window in (7, 14, 30):
        recent_prices = _all_or_none([price[ago] for ago in range(1, window + 1)])
        recent_quantities = _all_or_none([quantity[ago] for ago in range(1, window + 1)])
        row[f"price_rolling_mean_{window}"] = fmean(recent_prices) if recent_prices else None
        row[f"price_rolling_std_{window}"] = stdev(recent_prices) if recent_prices else None
        row[f"price_rolling_min_{window}"] = min(recent_prices) if recent_prices else None
        row[f"price_rolling_max_{window}"] = max(recent_prices) if recent_prices else None
        row[f"quantity_rolling_mean_{window}"] = fmean(recent_quantities) if recent_quantities else None
        row[f"quantity_rolling_std_{window}"] = stdev(recent_quantities) if recent_quantities else None
        row[f"quantity_rolling_sum_{window}"] = sum(recent_quantities) if recent_quantities else None
    row["price_vs_ma7"] = _ratio(price[1], row["price_rolling_mean_7"])
    row["price_vs_ma30"] = _ratio(price[1], row["price_rolling_mean_30"])
    row["price_volatility_7"] = _ratio(row["price_rolling_std_7"], row["price_rolling_mean_7"])
    return row


def calendar_of_day(day: date, holidays: set[date]) -> dict[str, float]:
    """The calendar features of a day; distances to holidays end at 366."""
    ahead = next((away for away in range(366) if day + timedelta(days=away) in holidays), 366)
    ago = next((away for away in range(366) if day - timedelta(days=away) in holidays), 366)
    return {
        "day_of_week": day.weekday(),
        "day_of_month": day.day,
        "week_of_year": day.isocalendar().week,
        "month": day.month,
        "quarter": {1: 1, 2: 1, 3: 1, 4: 2, 5: 2, 6: 2, 7: 3, 8: 3, 9: 3, 10: 4, 11: 4, 12: 4}[day.month],
        "is_weekend": float(day.strftime("%a") in ("Sat", "Sun")),
        "is_month_start": float(day.day == 1),
        "is_month_end": float((day + timedelta(days=1)).month != day.month),
        "is_holiday": float(day in holidays),
        "days_to_holiday": ahead,
        "days_from_holiday": ago,
    }


def _price(day: date, prices: Mapping[date, float]) -> float | None:
    while day >= min(prices):
        if day in prices:
            return prices[day]
        day -= timedelta(days=1)
    return None


def _quantity(day: date, prices: Mapping[date, float], quantities: Mapping[date, float]) -> float | None:
    return quantities.get(day, 0.0) if day >= min(prices) else None


def _all_or_none(values: list[float | None]) -> list[float]:
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) else []


def _ratio(numerator: float | None, denominator: float | None) -> float | None:
    return None if numerator is None or denominator is None else numerator / denominator
