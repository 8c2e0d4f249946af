"""Signals: what the rules of the policy are fed with, of many SKUs at once.

Belongs here: from histories and served forecasts to one number a SKU and rule, and what it rests on. Not here: the tests behind
them (`served`, `shift`, `noise`, `drift`), the rules (`policy`), reading (`operations.monitoring`).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from pricecast_dagster.forecasting import drift, noise, served, shift
from pricecast_dagster.forecasting.calendar import HolidayCalendar
from pricecast_dagster.forecasting.features import feature_cube
from pricecast_dagster.forecasting.panel import Panel
from pricecast_dagster.schemas import CALENDAR_FEATURES, FEATURE_COLUMNS, PRICE

Values = NDArray[np.float64]

RECENT_DAYS: Final = 28
PAST_DAYS: Final = 365
JUDGED_DAYS: Final = 14
"""Under so many days with a price that were forecast, accuracy in service is not judged."""

MONITORED: Final = (PRICE, *FEATURE_COLUMNS[len(CALENDAR_FEATURES) :])
"""The target and every feature but those of the calendar, which differ between any month and the year before it."""


def drifted(panel: Panel, calendar: HolidayCalendar, studied: NDArray[np.intp]) -> drift.Drift:
    """Compare the last four weeks of price and features with the days a recipe was found on.

    Args:
        panel: histories; its last column is the present.
        calendar: of the features.
        studied: (n,) the last column that the recipe of each SKU was found on.

    Returns:
        The comparison of n * len(MONITORED) series, those of a SKU beside each other.
    """
    start = max(panel.n_days - RECENT_DAYS - PAST_DAYS, 0)
    cube = feature_cube(panel, calendar)[:, start:, len(CALENDAR_FEATURES) :]
    values = np.concatenate([panel.price[:, start:, None], cube], axis=2).transpose(0, 2, 1)
    values = np.where(panel.observed[:, None, start:], values, np.nan)
    cut = max(values.shape[2] - RECENT_DAYS, 0)
    learnt = start + np.arange(cut) <= studied[:, None, None]
    past = np.where(learnt, values[:, :, :cut], np.nan)
    series = panel.n_skus * len(MONITORED)
    return drift.compare(past.reshape(series, cut), values[:, :, cut:].reshape(series, values.shape[2] - cut))


def shifted(panel: Panel, recent: served.Served, last_day: int, studied: NDArray[np.intp]) -> shift.Shifts:
    """Look for prices that have left their forecasts for good, in the four weeks up to the present.

    Args:
        panel: histories; its last column is the present.
        recent: served forecasts, with `day` counted as the panel's columns plus any constant.
        last_day: that day count of the panel's last column.
        studied: (n,) forecasts from before this column are settled: the recipe was looked for again on what came of them.
            Without that every shift was found twice, the second time on the day the pause was over.
    """
    origin = recent.day - recent.horizon - (last_day - panel.n_days + 1)
    since = origin >= studied[recent.sku]
    kept = served.Served(*(getattr(recent, name)[since] for name in served.Served.__slots__))
    errors = served.daily_errors(kept, panel.n_skus, last_day, RECENT_DAYS)
    past = _past(panel)
    return shift.find_shifts(errors, panel.price[:, past], panel.observed[:, past])


def noisy(panel: Panel, recent: served.Served, last_day: int) -> noise.Noise:
    """Look for prices that jump about their forecasts more than they used to, in the four weeks up to the present.

    Args:
        panel, recent, last_day: as of `shifted`. All forecasts count: noise is no error of a recipe, so that no look for another
            one settles it; it is over when four weeks of it have become the usual.
    """
    errors = served.daily_errors(recent, panel.n_skus, last_day, RECENT_DAYS)
    past = _past(panel)
    return noise.find_noise(errors, panel.price[:, past], panel.observed[:, past])


def _past(panel: Panel) -> slice:
    """The columns that tell what is usual: a year before the last four weeks."""
    return slice(max(panel.n_days - RECENT_DAYS - PAST_DAYS, 0), max(panel.n_days - RECENT_DAYS, 0))


def in_service(scores: served.ServedScores, window: int, held_out_mae: Values) -> tuple[Values, Values]:
    """Error in service over the held-out error, and over that of the last price; (n,) each, NaN where too few days are known.

    Days that the window lacks count as days on which a forecast was as good as was promised. After a fortnight of service one
    promotion decides: on the first two days that were judged, 6 of 60 quiet shelf prices had three times the promised error, and
    on none of the 45 days after that a single one.

    Args:
        scores: of n SKUs.
        window: position of the window that is judged, of RECENT_DAYS.
        held_out_mae: (n,) of each SKU's champion, price units; NaN where there is none.
    """
    enough = scores.days[:, window, served.ALL_HORIZONS] >= JUDGED_DAYS
    own = scores.measures["mae"][:, window, served.ALL_HORIZONS]
    usable = enough & (held_out_mae > 0)
    known = np.minimum(scores.days[:, window, served.ALL_HORIZONS] / RECENT_DAYS, 1.0)
    lost = np.where(usable, 1.0 + known * (own / np.where(usable, held_out_mae, 1.0) - 1.0), np.nan)
    return lost, np.where(enough, scores.measures["scaled"][:, window, served.ALL_HORIZONS], np.nan)
