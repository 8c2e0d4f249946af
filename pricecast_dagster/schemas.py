"""Every column name, the stages, and the Pandera schema of each frame; written once, here.

Belongs here: names, types and what must hold of a single frame. Not here: reading or writing frames (storage.frames), and
checks that need more than one frame (stages).

Pandera takes about three seconds to import, so the schemas are built when first asked for.
"""

from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pandera.pandas import Check, DataFrameSchema

SKU: Final = "sku"
NAME: Final = "name"
CATEGORY: Final = "category"
DATE: Final = "date"
PRICE: Final = "price"
QUANTITY: Final = "quantity"
MODIFIED_AT: Final = "modified_at"
"""When the source last touched a row; optional, decides between conflicting duplicates."""

OBSERVED: Final = "observed"
"""Whether the source had a price on that day; elsewhere the last known one is carried forward."""

FILE: Final = "file"
LINE: Final = "line"
ROW: Final = "row"
REASON: Final = "reason"

ORIGIN: Final = "origin"
HORIZON: Final = "horizon"
MODEL_USED: Final = "model_used"
LEVELS: Final = (80, 95)
"""Nominal coverage of the prediction intervals, in percent."""
LOWER_80: Final = "lower_80"
UPPER_80: Final = "upper_80"
LOWER_95: Final = "lower_95"
UPPER_95: Final = "upper_95"

PRODUCT_COLUMNS: Final = (SKU, NAME, CATEGORY)
HISTORY_COLUMNS: Final = (SKU, DATE, PRICE, QUANTITY)
REJECTED_COLUMNS: Final = (FILE, LINE, ROW, SKU, REASON)
FORECAST_COLUMNS: Final = (SKU, DATE, HORIZON, PRICE, LOWER_80, UPPER_80, LOWER_95, UPPER_95)
BACKTEST_COLUMNS: Final = (SKU, ORIGIN, DATE, HORIZON, PRICE, LOWER_80, UPPER_80, LOWER_95, UPPER_95, MODEL_USED)

LARGEST_TRAINABLE: Final = 1e12
"""A price or a day's quantity beyond this is a fault of the source that no feature survives: raw_history keeps it as it came."""

CALENDAR_FEATURES: Final = (
    "day_of_week",
    "day_of_month",
    "week_of_year",
    "month",
    "quarter",
    "is_weekend",
    "is_month_start",
    "is_month_end",
    "is_holiday",
    "days_to_holiday",
    "days_from_holiday",
)
LAGS: Final = (1, 2, 7, 14, 30)
WINDOWS: Final = (7, 14, 30)
LAG_FEATURES: Final = tuple(f"{column}_lag_{lag}" for column in (PRICE, QUANTITY) for lag in LAGS)
ROLLING_FEATURES: Final = tuple(
    f"{column}_rolling_{statistic}_{window}"
    for column, statistics in ((PRICE, ("mean", "std", "min", "max")), (QUANTITY, ("mean", "std", "sum")))
    for statistic in statistics
    for window in WINDOWS
)
DERIVED_FEATURES: Final = ("price_vs_ma7", "price_vs_ma30", "price_volatility_7")
FEATURE_COLUMNS: Final = CALENDAR_FEATURES + LAG_FEATURES + ROLLING_FEATURES + DERIVED_FEATURES
"""The 45 features, in the order of every feature matrix."""
DAYS_NEEDED: Final = {
    name: int(name.removeprefix("price_vs_ma").rpartition("_")[2]) for name in FEATURE_COLUMNS[len(CALENDAR_FEATURES) :]
}
"""How many days before its own a windowed feature needs; with fewer it is missing."""


class Stage(StrEnum):
    """The four stages, in order; the value is the asset key and the name in every report and table."""

    RAW_HISTORY = "raw_history"
    FEATURE_TABLE = "feature_table"
    PRICE_MODEL = "price_model"
    FORECAST = "forecast"

    @property
    def upstream(self) -> "Stage | None":
        """The stage this one reads, None for the first."""
        position = STAGES.index(self)
        return STAGES[position - 1] if position else None


STAGES: Final = tuple(Stage)


def _sorted_days() -> "Check":
    from pandera.pandas import Check

    return Check(
        lambda frame: (frame[SKU] != frame[SKU].shift()) | (frame[DATE] > frame[DATE].shift()),
        error="days not in order, or a day twice",
    )


def _full_window(name: str) -> "Check":
    from pandera.pandas import Check

    days = DAYS_NEEDED[name]
    return Check(
        lambda frame: frame[name].notna() | (frame[SKU] != frame[SKU].shift(days)),
        error=f"{name} missing though {days} days before it are known",
    )


@cache
def history_schema() -> "DataFrameSchema":
    """Rows of raw_history, of one SKU or many: one row a day that has a price, sorted; quantity may be missing."""
    from pandera.pandas import Check, Column, DataFrameSchema

    return DataFrameSchema(
        {
            SKU: Column(str, Check.str_length(min_value=1)),
            DATE: Column("datetime64[s]"),
            PRICE: Column(float, Check.in_range(0, float("inf"), include_min=False, include_max=False)),
            QUANTITY: Column(float, Check.in_range(0, float("inf"), include_max=False), nullable=True),
        },
        strict=True,
        checks=_sorted_days(),
        name=Stage.RAW_HISTORY.value,
    )


@cache
def feature_schema() -> "DataFrameSchema":
    """Rows of feature_table, of one SKU or many: every day from the first to the last, its values, and the 45 features.

    Features are missing only while a window is not yet full, and never infinite.
    """
    import numpy as np
    from pandera.pandas import Check, Column, DataFrameSchema

    finite = Check(lambda column: ~np.isinf(column), error="infinite")
    calendar = {name: Column(float, finite) for name in CALENDAR_FEATURES}
    windowed = {name: Column(float, finite, nullable=True) for name in FEATURE_COLUMNS if name not in CALENDAR_FEATURES}
    return DataFrameSchema(
        {
            SKU: Column(str),
            DATE: Column("datetime64[s]"),
            PRICE: Column(float, Check.in_range(0, LARGEST_TRAINABLE, include_min=False)),
            QUANTITY: Column(float, Check.in_range(0, LARGEST_TRAINABLE)),
            OBSERVED: Column(bool),
            **calendar,
            **windowed,
        },
        strict=True,
        checks=[_sorted_days(), *(_full_window(name) for name in windowed)],
        name=Stage.FEATURE_TABLE.value,
    )


@cache
def forecast_schema() -> "DataFrameSchema":
    """Rows of forecast, of one SKU or many: one row a day ahead, bands ordered around a finite, non-negative price."""
    from pandera.pandas import Check, Column, DataFrameSchema

    amount = Check.in_range(0, float("inf"), include_max=False)
    ordered = Check(
        lambda frame: (
            (frame[LOWER_95] <= frame[LOWER_80])
            & (frame[LOWER_80] <= frame[PRICE])
            & (frame[PRICE] <= frame[UPPER_80])
            & (frame[UPPER_80] <= frame[UPPER_95])
        ),
        error="bands not ordered around the price",
    )
    prices = {name: Column(float, amount) for name in (PRICE, LOWER_80, UPPER_80, LOWER_95, UPPER_95)}
    return DataFrameSchema(
        {SKU: Column(str), DATE: Column("datetime64[s]"), HORIZON: Column(int, Check.in_range(1, 60)), **prices},
        strict=True,
        checks=[_sorted_days(), ordered],
        name=Stage.FORECAST.value,
    )
